"""`shuangqian review`: the command line of those who keep the rules.

Exit codes: 0 no case goes another way, 1 some do, 2 could not be done.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from review.checks.ruleset import CURRENT, BadRules, Ruleset, read
from review.shadow import Change, Shadow, checked_cases, shadow
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.review import CheckFinding
from web import invalid
from web.languages import _, say
from web.shell import N_, TYPER, AsJson, Failed, Help, out, print_json
from web.words import word

SAME, OTHER, COULD_NOT = 0, 1, 2
#: A database that does not answer for so long is away.
TIMEOUT_MS = 5_000

Rules = Annotated[Path, typer.Option("--rules", metavar="PATH", help=N_("The changed rules: a TOML file."))]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help=N_("Only what was received since that day (YYYY-MM-DD)."))
]
First = Annotated[int, typer.Option("--first", metavar="N", min=0, help=N_("How many cases to show."))]
SHADOW = N_(
    "Hold changed rules against all cases checked so far, and say which would have gone another way.\n\n"
    "Nothing is written. Start from a copy of services/review/checks/rules.toml.\n\n"
    "Exit codes: 0 no case goes another way, 1 some do, 2 could not be done."
)


def commands() -> typer.Typer:
    """The commands on the review's rules."""
    review = typer.Typer(**TYPER)

    @review.callback()
    def group(help: Help = False) -> None:
        pass

    @review.command("shadow", help=SHADOW)
    def shadow_command(
        rules: Rules, since: Since = None, first: First = 10, as_json: AsJson = False, help: Help = False
    ) -> None:
        changed = _rules(rules)
        outcome = _shadow(Settings.load(), changed, _day(since), first)
        if as_json:
            print_json(outcome.to_json())
        else:
            show(out(), outcome, changed)
        raise typer.Exit(OTHER if outcome.changed else SAME)

    return review


def _rules(path: Path) -> Ruleset:
    try:
        return read(path)
    except BadRules as error:
        text = _("The rules of %(path)s cannot be used:\n%(reasons)s")
        reasons = "\n".join((each.place + _(": ") if each.place else "") + _said(each.error) for each in error.wrong)
        raise Failed(COULD_NOT, text % {"path": path, "reasons": reasons}) from None


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong with rules, in the language spoken."""
    match error["type"]:
        case "no_file":
            text = _("There is no such file.")
        case "directory":
            text = _("This is a directory, not a file.")
        case "no_permission":
            text = _("This user may not read the file.")
        case "no_reading":
            text = _("The file cannot be read: %(why)s.")
        case "toml_at":
            text = _("This is no TOML, at line %(line)s, column %(column)s.")
        case "toml":
            text = _("This is no TOML in UTF-8.")
        case "no_rule":
            text = _("There is no such rule.")
        case "no_name":
            text = _("There is no such name.")
        case "thresholds_order":
            text = _("thresholds: near and same must be in order, from %(floor)s to 100.")
        case "routes_overlap":
            text = _("routes: return, experts and express must not overlap.")
        case _:
            return invalid.said(error)
    return text % dict(error.get("ctx") or {})


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Failed(COULD_NOT, _("%(text)s is no day: write YYYY-MM-DD.") % {"text": text}) from None


def _shadow(settings: Settings, rules: Ruleset, since: date | None, first: int) -> Shadow:
    try:
        with MongoClient[Json](settings.mongo_url, serverSelectionTimeoutMS=TIMEOUT_MS) as client:
            return shadow(checked_cases(client[settings.database("review")], since), rules, first)
    except PyMongoError as error:
        # The address may carry a password: what follows the last @ does not.
        address = settings.mongo_url.rpartition("@")[2].removeprefix("mongodb://")
        text = _(
            "MongoDB does not answer at %(address)s (%(error)s). Start it (make run), or set SHUANGQIAN_MONGO_URL."
        )
        raise Failed(COULD_NOT, text % {"address": address, "error": type(error).__name__}) from None


def show(console: Console, outcome: Shadow, rules: Ruleset) -> None:
    """Print an outcome: its sentence, the counts by route, and the first cases that differ."""
    said = {"version": outcome.version, "cases": f"{outcome.cases:,}", "changed": f"{outcome.changed:,}"}
    text = _("By the rules of %(version)s, %(changed)s of %(cases)s cases would have gone another way.")
    console.print(f"[bold]{escape(text % said)}[/]")
    if rules.version == CURRENT.version and rules != CURRENT:
        same = _("They differ from the rules in force and have their version: give them a new one before use.")
        console.print(f"[yellow]{escape(same)}[/]", soft_wrap=True)
    if outcome.cases:
        console.print(_counts(outcome))
    for change in outcome.changes:
        _show_change(console, change, rules)
    if outcome.changed > len(outcome.changes):
        rest = _("and %(count)s more") % {"count": f"{outcome.changed - len(outcome.changes):,}"}
        console.print(f"\n[dim]… {escape(rest)}[/]")


def _counts(outcome: Shadow) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column(_("Went"))
    table.add_column(_("Would go"))
    table.add_column(_("Cases"), justify="right")
    for (old, new), count in sorted(outcome.routes.items()):
        table.add_row(word(old), word(new), f"{count:,}", style=None if old is new else "yellow")
    return table


def _show_change(console: Console, change: Change, rules: Ruleset) -> None:
    routes = f"{word(change.route)} ({change.score}) → {word(change.new_route)} ({change.new_score})"
    console.print(f"\n[bold]{escape(change.case)}[/]  {escape(routes)}", soft_wrap=True)
    for sign, colour, found in (("−", "red", change.gone), ("+", "green", change.come)):
        for each in found:
            console.print(f"  [{colour}]{sign} {escape(_sentence(each, rules))}[/]", soft_wrap=True)


def _sentence(found: CheckFinding, rules: Ruleset) -> str:
    """A finding in a line: its rule, place and weight, and what the rule says."""
    rule = rules.rules.get(found.rule) or CURRENT.rules.get(found.rule)
    said = say({"zh": rule.zh, "en": rule.en}) if rule else ""
    other = f" {found.resembles}" if found.resembles else ""
    return f"{found.rule} {found.pointer} (−{found.weight}){other} {said}".rstrip()
