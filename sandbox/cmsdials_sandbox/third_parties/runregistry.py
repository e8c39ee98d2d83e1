"""runregistry/editable-datasets/: the runs whose certification of a dataset is in a given state."""

from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.catalogue import runs
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.third_parties.caf import of_class
from cmsdials_sandbox.third_parties.questions import required
from cmsdials_sandbox.views import Endpoint

STATES = ("OPEN", "SIGNOFF", "COMPLETED")


class EditableDatasets(Endpoint):
    """The runs of a class, dataset and state."""

    def get(self, request: Request) -> Response:
        """Run numbers; none for an unknown class, dataset or state."""
        class_name, dataset_name, state = required(
            request.query_params, "class_name", "dataset_name", "global_state"
        )
        known = [run for run in runs(installation().options.scale) if of_class(class_name, run[2])]
        latest = len(known) - 2
        found = [
            run_number
            for index, (run_number, _, _) in enumerate(known)
            # The latest runs are still open, the rest are done.
            if state.upper()
            == ("OPEN" if index > latest else "SIGNOFF" if index > latest - 3 else "COMPLETED")
        ]
        return Response(found if dataset_name.startswith("/") else [])
