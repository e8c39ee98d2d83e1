"""What changed between the contract and a newer published document, and whether clients are affected.

Everything is seen from the side of a client written for the contract, by one principle: a schema is a set
of values. A request may be *widened* (the service takes more than we send) and an answer may be *narrowed*
(it gives less variety than we can read); the other way round breaks the client. The exceptions are our own
rules: a changed type, a removed field and a removed enum value always break, an added field or enum value in an
answer never does, and bounds of numbers and lengths matter only in requests.

The names of components do not matter: `$ref` is followed on both sides and schemas are compared in a normal
form, the list of their alternatives (`kinds`), in which `nullable`, `type: [.., "null"]` and
`anyOf: [.., {type: null}]` are the same thing. A difference within a component of the contract is
attributed to that component, and stands once in the result with all the operations that it touches.

The way down: `documents` -> `paths` -> `operation` -> `security`, `parameters`, `bodies` -> `schemas`.
"""

from .change import Change
from .documents import compare

__all__ = ["Change", "compare"]
