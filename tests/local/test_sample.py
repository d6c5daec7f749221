"""The sample: what was written by hand, and what the generator makes."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
import pytest
from rapidfuzz import fuzz, process

from deploy.local.sample.faults import faults
from deploy.local.sample.generate import faulty, generate, handwritten, main, partners, story
from schemas.entry import District, Facility, Industry, OfferType, Stage, Theme
from schemas.rules import check

KINDS = ("scene", "product", "linkage")
#: From this token ratio on, two entries of a kind count as near-duplicates.
NEAR = 90


def entries(kind: str) -> list[dict[str, Any]]:
    return [line["entry"] for line in handwritten(kind)]


def values(value: object, language: str) -> Iterator[str]:
    """Every text in one language anywhere in an entry."""
    match value:
        case dict():
            if isinstance(value.get(language), str):
                yield value[language]
            for inner in value.values():
                yield from values(inner, language)
        case list():
            for inner in value:
                yield from values(inner, language)


def near_duplicates(lines: list[dict[str, Any]]) -> int:
    """Pairs whose title and summary, in either language, are nearly the same."""
    pairs: set[tuple[int, int]] = set()
    for language in ("zh", "en"):
        texts = [f"{line['entry']['title'][language]} {line['entry']['summary'][language]}" for line in lines]
        for i, text in enumerate(texts):
            later = process.extract_iter(text, texts[i + 1 :], scorer=fuzz.token_ratio, score_cutoff=NEAR)
            pairs |= {(i, i + 1 + j) for _, _, j in later}
    return len(pairs)


def test_there_are_six_partners_agencies_and_enterprises() -> None:
    assert len({partner["uscc"] for partner in partners()}) == 6
    assert {partner["type"] for partner in partners()} == {"agency", "enterprise"}


@pytest.mark.parametrize(("kind", "least"), [("scene", 24), ("product", 24), ("linkage", 8)])
def test_handwritten_lines_pass_every_rule(kind: str, least: int) -> None:
    lines = handwritten(kind)
    assert len(lines) >= least
    assert len({line["reference"] for line in lines}) == len(lines)
    assert [check(orjson.dumps(line))[1] for line in lines] == [()] * len(lines)


def test_handwritten_scenes_cover_every_class() -> None:
    scenes = entries("scene")
    assert {scene.get("industry") for scene in scenes} == {*Industry, None}
    assert {scene.get("theme") for scene in scenes} == {*Theme, None}
    assert {scene.get("facility") for scene in scenes} == {*Facility, None}
    assert {offer["type"] for scene in scenes for offer in scene["offers"]} == set(OfferType)
    assert sum(scene.get("facility") == Facility.DEMONSTRATION_PROJECT for scene in scenes) > 1


def test_handwritten_products_and_linkages_cover_every_class() -> None:
    assert {product["industry"] for product in entries("product")} == set(Industry)
    assert {product["maturity"] for product in entries("product")} == set(range(3, 10))
    assert {linkage["stage"] for linkage in entries("linkage")} == set(Stage)
    assert {item["stage"] for linkage in entries("linkage") for item in linkage["evidence"]} == set(Stage)


def test_handwritten_entries_are_spread_over_partners_and_districts() -> None:
    known = {partner["uscc"]: partner["name"] for partner in partners()}
    everything = [entry for kind in KINDS for entry in entries(kind)]
    assert {entry["owner"]["uscc"] for entry in everything} == set(known)
    assert all(entry["owner"]["name"] == known[entry["owner"]["uscc"]] for entry in everything)
    assert {entry["district"] for entry in everything} == set(District)


def test_handwritten_linkages_name_known_scenes_and_products_and_ask_what_is_offered() -> None:
    known = {
        kind: {f"{line['entry']['owner']['uscc']}/{line['reference']}": line["entry"] for line in handwritten(kind)}
        for kind in ("scene", "product")
    }
    for linkage in entries("linkage"):
        assert linkage["product"] in known["product"]
        offered = {offer["type"]: offer["amount"] for offer in known["scene"][linkage["scene"]]["offers"]}
        assert all(ask["amount"] <= offered[ask["type"]] for ask in linkage["asks"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_is_in_both_languages_with_full_width_punctuation(kind: str) -> None:
    generated = [] if kind == "linkage" else [line["entry"] for line in generate(kind, 300, 7, partners())]
    for entry in entries(kind) + generated:
        chinese, english = list(values(entry, "zh")), list(values(entry, "en"))
        assert len(chinese) == len(english)
        assert not [text for text in chinese if re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", text)]
        assert not [text for text in english if re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef{}]", text)]


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_generated_lines_pass_every_rule_and_follow_the_handwritten(kind: str) -> None:
    lines = list(generate(kind, 500, 7, partners()))
    assert [line for line in lines if check(orjson.dumps(line))[1]] == []
    assert not {line["reference"] for line in lines} & {line["reference"] for line in handwritten(kind)}
    assert len({line["entry"]["owner"]["uscc"] for line in lines}) == 6


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_generated_lines_are_the_same_for_the_same_seed_alone(kind: str) -> None:
    first, again, other = (list(generate(kind, 50, seed, partners())) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert first[:20] == list(generate(kind, 20, 7, partners()))


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_generated_titles_are_distinct(kind: str) -> None:
    lines = list(generate(kind, 10_000, 7, partners()))
    for language in ("zh", "en"):
        assert len({line["entry"]["title"][language] for line in lines}) == 10_000


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_generated_entries_are_hardly_ever_near_duplicates(kind: str) -> None:
    assert near_duplicates(handwritten(kind) + list(generate(kind, 500, 7, partners()))) <= 10


def test_linkages_are_never_generated() -> None:
    with pytest.raises(ValueError):
        next(generate("linkage", 1, 7, partners()))


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_faulty_lines_are_refused_each_for_another_fault(kind: str) -> None:
    assert len(faults(kind)) >= 12
    lines = list(faulty(kind, 3 * len(faults(kind)), 7, partners()))
    assert all(check(line)[1] for line in lines)
    assert not any(b"\n" in line for line in lines)
    assert len({check(line)[1][0].rule for line in lines}) >= 8


@pytest.mark.parametrize("kind", ["scene", "product"])
def test_story_has_as_many_lines_as_asked_and_as_many_bad(kind: str) -> None:
    sent = story(kind, 130, 5, 7)
    refused = [uscc for uscc, line in sent if check(line)[1]]
    accepted = [(uscc, submission) for uscc, line in sent if (submission := check(line)[0])]
    assert (len(sent), len(refused)) == (130, 5)
    assert all(submission.entry.owner.uscc == uscc for uscc, submission in accepted)
    assert len({(uscc, submission.reference) for uscc, submission in accepted}) == 125
    assert {line["reference"] for line in handwritten(kind)} <= {submission.reference for _, submission in accepted}
    assert sent == story(kind, 130, 5, 7)


def test_story_is_grouped_by_partner() -> None:
    senders = [uscc for uscc, _ in story("scene", 130, 5, 7)]
    assert list(dict.fromkeys(senders)) == [partner["uscc"] for partner in partners()]
    assert sum(one != next_ for one, next_ in pairwise(senders)) == 5


def test_story_of_linkages_is_the_handwritten() -> None:
    assert len(story("linkage", 10, 0, 7)) == 10


def test_command_prints_ndjson(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    main(["scene", "3", "--seed", "7"])
    main(["product", "2", "--faulty"])
    lines = capfdbinary.readouterr().out.splitlines()
    assert [not check(line)[1] for line in lines] == [True] * 3 + [False] * 2
