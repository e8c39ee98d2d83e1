"""What an administrator does to the account of the one person there is, and to the realm."""

from dataclasses import dataclass


@dataclass
class Account:
    """What an administrator decided.

    A person who is not `enabled` gets no more tokens.  One who `must_act` (choose a password, confirm an address) has to do
    that before the next login can be approved; a login that there was goes on.
    """

    enabled: bool = True
    must_act: bool = False


@dataclass
class Features:
    """What the realm was started with; without `exchange` nobody gets tokens for DIALS."""

    exchange: bool = True
