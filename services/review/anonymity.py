"""What of a case somebody sees who is not to know whose it is, and who that is. Decision 0019."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any
from unicodedata import normalize

from pydantic import BaseModel

from review.addresses import Addresses
from review.desk import Desk, may_take_back
from review.domain import Case
from review.lists import Listed
from review.office import OFFICE
from schemas.entry import Entry, Linkage, Name, Owner
from web.people import Person

#: What stands where an owner would. Who can give a review, and sees the owner then, is told so by the page.
HIDDEN = Owner.model_construct(name=Name.model_construct(zh="申报单位：不显示", en="Owner: not shown"), uscc="")
#: What stands in a text where it names its owner.
NAMELESS = "▇▇▇"
_LETTER = "[A-Za-zＡ-Ｚａ-ｚ]"
#: What has no width, and is taken out of a text that names an owner.
_SPANS = ((0xAD,), (0x34F,), (0x61C,), (0x180E,), range(0x200B, 0x2010), range(0x202A, 0x202F), range(0x2060, 0x2070))
_UNSEEN = dict.fromkeys([*chain(*_SPANS, range(0xFE00, 0xFE10), (0xFEFF,))])
#: What may stand between two words, and also between two where one is Latin.
_BETWEEN = r"\s_·・•‧－‐-―\-()（）"
_STOPS = ".,．，"
#: In a name, and where it is named, one stands for another; and nothing for any of them.
_APOSTROPHES = "'’‘ʼ＇"
#: So many words are a name wherever they stand, also within a longer word.
_CERTAIN = 3
#: So many letters are parted by no more than blanks: what else parts them may well part two other words.
_SHORT = 3


def kept_from_names(me: Person) -> bool:
    """Whether there are cases of which somebody may not know whose they are."""
    return bool(OFFICE.anonymised.routes) and "operator" not in me.roles


def anonymised(case: Case, me: Person, at: datetime) -> bool:
    """Whether somebody is not to know whose case it is: their review is not given, or may still be taken back.

    Where a route hides no names, whoever holds the case sees them, and nobody else: from the next revision, or from one
    that is alike, a reviewer is led here.
    """
    if not kept_from_names(me):
        return False
    if me.sub in case.reviewers():
        return may_take_back(case, me.sub, at)
    hidden: Collection[str] = OFFICE.anonymised.routes
    return case.route in hidden or case.lease is None or case.lease.reviewer != me.sub


def anonymous(case: Case, addresses: Addresses, alike: Collection[Case] = ()) -> Case:
    """The case without partner, owner and digest; submissions and cases that it refers to are sealed, and where a text
    names the owner or the credit code, in whatever case and width, it names nobody. Nor does it name the owners of the
    cases that are `alike`: where one copied the other, it may say the other's."""
    assert case.entry is not None
    findings = tuple(
        found.model_copy(update={"resembles": addresses.seal(found.resembles)}) if found.resembles else found
        for found in case.findings
    )
    sealed = case.model_copy(
        update={
            "submission": addresses.seal(case.submission),
            "previous": addresses.seal(case.previous) if case.previous else None,
            "findings": findings,
            "entry": _unlinked(case.entry, addresses),
            "partner": "",
            "digest": "",
        }
    )
    said: Case = nameless(sealed, naming(*(each.entry.owner for each in (case, *alike) if each.entry)))
    return said.model_copy(update={"entry": said.entry and said.entry.model_copy(update={"owner": HIDDEN})})


async def as_seen(case: Case, me: Person, at: datetime, desk: Desk, addresses: Addresses) -> tuple[Case, bool]:
    """The case as somebody sees it; and whether anything is hidden from them."""
    hidden = anonymised(case, me, at)
    return (anonymous(case, addresses, await desk.alike(case)) if hidden else case), hidden


def anonymous_line(case: Listed) -> Listed:
    """The same of a case in a list: its title names nobody, and no partner stands beside it."""
    return replace(case, title=nameless(case.title, naming(*case.owners)), partner="")


def naming(*owners: Owner) -> re.Pattern[str]:
    """What finds the names of these owners in a text."""
    names = (name for owner in owners for name in (owner.name.zh, owner.name.en) if name)
    return _finding(frozenset(names), frozenset(owner.uscc for owner in owners if owner.uscc))


@lru_cache(1000)  # a list names fifty owners, and each pattern takes some milliseconds
def _finding(names: frozenset[str], codes: frozenset[str]) -> re.Pattern[str]:
    forms = {form for name in names for form in (name, normalize("NFKC", name)) if _words(form)}
    longest_first = sorted(forms, key=lambda form: (-len("".join(_words(form))), form))
    return re.compile("|".join((*map(_spaced, sorted(codes)), *map(_named, longest_first))) or "(?!)", re.IGNORECASE)


def _words(name: str) -> list[str]:
    plain = name.translate(_UNSEEN | dict.fromkeys(map(ord, _APOSTROPHES), "'"))
    return [word for word in re.findall(f"[^{_BETWEEN}{_STOPS}{NAMELESS}]+", plain) if word.strip("'")]


def _spaced(code: str) -> str:
    # Not across what is hidden already: in a code within a code within a code, each layer would take one more turn.
    return f"(?:[^\\w{NAMELESS}]|_)*".join(map(_either_width, code))


def _named(name: str) -> str:
    """A pattern of a name in letters of either case and width, with blanks, hyphens, brackets or nothing between its
    words and between Chinese characters; with or without the stops of Latin words, and in their plural, too.

    A name of few words in Latin letters is found as whole words only: the hole that it left in a longer one would tell
    it. What may stand between two letters is never one that comes next, so that a text is gone through once. And a name
    is held to whole words at each end that is Latin or at none: so one that waits for its neighbour to be hidden, being
    glued to it, has nobody who waits for it, however many are glued together.
    """
    words = _words(name)
    ends = (words[0], words[0].strip("'")[0]), (words[-1], words[-1].strip("'")[-1])
    latin = [bool(re.match(_LETTER, letter)) for _word, letter in ends]
    # The letters of A.I. are no words: they would be found in Thai.
    few = sum(len(word) > 1 for word in words) < _CERTAIN
    whole = few and all(word.isascii() for (word, _letter), is_latin in zip(ends, latin, strict=True) if is_latin)
    before, after = (f"(?<!{_LETTER})", f"(?!{_LETTER})") if whole else ("", "")
    within = f"[{_BETWEEN}]*" if len("".join(words)) > _SHORT else r"\s*"
    said = _spelt(words[0], within)
    for one, next in pairwise(words):
        stops = _STOPS if one[-1].isascii() or next[0].isascii() else ""
        said += f"[{_BETWEEN}{stops}]*" + _spelt(next, within)
    plural = "[sｓ]?" if latin[1] and len(words) > 1 else ""
    closed = "[)）]?" if name.rstrip().endswith((")", "）")) else ""
    return (before if latin[0] else "") + said + plural + (after if latin[1] else "") + closed


def _spelt(word: str, within: str) -> str:
    # None before an apostrophe, which may be left out: two gaps in a row could be parted in many ways.
    gaps = ["" if next == "'" or (one.isascii() and next.isascii()) else within for one, next in pairwise(word)]
    return "".join(letter + gap for letter, gap in zip(map(_either_width, word), [*gaps, ""], strict=True))


def _either_width(letter: str) -> str:
    if letter == "'":
        return f"[{_APOSTROPHES}]?"
    wide = chr(ord(letter) + 0xFEE0)  # where Unicode has the wide forms of ASCII
    return f"[{re.escape(letter)}{wide}]" if "!" <= letter <= "~" else re.escape(letter)


def _unlinked(entry: Entry, addresses: Addresses) -> Entry:
    """With the entries it refers to sealed: they are named by their partners' codes."""
    if isinstance(entry, Linkage):
        return entry.model_copy(update={"scene": addresses.seal(entry.scene), "product": addresses.seal(entry.product)})
    return entry


def nameless(value: Any, names: re.Pattern[str]) -> Any:
    """A value whose texts, however deep, name nobody of these."""
    match value:
        case str() if names.search(seen := value.translate(_UNSEEN)):
            # Again where it was glued to another: without that, it stands as a word of its own.
            while names.search(seen):
                seen = names.sub(NAMELESS, seen)
            return seen
        case BaseModel():
            fields = {field: getattr(value, field) for field in type(value).model_fields}
            return value.model_copy(update={field: nameless(each, names) for field, each in fields.items()})
        case tuple():
            return tuple(nameless(each, names) for each in value)
        case dict():
            return {name: nameless(each, names) for name, each in value.items()}
        case _:
            return value
