"""No sandbox answers outside the contract: statuses, media types, headers and bodies are those of openapi.json.

Schemathesis draws the requests, right ones and wrong ones, for every operation and both generations.
"""

from pathlib import Path

import pytest
import schemathesis
from cmsdials_sandbox import Sandbox
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CONTRACT = Path(__file__).parents[2] / "openapi.json"
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_path(CONTRACT)


@pytest.fixture(params=["now", "v1.12"], scope="session")
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    served: Sandbox = request.getfixturevalue("sandbox_now" if request.param == "now" else "sandbox_v112")
    return served


@schema.parametrize()
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_no_answer_is_outside_the_contract(case: Case, sandbox: Sandbox) -> None:
    response = case.call(base_url=sandbox.url, headers={"X-CLIENT-SECRET": sandbox.secret}, timeout=120)
    checks = CHECKS
    if "fields" in (case.query or {}):
        # Rows then lack fields that are required otherwise, which OpenAPI cannot say.
        checks = [check for check in CHECKS if check is not response_schema_conformance]
    if _is_unread(response):
        # v1.12 answers a page there, before anything that the contract describes.
        assert sandbox.generation == "v1.12"
        return
    if response.status_code == 400 and isinstance(response.json(), list):
        # v1.12 says in a list what is wrong with a list; the contract knows an object.
        assert sandbox.generation == "v1.12"
        assert case.path.endswith(("cert-json/", "golden-json/"))
        checks = [check for check in checks if check is not response_schema_conformance]
    case.validate_response(response, checks=checks)


def _is_unread(response: Response) -> bool:
    """Whether nobody read the request: no such path in this generation, a body or a request line that is not looked at."""
    page = response.headers.get("content-type", [""])[0].startswith("text/html")
    return page and response.status_code in (400, 404)
