"""The bytes by which an event is known: its RFC 8785 form, many times as fast as by the library alone.

What orjson writes with sorted keys is the RFC 8785 form already, but for three things, which are looked for in what it
wrote: fractions and exponents, integers of 16 digits or more, and keys that UTF-16 sorts otherwise than UTF-8 does
(which takes a character beyond U+FFFF). Where one may be there, the library writes the form.
"""

import hashlib
import re
from typing import Any

import orjson
import rfc8785

#: A number that is no short integer, with what stands before and behind it; a match within a text costs time only.
_NUMBER = re.compile(rb"[:\[,]-?[0-9]+(?:[.eE][0-9eE+-]*|(?<=[0-9]{16}))[,}\]]")
#: The first bytes of characters beyond U+FFFF.
_BEYOND = bytes(range(0xF0, 0xF5))


class NoForm(ValueError):
    """A JSON value without an RFC 8785 form: an integer beyond 2**53 - 1, or more than 254 levels."""


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value as `orjson.loads` gives it. Raises NoForm."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # orjson's limit of levels
        raise NoForm(str(error)) from error
    odd = _NUMBER.search(b"[%b]" % written if isinstance(value, int | float) else written)
    if odd or len(written.translate(None, _BEYOND)) < len(written):
        try:
            return rfc8785.dumps(value)
        except rfc8785.CanonicalizationError as error:
            raise NoForm(str(error)) from error
    return written


def event_hash(raw: bytes, value: Any) -> tuple[bytes, bool]:
    """The 32 bytes that stand for an event in the log, and whether they are those of its RFC 8785 form.

    That is its SHA-256; of an event without such a form, SHA-256 of its bytes as they came. `value` is `raw`, read.
    """
    try:
        return hashlib.sha256(canonical(value)).digest(), True
    except NoForm:
        return hashlib.sha256(raw).digest(), False
