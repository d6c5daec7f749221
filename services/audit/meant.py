"""What somebody who searches means: names in other case, without their beginning or version; and, where nothing is
found, what might have been meant."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from audit.leaves import Leaves, Wish
from audit.titles import folded
from runtime.searching import literal
from schemas.entry import USCC
from schemas.envelope import Json
from schemas.events import FACTS
from web.languages import _, say

#: What the name of an actor begins with.
KINDS = ("user", "partner", "service", "subscriber")
#: The beginning of an entry’s name that is a partner’s code, in any case.
_CODE = re.compile(rf"({USCC[1:-1]})(?=/|@|$)", re.IGNORECASE)
#: Names that are like what was typed: how many are told, and how like they must be.
LIKE, LIKENESS = 3, 0.6


def entry(text: str) -> Json:
    """A condition on streams: those that begin with a partner's code or a month, or have the text in their name.

    The first are looked up; for the others all names are gone through.
    """
    if code := _CODE.match(text):
        return {"$regex": f"^{code[1].upper()}(?i:{literal(text[18:])})"}
    begins = "^" if re.match(r"\d{4}-\d\d$", text) else ""
    return {"$regex": f"{begins}{literal(text)}", "$options": "i"}


def actor(text: str) -> Json:
    """A condition on actors: this one, with or without `user:` and its like, as it is typed, in lower or in upper case.

    Names are looked up, so not every mixture is found.
    """
    kind, _, name = text.partition(":")
    kinds = (kind.lower(),) if kind.lower() in KINDS else KINDS
    name = name if kind.lower() in KINDS else text
    return {"$in": [text, *(f"{kind}:{form}" for kind in kinds for form in (name, name.lower(), name.upper()))]}


def kind_of_event(text: str) -> Json:
    """A condition on types: this one, or all its versions where none is given, in any case."""
    if re.search(r"\.v\d+$", text, re.IGNORECASE):
        return {"$in": list({text, text.lower()})}
    return {"$regex": rf"^{literal(text.lower())}\.v\d"}


def known_type(text: str) -> str:
    """The type as the list of all has it, where it is one of them without regard to case and version; else the text."""
    low = text.lower()
    meant = [each for each in FACTS if low in (each, each.rpartition(".v")[0])]
    return meant[0] if len(meant) == 1 else text


def partners(text: str, leaves: Leaves) -> dict[str, str]:
    """The partners meant, by their code or by a part of their name: names by code."""
    names = leaves.partners()
    if re.fullmatch(USCC, text.upper()):
        return {text.upper(): say(names.get(text.upper()))}
    wanted = folded(text)
    called = {code: [folded(each) for each in name.values() if isinstance(each, str)] for code, name in names.items()}
    exact = [code for code, each in called.items() if wanted in each]
    found = exact or [code for code, each in called.items() if any(wanted in name for name in each)]
    return {code: say(names[code]) for code in sorted(found)}


def hints(leaves: Leaves, wish: Wish, said: Mapping[str, str]) -> list[str]:
    """Why a search finds nothing, a sentence each: what finds nothing even alone, and what is like it."""
    given = [name for name in said if getattr(wish, name)]
    alone = [name for name in given if not leaves.any(Wish(**{name: getattr(wish, name)}))]
    if not alone and len(given) > 1:
        return [_("Each of these finds events alone, but no event is like all of them.")]
    return [_nothing(name) % {"text": said[name]} + _like(_names(leaves, name), said[name]) for name in alone]


def _nothing(name: str) -> str:
    return {
        "entry": _("No stream has “%(text)s” in its name. Words of a title go into the field beside it."),
        "partner": _("Nothing is recorded of a partner “%(text)s”. Give the credit code, or a part of the name."),
        "actor": _("Nobody called “%(text)s” has done anything that is recorded."),
        "type": _("No event of the kind “%(text)s” is recorded."),
        "correlation": _("No story begins with “%(text)s”."),
        "cause": _("Nothing followed from “%(text)s”."),
    }[name]


def _names(leaves: Leaves, field: str) -> dict[str, str]:
    """What may be given for a field, by what people call it."""
    if field == "actor":
        return {actor.removeprefix("user:"): actor for actor in leaves.people()}
    return {type.rpartition(".v")[0]: type for type in FACTS} if field == "type" else {}


def _like(names: Mapping[str, str], text: str) -> str:
    like = get_close_matches(text.lower().removeprefix("user:"), names, LIKE, LIKENESS)
    return _(" Perhaps %(names)s?") % {"names": _(", ").join(names[each] for each in like)} if like else ""
