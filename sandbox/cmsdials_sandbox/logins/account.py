"""What an administrator can change about the only account, and about the realm."""

from dataclasses import dataclass


@dataclass
class Account:
    """The state of the account, as an administrator set it.

    A person who is not `enabled` gets no more tokens.  A person who `must_act` (choose a password, confirm an address) has
    to do so before the next login can be approved; existing logins remain valid.
    """

    enabled: bool = True
    must_act: bool = False


@dataclass
class Features:
    """Features the realm was started with; without `exchange` no tokens for DIALS are issued."""

    exchange: bool = True
