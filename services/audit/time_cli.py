"""`shuangqian audit as-of`: a stream, a release or the catalogue at any moment, from what the recorder has written."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audit import log_texts, team, texts
from audit.as_of import Listing, Look, Point, listing, look, point, when
from audit.catalogue import Unreadable
from audit.fold import AnyDecider
from audit.leaves import Leaf, Leaves
from audit.moments import Field, Moment
from audit.servers import mongo_said
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import _, instant, moment, ngettext, say
from web.shell import N_, AsJson, Failed, Help, out, print_json
from web.words import word

FOUND, NOT_THERE, COULD_NOT = 0, 1, 2
#: Entries of the catalogue that are printed; --json has them all.
PRINTED = 200

StreamId = Annotated[str | None, typer.Argument(metavar="STREAM", help=N_("The stream, such as partner/reference."))]
At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="TIME",
        help=N_(
            "A time, such as 2026-11-28T12:00 (the city’s, if it names no other; a day is its end), or the number of "
            "an event; else now."
        ),
    ),
]
Other = Annotated[str, typer.Option("--with", metavar="TIME", help=N_("Another moment, to see what differs."))]
Service = Annotated[str | None, typer.Option(metavar="NAME", help=N_("The service, if several have the stream."))]
Release = Annotated[str | None, typer.Option("--release", metavar="YYYY-MM", help=N_("The release of a month."))]
Catalogue = Annotated[bool, typer.Option("--catalogue", help=N_("What the public saw."))]
HELP = N_(
    "Tell a stream, a release or the catalogue as it was at a moment, and in what it differs from another.\n\n"
    "Exit codes: 0 found, 1 it was not there, 2 could not be done."
)
#: What keeps a command from its work, as one line.
Troubles = Callable[[Settings], AbstractContextManager[None]]


def add_as_of(audit: typer.Typer, deciders: Sequence[AnyDecider], troubles: Troubles) -> None:
    """Add the command `as-of` to the auditor's commands."""

    @audit.command("as-of", help=HELP)
    def as_of(
        stream: StreamId = None,
        at: At = "",
        other: Other = "",
        service: Service = None,
        release: Release = None,
        catalogue: Catalogue = False,
        as_json: AsJson = False,
        help: Help = False,
    ) -> None:
        if sum(map(bool, (stream, release, catalogue))) != 1:
            raise Failed(COULD_NOT, _("Give one: a stream, --release YYYY-MM, or --catalogue."))
        if release and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", release):
            raise Failed(COULD_NOT, _("“%(text)s” is no month. Write it as 2026-11.") % {"text": release})
        settings = Settings.load()
        with troubles(settings), team.client(settings) as client:
            leaves = Leaves(client[settings.database("audit")])
            if catalogue:
                seen: Look | Listing = _listing(leaves, _read(when, at) or datetime.now(UTC), _read(when, other))
            else:
                owner = "publishing" if release else service
                seen = _look(leaves, deciders, release or stream or "", owner, _read(point, at), _read(point, other))
        read = {"mongo": mongo_said(settings)}
        if as_json:
            print_json(seen.to_json() | read)
        else:
            if isinstance(seen, Look):
                show_stream(out(), seen, beside=bool(other))
            else:
                show_listing(out(), seen)
            out().print(f"\n[dim]{escape(texts.servers(read))}[/]")
        there = seen.now.number if isinstance(seen, Look) else seen.now
        raise typer.Exit(FOUND if there else NOT_THERE)


def _read(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text) if text else None
    except ValueError:
        wish = _("“%(text)s” is no moment. Give a day as 2026-11-28, a time as 2026-11-28T12:00, or an event’s number.")
        raise Failed(COULD_NOT, wish % {"text": text}) from None


def _look(
    leaves: Leaves,
    deciders: Sequence[AnyDecider],
    stream: str,
    service: str | None,
    at: Point | None,
    other: Point | None,
) -> Look:
    services = leaves.services(stream)
    if service is None and len(services) > 1:
        text = _("Several services have a stream of this name: %(names)s. Name one with --service.")
        raise Failed(COULD_NOT, text % {"names": _(", ").join(services)})
    chosen = service or (services[0] if services else "")
    seen = look(leaves, deciders, chosen, stream, at, other)
    if seen is None:
        text = _("No stream %(stream)s is recorded. Names are exact; /audit/events searches for them.")
        raise Failed(NOT_THERE, text % {"stream": stream})
    return seen


def show_stream(console: Console, seen: Look, *, beside: bool) -> None:
    """Print a stream at a moment: its last event, its fields; or, beside another moment, those that differ."""
    console.print(f"[bold]{escape(word(seen.service))} · {escape(seen.stream)}[/]")
    for title, at in ((_("With"), seen.before), (_("Now"), seen.now)) if beside else ((None, seen.now),):
        _show_moment(console, title, at, len(seen.leaves))
    if seen.missing:
        missing = _("The event %(ref)s is not recorded: nothing after it can be folded.") % {"ref": seen.missing}
        console.print(f"  [red]{escape(missing)}[/]")
    _show_altered(console, seen.altered)
    for leaf in seen.back:
        back = _(
            "%(ref)s is dated more than a second before an earlier event: a clock ran backwards. "
            "The order is that of the stream."
        ) % {"ref": leaf.ref}
        console.print(f"  [yellow]{escape(back)}[/]")
    fields = [field for field in seen.fields if field.change != "same"] if beside else seen.fields
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in (_("Field"), _("With"), _("Now")) if beside else (_("Field"), _("Value")):
        table.add_column(title, overflow="fold")
    for field in fields:
        if beside or field.change != "removed":
            table.add_row(*map(escape, _cells(field, beside)))
    console.print()
    console.print(table if table.row_count else f"  [dim]{escape(_('Both moments are equal.'))}[/]" if beside else "")


def _show_altered(console: Console, altered: Sequence[Leaf]) -> None:
    for leaf in altered:
        console.print(f"  [red]{escape(log_texts.altered(leaf.number, leaf.ref))}[/]", soft_wrap=True)


def _cells(field: Field, beside: bool) -> tuple[str, ...]:
    before = "—" if field.change == "set" else _value(field.before)
    after = "—" if field.change == "removed" else _value(field.after)
    return (field.pointer, before, after) if beside else (field.pointer, after)


def _show_moment(console: Console, title: str | None, at: Moment, total: int) -> None:
    leaf = at.leaf
    if leaf is None:
        text = ngettext("before its only event", "before the first of its %(total)s events", total) % {"total": total}
    else:
        text = _("event %(n)s of %(total)s: %(name)s") % {
            "n": at.number,
            "total": total,
            "name": texts.event_name(leaf.type),
        }
    console.print(f"  {escape((title + _(': ')) if title else '')}{escape(text)}")
    if leaf:
        why = f"{instant(leaf.time)} · {leaf.actor} · " + _("leaf %(number)s") % {"number": leaf.number}
        console.print(f"    [dim]{escape(why)}[/]", soft_wrap=True)
    if at.problem:
        text = _("It could be folded only up to event %(n)s. %(why)s")
        problem = text % {"n": at.folded, "why": at.problem}
        console.print(f"    [red]{escape(problem)}[/]", soft_wrap=True)


def _listing(leaves: Leaves, at: datetime, other: datetime | None) -> Listing:
    try:
        return listing(leaves, at, other)
    except Unreadable as error:
        raise Failed(COULD_NOT, log_texts.unreadable(error)) from None


def show_listing(console: Console, seen: Listing) -> None:
    """Print what was public at a time; beside another, what became different."""
    counts = _(", ").join(f"{count:,} {word(kind)}" for kind, count in seen.counts.items())
    console.print(f"[bold]{escape(moment(seen.at))}[/]  {escape(counts)}")
    _show_altered(console, seen.altered)
    marks = {"added": "+", "removed": "−", "corrected": "≠"}
    changed = seen.changed if seen.other else {}
    rows: list[tuple[str, str, Json]] = [
        (marks.get(changed.get(entry, ""), " "), entry, seen.now.get(entry) or seen.before[entry])
        for entry in (changed if seen.other else seen.now)
    ]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in ("", _("Entry"), _("Kind"), _("Release"), _("Edition"), _("Title")):
        table.add_column(title)
    for mark, entry, line in rows[:PRINTED]:
        cells = (entry, word(line["kind"]), line["release"], str(line["edition"]), say(line["title"]))
        table.add_row(mark, *map(escape, cells))
    console.print(table if rows else f"  [dim]{escape(_('Nothing.'))}[/]")
    if len(rows) > PRINTED:
        rest = _("and %(count)s more: --json prints all") % {"count": f"{len(rows) - PRINTED:,}"}
        console.print(f"  [dim]… {escape(rest)}[/]")


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
