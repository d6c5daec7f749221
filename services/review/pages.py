"""The review as pages: the desk, a case, and what was decided. At the same addresses as the JSON, for browsers."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from review.addresses import Addresses
from review.anonymity import anonymous_line, as_seen, kept_from_names
from review.callers import Callers, asking
from review.case_page import CasePage, may_conflict, took_review_along
from review.desk import Desk, may_take_back, now
from review.domain import Case
from review.domain.claiming import takes_review_along
from review.domain.lease import LEASE
from review.domain.reviewer import Standing
from review.domain.reviewing import LONGEST, UNDO
from review.drafts import kept_words, last_words, shown_words
from review.guidance import KEYS
from review.judging import judging
from review.lists import PAGE, Listed
from review.queue import MOST_COUNTED, holders
from schemas.entry import KINDS
from schemas.review import CRITERIA, Decision, Verdict
from web.languages import _, say, sentences
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem
from web.words import word

Asking = Annotated[Person, Depends(asking)]
Operator = Annotated[Person, Depends(require("operator"))]
RECENT = 8
#: What went wrong where only claiming the case leads on, where nothing does, and what the desk has no page for.
LOST = ("case-claimed", "case-not-held", "case-reserved")
OVER = ("case-closed", "case-decided", "case-for-others", "case-conflict", "case-experts-only")
UNSEEN = ("case-unknown", "case-own-partner")


class ForPeople(APIRoute):
    """A route that browsers alone see: a program that asks the same address has the JSON that lies behind it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and "text/html" not in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


class AtTheDesk(ForPeople):
    """The same at the desk: what goes wrong with a case leads back to it, and to the desk."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                if problem.type.startswith(("case-", "review-", "appeal-", "page-")):
                    path = f"/cases/{request.path_params['case']}" if "case" in request.path_params else None
                    case = {path: _("Back to the case")} if path and problem.type not in UNSEEN else {}
                    problem.links = {**problem.links, **case, "/cases": _("Review desk")}
                raise

        return handled


def pages(desk: Desk, addresses: Addresses, one_case: CasePage) -> APIRouter:
    """The routes under /cases that answer with pages. To be included before the JSON ones."""
    router = APIRouter(include_in_schema=False, route_class=AtTheDesk)
    one, of_case = "/cases/{case}", Depends(addresses.case)
    callers = Callers(desk)
    Reader = Annotated[Person, Depends(callers.reader)]
    Reviewer = Annotated[Person, Depends(callers.reviewer)]
    queue, lists = desk.store.queue, desk.store.lists
    case_path = addresses.path

    async def undoable(request: Request, me: Person) -> str | None:
        """The address of the case whose review this person just gave and may take back."""
        id = addresses.opened(request.session.get("given", ""))
        if id is None or not may_take_back((await desk.cases.get(id)).state, me.sub, now()):
            return None
        return case_path(id)

    def lines(found: Sequence[Listed], me: Person) -> list[Listed]:
        return [anonymous_line(case) if kept_from_names(me) else case for case in found]

    async def sent(request: Request) -> dict[str, str]:
        return {name: str(value) for name, value in (await request.form()).items()}

    async def keep(request: Request, id: str, me: Person) -> None:
        """Save as a draft what an act's button sent with the review's form, where no script runs."""
        form = await sent(request)
        if "key" in form:
            await desk.seen(id, me)
            await desk.drafts.save(id, me.sub, form, now())

    @router.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/cases", 303)

    @router.get("/cases")
    async def overview(request: Request, me: Reader) -> Response:
        at, reviews = now(), "reviewer" in me.roles and await desk.admits(me)
        who = await desk.standing(me) if reviews else Standing(me.sub, me.partner)
        recent, decided = await lists.decided(without_partner=me.partner, most=RECENT)
        held = await queue.held_by_others(who, at) if reviews else []
        return page(
            request,
            "desk.html",
            at=at,
            reviews=reviews,
            mine=lines(await lists.held(me.sub), me) if reviews else [],
            waiting=await lists.waiting(),
            awaiting=await queue.awaiting(who) if reviews else 0,
            most_counted=MOST_COUNTED,
            free=await queue.waits_for(who, at) if reviews else False,
            held=held,
            holders=holders(held),
            recent=lines(recent, me),
            decided=decided,
            case_path=case_path,
            keys=KEYS,
            operates="operator" in me.roles,
            undo=await undoable(request, me),
            undo_s=int(UNDO.total_seconds()),
            lease_minutes=LEASE // timedelta(minutes=1),
        )

    @router.get("/cases/decided")
    async def decided(
        request: Request, me: Reader, decision: str = "", kind: str = "", after: str | None = None
    ) -> Response:
        # What is no decision or no kind filters nothing, and is not shown as if it did.
        decision, kind = decision if decision in list(Decision) else "", kind if kind in KINDS else ""
        found, total = await lists.decided(decision or None, kind or None, addresses.cursor(after), me.partner)
        return page(
            request,
            "decided.html",
            cases=lines(found, me),
            total=total,
            next=addresses.seal(found[-1].cursor) if len(found) == PAGE else None,
            after=after,
            decision=decision,
            kind=kind,
            decisions=list(Decision),
            kinds=KINDS,
            case_path=case_path,
        )

    @router.get("/cases/judging")
    async def judged(request: Request, me: Operator) -> Response:
        found = await judging(desk.store)
        latest = await lists.judged(PAGE)
        lines = [(case, found.corrected(case.kind, case.reviews)) for case in latest if case.reviews]
        return page(request, "judging.html", judging=found, lines=lines, case_path=case_path)

    @router.post("/cases:next")
    async def next(request: Request, me: Asking) -> Response:
        outcome = await desk.next(me, cause(request))
        if outcome is None:
            notify(request, _("No case is free for you just now."), "warning")
            return RedirectResponse("/cases", 303)
        return RedirectResponse(case_path(outcome.stream), 303)

    @router.get(one)
    async def case(request: Request, id: Annotated[str, of_case], me: Reader) -> Response:
        outcome = await desk.seen(id, me)
        return await one_case.show(request, outcome, me)

    @router.post(one + "/draft")
    async def insert(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        """A snippet chosen where no script runs: it is put at the end of the comment."""
        await desk.seen(id, me)
        form = await sent(request)
        written, chosen = form.get("comment", "").rstrip(), form.pop("snippet", "")
        await desk.drafts.save(id, me.sub, form | {"comment": f"{written}\n{chosen}".strip()}, now())
        return RedirectResponse(case_path(id) + "#comment", 303)

    @router.post(one + "/claim")
    async def claim(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        await keep(request, id, me)
        try:
            await desk.claim(id, me, cause(request))
        except Problem as refused:
            if refused.type == "case-too-many":
                refused.links = {case_path(case.id): case.title for case in lines(await lists.held(me.sub), me)}
            raise
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/extend")
    async def extend(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        await keep(request, id, me)
        lease = (await desk.extend(id, me, cause(request))).state.lease
        if lease and lease.until == lease.last():
            notify(request, last_words(), "warning")
        return RedirectResponse(case_path(id) + "#review", 303)

    @router.post(one + "/undo")
    async def undo(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        lease = (await desk.take_back(id, me, cause(request))).state.lease
        if lease and lease.reviewer == me.sub:
            notify(request, _("Your review is taken back. Judge again, or give the case back."))
        else:
            notify(request, _("Your review is taken back. Somebody else has claimed the case meanwhile."))
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/appeals")
    async def appeal(request: Request, id: Annotated[str, of_case], me: Operator) -> Response:
        form = await request.form()
        by: Literal["partner", "operator"] = "operator" if form.get("by") == "operator" else "partner"
        reason = str(form.get("reason", ""))
        try:
            await desk.appeal(id, me, cause(request), by, reason)
        except Problem as refused:
            if refused.type not in ("appeal-reason", "appeal-too-long"):
                raise
            wrong = {"reason": say(refused.title)}
            return await one_case.show(request, await desk.seen(id, me), me, {"reason": reason}, wrong)
        notify(request, _("The appeal is on record. Other reviewers judge the case again."))
        return RedirectResponse(case_path(id), 303)

    @router.post(one + "/release")
    async def release(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        await desk.release(id, me, cause(request))
        notify(request, _("You gave the case back. Others can claim it now."))
        return RedirectResponse("/cases", 303)

    @router.get(one + "/conflict")
    async def ask_conflict(request: Request, id: Annotated[str, of_case], me: Reader) -> Response:
        """The question before it: there is no way back."""
        case = (await desk.seen(id, me)).state
        if not may_conflict(case, me):
            return RedirectResponse(case_path(id), 303)
        shown, _hidden = await as_seen(case, me, now(), desk, addresses)
        assert shown.entry is not None
        takes_review = takes_review_along(case, me.sub)
        return page(request, "conflict.html", path=case_path(id), title=shown.entry.title, takes_review=takes_review)

    @router.post(one + "/conflict")
    async def conflict(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        outcome = await desk.declare_conflict(id, me, cause(request))
        if took_review_along(outcome.events, me.sub):
            said = _(
                "Your conflict of interest is on record, and your review is taken back: it counts no more. "
                "You will not be offered this case again."
            )
        else:
            said = _("Your conflict of interest is on record. You will not be offered this case again.")
        notify(request, said)
        return RedirectResponse("/cases", 303)

    @router.post(one + "/reviews")
    async def review(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        outcome = await desk.seen(id, me)
        form = await sent(request)
        errors, unkept = _errors(outcome.state.kind, form), None
        wrote = any(value.strip() for name, value in form.items() if name not in ("key", "person"))
        # Whatever becomes of it, what was written is not lost: not by a lease that ended, nor by an undo.
        try:
            await desk.drafts.save(outcome.stream, me.sub, form, now())
        except Problem as too_long:
            if not errors:
                raise
            unkept = say(too_long.title)
        # The form carries its own key, so that a second press of the button is the same review.
        press = f"request:{form['key']}:{actor(me)}" if form.get("key") else cause(request)
        # Where something is missing, the case is asked with no scores: whether I hold it comes before what is missing.
        scores = {} if errors else {name: int(form[f"score-{name}"]) for name in CRITERIA[outcome.state.kind]}
        verdict, comment = (Verdict.APPROVE, "") if errors else (Verdict(form["verdict"]), form.get("comment", ""))
        try:
            done = await desk.review(outcome.stream, me, press, scores, verdict, comment)
        except Problem as refused:
            if errors and refused.type == "review-scores":
                return await one_case.show(request, outcome, me, form, errors)
            if refused.type in (*LOST, *OVER):
                kept = unkept or (kept_words() if refused.type in LOST else shown_words())
                refused.detail = sentences(say(refused.detail), kept if wrote else None) or None
            if newer := await one_case.newer(outcome):
                refused.links = {case_path(newer.id): _("The newer revision")}
            raise
        if not done.fresh and me.sub not in done.state.reviewers():
            # The browser's Back led to a form whose review was taken back: its key gives no other.
            notify(request, _again(done.state, me), "warning")
            anew = {name: value for name, value in form.items() if name != "key"}
            return await one_case.show(request, outcome, me, anew, errors)
        request.session["given"] = addresses.seal(done.stream)  # a cookie can be read by whom it is given to
        notify(request, _given(done.state))
        return RedirectResponse("/cases", 303)

    @router.get(one + "/reviews")
    @router.get(one + "/appeals")
    async def back(id: Annotated[str, of_case], me: Reader) -> Response:
        """Where a form with errors was shown: another language, or signing in again, asks for it without the form."""
        return RedirectResponse(case_path(id), 303)

    return router


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
    if len(form.get("comment", "")) > LONGEST:
        errors["comment"] = _("Shorten it to %(count)s characters.") % {"count": f"{LONGEST:,}"}
    return errors


def _given(case: Case) -> str:
    if case.decision:
        return _("Your review is given, and decides the case: %(decision)s.") % {"decision": word(case.decision)}
    return _("Your review is given. The case waits for another one.")


def _again(case: Case, me: Person) -> str:
    """What somebody is told who sends a form whose review was taken back."""
    holds = case.status == "open" and case.lease is not None and case.lease.reviewer == me.sub
    return sentences(
        _("You sent this form before, and its review was taken back: none is given now."),
        _("Look it over, and send it from here.") if holds else None,
    )
