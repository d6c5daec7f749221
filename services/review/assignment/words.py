"""What reasons for an assignment, and hindrances, are called."""

from collections.abc import Sequence

from review.assignment.proposing import Available
from web.languages import _, number, say

REASONS: dict[str, dict[str, str]] = {
    "operator": {"zh": "运维员指定", "en": "chosen by an operator"},
    "field": {"zh": "领域对口", "en": "own field"},
    "language": {"zh": "通晓条目语言", "en": "reads its languages"},
    "expert": {"zh": "专家", "en": "expert"},
    "load": {"zh": "手头案件最少", "en": "has least to do"},
    "no-conflict": {"zh": "无利益冲突", "en": "no conflict of interest"},
}
HINDRANCES: dict[str, dict[str, str]] = {
    "case.own-partner": {"zh": "任职于申报单位", "en": "acts for the partner who sent it"},
    "case.conflict": {"zh": "有利益冲突", "en": "has a conflict of interest"},
    "case.reviewed": {"zh": "已评审过该案件", "en": "has reviewed it"},
    "case.reviewed-previous": {"zh": "独自评审了上一修订", "en": "alone reviewed the revision before"},
    "case.experts-only": {"zh": "不是专家，而该案件只由专家评审", "en": "is no expert, and experts alone review it"},
    "no-time": {"zh": "今天已无评审时间", "en": "has no time left today"},
    "full": {"zh": "时间已排给更靠前的案件", "en": "has time, but for cases that come first"},
    "seated": {"zh": "已占另一席位", "en": "has the other seat"},
    "reviewer.unknown": {"zh": "不在名册中", "en": "is not on the roster"},
    "case.unknown": {"zh": "没有这个案件。", "en": "There is no such case."},
    "case.assigned": {
        "zh": "该案件已由他人分派给足够的评审员。",
        "en": "Somebody else has assigned this case to as many as it waits for.",
    },
    "case.decided": {"zh": "该案件已有决定。", "en": "This case has been decided."},
    "case.closed": {
        "zh": "该案件已结案：申报已撤回，或已有新修订。",
        "en": "This case is closed: it was withdrawn, or there is a newer revision.",
    },
}


def why(reasons: Sequence[str]) -> str:
    """Why this reviewer, as a line; a code of a later version as it is."""
    return " · ".join(say(REASONS.get(code, code)) for code in reasons)


def hindrance(code: str) -> str:
    """What keeps a reviewer from a case, or a case from being assigned."""
    return say(HINDRANCES.get(code, code))


def timed(reviewer: Available) -> str:
    """A reviewer's name, how much time they have today, and how much of it is used."""
    today, used = (number(round(minutes / 60, 1)) for minutes in (reviewer.today_min, reviewer.used_min))
    said = _("%(reviewer)s (%(used)s of %(today)s h used)")
    return said % {"reviewer": reviewer.name, "today": today, "used": used}
