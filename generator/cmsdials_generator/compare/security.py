"""Which credentials an operation asks for.

A requirement is a set of credentials, so a smaller one is easier to satisfy. But where a service takes credentials,
one that it takes no longer is lost to those who have it, even if it also answers without any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .change import Change
from .document import Document, mapping, sequence
from .severity import Severity

SECURITY = "security"
_UNDEFINED = "undefined scheme "

Requirement = frozenset[str]


def requirements(document: Document, operation: Mapping[str, Any]) -> list[Requirement]:
    """List the accepted combinations of credentials; the empty one means that none are needed."""
    declared = operation.get("security", document.tree.get("security"))
    schemes = mapping(mapping(document.tree.get("components")).get("securitySchemes"))
    ways = []
    for way in sequence(declared):
        presented: set[str] = set()
        for name, scopes in mapping(way).items():
            scheme = _scheme(name, document.resolve(schemes.get(name)))
            presented |= {scheme, *(f"{scheme} scope {scope}" for scope in sequence(scopes))}
        ways.append(frozenset(presented))
    defined = [way for way in ways if not any(one.startswith(_UNDEFINED) for one in way)]
    return list(dict.fromkeys(defined or ways)) or [frozenset()]


def compare_security(olds: list[Requirement], news: list[Requirement], operation: str) -> Iterator[Change]:
    """List the combinations that are no longer accepted, and the new ones."""

    def change(severity: Severity, what: str) -> Change:
        old, new = (" or ".join(sorted(map(_way, ways))) for ways in (olds, news))
        return Change(severity, SECURITY, what, old, new, (operation,))

    for way in olds:
        if not _is_among(way, news):
            yield change("breaking", f"{_way(way)} no longer enough" if way else "credentials newly required")
    for way in news:
        if not _is_among(way, olds) and not any(one.startswith(_UNDEFINED) for one in way):
            yield change(
                "compatible", f"{_way(way)} newly enough" if way else "credentials no longer required"
            )


def _is_among(way: Requirement, accepted: list[Requirement]) -> bool:
    open_to_all = accepted == [frozenset()]
    return any(other <= way and (other or not way or open_to_all) for other in accepted)


def _scheme(name: str, node: Any) -> str:
    """Describe a security scheme by what it asks for, because its name is only a name."""
    scheme = mapping(node)
    match scheme.get("type"):
        case "apiKey":
            key = str(scheme.get("name"))
            return f"{scheme.get('in')} {key.lower() if scheme.get('in') == 'header' else key}"
        case "http":
            return f"http {str(scheme.get('scheme')).lower()}"
        case "openIdConnect":
            return f"OpenID Connect {scheme.get('openIdConnectUrl')}"
        case "oauth2":
            return f"OAuth2 {' and '.join(sorted(mapping(scheme.get('flows'))))}"
        case _:
            return f"{_UNDEFINED}{name}"


def _way(requirement: Requirement) -> str:
    return " and ".join(sorted(requirement)) or "no credentials"
