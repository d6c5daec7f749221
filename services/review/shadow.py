"""Shadow replay: what a changed set of rules would have made of the cases that were checked, before it goes live.

It reads the cases and writes nothing. What a check asked of the outside then (which entries were known, what was alike)
is taken from the findings of that time; so a shadow may ask for more likeness than was asked, but not for less.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from pydantic import TypeAdapter
from pymongo.database import Database

from review.checks.assess import assess, findings
from review.checks.linkage import references
from review.checks.ruleset import Ruleset
from review.domain import CASES
from review.duplicates.likeness import Resemblance
from runtime.stored import data_of
from schemas.entry import Entry
from schemas.envelope import Json
from schemas.review import CaseChecked, CheckFinding, Likeness, Route

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


@dataclass(frozen=True)
class Checked:
    """A case as it was checked, by the rules of `ruleset`."""

    case: str
    ruleset: str
    entry: Entry
    findings: tuple[CheckFinding, ...]
    score: int
    route: Route


@dataclass(frozen=True)
class Change:
    """A case that would have gone another way: its findings that would be `gone`, and those that would `come`."""

    case: str
    route: Route
    new_route: Route
    score: int
    new_score: int
    gone: tuple[CheckFinding, ...]
    come: tuple[CheckFinding, ...]


@dataclass
class Shadow:
    """The outcome. `routes` counts the cases by their route and the new one, `changes` are the first that differ."""

    version: str
    routes: Counter[tuple[Route, Route]] = field(default_factory=Counter)
    rulesets: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.routes.total()

    @property
    def changed(self) -> int:
        return sum(count for (route, new), count in self.routes.items() if route is not new)

    def to_json(self) -> Json:
        return {
            "version": self.version,
            "cases": self.cases,
            "changed": self.changed,
            "rulesets": dict(sorted(self.rulesets.items())),
            "routes": [{"from": old, "to": new, "cases": count} for (old, new), count in sorted(self.routes.items())],
            "first": [_told(change) for change in self.changes],
        }


def shadow(checked: Iterable[Checked], rules: Ruleset, first: int) -> Shadow:
    """Hold cases against a set of rules; keep the `first` that would have gone another way."""
    outcome = Shadow(rules.version)
    for one in checked:
        found, score, route = checked_again(one, rules)
        outcome.routes[one.route, route] += 1
        outcome.rulesets[one.ruleset] += 1
        if route is not one.route and len(outcome.changes) < first:
            gone, come = _without(one.findings, found), _without(found, one.findings)
            outcome.changes.append(Change(one.case, one.route, route, one.score, score, gone, come))
    return outcome


def checked_again(one: Checked, rules: Ruleset) -> tuple[tuple[CheckFinding, ...], int, Route]:
    """What these rules notice about a case, the score that leaves, and where they would send it."""
    found = findings(one.entry, _unknown(one), _resemblances(one), rules)
    return found, *assess(one.entry, found, rules)


def checked_cases(database: Database[Json], since: date | None) -> Iterator[Checked]:
    """The cases whose submissions were received since a day (UTC; None: all), in the order of their names."""
    query: Json = {"state.route": {"$ne": None}}
    if since:
        query["state.received"] = {"$gte": since.isoformat()}
    # Of the state the entry alone: an appeal changes the route.
    shown = {"state.entry": 1, "events": {"$elemMatch": {"type": CaseChecked.TYPE}}}
    for document in database[CASES.collection].find(query, shown).sort("_id"):
        checked = CaseChecked.model_validate(data_of(document["events"][0]), strict=False)
        yield Checked(
            case=document["_id"],
            ruleset=checked.ruleset,
            entry=_ENTRY.validate_python(document["state"]["entry"], strict=False, extra="ignore"),
            findings=checked.findings,
            score=checked.score,
            route=checked.lane or checked.route,
        )


def _unknown(one: Checked) -> list[str]:
    rules = {found.rule for found in one.findings}
    return [id for kind, id in references(one.entry) if f"linkage.{kind}" in rules]


def _resemblances(one: Checked) -> list[Resemblance]:
    return [
        Resemblance(
            case=found.resembles,
            similarity=found.similarity or 0,
            likeness=found.likeness or Likeness.FUZZY,
            language="en" if found.rule == "duplicate.english" else "zh",
            part=found.rule == "duplicate.summary",
            fields=tuple(pointer.removeprefix("/entry/") for pointer in found.alike),
        )
        for found in one.findings
        if found.resembles
    ]


def _without(some: Iterable[CheckFinding], others: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """The findings that have no like among the others: same rule, place and weight, and the same other case."""
    known = {_key(found) for found in others}
    return tuple(found for found in some if _key(found) not in known)


def _key(found: CheckFinding) -> tuple[str, str, int, str | None]:
    return found.rule, found.pointer, found.weight, found.resembles


def _told(change: Change) -> Json:
    return {
        "case": change.case,
        "from": {"route": change.route, "score": change.score},
        "to": {"route": change.new_route, "score": change.new_score},
        "gone": [found.model_dump(mode="json", exclude_defaults=True) for found in change.gone],
        "come": [found.model_dump(mode="json", exclude_defaults=True) for found in change.come],
    }
