"""How a service renders its pages: one environment of templates, and `page`, which fills one in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import jinja2
from jinja2.runtime import Context
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web import words
from web.languages import FILTERS, LANGUAGE_TAGS, LANGUAGES, _, language, ngettext, sentences
from web.people import Person, person

WEB_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Site:
    """What the pages of one service know: kept as `app.state.site`.

    `addresses` are the public addresses of all services by name, without a slash at the end.
    """

    service: str
    addresses: Mapping[str, str]
    templates: jinja2.Environment
    translations: Mapping[str, NullTranslations]


@dataclass(frozen=True)
class Link:
    """A link of the navigation; `here` marks the one under which the page stands."""

    text: str
    href: str
    here: bool = False


class _Environment(jinja2.Environment):
    """Ours are strict: a name or key that does not exist raises. govuk's macros count on absent keys being falsy."""

    def __init__(self, govuk: jinja2.Environment, **options: Any) -> None:
        super().__init__(**options)
        self.govuk = govuk

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> jinja2.Template:
        if isinstance(name, str) and name.startswith("govuk_frontend_jinja/"):
            return self.govuk.get_template(name)
        return super().get_template(name, parent, globals)


def environment(*folders: Path) -> jinja2.Environment:
    """The templates of `folders`, then those of this library, then govuk_frontend_jinja's."""
    package = jinja2.PackageLoader("govuk_frontend_jinja")
    govuk = jinja2.Environment(loader=jinja2.PrefixLoader({"govuk_frontend_jinja": package}), autoescape=True)
    env = _Environment(
        govuk,
        loader=jinja2.FileSystemLoader([*folders, WEB_TEMPLATES]),
        autoescape=jinja2.select_autoescape(default=True, disabled_extensions=("txt",)),  # txt: plain e-mails
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals["sentences"] = sentences
    filters: dict[str, Callable[..., Any]] = {**FILTERS, "word": words.word, "colour": words.colour}
    env.filters.update({name: _at_render(filter) for name, filter in filters.items()})
    return env


def _at_render(filter: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja computes a filter of a constant once, when it compiles; ours depend on the language of the request."""

    @jinja2.pass_context
    def filtered(_context: Context, *args: Any, **options: Any) -> Any:
        return filter(*args, **options)

    return filtered


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    block: str | None = None,
    **context: Any,
) -> HTMLResponse:
    """The page of `template`, in the language of the request; `block` names the one block to render, for htmx.

    Adds to the context: request, site, person, language, language_tag, languages (links that keep the address),
    navigation, notices (what `notify` left), and link (`link(page=2)`: this address with its query changed).
    """
    site: Site = request.app.state.site
    somebody = person(request)
    values = {
        "request": request,
        "site": site,
        "person": somebody,
        "language": language(),
        "language_tag": LANGUAGE_TAGS[language()],
        "languages": [(tag, name, _link(request)(lang=tag)) for tag, name in LANGUAGES.items()],
        "navigation": navigation(site, somebody, request),
        "notices": request.session.pop("notices", []) if "notices" in request.session else [],
        "link": _link(request),
        **context,
    }
    found = site.templates.get_template(template)
    body = _render_block(found, block, values) if block else found.render(values)
    fresh = {"Content-Language": LANGUAGE_TAGS[language()], "Cache-Control": "private, no-cache"}
    answer = HTMLResponse(body, status, {**fresh, **(headers or {})})
    answer.headers.add_vary_header("Cookie")
    answer.headers.add_vary_header("Accept-Language")
    return answer


def _render_block(template: jinja2.Template, block: str, values: dict[str, Any]) -> str:
    """One block alone. jinja2-fragments does not see the macros a template imports outside its blocks."""
    context = template.new_context(values)
    next(template.root_render_func(context), None)  # as far as its first output: its imports and sets
    return "".join(template.blocks[block](context))


def notify(request: Request, text: str, kind: str = "success") -> None:
    """Leave a notice for the next page this person sees; `kind` is success or warning. Redirect after it."""
    request.session["notices"] = [*request.session.get("notices", []), {"text": text, "kind": kind}]


def page_of(request: Request) -> URL:
    """The address of the page that somebody is on. What a form is posted to answers no GET: its page is where it came
    from, if it was one of ours."""
    if request.method in ("GET", "HEAD"):
        return request.url
    came_from = URL(request.headers.get("referer", ""))
    return came_from if came_from.netloc == request.url.netloc else request.url.replace(path="/", query="")


def _link(request: Request) -> Callable[..., str]:
    def link(**changes: Any) -> str:
        """This page's address with its query changed; None takes a parameter out."""
        url = page_of(request).remove_query_params([name for name, value in changes.items() if value is None])
        url = url.include_query_params(**{name: value for name, value in changes.items() if value is not None})
        return f"{url.path}?{url.query}" if url.query else url.path

    return link


def navigation(site: Site, somebody: Person | None, request: Request) -> list[Link]:
    """The way to every service's pages that this person may open, the public ones first."""
    roles = somebody.roles if somebody else ()
    operates = "operator" if "operator" in roles else "onlooker"
    ways = [
        (None, _("Catalogue"), "publishing", "/catalogue"),
        (None, _("Subscribe"), "notifications", "/subscribe"),
        (None, _("Developers"), "submissions", "/developers"),
        ("partner", _("Submit"), "submissions", "/submissions"),
        ("reviewer", _("Review desk"), "review", "/cases"),
        ("publisher", _("Releases"), "publishing", "/releases"),
        ("auditor", _("Audit"), "audit", "/audit"),
        (operates, _("Operations"), "review", "/console"),
        ("operator", _("Partners"), "submissions", "/partners"),
        ("operator", _("Deliveries"), "notifications", "/deliveries"),
    ]
    path = request.url.path
    # Each service's own operations, the planner, the roster and assignments lie under the console's tabs.
    under = ("/operations", "/planner", "/reviewers", "/assignments")
    path = "/console" if any(_within(path, start) for start in under) else path
    return [
        Link(text, site.addresses[service] + start, site.service == service and _within(path, start))
        for role, text, service, start in ways
        if role is None or role in roles
    ]


def _within(path: str, start: str) -> bool:
    return path == start or path.startswith((start + "/", start + ":"))
