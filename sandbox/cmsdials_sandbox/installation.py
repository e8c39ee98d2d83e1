"""Sets Django up for one sandbox, and gives the rest of the package access to what is served.

Called once, in the server's own process: nothing here happens at import, so a host process that imports the
package keeps its own Django settings.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import cast

import django
from django.conf import settings

from cmsdials_sandbox.cache import Cache
from cmsdials_sandbox.catalogue import Dataset, Workspace, workspaces
from cmsdials_sandbox.logins.external import ExternalRealm
from cmsdials_sandbox.logins.realm import Realm, realm
from cmsdials_sandbox.mes import MonitoringElement
from cmsdials_sandbox.options import Generation, Options


@dataclass(frozen=True)
class Content:
    """The contents of one workspace, by id."""

    datasets: Mapping[int, Dataset]
    mes: Mapping[int, MonitoringElement]


@dataclass(frozen=True)
class Installation:
    """The sandbox that this process serves.

    `external` is the external realm whose tokens it accepts; None for its own.
    """

    options: Options
    databases: Mapping[str, Path]
    realm: Realm
    cache: Cache
    external: ExternalRealm | None = None

    @property
    def generation(self) -> Generation:
        """Which DIALS it imitates."""
        return self.options.generation

    @cached_property
    def workspaces(self) -> tuple[Workspace, ...]:
        """The workspaces served."""
        return workspaces(self.options.scale)

    @cached_property
    def contents(self) -> Mapping[str, Content]:
        """Datasets and MEs of each workspace."""
        return {
            workspace.name: Content(
                {dataset.dataset_id: dataset for dataset in workspace.datasets},
                {me.me_id: me for me in workspace.mes},
            )
            for workspace in self.workspaces
        }


def installation() -> Installation:
    """Return the sandbox of this process."""
    return cast(Installation, settings.CMSDIALS_SANDBOX)


def install(options: Options, databases: Mapping[str, Path]) -> None:
    """Configure Django to serve these databases."""
    # Forbidden and Not Found are normal answers here; only tracebacks are logged.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    old = options.generation == "v1.12"
    settings.configure(
        CMSDIALS_SANDBOX=Installation(
            options,
            databases,
            realm(options),
            Cache(options.keeps_for),
            None if options.realm_url is None else ExternalRealm(options.realm_url),
        ),
        DEBUG=False,
        # The service builds links from the host in the request.
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="unused: nothing is signed",  # noqa: S106
        INSTALLED_APPS=["cmsdials_sandbox"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF="cmsdials_sandbox.urls",
        MIDDLEWARE=[
            "cmsdials_sandbox.middleware.head_without_body",
            "cmsdials_sandbox.middleware.gzip_all" if old else "cmsdials_sandbox.middleware.gzip_json",
            *(["cmsdials_sandbox.middleware.refuse_long_requests"] if old else []),
            # Answers 301 where only the trailing slash is missing.
            "django.middleware.common.CommonMiddleware",
        ],
        USE_TZ=True,
        USE_I18N=False,
        LOGGING_CONFIG=None,
        DATABASES={"default": {}} | {name: _database(path) for name, path in databases.items()},
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["cmsdials_sandbox.authentication.ServiceAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": [],
            "DEFAULT_RENDERER_CLASSES": [
                "cmsdials_sandbox.rendering.ORJSONRenderer",
                *(["cmsdials_sandbox.rendering.BrokenPage"] if old else []),
            ],
            "DEFAULT_PARSER_CLASSES": ["cmsdials_sandbox.bodies.JSONBodyParser"],
            "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.DefaultContentNegotiation"
            if old
            else "cmsdials_sandbox.rendering.AlwaysJSON",
            "DEFAULT_METADATA_CLASS": "rest_framework.metadata.SimpleMetadata" if old else None,
            "EXCEPTION_HANDLER": "cmsdials_sandbox.error_answers.answer",
            "UNAUTHENTICATED_USER": None,
            "UNAUTHENTICATED_TOKEN": None,
        },
    )
    django.setup()
    # Loads every view now, so that the first request is not slower, and errors show at the start.
    import_module(settings.ROOT_URLCONF)


def _database(path: Path) -> dict[str, object]:
    # Nothing writes any more, so SQLite needs no locks.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{path.as_uri()}?mode=ro&immutable=1",
        "OPTIONS": {"uri": True, "init_command": "PRAGMA mmap_size = 268435456"},
        "CONN_MAX_AGE": None,
    }
