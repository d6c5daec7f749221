"""What JSON readers pass over in silence, and a partner should hear of: fields that stand there twice, characters that
no document on the way (pages, feeds, sheets) can carry, and line breaks where one line is meant (a mail's subject)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from schemas.finding import pointer
from schemas.json_text import says_all

#: A finding points at the nearest place whose pointer is no longer than this: what partners name may be of any length.
MAX_POINTER = 200
#: What XML 1.0 forbids (in JSON they come escaped, but for the last two); and the embeddings, overrides and isolates
#: that make a text of two directions read otherwise than it is written, past its own end, too.
_UNESCAPED = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_FORBIDDEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_UNESCAPED}]")
_HINTS = (b"\\u000", b"\\u001", b"\\b", b"\\f", b"\\ufff", b"\\uFFF", b"\\u202", b"\\u206")
#: Those of them that a line may hold as they are, in UTF-8: one search costs a third of one for each.
_ENCODED = re.compile(b"|".join(character.encode() for character in _UNESCAPED))
#: What ends a line to some reader or other, and the controls that a paragraph may hold; and what JSON has of these.
UNLINED = re.compile("[\t\n\r\x7f-\x9f\u2028\u2029]")
_UNLINED_HINTS = re.compile(rb"\\[tnru]|\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
#: All that an entry says is one line but these.
_PARAGRAPHS = ("/entry/summary/", "/entry/distinction/")


class _Repeated:
    """Stands in for the values of a field that is there more than once."""


def oddities(line: bytes, raw: Any) -> Iterator[tuple[str, str, str]]:
    """(rule, pointer, found) for each field that is repeated, each text with a forbidden character and each line with a
    break; `raw` is what `line` was read as. Most lines have none, and cost a few microseconds."""
    escapes = b"\\" in line
    if not says_all(raw, line):
        try:
            repeated = _with_repeated(line)
        except RecursionError:  # nested so deep that it is refused for that
            return
        for where, name, value in _places(repeated):
            if value is _Repeated:
                yield "repeated-field", where, short(name)
    if (escapes and any(hint in line for hint in _HINTS)) or _ENCODED.search(line):
        for where, _name, value in _places(raw):
            said = "".join(value) if isinstance(value, dict) else value
            if isinstance(said, str) and (found := _FORBIDDEN.search(said)):
                yield "characters", where, f"U+{ord(found[0]):04X}"
    if _UNLINED_HINTS.search(line):
        for where, _name, value in _places(raw):
            in_line = where.startswith("/entry/") and not where.startswith(_PARAGRAPHS)
            if in_line and isinstance(value, str) and (found := UNLINED.search(value)):
                yield "text.one-line", where, f"U+{ord(found[0]):04X}"


def near(where: str) -> str:
    """The pointer, or that of the nearest enclosing value whose pointer is short enough."""
    while len(where) > MAX_POINTER:
        where = where.rpartition("/")[0]
    return where


def short(text: str) -> str:
    """At most 80 characters of a text."""
    return text if len(text) <= 80 else text[:79] + "…"


def _places(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Every value within, in the text's order: `near` which pointer, its own name, and it. No recursion, and no pointer
    but what is told: partners nest as deep, and name things as long, as they like."""
    yield "", "", value
    within = [("", True, _items(value))]
    while within:
        where, exact, items = within[-1]
        for name, value in items:
            there = where + pointer(name) if exact else where
            fits = exact and len(there) <= MAX_POINTER
            yield there if fits else where, str(name), value
            within.append((there if fits else where, fits, _items(value)))
            break
        else:
            within.pop()


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())


def _with_repeated(line: bytes) -> Any:
    """What `line` says, with _Repeated for the values of repeated fields."""

    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name, value in pairs:
            said[name] = _Repeated if name in said else value
        return said

    return json.loads(line, object_pairs_hook=whole)
