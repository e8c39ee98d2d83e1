"""brilws/brilcalc-lumi/: integrated luminosity as `brilcalc lumi` reports it.

`detailed` has one row for each run, or each lumisection with `byls`; `summary` has the totals.  The columns are those of brilcalc's
tables, with the unit in their names: `delivered(/ub)`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.catalogue import runs
from cmsdials_sandbox.dates import taken
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.third_parties.oms_rows import fill_of
from cmsdials_sandbox.third_parties.questions import choice
from cmsdials_sandbox.views import Endpoint

SCOPES = ("all", "detailed", "summary")
# Value of an inverse microbarn in each unit.
UNITS = {"/ub": 1.0, "/nb": 1e-3, "/pb": 1e-6, "/fb": 1e-9, "/mb": 1e3, "/b": 1e6}

_RECORDED = 0.95
_AT_START = 480_000.0


class BrilcalcLumi(Endpoint):
    """The luminosity of some runs."""

    def get(self, request: Request) -> Response:
        """`detailed`, `summary`, or both."""
        query = request.query_params
        scope = choice("scope", query.get("scope") or "all", SCOPES)
        unit = choice("unit", query.get("unit") or "/ub", tuple(UNITS))
        byls = choice("byls", (query.get("byls") or "false").lower(), ("true", "false", "1", "0"))
        delivered, recorded = f"delivered({unit})", f"recorded({unit})"
        detailed: list[dict[str, Any]] = []
        chosen = [run for run in runs(installation().options.scale) if _asked_for(run[0], query)]
        for run_number, last_ls, _ in chosen:
            rows = [_lumisection(run_number, ls, unit) for ls in range(1, last_ls + 1)]
            detailed += rows if byls in {"true", "1"} else [_run(run_number, rows, unit)]
        number_of_ls = sum(last_ls for _, last_ls, _ in chosen)
        summary = {
            "nfill": len({fill_of(run_number) for run_number, _, _ in chosen}),
            "nrun": len(chosen),
            "nls": number_of_ls,
            "ncms": number_of_ls,
            f"tot{delivered}": sum(row[delivered] for row in detailed),
            f"tot{recorded}": sum(row[recorded] for row in detailed),
        }
        both = {"detailed": detailed, "summary": summary}
        return Response(both if scope == "all" else {scope: both[scope]})


def _lumisection(run_number: int, ls: int, unit: str) -> dict[str, Any]:
    delivered = _AT_START * 400 / (400 + ls) * UNITS[unit]
    return {
        "ls": f"{ls}:{ls}",
        "time": _date(run_number, ls),
        "beamstatus": "STABLE BEAMS",
        "E(GeV)": 6800,
        f"delivered({unit})": delivered,
        f"recorded({unit})": delivered * _RECORDED,
        "avgpu": round(58.0 * 400 / (400 + ls), 1),
        "source": "HFET",
        "run": run_number,
        "fill": fill_of(run_number),
    }


def _run(run_number: int, rows: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    delivered, recorded = f"delivered({unit})", f"recorded({unit})"
    return {
        "time": rows[0]["time"],
        "nls": str(len(rows)),
        "ncms": str(len(rows)),
        delivered: sum(row[delivered] for row in rows),
        recorded: sum(row[recorded] for row in rows),
        "run": run_number,
        "fill": fill_of(run_number),
    }


def _date(run_number: int, ls: int) -> str:
    """A date as brilcalc writes it, `10/12/24 12:00:00`."""
    return taken(run_number, ls).strftime("%m/%d/%y %H:%M:%S")


def _asked_for(run_number: int, query: Mapping[str, str]) -> bool:
    """Whether a run is the requested one, and between begin and end (run numbers or dates as brilcalc takes them)."""
    wanted = query.get("runnumber")
    if wanted and _as_number("runnumber", wanted) != run_number:
        return False
    begin, end = query.get("begin"), query.get("end")
    return (not begin or _compare("begin", run_number, begin) >= 0) and (
        not end or _compare("end", run_number, end) <= 0
    )


def _compare(name: str, run_number: int, bound: str) -> float:
    if bound.isdecimal():
        return run_number - int(bound)
    try:
        moment = datetime.strptime(bound, "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValidationError({name: ["Enter a run number or a date as 08/16/24 12:00:00."]}) from error
    return (taken(run_number) - moment).total_seconds()


def _as_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValidationError({name: ["Enter a number."]}) from error
