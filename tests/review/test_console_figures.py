"""What samples mean: pace, time to drain with its range, and what would help."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from review.console.figures import Advice, Demand, Drain, Help, Pace, Sample, demand, drain, pace, standing
from runtime.consumers import Group, Member, Part

TOPIC = "submissions.events"


def group(*lags: int, done: int = 0, workers: int = 1, next_at: float = 90.0) -> Group:
    """Partitions 0, 1, … of one topic, each with `done` events handled and so many that wait."""
    parts = tuple(Part(TOPIC, number, done, done + lag, next_at if lag else None) for number, lag in enumerate(lags))
    members = tuple(Member(f"worker-{n}", "127.0.0.1", ((TOPIC, n),)) for n in range(workers))
    return Group("review", "Stable", parts, members)


def samples(*groups: Group, every_s: float = 6.0) -> list[Sample]:
    return [Sample(100.0 + n * every_s, {"review": each}) for n, each in enumerate(groups)]


def test_pace_is_what_was_handled_and_what_came_over_the_last_minute() -> None:
    # 60 handled and 12 come in each window of 6 s: 10/s and 2/s.
    seen = samples(*(group(1000 - 48 * n, done=60 * n) for n in range(5)))
    assert pace("review", seen) == Pace(10.0, 2.0, 8.0, 8.0, 8.0)


def test_what_happened_before_the_last_minute_counts_no_more() -> None:
    slow = [Sample(float(at), {"review": group(0, done=0)}) for at in range(0, 40, 2)]
    fast = [Sample(40.0 + at, {"review": group(0, done=5 * at)}) for at in range(0, 62, 2)]
    assert pace("review", slow + fast).handled == pytest.approx(5.0)


def test_one_sample_has_no_pace_and_nothing_is_foretold() -> None:
    seen = standing("review", samples(group(500)))
    assert seen.pace == Pace(0.0, 0.0, 0.0, 0.0, 0.0)
    assert (seen.work_s, seen.drain) == (None, Drain(None, None, None))


def test_what_waits_is_drained_at_the_pace_by_which_it_shrinks_with_a_range() -> None:
    assert drain(800, Pace(10, 2, 8, 4, 16)) == Drain(100.0, 50.0, 200.0)


def test_an_unsteady_pace_has_no_latest_end_and_one_too_slow_no_end_at_all() -> None:
    assert drain(850, Pace(10, 2, 8.5, -1, 17)) == Drain(100.0, 50.0, None)
    assert drain(800, Pace(2, 10, -8, -9, -7)) == Drain(None, None, None)
    assert drain(0, Pace(0, 0, 0, 0, 0)) == Drain(0.0, 0.0, 0.0)


def test_windows_that_differ_widen_the_range() -> None:
    steady = pace("review", samples(*(group(900, done=60 * n) for n in range(6))))
    handled = (0, 110, 120, 290, 300)
    unsteady = pace("review", samples(*(group(900 - done, done=done) for done in handled)))
    assert steady.most - steady.least == pytest.approx(0.0)
    assert unsteady.least < unsteady.shrinks < unsteady.most


def test_age_and_work_left_are_told_beside_events() -> None:
    seen = standing("review", samples(group(400, done=0), group(340, done=60)))
    assert (seen.lag, seen.oldest_s, seen.work_s) == (340, 16.0, 34.0)
    assert (seen.busy, seen.partitions) == (1, 1)


@pytest.mark.parametrize(
    ("before", "now", "help"),
    [
        (group(0, 0), group(0, 0), Advice(Help.NOTHING_WAITS)),
        (group(9, 9, workers=0), group(9, 9, workers=0), Advice(Help.NO_WORKERS)),
        (group(60, 60), group(10, 10, done=50), Advice(Help.KEEPS_UP)),
        # 30 in 6 s; 27,000 within a minute would take ninety: as many as there can be.
        (group(9000, 9000, 9000), group(8990, 8990, 8990, done=10), Advice(Help.MORE_WORKERS, workers=3)),
        (group(9, 9, 9, 9), group(90, 90, 90, 90, done=1), Advice(Help.MORE_WORKERS, workers=4)),
        # 10/s handled by one, 14/s come, and 780 that wait would be 13/s for a minute.
        (
            group(*(63,) * 12, done=0),
            group(*(65,) * 12, done=5),
            Advice(Help.MORE_WORKERS, workers=3),
        ),
        (group(9000, 9000, workers=2), group(8990, 8990, done=10, workers=2), Advice(Help.MORE_PARTITIONS)),
        (group(9000, 50, 0), group(8990, 40, 0, done=10), Advice(Help.ONE_PARTITION, part=f"{TOPIC} / 0")),
    ],
)
def test_what_would_help_depends_on_workers_partitions_and_where_it_waits(
    before: Group, now: Group, help: Advice
) -> None:
    assert standing("review", samples(before, now)).advice == help


def test_workers_of_intake_share_all_partners_partitions_and_those_of_histories_only_the_numbers() -> None:
    # Six topics of three partitions, all behind, and three workers; and the same with two of the topics quiet.
    def six(name: str, done: int, quiet: int = 0) -> Sample:
        lags = [(f"t{topic}", number, 0 if topic < quiet else 9000) for topic in range(6) for number in range(3)]
        parts = tuple(Part(topic, number, done, done + lag, 90.0) for topic, number, lag in lags)
        members = tuple(Member(f"worker-{n}", "127.0.0.1", (("t0", n),)) for n in range(3))
        return Sample(100.0 + done, {name: Group(name, "Stable", parts, members)})

    intake = standing("submissions-intake", [six("submissions-intake", 0), six("submissions-intake", 6)])
    assert (intake.partitions, intake.advice) == (18, Advice(Help.MORE_WORKERS, workers=18))
    quieter = [six("submissions-intake", 0, quiet=2), six("submissions-intake", 6, quiet=2)]
    assert standing("submissions-intake", quieter).advice == Advice(Help.MORE_WORKERS, workers=12)
    history = standing("review", [six("review", 0), six("review", 6)])
    assert (history.partitions, history.advice) == (3, Advice(Help.MORE_PARTITIONS))


def test_a_burst_that_is_gone_in_seconds_asks_for_nobody_though_it_grew_over_the_minute() -> None:
    # Nothing for 54 s, then 6,000 come at once, of which 5,577 are handled within six seconds.
    idle = [group(*(0,) * 12) for _ in range(10)]
    burst = group(*(35,) * 11, 38, done=465)
    seen = standing("review", samples(*idle, burst))
    assert (seen.lag, seen.drain.about_s, seen.advice) == (423, None, Advice(Help.KEEPS_UP))


def busy(seconds: int, came: Sequence[float], handled: Sequence[float], workers: int = 1) -> list[Sample]:
    """A sample every two seconds of a group of 12 partitions; so much comes and is handled a second, in turns."""
    lag, done, seen = 0.0, 0.0, []
    for n in range(seconds // 2):
        most = lag + 2 * came[n % len(came)]
        now = min(most, 2 * handled[n % len(handled)])
        lag, done = most - now, done + now
        seen.append(
            Sample(100.0 + 2 * n, {"review": group(*(int(lag / 12),) * 12, done=int(done / 12), workers=workers)})
        )
    return seen


def test_what_comes_faster_than_it_is_handled_for_long_is_never_called_keeping_up_and_the_advice_settles() -> None:
    # About 30 come and 19 are handled a second, both in lumps, as Kafka's offsets are committed.
    seen = busy(300, came=(0, 70, 20), handled=(0, 0, 40, 36))
    advised = [standing("review", seen[:upto]).advice for upto in range(20, len(seen), 2)]
    assert {each.help for each in advised} == {Help.MORE_WORKERS}
    workers = [each.workers for each in advised]
    assert all(abs(after - before) <= 1 for before, after in pairwise(workers)), workers
    assert (workers[0], workers[-1]) == (3, 5), "more, as more waits"


def test_what_grows_by_a_few_events_is_work_of_a_moment() -> None:
    assert {
        standing("review", busy(upto, came=(103,), handled=(100,))[-60:]).advice.help for upto in (60, 90, 120)
    } == {Help.KEEPS_UP}


def test_more_workers_are_reckoned_by_those_who_did_the_work() -> None:
    # Of the last three minutes two with one worker, and one with two: 60/s handled by 4/3 of them.
    one = [group(*(2000 - 5 * n,) * 12, done=10 * n) for n in range(20)]
    two = [group(*(1900 - 5 * n,) * 12, done=200 + 10 * n, workers=2) for n in range(11)]
    found = demand("review", samples(*one, *two))
    assert found == Demand(handled=20.0, arriving=10.0, workers=42 / 31, grows=False, sure=True)


def test_workers_that_handle_nothing_for_long_are_not_helped_by_more() -> None:
    stuck = samples(*(group(50, 50, done=7) for _ in range(8)), every_s=3.0)
    assert standing("review", stuck).advice == Advice(Help.STANDS_STILL)
    assert standing("review", stuck[:3]).advice.help is not Help.STANDS_STILL


def test_the_time_without_workers_is_no_standing_still_and_makes_nobody_slow() -> None:
    # Forty seconds without a worker, then three: seconds until they have partitions, and more until they handle.
    without = [group(*(100 + 5 * n,) * 12, workers=0) for n in range(20)]
    waits = (200,) * 12
    joining = replace(group(*waits, workers=3), members=tuple(Member(f"worker-{n}", "127.0.0.1") for n in range(3)))
    having = [group(*waits, workers=3) for _ in range(3)]
    at_work = [group(*(200 - 2 * n,) * 12, done=2 * n, workers=3) for n in range(1, 7)]
    seen = samples(*without, joining, *having, *at_work, every_s=2.0)
    assert standing("review", seen[:20]).advice.help is Help.NO_WORKERS
    helps = [standing("review", seen[:upto]).advice.help for upto in range(21, len(seen) + 1)]
    assert {*helps[:-1]} == {Help.TOO_EARLY} and helps[-1] is Help.MORE_WORKERS, helps
    # 144 in the sixteen seconds since they have partitions.
    assert demand("review", seen) == Demand(handled=9.0, arriving=0.0, workers=3.0, grows=False, sure=True)


def test_workers_that_came_back_and_handle_nothing_for_long_stand_still() -> None:
    waits = (50,) * 2
    seen = samples(*(group(*waits, workers=0) for _ in range(9)), *(group(*waits) for _ in range(8)), every_s=3.0)
    assert standing("review", seen[:-1]).advice == Advice(Help.TOO_EARLY)
    assert standing("review", seen).advice == Advice(Help.STANDS_STILL)


def test_what_began_to_wait_a_second_ago_asks_for_nobody_by_the_idle_minute_before() -> None:
    # One event in a while, each handled at once; then 273 at once, as when those who send them work again.
    idle = [group(*(0,) * 12, done=1 + n // 10) for n in range(31)]
    burst = [*idle, group(*(22,) * 11, 31, done=4)]
    assert standing("review", samples(*burst, every_s=2.0)).advice == Advice(Help.TOO_EARLY)
    # As much is known for what it is after seconds of work.
    later = [group(*(22,) * 11, 31, done=4 + 20 * n) for n in range(1, 4)]
    assert standing("review", samples(*burst, *later, every_s=2.0)).advice == Advice(Help.KEEPS_UP)


def test_partitions_that_are_raised_are_counted_and_have_no_past() -> None:
    seen = samples(group(10, 10, done=0), group(4, 4, 8, done=6))
    assert standing("review", seen).partitions == 3
    assert pace("review", seen).handled == pytest.approx(2.0)
