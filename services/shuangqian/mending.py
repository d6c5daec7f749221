"""`errors`: what was refused and why, and mending a file by the fixes that the findings carry."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
import jsonpointer
import orjson

from schemas.finding import patch
from shuangqian import show
from shuangqian.client import Json, ask, stream
from shuangqian.entries import Line, lines, opened
from shuangqian.outcomes import NOT_RIGHT, SOME_REFUSED, TAKEN_IN
from shuangqian.profiles import Access
from web.languages import _, moment
from web.shell import Failed, note, out, print_json


def errors(access: Access, reference: str | None, *, mended_too: bool, as_json: bool) -> int:
    """Print what was refused; the exit code is that of something refused where anything still is."""
    items = [item for item in refusals(access, reference) if mended_too or reference or not item["mended"]]
    if as_json:
        print_json(items)
    elif not items:
        note(_("Nothing is refused."))
    else:
        for item in items:
            _show(item)
    return SOME_REFUSED if any(not item["mended"] for item in items) else TAKEN_IN


def refusals(access: Access, reference: str | None) -> Iterator[Json]:
    """What was refused, of one submission or of all."""
    if reference:
        yield from ask(access, "/refusals", stream=stream(access, reference))["items"]
        return
    after = None
    while True:
        page = ask(access, "/refusals", after=after)
        yield from page["items"]
        if (after := page["next"]) is None:
            return


def _show(item: Json) -> None:
    console = out()
    name = item["reference"] or item["stream"].partition("/")[2]
    revision = f"r{item['revision']}  " if item["revision"] else ""
    mended = _("mended since") + "  " if item["mended"] else ""
    console.print(f"[red]✗[/] [bold]{name}[/]  [dim]{revision}{mended}{moment(item['time'])}[/]", soft_wrap=True)
    for finding in item["findings"]:
        show.found(console, finding, "  ")


@dataclass
class Mended:
    """A file after mending: its entries as they are now, how many were mended, and the findings that are left."""

    lines: list[bytes]
    mended: int
    left: list[tuple[Line, Json]]


def mend(found: Sequence[Line], refused: Sequence[Json]) -> Mended:
    """The entries of a file with every fix applied that a finding of theirs carries.

    An entry is known by its bytes, as they were refused, and otherwise by its reference and revision.
    """
    by_digest = {item["digest"]: item["findings"] for item in refused}
    by_name = {(item["reference"], item["revision"]): item["findings"] for item in reversed(refused)}
    result = Mended([], 0, [])
    for line in found:
        entry = _read(line.raw)
        name = (entry.get("reference"), entry.get("revision")) if isinstance(entry, dict) else None
        findings = by_digest.get(hashlib.sha256(line.raw).hexdigest()) or by_name.get(name, ()) if name else ()
        entry, left = _apply(entry, findings)
        result.left += [(line, finding) for finding in left]
        result.mended += len(left) < len(findings)
        result.lines.append(orjson.dumps(entry) if len(left) < len(findings) else line.raw)
    return result


def _read(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _apply(entry: Any, findings: Sequence[Json]) -> tuple[Any, list[Json]]:
    """The entry with the fixes applied, and the findings that have none, or one that does not fit."""
    left = [finding for finding in findings if not finding.get("fix")]
    for operation in patch(finding.get("fix") for finding in findings):
        try:
            entry = jsonpatch.apply_patch(entry, [operation])
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError):
            left += [finding for finding in findings if finding.get("fix") == operation]
    return entry, left


def fix(access: Access, reference: str | None, path: str, target: str | None, as_json: bool) -> tuple[str, int]:
    """Write the mended file; its path, and the exit code: whether findings are left without a fix."""
    if path == "-":
        raise Failed(NOT_RIGHT, _("What is mended is a file: name it with --file."))
    file, _size = opened(path)
    found = [line for some in lines(path, file) for line in some]
    mended = mend(found, list(refusals(access, reference)))
    where = target or str(Path(path).with_name(f"{Path(path).stem}.mended{Path(path).suffix}"))
    Path(where).write_bytes(_written(path, mended.lines))
    if as_json:
        left = [{"line": line.number, **finding} for line, finding in mended.left]
        print_json({"file": where, "mended": mended.mended, "left": left})
    else:
        note(_("%(count)s mended in %(file)s.") % {"count": f"{mended.mended:,}", "file": where})
        if mended.left:
            note(_("No fix is sure for these; mend them by hand:"))
        for line, finding in mended.left:
            out().print(f"[red]✗[/] [dim]{line.number:>6}[/]")
            show.found(out(), finding, "         ")
    return where, SOME_REFUSED if mended.left else TAKEN_IN


def _written(path: str, entries: Sequence[bytes]) -> bytes:
    """The entries as the file had them: a line each, or one JSON value."""
    with open(path, "rb") as file:
        begins = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begins.startswith(b"["):
        return b"[\n" + b",\n".join(entries) + b"\n]\n"
    return b"".join(entry + b"\n" for entry in entries)
