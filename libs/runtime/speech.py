"""What the launcher and tools without a catalogue say: in the language of the terminal, or of who gave the order."""

import os
from collections.abc import Iterator
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
    locale = _ordered.get() or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return zh if locale.startswith("zh") else en
