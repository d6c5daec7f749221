"""Publishing's refusals, as people read them."""

from schemas.envelope import Refusal
from web.languages import _, ngettext, say
from web.words import word

TEXTS: dict[str, dict[str, str]] = {
    "entry.not-queued": {
        "zh": "没有等待发布的已通过内容。",
        "en": "It has no approved content that waits for a release.",
    },
    "entry.scheduled": {"zh": "已列入 {release} 的发布。", "en": "It is in the release of {release} already."},
    "entry.published": {"zh": "已经发布。", "en": "It was published already."},
    "entry.not-published": {
        "zh": "尚未发布；若所属月份刚刚发布，请稍候再试。",
        "en": "It is not published. If its month was published just now, try again in a moment.",
    },
    "entry.nothing-to-correct": {
        "zh": "没有等待更正的新修订。",
        "en": "No later approved revision waits to take its place.",
    },
    "release.unknown": {"zh": "该月尚未开启。", "en": "This month has not been opened."},
    "release.month": {"zh": "月份应写作 YYYY-MM。", "en": "Write the month as YYYY-MM."},
    "release.full": {"zh": "该类别名额已满。", "en": "The month is full of this kind."},
    "release.frozen": {"zh": "该月已锁定，不再变动。", "en": "The month is frozen: nothing goes in or out any more."},
    "release.changed-too-often": {
        "zh": "该月改动次数过多，不能再改。",
        "en": "The month was changed too often to be changed any more.",
    },
    "release.absent": {"zh": "不在该月的发布中。", "en": "It is not in this release."},
    "release.not-frozen": {"zh": "请先锁定，再发布。", "en": "Freeze the release first, then publish it."},
    "release.incomplete": {"zh": "尚未齐备：还缺{missing}。", "en": "Not complete yet: {missing} missing."},
}


def explained(refusal: Refusal) -> str:
    """Why not, and where it helps what would make it possible, in the language spoken."""
    detail = {**refusal.detail, "missing": lacking(refusal.detail.get("missing", {}))}
    return say(TEXTS.get(refusal.rule, refusal.rule)).format(**detail)


def lacking(missing: dict[str, int]) -> str:
    """“13 scenes and 8 products”, in the language spoken."""
    return _(" and ").join(_counted(kind, count) for kind, count in missing.items())


def _counted(kind: str, count: int) -> str:
    match kind:
        case "scene":
            return ngettext("%(count)s scene", "%(count)s scenes", count) % {"count": count}
        case "product":
            return ngettext("%(count)s product", "%(count)s products", count) % {"count": count}
        case _:
            return f"{count} {word(kind)}"
