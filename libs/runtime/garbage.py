"""Garbage collection for processes that make many short-lived objects and keep what they imported for ever."""

import gc


def collect_less_often() -> None:
    """Called once everything is imported and built, before the first request or event.

    What is there by now is never looked at again, and collections come when there is more to collect: measured here, it
    halves the CPU that an event costs the review worker and doubles the lines that intake takes in a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
