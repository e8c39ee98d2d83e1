"""caf/: the certification files that CMS publishes on its analysis facility, one for each year and kind.

golden is a subset of muon, and muon of dcs: each requires more of the detector.
"""

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.catalogue import runs
from cmsdials_sandbox.certification import ranges
from cmsdials_sandbox.dates import taken
from cmsdials_sandbox.errors import Absent
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.mixing import mixed
from cmsdials_sandbox.third_parties.questions import choice, required
from cmsdials_sandbox.views import Endpoint

KINDS = ("golden", "muon", "dcs")


class CAF(Endpoint):
    """The file of a class and kind."""

    def get(self, request: Request) -> Response:
        """Its name, address, date, size and content."""
        class_name, kind = required(request.query_params, "class_name", "kind")
        choice("kind", kind, KINDS)
        known = [run for run in runs(installation().options.scale) if of_class(class_name, run[2])]
        if not known:
            message = f"No certification of '{class_name}' found"
            raise Absent(message)
        content = {
            str(run_number): good
            for run_number, last_ls, _ in known
            if (good := _good(run_number, last_ls, kind))
        }
        first, last, year = known[0][0], known[-1][0], known[0][2] % 100
        label = {"golden": "Golden", "muon": "Muon", "dcs": "DCSOnly"}[kind]
        name = f"Cert_Collisions20{year}_{first}_{last}_{label}.json"
        return Response(
            {
                "name": name,
                "url": f"https://cms-service-dqmdc.web.cern.ch/CAF/certification/Collisions{year}/{name}",
                "last_modified": taken(last).strftime("%Y-%m-%d %H:%M"),
                "size": f"{len(orjson.dumps(content)) / 1024:.1f}K",
                "content": content,
            }
        )


def of_class(class_name: str, year: int) -> bool:
    """Whether a class such as Collisions24 or Collisions2024 is of this year."""
    return class_name.removeprefix("Collisions") in {str(year), str(year % 100)} and class_name.startswith(
        "Coll"
    )


def _good(run_number: int, last_ls: int, kind: str) -> list[list[int]]:
    """Return the lumisections in which the parts that this kind requires were good."""
    if kind != "dcs" and mixed(run_number) % 19 == 0:
        return []
    parts = {"dcs": 1, "muon": 2, "golden": 3}[kind]
    return ranges(
        ls for ls in range(2, last_ls + 1) if all(mixed(run_number, ls, part) % 60 for part in range(parts))
    )
