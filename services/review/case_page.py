"""A case as a page: the entry, what the machine noticed, what it resembles, the reviews with their scores, the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from review.addresses import Addresses
from review.anonymity import anonymised, anonymous, anonymous_line
from review.assignment.words import why
from review.checks import RULES
from review.checks.ruleset import Rule
from review.desk import FOR_NOW, Desk, may_take_back, now, problem, visible_reviews
from review.domain import Case
from review.domain.case import Review
from review.domain.claiming import takes_review_along
from review.domain.outcome import score
from review.domain.refusals import REFUSALS
from review.domain.reviewing import UNDO
from review.drafts import KEPT, kept_words, last_words, shown_words
from review.entries import LABELS, Change, beside, differences, label, rows
from review.guidance import GUIDANCE, KEYS, VERDICTS
from review.judging import Recent
from review.lists import Listed
from review.office import OFFICE
from review.severity import Corrected
from review.snippets import Snippets
from runtime.streams import Outcome
from schemas.entry import Entry, Linkage
from schemas.envelope import Event
from schemas.review import (
    CRITERIA,
    CaseConflictDeclared,
    CaseExtended,
    CaseReleased,
    CaseReviewWithdrawn,
    CheckFinding,
    Decision,
)
from web.languages import _
from web.pages import page
from web.people import Person

#: So little time is warned of, here as in `desk.js`.
WARN_S = 120


@dataclass(frozen=True)
class Resembling:
    """Another case that the case's entry resembles, value by value beside it."""

    finding: CheckFinding
    rule: Rule | None
    path: str
    other: Case
    values: list[Change]


@dataclass(frozen=True)
class Scored:
    """A score as it was given, 0–100, by whom (None: by all), and without severity."""

    reviewer: str | None
    raw: int
    corrected: Corrected


class CasePage:
    """What it takes to show a case to somebody. One for a process."""

    def __init__(self, desk: Desk, addresses: Addresses, snippets: Snippets) -> None:
        self.desk, self.addresses, self.snippets = desk, addresses, snippets
        self.recent = Recent(desk.store)

    async def show(
        self,
        request: Request,
        outcome: Outcome[Case],
        me: Person,
        form: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """The page; `form` is what was sent and could not be taken, `errors` why, by field."""
        desk, case_path, at = self.desk, self.addresses.path, now()
        case, hidden = outcome.state, anonymised(outcome.state, me, at)
        previous = (await desk.cases.get(case.previous)).state if case.previous else None
        holds = case.lease is not None and case.lease.reviewer == me.sub
        last = case.lease.last() if case.lease else None
        left_s = max(0, int((case.lease.until - at).total_seconds())) if case.lease else 0
        held_by_other = case.lease is not None and not holds and case.lease.until > at
        may_review = "reviewer" in me.roles and case.status == "open" and me.sub not in case.barred()
        asks = "reviewer" in me.roles and case.status == "open" and not holds
        why_not = await desk.why_not(outcome, me) if asks else None
        writes = "reviewer" in me.roles and me.sub not in case.reviewers()
        draft = await desk.drafts.of(outcome.stream, me.sub) if writes else {}
        over = case.status != "open" or (why_not is not None and why_not.rule not in FOR_NOW)
        too_late = me.sub in case.reviewers() and not may_conflict(case, me) and not case.closed
        newer = await self.newer(outcome)
        others = await desk.alike(case)
        alike = zip((found for found in case.findings if found.resembles), others, strict=True)
        together = [case, *others]

        def seen(case: Case) -> Case:
            return anonymous(case, self.addresses, together) if hidden else case

        shown, before = seen(case), seen(previous) if previous else None
        reviews = visible_reviews(shown, me, at)
        assert shown.entry is not None
        return page(
            request,
            "case.html",
            status=422 if errors else 200,
            id=outcome.stream,
            path=case_path(outcome.stream),
            hidden=hidden,
            case=shown,
            rows=rows(shown.entry),
            labels=LABELS,
            label=label,
            findings=[(found, RULES.get(found.rule)) for found in case.findings if not found.resembles],
            resembling=[self._resembling(shown.entry, found, seen(other), hidden) for found, other in alike],
            linked=await self._linked(case, shown, hidden),
            previous=before,
            previous_path=case_path(case.previous) if case.previous else None,
            why=next((why(each.reasons) for each in case.assignments if each.reviewer == me.sub), None),
            changes=differences(before.entry, shown.entry) if before and before.entry else [],
            reviews=reviews,
            scores=await self._scores(case, reviews),
            criteria=CRITERIA[case.kind],
            guidance=GUIDANCE,
            verdicts=VERDICTS,
            holds=holds and may_review,
            may_claim=asks and why_not is None,
            why_not=problem(why_not) if why_not else None,
            kept=kept_words() if draft and asks and not over else None,
            kept_words=kept_words,
            shown_words=shown_words,
            kept_days=KEPT.days,
            written=draft if over else {},
            given=took_review_along(outcome.events, me.sub),
            newer=newer,
            may_conflict=may_conflict(case, me),
            too_late=REFUSALS["case.conflict-too-late"] if too_late else None,
            may_judge=may_review and not over,
            held_by_other=held_by_other,
            left_s=left_s,
            warned=0 < left_s <= WARN_S,
            longest=case.lease is not None and case.lease.until == last,
            last=last,
            last_words=last_words,
            again=last is not None and last <= at,
            now=at,
            undo=case_path(outcome.stream) if may_take_back(case, me.sub, at) else None,
            undo_s=int(UNDO.total_seconds()),
            may_appeal="operator" in me.roles and may_appeal(case),
            keys=KEYS,
            snippets=[*await self.snippets.of(me.sub), *OFFICE.snippets] if holds else [],
            form=form or (draft if holds else {}),
            errors=errors or {},
            key=(form or {}).get("key") or uuid4().hex,
            happenings=[_happening(event) for event in _telling(outcome.events)],
            case_path=case_path,
        )

    async def newer(self, outcome: Outcome[Case]) -> Listed | None:
        """The case of the submission's latest revision, if that is a later one than this case's."""
        latest = await self.desk.store.lists.latest(outcome.state.submission)
        return latest if latest and latest.revision > outcome.state.revision else None

    def _resembling(self, mine: Entry, finding: CheckFinding, other: Case, hidden: bool) -> Resembling:
        assert finding.resembles and other.entry
        values = beside(other.entry, mine, ("owner", "contact") if hidden else ("contact",))
        return Resembling(finding, RULES.get(finding.rule), self.addresses.path(finding.resembles), other, values)

    async def _linked(self, case: Case, shown: Case, hidden: bool) -> Mapping[str, Listed | None]:
        """The cases of a linkage's scene and product, by how the entry that is shown names them."""
        if not isinstance(case.entry, Linkage) or not isinstance(shown.entry, Linkage):
            return {}
        pairs = ((case.entry.scene, shown.entry.scene), (case.entry.product, shown.entry.product))
        latest = {name: await self.desk.store.lists.latest(id) for id, name in pairs}
        return {name: anonymous_line(found) if found and hidden else found for name, found in latest.items()}

    async def _scores(self, case: Case, reviews: Sequence[Review]) -> list[Scored]:
        """Each of these reviews' scores, and the outcome's where there is one, beside what severity made of them."""
        if not reviews:
            return []
        found = await self.recent.judging()
        lines = []
        for review in reviews:
            raw = score(case.kind, [review.scores])
            lines.append(Scored(review.reviewer, raw, found.severities.review(review.reviewer, raw)))
        if case.score is not None and case.reviews:
            lines.append(Scored(None, case.score, found.corrected(case.kind, case.reviews)))
        return lines


def may_conflict(case: Case, me: Person) -> bool:
    """Whether somebody may declare a conflict of interest: who may review it, or has given its last review."""
    if "reviewer" not in me.roles or case.status != "open" or me.sub in case.conflicts:
        return False
    return me.sub not in case.barred() or takes_review_along(case, me.sub)


def may_appeal(case: Case) -> bool:
    """Whether there is a decision that others could judge again."""
    return case.status == "decided" and case.decision != Decision.APPROVED and not case.closed


def took_review_along(events: Sequence[Event], sub: str) -> bool:
    """Whether their review was taken back with the conflict of interest that they declared."""
    return any(
        isinstance(event.data, CaseReviewWithdrawn)
        and isinstance(next.data, CaseConflictDeclared)
        and event.data.reviewer == next.data.reviewer == sub
        for event, next in pairwise(events)
    )


def _telling(events: Sequence[Event]) -> list[Event]:
    """The events without those that change a lease's time and are followed by another: each reload makes two."""
    following = (*events[1:], None)
    return [
        event
        for event, next in zip(events, following, strict=True)
        if not (next and isinstance(event.data, CaseExtended) and isinstance(next.data, CaseExtended))
    ]


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
