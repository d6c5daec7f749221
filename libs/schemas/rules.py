"""The rules of intake: `check` applies every one of them to a submission and reports every breach at once.

The rule ids are part of the contract: a finding names its rule, `schemas.texts` says it in each language, and
`schemas.rulebook` explains it.
"""

import hashlib
import hmac
import json
import re
from typing import Any

import orjson
import rfc8785
from pydantic import ValidationError
from stdnum.cn import uscc as cn_uscc

from schemas.across import across
from schemas.entry import USCC, Contact, SubmissionLine
from schemas.finding import Finding, pointer, steps
from schemas.fixes import fixed
from schemas.json_text import Illegible, read, reason, unmarked
from schemas.oddities import near, oddities, short
from schemas.texts import TEXTS

__all__ = ["MAX_LINE_BYTES", "TEXTS", "Finding", "canonical", "check", "digest"]

#: A submission of more bytes than this is refused unread.
MAX_LINE_BYTES = 1_000_000
#: So many findings are told of one submission, and how many more there are: a line of nothing but mistakes still makes
#: an event that Kafka carries.
MAX_FINDINGS = 500

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


def digest(submission: SubmissionLine, pepper: bytes) -> str:
    """SHA-256 of the entry's RFC 8785 form: two submissions with the same digest say the same.

    For the contact stands its HMAC-SHA256 under `pepper`: nobody finds out a telephone number by trying them all.
    """
    entry = submission.entry.model_dump(mode="json")
    if contact := entry["contact"]:
        entry["contact"] = hmac.digest(pepper, orjson.dumps(contact, option=orjson.OPT_SORT_KEYS), "sha256").hex()
    return hashlib.sha256(canonical(entry)).hexdigest()


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
        raw = read(line)
    except Illegible as error:
        return None, (Finding(rule="json", pointer="", expected=error.reason),)
    line = unmarked(line)
    submission, more = None, 0
    findings = [Finding(rule=rule, pointer=where, found=found) for rule, where, found in oddities(line, raw)]
    try:
        submission = SubmissionLine.model_validate_json(line)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _enough(detail)]
        more = max(0, len(details) - MAX_FINDINGS)
        findings.extend(map(_finding, details[:MAX_FINDINGS]))
    findings.extend(across(raw))
    # What is no code, date or text at all need not be told that it is no line either.
    wrong = {finding.pointer for finding in findings if finding.rule != "text.one-line"}
    findings = [each for each in findings if each.rule != "text.one-line" or each.pointer not in wrong]
    if not findings:
        return submission, ()
    more += max(0, len(findings) - MAX_FINDINGS)
    told = tuple(map(_discreet, fixed(raw, findings[:MAX_FINDINGS])))
    return None, (*told, Finding(rule="findings.more", pointer="", found=str(more))) if more else told


def _discreet(finding: Finding) -> Finding:
    """Without what may be a contact itself, as in `{"13800000000": "…"}`: what a refusal says is kept in the open.
    Of names within a contact those of its fields are told, and a misspelt one."""
    _, *path = steps(finding.pointer)
    if path[:2] != ["entry", "contact"]:
        return finding
    misspelt = finding.fix and finding.fix["op"] == "move"
    if len(path) == 3 and (misspelt or path[2] in Contact.model_fields):
        return finding
    place = path[:3] if len(path) > 3 and path[2] in Contact.model_fields else path[:2]
    whole = place == path and finding.rule != "unknown-field" and finding.found in (None, "contact")
    found = finding.found if whole else "…"  # what else is said of a whole contact was said of a long name in it
    return finding.model_copy(update={"pointer": pointer(*place), "found": found, "fix": None})


def _enough(detail: Any) -> bool:
    """Whether a list that Pydantic finds too short is none: it counts only the items that are right themselves."""
    return bool(detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"])


def _finding(detail: Any) -> Finding:
    """One Pydantic error as a finding."""
    kind, context = detail["type"], detail.get("ctx", {})
    # A union's tag stands in the location ("entry", "scene", "title"); it is no field of the submission.
    path = [step for i, step in enumerate(detail["loc"]) if not (i == 1 and detail["loc"][0] == "entry")]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path = ["entry", "kind"]
    rule = _rule(kind)
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
        expected = reason(str(context.get("error", kind)))
    if rule == "uscc" and (expected := _check_digit(detail["input"])):
        rule = "uscc.check-digit"
    return Finding(rule=rule, pointer=near(pointer(*path)), found=_found(rule, path, detail), expected=expected)


def _rule(kind: str) -> str:
    """The rule that a Pydantic error of this type breaks."""
    if kind in _RULES:
        return _RULES[kind]
    return "date" if kind.startswith("date") else "json" if kind.startswith("json") else "type"


def _found(rule: str, path: list[Any], detail: Any) -> str | None:
    """What stood there: nothing of a contact, of which a whole submission or entry may hold one."""
    if rule in ("required", "json") or path[:2] == ["entry", "contact"]:
        return None
    if rule == "unknown-field":
        return short(str(path[-1]))
    value = detail.get("ctx", {}).get("tag", detail["input"])
    if path in ([], ["entry"]):
        return {list: "array", str: "string", type(None): "null", bool: "boolean"}.get(type(value), "number")
    return _short(value, quoted=rule == "type")


def _short(value: object, *, quoted: bool) -> str:
    """A value shortened. A text stands in quotes where its type is what is wrong: "7" is not the 7 that is expected."""
    bare = isinstance(value, str) and not quoted
    return short(str(value) if bare else json.dumps(value, ensure_ascii=False, default=str))


def _check_digit(value: object) -> str | None:
    """The check digit that a code of the right shape should have had; None for any other."""
    return str(cn_uscc.calc_check_digit(value[:17])) if isinstance(value, str) and re.fullmatch(USCC, value) else None
