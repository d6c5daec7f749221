"""What the console says of queues and workers."""

from datetime import timedelta

from review.console.figures import Sample, Standing, standing
from review.console.words import drains, helps, partitions
from review.domain.reviewer import Register, stream
from review.serving import waiting
from runtime.consumers import Group, Member, Part
from schemas.review import Profile, Route
from tests.review.conftest import Review
from tests.review.entries import AT, product, received, scene

HUGE = {"offers": ({"type": "fund", "amount": 200_000_000, "unit": "yuan"},)}


async def on_roster(review: Review, sub: str, profile: Profile) -> None:
    made = Register(
        stream=stream(sub), cause=f"test:{profile.expert}", actor="user:test", at=AT, reviewer=sub, profile=profile
    )
    await review.desk.roster.reviewers.handle([made])


async def test_experts_cases_that_too_few_may_review_are_a_queue_of_their_own_with_the_way_out(
    review: Review,
) -> None:
    await review.react([received("SC-1", scene(**HUGE), AT - timedelta(days=1)), received("PR-1", product())])
    found = review.store.cases.find({}, {"state.route": 1})
    routes = {case["_id"][-6:]: case["state"]["route"] async for case in found}
    assert routes == {"SC-1@1": Route.EXPERTS, "PR-1@1": Route.EXPRESS}
    roster = review.desk.roster
    assert [queue.count for queue in await waiting(review.store, roster)] == [2], "without experts everybody is one"
    await on_roster(review, "li", Profile(name="Li", expert=True, minutes=(60,) * 7))
    await on_roster(review, "wang", Profile(name="Wang", minutes=(60,) * 7))
    plain, stuck = await waiting(review.store, roster)
    assert (plain.count, stuck.count) == (1, 1)
    assert round(stuck.oldest_s - plain.oldest_s) == 86_400, "each has its own age"
    assert "experts on the roster: 1" in stuck.frees and "/reviewers" in stuck.frees
    expert = Profile(name="Wang", expert=True, minutes=(60,) * 7)
    await on_roster(review, "wang", expert)
    assert [queue.count for queue in await waiting(review.store, roster)] == [2], "two experts decide it"


def test_a_worker_without_partitions_says_why() -> None:
    idle = Member("worker-1", "127.0.0.1")
    none = Group("submissions-intake", "Stable")
    intake = standing(none.name, [Sample(1.0, {none.name: none})])
    assert partitions(idle, intake) == "none: no partner has a topic yet"
    parts = (Part("submissions.events", 0, 0, 0), Part("submissions.events", 1, 0, 0))
    busy = Member("worker-2", "127.0.0.1", (("submissions.events", 0), ("submissions.events", 1)))
    joining = reading("Stable", parts, busy, idle)
    assert partitions(idle, joining) == "none yet" and partitions(busy, joining) == "submissions.events 0–1"
    two = tuple(Member(f"worker-{n}", "127.0.0.1", (("submissions.events", n),)) for n in range(2))
    assert partitions(idle, reading("Stable", parts, *two, idle)) == "none: no partition is left for it"
    assert partitions(idle, reading("PreparingRebalance", parts, *two, idle)) == "none yet"


def reading(state: str, parts: tuple[Part, ...], *members: Member) -> Standing:
    return standing("review", [Sample(1.0, {"review": Group("review", state, parts, members)})])


def test_who_keeps_up_is_not_said_never_to_be_done() -> None:
    # Thirty-three behind at hundreds a second, though more wait than a minute ago.
    before = Group("review", "Stable", (Part("t", 0, 0, 0),), (Member("w", "h", (("t", 0),)),))
    now = Group("review", "Stable", (Part("t", 0, 3000, 3033, 9.0),), before.members)
    seen = standing("review", [Sample(1.0, {"review": before}), Sample(7.0, {"review": now})])
    assert drains(seen).endswith("of work")
    began = Group("review", "Stable", (Part("t", 0, 0, 9, 0.5),), before.members)
    assert drains(standing("review", [Sample(1.0, {"review": began})])) == "too early to tell"


def test_what_would_help_is_said_only_once_it_is_known_and_until_then_that_it_is_not() -> None:
    # Thousands wait, and the one worker has just come.
    member = Member("w", "h", (("t", 0),))
    began = reading("Stable", (Part("t", 0, 0, 9_000, 0.5),), member)
    assert "too early to tell" in (helps(began) or "")
    assert helps(reading("Stable", (Part("t", 0, 9_000, 9_000),), member)) is None, "nothing waits"


def test_intake_is_never_told_to_raise_partitions_as_histories_are() -> None:
    def told(name: str) -> str | None:
        member = tuple(Member(f"w-{n}", "h", (("t", n),)) for n in range(2))
        groups = [
            Group(name, "Stable", tuple(Part("t", n, done, 9_000, 0.5) for n in range(2)), member) for done in (0, 9)
        ]
        return helps(standing(name, [Sample(1.0 + 6 * n, {name: group}) for n, group in enumerate(groups)]))

    assert "raise-partitions" in (told("review") or "")
    assert "Faster handling would" in (told("submissions-intake") or "")
