"""The domain's words, as people read them: what codes in events and queries are called, and how they are coloured."""

from typing import Any

from schemas.names import NAMES
from web.languages import say

WORDS: dict[str, dict[str, str]] = {
    **NAMES,
    # Partners
    "agency": {"zh": "政府机构", "en": "Agency"},
    # Criteria
    "facing-society": {"zh": "面向社会", "en": "Facing society"},
    "touching-the-future": {"zh": "触达未来", "en": "Touching the future"},
    "linking-applications": {"zh": "链接应用", "en": "Linking applications"},
    "hard-core-support": {"zh": "硬核支撑", "en": "Hard-core support"},
    "open-compatibility": {"zh": "开放兼容", "en": "Open compatibility"},
    "unique-personality": {"zh": "个性独特", "en": "Unique personality"},
    "evidence": {"zh": "证据", "en": "Evidence"},
    "benefit": {"zh": "效益", "en": "Benefit"},
    "repeatability": {"zh": "可复制性", "en": "Repeatability"},
    # Verdicts, decisions, routes
    "approve": {"zh": "通过", "en": "Approve"},
    "request-changes": {"zh": "要求修改", "en": "Request changes"},
    "reject": {"zh": "不通过", "en": "Reject"},
    "approved": {"zh": "已通过", "en": "Approved"},
    "changes-requested": {"zh": "待修改", "en": "Changes requested"},
    "rejected": {"zh": "未通过", "en": "Rejected"},
    "express": {"zh": "快速通道", "en": "Express lane"},
    "ordinary": {"zh": "常规评审", "en": "Ordinary review"},
    "experts": {"zh": "专家评审", "en": "Two experts"},
    "return": {"zh": "直接退回", "en": "Returned at once"},
    "exact": {"zh": "文字相同", "en": "Same text"},
    "rearranged": {"zh": "顺序调整", "en": "Rearranged"},
    "fuzzy": {"zh": "文字改动", "en": "Words changed"},
    # How things stand
    "received": {"zh": "已收到", "en": "Received"},
    "revised": {"zh": "已修订", "en": "Revised"},
    "refused": {"zh": "已拒收", "en": "Refused"},
    "withdrawn": {"zh": "已撤回", "en": "Withdrawn"},
    "contact-read": {"zh": "联系人信息已被查看", "en": "Contact read"},
    "contact-erased": {"zh": "联系人信息已抹除", "en": "Contact erased"},
    "superseded": {"zh": "已有新修订", "en": "Superseded"},
    "opened": {"zh": "已立案", "en": "Opened"},
    "open": {"zh": "待评审", "en": "Open"},
    "checked": {"zh": "已检查", "en": "Checked"},
    "in-review": {"zh": "评审中", "en": "In review"},
    "claimed": {"zh": "已领取", "en": "Claimed"},
    "released": {"zh": "已放回", "en": "Given back"},
    "decided": {"zh": "已决定", "en": "Decided"},
    "appealed": {"zh": "已申诉，重新评审", "en": "Appealed, reviewed again"},
    "closed": {"zh": "已结案", "en": "Closed"},
    "queued": {"zh": "待发布", "en": "Queued"},
    "scheduled": {"zh": "已排期", "en": "Scheduled"},
    "unscheduled": {"zh": "已移出当月发布", "en": "Taken out of the release"},
    "collecting": {"zh": "收录中", "en": "Collecting"},
    "frozen": {"zh": "已锁定", "en": "Frozen"},
    "published": {"zh": "已发布", "en": "Published"},
    "corrected": {"zh": "已更正", "en": "Corrected"},
    "retracted": {"zh": "已撤销", "en": "Retracted"},
    "verified": {"zh": "已核验", "en": "Verified"},
    "requested": {"zh": "待确认", "en": "To be confirmed"},
    "confirmed": {"zh": "已确认", "en": "Confirmed"},
    "suspended": {"zh": "已暂停", "en": "Suspended"},
    "cancelled": {"zh": "已取消", "en": "Cancelled"},
    "attempted": {"zh": "重试中", "en": "Retrying"},
    "delivered": {"zh": "已送达", "en": "Delivered"},
    "abandoned": {"zh": "已放弃", "en": "Abandoned"},
    "parked": {"zh": "已搁置", "en": "Parked"},
    "revoked": {"zh": "已吊销", "en": "Revoked"},
    "active": {"zh": "有效", "en": "Active"},
    "expiring": {"zh": "即将到期", "en": "Expires soon"},
    "expired": {"zh": "已过期", "en": "Expired"},
    "live": {"zh": "正式", "en": "Live"},
    "test": {"zh": "测试", "en": "Test"},
    "equal": {"zh": "一致", "en": "Equal"},
    "different": {"zh": "不一致", "en": "Different"},
    "waiting": {"zh": "等待中", "en": "Waiting"},
    # Channels
    "email": {"zh": "电子邮件", "en": "Email"},
    "webhook": {"zh": "Webhook", "en": "Webhook"},
    # Services
    "submissions": {"zh": "申报", "en": "Submissions"},
    "review": {"zh": "评审", "en": "Review"},
    "publishing": {"zh": "发布", "en": "Publishing"},
    "notifications": {"zh": "通知", "en": "Notifications"},
    "audit": {"zh": "审计", "en": "Audit"},
    # Roles
    "partner": {"zh": "合作方", "en": "Partner"},
    "reviewer": {"zh": "评审员", "en": "Reviewer"},
    "publisher": {"zh": "发布员", "en": "Publisher"},
    "operator": {"zh": "运维员", "en": "Operator"},
    "onlooker": {"zh": "旁观员", "en": "Onlooker"},
    "auditor": {"zh": "审计员", "en": "Auditor"},
}

#: A status's colour says what it asks of the reader: green done, blue on its way, yellow wants somebody, red went
#: wrong, grey over. Any other word is plain.
COLOURS: dict[str, str] = {
    **dict.fromkeys(
        ("approved", "approve", "published", "delivered", "confirmed", "verified", "implementation"), "green"
    ),
    **dict.fromkeys(("active", "equal", "live"), "green"),
    **dict.fromkeys(
        ("received", "revised", "appealed", "opened", "open", "checked", "in-review", "claimed", "queued"), "blue"
    ),
    **dict.fromkeys(("scheduled",), "blue"),
    **dict.fromkeys(("collecting", "frozen", "demonstration", "laboratory", "corrected", "waiting"), "blue"),
    **dict.fromkeys(
        ("changes-requested", "request-changes", "requested", "attempted", "suspended", "parked", "expiring"), "yellow"
    ),
    **dict.fromkeys(("refused", "rejected", "reject", "abandoned", "different", "retracted"), "red"),
}


def word(code: Any) -> str:
    """What `code` is called in the language spoken; what is no word of ours is said as it is."""
    return "" if code is None else say(WORDS.get(code, code))


def colour(code: str) -> str:
    """green, blue, yellow, red or grey."""
    return COLOURS.get(code, "grey")
