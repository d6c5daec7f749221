"""The service's own navigation: its sections, as tabs."""

from starlette.requests import Request

from web.languages import _
from web.people import Person


def sections(request: Request, me: Person | None) -> list[tuple[str, str, bool]]:
    """(text, address, here) of each section that this person may open."""
    roles = me.roles if me else ()
    partner, operator = "partner" in roles and bool(me and me.partner), "operator" in roles
    ways = [
        (partner or operator, _("All submissions") if operator else _("My submissions"), "/submissions"),
        (partner, _("Send entries"), "/submissions/new"),
        (partner, _("Drafts"), "/submissions/drafts"),
        (partner or operator, _("Refused"), "/submissions/refused"),
        (partner, _("Tests"), "/submissions/tests"),
        (partner or operator, _("Sources"), "/sources"),
        (partner, _("API keys"), "/keys"),
        (partner or operator, _("Requests"), "/requests"),
        (partner, _("Kafka"), "/kafka"),
        (operator, _("Partners"), "/partners"),
        (True, _("Rules"), "/rules"),
        (True, _("For developers"), "/developers"),
        (True, _("API reference"), "/docs"),
    ]
    shown = [(text, href) for may, text, href in ways if may]
    path = request.url.path
    under = [href for _text, href in shown if path == href or path.startswith(href + "/")]
    here = max(under, key=len, default="")
    return [(text, href, href == here) for text, href in shown]
