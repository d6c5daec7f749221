"""The faults that real partners make, each as a function from a good submission line to what arrives instead."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

Fault = Callable[[dict[str, Any]], bytes]
_KINDS_IN_CHINESE = {"scene": "场景", "product": "产品", "linkage": "联动"}


def faults(kind: str) -> Mapping[str, Fault]:
    """Every fault that a line of `kind` can have, by name; a kind's own come first."""
    match kind:
        case "scene":
            return _of_scenes() | _of_all()
        case "product":
            return _of_products() | _of_all()
        case _:
            return _of_all()


def _of_scenes() -> dict[str, Fault]:
    return {
        "closes before it opens": _put("entry/closes", "2026-10-08"),
        "wrong check digit": _put("entry/owner/uscc", _wrong_check_digit),
        "industrial without industry": _industrial_without_industry,
        "offer in the wrong unit": _put("entry/offers/0/unit", lambda unit: "m2" if unit != "m2" else "yuan"),
        "date with slashes": _put("entry/opens", "2026/11/3"),
        "budget as text": _put("entry/budget_yuan", "500万元"),
        "offer beyond the city's total": _put("entry/offers/0", {"type": "space", "amount": 12_000_000, "unit": "m2"}),
        "no needs": _put("entry/needs", []),
        "negative budget": _put("entry/budget_yuan", -1),
        "offer of a type unheard of": _put("entry/offers/0/type", "policy"),
    }


def _of_products() -> dict[str, Fault]:
    return {
        "maturity 12": _put("entry/maturity", 12),
        "missing title": _drop("entry/title"),
        "figure as text": _put("entry/figures/0/value", "99.5%"),
        "industry in Chinese": _put("entry/industry", "新制造"),
        "capabilities as one text": _put("entry/capabilities", "检测、识别、预警"),
        "maturity as text": _put("entry/maturity", "7"),
        "missing distinction": _drop("entry/distinction"),
        "wrong check digit": _put("entry/owner/uscc", _wrong_check_digit),
    }


def _of_all() -> dict[str, Fault]:
    return {
        "truncated JSON": lambda line: orjson.dumps(line)[:-40],
        "missing title": _drop("entry/title"),
        "misspelt field": _rename("entry/summary", "sumary"),
        "kind in Chinese": _put("entry/kind", _KINDS_IN_CHINESE.get),
        "district in Chinese": _put("entry/district", "高新区"),
        "revision as text": _put("revision", "1"),
        "revision 0": _put("revision", 0),
        "reference with a space": _put("reference", lambda reference: reference.replace("-", " ")),
        "summary too short": _put("entry/summary/zh", "待补充"),
        "title not bilingual": _put("entry/title", lambda title: title["zh"]),
        "link without https": _put(
            "entry/attachments",
            [{"title": {"zh": "附件", "en": "Attachment"}, "href": "http://example.org/a.pdf", "sha256": "0" * 64}],
        ),
        "telephone in words": _put("entry/contact", {"name": "王老师", "phone": "请打总机转302"}),
        "saved as GB 18030": lambda line: orjson.dumps(line).decode().encode("gb18030"),
        "single quotes": lambda line: str(line).encode(),
    }


def _wrong_check_digit(uscc: str) -> str:
    return uscc[:-1] + ("0" if uscc[-1] != "0" else "1")


def _industrial_without_industry(line: dict[str, Any]) -> bytes:
    entry = {name: value for name, value in line["entry"].items() if name not in ("industry", "theme")}
    return orjson.dumps(line | {"entry": entry | {"level": "industrial"}})


def _put(path: str, value: Any) -> Fault:
    """Another value at `path` (steps parted by `/`), or what `value` makes of the one there."""

    def fault(line: dict[str, Any]) -> bytes:
        return orjson.dumps(_changed(line, path.split("/"), value))

    return fault


def _drop(path: str) -> Fault:
    """The field at `path` left out."""
    return _rename(path, None)


def _rename(path: str, name: str | None) -> Fault:
    """The field at `path` under another name, or under none."""
    *parents, old = path.split("/")

    def renamed(parent: dict[str, Any]) -> dict[str, Any]:
        kept = {field: value for field, value in parent.items() if field != old}
        return kept | {name: parent[old]} if name else kept

    return _put("/".join(parents), renamed)


def _changed(value: Any, path: list[str], new: Any) -> Any:
    """A copy of `value` that differs at `path` alone."""
    if not path:
        return new(value) if callable(new) else new
    step, *rest = path
    if isinstance(value, list):
        i = int(step)
        return [*value[:i], _changed(value[i], rest, new), *value[i + 1 :]]
    return value | {step: _changed(value.get(step), rest, new)}
