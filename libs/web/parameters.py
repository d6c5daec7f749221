"""Query parameters that nobody knows are refused: a slip such as `?staus=` must not pass unnoticed."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from web.languages import _
from web.problems import Problem

#: The language may be chosen at any address.
EVERYWHERE = {"lang"}


def only_known_parameters(request: Request) -> None:
    """Dependency of JSON routes: a 422 that names each query parameter which the route does not have."""
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = {*_names(route.dependant), *EVERYWHERE}
    unknown = sorted(set(request.query_params) - known)
    if not unknown:
        return
    findings = [
        {
            "pointer": f"/query/{name[:80]}",
            "rule": "unknown-parameter",
            "text": _("There is no such parameter here. Remove it, or check its spelling.")
            + (" " + _("These there are: %(names)s") % {"names": ", ".join(sorted(known))}),
        }
        for name in unknown
    ]
    raise Problem(422, "invalid-request", _("The request is not complete or not valid"), findings=findings)


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for below in dependant.dependencies:
        yield from _names(below)
