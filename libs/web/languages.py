"""Chinese and English: which one a request speaks, its texts, and how it writes days and numbers.

Message ids are the English texts; each package keeps its Chinese in `locale/zh/LC_MESSAGES/messages.po`, read at
start-up, so nothing is compiled. `python -m web.languages check` names every text that has no Chinese yet, and
`python -m web.languages update` adds it to the right catalogue for a translator to fill in.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from babel.numbers import format_compact_decimal, format_decimal

LANGUAGES = {"zh": "中文", "en": "English"}
LANGUAGE_TAGS = {"zh": "zh-Hans-CN", "en": "en"}
DEFAULT = "zh"
#: Days and times are shown as the city's clocks show them.
CITY_TIME = ZoneInfo("Asia/Shanghai")
WEB = Path(__file__).parent

_speaking: ContextVar[tuple[str, NullTranslations]] = ContextVar("speaking", default=(DEFAULT, NullTranslations()))


class Translations(NullTranslations):
    """One language's texts by message id. A text without a translation stays English."""

    def __init__(self, texts: Mapping[str, str | tuple[str, ...]]) -> None:
        super().__init__()
        self.texts = texts

    def gettext(self, message: str) -> str:
        text = self.texts.get(message) or message
        return text if isinstance(text, str) else text[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        text = self.texts.get(msgid1)
        return text[0] if isinstance(text, tuple) and text[0] else super().ngettext(msgid1, msgid2, n)


def load(*locales: Path) -> dict[str, NullTranslations]:
    """The translations by language, from `locale` folders; a later folder's text wins."""
    texts: dict[str, str | tuple[str, ...]] = {}
    for locale in (WEB / "locale", *locales):
        for message in _catalog(locale):
            singular = message.id if isinstance(message.id, str) else message.id[0]
            said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            if singular and not message.fuzzy and said and all(said):
                texts[singular] = message.string if isinstance(message.string, str) else said
    return {"zh": Translations(texts), "en": NullTranslations()}


@contextmanager
def speak(language: str, translations: Mapping[str, NullTranslations]) -> Iterator[None]:
    """Within it, `_`, `say` and the formats are in `language`: for a request, or for one e-mail of a worker."""
    token = _speaking.set((language, translations[language]))
    try:
        yield
    finally:
        _speaking.reset(token)


def language() -> str:
    """`zh` or `en`: what is being spoken."""
    return _speaking.get()[0]


def _(message: str) -> str:
    """The text in the language spoken."""
    return _speaking.get()[1].gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The text for `n` things in the language spoken."""
    return _speaking.get()[1].ngettext(singular, plural, n)


def choose(query: str | None, cookie: str | None, accept_language: str) -> str:
    """A request's language: `?lang=`, else the cookie, else the browser's best match, else Chinese."""
    for wish in (query, cookie):
        if wish in LANGUAGES:
            return wish
    wishes = [part.strip().partition(";q=") for part in accept_language.split(",") if part.strip()]
    for tag, _q, _weight in sorted(wishes, key=lambda wish: -_quality(wish[2])):
        if tag.split("-")[0].lower() in LANGUAGES:
            return tag.split("-")[0].lower()
    return DEFAULT


def _quality(weight: str) -> float:
    try:
        return float(weight or 1)
    except ValueError:
        return 0.0


# --- Content and figures ---------------------------------------------------------------------------------------------


def say(text: Any) -> str:
    """What {"zh": …, "en": …}, or an object with these attributes, says in the language spoken, else in the other.

    A plain string is itself, None nothing.
    """
    if text is None or isinstance(text, str):
        return text or ""
    said = text if isinstance(text, Mapping) else {name: getattr(text, name, None) for name in LANGUAGES}
    return said.get(language()) or said.get("zh") or said.get("en") or ""


def sentences(*texts: str | None) -> str:
    """Sentences one after another: parted by a blank in English, by none in Chinese. What is empty is left out."""
    said = ""
    for text in filter(None, texts):
        said += (" " if said and language() != "zh" else "") + text  # a template's texts are markup, and stay so
    return said


def said_in(text: Any) -> str | None:
    """The language tag `say` fell back to, for a `lang` attribute; None where it speaks the page's language."""
    said = text if isinstance(text, Mapping) else {name: getattr(text, name, None) for name in LANGUAGES}
    if isinstance(text, str) or text is None or said.get(language()):
        return None
    return LANGUAGE_TAGS["zh" if said.get("zh") else "en"]


def _when(value: date | datetime | str) -> date | datetime:
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        return when.date() if isinstance(when, datetime) else when
    return when.astimezone(CITY_TIME) if isinstance(when, datetime) else when


def day(value: date | datetime | str) -> str:
    """2026年3月5日, or 5 March 2026; takes dates, aware datetimes and ISO 8601."""
    return format_date(_when(value), "long" if language() == "zh" else "d MMMM y", locale=language())


def month(value: str) -> str:
    """A release's `2026-03` as 2026年3月, or March 2026."""
    return format_date(
        date.fromisoformat(f"{value}-01"), "y年M月" if language() == "zh" else "MMMM y", locale=language()
    )


def moment(value: datetime | str) -> str:
    """Day and time by the city's clocks: 2026年3月5日 14:05."""
    when = _when(value)
    pattern = "y年M月d日 HH:mm" if language() == "zh" else "d MMM y, HH:mm"
    return format_datetime(when, pattern, tzinfo=CITY_TIME, locale=language())


def instant(value: datetime | str) -> str:
    """Day and time to the millisecond, where it matters what came first: 2026年3月5日 14:05:07.123."""
    when = _when(value)
    pattern = "y年M月d日 HH:mm:ss.SSS" if language() == "zh" else "d MMM y, HH:mm:ss.SSS"
    return format_datetime(when, pattern, tzinfo=CITY_TIME, locale=language())


def ago(value: datetime | str | float, now: datetime | None = None) -> str:
    """How long since: a moment, or a number of seconds. 3 小时前, or 3 hours ago."""
    if isinstance(value, int | float):
        return format_timedelta(timedelta(seconds=-value), threshold=1, add_direction=True, locale=language())
    when = _when(value)
    assert isinstance(when, datetime)
    return format_timedelta(when - (now or datetime.now(UTC)), threshold=1, add_direction=True, locale=language())


def span(seconds: float) -> str:
    """A length of time: 3 小时, or 3 hours."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1, format="short", locale=language())


def number(value: float) -> str:
    """12,345.6, with all its digits. One of more figures than people read, of which Babel formats not all, is 1e+25."""
    decimal = Decimal(str(value))
    if not -10 < decimal.adjusted() < 21:
        return str(value)
    return format_decimal(decimal, locale=language(), decimal_quantization=False)


def compact(value: float) -> str:
    """A large number, short: 2.5亿, or 250M."""
    return format_compact_decimal(value, locale=Locale.parse(language()), fraction_digits=2)


FILTERS: dict[str, Callable[..., Any]] = {
    "say": say,
    "said_in": said_in,
    "day": day,
    "month": month,
    "moment": moment,
    "instant": instant,
    "ago": ago,
    "span": span,
    "number": number,
    "compact": compact,
}


# --- Keeping the catalogues whole ------------------------------------------------------------------------------------


def _catalog(locale: Path) -> Catalog:
    path = locale / "zh" / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale="zh")
    with path.open("rb") as file:
        return read_po(file, locale="zh")


def _used(package: Path) -> Catalog:
    """Every text the package's Python and templates ask for, with where they do."""
    used = Catalog(locale="zh")
    methods = [("**.py", "python"), ("**/templates/**.*", "jinja2.ext:babel_extract")]
    options = {"**/templates/**.*": {"extensions": "jinja2.ext.do", "trimmed": "true", "silent": "false"}}
    for name, line, text, _comments, _context in extract_from_dir(package, methods, options):
        used.add(text, locations=[(name, line)])
    return used


def missing(package: Path) -> list[str]:
    """`file:line text` of every text of `package` that has no Chinese there or in libs/web."""
    translated = load(package / "locale")["zh"]
    assert isinstance(translated, Translations)
    return sorted(
        f"{package.name}/{message.locations[0][0]}:{message.locations[0][1]} {singular}"
        for message in _used(package)
        if (singular := message.id if isinstance(message.id, str) else message.id[0])
        and singular not in translated.texts
    )


def _update(package: Path) -> None:
    """Add what is missing to the package's catalogue, with an empty Chinese; drop what is no longer used."""
    shared = {message.id for message in _catalog(WEB / "locale")} if package != WEB else set()
    catalog, used = _catalog(package / "locale"), _used(package)
    for message in [message for message in used if message.id and message.id in shared]:
        used.delete(message.id)
    catalog.update(used, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    path = package / "locale" / "zh" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=120, omit_header=True, sort_output=True)


def packages() -> list[Path]:
    """libs/web, and every service and program that has a catalogue."""
    services = WEB.parents[1] / "services"
    return [WEB, *sorted(path.parent for path in services.glob("*/locale"))]


def main(arguments: list[str]) -> int:
    """`check` prints what is missing and fails if anything is; `update [package …]` adds it to the catalogues."""
    match arguments:
        case ["check"]:
            found = [line for package in packages() for line in missing(package)]
            print("\n".join(found) or "Every text has its Chinese.")
            return 1 if found else 0
        case ["update", *names]:
            for package in packages():
                if not names or package.name in names:
                    _update(package)
            return 0
        case _:
            print("usage: python -m web.languages check | update [package …]", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
