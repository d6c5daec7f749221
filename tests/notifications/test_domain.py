"""Subscriptions and deliveries: given facts, when commanded, then facts."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from notifications.domain import delivery, subscription
from notifications.domain.delivery import BACKOFF, Delivery, Drop, Fail, Queue, Retry, Succeed
from notifications.domain.subscription import Cancel, Confirm, Request, Subscription, Suspend
from schemas.envelope import Fact, Refusal
from schemas.notification import (
    DeliveryAbandoned,
    DeliveryAttempted,
    DeliveryDelivered,
    DeliveryFact,
    DeliveryQueued,
    Filter,
    SubscriptionCancelled,
    SubscriptionConfirmed,
    SubscriptionFact,
    SubscriptionRequested,
    SubscriptionSuspended,
)

AT = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BY: dict[str, Any] = {"stream": "s", "cause": "request:1", "actor": "subscriber:s", "at": AT}
REQUESTED = SubscriptionRequested(channel="webhook", language="zh", filter=Filter(kinds=("scene",)))
CONFIRMED = SubscriptionConfirmed(since=AT)
SUSPENDED = SubscriptionSuspended(reason="timeout")
QUEUED = DeliveryQueued(subscription="s", channel="webhook", release="2026-03", entries=("p/r@1",), due=AT)


def subscribed(*facts: SubscriptionFact) -> Subscription:
    return reduce(subscription.evolve, facts, Subscription())


def sent(*facts: DeliveryFact) -> Delivery:
    return reduce(delivery.evolve, facts, Delivery())


def failed(attempt: int, at: datetime = AT) -> DeliveryAttempted:
    return DeliveryAttempted(attempt=attempt, error="timeout", due=at + BACKOFF[attempt - 1])


def test_a_subscription_is_requested_once() -> None:
    ask = Request(**BY, channel="webhook", language="zh", filter=Filter(kinds=("scene",)))
    assert subscription.decide(subscribed(), ask) == (REQUESTED,)
    assert subscription.decide(subscribed(REQUESTED), ask) == ()


def test_confirming_makes_it_active_from_then_on() -> None:
    assert subscription.decide(subscribed(REQUESTED), Confirm(**BY)) == (CONFIRMED,)
    assert subscription.decide(subscribed(REQUESTED, CONFIRMED), Confirm(**BY)) == ()
    assert subscribed(REQUESTED, CONFIRMED) == Subscription(
        status="active", channel="webhook", language="zh", filter=Filter(kinds=("scene",)), since=AT
    )


def test_what_is_unknown_or_cancelled_is_not_confirmed() -> None:
    assert subscription.decide(subscribed(), Confirm(**BY)) == Refusal("subscription.unknown")
    cancelled = subscribed(REQUESTED, SubscriptionCancelled())
    assert subscription.decide(cancelled, Confirm(**BY)) == Refusal("subscription.cancelled")


def test_only_an_active_subscription_is_suspended_and_it_can_be_resumed() -> None:
    suspend = Suspend(**BY | {"at": LATER}, reason="timeout")
    assert subscription.decide(subscribed(REQUESTED), suspend) == ()
    assert subscription.decide(subscribed(REQUESTED, CONFIRMED), suspend) == (SUSPENDED,)
    assert subscription.decide(subscribed(REQUESTED, CONFIRMED, SUSPENDED), suspend) == ()
    resumed = (SubscriptionConfirmed(since=LATER),)
    assert subscription.decide(subscribed(REQUESTED, CONFIRMED, SUSPENDED), Confirm(**BY | {"at": LATER})) == resumed


def test_what_was_abandoned_before_it_was_resumed_does_not_suspend_it_again() -> None:
    resumed = subscribed(REQUESTED, CONFIRMED, SUSPENDED, SubscriptionConfirmed(since=LATER))
    assert subscription.decide(resumed, Suspend(**BY, reason="timeout")) == ()


def test_a_subscription_is_cancelled_from_any_state_and_once() -> None:
    for facts in ((REQUESTED,), (REQUESTED, CONFIRMED), (REQUESTED, CONFIRMED, SUSPENDED)):
        assert subscription.decide(subscribed(*facts), Cancel(**BY)) == (SubscriptionCancelled(),)
    assert subscription.decide(subscribed(REQUESTED, SubscriptionCancelled()), Cancel(**BY)) == ()


def test_a_delivery_is_queued_once_and_due_at_once() -> None:
    queue = Queue(**BY, subscription="s", channel="webhook", release="2026-03", entries=("p/r@1",))
    assert delivery.decide(sent(), queue) == (QUEUED,)
    assert delivery.decide(sent(QUEUED), queue) == ()


def test_a_failed_attempt_makes_the_next_one_due_by_the_schedule() -> None:
    fail = Fail(**BY, attempt=1, error="timeout")
    assert delivery.decide(sent(QUEUED), fail) == (failed(1),)
    assert delivery.decide(sent(QUEUED, failed(1)), fail) == ()  # the same attempt again
    assert delivery.decide(sent(QUEUED, failed(1)), Fail(**BY, attempt=2, error="timeout")) == (failed(2),)
    assert sent(QUEUED, failed(1)).due == AT + timedelta(seconds=5)


def test_the_waits_may_be_scaled() -> None:
    (fact,) = _facts(delivery.decide(sent(QUEUED), Fail(**BY, attempt=1, error="timeout", scale=0.1)))
    assert fact == DeliveryAttempted(attempt=1, error="timeout", due=AT + timedelta(milliseconds=500))


def test_the_last_failure_and_a_final_one_abandon_it() -> None:
    all_failed = sent(QUEUED, *(failed(n) for n in range(1, 10)))
    assert delivery.decide(all_failed, Fail(**BY, attempt=10, error="timeout")) == (
        DeliveryAbandoned(attempt=10, error="timeout"),
    )
    assert delivery.decide(sent(QUEUED), Fail(**BY, attempt=1, error="HTTP 410", final=True)) == (
        DeliveryAbandoned(attempt=1, error="HTTP 410"),
    )
    assert delivery.decide(sent(QUEUED), Drop(**BY, reason="subscription cancelled")) == (
        DeliveryAbandoned(attempt=0, error="subscription cancelled"),
    )
    assert delivery.decide(sent(QUEUED, failed(1)), Drop(**BY, reason="subscription cancelled")) == (
        DeliveryAbandoned(attempt=1, error="timeout; subscription cancelled"),
    )


def test_what_is_wrong_on_our_side_is_tried_until_it_is_mended() -> None:
    state = sent(QUEUED)
    for attempt in range(1, 30):
        (fact,) = _facts(delivery.decide(state, Fail(**BY, attempt=attempt, error="ValueError", ours=True)))
        assert isinstance(fact, DeliveryAttempted) and fact.due - AT <= BACKOFF[-1]
        state = delivery.evolve(state, fact)
    assert delivery.decide(state, Succeed(**BY)) == (DeliveryDelivered(attempt=30),)


def test_what_is_delivered_stays_so() -> None:
    assert delivery.decide(sent(QUEUED, failed(1)), Succeed(**BY)) == (DeliveryDelivered(attempt=2),)
    done = sent(QUEUED, DeliveryDelivered(attempt=1))
    for command in (Succeed(**BY), Fail(**BY, attempt=2, error="x"), Drop(**BY, reason="x"), Retry(**BY)):
        assert delivery.decide(done, command) == ()


def test_a_retry_is_due_at_once_and_after_abandonment_begins_anew() -> None:
    again = QUEUED.model_copy(update={"due": LATER})
    waiting, abandoned = sent(QUEUED, failed(1)), sent(QUEUED, DeliveryAbandoned(attempt=10, error="timeout"))
    for state, attempt in ((waiting, 1), (abandoned, 0)):
        assert delivery.decide(state, Retry(**BY | {"at": LATER})) == (again,)
        assert delivery.evolve(state, again).attempt == attempt
        assert delivery.evolve(state, again).due == LATER
    assert delivery.decide(sent(), Retry(**BY)) == Refusal("delivery.unknown")


@for_all(st.lists(st.timedeltas(timedelta(0), timedelta(days=2)), min_size=12, max_size=12), st.floats(0.001, 1))
def test_attempts_are_whole_and_ever_later_until_it_is_over(delays: list[timedelta], scale: float) -> None:
    """However late each attempt is made."""
    state, at, dues, attempts = sent(QUEUED), AT, [AT], []
    for delay in delays:
        if state.status != "queued":
            break
        assert state.due is not None
        at = max(at, state.due) + delay
        command = Fail(**BY | {"at": at}, attempt=state.attempt + 1, error="timeout", scale=scale)
        (fact,) = _facts(delivery.decide(state, command))
        state = delivery.evolve(state, fact)
        attempts.append(state.attempt)
        if state.due:
            dues.append(state.due)
    assert attempts == list(range(1, 11))
    assert dues == sorted(set(dues)) and len(dues) == 10
    assert state.status == "abandoned"


@for_all(st.sampled_from([(QUEUED,), (QUEUED, failed(1)), (QUEUED, DeliveryDelivered(attempt=1))]))
def test_the_state_survives_storing(facts: tuple[DeliveryFact, ...]) -> None:
    state = sent(*facts)
    assert Delivery.model_validate(state.model_dump(mode="json"), strict=False) == state


def _facts(decided: tuple[Fact, ...] | Refusal) -> tuple[Any, ...]:
    assert isinstance(decided, tuple)
    return decided
