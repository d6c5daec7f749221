"""Bytes as JSON, or why they are none: as a short code with its place (`nan@1:6`, `utf-8@7`, `gzip`) that
`schemas.texts` says in each language."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

#: UTF-8's byte order mark: many editors set it, JSON does without it. It is passed over at the very beginning.
BOM = b"\xef\xbb\xbf"
#: How files begin that are no text at all: xlsx is a zip, too; xls, zstd, xz, 7z, RAR, PDF.
_FILES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    **dict.fromkeys((b"\xd0\xcf\x11\xe0", b"\x28\xb5\x2f\xfd", b"\xfd7zX", b"7z\xbc\xaf", b"Rar!", b"%PDF"), "no-text"),
}
_HAN = re.compile("[\u4e00-\u9fff]")
#: Two common Chinese characters, one behind the other, in GB 18030. In Latin-1 it would be four accented letters.
_TWO_HAN = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]){2}")
_AS_BLANKS = bytes.maketrans(b"\r\n", b"  ")
_PLACE = re.compile(r"line (\d+) column (\d+)")
#: What stands between the parts of a list or an object.
_GAP = re.compile(r"[ \t\r\n]*[,:]?[ \t\r\n]*")
_NO_NUMBER = re.compile("-?(nan|inf)", re.IGNORECASE)
#: Words in what parsers (orjson's, Pydantic's) say, and our code for it.
_SAID = {
    "infinity": "number",
    "number out of range": "number",
    "depth limit": "depth",
    "recursion limit": "depth",
    "end of data": "end",
    "EOF": "end",
    "trailing comma": "comma",
    "after document": "after",
    "control character": "control",
    "surrogate": "surrogate",
}


class Illegible(ValueError):
    """These bytes are no JSON; `reason` is the code that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unmarked(raw: bytes) -> bytes:
    """The bytes without a byte order mark before them."""
    return raw.removeprefix(BOM)


def read(raw: bytes) -> Any:
    """The value that bytes say, with or without a byte order mark. Raises Illegible."""
    said = unmarked(raw)
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError as error:
        raise Illegible(_undecodable(raw) or _unparsable(said.decode(), error)) from None


def says_all(value: Any, raw: bytes) -> bool:
    """Whether a value, written again, says all that the text does which it was read from: no field stands there twice,
    of which readers keep one, and it nests no deeper than is written. Mostly a few microseconds."""
    # A reader that keeps one of two fields writes fewer colons than it read; `\u003a` is a colon too.
    try:
        colons = orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return False
    return (raw.count(b":") == colons and b"\\u003" not in raw) or not _repeats(raw)


def written(raw: bytes, value: Any, path: Sequence[str] = ()) -> list[bytes]:
    """The items of the list at a path of a JSON text, which was read as `value`; of what is no list, itself. Each is
    one line: as it came but for its layout, or, where written again it would not say all, but for its line breaks.

    Raises Illegible for a field on the path that stands there twice, and for what nests too deep.
    """
    if says_all(value, raw):
        for step in path:
            value = value[int(step)] if isinstance(value, list) else value[step]
        return [orjson.dumps(each) for each in (value if isinstance(value, list) else [value])]
    text = unmarked(raw).decode().strip(" \t\r\n")
    for step in path:
        found = [part for name, part in parts(text) if name == step]
        if len(found) != 1:
            raise Illegible("repeated")
        text = found[0]
    return [_bare(each.encode()) for each in ([part for _, part in parts(text)] if text.startswith("[") else [text])]


def parts(text: str) -> Iterator[tuple[str, str]]:
    """The items of a list, or the fields of an object, in a legible JSON text without blanks around it: each number or
    name with what is written there; a field that stands there twice comes twice. Raises Illegible for what nests too
    deep."""
    reader, named = json.JSONDecoder(), text.startswith("{")
    number, at = 0, _behind(text, 1)
    while text[at] not in "]}":
        name = str(number)
        if named:
            name, end = reader.raw_decode(text, at)
            at = _behind(text, end)
        try:
            _, end = reader.raw_decode(text, at)
        except RecursionError:
            raise Illegible("depth") from None
        yield name, text[at:end]
        number, at = number + 1, _behind(text, end)


def packed(beginning: bytes) -> str | None:
    """The code of what bytes begin as that are no text at all: `gzip`, `zip` (which xlsx is too) or `no-text`."""
    return next((name for begins, name in _FILES.items() if beginning.startswith(begins)), None)


def unlike_text(raw: bytes) -> str | None:
    """Why a whole file is no text in UTF-8; None where its first line is, whatever a later one has wrong."""
    why = _undecodable(raw)
    if why is None or "@" not in why:
        return why
    end = raw.find(b"\n", len(raw) - len(unmarked(raw).lstrip()))
    return _undecodable(raw if end < 0 else raw[:end])


def other_kind(beginning: bytes) -> str | None:
    """The code of what lines begin as that are plainly something else: a packed file, or text in UTF-16 or GB 18030 by
    their first that is not blank. None for UTF-8, whatever flaw it has: that is for its line to be told."""
    why = unlike_text(beginning)
    return None if why is None or why == "empty" or "@" in why else why


def reason(words: str) -> str:
    """The code for what a parser says, with its place where it names one."""
    code = next((code for part, code in _SAID.items() if part in words), "syntax")
    place = _PLACE.search(words)
    return f"{code}@{place[1]}:{place[2]}" if place else code


def _behind(text: str, at: int) -> int:
    """Where the next part begins."""
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _bare(raw: bytes) -> bytes:
    """A JSON text without its layout, where nothing is lost by that; without line breaks in any case: none stands in a
    text of it."""
    value = orjson.loads(raw)
    return orjson.dumps(value) if says_all(value, raw) else raw.translate(_AS_BLANKS)


def _repeats(raw: bytes) -> bool:
    """Whether a field stands somewhere in a JSON text twice."""
    repeated = False

    def whole(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) < len(pairs)

    json.loads(raw, object_pairs_hook=whole)
    return repeated


def _undecodable(raw: bytes) -> str | None:
    """Why bytes are no UTF-8 text; None where they are one."""
    if not unmarked(raw).strip():
        return "empty"
    if file := packed(raw):
        return file
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw[:2]:
        return "utf-16"
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        if _gb18030(raw):
            return "gb18030"
        cut = error.reason == "unexpected end of data"
        return f"{'utf-8-cut' if cut else 'utf-8'}@{error.start + 1}"
    return None


def _gb18030(raw: bytes) -> bool:
    """Whether bytes are JSON in GB 18030, rather than UTF-8 with a flaw: that has many Chinese characters as UTF-8; and
    rather than Latin-1, of which two bytes in a row may happen to be one character."""
    if not _TWO_HAN.search(raw):
        return False
    try:
        text = raw.decode("gb18030")
        orjson.loads(text)
    except ValueError:
        return False
    return 4 * len(_HAN.findall(raw.decode(errors="ignore"))) < len(_HAN.findall(text))


def _unparsable(text: str, error: orjson.JSONDecodeError) -> str:
    place = f"@{error.lineno}:{error.colno}"
    if text[error.pos : error.pos + 1] in ("'", "“", "”", "‘", "’"):
        return "quotes" + place
    # A parser that has read the sign points behind it.
    if any(_NO_NUMBER.match(text, start) for start in (error.pos, max(error.pos - 1, 0))):
        return "nan" + place
    return reason(str(error))
