"""`/static/swagger.json`: the API document itself, without credentials, from the copy that the generator puts here."""

from importlib import resources

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def swagger(_request: HttpRequest) -> HttpResponse:
    """Return the document, or a 404 that says how to make it."""
    document = resources.files(__package__).joinpath("contract.json")
    if not document.is_file():
        detail = (
            "This sandbox was built without contract.json; `python -m cmsdials_generator generate` writes it."
        )
        return JsonResponse({"detail": detail}, status=404)
    return HttpResponse(document.read_bytes(), content_type="application/json")
