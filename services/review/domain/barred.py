"""What keeps a reviewer from a case for good: conflicts of interest, for claims and assignments alike."""

from review.domain.case import Case
from schemas.envelope import Refusal
from schemas.review import Route


def barred(case: Case, reviewer: str, partner: str | None, conflicts: tuple[str, ...], expert: bool) -> Refusal | None:
    """Why this reviewer may not review the case; None if they may.

    `partner` is whom they act for, if anybody; `conflicts` are other partners they may not judge.
    """
    if partner == case.partner:
        return Refusal("case.own-partner")
    if reviewer in case.conflicts or case.partner in conflicts:
        return Refusal("case.conflict")
    if reviewer in case.reviewers():
        return Refusal("case.reviewed")
    if reviewer == case.sole_reviewer:
        return Refusal("case.reviewed-previous")
    if case.route is Route.EXPERTS and not expert:
        return Refusal("case.experts-only")
    return None
