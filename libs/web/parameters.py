"""Query parameters that nobody knows, or that are there twice, are refused: a slip such as `?staus=` must not pass
unnoticed, nor one of two values be dropped in silence."""

from collections import Counter
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from web.languages import _, sentences
from web.problems import Problem

#: The language may be chosen at any address.
EVERYWHERE = {"lang"}


def only_known_parameters(request: Request) -> None:
    """Dependency of JSON routes: a 422 that names each query parameter which the route does not have, or has once."""
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = {*_names(route.dependant), *EVERYWHERE}
    given = Counter(name for name, _value in request.query_params.multi_items())
    there = _("These there are: %(names)s") % {"names": ", ".join(sorted(known))}
    unknown = sentences(_("There is no such parameter here. Remove it, or check its spelling."), there)
    repeated = _("This parameter is there more than once. Give it one value.")
    findings = [
        {"pointer": f"/query/{name[:80]}", "rule": f"{rule}-parameter", "text": text}
        for name, count in sorted(given.items())
        for wrong, rule, text in ((name not in known, "unknown", unknown), (count > 1, "repeated", repeated))
        if wrong
    ]
    if findings:
        raise Problem(422, "invalid-request", _("The request is not complete or not valid"), findings=findings)


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for below in dependant.dependencies:
        yield from _names(below)
