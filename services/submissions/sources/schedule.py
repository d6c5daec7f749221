"""When a source is fetched next, and when it is given up. Pure."""

from datetime import datetime, timedelta

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
#: A source that fails for so long, and at least so often, is paused: its partner is told, and resumes it.
GIVEN_UP_AFTER, GIVEN_UP_FAILURES = timedelta(days=1), 5
#: A fetch that took longer than this goes among those that fail, so that it takes no place from quick ones.
SLOW = timedelta(seconds=10)


def next_due(began: datetime, ended: datetime, every_minutes: int, failures: int, chance: float) -> datetime:
    """When it is due again: by its schedule; after `failures` in a row sooner and then ever later, up to six hours.

    `chance`, from 0 to 1, spreads retries over half to one and a half of their delay, so that they come one by one.
    """
    if failures == 0:
        return max(began + timedelta(minutes=every_minutes), ended)
    delay: timedelta = min(FIRST_RETRY * (1 << min(failures - 1, 20)), LONGEST_RETRY)
    return ended + delay * (0.5 + chance)


def given_up(failures: int, failing_since: datetime, now: datetime) -> bool:
    return failures >= GIVEN_UP_FAILURES and now - failing_since >= GIVEN_UP_AFTER
