"""The domain's words, as people read them: what codes in events and queries are called, and how they are coloured."""

from web.languages import say

WORDS: dict[str, dict[str, str]] = {
    # Kinds, levels
    "scene": {"zh": "场景", "en": "Scene"},
    "product": {"zh": "产品", "en": "Product"},
    "linkage": {"zh": "场景应用", "en": "Linkage"},
    "industrial": {"zh": "产业级", "en": "Industrial"},
    "enterprise": {"zh": "企业级", "en": "Enterprise"},
    "agency": {"zh": "政府机构", "en": "Agency"},
    # Industries, facilities, themes
    "new-manufacturing": {"zh": "新制造", "en": "New manufacturing"},
    "new-retail": {"zh": "新零售", "en": "New retail"},
    "new-cultural-innovation": {"zh": "新文创", "en": "New cultural innovation"},
    "new-supply-chain": {"zh": "新供应链", "en": "New supply chain"},
    "innovative-application-laboratory": {"zh": "创新应用实验室", "en": "Innovative application laboratory"},
    "future-scene-laboratory": {"zh": "未来场景实验室", "en": "Future scene laboratory"},
    "demonstration-project": {"zh": "示范项目", "en": "Demonstration project"},
    "technology-transfer": {"zh": "技术转移", "en": "Technology transfer"},
    "human-collaboration": {"zh": "人力协作", "en": "Human collaboration"},
    "capital-linkage": {"zh": "资本对接", "en": "Capital linkage"},
    "data-empowerment": {"zh": "数据赋能", "en": "Data empowerment"},
    # Offers and their units
    "space": {"zh": "空间", "en": "Space"},
    "fund": {"zh": "新经济基金", "en": "New-economy fund"},
    "credit": {"zh": "新经济银行授信", "en": "New-economy credit"},
    "data": {"zh": "数据", "en": "Data"},
    "technology": {"zh": "技术", "en": "Technology"},
    "talent": {"zh": "人才", "en": "Talent"},
    "m2": {"zh": "平方米", "en": "m²"},
    "yuan": {"zh": "元", "en": "yuan"},
    "data-sets": {"zh": "个数据集", "en": "data sets"},
    "licences": {"zh": "项许可", "en": "licences"},
    "people": {"zh": "人", "en": "people"},
    # Stages
    "laboratory": {"zh": "实验室", "en": "Laboratory"},
    "demonstration": {"zh": "示范", "en": "Demonstration"},
    "implementation": {"zh": "落地实施", "en": "Implementation"},
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
    "ordinary": {"zh": "常规评审", "en": "Ordinary review"},
    "return": {"zh": "直接退回", "en": "Returned at once"},
    # How things stand
    "received": {"zh": "已收到", "en": "Received"},
    "revised": {"zh": "已修订", "en": "Revised"},
    "refused": {"zh": "已拒收", "en": "Refused"},
    "withdrawn": {"zh": "已撤回", "en": "Withdrawn"},
    "superseded": {"zh": "已有新修订", "en": "Superseded"},
    "opened": {"zh": "已立案", "en": "Opened"},
    "open": {"zh": "待评审", "en": "Open"},
    "checked": {"zh": "已检查", "en": "Checked"},
    "in-review": {"zh": "评审中", "en": "In review"},
    "claimed": {"zh": "已领取", "en": "Claimed"},
    "released": {"zh": "已放回", "en": "Given back"},
    "decided": {"zh": "已决定", "en": "Decided"},
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
    "auditor": {"zh": "审计员", "en": "Auditor"},
    # Districts
    "tianfu-new-area": {"zh": "四川天府新区", "en": "Tianfu New Area"},
    "eastern-new-area": {"zh": "成都东部新区", "en": "Eastern New Area"},
    "hi-tech-zone": {"zh": "成都高新区", "en": "Hi-Tech Zone"},
    "jinjiang": {"zh": "锦江区", "en": "Jinjiang"},
    "qingyang": {"zh": "青羊区", "en": "Qingyang"},
    "jinniu": {"zh": "金牛区", "en": "Jinniu"},
    "wuhou": {"zh": "武侯区", "en": "Wuhou"},
    "chenghua": {"zh": "成华区", "en": "Chenghua"},
    "longquanyi": {"zh": "龙泉驿区", "en": "Longquanyi"},
    "qingbaijiang": {"zh": "青白江区", "en": "Qingbaijiang"},
    "xindu": {"zh": "新都区", "en": "Xindu"},
    "wenjiang": {"zh": "温江区", "en": "Wenjiang"},
    "shuangliu": {"zh": "双流区", "en": "Shuangliu"},
    "pidu": {"zh": "郫都区", "en": "Pidu"},
    "xinjin": {"zh": "新津区", "en": "Xinjin"},
    "jianyang": {"zh": "简阳市", "en": "Jianyang"},
    "dujiangyan": {"zh": "都江堰市", "en": "Dujiangyan"},
    "pengzhou": {"zh": "彭州市", "en": "Pengzhou"},
    "qionglai": {"zh": "邛崃市", "en": "Qionglai"},
    "chongzhou": {"zh": "崇州市", "en": "Chongzhou"},
    "jintang": {"zh": "金堂县", "en": "Jintang"},
    "dayi": {"zh": "大邑县", "en": "Dayi"},
    "pujiang": {"zh": "蒲江县", "en": "Pujiang"},
}

#: A status's colour says what it asks of the reader: green done, blue on its way, yellow wants somebody, red went
#: wrong, grey over. Any other word is plain.
COLOURS: dict[str, str] = {
    **dict.fromkeys(
        ("approved", "approve", "published", "delivered", "confirmed", "verified", "implementation"), "green"
    ),
    **dict.fromkeys(("active", "equal", "live"), "green"),
    **dict.fromkeys(("received", "revised", "opened", "open", "checked", "in-review", "claimed", "queued"), "blue"),
    **dict.fromkeys(("scheduled",), "blue"),
    **dict.fromkeys(("collecting", "frozen", "demonstration", "laboratory", "corrected", "waiting"), "blue"),
    **dict.fromkeys(
        ("changes-requested", "request-changes", "requested", "attempted", "suspended", "parked", "expiring"), "yellow"
    ),
    **dict.fromkeys(("refused", "rejected", "reject", "abandoned", "different", "retracted"), "red"),
}


def word(code: str | None) -> str:
    """What `code` is called in the language spoken; a code that is no word of ours is shown as it is."""
    return "" if code is None else say(WORDS.get(code, code))


def colour(code: str) -> str:
    """green, blue, yellow, red or grey."""
    return COLOURS.get(code, "grey")
