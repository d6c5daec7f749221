"""The web application of one service: what its composition root calls before it adds its own routes."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from runtime import telemetry
from web import openapi
from web.errors import answer, handle_problems
from web.languages import load
from web.middleware import Caught, Guarded, HeadAsGet, Observed, SameOrigin, Spoken
from web.pages import Site, environment, page
from web.people import issuer, person, sign_in_routes

SERVICES = ("publishing", "submissions", "review", "notifications", "audit")
STATIC = Path(__file__).parent / "static"
#: Signed-in people are asked again after a working day.
SESSION_S = 12 * 60 * 60


class Settings(Protocol):
    """What the web needs to be told; runtime's settings are one such."""

    session_secret: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    node_modules: Path
    publishing_url: str
    submissions_url: str
    review_url: str
    notifications_url: str
    audit_url: str


Ready = Callable[[], Awaitable[Mapping[str, bool]]]


async def _always_ready() -> Mapping[str, bool]:
    return {}


def create_app(
    service: str, settings: Settings, templates: Path, *, ready: Ready = _always_ready, **fastapi: Any
) -> FastAPI:
    """An application with sign-in, languages, static files, error pages, protection, and the routes machines ask.

    `templates` is the service's folder, beside which `locale/` may lie; `ready` names what must work for a request
    to succeed and whether it does; `fastapi` goes to FastAPI (`title`, `lifespan`, …). `app.state.site` is the Site.
    """
    addresses = {name: str(getattr(settings, f"{name}_url")).rstrip("/") for name in SERVICES}
    translations = load(templates.parent / "locale")
    https = addresses[service].startswith("https:")
    middleware = [
        Middleware(Observed, service=service),
        Middleware(Guarded),
        Middleware(Spoken, translations=translations),
        Middleware(
            SessionMiddleware,
            secret_key=settings.session_secret,
            session_cookie="shuangqian",
            max_age=SESSION_S,
            same_site="lax",
            https_only=https,
        ),
        Middleware(Caught, answer=answer),
        Middleware(SameOrigin),
        Middleware(HeadAsGet),
    ]
    # No /docs: its scripts come from elsewhere and inline, which the security headers forbid; /openapi.json is there.
    app = FastAPI(middleware=middleware, docs_url=None, redoc_url=None, **fastapi)
    app.state.site = Site(service, addresses, environment(templates), translations)
    handle_problems(app)
    openapi.complete(app)
    app.include_router(
        sign_in_routes(issuer(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret))
    )
    _signed_out(app)
    _machine_routes(app, ready)
    _static_files(app, settings.node_modules)
    telemetry.instrument(app)
    return app


def _signed_out(app: FastAPI) -> None:
    @app.get("/signed-out", include_in_schema=False)
    async def signed_out(request: Request) -> Response:
        """Where signing out leads. Of this service: browsers let no form lead to another address than its own."""
        if person(request):
            return RedirectResponse(app.state.site.addresses["publishing"] + "/", 303)
        return page(request, "signed-out.html")


def _machine_routes(app: FastAPI, ready: Ready) -> None:
    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return PlainTextResponse("ok")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        parts = dict(await ready())
        return JSONResponse(parts, 200 if all(parts.values()) else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _static_files(app: FastAPI, node_modules: Path) -> None:
    moj = node_modules / "@ministryofjustice" / "frontend" / "moj"
    folders = {
        "/static/govuk": node_modules / "govuk-frontend" / "dist" / "govuk",
        "/static/moj": moj,
        "/static/htmx": node_modules / "htmx.org" / "dist",
        "/static/uplot": node_modules / "uplot" / "dist",
        "/static": STATIC,
        "/assets": moj / "assets",  # where the casework set's stylesheet looks for its icons
    }
    for path, folder in folders.items():
        app.mount(path, StaticFiles(directory=folder))
