"""Who can sign in to the local stack. None of them exists."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PARTNERS = Path(__file__).parent / "sample" / "partners.json"


@dataclass(frozen=True)
class Somebody:
    """A person known to the local issuer; `partner` is the USCC of the agency or enterprise they act for."""

    sub: str
    name: str
    roles: tuple[str, ...]
    partner: str | None = None
    note: str = ""

    def claims(self) -> dict[str, Any]:
        """The claims that the issuer gives about them, without `sub`."""
        claims = {"name": self.name, "roles": list(self.roles), "locale": "zh-CN"}
        return claims | {"partner": self.partner} if self.partner else claims


PARTNER_PEOPLE = (
    ("partner-chen", "陈启新 Chen Qixin"),
    ("partner-zhou", "周天宇 Zhou Tianyu"),
    ("partner-he", "何轨平 He Guiping"),
    ("partner-tang", "唐椒红 Tang Jiaohong"),
    ("partner-xu", "许映雪 Xu Yingxue"),
    ("partner-luo", "罗锦云 Luo Jinyun"),
)


def people() -> tuple[Somebody, ...]:
    """Everybody, partners first: one person for each partner of the sample, in its order."""
    partners = json.loads(PARTNERS.read_text(encoding="utf-8"))
    first = partners[0]
    return (
        *(
            Somebody(sub, name, ("partner",), partner["uscc"], f"{partner['name']['zh']} {partner['name']['en']}")
            for (sub, name), partner in zip(PARTNER_PEOPLE, partners, strict=True)
        ),
        Somebody("reviewer-li", "李评 Li Ping", ("reviewer",)),
        Somebody("reviewer-wang", "王审 Wang Shen", ("reviewer",)),
        Somebody("reviewer-zhang", "张衡 Zhang Heng", ("reviewer",)),
        Somebody("reviewer-zhao", "赵明 Zhao Ming", ("reviewer",)),
        Somebody("reviewer-sun", "孙正 Sun Zheng", ("reviewer",)),
        Somebody("reviewer-ma", "马真 Ma Zhen", ("reviewer",)),
        # Works for the first partner, so the rule on conflicts of interest can be seen at work.
        Somebody(
            "reviewer-qian",
            "钱同 Qian Tong",
            ("reviewer",),
            first["uscc"],
            f"也任职于{first['name']['zh']} also of {first['name']['en']}",
        ),
        Somebody("publisher-wu", "吴布 Wu Bu", ("publisher",)),
        Somebody("operator-zheng", "郑运 Zheng Yun", ("operator",)),
        Somebody("onlooker-jin", "金观 Jin Guan", ("onlooker",)),
        Somebody("auditor-feng", "冯核 Feng He", ("auditor",)),
    )
