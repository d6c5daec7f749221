"""The rules of intake: `check` applies every one of them to a submission and reports every breach at once.

The rule ids are part of the contract: a finding names its rule, and `TEXTS` says it in each language.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import orjson
import rfc8785
from pydantic import BaseModel, ConfigDict, ValidationError
from stdnum.cn import uscc as cn_uscc

from schemas.entry import OFFER_UNITS, OfferType, SubmissionLine

#: A submission of more bytes than this is refused unread.
MAX_LINE_BYTES = 1_000_000
#: The city's totals: an offer beyond them is a slip of the pen (design, section 5).
CITY_TOTALS = {"space": 10_000_000, "fund": 10_000_000_000}


class Finding(BaseModel):
    """One breach of one rule.

    `pointer` is an RFC 6901 JSON Pointer into the submission; `found` is what stood there, shortened (absent for
    personal data and for what was missing); `expected` is what would mend it, in the rule's own terms.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    pointer: str
    found: str | None = None
    expected: str | None = None

    def text(self, language: str) -> str:
        """The finding as a sentence in `zh` or `en`, with what would mend it."""
        return TEXTS[self.rule][language].format(expected=self.expected or "", found=self.found or "")


TEXTS: dict[str, dict[str, str]] = {
    "json": {
        "zh": "不是有效的 JSON：{expected}。请检查引号、逗号和 UTF-8 编码。",
        "en": "Not valid JSON: {expected}. Check the quotes, commas and UTF-8 encoding.",
    },
    "size": {"zh": "超过 {expected} 字节的上限。", "en": "Larger than the limit of {expected} bytes."},
    "required": {"zh": "缺少必填项。", "en": "This field is required."},
    "unknown-field": {
        "zh": "没有名为“{found}”的字段。请删除它，或检查拼写。",
        "en": "There is no field “{found}”. Remove it or check its spelling.",
    },
    "type": {"zh": "类型不符，应为 {expected}。", "en": "Wrong type: expected {expected}."},
    "length": {"zh": "长度不符，应为 {expected} 个字符。", "en": "Wrong length: expected {expected} characters."},
    "count": {"zh": "项数不符，应为 {expected} 项。", "en": "Wrong number of items: expected {expected}."},
    "pattern": {"zh": "格式不符，应匹配 {expected}。", "en": "Wrong format: must match {expected}."},
    "choice": {"zh": "不在可选值之内，应为：{expected}。", "en": "Not one of the choices: {expected}."},
    "range": {"zh": "数值超出范围，应为 {expected}。", "en": "Out of range: expected {expected}."},
    "date": {"zh": "不是有效日期，应为 YYYY-MM-DD。", "en": "Not a date: write YYYY-MM-DD."},
    "uscc": {
        "zh": "不是统一社会信用代码（GB 32100）：应为 18 位数字和大写字母，不含 I、O、S、V、Z。",
        "en": "Not a unified social credit code (GB 32100): 18 digits and capital letters without I, O, S, V and Z.",
    },
    "uscc.check-digit": {
        "zh": "统一社会信用代码的校验位有误（GB 32100）：按前 17 位应为 {expected}，请核对全部 18 位。",
        "en": "The check digit of the unified social credit code is wrong (GB 32100): the first 17 characters "
        "give {expected}. Check all 18.",
    },
    "scene.level-fit": {
        "zh": "层级与分类不符：{expected}。",
        "en": "The level and the classification do not fit: {expected}.",
    },
    "dates.order": {
        "zh": "日期顺序有误：应不早于 {expected}。",
        "en": "The dates are out of order: must not be before {expected}.",
    },
    "offer.unit": {"zh": "单位不符：应为 {expected}。", "en": "The unit does not fit the type: expected {expected}."},
    "offer.amount": {
        "zh": "数量超过全市总量 {expected}。",
        "en": "The amount is beyond the whole city's {expected}.",
    },
    "evidence.stage": {
        "zh": "所报阶段须有相应证据：{expected}。",
        "en": "The stage needs evidence measured at it: {expected}.",
    },
    "findings.more": {
        "zh": "另有 {found} 处问题未列出：请先修正以上各处。",
        "en": "There are {found} more findings: mend those above first.",
    },
    "message.empty": {
        "zh": "消息没有内容。删除标记（空值）不表示撤回：请在网页或接口上撤回提交。",
        "en": "The message has no value. A tombstone withdraws nothing: withdraw a submission by its page or the API.",
    },
    "message.content-type": {
        "zh": "无法识别的内容类型“{found}”，应为 {expected}。",
        "en": "Unknown content type “{found}”: expected {expected}.",
    },
    "message.attribute": {
        "zh": "CloudEvents 属性缺失或有误，应为 {expected}。",
        "en": "A CloudEvents attribute is missing or wrong: expected {expected}.",
    },
    "message.unhandled": {
        "zh": "系统处理该消息时出错，并非内容有误。运维人员已收到通知，请稍后重新发送。",
        "en": "We failed to handle this message; its content is not to blame. Operators know: send it again later.",
    },
    "partner.mismatch": {
        "zh": "单位代码与所用密钥的合作方不符：应为 {expected}。",
        "en": "The owner is not the partner whose key was used: expected {expected}.",
    },
    "revision.taken": {
        "zh": "该修订号已以不同内容收到：请以修订号 {expected} 重新提交。",
        "en": "This revision was already received with other content: send it as revision {expected}.",
    },
    "revision.stale": {
        "zh": "修订号已过期：当前为 {found}，请以 {expected} 重新提交。",
        "en": "This revision is older than the current {found}: send it as revision {expected}.",
    },
    "submission.withdrawn": {
        "zh": "该提交已撤回：请使用新的编号。",
        "en": "This submission was withdrawn: use a new reference.",
    },
    "reference.full": {
        "zh": "该编号的提交次数已达上限：请使用新的编号。",
        "en": "This reference was sent in too many times: use a new one.",
    },
    "kind.changed": {
        "zh": "同一编号不能改变类别：应为 {expected}。",
        "en": "A reference keeps its kind: expected {expected}.",
    },
}

_LIMITS = {
    "greater_than_equal": "≥ {ge}",
    "greater_than": "> {gt}",
    "less_than_equal": "≤ {le}",
    "less_than": "< {lt}",
    "string_too_short": "≥ {min_length}",
    "string_too_long": "≤ {max_length}",
    "too_short": "≥ {min_length}",
    "too_long": "≤ {max_length}",
}
_RULES = {
    "missing": "required",
    "extra_forbidden": "unknown-field",
    "greater_than_equal": "range",
    "greater_than": "range",
    "less_than_equal": "range",
    "less_than": "range",
    "finite_number": "range",
    "string_too_short": "length",
    "string_too_long": "length",
    "too_short": "count",
    "too_long": "count",
    "string_pattern_mismatch": "pattern",
    "literal_error": "choice",
    "enum": "choice",
    "union_tag_invalid": "choice",
    "union_tag_not_found": "required",
    "uscc": "uscc",
}
_TYPES = {
    "string_type": "string",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "tuple_type": "array",
    "model_type": "object",
    "model_attributes_type": "object",
    "dict_type": "object",
}


def digest(submission: SubmissionLine) -> str:
    """SHA-256 of the entry's RFC 8785 form: two submissions with the same digest say the same."""
    return hashlib.sha256(canonical(submission.entry.model_dump(mode="json"))).hexdigest()


def canonical(entry: dict[str, Any]) -> bytes:
    """An entry's RFC 8785 form. Where both write its numbers alike, orjson makes the same bytes, much faster."""
    for measured in (*entry.get("figures", ()), *entry.get("evidence", ())):
        for name in ("value", "baseline", "result"):
            number = measured.get(name)
            if isinstance(number, float) and not 1e-3 <= abs(number) < 1e15:
                return rfc8785.dumps(entry)
            if isinstance(number, float) and number.is_integer():
                measured[name] = int(number)
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


def check(line: bytes) -> tuple[SubmissionLine | None, tuple[Finding, ...]]:
    """Apply every rule to one submission as it came: the submission, or else all that is wrong with it.

    Findings come in the order of the text's fields, field rules first, then the rules that cross fields.
    """
    if len(line) > MAX_LINE_BYTES:
        return None, (Finding(rule="size", pointer="", found=str(len(line)), expected=str(MAX_LINE_BYTES)),)
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, (Finding(rule="json", pointer="", expected=str(error)),)
    submission = None
    findings: list[Finding] = []
    try:
        submission = SubmissionLine.model_validate_json(line)
    except ValidationError as error:
        findings.extend(_finding(detail) for detail in error.errors(include_url=False))
    findings.extend(_across(raw))
    return (None, tuple(findings)) if findings else (submission, ())


def _finding(detail: Any) -> Finding:
    """One Pydantic error as a finding."""
    kind, context = detail["type"], detail.get("ctx", {})
    # A union's tag stands in the location ("entry", "scene", "title"); it is no field of the submission.
    path = [step for i, step in enumerate(detail["loc"]) if not (i == 1 and detail["loc"][0] == "entry")]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path = ["entry", "kind"]
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    if kind in _RULES:
        rule = _RULES[kind]
    elif kind.startswith("date"):
        rule = "date"
    elif kind.startswith("json"):
        rule = "json"
    else:
        rule = "type"
    expected = None
    if kind in _LIMITS:
        expected = _LIMITS[kind].format(**context)
    elif rule == "choice":
        expected = str(context.get("expected") or context.get("expected_tags"))
    elif rule == "pattern":
        expected = context["pattern"]
    elif rule == "type":
        expected = _TYPES.get(kind, kind)
    elif rule == "json":
        expected = str(context.get("error", kind))
    found = None
    if rule == "unknown-field":
        found = str(path[-1])
    elif rule != "required" and not pointer.startswith("/entry/contact"):
        found = _short(context.get("tag", detail["input"]))
    if rule == "uscc" and (expected := _check_digit(detail["input"])):
        rule = "uscc.check-digit"
    return Finding(rule=rule, pointer=pointer, found=found, expected=expected)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:79] + "…"


def _check_digit(value: object) -> str | None:
    """The check digit that a code of the right shape should have had; None for any other."""
    try:
        return str(cn_uscc.calc_check_digit(str(value)[:17])) if len(str(value)) == 18 else None
    except Exception:  # characters outside the code's alphabet
        return None


def _across(raw: Any) -> Iterator[Finding]:
    """The rules that cross fields, on whatever of the fields is there and of the right type."""
    entry = raw.get("entry") if isinstance(raw, dict) else None
    if not isinstance(entry, dict):
        return
    match entry.get("kind"):
        case "scene":
            yield from _level_fits(entry)
            yield from _in_order(entry, "opens", "closes")
            yield from _offers_fit(entry, "offers")
        case "linkage":
            yield from _in_order(entry, "starts", "ends")
            yield from _offers_fit(entry, "asks")
            yield from _stage_evidenced(entry)


def _level_fits(entry: dict[str, Any]) -> Iterator[Finding]:
    industry, facility, theme = entry.get("industry"), entry.get("facility"), entry.get("theme")
    if entry.get("level") == "industrial":
        if industry is None:
            yield Finding(rule="scene.level-fit", pointer="/entry/industry", expected="industrial → industry")
        if theme is not None:
            yield Finding(rule="scene.level-fit", pointer="/entry/theme", expected="industrial → no theme")
    if entry.get("level") == "enterprise":
        if theme is None:
            yield Finding(rule="scene.level-fit", pointer="/entry/theme", expected="enterprise → theme")
        for name, value in (("industry", industry), ("facility", facility)):
            if value is not None:
                yield Finding(rule="scene.level-fit", pointer=f"/entry/{name}", expected=f"enterprise → no {name}")


def _in_order(entry: dict[str, Any], first: str, last: str) -> Iterator[Finding]:
    start, end = entry.get(first), entry.get(last)
    # ISO dates of the same shape compare as text.
    if isinstance(start, str) and isinstance(end, str) and len(start) == len(end) == 10 and end < start:
        yield Finding(rule="dates.order", pointer=f"/entry/{last}", found=end, expected=start)


def _offers_fit(entry: dict[str, Any], field: str) -> Iterator[Finding]:
    offers = entry.get(field)
    for i, offer in enumerate(offers if isinstance(offers, list) else ()):
        if not isinstance(offer, dict) or offer.get("type") not in list(OfferType):
            continue
        unit, total = OFFER_UNITS[offer["type"]], CITY_TOTALS.get(offer["type"])
        amount = offer.get("amount")
        if isinstance(offer.get("unit"), str) and offer["unit"] != unit:
            yield Finding(
                rule="offer.unit", pointer=f"/entry/{field}/{i}/unit", found=_short(offer["unit"]), expected=unit
            )
        if total and isinstance(amount, int) and amount > total:
            yield Finding(
                rule="offer.amount", pointer=f"/entry/{field}/{i}/amount", found=str(amount), expected=f"{total:,}"
            )


def _stage_evidenced(entry: dict[str, Any]) -> Iterator[Finding]:
    stage, evidence = entry.get("stage"), entry.get("evidence", [])
    if not isinstance(stage, str) or not isinstance(evidence, list):
        return
    if stage != "laboratory" and stage not in [item.get("stage") for item in evidence if isinstance(item, dict)]:
        yield Finding(rule="evidence.stage", pointer="/entry/evidence", found=None, expected=stage)
