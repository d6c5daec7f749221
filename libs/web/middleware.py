"""What every request passes through, outermost first. Plain ASGI, so that context variables reach the routes."""

import time
from collections.abc import Callable, Mapping
from gettext import NullTranslations
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.languages import LANGUAGES, _, choose, speak
from web.problems import Problem

log = structlog.get_logger()

REQUEST_SECONDS = Histogram(
    "shuangqian_http_request_seconds",
    "Time to answer a request",
    ("service", "method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

SECURITY_HEADERS = {
    # No inline script or style anywhere: what a page needs is in /static.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

#: What machines ask every few seconds, and files.
UNLOGGED = ("/livez", "/readyz", "/metrics", "/static", "/assets")


class Observed:
    """Gives each request an id (the caller's, where it sent a plain one), binds it to the log, and measures it."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = Headers(scope=scope).get("x-request-id", "")
        # Only what is safe to log and to print on a page is taken over.
        request_id = given if given.isascii() and given.replace("-", "").isalnum() and len(given) <= 64 else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, began = 500, time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, observed_send)
            finally:
                route = getattr(scope.get("route"), "path", "-")
                elapsed = time.perf_counter() - began
                REQUEST_SECONDS.labels(self.service, scope["method"], route, str(status)).observe(elapsed)
                if not route.startswith(UNLOGGED):
                    # The route and not the path or query: those say whose it is, and hold tokens.
                    log.info("request", method=scope["method"], route=route, status=status, ms=round(elapsed * 1000, 1))


class Guarded:
    """Sets the security headers on every answer, and has browsers ask whether a static file is still the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, guarded_send if scope["type"] == "http" else send)


class Spoken:
    """Chooses the language of the request, speaks it until the answer is sent, and remembers a choice made by hand."""

    def __init__(self, app: ASGIApp, translations: Mapping[str, NullTranslations]) -> None:
        self.app, self.translations = app, translations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        wish = request.query_params.get("lang")
        cookie = request.cookies.get("language")
        language = choose(wish, cookie, request.headers.get("accept-language", ""))

        async def spoken_send(message: Message) -> None:
            if message["type"] == "http.response.start" and wish in LANGUAGES and wish != cookie:
                kept = f"language={wish}; Path=/; Max-Age=31536000; SameSite=Lax"
                MutableHeaders(scope=message).append("Set-Cookie", kept)
            await send(message)

        with speak(language, self.translations):
            await self.app(scope, receive, spoken_send)


class Caught:
    """Answers for what raised beyond it: `answer(request, exception)`, unless the answer had already begun."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Response]) -> None:
        self.app, self.answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        async def caught_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, caught_send)
        except Exception as error:
            response = self.answer(Request(scope, receive), error)
            if not isinstance(error, Problem) and (begun or response.status_code >= 500):
                log.exception("request.failed", method=scope["method"], path=scope["path"])
            if begun:
                raise
            await response(scope, receive, send)


class SameOrigin:
    """Refuses unsafe requests that another site makes a browser send: cross-site request forgery.

    Browsers say where a request comes from in Sec-Fetch-Site, or at least in Origin. A request with neither was not
    made by a browser, so it carries nobody's cookies against their will, and passes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            headers = Headers(scope=scope)
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            same = site in ("same-origin", "none") if site else not origin or _netloc(origin) == headers.get("host")
            if not same:
                detail = _("Open the page on this site and send it from there.")
                raise Problem(403, "cross-origin", _("This request came from another site"), detail)
        await self.app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as it would GET, without the body (RFC 9110, section 9.3.2).

    The answer ends with its headers, and the server tells whoever would go on sending that the reader has gone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        async def headers_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})

        asked = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, headers_send)
        finally:
            scope["route"] = asked.get("route")  # as a GET leaves it for those who measure


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as an IPv6 address without its end
        return None
