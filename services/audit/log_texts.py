"""What is odd about a history, and where the log and the histories part, in words."""

import re

from audit.catalogue import Unreadable
from audit.log.check import KEPT, Parted
from audit.recorder_read import Odd
from schemas.envelope import Json
from web.languages import _, instant


def oddity(kind: str) -> str:
    """What was found, in a sentence."""
    return {
        Odd.NOT_AN_EVENT: _("A message that names no event. It has no leaf; it stays on Kafka."),
        Odd.UNKNOWN_TYPE: _("An event of a type that this version does not know."),
        Odd.FUTURE_VERSION: _("An event of a version that this version does not know."),
        Odd.WRONG_DATA: _("An event that does not say what its type must."),
        Odd.WRONG_KEY: _("An event under another stream’s key."),
        Odd.NO_CANONICAL_FORM: _("An event without a canonical form: the log holds it by its bytes."),
        Odd.CONFLICT: _("A second event under a number that was taken. Both have leaves."),
        Odd.JUMP: _("An event whose predecessor had not come."),
        Odd.CLOCK: _("An event dated more than a second before an earlier one of its stream: a clock ran back."),
        Odd.GAP: _("Messages that were to be read next are gone, by retention or by hand."),
        Odd.ENDS_EARLIER: _("A partition ends before what was already read of it. It was read again."),
        Odd.REMADE: _("The topic was deleted and made anew. It was read again from its beginning."),
        Odd.PARTITIONS: _("The topic has another number of partitions. It was read again from its beginning."),
    }[Odd(kind)]


def detail(kind: str, found: Json) -> str:
    """What was found and expected, in a sentence; nothing where that is said already."""
    text = {
        Odd.NOT_AN_EVENT: _("%(bytes)s bytes under the key “%(key)s”: %(error)s"),
        Odd.UNKNOWN_TYPE: _("Its type is %(found)s."),
        Odd.FUTURE_VERSION: _("Its type is %(found)s; known is %(known)s."),
        Odd.WRONG_DATA: _("What is wrong: %(error)s"),
        Odd.WRONG_KEY: _("Its stream is %(expected)s, its key %(found)s."),
        Odd.NO_CANONICAL_FORM: "",
        Odd.CONFLICT: _("The first lies at %(first)s."),
        Odd.JUMP: _("Number %(found)s came before number %(expected)s."),
        Odd.CLOCK: _("It is dated %(found)s, an earlier one %(before)s."),
        Odd.GAP: _("Offset %(expected)s was to be read next; the first that is there is %(found)s."),
        Odd.ENDS_EARLIER: _("It was read up to offset %(read)s, and ends at %(end)s."),
        Odd.REMADE: _("It had %(before)s partitions, and has %(now)s."),
        Odd.PARTITIONS: _("It had %(before)s partitions, and has %(now)s."),
    }[Odd(kind)]
    values = {name: _(", ").join(each) if name == "known" else each for name, each in found.items()}
    if kind == Odd.CLOCK:
        values = {name: instant(each) for name, each in found.items()}
    return text % values


def parted(kind: Parted) -> str:
    """Where they part, in a sentence."""
    return {
        Parted.CHECKPOINT: _("The checkpoint is not the one that was signed"),
        Parted.FORK: _("Neither tiles nor records lead to the checkpoint"),
        Parted.TILE: _("A tile is missing or changed"),
        Parted.LEAF_MISSING: _("A recorded event is gone"),
        Parted.RECORDED: _("A recorded event was changed"),
        Parted.KAFKA_CHANGED: _("A message on Kafka was changed"),
        Parted.KAFKA_MISSING: _("A message on Kafka is gone"),
        Parted.KAFKA_ADDED: _("A message on Kafka was added or moved"),
    }[kind]


def place(place: str) -> str:
    """Where they part."""
    if match := re.fullmatch(r"leaf ([0-9]+)", place):
        return _("leaf %(number)s") % {"number": match[1]}
    return _("the checkpoint that was kept") if place == KEPT else place


def unreadable(error: Unreadable) -> str:
    """Which event says what was public and cannot be read, and why."""
    if error.leaf.altered:
        return altered(error.leaf.number, error.leaf.ref)
    return _("An event of another version says what was public: %(error)s") % {"error": error}


def altered(leaf: int, ref: str) -> str:
    """That what was recorded of an event is no longer what it was, and the next step."""
    text = _(
        "The record of leaf %(leaf)s, %(ref)s, was changed after it was written: it is not what happened. "
        "`shuangqian audit log` says what was changed; Kafka has the event as it came."
    )
    return text % {"leaf": f"{leaf:,}", "ref": ref}
