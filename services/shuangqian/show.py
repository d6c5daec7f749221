"""How things look on the terminal: receipts, findings, submissions, steps and facts."""

from datetime import datetime
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from shuangqian.client import Json
from web.languages import CITY_TIME, _, day, moment, month, say
from web.words import colour, word

#: The pages' colours as terminals have them.
COLOURS = {"green": "green", "blue": "cyan", "yellow": "yellow", "red": "red", "grey": "dim"}
#: Terminals narrower than this are shown fewer columns.
NARROW = 90


def status(code: str) -> str:
    """A status in its colour."""
    return f"[{COLOURS[colour(code)]}]{escape(word(code))}[/]"


def receipt(console: Console, place: str, said: Json) -> None:
    """One line for a receipt, and one below it for each finding. `place` is the line or row."""
    refused = said["status"] == "refused"
    mark = "[red]✗[/]" if refused else "[dim]=[/]" if said["status"] == "unchanged" else "[green]✓[/]"
    name = said["reference"] or said["stream"].partition("/")[2]
    number = f" [dim]r{said['revision']}[/]" if said["revision"] else ""
    console.print(f"{mark} [dim]{place:>6}[/]  {escape(name)}{number}  {status(said['status'])}", soft_wrap=True)
    for finding in said.get("findings", ()):
        found(console, finding, "         ")


def found(console: Console, finding: Json, indent: str) -> None:
    """A finding: where, what and by which rule; then what stood there and how it can be mended."""
    where = finding.get("cell") or finding["pointer"] or "/"
    _hanging(console, f"[bold]{escape(str(where))}[/]  {escape(finding['text'])}  [dim]{finding['rule']}[/]", indent)
    fix = finding.get("fix")
    if finding.get("found") is not None:
        said = finding["found"].strip() or _("nothing")
        if fix and "value" in fix and value(fix["value"]) == said:
            said = value(said)  # it is not yet what it shall be: it was a text, as in "8" for 8
        stood = _("Found: %s") % said
        _hanging(console, f"[dim]{escape(stood)}[/]", indent + "  ")
    if fix:
        mends = _("Fix: %s") % fixed(fix)
        _hanging(console, f"[green]{escape(mends)}[/]", indent + "  ")


def fixed(fix: Json) -> str:
    """A JSON Patch operation in a few words: `replace /revision: 3`, `move /revison → /revision`."""
    came = f"{fix['from']} → " if "from" in fix else ""
    new = f": {value(fix['value'])}" if "value" in fix else ""
    return f"{fix['op']} {came}{fix['path']}{new}"


def value(said: Any) -> str:
    """A value as JSON has it, so that the text "8" is not taken for the number 8."""
    return orjson.dumps(said).decode()


def _hanging(console: Console, text: str, indent: str) -> None:
    """Text whose further lines begin where the first does. Piped, one line, however long."""
    if not console.is_terminal:
        console.print(indent + text, soft_wrap=True)
        return
    grid = Table.grid(padding=0)
    grid.add_column(width=len(indent))
    grid.add_column(overflow="fold")
    grid.add_row("", text)
    console.print(grid)


def listing(console: Console, items: list[Json]) -> None:
    """Submissions as a table; what each waits for only where there is room. Piped, a line each, parted by tabs."""
    if not console.is_terminal:
        for item in items:
            name = item["reference"] or item["stream"].partition("/")[2]
            said = (name, item["revision"], word(item["status"]), say(item["title"]), item["waits_for"])
            print(*said, sep="\t")  # the console would make spaces of the tabs
        return
    wide = console.width >= NARROW
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(_("Reference"), no_wrap=True, overflow="fold")
    table.add_column(_("Status"), no_wrap=True)
    table.add_column(_("Title"), no_wrap=not wide, overflow="ellipsis", ratio=2 if wide else 1)
    if wide:
        table.add_column(_("Waits for"), ratio=3)
    for item in items:
        name = escape(item["reference"] or item["stream"].partition("/")[2])
        revision = f" [dim]r{item['revision']}[/]" if item["revision"] else ""
        cells: list[RenderableType] = [name + revision, status(item["status"]), escape(say(item["title"]))]
        table.add_row(*cells, *([f"[dim]{escape(item['waits_for'])}[/]"] if wide else []))
    console.print(table)


def standing(console: Console, item: Json) -> None:
    """Where one submission is, in a line."""
    line = f"{status(item['status'])}  {escape(item['reference'])}  [dim]{escape(item['waits_for'])}[/]"
    console.print(line, soft_wrap=True)


def detail(console: Console, item: Json) -> None:
    """One submission: what it is, where it is, what it waits for, and every step."""
    title = say(item["title"]) or item["reference"] or item["stream"]
    console.print(f"[bold]{escape(title)}[/]")
    kind = " · ".join(filter(None, (word(item["kind"]), item["stream"])))
    console.print(f"[dim]{escape(kind)}[/]\n", soft_wrap=True)
    rows = {
        _("Status"): status(item["status"]),
        _("Revision"): str(item["revision"] or ""),
        _("Waits for"): escape(item["waits_for"]),
        _("Place in the queue"): _place(item.get("place")),
        **_expected(item.get("expected"), late=item.get("late", False)),
        _("Release"): month(item["release"]) if item["release"] else "",
    }
    decided = item["decision"] or {}
    rows |= {
        _("Reasons"): escape("\n".join(decided.get("reasons", ()))),
        _("Reviewers say"): escape("\n".join(decided.get("comments", ()))),
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, text in rows.items():
        if text:
            grid.add_row(f"[dim]{escape(name)}[/]", text)
    console.print(grid)
    story = _("What happened")
    console.print(f"\n[dim]{story}[/]")
    for step in item["timeline"]:
        steps(console, step)


def steps(console: Console, step: Json) -> None:
    """A step of a submission's story."""
    revision = f"r{step['revision']}" if step.get("revision") else ""
    release = month(step["release"]) if step.get("release") else ""
    said = "  ".join(escape(each) for each in (revision, release, *step.get("reasons", ())) if each)
    _hanging(console, f"{escape(moment(step['at']))}  {status(step['what'])}  [dim]{said}[/]", "  ")


def _place(place: Any) -> str:
    if isinstance(place, dict):
        return " / ".join(str(value) for value in place.values() if value is not None)
    return "" if place is None else str(place)


def _expected(expected: Json | None, *, late: bool) -> dict[str, str]:
    """What is expected and when, as the pages say it: a decision by the day, a release by the month."""
    if not expected:
        said = _("It has waited longer than most before it, and too few waited as long to say when.")
        return {_("Expected"): said} if late else {}
    days = [datetime.fromisoformat(expected[name]).astimezone(CITY_TIME).date() for name in ("from", "likely", "to")]
    decision = expected["what"] == "decision"
    first, likely, last = (day(at) if decision else month(f"{at:%Y-%m}") for at in days)
    between = _("likely %(likely)s, between %(first)s and %(last)s")
    said = likely if first == last else between % {"likely": likely, "first": first, "last": last}
    return {_("Decision expected") if decision else _("Release expected"): said}


def fact(console: Console, event: Json) -> None:
    """A fact in one line: when, what, whose, and the title or the first finding."""
    data = event["data"]
    at = datetime.fromisoformat(event["time"]).astimezone(CITY_TIME)
    what = event["type"].split(".")[1]
    revision = f" [dim]r{data['revision']}[/]" if data.get("revision") else ""
    entry, findings = data.get("entry") or {}, data.get("findings") or []
    said = say(entry.get("title")) or data.get("reason") or ""
    if findings:
        first = findings[0]
        said = f"{first['pointer'] or '/'} {first['rule']}" + (f" +{len(findings) - 1}" if findings[1:] else "")
    name = event["subject"].partition("/")[2]
    line = f"[dim]{at:%Y-%m-%d %H:%M:%S}[/]  {status(what)}  {escape(name)}{revision}  {escape(said)}"
    if console.is_terminal:
        console.print(line, no_wrap=True, overflow="ellipsis")
    else:
        console.print(line, soft_wrap=True)
