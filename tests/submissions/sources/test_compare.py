"""Comparison: from any sequence of fetched lists follow exactly the revisions and withdrawals that they say."""

from datetime import UTC, datetime
from functools import reduce
from typing import Any

import orjson
from hypothesis import example, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from schemas.submission import SubmissionFact, SubmissionReceived, SubmissionRevised, SubmissionWithdrawn
from submissions.domain.submission import SUBMISSIONS, Submission, Withdraw
from submissions.intake import command
from submissions.ndjson import Line
from submissions.sources.compare import Held, awaiting, gone, numbered, plausible, sort, standing
from submissions.sources.read import Item, item
from tests.submissions.given import USCC, submission

AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
REFERENCES = ("a", "b", "c", "d")
#: A list: for each reference the maturity its entry tells; 0 breaks a rule.
LISTS = st.dictionaries(st.sampled_from(REFERENCES), st.integers(0, 3))


class World:
    """Streams and what is remembered of the source, without a database: the same functions in the same order."""

    def __init__(self) -> None:
        self.facts: dict[str, tuple[SubmissionFact, ...]] = {}
        self.listed: dict[str, str] = {}

    def state(self, reference: str) -> Submission:
        return reduce(SUBMISSIONS.evolve, self.facts.get(reference, ()), Submission())

    def held(self, reference: str) -> Held:
        state = self.state(reference)
        return Held(state.revision, state.digests.get(state.revision), state.withdrawn)

    def fetch(self, said: list[Item], *, remembered: bool = True, confirmed: bool = False) -> None:
        """One fetch; not `remembered`: the process ends before it is."""
        listed = self.listed
        found = sort(said, listed, frozenset())
        named = {each.reference: each.digest for each in found.candidates if each.reference}
        self.listed = awaiting(found, listed)
        lines = numbered(found.candidates, {reference: self.held(reference) for reference in named}, b"pepper")
        for each, line in zip(found.candidates, lines, strict=True):
            if line and not self.take(line) and each.reference:
                named[each.reference] = ""
        if not remembered:
            return
        there = standing(listed, {reference: self.held(reference) for reference in listed})
        vanished, stay = gone(said, there), dict[str, str]()
        if confirmed or (found.whole and plausible(vanished, there)):
            for reference in vanished:
                self.decide(reference, Withdraw(**asked(reference), reason="gone", published=False))
        else:
            stay = {reference: listed[reference] for reference in vanished}
        same = {each.reference: each.digest for each in found.unchanged if each.reference}
        self.listed = stay | same | named

    def take(self, line: Line) -> bool:
        asks = command(line, USCC, "partner:x", AT, b"pepper")
        decided = self.decide(asks.stream.partition("/")[2], asks)
        return not decided or isinstance(decided[0], SubmissionReceived | SubmissionRevised)

    def decide(self, reference: str, asks: Any) -> tuple[SubmissionFact, ...]:
        decided = SUBMISSIONS.decide(self.state(reference), asks)
        facts = decided if isinstance(decided, tuple) else ()
        self.facts[reference] = self.facts.get(reference, ()) + facts
        return facts

    def accepted(self, reference: str) -> list[int | str]:
        """What the stream's accepted revisions say, and that it was withdrawn."""
        told: list[int | str] = []
        for number, fact in enumerate(self.facts.get(reference, ())):
            match fact:
                case (
                    SubmissionReceived(revision=revision, entry=entry)
                    | SubmissionRevised(revision=revision, entry=entry)
                ):
                    told.append(entry.maturity)  # type: ignore[union-attr]
                    assert revision == len(told), number  # 1, 2, 3 … without a gap
                case SubmissionWithdrawn():
                    told.append("withdrawn")
        return told


def asked(reference: str) -> dict[str, Any]:
    return {"stream": f"{USCC}/{reference}", "cause": "fetch", "actor": "partner:x", "at": AT}


def items(said: dict[str, int]) -> list[Item]:
    return [one(number, submission(each, maturity=said[each])) for number, each in enumerate(said, start=1)]


def one(number: int, value: Any) -> Item:
    raw = orjson.dumps({name: said for name, said in value.items() if name != "revision"})
    return item(Line(number, raw, len(raw)))


@settings(max_examples=200, deadline=None)
@for_all(st.lists(st.tuples(LISTS, st.booleans()), max_size=8))
@example([({"a": 0, "b": 1}, True), ({}, True), ({"a": 1}, True)])  # what was refused is forgotten with a held list
def test_any_sequence_of_lists_gives_exactly_what_they_say(fetches: list[tuple[dict[str, int], bool]]) -> None:
    world, expected = World(), {reference: list[int | str]() for reference in REFERENCES}
    before: set[str] = set()  # what the source listed, as far as anybody was told
    for said, remembered in fetches:
        for reference, maturity in said.items():
            told = expected[reference]
            if maturity and told[-1:] != [maturity] and "withdrawn" not in told:
                told.append(maturity)
        there = {each for each in before if expected[each] and "withdrawn" not in expected[each]}
        vanished = there - set(said)
        if remembered and 2 * len(vanished) <= len(there):
            for reference in vanished:
                expected[reference].append("withdrawn")
            before = set(said)
        elif remembered:  # held: what stands is asked about again, and what never was taken in is forgotten
            before = vanished | set(said)
        else:
            before |= set(said)
        world.fetch(items(said), remembered=remembered)
        assert {reference: world.accepted(reference) for reference in REFERENCES} == expected


@for_all(LISTS)
def test_the_same_list_again_asks_for_nothing(said: dict[str, int]) -> None:
    world = World()
    world.fetch(items(said))
    before = dict(world.facts)
    world.fetch(items(dict(reversed(said.items()))))
    # What broke a rule is tried again, and its refusal, caused by the same bytes, takes no second effect in a stream.
    accepted = {each: world.accepted(each) for each in said}
    assert accepted == {each: [said[each]] if said[each] else [] for each in said}
    assert {each for each in said if world.facts[each] != before[each]} == {each for each in said if not said[each]}


def test_more_than_half_gone_at_once_is_held_until_it_is_confirmed() -> None:
    world = World()
    world.fetch(items({"a": 1, "b": 1, "c": 1}))
    world.fetch(items({"a": 1}))
    assert world.accepted("b") == [1] and set(world.listed) == {"a", "b", "c"}
    world.fetch(items({"a": 1}), confirmed=True)
    assert world.accepted("b") == [1, "withdrawn"] and set(world.listed) == {"a"}


def test_a_list_with_an_entry_that_cannot_be_told_withdraws_nothing() -> None:
    world = World()
    world.fetch(items({"a": 1, "b": 1}))
    illegible = one(2, {"reference": "not a reference", "entry": {}})
    world.fetch([*items({"a": 1}), illegible])
    assert world.accepted("b") == [1] and "b" in world.listed


def test_of_two_items_with_one_reference_the_first_counts_each_time() -> None:
    world = World()
    twice = [one(1, submission("a", maturity=1)), one(2, submission("a", maturity=2))]
    for _ in range(3):
        world.fetch(twice)
    assert world.accepted("a") == [1]
    assert [each.line.number for each in sort(twice, {}, frozenset()).repeated] == [2]


def test_what_another_source_lists_is_left_to_it() -> None:
    found = sort(items({"a": 1, "b": 1}), {}, frozenset({"a"}))
    assert [each.reference for each in found.candidates] == ["b"]
    assert [each.reference for each in found.elsewhere] == ["a"]


def test_the_order_of_fields_is_no_change() -> None:
    value = submission("a")
    turned = {name: value[name] for name in reversed(value)}
    assert one(1, value).digest == one(1, turned).digest
