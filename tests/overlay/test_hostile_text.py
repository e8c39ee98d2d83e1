"""Text from outside is text: whatever a service, a file or an environment says, no terminal, log or notebook obeys it."""

import contextlib
import json
import logging
import os
import pickle
import warnings
from pathlib import Path

import cmsdials
import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials as PersonCredentials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import DialsError
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters
from cmsdials.redaction import printable
from cmsdials.runtime.progress import progress_bar
from hypothesis import given
from hypothesis import strategies as st

from tests.home import home_without_logins
from tests.overlay.conftest import Scripted, run_row
from tests.overlay.hostile import PAYLOADS, obeyed_in
from tests.overlay.http.network import Listener, answer, head_of
from tests.overlay.test_errors import CLASSES, example

each_payload = pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
TEXTS = {name: text for name, text in PAYLOADS.items() if text == text.encode("utf-8", "ignore").decode()}
each_text = pytest.mark.parametrize("payload", TEXTS.values(), ids=TEXTS)  # which JSON and URLs can hold
SHOWN_BY_REPR = {PAYLOADS["fillers"], PAYLOADS["combining flood"]}  # of Python, up to 80 characters


def said_by(asked):
    """What something says of itself, or why it cannot be."""
    try:
        return repr(asked())
    except DialsError as refused:
        return str(refused)


# --- the function ---------------------------------------------------------------------------------------------


@each_payload
def test_it_is_printable(payload):
    assert obeyed_in(printable(payload)) == []
    assert printable(printable(payload)) == printable(payload)
    assert len(printable(payload, 200)) <= 200 * 10  # what is escaped takes up to ten characters
    assert obeyed_in(printable(payload, lines=True), lines=True) == []


@given(st.text())
def test_any_text_is_printable(text):
    shown = printable(text)
    assert obeyed_in(shown) == []
    assert printable(shown) == shown
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(st.binary())
def test_any_bytes_are_printable(content):
    for coding in ("latin-1", "utf-8"):
        assert obeyed_in(printable(content.decode(coding, "surrogateescape"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2",
        "Zu viele Anfragen für dieses Konto",
        "Accès refusé : mot de passe",
        "無効なカーソル",
        "المؤشر غير صالح",
        "ตัวระบุไม่ถูกต้อง",
        "Không tìm thấy",
        "e\u0301te\u0301",
        "C:\\Users\\physicist",
        "EEOT digi occupancy EE +",
        "5 µb⁻¹ ± 2 %",
    ],
)
def test_what_people_write_stays(text):
    assert printable(text) == text


def test_blanks_are_blanks():
    assert printable("a\u00a0b\u3000c") == "a b c"


def test_what_is_escaped_can_be_read():
    assert printable("a\x1b[31m\n\u202e\ud800") == r"a\x1b[31m\n\u202e\ud800"
    assert printable("a\n\tb\r", lines=True) == "a\n\tb\\r"


# --- errors ---------------------------------------------------------------------------------------------------


@each_payload
def test_no_error_says_it(payload):
    for kind in CLASSES:
        made = example(kind, f"before {payload} after")
        for error in (made, pickle.loads(pickle.dumps(made))):
            said = [str(error), repr(error), error.message, *map(str, error.args)]
            said += [
                getattr(error, name) for name in ("advice", "url", "detail", "body") if hasattr(error, name)
            ]
            for text in said:
                assert obeyed_in(text) == []
                assert len(text) < 60_000


@each_payload
def test_no_advice_says_it(payload):
    error = DialsError("it was so", advice=payload)
    assert obeyed_in(str(error)) == [] == obeyed_in(error.advice)


def as_json(payload):
    return httpx.Response(400, content=json.dumps({"detail": payload, "code": payload}))


def as_a_field(payload):
    return httpx.Response(400, content=json.dumps({payload: [payload, {payload: payload}]}))


def as_text(payload):
    return httpx.Response(503, content=payload.encode("utf-8", "surrogatepass"))


def as_raw_bytes(payload):
    return httpx.Response(500, content=payload.encode("latin-1", "replace"))


def as_a_page(payload):
    page = f"<html><title>{payload}</title><h1>{payload}</h1>".encode("utf-8", "surrogatepass")
    return httpx.Response(502, content=page, headers={"content-type": "text/html"})


def as_a_good_page(payload):
    return httpx.Response(200, content=as_a_page(payload).content, headers={"content-type": "text/html"})


def as_a_place(payload):
    place = b"https://elsewhere.test/" + payload.encode("latin-1", "replace")
    return httpx.Response(
        302, headers=[(b"location", place), (b"retry-after", payload.encode("latin-1", "replace"))]
    )


def as_a_value(payload):
    row = run_row(1) | {"run_number": payload}
    return httpx.Response(200, content=json.dumps({"next": None, "previous": None, "results": [row]}))


def as_a_key(payload):
    return httpx.Response(200, content=json.dumps({payload: payload}))


ANSWERS = [
    as_json,
    as_a_field,
    as_text,
    as_raw_bytes,
    as_a_page,
    as_a_good_page,
    as_a_place,
    as_a_value,
    as_a_key,
]


@each_payload
def test_no_answer_says_it(payload, service, caplog):
    caplog.set_level(logging.DEBUG)
    for written in ANSWERS:
        service.will_answer(written(payload))
        with pytest.raises(DialsError) as caught:
            service.dials.run.list(retries=0)
        assert obeyed_in(str(caught.value)) == []
        assert obeyed_in(getattr(caught.value, "code", None) or "") == []
    assert len(caplog.records) >= len(ANSWERS)
    for record in caplog.records:
        assert obeyed_in(record.getMessage()) == []
        assert len(record.getMessage()) < 60_000


@each_payload
def test_no_warning_and_no_kept_failure_says_it(payload, service):
    service.will_answer(as_json(payload))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = service.dials.run.list_all(retries=0, keep_failed=True)
    assert warned
    assert all(obeyed_in(str(one.message)) == [] for one in warned)
    assert obeyed_in(result.exc_formatted, lines=True) == []
    # No line of it is the payload's: each is one of a traceback.
    assert not any(
        line.startswith(("2026", "Set-Cookie", "    two")) for line in result.exc_formatted.splitlines()
    )


@each_payload
def test_no_name_of_a_workspace_says_it(payload):
    service = Scripted(workspace=None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        service.will_answer(httpx.Response(200, content=json.dumps({"workspace": payload})))
        service.will_page([run_row(1)], 10)
        service.dials.run.list(retries=0)
    assert all(obeyed_in(str(one.message)) == [] for one in warned)
    assert obeyed_in(repr(service.session)) == []
    assert obeyed_in(service.session.workspace or "") == []


@each_payload
def test_no_address_says_it(payload):
    for address in (f"http://dials.test/{payload}", f"http://{payload}/"):
        assert obeyed_in(said_by(lambda: Dials(Credentials(token="s"), base_url=address))) == []  # noqa: B023
        assert obeyed_in(said_by(lambda: AuthClient(address))) == []  # noqa: B023


# --- rows -----------------------------------------------------------------------------------------------------


@each_text
def test_data_keeps_it_and_what_is_shown_does_not(payload, service):
    pytest.importorskip("pandas")
    row = run_row(1, dataset=payload) | {payload: payload}
    service.will_answer({"next": None, "previous": None, "results": [row]})
    page = service.dials.run.list(retries=0)
    assert page.results[0].dataset == payload
    assert page.to_pandas()["dataset"][0] == payload
    if payload not in SHOWN_BY_REPR:
        assert obeyed_in(repr(page)) == obeyed_in(repr(page.results)) == []
    table = page._repr_html_()
    assert obeyed_in(table, lines=True) == []
    assert "<script" not in table
    assert "<img" not in table
    assert "onerror=alert(2)>" not in table


@each_text
def test_an_empty_listing_says_why_in_plain_text(payload, service, caplog):
    caplog.set_level(logging.DEBUG)
    index = [{"me_id": 1, "me": f"{payload}x", "count": 1, "dim": 1}]
    service.will_answer(
        {"next": None, "previous": None, "results": []}, httpx.Response(200, content=json.dumps(index))
    )
    with warnings.catch_warnings(record=True) as warned, contextlib.suppress(DialsError):
        warnings.simplefilter("always")
        result = service.dials.h1d.list_all(LumisectionHistogram1DFilters(me=payload), retries=0)
        for shown in (result.note, result.status, repr(result), result._repr_html_() or ""):
            assert obeyed_in(shown, lines="<p>" in shown) == []
            assert "<script" not in shown or "<p>" not in shown
    assert all(obeyed_in(str(one.message)) == [] for one in warned)
    assert all(obeyed_in(record.getMessage()) == [] for record in caplog.records)


@each_payload
def test_no_progress_bar_says_it(payload, capsys):
    pytest.importorskip("tqdm")
    with progress_bar(True, total=1, unit="row", description=payload) as bar:
        bar.update(1)
    assert obeyed_in(capsys.readouterr().err.replace("\r", ""), lines=True) == []


# --- files ----------------------------------------------------------------------------------------------------


def named(tmp_path: Path, payload: str) -> Path:
    """A file whose name holds the payload, as far as a file system takes it."""
    path = tmp_path / payload.replace("\0", "").replace("/", "_")[:60]
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        pytest.skip("no file has such a name")
    return path


@each_payload
def test_no_name_of_a_file_says_it(payload, tmp_path, service):
    path = named(tmp_path, payload)
    with pytest.raises(DialsError) as caught:
        cmsdials.load(path)
    assert obeyed_in(str(caught.value)) == []
    path.write_bytes(b"{}\n" + payload.encode("utf-8", "surrogatepass"))
    with pytest.raises(DialsError) as caught:
        cmsdials.load(path)
    assert obeyed_in(str(caught.value)) == []
    with pytest.raises(DialsError) as caught:
        service.dials.run.list_all(resume_from=str(path))
    assert obeyed_in(str(caught.value)) == []


@each_text
def test_no_listing_of_another_query_says_it(payload, tmp_path, service):
    service.will_page([run_row(1)], 10)
    with contextlib.suppress(DialsError):
        service.dials.run.list_all(RunFilters(dataset=payload), checkpoint=tmp_path / "one.dials")
        with pytest.raises(DialsError) as caught:
            service.dials.run.list_all(RunFilters(dataset="another"), resume_from=tmp_path / "one.dials")
        assert obeyed_in(str(caught.value)) == []


@each_payload
def test_no_file_of_logins_says_it(payload, tmp_path, monkeypatch):
    home_without_logins(tmp_path, monkeypatch)
    folder = named(tmp_path, payload)
    folder.mkdir()
    client = AuthClient("http://dials.test/")
    (folder / "credentials.json").write_text(
        json.dumps(
            {
                "version": 1,
                "logins": {
                    f"{payload} dials": {"access_token": payload},
                    str(client.key): {"access_token": 1},
                },
            }
        )
    )
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert obeyed_in(said_by(lambda: PersonCredentials.from_creds_file(folder, client))) == []
    assert all(obeyed_in(str(one.message)) == [] for one in warned)


@each_payload
def test_no_login_service_says_it(payload, monkeypatch, capsys):
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")

    def answers(_request):
        device = {"device_code": "d", "expires_in": 60, "user_code": payload}
        return httpx.Response(
            200, content=json.dumps(device | {"verification_uri_complete": f"https://login.test/{payload}"})
        )

    client = AuthClient(
        "http://dials.test/",
        transport=httpx.MockTransport(answers),
        sleep=lambda _seconds: None,
        clock=iter(range(10**9)).__next__,
    )
    with pytest.raises(DialsError) as caught:
        client.device_auth_flow(open_browser=False)
    assert obeyed_in(str(caught.value)) == []
    assert obeyed_in(capsys.readouterr().err, lines=True) == []


# --- what libraries log ---------------------------------------------------------------------------------------


class Phrased(Listener):
    """Answers with a status line and a header that hold bytes of the test."""

    def __init__(self, phrase: bytes) -> None:
        self.phrase = phrase
        super().__init__()

    def serve(self, connection) -> None:
        while head_of(connection):
            plain = answer()
            connection.sendall(
                b"HTTP/1.1 200 " + self.phrase + b"\r\nX-Said: " + self.phrase + plain[plain.index(b"\r\n") :]
            )


@pytest.mark.parametrize(
    "phrase", [b"\x1b[31mOK\x07", b"\x9b31mOK", "\u202eOK".encode(), b"\x08\x08OK", b"\x1b]52;c;AAAA\x07"]
)
def test_no_reason_phrase_comes_to_a_log(phrase, caplog):
    caplog.set_level(logging.DEBUG)
    with (
        Phrased(phrase) as server,
        Dials(Credentials(token="s"), "tracker", f"http://127.0.0.1:{server.port}/") as dials,
    ):
        dials.run.list(retries=0)
    assert any(record.name == "httpx" for record in caplog.records)
    assert all(obeyed_in(record.getMessage()) == [] for record in caplog.records)
