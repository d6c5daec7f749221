"""How the application answers what goes wrong: problem+json to programs, a page with a next step to people."""

from collections.abc import Sequence
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount

from runtime.stored import LARGEST
from runtime.streams import MAX_EVENTS, StreamFull
from web.invalid import said
from web.languages import _
from web.pages import page, page_of
from web.problems import Problem, as_json, wants_page

#: What Python, BSON and orjson say of text that cannot be written as UTF-8. JSON can bring it (RFC 8259, section 8.2).
HALF = "surrogates not allowed"
#: What Starlette says of a field that is no file and longer than its form may bring.
TOO_LONG = ("Part exceeded maximum size", "Field exceeded maximum size")

#: Bytes of a form that the page keeps which asks to sign in first.
MOST_KEPT = 2**20


def problem_response(request: Request, problem: Problem, sent: Sequence[tuple[str, str]] = ()) -> Response:
    """The answer to a request that met `problem`, in the reader's language and in the form they asked for.

    `sent` are the fields of a form that was not taken for want of a session: the page keeps them, to be sent again.
    """
    request_id = request.scope["state"]["request_id"]
    request.scope["state"]["problem"] = problem  # for those who keep a record of what they answered
    if not wants_page(request):
        return as_json(problem, request_id)
    return page(
        request,
        "problem.html",
        status=problem.status,
        headers={**problem.headers, **({"Cache-Control": "no-store"} if sent else {})},
        problem=problem,
        sent=sent,
        sent_to=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
        request_id=request_id,
        # As somebody else only where a role is missing: a conflict of interest is not evaded by another account.
        sign_in=f"/sign-in?next={quote(page_of(request).path)}"
        if problem.status == 401 or (problem.status == 403 and "roles" in problem.members)
        else None,
    )


def answer(request: Request, error: Exception) -> Response:
    """The answer to what no route caught; where nobody foresaw it, the log has the rest under the request id."""
    if isinstance(error, Problem):
        return problem_response(request, error)
    if HALF in str(error):
        title = _("The text holds half a character")
        detail = _("From \\ud800 to \\udfff there are halves only, which stand in pairs. Send the whole character.")
        return problem_response(request, Problem(422, "half-a-character", title, detail))
    detail = _(
        "Nothing you sent was the cause. Try again in a minute; if it happens again, tell us the request number."
    )
    return problem_response(request, Problem(500, "failed", _("Sorry, something went wrong"), detail))


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_response(request, problem, await _sent(request) if problem.status == 401 else ())


async def _sent(request: Request) -> Sequence[tuple[str, str]]:
    """The fields of the form that a browser sent; none where it is too large, or brings a file, which no page keeps."""
    form_types = ("application/x-www-form-urlencoded", "multipart/form-data")
    if request.method != "POST" or not wants_page(request):
        return ()
    size = request.headers.get("content-length", "")
    if not request.headers.get("content-type", "").startswith(form_types) or not size.isdecimal():
        return ()
    if int(size) > MOST_KEPT:
        return ()
    try:
        form = (await request.form()).multi_items()
    except HTTPException:  # no form after all
        return ()
    # A browser sends a file's field in which none was chosen, too: without a name.
    fields = [(name, value) for name, value in form if isinstance(value, str) or value.filename]
    texts = [(name, value) for name, value in fields if isinstance(value, str)]
    return texts if len(texts) == len(fields) else ()


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    detail: str | None = None
    status = error.status_code
    match status:
        case 400 if str(error.detail).startswith(TOO_LONG):
            status, type, title = 413, "upload-too-large", _("This is more text than the form takes")
            detail = _("Nothing of it was taken in. Go back, where it still stands, and send it as a file or in parts.")
        case 404:
            type, title = "not-found", _("Page not found")
            detail = _("Check the address, or start from the catalogue.")
        case 405:
            type, title, detail = ("method-not-allowed", _("This address does not accept that method"), None)
        case _:
            type, title = f"http-{status}", str(error.detail)
    headers = {**(error.headers or {}), **({"Allow": _allowed(request)} if status == 405 else {})}
    return problem_response(request, Problem(status, type, title, detail, headers=headers))


def _allowed(request: Request) -> str:
    """Every method that the address accepts: the router names those of its first route only."""
    scope = dict(request.scope)
    scope["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))  # as it was before a mount took it on

    def accepts(route: BaseRoute, method: str) -> bool:
        if isinstance(route, Mount) and method != "GET":  # files, which match whatever the method, and are only read
            return False
        return route.matches({**scope, "method": method})[0] is Match.FULL

    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    accepted = [method for method in methods if any(accepts(route, method) for route in request.app.routes)]
    return ", ".join([*accepted, "HEAD"] if "GET" in accepted else accepted)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [
        {"pointer": "".join(f"/{part}" for part in found["loc"]), "rule": found["type"], "text": said(found)}
        for found in error.errors()
    ]
    title = _("The request is not complete or not valid")
    return problem_response(request, Problem(422, "invalid-request", title, findings=findings))


async def _on_full(request: Request, error: Exception) -> Response:
    title = _("This is more than can be kept")
    detail = _(
        "One event may have %(size)s MiB, one history %(events)s events. Send shorter texts, or ask an operator."
    )
    most = {"size": LARGEST // 2**20, "events": f"{MAX_EVENTS:,}"}
    return problem_response(request, Problem(413, "too-large", title, detail % most))


def handle_problems(app: FastAPI) -> None:
    """Teach `app` to answer problems, HTTP errors and invalid requests as this module says."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(StreamFull, _on_full)
