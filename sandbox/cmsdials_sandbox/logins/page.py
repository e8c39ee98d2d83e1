"""The page on which a person confirms a login: plain HTML without scripts, cookies or external resources.

Without a code it asks for one, with one it asks for the decision; an account that must act does so first.  The form of the
decision contains a secret of that login, so only someone who saw this page can post it: another site can neither read it
nor frame the page.
"""

import base64
import hashlib
import math
import secrets
from importlib import resources

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods

from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.device import DeviceLogin, Status
from cmsdials_sandbox.logins.sessions import PERSON

_STYLE = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# The empty icon keeps browsers from requesting one.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - DIALS sandbox</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main class="{mood}">
<h1>{title}</h1>
{body}
</main>
<footer><p>This is a sandbox: it has synthetic data and asks for no password.</p></footer>
</body>
</html>
"""

_ASK_FOR_CODE = """\
{error}
<form method="get">
<label for="user_code">Code</label>
<p class="hint" id="hint">Eight letters, shown by the program that wants to log in.</p>
<input id="user_code" name="user_code" value="{typed}" required autocomplete="off" autocapitalize="characters"\
 spellcheck="false" maxlength="20" aria-describedby="{described}"{invalid}>
<div class="buttons"><button type="submit">Continue</button></div>
</form>
"""

_ERROR = '<p class="error" id="error" role="alert">{}</p>'

_ASK_FOR_DECISION = """\
<p>A program asks to use DIALS on your behalf.</p>
<dl>
<dt>Program</dt><dd>{name} <span class="id">{client_id}</span></dd>
<dt>Account</dt><dd>{account}</dd>
<dt>Expires</dt><dd>in {left}</dd>
</dl>
<p id="question">Approve only if the program shows you this code:</p>
<p class="code"><strong id="code">{user_code}</strong></p>
<form method="post" aria-describedby="question code">
<input type="hidden" name="user_code" value="{user_code}">
<input type="hidden" name="confirmation" value="{confirmation}">
<div class="buttons">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny" class="second">Deny</button>
</div>
</form>
"""

_ASK_TO_ACT = """\
<p>Your account asks you to do something before you can go on: choose another password, or confirm your address.</p>
<form method="post">
<input type="hidden" name="user_code" value="{user_code}">
<input type="hidden" name="confirmation" value="{confirmation}">
<div class="buttons"><button type="submit" name="acted" value="yes">Done</button></div>
</form>
"""

_TOO_LATE = {
    Status.APPROVED: ("Already approved", "", "The login with the code {} was approved before."),
    Status.DENIED: ("Already denied", "bad", "The login with the code {} was denied before."),
    Status.USED: ("Code already used", "", "The code {} was used: its program is logged in."),
    Status.EXPIRED: (
        "Code expired",
        "bad",
        "The code {} has expired. Start the login again in your program.",
    ),
}

_ANOTHER = '<p><a href="?">Enter another code</a></p>'

_DECISIONS = {
    "approve": (
        Status.APPROVED,
        "Login approved",
        "good",
        "The program {} may use DIALS as {} now. You can close this page and go back to it.",
    ),
    "deny": (
        Status.DENIED,
        "Login denied",
        "bad",
        "The program {} may not use DIALS as {}. You can close this page.",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for the code, ask for the decision, or show the outcome."""
    asked = request.POST if request.method == "POST" else request.GET
    typed = str(asked.get("user_code", "")).strip()
    if not typed:
        return _ask_for_code()
    login = installation().realm.devices.find(user_code=typed)
    if login is None:
        return _ask_for_code(typed)
    if login.status is not Status.PENDING:
        return _too_late(login)
    account = installation().realm.account
    if not account.enabled:
        body = format_html("<p>The account {} is disabled. Ask your administrator.</p>", PERSON.name)
        return _page("Account disabled", body, mood="bad", status=403)
    if account.must_act:
        if request.method != "POST" or "acted" not in request.POST or not _saw_the_page(request, login):
            return _ask_to_act(login)
        account.must_act = False
        return _ask_for_decision(login)
    if request.method == "POST":
        return _decide(login, request)
    return _ask_for_decision(login)


def _ask_for_code(unknown: str | None = None) -> HttpResponse:
    wrong = unknown is not None
    error = format_html(_ERROR, "No login waits for this code. Compare it with the one your program shows.")
    body = format_html(
        _ASK_FOR_CODE,
        error=error if wrong else "",
        typed=unknown or "",
        described="error hint" if wrong else "hint",
        invalid=mark_safe(' aria-invalid="true"') if wrong else "",
    )
    return _page("Unknown code" if wrong else "Log in to DIALS", body, status=404 if wrong else 200)


def _ask_to_act(login: DeviceLogin) -> HttpResponse:
    body = format_html(_ASK_TO_ACT, user_code=login.user_code, confirmation=login.confirmation)
    return _page("Update your account", body)


def _ask_for_decision(login: DeviceLogin) -> HttpResponse:
    left = installation().realm.devices.seconds_left(login)
    body = format_html(
        _ASK_FOR_DECISION,
        name=login.client.name,
        client_id=login.client.client_id,
        account=PERSON.name,
        left=_in_words(left),
        user_code=login.user_code,
        confirmation=login.confirmation,
    )
    return _page("Approve this login?", body)


def _decide(login: DeviceLogin, request: HttpRequest) -> HttpResponse:
    decision = _DECISIONS.get(str(request.POST.get("decision")))
    if decision is None or not _saw_the_page(request, login):
        body = format_html(
            '<p>This decision did not come from the page of the code {}.</p><p><a href="?user_code={}">'
            "Open that page</a></p>",
            login.user_code,
            login.user_code,
        )
        return _page("Nothing decided", body, mood="bad", status=403)
    status, title, mood, sentence = decision
    devices = installation().realm.devices
    if devices.decide(login, status) is None:
        return _too_late(devices.find(device_code=login.device_code) or login)
    return _page(title, format_html(f"<p>{sentence}</p>", login.client.name, PERSON.name), mood=mood)


def _saw_the_page(request: HttpRequest, login: DeviceLogin) -> bool:
    confirmation = str(request.POST.get("confirmation", ""))
    return secrets.compare_digest(confirmation.encode(), login.confirmation.encode())


def _too_late(login: DeviceLogin) -> HttpResponse:
    title, mood, sentence = _TOO_LATE[login.status]
    body = format_html(f"<p>{sentence}</p>{_ANOTHER}", login.user_code)
    return _page(title, body, mood=mood, status=410)


def _page(title: str, body: SafeString, *, mood: str = "", status: int = 200) -> HttpResponse:
    style = mark_safe(_STYLE)  # noqa: S308  (our own file)
    content = format_html(_PAGE, title=title, style=style, mood=mood, body=body)
    return HttpResponse(content, status=status, headers=_HEADERS)


def _in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    if minutes > 1:
        return f"{minutes} minutes"
    return "one minute" if seconds > 30 else "less than a minute"
