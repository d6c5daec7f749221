"""`errors`: what was refused and why, and mending a file by the fixes that the findings carry."""

import asyncio
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jsonpatch
import jsonpointer
import orjson

from schemas.finding import patch
from schemas.json_text import says_all
from shuangqian import show
from shuangqian.client import Json, ask, stream
from shuangqian.entries import Line, Source, lines, opened, to_write, write
from shuangqian.outcomes import NOT_RIGHT, SOME_REFUSED, TAKEN_IN
from shuangqian.profiles import Access
from web.languages import _, moment
from web.shell import Bar, Failed, note, out, print_json, progress

#: Characters shown of a value that is changed.
SHOWN = 200


def errors(access: Access, reference: str | None, *, settled_too: bool, as_json: bool) -> int:
    """Print what was refused; the exit code is that of something refused where anything is still to be mended."""
    items = [item for item in refusals(access, reference) if settled_too or reference or item["standing"] == "open"]
    if as_json:
        print_json(items)
    elif not items:
        note(_("Nothing is left to be mended."))
    else:
        for item in items:
            _show(item)
    return SOME_REFUSED if any(item["standing"] == "open" for item in items) else TAKEN_IN


def refusals(access: Access, reference: str | None) -> Iterator[Json]:
    """What was refused, of one submission or of all."""
    one = {"stream": stream(access, reference)} if reference else {}
    after = None
    while True:
        page = ask(access, "/refusals", **one, after=after)
        yield from page["items"]
        if (after := page["next"]) is None:
            return


def _show(item: Json) -> None:
    console = out()
    name = item["reference"] or item["stream"].partition("/")[2]
    revision = f"r{item['revision']}  " if item["revision"] else ""
    settled = {"mended": _("mended since"), "withdrawn": _("withdrawn since"), "lapsed": _("asked for no more")}
    standing = settled[item["standing"]] + "  " if item["standing"] in settled else ""
    console.print(f"[red]✗[/] [bold]{name}[/]  [dim]{revision}{standing}{moment(item['time'])}[/]", soft_wrap=True)
    for finding in item["findings"]:
        show.found(console, finding, "  ")


class Change(NamedTuple):
    """An operation that was applied to an entry, and what it found there: absent where nothing stood."""

    line: Line
    operation: Json
    old: Json

    def as_json(self) -> Json:
        return {"line": self.line.number, **self.operation, **self.old}

    def told(self) -> str:
        """`replace /entry/maturity: "8" → 8`, as short as a line of a terminal allows."""
        old = _short(self.old["old"]) if "old" in self.old else "—"
        match self.operation:
            case {"from": came, "path": path}:
                return f"move {came} → {path}: {old}"
            case {"value": new}:
                return f"{self.operation['op']} {self.operation['path']}: {old} → {_short(new)}"
        return f"{self.operation['op']} {self.operation['path']}: {old} → —"


def _short(value: Any) -> str:
    said = show.value(value)
    return said if len(said) <= SHOWN else said[:SHOWN] + "…"


@dataclass
class Mended:
    """A file after mending: its entries as they are now, how many were mended, what was changed in them, and the
    findings that are left."""

    lines: list[bytes] = field(default_factory=list)
    mended: int = 0
    changes: list[Change] = field(default_factory=list)
    left: list[tuple[Line, Json]] = field(default_factory=list)


def mend(found: Sequence[Line], findings: Mapping[int, Sequence[Json]]) -> Mended:
    """The entries of a file with every fix applied that their `findings` carry, by the numbers of their lines."""
    result = Mended()
    for line in found:
        entry, changes, left = _apply(line, _read(line.raw), findings.get(line.number, ()))
        result.changes += changes
        result.left += [(line, finding) for finding in left]
        result.mended += bool(changes)
        result.lines.append(orjson.dumps(entry) if changes else line.raw)
    return result


def known(found: Sequence[Line], refused: Sequence[Json]) -> tuple[dict[int, Sequence[Json]], set[int]]:
    """The findings of the entries that have the very bytes that were refused; and the numbers of those whose name was
    refused with others, and is still to be mended. These may have been mended by hand, or be what was taken in."""
    by_digest = {item["digest"]: item["findings"] for item in refused}
    names = {(item["reference"], item["revision"]) for item in refused if item["standing"] == "open"}
    findings, others = dict[int, Sequence[Json]](), set[int]()
    for line in found:
        if (digest := hashlib.sha256(line.raw).hexdigest()) in by_digest:
            findings[line.number] = by_digest[digest]
        elif _name(_read(line.raw)) in names:
            others.add(line.number)
    return findings, others


def _checked(access: Access, path: str, found: Sequence[Line], asked: Collection[int]) -> dict[int, Sequence[Json]]:
    """What there is to be said of some entries of a file as they are now. Nothing of them is taken in."""
    from shuangqian.sending import receipts
    from shuangqian.submitting import again, check_validates

    check_validates(access, "/submissions:stream")
    source = Source(path, opened(path)[0], without={line.number for line in found} - set(asked))

    async def go(bar: Bar) -> dict[int, Sequence[Json]]:
        answers = receipts(access, source, again(bar), validate_only=True)
        return {line.number: receipt.get("findings", ()) async for line, receipt in answers}

    with progress(_("Checking")) as bar:
        return asyncio.run(go(bar))


def _read(raw: bytes) -> Any:
    """What an entry says; nothing where it is illegible, or would lose what it says when it is written again."""
    try:
        entry = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return entry if says_all(entry, raw) else None


def _name(entry: Any) -> tuple[str, int | None] | None:
    """The reference and revision of an entry, where they are legible."""
    said = entry if isinstance(entry, dict) else {}
    reference, revision = said.get("reference"), said.get("revision")
    if not isinstance(reference, str) or not isinstance(revision, int | None):
        return None
    return reference, revision


def _apply(line: Line, entry: Any, findings: Sequence[Json]) -> tuple[Any, list[Change], list[Json]]:
    """The entry with the fixes applied, what they changed, and the findings that have none, or one that does not
    fit."""
    changes: list[Change] = []
    left = [finding for finding in findings if not finding.get("fix")]
    for operation in patch(finding.get("fix") for finding in findings):
        try:
            mended = jsonpatch.apply_patch(entry, [operation])
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError):
            left += [finding for finding in findings if finding.get("fix") == operation]
            continue
        changes.append(Change(line, dict(operation), _old(entry, operation.get("from", operation["path"]))))
        entry = mended
    # A misspelt field is two findings: what has no such name, and what is missing. The fix of the first mends both.
    there = {change.operation["path"] for change in changes}
    left = [each for each in left if not (each["rule"] == "required" and each["pointer"] in there)]
    return entry, changes, left


def _old(entry: Any, pointer: str) -> Json:
    """What stands at a pointer, where anything does."""
    try:
        return {"old": jsonpointer.resolve_pointer(entry, pointer)}
    except jsonpointer.JsonPointerException:
        return {}


class Fixed(NamedTuple):
    """The mended file; the numbers of those of its entries that have findings without a fix; the exit code."""

    path: str
    by_hand: frozenset[int]
    code: int


def fix(access: Access, reference: str | None, path: str, target: str | None, as_json: bool) -> Fixed:
    """Write the mended file, and list all that is changed in it and all that is left to be mended by hand.

    An entry is known by its bytes, as they were refused. Of one that has but the name of what was refused the server is
    asked anew: what was mended by hand, or taken in, stays as it is.
    """
    if path == "-":
        raise Failed(NOT_RIGHT, _("What is mended is a file: name it with --file."))
    where = to_write(target or str(Path(path).with_name(f"{Path(path).stem}.mended{Path(path).suffix}")))
    file, _size = opened(path)
    found = [line for some in lines(path, file) for line in some]
    findings, others = known(found, list(refusals(access, reference)))
    if others:
        findings |= _checked(access, path, found, others)
    mended = mend(found, findings)
    write(where, _written(path, mended.lines))
    for change in mended.changes:
        note(_("Line %(line)s: %(change)s") % {"line": change.line.number, "change": change.told()})
    if as_json:
        left = [{"line": line.number, **finding} for line, finding in mended.left]
        changes = [change.as_json() for change in mended.changes]
        print_json({"file": where, "mended": mended.mended, "changes": changes, "left": left})
    else:
        note(_("%(count)s mended in %(file)s.") % {"count": f"{mended.mended:,}", "file": where})
        if mended.left:
            note(_("No fix is sure for these; mend them by hand:"))
        for line, finding in mended.left:
            out().print(f"[red]✗[/] [dim]{line.number:>6}[/]")
            show.found(out(), finding, "         ")
    left_at = {line.number for line, _finding in mended.left}
    by_hand = frozenset(number for number, line in enumerate(found, start=1) if line.number in left_at)
    return Fixed(where, by_hand, SOME_REFUSED if by_hand else TAKEN_IN)


def _written(path: str, entries: Sequence[bytes]) -> bytes:
    """The entries as the file had them: a line each, or one JSON value."""
    with open(path, "rb") as file:
        begins = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begins.startswith(b"["):
        return b"[\n" + b",\n".join(entries) + b"\n]\n"
    return b"".join(entry + b"\n" for entry in entries)
