"""Chinese and English: choosing, saying, writing days and numbers, and keeping the catalogues whole."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

import pytest

from schemas import entry, review
from web.languages import (
    LANGUAGES,
    _,
    ago,
    choose,
    compact,
    day,
    load,
    main,
    missing,
    moment,
    month,
    number,
    packages,
    said_in,
    say,
    sentences,
    span,
    speak,
)
from web.words import COLOURS, WORDS, word


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_every_text_has_its_chinese(package: Path) -> None:
    assert missing(package) == []


def test_a_text_without_chinese_is_found(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text('{{ _("Sign in") }}\n{{ _("Nobody translated this") }}')
    (tmp_path / "pages.py").write_text('_("Nor this")')
    assert missing(tmp_path) == [
        f"{tmp_path.name}/pages.py:1 Nor this",
        f"{tmp_path.name}/templates/page.html:2 Nobody translated this",
    ]


def test_a_text_for_one_and_many_without_chinese_is_found(tmp_path: Path) -> None:
    """As `update` leaves it: its place is there, and empty."""
    (tmp_path / "pages.py").write_text('ngettext("%(n)s lark", "%(n)s larks", n)')
    catalogue = tmp_path / "locale" / "zh" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    for chinese, found in (("", [f"{tmp_path.name}/pages.py:1 %(n)s lark"]), ("%(n)s 只云雀", [])):
        catalogue.write_text(f'msgid "%(n)s lark"\nmsgid_plural "%(n)s larks"\nmsgstr[0] "{chinese}"\n')
        assert missing(tmp_path) == found


def test_check_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "language"),
    [
        (None, None, "", "zh"),
        (None, None, "en-GB,en;q=0.9", "en"),
        (None, None, "fr,en;q=0.3,zh;q=0.7", "zh"),
        (None, "en", "zh", "en"),
        ("zh", "en", "en", "zh"),
        ("klingon", None, "en;q=nonsense,zh;q=0.1", "zh"),
    ],
)
def test_the_language_is_asked_remembered_or_guessed(
    query: str | None, cookie: str | None, accept: str, language: str
) -> None:
    assert choose(query, cookie, accept) == language


def test_texts_are_said_in_the_language_spoken() -> None:
    translations = load()
    with speak("zh", translations):
        assert _("Sign in") == "登录"
        assert say({"zh": "场景", "en": "Scene"}) == "场景"
        assert word("new-retail") == "新零售"
    with speak("en", translations):
        assert _("Sign in") == "Sign in"
        assert say({"zh": "场景", "en": None}) == "场景"
        assert said_in({"zh": "场景", "en": None}) == "zh-Hans-CN"
        assert said_in({"zh": "场景", "en": "Scene"}) is None
        assert say(entry.Name(zh="场景", en="Scene")) == "Scene"
        assert say("as it is") == "as it is" and say(None) == ""


def test_between_two_sentences_stands_a_blank_in_english_and_none_in_chinese() -> None:
    with speak("zh", load()):
        assert sentences("一。", None, "二。", "") == "一。二。"
    with speak("en", load()):
        assert sentences("One.", None, "Two.", "") == "One. Two."
        assert sentences(None, "Two.") == "Two." and sentences() == ""


def test_days_and_numbers_are_written_as_each_language_does() -> None:
    at = datetime(2026, 3, 5, 16, 5, tzinfo=UTC)
    hour_later = datetime(2026, 3, 5, 17, 5, tzinfo=UTC)
    with speak("zh", load()):
        assert [day(at), day(date(2026, 3, 5)), day("2026-03-05"), month("2026-03"), moment(at)] == [
            "2026年3月6日",
            "2026年3月5日",
            "2026年3月5日",
            "2026年3月",
            "2026年3月6日 00:05",
        ]
        assert [ago(at, hour_later), number(12345.5), compact(2_470_000_000)] == ["1小时前", "12,345.5", "24.7亿"]
    with speak("en", load()):
        assert [day(at), month("2026-03"), moment(at)] == ["6 March 2026", "March 2026", "6 Mar 2026, 00:05"]
        assert [ago(at, hour_later), ago(90), span(7200)] == ["1 hour ago", "2 minutes ago", "2 hr"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_number_is_written_with_all_its_digits_however_large_or_small(language: str) -> None:
    written = {
        0: "0",
        100.0: "100",
        0.0004: "0.0004",
        99.9996: "99.9996",
        -1234.5678: "-1,234.5678",
        1e16: "10,000,000,000,000,000",
        1e-9: "0.000000001",
        1e25: "1e+25",
        -1e300: "-1e+300",
        5e-324: "5e-324",
        10**25: "1" + "0" * 25,
    }
    with speak(language, load()):
        assert {value: number(value) for value in written} == written


def test_every_code_of_the_schemas_has_its_word() -> None:
    enums = [kind for module in (entry, review) for kind in vars(module).values() if isinstance(kind, type)]
    codes = {code.value for kind in enums if issubclass(kind, StrEnum) and kind is not StrEnum for code in kind}
    codes |= {criterion for criteria in review.CRITERIA.values() for criterion in criteria} | set(entry.KINDS)
    codes |= set(entry.OFFER_UNITS.values()) | set(COLOURS)
    assert sorted(codes - set(WORDS)) == []
    assert all(set(texts) == set(LANGUAGES) for texts in WORDS.values())
