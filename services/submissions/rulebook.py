"""The rules of intake, explained with examples: those of entries in `libs/schemas/rulebook.toml`, those of sheets and
sources in `rulebook.toml` beside this. Each is read once."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonpatch
import orjson

import schemas
from schemas.finding import Finding, steps
from schemas.rules import check

Group = Literal["text", "fields", "across", "held", "message", "sheet", "source"]


@dataclass(frozen=True)
class Example:
    """What breaks a rule and what keeps it: `bad` and `good`, sent whole after `held` was received (and `withdrawn`).

    `shown_…` are the parts of them that matter, as text; where that is all there is, the rest is empty. `findings` is
    what `bad` is told; empty where that is told of a file or a source, not of an entry.
    """

    shown_bad: str
    shown_good: str
    findings: tuple[Finding, ...]
    bad: bytes = b""
    good: bytes = b""
    held: tuple[bytes, ...] = ()
    shown_held: tuple[str, ...] = ()
    withdrawn: bool = False


@dataclass(frozen=True)
class Rule:
    """One rule: its texts are {"zh", "en"}; `fix` says what is suggested where it is broken."""

    id: str
    group: Group
    title: dict[str, str]
    asks: dict[str, str]
    why: dict[str, str]
    fix: dict[str, str]
    example: Example


@cache
def rulebook() -> dict[str, Rule]:
    """All rules by id, in the order of their pages."""
    read = tomllib.loads((Path(schemas.__file__).parent / "rulebook.toml").read_text())
    bases = {kind: orjson.loads(base) for kind, base in read["bases"].items()}
    beside = tomllib.loads((Path(__file__).parent / "rulebook.toml").read_text())
    return {id: _rule(id, told, bases) for id, told in (read["rules"] | beside["rules"]).items()}


def _rule(id: str, told: dict[str, Any], bases: dict[str, Any]) -> Rule:
    title, asks, why, fix = (
        {"zh": told["zh"][part], "en": told["en"][part]} for part in ("title", "asks", "why", "fix")
    )
    example = _as_text(id, told) if "bad_text" in told else _as_changes(id, told, bases)
    return Rule(id, told["group"], title, asks, why, fix, example)


def _as_text(id: str, told: dict[str, Any]) -> Example:
    if "finding" in told:  # too large to be shown whole, or of the message rather than its text
        findings: tuple[Finding, ...] = (Finding(rule=id, **orjson.loads(told["finding"])),)
    else:
        findings = tuple(finding for finding in check(told["bad_text"].encode())[1] if finding.rule == id)
    return Example(told["bad_text"], told["good_text"], findings)


def _as_changes(id: str, told: dict[str, Any], bases: dict[str, Any]) -> Example:
    def made(operations: str, kind: str) -> Any:
        return jsonpatch.apply_patch(bases[kind], orjson.loads(operations))

    bad, good = made(told["bad"], told["kind"]), made(told.get("good", "[]"), told["kind"])
    held = [made(operations, told.get("held_kind", told["kind"])) for operations in told.get("held", [])]
    shown = [steps(pointer)[1:] for pointer in told["show"]]
    findings = check(orjson.dumps(bad))[1]
    if "finding" in told:
        findings = (Finding(rule=id, **orjson.loads(told["finding"])),)
    return Example(
        shown_bad=_text(bad, shown),
        shown_good=_text(good, shown),
        findings=findings,
        bad=orjson.dumps(bad),
        good=orjson.dumps(good),
        held=tuple(map(orjson.dumps, held)),
        shown_held=tuple(_text(each, shown) for each in held),
        withdrawn=told.get("withdrawn", False),
    )


def _text(value: Any, paths: list[list[str]]) -> str:
    return orjson.dumps(_part(value, paths), option=orjson.OPT_INDENT_2).decode()


def _part(value: Any, paths: list[list[str]]) -> Any:
    """Of a JSON value, what stands at some paths."""
    if not all(paths):
        return value
    if isinstance(value, dict):
        inner = {name: [path[1:] for path in paths if path[0] == name] for name in value}
        return {name: _part(value[name], rest) for name, rest in inner.items() if rest}
    wanted = {int(path[0]) for path in paths}
    return [_part(value[i], [path[1:] for path in paths if int(path[0]) == i]) for i in sorted(wanted)]
