"""A document as DIALS publishes one: our contract, with each fault that the corrections expect put back.

The document that the service really publishes may not stand in this repository. This one is made when a test runs, from
the contract and its corrections alone, so every correction of ours fits it; and `next_version` is what it may be one day.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from cmsdials_generator import project
from cmsdials_generator.canonical import operations
from cmsdials_generator.pull import corrections
from cmsdials_generator.revert import revert

Json = Any

OPTIONAL: Json = [{"Client Secret Key": []}, {"Bearer Token": []}, {}]
"""What the service claims of nearly all of its operations."""

LOGINS = (
    "/api/v1/auth/new-device/",
    "/api/v1/auth/device-token/",
    "/api/v1/auth/refresh-token/",
)
NULLABLE = ("fillnum", "runnumber", "beamstatus", "amodetag", "normtag", "begin", "end")

SCHEMES: Json = {
    "Client Secret Key": {"type": "apiKey", "in": "header", "name": "X-CLIENT-SECRET"},
    "Bearer Token": {"type": "http", "scheme": "Bearer", "in": "header", "name": "Authorization"},
}


def published() -> Json:
    """Return a document that becomes our contract."""
    contract = json.loads(project.CONTRACT.read_bytes())
    schemas = contract["components"]["schemas"]
    for path, _, operation in operations(contract):  # which are added by what these very answers choose
        for status in ("403", "404", "500") if path not in (*LOGINS, "/static/swagger.json") else ():
            del operation["responses"][status]
    every = corrections()
    bodies = {name: copy.deepcopy(schemas[name]) for name in ("DeviceCode", "RefreshToken")}
    document = revert(contract, every, every)
    schemas = document["components"]["schemas"]
    bodies |= {name: schemas.pop(name) for name in [*schemas] if name.endswith("Page") or name == "Count"}
    for _, _, operation in operations(document):  # bodies are written out where they are used
        for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
            for body in holder.get("content", {}).values():
                name = body["schema"].get("$ref", "").rpartition("/")[2]
                body["schema"] = copy.deepcopy(bodies.get(name, body["schema"]))
    for path, _, operation in operations(document):
        if path not in LOGINS:
            operation["security"] = copy.deepcopy(OPTIONAL)
    for parameter in document["paths"]["/api/v1/brilws/brilcalc-lumi/"]["get"]["parameters"]:
        if parameter["name"] in NULLABLE:
            parameter["schema"]["nullable"] = True
    document["components"]["securitySchemes"] = copy.deepcopy(SCHEMES)
    return document


def next_version() -> Json:
    """Return the same service some day: 3D histograms, new filters and fields, another way to log in."""
    document = published()
    paths, schemas = document["paths"], document["components"]["schemas"]

    def of_3d(node: Json) -> Json:
        return json.loads(json.dumps(node).replace("TH2", "TH3").replace("th2", "th3"))

    for path in [path for path in paths if path.startswith("/api/v1/th2/")]:
        paths[path.replace("th2", "th3")] = of_3d(paths[path])
    histogram = schemas["TH3"] = of_3d(schemas["TH2"])
    histogram["properties"] |= {
        "z_min": {"type": "number"},
        "z_max": {"type": "number"},
        "z_bin": {"type": "integer"},
    }
    histogram["required"] += ["z_min", "z_max", "z_bin"]
    histogram["properties"]["data"] = {
        "type": "array",
        "items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    }
    paths["/api/v1/th3/"]["get"]["parameters"].append(
        {"name": "mean__gte", "in": "query", "required": False, "schema": {"type": "string"}}
    )
    schemas["Run"]["properties"]["fill_number"] = {"type": "integer"}
    file = schemas["FileIndex"]["properties"]
    file["size"] = file.pop("file_size")
    schemas["FileIndex"]["required"] = [
        "size" if one == "file_size" else one for one in schemas["FileIndex"]["required"]
    ]
    document["components"]["securitySchemes"]["Keycloak"] = {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://auth.example.org/.well-known/openid-configuration",
    }
    for _, _, operation in operations(document):
        if operation.get("security"):
            operation["security"].insert(0, {"Keycloak": []})
    return document
