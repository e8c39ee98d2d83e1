"""One difference between the two documents."""

from __future__ import annotations

from attrs import frozen

from .document import Scalar
from .severity import Severity

Value = Scalar | tuple[Scalar, ...]


@frozen
class Change:
    """One difference between the contract and the published document.

    Attributes:
        severity: `breaking` if a client written for the contract may fail or lose something.
        where: the place, for people: `GET /api/v1/run/ query parameter page_size`, `component Run ls_count`.
        what: what happened there: `type changed from integer to string`.
        old: the value in the contract, short, where there is one.
        new: the value in the published document, short, where there is one.
        operations: the operations touched; empty if the change concerns the document as a whole.
        note: what it means for a client that is generated from the new document, where that is more than that.
    """

    severity: Severity
    where: str
    what: str
    old: Value = None
    new: Value = None
    operations: tuple[str, ...] = ()
    note: str = ""
