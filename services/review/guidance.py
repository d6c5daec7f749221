"""What reviewers go by: the question behind each criterion, and what 0, 3 and 5 mean."""

Text = dict[str, str]

#: Criterion → its question, and the meaning of the three scores that mark the scale.
GUIDANCE: dict[str, tuple[Text, dict[int, Text]]] = {
    "facing-society": (
        {"zh": "它回应谁的需要？", "en": "Whose need does it answer?"},
        {
            0: {"zh": "看不出有人需要", "en": "nobody’s that one can see"},
            3: {"zh": "受益人群明确，规模有限", "en": "a clear group benefits, on a small scale"},
            5: {"zh": "解决众人关切的问题，成效可衡量", "en": "a concern of many, with results to measure"},
        },
    ),
    "touching-the-future": (
        {"zh": "它为新技术、新模式打开了什么？", "en": "What does it open for new technology or a new way of working?"},
        {
            0: {"zh": "是现有做法的照搬", "en": "a copy of what is done already"},
            3: {"zh": "对本行业是新的", "en": "new to its industry"},
            5: {"zh": "别处尚无先例，值得率先一试", "en": "without precedent, and worth being first"},
        },
    ),
    "linking-applications": (
        {"zh": "产品能否真正进入这个场景？", "en": "Can products really be put to work in it?"},
        {
            0: {"zh": "没有场地、数据或资金", "en": "no space, data or money behind it"},
            3: {"zh": "提供了支持，需求尚不够具体", "en": "support is offered, the needs are still vague"},
            5: {"zh": "需求具体，支持到位，马上可以对接", "en": "precise needs, support in place, ready to start"},
        },
    ),
    "hard-core-support": (
        {"zh": "技术是否过硬？", "en": "Is the technology solid?"},
        {
            0: {"zh": "没有指标，也没有验证", "en": "no figures and no tests"},
            3: {"zh": "指标完整，自测可信", "en": "full figures, credible tests of its own"},
            5: {"zh": "指标领先，有第三方验证", "en": "leading figures, verified by others"},
        },
    ),
    "open-compatibility": (
        {"zh": "能否与他人的系统协同？", "en": "Does it work with other people’s systems?"},
        {
            0: {"zh": "封闭，只能整套采购", "en": "closed, all or nothing"},
            3: {"zh": "有接口，需定制对接", "en": "has interfaces, needs custom work"},
            5: {"zh": "遵循公开标准，即插即用", "en": "keeps to open standards, plugs in"},
        },
    ),
    "unique-personality": (
        {"zh": "它与同类有何不同？", "en": "What sets it apart from others of its kind?"},
        {
            0: {"zh": "与市面产品无异", "en": "nothing that is not on sale elsewhere"},
            3: {"zh": "有自己的做法，优势有限", "en": "its own approach, a small advantage"},
            5: {"zh": "独有能力，难以替代", "en": "a capability nobody else has"},
        },
    ),
    "evidence": (
        {"zh": "证据是否支撑所报阶段？", "en": "Does the evidence carry the stage it claims?"},
        {
            0: {"zh": "没有数据或无法核对", "en": "no data, or none that can be checked"},
            3: {"zh": "有基线和结果，文件可查", "en": "baseline and result, with documents"},
            5: {"zh": "数据完整，由独立第三方核验", "en": "complete, and verified independently"},
        },
    ),
    "benefit": (
        {"zh": "改善了多少？", "en": "How much better has it become?"},
        {
            0: {"zh": "没有改善", "en": "no better"},
            3: {"zh": "有明显改善", "en": "clearly better"},
            5: {"zh": "大幅改善，惠及多方", "en": "far better, and for several parties"},
        },
    ),
    "repeatability": (
        {"zh": "换一个地方能否照做？", "en": "Could it be done again elsewhere?"},
        {
            0: {"zh": "依赖特殊条件，无法复制", "en": "depends on conditions found only here"},
            3: {"zh": "经调整可以复制", "en": "with adjustments"},
            5: {"zh": "步骤清楚，可直接推广", "en": "as it stands, with clear steps"},
        },
    ),
}

#: What each verdict leads to.
VERDICTS: dict[str, Text] = {
    "approve": {"zh": "可以发布。", "en": "It can be published."},
    "request-changes": {
        "zh": "方向可行，请申报单位修改后再报。",
        "en": "Worth it once the partner has mended something.",
    },
    "reject": {"zh": "不符合要求，修改也难以达到。", "en": "Not what is looked for, and mending would not make it so."},
}

#: What a key does at the desk: its name for the script, the key unless one chose another, and what people are told.
KEYS: tuple[tuple[str, str, Text], ...] = (
    ("down", "j", {"zh": "下一项标准", "en": "next criterion"}),
    ("up", "k", {"zh": "上一项标准", "en": "criterion before"}),
    ("approve", "a", {"zh": "通过", "en": "approve"}),
    ("changes", "c", {"zh": "要求修改", "en": "request changes"}),
    ("reject", "r", {"zh": "不通过", "en": "reject"}),
    ("snippets", "s", {"zh": "常用语", "en": "snippets"}),
    ("extend", "e", {"zh": "延长领取时间", "en": "more time"}),
    ("undo", "u", {"zh": "收回刚给出的评审", "en": "take back the review just given"}),
    ("help", "?", {"zh": "打开或收起本说明", "en": "open or close this list"}),
)
