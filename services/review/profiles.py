"""What the roster says of a reviewer, as people write it: in a form, in a row of CSV. One set of rules for both."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from schemas.entry import Industry, Theme, is_uscc
from schemas.names import NAMES
from schemas.review import Away, Profile
from web.languages import _, say

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: The columns of the CSV, which are the fields of the form as well.
COLUMNS: dict[str, dict[str, str]] = {
    "reviewer": {"zh": "账号", "en": "Account"},
    "name": {"zh": "姓名", "en": "Name"},
    "industries": {"zh": "产业", "en": "Industries"},
    "themes": {"zh": "主题", "en": "Themes"},
    "languages": {"zh": "语言", "en": "Languages"},
    "expert": {"zh": "专家", "en": "Expert"},
    "partner": {"zh": "任职单位", "en": "Acts for"},
    "conflicts": {"zh": "回避单位", "en": "Conflicts"},
    "monday": {"zh": "周一", "en": "Monday"},
    "tuesday": {"zh": "周二", "en": "Tuesday"},
    "wednesday": {"zh": "周三", "en": "Wednesday"},
    "thursday": {"zh": "周四", "en": "Thursday"},
    "friday": {"zh": "周五", "en": "Friday"},
    "saturday": {"zh": "周六", "en": "Saturday"},
    "sunday": {"zh": "周日", "en": "Sunday"},
    "away": {"zh": "不在", "en": "Away"},
}
LANGUAGES = {"zh": {"zh": "中文", "en": "Chinese"}, "en": {"zh": "英文", "en": "English"}}
_YES, _NO = ("yes", "true", "1", "是"), ("", "no", "false", "0", "否")
MOST_MINUTES = 24 * 60
MOST_CHARACTERS = 128


def read(fields: Mapping[str, str]) -> tuple[str, Profile | None, dict[str, str]]:
    """The reviewer's account and profile, or what is wrong, by field. Several values are parted by semicolons."""
    errors: dict[str, str] = {}

    def field(name: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(fields.get(name, "").strip())
        except ValueError as error:
            errors[name] = str(error)
            return None

    found = {
        "name": field("name", _name),
        "industries": field("industries", lambda text: _choices(text, {code: NAMES[code] for code in Industry})),
        "themes": field("themes", lambda text: _choices(text, {code: NAMES[code] for code in Theme})),
        "languages": field("languages", _languages),
        "expert": field("expert", _expert),
        "partner": field("partner", lambda text: _uscc(text) if text else None),
        "conflicts": field("conflicts", lambda text: tuple(_uscc(each) for each in _parts(text))),
        "minutes": tuple(field(day, _minutes) for day in DAYS),
        "away": field("away", lambda text: tuple(_away(each) for each in _parts(text))),
    }
    reviewer = field("reviewer", _account)
    return reviewer or "", None if errors else Profile.model_validate(found), errors


def fields(reviewer: str, profile: Profile) -> dict[str, str]:
    """The same as texts, which `read` reads back."""
    return {
        "reviewer": reviewer,
        "name": profile.name,
        "industries": _joined(profile.industries),
        "themes": _joined(profile.themes),
        "languages": _joined(profile.languages),
        "expert": "yes" if profile.expert else "no",
        "partner": profile.partner or "",
        "conflicts": _joined(profile.conflicts),
        **{day: str(minutes) for day, minutes in zip(DAYS, profile.minutes, strict=True)},
        "away": _joined(
            each.first.isoformat() if each.first == each.last else f"{each.first}/{each.last}" for each in profile.away
        ),
    }


def _joined(values: Iterable[str]) -> str:
    return "; ".join(values)


def _parts(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"[;；、\n]", text) if each.strip()]


def _account(text: str) -> str:
    if not text or len(text) > MOST_CHARACTERS or "/" in text or any(letter.isspace() for letter in text):
        raise ValueError(_("Give the name by which they sign in, without blanks or slashes, such as reviewer-li."))
    return text


def _name(text: str) -> str:
    if not text or len(text) > MOST_CHARACTERS:
        raise ValueError(_("Give a name of %(most)s characters at most.") % {"most": MOST_CHARACTERS})
    return text


def _choices(text: str, names: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Codes, from codes or what they are called in either language."""
    codes = {called.casefold(): str(code) for code, said in names.items() for called in (code, *said.values())}
    parts = _parts(text)
    if unknown := [each for each in parts if each.casefold() not in codes]:
        known = _("; ").join(say(called) for called in names.values())
        said = _("“%(unknown)s” is not among them: %(known)s.")
        raise ValueError(said % {"unknown": _("; ").join(unknown), "known": known})
    return tuple(dict.fromkeys(codes[each.casefold()] for each in parts))


def _languages(text: str) -> tuple[str, ...]:
    found = _choices(text, LANGUAGES)
    if not found:
        raise ValueError(_("Give at least one language: zh; en."))
    return found


def _expert(text: str) -> bool:
    if text.casefold() not in (*_YES, *_NO):
        raise ValueError(_("Give yes or no."))
    return text.casefold() in _YES


def _uscc(text: str) -> str:
    if not is_uscc(text):
        raise ValueError(_("“%(text)s” is no unified social credit code of 18 characters.") % {"text": text})
    return text


def _minutes(text: str) -> int:
    if text and not (re.fullmatch(r"[0-9]{1,4}", text) and int(text) <= MOST_MINUTES):
        raise ValueError(_("Give whole minutes from 0 to %(most)s.") % {"most": MOST_MINUTES})
    return int(text or "0")


def _away(text: str) -> Away:
    first, _slash, last = (each.strip() for each in text.partition("/"))
    try:
        away = Away(first=date.fromisoformat(first), last=date.fromisoformat(last or first))
    except ValueError:
        said = _("“%(text)s” is no day such as 2026-12-24, nor days such as 2026-12-01/2026-12-05.")
        raise ValueError(said % {"text": text}) from None
    if away.last < away.first:
        raise ValueError(_("“%(text)s” ends before it begins.") % {"text": text})
    return away
