"""Every rule of intake, explained: /rules and /rules/{rule}, as pages and as JSON."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from schemas.entry_schemas import OF_WHAT_IS_HELD, UNSAYABLE
from schemas.envelope import Json
from submissions.answers import problems
from submissions.intake import told
from submissions.marked import N_
from submissions.rulebook import Group, Rule, rulebook
from submissions.sections import sections
from web.languages import _, language
from web.pages import page
from web.people import person
from web.problems import Problem

GROUPS: dict[Group, str] = {
    "text": N_("What is sent"),
    "fields": N_("Fields"),
    "across": N_("Across fields"),
    "held": N_("Revisions and partner"),
    "message": N_("Messages on Kafka"),
    "sheet": N_("Spreadsheets"),
    "source": N_("Sources"),
}
_PROBLEMS = problems(_404=N_("There is no such rule"))


class Example(BaseModel):
    """`bad` breaks the rule and `good` keeps it, each as text; `held` is what was received before."""

    held: list[str]
    bad: str
    good: str
    findings: list[Json] = Field(description="what `bad` is told, if it is an entry; in the language of the request")


class Explained(BaseModel):
    """A rule. Its texts are in `zh` and `en`."""

    id: str
    group: Group
    title: dict[str, str]
    asks: dict[str, str]
    why: dict[str, str]
    fix: dict[str, str] = Field(description="what is suggested where it is broken")
    in_schema: bool = Field(description="whether the JSON Schema says it too")
    example: Example


def json_routes() -> APIRouter:
    """The rules for programs; everybody may read them."""
    router = APIRouter(tags=[N_("Rules")])

    @router.get("/rules", summary=N_("Every rule of intake"), response_description=N_("The rules, in order"))
    async def rules() -> list[Explained]:
        return [_explained(rule) for rule in rulebook().values()]

    @router.get(
        "/rules/{rule}",
        summary=N_("One rule"),
        response_description=N_("The rule, with an example"),
        responses=_PROBLEMS,
    )
    async def rule(rule: Annotated[str, Path(description="the rule’s id", examples=["dates.order"])]) -> Explained:
        return _explained(_found(rule))

    return router


def add(router: APIRouter) -> None:
    """The same as pages."""

    @router.get("/rules")
    async def listing(request: Request) -> Response:
        grouped = [(name, _(text), _of(name)) for name, text in GROUPS.items()]
        return page(request, "rules.html", sections=sections(request, person(request)), groups=grouped)

    @router.get("/rules/{rule}")
    async def one(request: Request, rule: str) -> Response:
        found = _found(rule)
        return page(
            request,
            "rule.html",
            sections=sections(request, person(request)),
            rule=found,
            group=_(GROUPS[found.group]),
            findings=[told(finding, language()) for finding in found.example.findings],
            others=[each for each in _of(found.group) if each.id != found.id],
            in_schema=_in_schema(found),
        )


def _of(group: Group) -> list[Rule]:
    return [rule for rule in rulebook().values() if rule.group == group]


def _found(rule: str) -> Rule:
    if rule not in rulebook():
        raise Problem(404, "unknown-rule", _("There is no such rule"), _("The list at /rules names all of them."))
    return rulebook()[rule]


def _in_schema(rule: Rule) -> bool:
    return rule.group not in ("message", "sheet", "source") and rule.id not in UNSAYABLE | OF_WHAT_IS_HELD


def _explained(rule: Rule) -> Explained:
    findings = [told(finding, language()) for finding in rule.example.findings]
    return Explained(
        id=rule.id,
        group=rule.group,
        title=rule.title,
        asks=rule.asks,
        why=rule.why,
        fix=rule.fix,
        in_schema=_in_schema(rule),
        example=Example(
            held=list(rule.example.shown_held),
            bad=rule.example.shown_bad,
            good=rule.example.shown_good,
            findings=findings,
        ),
    )
