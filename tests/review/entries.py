"""Entries and events of submissions for the review's tests."""

from datetime import UTC, date, datetime
from typing import Any

from schemas.entry import Entry, Linkage, Owner, Product, Scene
from schemas.envelope import Event
from schemas.submission import SubmissionReceived, SubmissionRevised, SubmissionWithdrawn

AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
OWN, OTHER = "91510100MA6CGUGA1W", "91510106MA6RH83W82"

SUMMARY = {
    "zh": "天府新区五家医院每天互送约四百份检验样本，现开放三条低空航线，征集能在雨雾天气准点运行的无人机配送方案。",
    "en": "Five hospitals send each other some 400 samples a day; three low-altitude routes are now open to drones.",
}
ATTACHMENT = {
    "title": {"zh": "航线说明"},
    "href": "https://example.org/routes.pdf",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


def scene(**changes: Any) -> Scene:
    """A scene with which nothing is wrong."""
    whole = {
        "kind": "scene",
        "title": {"zh": "医院间检验样本无人机配送", "en": "Drone delivery of laboratory samples"},
        "summary": SUMMARY,
        "owner": {"name": {"zh": "天府新区场景创新局"}, "uscc": OWN},
        "district": "tianfu-new-area",
        "attachments": (ATTACHMENT,),
        "contact": {"name": "罗思源", "phone": "028-8555 0101"},
        "level": "industrial",
        "industry": "new-supply-chain",
        "needs": ({"zh": "雨雾条件下的自主飞行", "en": "Flight in rain and fog"},),
        "budget_yuan": 6_800_000,
        "opens": date(2026, 11, 16),
        "closes": date(2027, 5, 31),
        "offers": ({"type": "space", "amount": 1200, "unit": "m2"},),
    }
    return Scene.model_validate(whole | changes, strict=False)


def product(**changes: Any) -> Product:
    whole = {
        "kind": "product",
        "title": {"zh": "通过式轮对激光检测仪", "en": "Drive-over laser wheelset gauge"},
        "summary": {
            "zh": "列车驶过检测棚，仪器在四十秒内给出全列轮缘高度、厚度和踏面磨耗，并写入检修系统，数据可追溯。",
            "en": "As a train rolls through the shed, the gauge measures every wheel within forty seconds.",
        },
        "owner": {"name": {"zh": "蓉衡轨道智维科技有限公司"}, "uscc": OTHER},
        "district": "jinniu",
        "attachments": (ATTACHMENT,),
        "industry": "new-manufacturing",
        "capabilities": ({"zh": "轮对几何尺寸测量"},),
        "figures": ({"name": {"zh": "误差"}, "value": 0.15, "unit": "mm"},),
        "interfaces": ("OPC UA",),
        "distinction": {"zh": "用双光源抵消油污反光，不必清洗车轮即可测准，班组自己就能校准。"},
        "maturity": 9,
    }
    return Product.model_validate(whole | changes, strict=False)


def linkage(scene: str, product: str, **changes: Any) -> Linkage:
    whole = {
        "kind": "linkage",
        "title": {"zh": "激光轮对检测进驻车辆段", "en": "Laser wheel gauge at the depot"},
        "summary": {
            "zh": "检测仪在入库线连续运行八个月，累计测量列车四千一百列次，班组据此把镟轮由里程制改为状态制。",
            "en": "The gauge has run on the inbound track for eight months and measured 4,100 trains.",
        },
        "owner": {"name": {"zh": "蓉衡轨道智维科技有限公司"}, "uscc": OTHER},
        "district": "jinniu",
        "scene": scene,
        "product": product,
        "stage": "demonstration",
        "site": {"zh": "金牛车辆段"},
        "starts": date(2026, 3, 9),
        "evidence": (
            {
                "stage": "demonstration",
                "measure": {"zh": "单列检测时间"},
                "baseline": 1500.0,
                "result": 40.0,
                "unit": "s",
                "document": ATTACHMENT,
            },
        ),
    }
    return Linkage.model_validate(whole | changes, strict=False)


def owned(entry: Entry, uscc: str) -> Entry:
    return entry.model_copy(update={"owner": Owner(name=entry.owner.name, uscc=uscc)})


def received(reference: str, entry: Entry, at: datetime = AT) -> Event:
    fact = SubmissionReceived(revision=1, digest="0" * 64, entry=entry)
    return _event(f"{entry.owner.uscc}/{reference}", 1, fact, at)


def revised(reference: str, revision: int, entry: Entry, at: datetime = AT) -> Event:
    fact = SubmissionRevised(revision=revision, digest="1" * 64, entry=entry)
    return _event(f"{entry.owner.uscc}/{reference}", revision, fact, at)


def withdrawn(submission: str, sequence: int, at: datetime = AT) -> Event:
    return _event(submission, sequence, SubmissionWithdrawn(reason="no longer"), at)


def _event(submission: str, sequence: int, fact: Any, at: datetime) -> Event:
    return Event(
        id=f"{submission}/{sequence}",
        source="/submissions",
        subject=submission,
        time=at,
        sequence=sequence,
        causationid="request:1",
        correlationid=f"/submissions/{submission}/1",
        actor="partner:x",
        data=fact,
    )
