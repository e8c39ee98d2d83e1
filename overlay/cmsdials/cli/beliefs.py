"""What this client takes for true of DIALS beyond the contract, as questions: what `cmsdials doctor --probe` asks.

Most was found on v1.12; production is newer, and only its users reach it. Each question is harmless: it reads a few rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.resources import RESOURCES, Resource

from cmsdials.cli.asking import Asker, Came, Params
from cmsdials.cli.probe import (
    Probe,
    Question,
    Row,
    Verdict,
    detail_of,
    noted,
    position_of,
    rows_of,
    shape_of,
    verdict_on,
)
from cmsdials.redaction import printable
from cmsdials.resources.workspaces import name_of

__all__ = ["QUESTIONS"]

LARGEST_PAGE = 500
LONGEST_LINE = 4094
_NO_RUN: Verdict = ({"asked": "nothing, because this workspace has no run to ask about"}, None)

_V1_12 = "probed on v1.12"
_PUBLISHED = "published API document of v1.12.0"
_CLIENTS = "what cmsdials 1.8.0 and 2.4.1 expect"

QUESTIONS: list[Question] = []
"""All of them; each stands above the function that asks it."""


def _question(name: str, belief: str, source: str = _V1_12) -> Callable[[Callable[[Probe], Verdict]], None]:
    def add(ask: Callable[[Probe], Verdict]) -> None:
        QUESTIONS.append(Question(name, belief, source, ask))

    return add


def _of_run(ask: Callable[[Probe], Verdict]) -> Callable[[Probe], Verdict]:
    """Let a question need a run."""
    return lambda probe: ask(probe) if probe.run else _NO_RUN


# --- workspaces -----------------------------------------------------------------------------------------------


@_question(
    "workspace-default", "workspaces/my-default/ answers an object with the name of the workspace", _CLIENTS
)
def _(probe: Probe) -> Verdict:
    came = probe.default[0]
    return verdict_on(came, came.status == 200 and name_of(came.json) is not None, shape=shape_of(came.json))


@_question(
    "workspace-default-v1.12", "auth/user-default-workspace/ answers {workspace: its name}", _PUBLISHED
)
def _(probe: Probe) -> Verdict:
    came = probe.default[1]
    return verdict_on(came, shape_of(came.json) == {"workspace": "str"}, shape=shape_of(came.json))


@_question("workspaces", "workspaces/ answers a list of objects with a name", _CLIENTS)
def _(probe: Probe) -> Verdict:
    came = probe.ask("workspaces/")
    rows = rows_of(came)
    return verdict_on(
        came,
        came.status == 200 and bool(rows) and all("name" in row for row in rows),
        shape=shape_of(came.json),
    )


@_question("workspace-unknown", "A workspace that does not exist is 404, with a detail that says so")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("page_size", 1), workspace="no-such-workspace")
    says_so = re.match(r"workspace\b.*\bnot found", detail_of(came), re.IGNORECASE) is not None
    return verdict_on(came, came.status == 404 and says_so, says_so=says_so)


# --- pages and rows -------------------------------------------------------------------------------------------


@_question("page-default", "A page has 10 rows where no page_size is asked for")
@_of_run
def _(probe: Probe) -> Verdict:
    came = probe.ask("lumisection/", ("fields", "ls_number"))
    many = len(rows_of(came))
    return verdict_on(came, None if many < 10 else many == 10, rows=many)


def _capped(size: int) -> Callable[[Probe], Verdict]:
    def ask(probe: Probe) -> Verdict:
        came = probe.ask("lumisection/", ("fields", "ls_number"), ("page_size", size))
        many = len(rows_of(came))
        return verdict_on(came, None if many < LARGEST_PAGE else many == LARGEST_PAGE, rows=many)

    return ask


for _size in (501, 1000):
    _question(f"page-cap-{_size}", f"page_size={_size} is cut to {LARGEST_PAGE} rows without a word")(
        _of_run(_capped(_size))
    )


@_question("fields", "fields= leaves only these keys in a row", _CLIENTS)
@_of_run
def _(probe: Probe) -> Verdict:
    came = probe.of_run(("fields", "run_number,ls_number"), ("page_size", 2))
    keys = sorted({key for row in rows_of(came) for key in row})
    return verdict_on(came, keys == ["ls_number", "run_number"], keys=[printable(key, 60) for key in keys])


@_question("count", "run/count/ answers {count}; histograms have no count", _PUBLISHED)
def _(probe: Probe) -> Verdict:
    came, of_histograms = probe.ask("run/count/"), probe.ask("th1/count/")
    holds = shape_of(came.json) == {"count": "int"} and of_histograms.status == 404
    return verdict_on(came, holds, shape=shape_of(came.json), of_histograms=noted(of_histograms))


@_question(
    "histogram-by-ids",
    "th1/ with dataset_id, run_number, ls_number and me_id in its path is one row",
    _PUBLISHED,
)
@_of_run
def _(probe: Probe) -> Verdict:
    element = probe.elements.get(1)
    asked = (
        ("run_number", probe.run["run_number"]),
        ("me_id", element),
        ("fields", "ls_number"),
        ("page_size", 1),
    )
    listed = rows_of(probe.in_dataset("th1/", *asked)) if element is not None else []
    if not listed:
        return {"asked": "nothing, because the run has no 1D histogram"}, None
    ids = (probe.run["dataset_id"], probe.run["run_number"], listed[0]["ls_number"], element)
    came = probe.ask(f"th1/{'/'.join(map(str, ids))}/")
    is_it = came.status == 200 and isinstance(came.json, dict) and came.json.get("me_id") == element
    return verdict_on(came, is_it, is_the_row=is_it)


@_question(
    "elements-of-the-other-dimension",
    "th1/ with the me_id of a 2D monitoring element has no rows, and no error",
)
@_of_run
def _(probe: Probe) -> Verdict:
    if 2 not in probe.elements:
        return {"asked": "nothing, because the run has no 2D monitoring element"}, None
    asked = (("run_number", probe.run["run_number"]), ("me_id", probe.elements[2]), ("page_size", 1))
    came = probe.in_dataset("th1/", *asked)
    return verdict_on(came, came.status == 200 and not rows_of(came), rows=len(rows_of(came)))


# --- order and filters ----------------------------------------------------------------------------------------


@_question(
    "order-repeated",
    "order_by is obeyed for each time that it is given: rows come in the order of the whole key",
)
@_of_run
def _(probe: Probe) -> Verdict:
    keys = (("order_by", "run_number"), ("order_by", "-ls_number"))
    came = probe.in_dataset("lumisection/", *keys, ("fields", "run_number,ls_number"), ("page_size", 50))
    pairs = [(row.get("run_number", 0), -row.get("ls_number", 0)) for row in rows_of(came)]
    is_ordered = pairs == sorted(pairs)
    return verdict_on(came, None if len(pairs) < 3 else is_ordered, ordered_by_both=is_ordered)


@_question("order-unknown", "order_by of a field that does not exist is 500 with an HTML page")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("order_by", "no_such_field"), ("page_size", 1))
    return verdict_on(came, (came.status, came.form) == (500, "html"))


@_question("filter-unknown", "A filter that does not exist is ignored, without a word")
@_of_run
def _(probe: Probe) -> Verdict:
    plain = probe.in_dataset("run/", ("page_size", 1))
    came = probe.in_dataset("run/", ("page_size", 1), ("no_such_filter", 1))
    return verdict_on(came, came.status == 200 and rows_of(came) == rows_of(plain), rows=len(rows_of(came)))


@_question("filter-repeated", "Of a filter that is given twice only the last value counts")
@_of_run
def _(probe: Probe) -> Verdict:
    run = probe.run["run_number"]
    came = probe.in_dataset("run/", ("run_number", 1), ("run_number", run), ("page_size", 2))
    only_last = [row.get("run_number") for row in rows_of(came)] == [run]
    return verdict_on(came, only_last, only_last=only_last)


@_question("filter-list", "The values of a list are separated by commas", _PUBLISHED)
@_of_run
def _(probe: Probe) -> Verdict:
    asked = (("dataset_id__in", f"1,{probe.run['dataset_id']}"), ("run_number", probe.run["run_number"]))
    came = probe.ask("run/", *asked, ("page_size", 2))
    return verdict_on(came, came.status == 200 and len(rows_of(came)) == 1, rows=len(rows_of(came)))


@_question(
    "filter-type", "A value of the wrong type is 400, with a list of complaints under the name of the filter"
)
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("run_number", "abc"))
    return verdict_on(
        came, came.status == 400 and shape_of(came.json) == {"run_number": ["str"]}, shape=shape_of(came.json)
    )


def _expression(made: Callable[[str], str], *, finds: bool | None) -> Callable[[Probe], Verdict]:
    """Ask for the dataset by a regular expression made of a word of its name; None: the service fails at it."""

    def ask(probe: Probe) -> Verdict:
        word = re.search(r"(?<!\w)[A-Za-z]\w{2,}(?!\w)", probe.run["dataset"])
        if word is None:
            return {"asked": "nothing, because the dataset has no word in its name"}, None
        came = probe.in_dataset("run/", ("dataset__regex", made(word[0])), ("page_size", 1))
        found = bool(rows_of(came))
        if finds is None:
            return verdict_on(came, (came.status, came.form) == (500, "html"))
        return verdict_on(came, came.status == 200 and found == finds, found=found)

    return _of_run(ask)


_question("regex-y", r"Regular expressions are PostgreSQL's: \y is the end of a word")(
    _expression(lambda word: rf"\y{word}\y", finds=True)
)
_question("regex-b", r"\b is a backspace in them, so it finds nothing")(
    _expression(lambda word: rf"\b{word}\b", finds=False)
)
_question("regex-i", "(?i) at the front makes upper and lower case the same")(
    _expression(lambda word: f"(?i){word.swapcase()}", finds=True)
)
_question("regex-alpha", "[[:alpha:]] is a letter")(
    _expression(lambda word: f"[[:alpha:]]{re.escape(word[1:])}", finds=True)
)
_question("regex-python", "A named group of Python is 500 with an HTML page")(
    _expression(lambda word: f"(?P<word>{word})", finds=None)
)


# --- cursors --------------------------------------------------------------------------------------------------

_KEY = ("fields", "run_number,ls_number")


def _behind(probe: Probe, came: Came, *params: tuple[str, object]) -> tuple[str | None, Came]:
    """Return the cursor of a page, and the page that comes with it under other parameters."""
    position = position_of(came)
    return position, probe.of_run(*params, ("next_token", position)) if position else came


@_question("next", "next is an absolute URL that repeats the query and adds next_token")
@_of_run
def _(probe: Probe) -> Verdict:
    came = probe.of_run(_KEY, ("page_size", 2))
    link = came.json.get("next") if isinstance(came.json, dict) else None
    if not isinstance(link, str):
        return verdict_on(came, None, link=shape_of(link))
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    said = {
        "absolute": bool(parts.scheme and parts.netloc),
        "has_cursor": bool(query.get("next_token")),
        "repeats_query": query.get("run_number") == str(probe.run["run_number"])
        and query.get("page_size") == "2",
        "same_host": parts.netloc == urlsplit(probe.asker.base_url).netloc,
    }
    return verdict_on(came, said["absolute"] and said["has_cursor"] and said["repeats_query"], **said)


@_question("cursor-page-size", "A cursor goes on at the same row with another page_size")
@_of_run
def _(probe: Probe) -> Verdict:
    whole = rows_of(probe.of_run(_KEY, ("page_size", 5)))
    position, came = _behind(probe, probe.of_run(_KEY, ("page_size", 2)), _KEY, ("page_size", 3))
    if position is None or len(whole) < 5:
        return verdict_on(came, None, rows=len(whole))
    return verdict_on(came, rows_of(came) == whole[2:], goes_on=rows_of(came) == whole[2:])


@_question("cursor-bound", "A cursor together with run_number__gte of the last row answers the same rows")
@_of_run
def _(probe: Probe) -> Verdict:
    plain = probe.in_dataset("lumisection/", _KEY, ("page_size", 2))
    position, rows = position_of(plain), rows_of(plain)
    if position is None or not rows:
        return verdict_on(plain, None, rows=len(rows))
    behind = (_KEY, ("page_size", 2), ("next_token", position))
    without = probe.in_dataset("lumisection/", *behind)
    came = probe.in_dataset("lumisection/", *behind, ("run_number__gte", rows[-1].get("run_number")))
    same = bool(rows_of(came)) and rows_of(came) == rows_of(without)
    return verdict_on(came, same, same_rows=same)


@_question("cursor-other-filter", "A cursor with another filter answers rows of that filter")
@_of_run
def _(probe: Probe) -> Verdict:
    position, came = _behind(
        probe, probe.of_run(_KEY, ("page_size", 2)), _KEY, ("page_size", 2), ("ls_number__gte", 5)
    )
    numbers = [row.get("ls_number", 0) for row in rows_of(came)]
    if position is None or not numbers:
        return verdict_on(came, None if came.status == 200 else False, rows=len(numbers))
    return verdict_on(came, min(numbers) >= 5, fit_the_filter=min(numbers) >= 5)


@_question("cursor-malformed", 'A cursor that is none is 404 with the detail "Invalid cursor"')
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("next_token", "garbage"), ("page_size", 1))
    says_so = detail_of(came).rstrip(".").lower() == "invalid cursor"
    return verdict_on(came, came.status == 404 and says_so, says_so=says_so)


@_question("cursor-other-list", "A cursor of runs is 500 with an HTML page for lumisections")
@_of_run
def _(probe: Probe) -> Verdict:
    position = position_of(probe.ask("run/", ("page_size", 1)))
    if position is None:
        return {"asked": "nothing, because there is one run"}, None
    came = probe.ask("lumisection/", ("next_token", position), ("page_size", 1))
    return verdict_on(came, (came.status, came.form) == (500, "html"))


# --- requests and errors --------------------------------------------------------------------------------------


def _line_of(length: int, *, is_read: bool) -> Callable[[Probe], Verdict]:
    def ask(probe: Probe) -> Verdict:
        bare = (("page_size", 1), ("fields", "run_number"), ("filler", ""))
        filler = "x" * (length - probe.asker.request_line("run/", bare))
        came = probe.ask("run/", *bare[:2], ("filler", filler))
        expected = (200, "json") if is_read else (400, "html")
        return verdict_on(came, (came.status, came.form) == expected, bytes=length)

    return ask


_question("request-line-longest", f"A request line of {LONGEST_LINE} bytes is read")(
    _line_of(LONGEST_LINE, is_read=True)
)
_question("request-line-too-long", "A request line of one byte more is 400 with an HTML page")(
    _line_of(LONGEST_LINE + 1, is_read=False)
)


@_question("slash", "A path without its last slash is redirected to the one with it")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run", ("page_size", 1))
    return verdict_on(came, came.redirected and came.status == 200, redirected=came.redirected)


@_question("not-found", "A row that does not exist is 404 with a detail")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/1/1/")
    return verdict_on(
        came, came.status == 404 and shape_of(came.json) == {"detail": "str"}, shape=shape_of(came.json)
    )


@_question("no-credentials", "Without credentials the answer is 403 with the code authorization_not_found")
def _(probe: Probe) -> Verdict:
    with Asker(probe.asker.base_url) as anonymous:
        came = anonymous.ask("run/count/")
    code = came.json.get("code") if isinstance(came.json, dict) else None
    is_it = code == "authorization_not_found"
    said = noted(came, shape=shape_of(came.json), code_as_believed=is_it)
    return said, None if came.status is None else came.status == 403 and is_it


def _word(header: str | None) -> str:
    """Return the first word of a header: the name of a program or of a coding."""
    if header is None:
        return "none"
    word = re.match(r"[A-Za-z-]{1,30}(?![^/\s,])", header)
    return word[0].lower() if word else "something else"


@_question("gzip", "JSON is sent with gzip where the client takes it")
@_of_run
def _(probe: Probe) -> Verdict:
    came = probe.in_dataset("lumisection/", ("page_size", 50))
    coding = _word(came.headers.get("content-encoding"))
    return verdict_on(came, coding == "gzip", coding=coding)


@_question("headers", "Answers have a Date, and name nginx or no server")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/count/")
    has_date = "date" in came.headers
    named = _word(came.headers.get("server"))
    return verdict_on(came, has_date and named in ("nginx", "none"), date=has_date, server=named)


@_question("http-version", "The service speaks HTTP/1.1")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/count/")
    return verdict_on(came, came.http == "HTTP/1.1", version=printable(came.http, 10))


@_question("cache", "Answers may be kept for 30 s (Cache-Control: max-age=30)")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("page_size", 1))
    kept = re.search(r"max-age=(\d{1,9})", came.headers.get("cache-control", ""))
    seconds = int(kept[1]) if kept else None
    return verdict_on(came, seconds == 30, seconds=seconds)


@_question("rate", "Nothing says how many requests may be sent: there is no header about a rate")
def _(probe: Probe) -> Verdict:
    came = probe.ask("run/", ("page_size", 1))
    limits = sorted(printable(name, 60) for name in came.headers if "ratelimit" in name.replace("-", ""))
    return noted(came, headers=limits), None if came.status is None else not limits and came.status != 429


# --- the fields of each row, against the contract -------------------------------------------------------------


def _fields_of(table: Resource) -> Callable[[Probe], Verdict]:
    def ask(probe: Probe) -> Verdict:
        path = table.path.removeprefix("/api/v1/")
        params: Params = [("page_size", 1)] if table.paginated else []
        if table.name in ("h1d", "h2d"):
            element = probe.elements.get(1 if table.name == "h1d" else 2)
            if element is None:
                return {"asked": "nothing, because there is no such monitoring element"}, None
            asked = {name: probe.run[name] for name in ("dataset_id", "run_number")}
            params = [*params, *asked.items(), ("me_id", element)]
        came = probe.ask(path, *params)
        rows = rows_of(came)
        if came.status != 200 or not rows:
            return verdict_on(came, None if came.status == 200 else False, rows=len(rows))
        fields, fits = _against_contract(table, rows[0])
        return verdict_on(came, fits, fields=fields)

    return ask


def _against_contract(table: Resource, row: Row) -> tuple[dict[str, str], bool]:
    """Compare a row with the contract: what each field is, and whether that is as it should be."""
    said: dict[str, str] = {}
    fits = True
    for one in table.record.FIELDS:
        if one.name not in row:
            said[one.name] = "absent"
            fits = fits and not one.required
            continue
        try:
            one.read(row[one.name])
            said[one.name] = one.kind
        except MalformedAnswer:
            said[one.name] = f"{_kind_of(row[one.name])} instead of {one.kind}"
            fits = False
    known = said.keys()
    others = [name for name in row if name not in known]
    said |= {printable(name, 60): f"{_kind_of(row[name])}, not in the contract" for name in others}
    return said, fits and not others


def _kind_of(value: object) -> str:
    return "null" if value is None else type(value).__name__


for _table in RESOURCES.values():
    _question(f"row-{_table.name}", f"A row of {_table.path} has the fields of the contract", "openapi.json")(
        _fields_of(_table)
    )
