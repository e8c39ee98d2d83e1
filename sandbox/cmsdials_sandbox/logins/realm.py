"""The realm of one sandbox: everything about its logins, made once at the start."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cmsdials_sandbox.logins.account import Account, Features
from cmsdials_sandbox.logins.clients import Application
from cmsdials_sandbox.logins.counters import Counters
from cmsdials_sandbox.logins.device import DeviceLogins
from cmsdials_sandbox.logins.sessions import Sessions
from cmsdials_sandbox.logins.tokens import Signer
from cmsdials_sandbox.options import Options


@dataclass(frozen=True)
class Realm:
    """Who may log in, the logins in progress, and the sessions."""

    account: Account
    application: Application
    counters: Counters
    devices: DeviceLogins
    features: Features
    sessions: Sessions
    signer: Signer


def realm(options: Options, clock: Callable[[], float] = time.time) -> Realm:
    """Return a realm without logins."""
    account, counters, signer = Account(), Counters(), Signer()
    return Realm(
        account,
        Application(options.client_id, options.client_secret),
        counters,
        DeviceLogins(options.device_lifetime, options.interval, options.auto_approve, clock),
        Features(),
        Sessions(
            signer,
            counters,
            clock,
            account,
            token_lifetime=options.token_lifetime,
            refresh_lifetime=options.refresh_lifetime,
            reuse_refresh_tokens=options.reuse_refresh_tokens,
        ),
        signer,
    )
