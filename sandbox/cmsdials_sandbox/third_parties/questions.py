"""Reads the query of an endpoint that has parameters instead of filters, some of them required."""

from collections.abc import Mapping, Sequence

from rest_framework.exceptions import ValidationError


def required(query: Mapping[str, str], *names: str) -> list[str]:
    """Return the values of these parameters; raises a 400 that names the missing or empty ones."""
    missing = [name for name in names if not query.get(name)]
    if missing:
        raise ValidationError({name: ["This field is required."] for name in missing})
    return [query[name] for name in names]


def choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Return the value if it is one of the choices, else raise a 400."""
    if value not in choices:
        raise ValidationError({name: [f'"{value}" is not a valid choice.']})
    return value
