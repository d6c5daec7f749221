"""What would mend a finding: one RFC 6902 operation each, where one is certain or very likely. Runs on findings alone.
(Those of the rules between revisions are made where what is held is known: `submissions.domain.submission`.)

Partners have their programs apply them and send again at once: none drops what somebody wrote under another name, nor
makes one entry of two. Nothing of a contact is repeated in a fix: what stands there is only moved or removed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter
from rapidfuzz import fuzz, process

from schemas.entry import ENTRY_ID, HTTPS_URL, OFFER_UNITS, REFERENCE, SHA256, TAG, SubmissionLine, is_uscc
from schemas.finding import Finding, Fix, steps
from schemas.names import NAMES
from schemas.oddities import UNLINED
from schemas.readings import day, number, plain, whole
from schemas.texts import CHOICES

#: A name is close enough to another from this likeness on, of 100.
ALIKE = 75
#: Fields' names differ in less: what stands under `budget` is not certainly what `budget_yuan` wants.
ALIKE_FIELDS = 80
#: What some call a field by another word, and no other field can be meant.
OTHER_NAMES = {"url": "href", "uri": "href", "link": "href"}
_TEXTS = ("title", "summary", "name", "zone", "distinction", "site", "measure", "description")
_LISTS_OF_NAMES = ("needs", "capabilities", "takes", "gives")
_LISTS_OF_TEXTS = ("tags", "interfaces", "markets")
#: A comma between two digits is part of a number: 1,000.
_BETWEEN = re.compile(r"(?:[、，;；\n]|(?<![0-9]),|,(?![0-9]))+")
#: What turns a name into its opposite: non-industrial, 非产业级.
_NEGATED = re.compile(r"[非不无未]|\b(?:non|not|no)\b|\bun")
#: Bytes of a value that is suggested, at most: a refusal and its receipt hold all of them, and have an end.
_MOST_SUGGESTED = 8_000


def fixed(raw: Any, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of a submission, each with what would mend it."""
    taken: set[str] = set()
    mended = []
    for finding in findings:
        fix = _fix(raw, finding, findings)
        if fix and "value" in fix and len(orjson.dumps(fix["value"])) > _MOST_SUGGESTED:
            fix = None
        # Two fields misspelt alike cannot both become the one that is meant.
        if fix and "from" in fix and fix["path"] in taken:
            fix = None
        if fix:
            taken.add(fix["path"])
        mended.append(finding.model_copy(update={"fix": fix}) if fix else finding)
    return tuple(mended)


def _fix(raw: Any, finding: Finding, findings: Sequence[Finding]) -> Fix | None:
    path = steps(finding.pointer)[1:]
    if not path:
        return None
    if finding.rule == "unknown-field":
        return _known_instead(raw, path, finding.pointer)
    if path[:2] == ["entry", "contact"]:
        return None
    if finding.rule in ("scene.level-fit", "text.language", "offer.repeated", "text.placeholder"):
        return _across(raw["entry"], finding, path, findings)
    value, parent = at(raw, path), at(raw, path[:-1])
    if finding.rule == "required":
        unit = OFFER_UNITS.get(parent.get("type")) if path[-1] == "unit" and _offer(parent) else None
        return {"op": "add", "path": finding.pointer, "value": str(unit)} if unit else None
    if value is None:
        optional = finding.rule == "type" and path[-1] in _known(raw, path[:-1], optional=True)
        return {"op": "remove", "path": finding.pointer} if optional else None
    new = READERS[finding.rule](value, finding, path, parent) if finding.rule in READERS else None
    return None if new is None or new is value else {"op": "replace", "path": finding.pointer, "value": new}


def at(raw: Any, path: Sequence[str]) -> Any:
    """What stands at a path of a JSON value; None where nothing does."""
    for step in path:
        if isinstance(raw, dict):
            raw = raw.get(step)
        elif isinstance(raw, list) and step.isdecimal() and int(step) < len(raw):
            raw = raw[int(step)]
        else:
            return None
    return raw


# --- Fields ----------------------------------------------------------------------------------------------------------


def _known_instead(raw: Any, path: list[str], pointer: str) -> Fix | None:
    """A field that is written otherwise, moved to the absent one that is plainly meant. Nothing of any other: to remove
    it would lose what it says."""
    present = at(raw, path[:-1])
    absent = {_bare(name): name for name in _known(raw, path[:-1]) if name not in present}
    said = _bare(path[-1])
    like = process.extractOne(said, list(absent), scorer=fuzz.ratio, score_cutoff=ALIKE_FIELDS)
    meant = absent[like[0]] if like else absent.get(OTHER_NAMES.get(said, ""))
    return {"op": "move", "from": pointer, "path": pointer.rpartition("/")[0] + "/" + meant} if meant else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", plain(name)).lower()


def _known(raw: Any, path: Sequence[str], *, optional: bool = False) -> list[str]:
    """The fields that an object at a path may have; or only those that it may lack."""
    schema = _schema()
    node: Any = schema
    for i, step in enumerate(path):
        node = node.get("properties", {}).get(step) or node.get("items") or {}
        if "oneOf" in node:
            kind = at(raw, [*path[: i + 1], "kind"])
            node = {"$ref": node["discriminator"]["mapping"].get(kind)} if isinstance(kind, str) else {}
        node = next((each for each in node.get("anyOf", ()) if each.get("type") != "null"), node)
        if reference := node.get("$ref"):
            node = schema["$defs"][reference.rpartition("/")[2]]
    names = list(node.get("properties", ()))
    return [name for name in names if name not in node.get("required", ())] if optional else names


@cache
def _schema() -> Any:
    return TypeAdapter(SubmissionLine).json_schema()


def _across(entry: Any, finding: Finding, path: list[str], findings: Sequence[Finding]) -> Fix | None:
    """Fixes of the rules that cross fields."""
    remove: Fix = {"op": "remove", "path": finding.pointer}
    field, last = path[1], path[-1]
    match finding.rule:
        case "offer.repeated":
            return remove
        case "text.placeholder":
            return remove if last == "en" else None
        case "text.language":
            zh, en = entry[field].get("zh"), entry[field].get("en")
            if zh == en:
                return remove if last == "en" else None
            both = [
                each for each in findings if each.rule == finding.rule and each.pointer.startswith(f"/entry/{field}/")
            ]
            swapped = {"zh": en, "en": zh}[last]
            return {"op": "replace", "path": finding.pointer, "value": swapped} if len(both) == 2 else None
    industrial = entry["level"] == "industrial"
    own, other, another = ("industry", "theme", "enterprise") if industrial else ("theme", "industry", "industrial")
    if entry.get(own) is None and entry.get(other) is not None and not (industrial and entry.get("facility")):
        # All that it says is of the other level: the level is the slip.
        return {"op": "replace", "path": "/entry/level", "value": another} if field == own else None
    return None if entry.get(field) is None else remove


# --- Values ----------------------------------------------------------------------------------------------------------


def _choice(value: Any, finding: Finding, path: list[str], parent: Any) -> str | None:
    """The choice that a text means: by its code, its name in Chinese or English, or the closest to these."""
    if not isinstance(value, str):
        return None
    if path[-1] == "unit" and _offer(parent):
        return str(OFFER_UNITS[parent["type"]])
    said = plain(value).casefold()
    names: dict[str, str] = {}
    for code in CHOICES.findall(finding.expected or ""):
        names |= {code: code} | {name.casefold(): code for name in NAMES.get(code, {}).values()}
    if said in names:
        return names[said]
    negated = bool(_NEGATED.search(said))
    names = {name: code for name, code in names.items() if bool(_NEGATED.search(name)) == negated}
    within = {
        code for name, code in names.items() if len(said) >= 2 and (said in name or (len(name) > 1 and name in said))
    }
    if len(within) == 1:
        return within.pop()
    like = process.extractOne(said, list(names), scorer=fuzz.ratio, score_cutoff=ALIKE)
    return names[like[0]] if like else None


def _offer(parent: Any) -> bool:
    return isinstance(parent, dict) and isinstance(parent.get("type"), str) and parent["type"] in list(OFFER_UNITS)


def _type(value: Any, finding: Finding, path: list[str], parent: Any) -> Any:
    """The same in the type that is expected."""
    match finding.expected, value:
        case "integer", str():
            return whole(value)
        case "number", str():
            unit = parent.get("unit") if isinstance(parent, dict) else None
            return number(value, unit if isinstance(unit, str) else "")
        case "string", int() if not isinstance(value, bool):
            return str(value)
        case "object", str() if path[-1] in _TEXTS or set(path[-2:-1]) & set(_LISTS_OF_NAMES):
            return {"zh": value} if value.strip() else None
        case "array", str() if path[-1] in _LISTS_OF_NAMES + _LISTS_OF_TEXTS:
            parts = [part.strip() for part in _BETWEEN.split(value) if part.strip()]
            return ([{"zh": part} for part in parts] if path[-1] in _LISTS_OF_NAMES else parts) or None
        case "array", dict() if path[-1] not in _LISTS_OF_TEXTS:
            # A whole object where a list of them is wanted. None holds a contact.
            return [value]
    return None


def _pattern(value: Any, finding: Finding, path: list[str], parent: Any) -> str | None:
    """The text in the form that is asked for, where it only stands otherwise."""
    pattern, said = finding.expected or "", plain(value)
    mended = {
        # Neither cut nor without its Chinese: two references could become one.
        REFERENCE: lambda: re.sub(r"[^A-Za-z0-9._-]+", "-", said).strip("._-") if said.isascii() else "",
        ENTRY_ID: lambda: re.sub(r"\s", "", said).partition("/")[0].upper() + "".join(said.partition("/")[1:]).strip(),
        SHA256: lambda: said.lower().removeprefix("sha256:").removeprefix("0x"),
        # Only how it begins: elsewhere another sign, full-width too, is another address.
        HTTPS_URL: lambda: re.sub(r"^(http://|HTTPS?://)?(?=[\w-]+\.)", "https://", str(value).strip(), count=1),
        TAG: lambda: " ".join(value.split()),
    }
    new = mended[pattern]() if pattern in mended else ""
    return new if new and re.fullmatch(pattern, new) else None


def _uscc(value: Any, finding: Finding, path: list[str], parent: Any) -> str | None:
    code = re.sub(r"[\s-]", "", plain(str(value))).upper()
    return code if is_uscc(code) else None


def _length(value: Any, finding: Finding, path: list[str], parent: Any) -> str | None:
    """A text that only blanks make too long, without them."""
    bound, _, most = (finding.expected or "").partition(" ")
    trimmed = " ".join(value.split()) if isinstance(value, str) else ""
    return trimmed if bound == "≤" and 2 <= len(trimmed) <= int(most) else None


def _one_line(value: Any, finding: Finding, path: list[str], parent: Any) -> str | None:
    """The text on one line, a blank for each break."""
    joined = " ".join(UNLINED.sub(" ", value).split()) if isinstance(value, str) else ""
    return joined if len(joined) >= 2 else None


READERS: Mapping[str, Callable[[Any, Finding, list[str], Any], Any]] = {
    "choice": _choice,
    "type": _type,
    "pattern": _pattern,
    "length": _length,
    "text.one-line": _one_line,
    "uscc": _uscc,
    "uscc.check-digit": lambda value, finding, path, parent: value[:17] + finding.expected,
    "date": lambda value, finding, path, parent: day(value),
    "offer.unit": lambda value, finding, path, parent: finding.expected,
    "range": lambda value, finding, path, parent: 1 if path == ["revision"] and value == 0 else None,
}
