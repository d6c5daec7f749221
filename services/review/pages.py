"""The review as pages: the desk, a case, and what was decided. At the same addresses as the JSON, for browsers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from review.assignment.words import why
from review.checks import RULES
from review.desk import Desk, case_id, case_path, may_take_back, now, visible_reviews
from review.domain import Case
from review.domain.acts import UNDO
from review.domain.lease import LEASE
from review.entries import LABELS, differences, label, rows
from review.guidance import GUIDANCE, KEYS, VERDICTS
from review.judging import judging
from review.store import MOST_COUNTED, PAGE, Standing
from runtime.streams import Outcome
from schemas.entry import KINDS, Linkage
from schemas.envelope import Event
from schemas.review import CRITERIA, CaseReleased, Decision, Verdict
from web.languages import _
from web.pages import notify, page
from web.people import Person, cause, require
from web.words import word

Reviewer = Annotated[Person, Depends(require("reviewer"))]
Reader = Annotated[Person, Depends(require("reviewer", "operator"))]
Operator = Annotated[Person, Depends(require("operator"))]
RECENT = 8


class ForPeople(APIRoute):
    """A route that browsers alone see: a program that asks the same address has the JSON that lies behind it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and "text/html" not in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


def pages(desk: Desk) -> APIRouter:
    """The routes under /cases that answer with pages. To be included before the JSON ones."""
    router = APIRouter(include_in_schema=False, route_class=ForPeople)
    one = "/cases/{partner}/{reference}/{revision}"
    store = desk.store

    @router.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/cases", 303)

    @router.get("/cases")
    async def overview(request: Request, me: Reader) -> Response:
        at, reviews = now(), "reviewer" in me.roles
        who = await desk.standing(me) if reviews else Standing(me.sub, me.partner)
        recent, decided = await store.decided(without_partner=me.partner, most=RECENT)
        return page(
            request,
            "desk.html",
            at=at,
            reviews=reviews,
            mine=await store.held(me.sub) if reviews else [],
            waiting=await store.waiting(),
            awaiting=await store.awaiting(who) if reviews else 0,
            most_counted=MOST_COUNTED,
            free=bool(await store.candidates(who, at, 1) or await store.assigned([me.sub], at)) if reviews else False,
            held=await store.held_by_others(who, at) if reviews else [],
            recent=recent,
            decided=decided,
            case_path=case_path,
            keys=KEYS,
            operates="operator" in me.roles,
            undo=await _undo(request, desk, me),
            undo_s=int(UNDO.total_seconds()),
            lease_minutes=LEASE // timedelta(minutes=1),
        )

    @router.get("/cases/decided")
    async def decided(
        request: Request, me: Reader, decision: str = "", kind: str = "", after: str | None = None
    ) -> Response:
        found, total = await store.decided(
            decision if decision in list(Decision) else None, kind if kind in KINDS else None, after, me.partner
        )
        return page(
            request,
            "decided.html",
            cases=found,
            total=total,
            next=found[-1].cursor if len(found) == PAGE else None,
            after=after,
            decision=decision,
            kind=kind,
            decisions=list(Decision),
            kinds=KINDS,
            case_path=case_path,
        )

    @router.get("/cases/judging")
    async def judged(request: Request, me: Operator) -> Response:
        found = await judging(store)
        latest = await store.judged(PAGE)
        lines = [(case, found.corrected(case)) for case in latest]
        return page(request, "judging.html", judging=found, lines=lines, case_path=case_path)

    @router.post("/cases:next")
    async def next(request: Request, me: Reviewer) -> Response:
        outcome = await desk.next(me, cause(request))
        if outcome is None:
            notify(request, _("No case is free for you just now."), "warning")
            return RedirectResponse("/cases", 303)
        return RedirectResponse(case_path(outcome.stream), 303)

    @router.get(one)
    async def case(request: Request, partner: str, reference: str, revision: int, me: Reader) -> Response:
        outcome = await desk.seen(case_id(partner, reference, revision), me)
        return await _case_page(request, desk, outcome, me)

    @router.post(one + "/claim")
    async def claim(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        id = case_id(partner, reference, revision)
        await desk.claim(id, me, cause(request))
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/extend")
    async def extend(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        id = case_id(partner, reference, revision)
        await desk.extend(id, me, cause(request))
        return RedirectResponse(case_path(id) + "#review", 303)

    @router.post(one + "/undo")
    async def undo(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        id = case_id(partner, reference, revision)
        await desk.take_back(id, me, cause(request))
        notify(request, _("Your review is taken back. Judge again, or give the case back."))
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/appeals")
    async def appeal(request: Request, partner: str, reference: str, revision: int, me: Operator) -> Response:
        id, form = case_id(partner, reference, revision), await request.form()
        by: Literal["partner", "operator"] = "operator" if form.get("by") == "operator" else "partner"
        await desk.appeal(id, me, cause(request), by, str(form.get("reason", "")))
        notify(request, _("The appeal is on record. Other reviewers judge the case again."))
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/release")
    async def release(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        await desk.release(case_id(partner, reference, revision), me, cause(request))
        notify(request, _("You gave the case back. Others can claim it now."))
        return RedirectResponse("/cases", 303)

    @router.post(one + "/conflict")
    async def conflict(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        await desk.declare_conflict(case_id(partner, reference, revision), me, cause(request))
        notify(request, _("Your conflict of interest is on record. You will not be offered this case again."))
        return RedirectResponse("/cases", 303)

    @router.post(one + "/reviews")
    async def review(request: Request, partner: str, reference: str, revision: int, me: Reviewer) -> Response:
        outcome = await desk.seen(case_id(partner, reference, revision), me)
        form = {name: str(value) for name, value in (await request.form()).items()}
        errors = _errors(outcome.state.kind, form)
        if errors:
            return await _case_page(request, desk, outcome, me, form, errors)
        scores = {name: int(form[f"score-{name}"]) for name in CRITERIA[outcome.state.kind]}
        # The form carries its own key, so that a second press of the button is the same review.
        press = f"request:{form['key']}" if form.get("key") else cause(request)
        # Whatever becomes of it, what was written is not lost: not by a lease that ended, nor by an undo.
        await desk.drafts.save(outcome.stream, me.sub, form, now())
        done = await desk.review(outcome.stream, me, press, scores, Verdict(form["verdict"]), form.get("comment", ""))
        request.session["given"] = done.stream
        notify(request, _given(done.state))
        return RedirectResponse("/cases", 303)

    return router


async def _undo(request: Request, desk: Desk, me: Person) -> str | None:
    """The address of the case whose review this person just gave and may take back."""
    id = request.session.get("given")
    if not id or not may_take_back((await desk.cases.get(id)).state, me.sub, now()):
        return None
    return case_path(id)


async def _case_page(
    request: Request,
    desk: Desk,
    outcome: Outcome[Case],
    me: Person,
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    case, at = outcome.state, now()
    assert case.entry is not None
    previous = (await desk.cases.get(case.previous)).state if case.previous else None
    holds = case.lease is not None and case.lease.reviewer == me.sub
    held_by_other = case.lease is not None and not holds and case.lease.until > at
    may_review = "reviewer" in me.roles and case.status == "open" and me.sub not in case.barred()
    resembling = [found for found in case.findings if found.resembles]
    return page(
        request,
        "case.html",
        status=422 if errors else 200,
        id=outcome.stream,
        path=case_path(outcome.stream),
        case=case,
        rows=rows(case.entry),
        labels=LABELS,
        label=label,
        findings=[(found, RULES.get(found.rule)) for found in case.findings if not found.resembles],
        resembling=[(found, (await desk.cases.get(found.resembles or "")).state) for found in resembling],
        linked={id: await desk.store.latest(id) for id in _linked(case)},
        previous=previous,
        why=next((why(each.reasons) for each in case.assignments if each.reviewer == me.sub), None),
        changes=differences(previous.entry, case.entry) if previous and previous.entry else [],
        reviews=visible_reviews(case, me, at),
        criteria=CRITERIA[case.kind],
        guidance=GUIDANCE,
        verdicts=VERDICTS,
        holds=holds and may_review,
        may_claim=may_review and not holds and not held_by_other,
        may_conflict=may_review,
        held_by_other=held_by_other,
        left_s=max(0, int((case.lease.until - at).total_seconds())) if case.lease else 0,
        now=at,
        undo=case_path(outcome.stream) if may_take_back(case, me.sub, at) else None,
        undo_s=int(UNDO.total_seconds()),
        may_appeal="operator" in me.roles and case.status == "decided" and case.decision != Decision.APPROVED,
        keys=KEYS,
        form=form or (await desk.drafts.of(outcome.stream, me.sub) if holds else {}),
        errors=errors or {},
        key=(form or {}).get("key") or uuid4().hex,
        happenings=[_happening(event) for event in outcome.events],
        case_path=case_path,
    )


def _linked(case: Case) -> tuple[str, ...]:
    return (case.entry.scene, case.entry.product) if isinstance(case.entry, Linkage) else ()


def _errors(kind: str, form: Mapping[str, str]) -> dict[str, str]:
    """What is missing in a review's form: the field's name, and what to do."""
    errors = {
        f"score-{name}": _("Score “%(criterion)s” from 0 to 5.") % {"criterion": word(name)}
        for name in CRITERIA[kind]
        if form.get(f"score-{name}") not in ("0", "1", "2", "3", "4", "5")
    }
    if form.get("verdict") not in list(Verdict):
        errors["verdict"] = _("Choose a verdict.")
    elif form["verdict"] != Verdict.APPROVE and not form.get("comment", "").strip():
        errors["comment"] = _("Say why, so that the partner knows what would mend it.")
    return errors


def _given(case: Case) -> str:
    if case.decision:
        return _("Your review is given, and decides the case: %(decision)s.") % {"decision": word(case.decision)}
    return _("Your review is given. The case waits for another one.")


def _happening(event: Event) -> dict[str, Any]:
    """An event for the case's history: who and when, never how somebody judged."""
    titles = {
        "case.opened.v1": _("Opened"),
        "case.checked.v1": _("Checked by machine"),
        "case.claimed.v1": _("Claimed"),
        "case.released.v1": _("Given back"),
        "case.conflict-declared.v1": _("Conflict of interest declared"),
        "case.review-given.v1": _("Review given"),
        "case.decided.v1": _("Decided"),
        "case.closed.v1": _("Closed"),
        "case.assigned.v1": _("Assigned"),
        "case.unassigned.v1": _("No longer assigned"),
        "case.extended.v1": _("Time changed"),
        "case.review-withdrawn.v1": _("Review taken back"),
        "case.appealed.v1": _("Appealed"),
    }
    ran_out = isinstance(event.data, CaseReleased) and event.data.reason == "lease-ran-out"
    by = event.actor.partition(":")[2]
    return {
        "title": _("Time ran out") if ran_out else titles.get(event.type, event.type),
        "at": event.time,
        "by": None if event.actor.startswith("service:") else by,
    }
