"""What the launcher and tools without a catalogue say: in the language of the terminal, or of who gave the order."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_ordered: ContextVar[str | None] = ContextVar("ordered", default=None)


@contextmanager
def ordered_in(language: object) -> Iterator[None]:
    """Within it `either` is in the language of an order, `zh` or `en`; in the terminal's where it names none."""
    token = _ordered.set(language if isinstance(language, str) else None)
    try:
        yield
    finally:
        _ordered.reset(token)


def either(en: str, zh: str) -> str:
    """`zh` where the language is Chinese, else `en`."""
    return zh if (_ordered.get() or environment_locale(os.environ)).startswith("zh") else en


def environment_locale(environment: Mapping[str, str]) -> str:
    """The locale that messages are to be in: `zh_CN.UTF-8`; empty where none is set."""
    return next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
