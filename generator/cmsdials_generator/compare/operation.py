"""Comparing one operation and everything below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from .bodies import compare_answers, compare_request_body
from .change import Change
from .document import Document, sequence
from .parameters import Parameters, compare_parameters, declared_parameters
from .place import Place
from .schemas import Schemas
from .security import Requirement, compare_security, requirements
from .servers import compare_servers, server_urls


@frozen
class Operation:
    """One operation as one of the documents describes it.

    Attributes:
        document: the whole document, to which references lead.
        node: what the operation says.
        shared: what its path says for all of its operations.
        variables: the names of the variables in its path, in order.
    """

    document: Document
    node: Mapping[str, Any]
    shared: Mapping[str, Any]
    variables: tuple[str, ...]

    def parameters(self) -> Parameters:
        """Collect the parameters of its path and its own, which take precedence."""
        return declared_parameters(self.document, (self.shared, self.node), self.variables)

    def requirements(self) -> list[Requirement]:
        """List the accepted combinations of credentials."""
        return requirements(self.document, self.node)

    def servers_override(self) -> Mapping[str, Any] | None:
        """Return what overrides the servers of the document for this operation, if anything does."""
        return next((one for one in (self.node, self.shared) if sequence(one.get("servers"))), None)


def compare_operation(label: str, old: Operation, new: Operation) -> Iterator[Change]:
    """List the changes of everything that an operation says; `label` is its method and path."""
    place = Place(label)
    sent = Schemas(old.document, new.document, label, "request")
    received = Schemas(old.document, new.document, label, "answer")
    sent.deprecated(place, old.node.get("deprecated"), new.node.get("deprecated"))
    compare_parameters(sent, place, old.parameters(), new.parameters())
    compare_request_body(sent, place, old.node.get("requestBody"), new.node.get("requestBody"))
    compare_answers(received, place, old.node.get("responses"), new.node.get("responses"))
    yield from (*sent.found, *received.found)
    yield from compare_security(old.requirements(), new.requirements(), label)
    overrides = old.servers_override(), new.servers_override()
    if any(overrides):
        olds = server_urls(overrides[0] or old.document.tree)
        news = server_urls(overrides[1] or new.document.tree)
        yield from compare_servers(place.part("servers"), olds, news, (label,))
