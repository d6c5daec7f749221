"""One entry of each kind that keeps every rule: the template's example row."""

from typing import Any

from schemas.entry import SubmissionLine
from submissions.sample import PRODUCT

USCC = "91510106MA6RH83W82"
_DOCUMENT = {"href": "https://example.org/report.pdf", "sha256": "ab" * 32}
_OWNER = {"name": {"zh": "蓉衡轨道智维科技有限公司", "en": "Rongheng Rail Intelligence Co., Ltd."}, "uscc": USCC}

ENTRIES: dict[str, dict[str, Any]] = {
    "scene": {
        "kind": "scene",
        "title": {"zh": "地铁夜间智能检修", "en": "Smart night maintenance of the metro"},
        "summary": {
            "zh": "为全市地铁线路寻找能在夜间天窗期自主检修的产品与团队。",
            "en": "Looking for products and teams that maintain the city’s metro lines on their own at night.",
        },
        "owner": _OWNER,
        "district": "jinniu",
        "tags": ["轨道交通", "检修"],
        "level": "industrial",
        "industry": "new-manufacturing",
        "facility": "demonstration-project",
        "needs": [{"zh": "裂缝识别", "en": "Crack detection"}, {"zh": "无照明导航", "en": "Navigation in the dark"}],
        "budget_yuan": 12_000_000,
        "opens": "2026-12-01",
        "closes": "2027-03-31",
        "offers": [{"type": "space", "amount": 1200, "unit": "m2", "description": {"zh": "车辆段内试验场地"}}],
    },
    "product": {**PRODUCT, "owner": _OWNER},
    "linkage": {
        "kind": "linkage",
        "title": {"zh": "巡检机器人进驻金牛车辆段", "en": "Inspection robots at the Jinniu depot"},
        "summary": {
            "zh": "机器人在入库线连续运行八个月，累计巡检四千一百列次。",
            "en": "The robots have run on the inbound track for eight months and inspected 4,100 trains.",
        },
        "owner": _OWNER,
        "district": "jinniu",
        "scene": f"{USCC}/SC-2026-002",
        "product": f"{USCC}/PR-2026-001",
        "stage": "demonstration",
        "site": {"zh": "金牛车辆段入库线", "en": "Inbound track, Jinniu depot"},
        "starts": "2026-03-09",
        "asks": [{"type": "space", "amount": 600, "unit": "m2", "description": {"zh": "检测棚用地"}}],
        "evidence": [
            {
                "stage": "demonstration",
                "measure": {"zh": "漏检率", "en": "Missed cracks"},
                "baseline": 4.8,
                "result": 0.6,
                "unit": "%",
                "document": {"title": {"zh": "试运行报告", "en": "Report on the trial"}, **_DOCUMENT},
            }
        ],
    },
}


def example(kind: str) -> SubmissionLine:
    """A submission of this kind."""
    said = {"reference": "example-1", "revision": 1, "entry": ENTRIES[kind]}
    return SubmissionLine.model_validate(said, strict=False)
