"""Where is it? Its place among those that wait, and when it may be through: measured, and never said without data."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from runtime.settings import Settings
from schemas.entry import SubmissionLine
from schemas.envelope import Event, Fact
from schemas.publication import EntryPublished, EntryQueued, EntryScheduled
from schemas.review import CaseChecked, CaseDecided, CaseOpened, CaseReviewGiven, Decision, Route, Verdict
from submissions.__main__ import mongo
from submissions.expected import FEWEST, Expected, expect, late, took
from submissions.progress import Step
from submissions.store import ProgressStore
from tests.submissions.given import USCC, key_of, signed_in, submission

AT = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = st.integers(1, 10_000).map(lambda n: timedelta(hours=n))


def hours(*numbers: int) -> list[timedelta]:
    return [timedelta(hours=n) for n in numbers]


def test_the_date_is_that_of_one_half_and_nine_in_ten_that_came_before() -> None:
    assert expect("decision", AT, AT, hours(*range(1, 12))) == Expected(
        what="decision",
        earliest=AT + timedelta(hours=2),
        likely=AT + timedelta(hours=6),
        to=AT + timedelta(hours=10),
    )


def test_nothing_is_said_of_too_few() -> None:
    assert expect("decision", AT, AT, hours(*range(1, FEWEST))) is None
    assert expect("decision", AT, AT + timedelta(hours=30), hours(*range(1, 32))) is None, "only one took as long"


def test_what_waits_longer_than_most_is_late_and_nothing_is_where_too_few_came() -> None:
    now = AT + timedelta(hours=30)
    assert late(AT, now, hours(*range(1, 41))), "a quarter took longer"
    assert not late(AT, now, hours(*range(20, 60)))
    assert not late(AT, now, hours(*range(1, FEWEST)))


@for_all(st.lists(HOURS, max_size=50), HOURS)
def test_it_never_lies_in_the_past_nor_beyond_what_was_measured(durations: list[timedelta], waited: timedelta) -> None:
    now = AT + waited
    said = expect("release", AT, now, durations)
    if said is None:
        assert sum(each > waited for each in durations) < FEWEST
    else:
        assert now < said.earliest <= said.likely <= said.to <= AT + max(durations)


def test_each_revision_is_measured_on_its_own_and_what_goes_on_is_not() -> None:
    def step(hour: int, what: str, revision: int | None) -> Step:
        return Step(at=AT + timedelta(hours=hour), what=what, revision=revision)

    steps = [
        step(0, "opened", 1),
        step(1, "checked", 1),
        step(9, "changes-requested", 1),
        step(20, "opened", 2),
        step(25, "approved", 2),
        step(26, "queued", 2),
        step(99, "published", 2),
        step(120, "opened", 3),
    ]
    assert took(steps) == {"decision": hours(9, 5), "release": hours(74)}


def events(reference: str, begun: datetime, *facts: tuple[str, float, Fact]) -> list[Event]:
    """Histories of a submission: stream's end ("@1" or ""), hours after it began, fact."""
    count = dict[str, int]()
    made = []
    for end, hour, fact in facts:
        stream = f"{USCC}/{reference}{end}"
        count[end] = n = count.get(end, 0) + 1
        at = begun + timedelta(hours=hour)
        source = "/review" if end else "/publishing"
        made.append(Event(f"{stream}/{n}", source, stream, at, n, "x", "x", "service:test", fact))
    return made


def through(reference: str, begun: datetime, *, until: str, hour: float = 10) -> list[Event]:
    """The story of revision 1, up to a step; decided after `hour` hours and published twice as late."""
    entry = SubmissionLine.model_validate(submission(reference), strict=False).entry
    who = {"submission": f"{USCC}/{reference}", "partner": USCC, "digest": "d", "entry": entry, "revision": 1}
    decided = CaseDecided(**who, decision=Decision.APPROVED, score=80, reasons=())
    facts: dict[str, tuple[str, float, Fact]] = {
        "opened": ("@1", 0, CaseOpened(**who, previous=None)),
        "open": ("@1", 0, CaseChecked(ruleset="1", findings=(), score=100, route=Route.ORDINARY)),
        "in-review": ("@1", 1, CaseReviewGiven(reviewer="user:li", scores={}, verdict=Verdict.APPROVE, comment="")),
        "approved": ("@1", hour, decided),
        "queued": ("", hour, EntryQueued(case="x", partner=USCC, revision=1, digest="d", entry=entry)),
        "scheduled": ("", hour * 1.5, EntryScheduled(release="2026-11", edition=1)),
        "published": (
            "",
            hour * 2,
            EntryPublished(release="2026-11", edition=1, partner=USCC, digest="d", entry=entry),
        ),
    }
    names = list(facts)
    return events(reference, begun, *(facts[name] for name in names[: names.index(until) + 1]))


@pytest.fixture
async def progress(settings: Settings, client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    """Three that wait in order c, b, a; one half reviewed; one approved; twenty published, in 100 to 119 hours."""
    now = datetime.now(UTC)
    waiting = [("a", 1, "open"), ("b", 2, "open"), ("c", 3, "open"), ("d", 9, "in-review"), ("e", 50, "queued")]
    for reference, *_ in waiting:
        await client.post("/submissions", json=submission(reference), headers=key)
    told = [each for name, ago, until in waiting for each in through(name, now - timedelta(hours=ago), until=until)]
    for n in range(20):
        told += through(f"done-{n}", now - timedelta(days=60), until="published", hour=100 + n)
    async with mongo(settings) as connection:
        await ProgressStore(connection[settings.database("submissions")]).take(told)


@pytest.mark.usefixtures("progress")
async def test_a_submission_says_its_place_and_when_it_may_be_through(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    details = {name: (await client.get(f"/submissions/{USCC}/{name}", headers=key)).json() for name in "abcde"}
    places = {name: detail["queue"] for name, detail in details.items()}
    assert places == {
        "a": {"place": 3, "of": 3},
        "b": {"place": 2, "of": 3},
        "c": {"place": 1, "of": 3},
        "d": {"place": 1, "of": 1},
        "e": None,
    }
    for name, what in (("a", "decision"), ("d", "decision"), ("e", "release")):
        said = details[name]["expected"]
        assert said["what"] == what and datetime.now(UTC).isoformat() < said["from"] < said["likely"] < said["to"]
    people = {"Accept": "text/html", "Accept-Language": "en"} | signed_in(settings, "partner", partner=USCC)
    page = (await client.get(f"/submissions/{USCC}/b", headers=people)).text
    assert "2 of 3 that wait for reviewers like it" in page and "Decision expected" in page
    assert "Too few" not in page


@pytest.mark.usefixtures("progress")
async def test_what_waits_longer_than_all_before_it_is_told_so(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await client.post("/submissions", json=submission("slow"), headers=key)
    async with mongo(settings) as connection:
        begun = datetime.now(UTC) - timedelta(days=30)
        await ProgressStore(connection[settings.database("submissions")]).take(through("slow", begun, until="open"))
    detail = (await client.get(f"/submissions/{USCC}/slow", headers=key)).json()
    assert (detail["expected"], detail["late"]) == (None, True)
    assert not (await client.get(f"/submissions/{USCC}/a", headers=key)).json()["late"]
    for language, said in (("en", "longer than most before it"), ("zh", "已长于此前的大多数")):
        people = {"Accept": "text/html", "Accept-Language": language} | signed_in(settings, "partner", partner=USCC)
        assert said in (await client.get(f"/submissions/{USCC}/slow", headers=people)).text


@pytest.mark.usefixtures("progress")
async def test_a_test_waits_for_nobody(client: httpx2.AsyncClient, settings: Settings) -> None:
    testing = await key_of(client, settings, mode="test")
    assert (await client.post("/submissions", json=submission("t"), headers=testing)).status_code == 201
    detail = (await client.get(f"/submissions/{USCC}/t", headers=testing)).json()
    assert (detail["queue"], detail["expected"]) == (None, None)


async def test_without_enough_before_it_no_date_is_said(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await client.post("/submissions", json=submission("first"), headers=key)
    detail = (await client.get(f"/submissions/{USCC}/first", headers=key)).json()
    assert (detail["queue"], detail["expected"]) == (None, None)
    people = {"Accept": "text/html", "Accept-Language": "en"} | signed_in(settings, "partner", partner=USCC)
    assert (
        "Too few came before it to say when." in (await client.get(f"/submissions/{USCC}/first", headers=people)).text
    )
