"""An entry to copy: it keeps every rule."""

from typing import Any

PRODUCT: dict[str, Any] = {
    "kind": "product",
    "title": {"zh": "隧道巡检机器人", "en": "Tunnel inspection robot"},
    "summary": {
        "zh": "在无照明、有积水的隧道内自主巡检，识别宽 0.2 毫米的裂缝。",
        "en": "Inspects unlit, wet tunnels on its own and finds cracks 0.2 mm wide.",
    },
    "owner": {"name": {"zh": "蓉衡轨道智维科技有限公司", "en": "Rongheng Rail Intelligence Co., Ltd."}},
    "district": "jinniu",
    "industry": "new-manufacturing",
    "capabilities": [{"zh": "裂缝识别", "en": "Crack detection"}],
    "figures": [{"name": {"zh": "最小可识别裂缝", "en": "Smallest crack found"}, "value": 0.2, "unit": "mm"}],
    "interfaces": ["OPC UA"],
    "distinction": {
        "zh": "两小时完成一个区间，不占用运营时段。",
        "en": "One section in two hours, outside service hours.",
    },
    "maturity": 8,
}


def sample(uscc: str) -> dict[str, Any]:
    """A submission of a product by this partner."""
    owner = {**PRODUCT["owner"], "uscc": uscc}
    return {"reference": "rail-robot-01", "revision": 1, "entry": {**PRODUCT, "owner": owner}}
