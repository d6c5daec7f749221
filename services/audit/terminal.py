"""Verdicts and streams as the terminal shows them."""

import unicodedata
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from audit import reasons, texts
from audit.examine import withheld
from audit.history import Story, Told
from audit.replay import Progress
from schemas.envelope import Json
from web.languages import _, language, moment
from web.shell import per_second
from web.words import word

#: Differences printed in full; --json has them all.
PRINTED = 20


def plain(text: str) -> str:
    """A text in which others may have written, as a terminal may have it: no markup, and nothing that moves the cursor
    or turns the order of what is read."""
    return escape("".join("�" if unicodedata.category(each)[0] == "C" else each for each in text))


def doing(progress: Progress) -> str:
    """“Review: folding the history”."""
    return word(progress.service) + _(": ") + texts.doing(progress.phase)


def show_verdict(console: Console, verdict: Json) -> None:
    """Print a verdict: its sentence, what was compared, and each difference."""
    mark, colour = {"equal": ("✓", "green"), "different": ("✗", "red"), "nothing": ("?", "yellow")}[
        texts.outcome(verdict)
    ]
    console.print(f"[bold {colour}]{mark} {plain(texts.headline(verdict))}[/]\n")
    if texts.outcome(verdict) != "nothing":
        _show_counts(console, verdict)
    if verdict.get("until"):
        console.print(f"  [dim]{plain(texts.confined(verdict))}[/]")
    console.print(f"  [dim]{plain(texts.servers(verdict))}[/]")
    _show_differences(console, verdict["differences"], verdict["differing"])
    if verdict.get("noticed"):
        console.print(f"\n[bold yellow]! {plain(texts.noticed(verdict))}[/]")
        _show_differences(console, verdict["notices"], verdict["noticed"])


def _show_counts(console: Console, verdict: Json) -> None:
    console.print(Padding(_counts(verdict), (0, 0, 0, 2)))
    line = _("%(events)s events in %(seconds)s s, %(rate)s; begun %(at)s") % {
        "events": f"{verdict['events']:,}",
        "seconds": f"{verdict['seconds']:,.1f}",
        "rate": per_second(verdict["rate"]),
        "at": moment(verdict["at"]),
    }
    console.print(f"\n  [dim]{plain(line)}[/]")


def _show_differences(console: Console, differences: Sequence[Json], count: int) -> None:
    for number, difference in enumerate(differences[:PRINTED], start=1):
        _show_difference(console, number, difference)
    if count > PRINTED:
        rest = _("and %(count)s more: --json prints all that were kept") % {"count": f"{count - PRINTED:,}"}
        console.print(f"\n  [dim]… {plain(rest)}[/]")


def _counts(verdict: Json) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", show_footer=len(verdict["services"]) > 1)
    columns = {
        "streams": _("Streams"),
        "events": _("Events"),
        "duplicates": _("Repeated"),
        "differing": _("Differences"),
    }
    table.add_column(_("Service"), footer=_("All"), footer_style="dim")
    for name, title in columns.items():
        table.add_column(title, footer=f"{verdict[name]:,}", justify="right", footer_style="dim")
    for counts in verdict["services"]:
        style = "red" if counts["differing"] else None
        table.add_row(word(counts["service"]), *(f"{counts[name]:,}" for name in columns), style=style)
    return table


def _show_difference(console: Console, number: int, difference: Json) -> None:
    kind = difference["kind"]
    name = " · ".join(filter(None, (word(difference["service"]), texts.named(difference))))
    console.print(f"\n  [bold]{number}. {plain(name)}[/]")
    console.print(f"     [red]{plain(texts.what(kind))}[/]")
    sequence = difference["sequence"]
    event = f"{sequence} · {texts.event_name(difference['type'])} ({difference['type']})" if sequence else None
    rows = {
        _("Last set by event") if kind == "state" else _("First event"): event,
        _("On Kafka"): difference["position"],
        _("Field"): difference["pointer"],
    }
    if difference["history"] is not None or difference["live"] is not None:
        absent = _("(nothing)")
        other = _("Bundle") if kind.startswith("bundle") else _("Live")
        rows |= {_("History"): difference["history"] or absent, other: difference["live"] or absent}
    rows[_("Reason")] = texts.reason(difference)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for title, value in rows.items():
        if value:
            table.add_row(f"[dim]{plain(title)}[/]", _lines(value))
    console.print(Padding(table, (0, 0, 0, 5)))
    console.print(Padding(f"[dim]{plain(texts.advice(kind))}[/]", (0, 0, 0, 5)))
    if remedy := texts.remedy(difference):
        console.print(f"     {plain(_('What puts it right:'))} {plain(remedy)} [dim](docs/how-to/rebuild.md)[/]")


def show_shadow(console: Console, shadow: Json) -> None:
    """Print what changed code makes of a history: how much, at which events and fields, and the first streams."""
    mark, colour = ("✗", "red") if shadow["differing"] else ("✓", "green") if shadow["streams"] else ("?", "yellow")
    console.print(f"[bold {colour}]{mark} {plain(texts.shadowed(shadow))}[/]\n")
    domains = _(", ").join(map(word, shadow["domains"])) or "libs/schemas"
    line = _("Changed code: %(domains)s. %(events)s events in %(seconds)s s.") % {
        "domains": domains,
        "events": f"{shadow['events']:,}",
        "seconds": f"{shadow['seconds']:,.1f}",
    }
    console.print(f"  [dim]{plain(line)}[/]\n  [dim]{plain(texts.servers(shadow))}[/]")
    if shadow["fields"]:
        table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
        for title in (_("At event"), _("Field"), _("Streams")):
            table.add_column(title)
        for row in shadow["fields"][:PRINTED]:
            table.add_row(plain(row["type"]), plain(row["pointer"]), f"{row['streams']:,}")
        console.print(Padding(table, (1, 0, 0, 2)))
    for number, changed in enumerate(shadow["changed"][:PRINTED], start=1):
        name = " ".join((word(changed["service"]), "·", changed["noun"], changed["stream"]))
        console.print(f"\n  [bold]{number}. {plain(name)}[/]")
        event = f"{changed['sequence']} · {texts.event_name(changed['type'])} ({changed['type']})"
        nothing = _("(nothing)")
        rows = {_("First event"): event, _("Field"): changed["pointer"]}
        rows |= {_("Now"): changed["now"] or nothing, _("With the changed code"): changed["then"] or nothing}
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for title, value in rows.items():
            table.add_row(f"[dim]{plain(title)}[/]", _lines(value))
        console.print(Padding(table, (0, 0, 0, 5)))
    if shadow["differing"] > PRINTED:
        rest = _("and %(count)s more: --json prints all that were kept") % {
            "count": f"{shadow['differing'] - PRINTED:,}"
        }
        console.print(f"\n  [dim]… {plain(rest)}[/]")


def show_stories(console: Console, stream: str, stories: Sequence[Story], kafka: str) -> None:
    """Print one stream's events in order, service by service, as read from `kafka`."""
    for each in stories:
        if each.told:
            console.print(f"\n[bold]{plain(word(each.service))} · {plain(stream)}[/]")
            for told in each.told:
                _show_told(console, told)
    scanned, seconds = sum(each.scanned for each in stories), sum(each.seconds for each in stories)
    if not any(each.told for each in stories):
        console.print(
            _("No history knows a stream of this name. Names are exact: %(example)s.")
            % {"example": "partner/reference@revision"}
        )
    looked = _("Looked through %(count)s messages in %(seconds)s s") % {
        "count": f"{scanned:,}",
        "seconds": f"{seconds:.1f}",
    }
    console.print(f"\n[dim]{plain(looked)}[/]\n[dim]{plain(texts.servers({'kafka': kafka}))}[/]")


def _show_told(console: Console, told: Told) -> None:
    if told.event is None:
        console.print(f"  [red]✗ {plain(told.position)}  {_lines(reasons.said(told.error or ''))}[/]", soft_wrap=True)
        return
    event = told.event
    repeated = _("(repeated)")
    again = f" [dim]{repeated}[/]" if told.again else ""
    name, type = plain(texts.event_name(event["type"])), plain(event["type"])
    console.print(f"  [bold]{event['sequence']:>3}[/] {name} [dim]{type}[/]{again}")
    cause = _("because of %(cause)s") % {"cause": event["causationid"]}
    why = f"{moment(event['time'])} · {event['actor']} · {cause}"
    console.print(f"      [dim]{plain(why)}[/]", soft_wrap=True)
    facts = ", ".join(f"{name}={_short(value)}" for name, value in withheld(event["data"]).items())
    if facts:
        console.print(f"      {plain(facts)}", soft_wrap=True)


def _lines(text: str) -> str:
    """The same of a text of several lines."""
    return "\n".join(map(plain, text.split("\n")))


def _short(value: object) -> str:
    match value:
        case {"title": {"zh": str(zh), "en": en}}:
            return f"“{zh}”" if language() == "zh" or not en else f"“{en}”"
        case list() | dict():
            return "[…]" if value else "[]"
        case _:
            text = str(value)
            return text if len(text) <= 60 else text[:59] + "…"
