"""`Dials`: the service as an object, with an attribute for each resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cmsdials_api.resources import RESOURCES

from cmsdials.http.connections import Timeout
from cmsdials.http.credentials import FillsHeaders, check_credentials
from cmsdials.http.retry import Retries
from cmsdials.http.session import Session
from cmsdials.instances import PRODUCTION
from cmsdials.resources.arguments import no_resource
from cmsdials.resources.datasets import Datasets
from cmsdials.resources.elements import MonitoringElementResource
from cmsdials.resources.histograms import (
    HistogramResource,
    LumisectionHistogram1DResource,
    LumisectionHistogram2DResource,
)
from cmsdials.resources.index import (
    DatasetIndexResource,
    FileIndexResource,
    LumisectionResource,
    RunResource,
)
from cmsdials.resources.machine_learning import MLBadLumisectionResource, MLModelsIndexResource
from cmsdials.resources.oms import OMS
from cmsdials.resources.services import CAF, BrilWS, RunRegistry
from cmsdials.resources.workspaces import DefaultWorkspace, Workspaces
from cmsdials.runtime.interrupts import Closing

if TYPE_CHECKING:
    from cmsdials.resources.selection import Selection

__all__ = ["Dials"]


class Dials(Closing):
    """A DIALS service, as one user sees one of its workspaces.

    The constructor sends nothing. All requests of an object go over one pool of connections; `close()`, or the end
    of a `with` block, closes them, and they open again when needed. Threads may share an object.

    Args:
        creds: Credentials, from `cmsdials.auth`, or any object with a method ``before_request(headers)``.
        workspace: The workspace to use, such as tracker; None for the user's default one, which is looked up by the
            first request that needs it. It applies to the requests of this object only.
        base_url: Address of the service; default: the one that the credentials are for, else production.
        route: Path of the API below `base_url`.
        version: Version of the API below `route`.
        timeout: Seconds for each phase of a request, or a pair (connect, read); None waits for ever. A request may take
            twice as long to connect, and again until its answer is there, with a second more for each 10 kB of that.

    Attributes:
        dataset_index: Datasets, with all that DIALS knows of them.
        file_index: Files, and how their ingestion went.
        h1d: One-dimensional histograms.
        h2d: Two-dimensional histograms.
        lumi: Lumisections.
        run: Runs.
        mes: Monitoring elements.
        datasets: Datasets, by the parts of their names and by run.
        ml_models_index: Models that judge lumisections.
        ml_bad_lumis: Lumisections that they judge bad, and certification files; also `ml_bad_lumisection`.
        oms: The Online Monitoring System.
        caf: Certification files of the CMS analysis facility.
        runregistry: The Run Registry.
        brilws: Luminosity.
        workspaces: Workspaces of the service; also `workspace`.

    Raises:
        ConfigurationError: An argument is unusable, such as creds of the wrong type, or a base_url that is not a URL.
    """

    def __init__(
        self,
        creds: FillsHeaders,
        workspace: str | None = None,
        base_url: str | None = None,
        route: str | None = None,
        version: str | None = None,
        *,
        timeout: Timeout = 30.0,
    ) -> None:
        check_credentials(creds)
        # A login is valid for one service only, which is therefore the default.
        base_url = (
            base_url or getattr(getattr(creds, "client", None), "base_url", None) or PRODUCTION.base_url
        )
        self._session = session = Session(
            base_url,
            creds,
            workspace,
            route or "api/",
            version or "v1/",
            timeout,
            default_workspace=DefaultWorkspace(),
        )
        self.dataset_index = DatasetIndexResource(session)
        self.file_index = FileIndexResource(session)
        self.h1d = LumisectionHistogram1DResource(session)
        self.h2d = LumisectionHistogram2DResource(session)
        self.lumi = LumisectionResource(session)
        self.run = RunResource(session)
        self.mes = MonitoringElementResource(session)
        self.datasets = Datasets(session)
        self.ml_models_index = MLModelsIndexResource(session)
        self.ml_bad_lumis = self.ml_bad_lumisection = MLBadLumisectionResource(session)
        self.oms = OMS(session)
        self.caf = CAF(session)
        self.runregistry = RunRegistry(session)
        self.brilws = BrilWS(session)
        self.workspaces = self.workspace = Workspaces(session)

    if not TYPE_CHECKING:  # so that type checkers still report an unknown resource

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                message = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(message, name=name, obj=self)
            raise no_resource(name, [one for one in vars(self) if one[0] != "_"], RESOURCES)

    def histograms(
        self,
        me: Any,
        *,
        run: int | Iterable[int] | None = None,
        dataset: Any = None,
        ls: int | Iterable[int] | None = None,
        good: Any = None,
        retries: Retries = None,
    ) -> Selection:
        """Find histograms of monitoring elements, whether they have one dimension or two. None of them is fetched yet.

        Names are looked up in the lists that are kept, and the list of runs is asked.

        Args:
            me: A monitoring element: its exact name, its id, a glob (a name with * or ?, as in `dials.mes.find`), a compiled
                regular expression, or what `dials.mes.find` returned; or several of these in a list.
            run: A run, or several, such as ``range(379058, 379200)``; None for all.
            dataset: A dataset, likewise, such as what `dials.datasets.find` returned; None for all.
            ls: A lumisection of each run, or several; None for all.
            good: A `cmsdials.LumiMask`, or what makes one, such as a golden JSON; None for all lumisections.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.

        Returns:
            What was found; its `repr` shows it. `list_all()`, `pages()`, `to_numpy()`, `to_pandas()` and `download(folder)`
            fetch it.

        Raises:
            UnknownNameError: A name, an id or a pattern stands for nothing; the message has the nearest names.
            FilterError: There is no such run, or an argument is of the wrong kind.
            ConfigurationError: No mask can be made of `good`.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        from cmsdials.resources.histograms_of import histograms_of  # noqa: PLC0415  # not all scripts choose by name

        kinds = {one._dimensions: one for one in vars(self).values() if isinstance(one, HistogramResource)}
        return histograms_of(
            self.mes,
            self.datasets,
            self.run,
            kinds,
            me=me,
            run=run,
            dataset=dataset,
            ls=ls,
            good=good,
            retries=retries,
        )

    @property
    def base_url(self) -> str:
        """Address of the service."""
        return self._session.base_url

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_session"):
            return "<Dials that was not made>"
        return f"<Dials {self.base_url}, workspace {self._session.workspace or 'by default'}>"
