"""The view for each path; apart from their records and filters, the two generations differ mainly here."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path
from django_filters import FilterSet

from cmsdials_sandbox import certification, filters, records, workspaces
from cmsdials_sandbox.contract import swagger
from cmsdials_sandbox.control import AdvanceCache, ClearCache
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins import control, dials, keycloak, page
from cmsdials_sandbox.logins.device import Status
from cmsdials_sandbox.options import REALM, Generation
from cmsdials_sandbox.records import Record
from cmsdials_sandbox.third_parties.brilws import BrilcalcLumi
from cmsdials_sandbox.third_parties.caf import CAF
from cmsdials_sandbox.third_parties.oms import OMSProxy
from cmsdials_sandbox.third_parties.runregistry import EditableDatasets
from cmsdials_sandbox.views import (
    ArrayEndpoint,
    CountEndpoint,
    DetailEndpoint,
    Endpoint,
    ListEndpoint,
    MEsOfRunEndpoint,
)

ROOT = "api/v1/"
CONTROL = "sandbox/logins/"

handler400 = "cmsdials_sandbox.error_answers.bad_request"
handler404 = "cmsdials_sandbox.error_answers.not_found"
handler500 = "cmsdials_sandbox.error_answers.server_error"


def _at(route: str, view: type[Endpoint], **given: Any) -> URLPattern:
    return path(ROOT + route, view.as_view(**given))


def _table(
    name: str, record: Record, chosen: type[FilterSet], *, count: bool = False, key: tuple[str, ...] = ()
) -> Iterator[URLPattern]:
    """Make the paths of a list, of its records by key, and perhaps of its count."""
    yield _at(f"{name}/", ListEndpoint, record=record, filters=chosen)
    if count:
        yield _at(f"{name}/count/", CountEndpoint, record=record, filters=chosen)
    places = "".join(f"<int:{column}>/" for column in key or record.key)
    yield _at(f"{name}/{places}", DetailEndpoint, record=record)


def _data(generation: Generation) -> Iterator[URLPattern]:
    yield from _table("dataset-index", records.DATASET_INDEX, filters.DatasetIndexFilters)
    yield from _table("file-index", records.FILE_INDEX, filters.FileIndexFilters, count=True)
    yield _at("mes/", ArrayEndpoint, record=records.MES, filters=filters.MEsFilters)
    yield _at("mes/<int:me_id>/", DetailEndpoint, record=records.MES)
    yield _at("mes/<int:dataset_id>/<int:run_number>/", MEsOfRunEndpoint)
    yield from _table("run", records.run(generation), filters.RunFilters, count=True)
    yield from _table("lumisection", records.LUMISECTION, filters.LumisectionFilters, count=True)
    yield from _table("th1", records.th1(generation), filters.HistogramFilters)
    yield from _table("th2", records.th2(generation), filters.HistogramFilters)
    index = records.ml_models_index(generation)
    yield from _table("ml-models-index", index, filters.models_index_filters(generation))
    bad = records.ml_bad_lumisection(generation)
    yield from _table("ml-bad-lumisection", bad, filters.MLBadLumisectionFilters)


def _only_now() -> Iterator[URLPattern]:
    yield _at("ml-bad-lumisection/cert-json/", certification.CertJsonByBody)
    yield _at("ml-bad-lumisection/golden-json/", certification.GoldenJsonByBody)
    yield _at("workspaces/", workspaces.Workspaces)
    yield _at("workspaces/my-default/", workspaces.MyDefault)


def _only_v112() -> Iterator[URLPattern]:
    yield _at("ml-bad-lumisection/cert-json/", certification.CertJsonByQuery)
    yield _at("ml-bad-lumisection/golden-json/", certification.GoldenJsonByQuery)
    yield _at("auth/workspaces/", workspaces.ConfiguredWorkspaces)
    yield _at("auth/user-default-workspace/", workspaces.UserDefaultWorkspace)


def _third_parties() -> Iterator[URLPattern]:
    yield _at("oms-proxy/", OMSProxy)
    yield _at("caf/", CAF)
    yield _at("runregistry/editable-datasets/", EditableDatasets)
    yield _at("brilws/brilcalc-lumi/", BrilcalcLumi)


def _logins() -> Iterator[URLPattern]:
    realm = f"auth/realms/{REALM}/"
    yield _at("auth/new-device/", dials.NewDevice)
    yield _at("auth/device-token/", dials.DeviceToken)
    yield _at("auth/refresh-token/", dials.RefreshToken)
    yield path(realm + ".well-known/openid-configuration", keycloak.configuration)
    yield path(realm + "protocol/openid-connect/certs", keycloak.certs)
    yield path(realm + "protocol/openid-connect/auth/device", keycloak.device)
    yield path(realm + "protocol/openid-connect/token", keycloak.token)
    yield path(realm + "protocol/openid-connect/revoke", keycloak.revoke)
    yield path(realm + "api-access/token", keycloak.api_access)
    yield path(realm + "device", page.confirm)
    yield path("auth/realms/<str:name>/<path:_rest>", keycloak.no_such_realm)


def _control() -> Iterator[URLPattern]:
    yield path("sandbox/cache/clear/", ClearCache.as_view())
    yield path("sandbox/cache/advance/", AdvanceCache.as_view())
    yield path(CONTROL, control.Counts.as_view())
    yield path(CONTROL + "expire-access-tokens/", control.ExpireAccessTokens.as_view())
    yield path(CONTROL + "end-sessions/", control.EndSessions.as_view())
    yield path(CONTROL + "account/", control.ChangeAccount.as_view())
    yield path(CONTROL + "features/", control.ChangeFeatures.as_view())
    yield path(CONTROL + "rotate-keys/", control.RotateKeys.as_view())
    yield path(CONTROL + "revoke-all/", control.RevokeAll.as_view())
    yield path(CONTROL + "approve/", control.Decide.as_view(decision=Status.APPROVED))
    yield path(CONTROL + "deny/", control.Decide.as_view(decision=Status.DENIED))


urlpatterns = [
    path("static/swagger.json", swagger),
    *_data(installation().generation),
    *(_only_now() if installation().generation == "now" else _only_v112()),
    *_third_parties(),
    *([*_logins(), *_control()] if installation().external is None else []),
]
