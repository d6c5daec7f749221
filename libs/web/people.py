"""Who somebody is and what they may do: sign-in by OpenID Connect, roles, and the dependencies that ask for them.

Authorization code flow with PKCE, a nonce and a state bound to the session. The signed session cookie keeps a
`Person` and no token, so all services on one host, which share its secret, know the same person.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast
from urllib.parse import quote, urlsplit

import httpx2
import structlog
from authlib.integrations.starlette_client import OAuth, OAuthError, StarletteOAuth2App
from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.languages import _
from web.problems import Problem, wants_page

log = structlog.get_logger()


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in.

    `sub` is the issuer's lasting name for them; `roles` are among partner, reviewer, publisher, operator,
    onlooker (sees operations, changes nothing) and auditor; `partner` is the USCC of the agency or enterprise they act
    for, if any.
    """

    sub: str
    name: str
    roles: tuple[str, ...] = ()
    partner: str | None = None


def person(request: Request) -> Person | None:
    """Dependency: who is signed in, or None."""
    match request.session.get("person"):
        case {"sub": str(sub), "name": str(name), "roles": list(roles), "partner": partner}:
            return Person(sub, name, tuple(roles), partner)
        case _:
            return None


def actor(person: Person) -> str:
    """How events name a person: `user:<sub>`."""
    return f"user:{person.sub}"


def cause(request: Request) -> str:
    """What a request is called in the history as the cause of what it asks for.

    Sent again under the same X-Request-Id it takes no second effect. Who asks, the method and the path are part of it,
    since several may choose the same id, and a caller may use one for several requests. The query is not: it may hold a
    token. Who asks is `scope["state"]["by"]` where a key came with the request, else whoever has signed in, if anybody.
    """
    state, me = request.scope["state"], person(request)
    by = state.get("by") or (actor(me) if me else "")
    return f"request:{state['request_id']}:{by}:{request.method} {request.url.path}"


#: The field in which a page says whose it is: the subject of the person for whom it was made.
WHOSE = "person"


def own_page(form: Mapping[str, Any], me: Person) -> None:
    """Raises Problem if the page that a form comes from was made for somebody else than `me`.

    All tabs of a browser share one session: a page that stayed open would act in the name of whoever signed in last.
    """
    whose = form.get(WHOSE)
    if isinstance(whose, str) and whose and whose != me.sub:
        detail = _(
            "This page was opened by another person: nothing of it is saved or done in the name of %(name)s. "
            "Whoever opened it can sign in again, and go on."
        )
        title = _("Somebody else is signed in now.")
        raise Problem(409, "page-of-another", title, detail % {"name": me.name})


def require(*roles: str) -> Callable[[Request], Person]:
    """Dependency: the person signed in, who has one of `roles` (any person, if none is named).

    A browser that opens a page is sent to sign in and comes back; anything else gets 401. A missing role is 403.
    """

    def required(request: Request) -> Person:
        somebody = person(request)
        if somebody is None:
            raise _not_signed_in(request)
        if roles and not set(roles) & set(somebody.roles):
            detail = _(
                "You are signed in as %(name)s. Ask your administrator for the role, or sign in as somebody else."
            )
            raise Problem(
                403, "forbidden", _("Your account may not open this"), detail % {"name": somebody.name}, roles=[*roles]
            )
        return somebody

    return required


#: For annotations: `async def desk(request: Request, me: Signed): …`
Signed = Annotated[Person, Depends(require())]
Anyone = Annotated[Person | None, Depends(person)]


def _not_signed_in(request: Request) -> Exception:
    if wants_page(request) and request.method == "GET":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return HTTPException(303, headers={"Location": f"/sign-in?next={quote(here)}"})
    if "authorization" in request.headers:  # a program, and of no key of its that could be looked at
        detail = _("The header Authorization is Bearer, a space, and the key. People sign in instead.")
        title, headers = _("The API key is missing or cannot be read"), {"WWW-Authenticate": "Bearer"}
        return Problem(401, "key-missing", title, detail, headers=headers)
    return Problem(401, "not-signed-in", _("Sign in first"), _("Your session has ended, or you have not signed in."))


def local_path(address: str) -> str:
    """`address` if it is a path on this host, else `/`: a link to sign in must not lead anywhere else."""
    parts = urlsplit(address)
    local = address.startswith("/") and not parts.scheme and not parts.netloc
    return address if local and not address.startswith("//") and "\\" not in address else "/"


def issuer(url: str, client_id: str, client_secret: str) -> StarletteOAuth2App:
    """The client of the OpenID issuer at `url`; nothing is fetched before the first sign-in."""
    return OAuth().register(
        "issuer",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=url.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10},
    )


def sign_in_routes(client: StarletteOAuth2App) -> APIRouter:
    """GET /sign-in?next=…, GET /callback, POST /sign-out."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def sign_in(request: Request, next: str = "/") -> Response:
        request.session["next"] = local_path(next)
        try:
            return cast(Response, await client.authorize_redirect(request, request.url_for("callback")))
        except httpx2.HTTPError as error:
            log.warning("sign_in.issuer_unreachable", error=type(error).__name__)
            detail = _("The sign-in service does not answer. Try again in a minute; public pages work meanwhile.")
            raise Problem(503, "issuer-unreachable", _("You cannot sign in just now"), detail) from error

    @router.get("/callback")
    async def callback(request: Request) -> Response:
        try:
            token = await client.authorize_access_token(request)
            claims = dict(token["userinfo"])
            if "roles" not in claims:  # an issuer may keep custom claims out of the id_token
                claims |= await client.userinfo(token=token)
        except (OAuthError, httpx2.HTTPError, KeyError) as error:
            log.warning("sign_in.failed", error=str(error))
            detail = _("The sign-in was cancelled or took too long. Nothing was changed; try it again.")
            raise Problem(400, "sign-in-failed", _("You are not signed in"), detail) from error
        next = request.session.get("next", "/")
        request.session.clear()
        request.session["person"] = asdict(_person_of(claims))
        return RedirectResponse(next, 303)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        request.session.clear()
        return RedirectResponse("/signed-out", 303)

    return router


def _person_of(claims: dict[str, Any]) -> Person:
    sub = str(claims["sub"])
    roles = claims.get("roles") or ()
    return Person(sub, str(claims.get("name") or sub), tuple(map(str, roles)), claims.get("partner") or None)
