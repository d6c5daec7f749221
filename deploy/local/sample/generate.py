"""Makes as many more scenes and products as asked, and the faults that real partners make.

Everything is seeded: the same arguments give the same lines. The words are in `vocabulary.toml`, and the entries
written by hand stand beside it; generated references start after theirs (`SC-2026-0101`).

    python -m deploy.local.sample.generate scene 1000 --seed 7 > scenes.ndjson
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import orjson

from deploy.local.sample.faults import Fault, faults
from schemas.entry import OFFER_UNITS, Facility, OfferType, Theme

#: A JSON object as `json.loads` gives it: a submission line, an entry or a partner.
Object = dict[str, Any]
#: A word or sentence as the vocabulary has it: [Chinese, English].
Pair = Sequence[str]

PREFIXES = {"scene": "SC", "product": "PR", "linkage": "LK"}
FIRST = 101
#: Faulty lines are numbered from here, so that they never take a good line's reference.
FIRST_FAULTY = 900_001
FIRST_DAY = date(2026, 11, 1)
OPENING_DAYS = 151
#: Smallest and largest amount and the step between them, each in the type's own unit.
AMOUNTS = {
    OfferType.SPACE: (100, 6_000, 50),
    OfferType.FUND: (200_000, 12_000_000, 100_000),
    OfferType.CREDIT: (500_000, 60_000_000, 500_000),
    OfferType.DATA: (1, 12, 1),
    OfferType.TECHNOLOGY: (1, 8, 1),
    OfferType.TALENT: (1, 20, 1),
}
#: Up to which maturity a product says what of its record.
TRACKS = {4: "laboratory", 6: "pilot", 8: "demonstration", 9: "market"}


def partners() -> list[Object]:
    """The six partners, each `{"uscc", "name": {"zh", "en"}, "type"}`."""
    found: list[Object] = json.loads(_beside("partners.json"))
    return found


def handwritten(kind: str) -> list[Object]:
    """The submission lines of one kind that were written by hand."""
    return [json.loads(line) for line in _beside(f"{kind}s.ndjson").splitlines()]


def generate(kind: str, count: int, seed: int, partners: Sequence[Object], first: int = FIRST) -> Iterator[Object]:
    """`count` submission lines of `kind` (scene or product), numbered from `first`, spread over `partners`.

    No two of the first 100,000 have the same title. Raises ValueError for any other kind: linkages must name what
    really exists, and are written by hand.
    """
    if kind not in ("scene", "product"):
        raise ValueError(f"only scenes and products can be generated, not {kind}")
    words, rng = _vocabulary(), Random(f"{kind}/{seed}")
    makes = _scenes if kind == "scene" else _products
    for number, entry in zip(range(first, first + count), makes(rng, words, partners), strict=False):
        yield {"reference": f"{PREFIXES[kind]}-2026-{number:04d}", "revision": 1, "entry": entry}


def faulty(kind: str, count: int, seed: int, partners: Sequence[Object]) -> Iterator[bytes]:
    """`count` raw lines of `kind`, each with one fault, a different one in turn; `check` refuses every one."""
    lines = generate(kind, count, seed, partners, FIRST_FAULTY)
    for line, fault in zip(lines, cycle(faults(kind).values()), strict=False):
        yield fault(line)


def story(kind: str, total: int, bad: int, seed: int) -> list[tuple[str, bytes]]:
    """What the partners send in the launcher's story: (partner's USCC, raw line), grouped by partner.

    The lines written by hand come first within each partner, then generated ones up to `total` in all, of which
    `bad` at seeded places are faulty. Raises ValueError for more linkages than were written.
    """
    senders = partners()
    own = handwritten(kind)[: total - bad]
    more = list(generate(kind, total - len(own), seed, senders)) if total > len(own) else []
    places = sorted(Random(f"story/{kind}/{seed}").sample(range(len(more)), bad))
    broken: dict[int, Fault] = dict(zip(places, cycle(faults(kind).values()), strict=False))
    unbroken: Fault = orjson.dumps
    sent = [(_sender(line), unbroken(line)) for line in own]
    sent += [(_sender(line), broken.get(place, unbroken)(line)) for place, line in enumerate(more)]
    order = [partner["uscc"] for partner in senders]
    return sorted(sent, key=lambda item: order.index(item[0]))


def _sender(line: Object) -> str:
    return str(line["entry"]["owner"]["uscc"])


def _beside(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def _vocabulary() -> Object:
    """The vocabulary, with every place beside its district in `everywhere`."""
    words = tomllib.loads(_beside("vocabulary.toml"))
    everywhere = [(district, place) for district, places in words["places"].items() for place in places]
    return words | {"everywhere": everywhere}


def _scenes(rng: Random, words: Object, partners: Sequence[Object]) -> Iterator[Object]:
    """Scenes without end, each from another combination of place, topic, goal and form of title."""
    enterprises = [partner for partner in partners if partner["type"] == "enterprise"] or partners
    scenes = words["scenes"]
    for place, topic, chosen, title in _combinations(
        rng, words["everywhere"], scenes["topics"], range(4), scenes["titles"]
    ):
        district, where = place
        goal, other = topic["goals"][chosen], topic["goals"][chosen - 1]
        said = {"place": where, "site": topic["site"], "goal": goal}
        of_enterprise = topic["sector"] in list(Theme)
        summary = [
            _say(rng.choice(topic["situations"]), **said, n=rng.randint(*topic["numbers"])),
            _say(rng.choice(scenes["sought"]), **said, target=_numbered(rng, rng.choice(scenes["targets"]))),
            *(_numbered(rng, sentence) for sentence in _aside(rng, scenes["conditions"], scenes["closings"])),
        ]
        opens = FIRST_DAY + timedelta(days=rng.randrange(OPENING_DAYS))
        yield {
            "kind": "scene",
            **_described(rng, words, _say(title, **said), summary, enterprises if of_enterprise else partners),
            "district": district,
            "tags": topic["tags"],
            **_classified(rng, topic["sector"], of_enterprise),
            "needs": [_name(need) for need in (goal, other, rng.choice(scenes["needs"]))],
            "budget_yuan": rng.randrange(600_000, 15_000_000, 100_000),
            "opens": opens.isoformat(),
            "closes": (opens + timedelta(days=rng.randrange(60, 300))).isoformat(),
            "offers": [
                _offer(rng, scenes["offers"], type_) for type_ in rng.sample(list(OfferType), rng.randint(1, 4))
            ],
        }


def _classified(rng: Random, sector: str, of_enterprise: bool) -> Object:
    """A scene's level with its theme, or with its industry and, for one in three, a facility."""
    if of_enterprise:
        return {"level": "enterprise", "theme": sector}
    facility = {"facility": rng.choice(list(Facility))} if rng.random() < 1 / 3 else {}
    return {"level": "industrial", "industry": sector, **facility}


def _offer(rng: Random, descriptions: Object, type_: OfferType) -> Object:
    amount = rng.randrange(*AMOUNTS[type_])
    return {
        "type": type_,
        "amount": amount,
        "unit": OFFER_UNITS[type_],
        "description": _name(rng.choice(descriptions[type_])),
    }


def _products(rng: Random, words: Object, partners: Sequence[Object]) -> Iterator[Object]:
    """Products without end, each from another combination of topic, brand, model, feature and form of title."""
    products = words["products"]
    models = [f"{letter}{digit}" for letter in "AEKMRSTXZ" for digit in range(1, 10)]
    parts = (products["topics"], products["brands"], models, products["features"], products["titles"])
    for topic, brand, model, feature, title in _combinations(rng, *parts):
        district, where = rng.choice(words["everywhere"])
        maturity = rng.choices(range(3, 10), (1, 2, 3, 4, 5, 4, 3))[0]
        track = next(name for most, name in TRACKS.items() if maturity <= most)
        offered = products["trying" if maturity <= 6 else "selling"]
        summary = [
            _numbered(rng, rng.choice(topic["uses"])),
            _numbered(rng, rng.choice(products["tracks"][track])),
            *(_numbered(rng, s, place=where) for s in _aside(rng, offered["places"], offered["terms"])),
        ]
        named = _say(title, brand=brand, model=model, feature=feature, thing=topic["thing"])
        capability = rng.choice(topic["capabilities"])
        markets = rng.sample(products["markets"], rng.randint(1, 4)) if maturity >= 7 else []
        yield {
            "kind": "product",
            **_described(rng, words, named, summary, partners),
            "district": district,
            "tags": topic["tags"],
            "industry": topic["industry"],
            "capabilities": [_name(capability) for capability in topic["capabilities"]],
            "figures": [_figure(rng, *figure) for figure in topic["figures"]],
            "interfaces": topic["interfaces"],
            "distinction": _name(_numbered(rng, rng.choice(products["distinctions"]), capability=capability)),
            "maturity": maturity,
            "markets": markets,
            "takes": [_name(part) for part in topic["takes"]],
            "gives": [_name(part) for part in topic["gives"]],
        }


def _figure(rng: Random, zh: str, en: str, low: float, high: float, unit: str) -> Object:
    # A wide range of whole numbers is of whole numbers; any other is measured more finely.
    whole = isinstance(low, int) and isinstance(high, int) and high - low > 5
    value = round(rng.uniform(low, high), 0 if whole else 2)
    return {"name": {"zh": zh, "en": en}, "value": value, "unit": unit}


def _described(rng: Random, words: Object, title: Pair, summary: Sequence[Pair], partners: Sequence[Object]) -> Object:
    """What every entry says, but for its district and tags; one in three has an attachment, two in five a contact."""
    partner = rng.choice(partners)
    entry: Object = {
        "title": _name(title),
        "summary": {
            "zh": "".join(zh for zh, _ in summary),
            "en": " ".join(en[:1].upper() + en[1:] for _, en in summary),
        },
        "owner": {"name": partner["name"], "uscc": partner["uscc"]},
    }
    if rng.random() < 1 / 3:
        digest = f"{rng.getrandbits(256):064x}"
        titled = _name(rng.choice(words["attachments"]["titles"]))
        href = f"https://example.org/shuangqian/{digest[:12]}.pdf"
        entry["attachments"] = [{"title": titled, "href": href, "sha256": digest}]
    if rng.random() < 2 / 5:
        people = words["people"]
        surname, given = rng.choice(people["surnames"]), rng.choice(people["given"])
        entry["contact"] = {
            "name": surname[0] + given[0],
            "phone": f"028-8555 {rng.randint(200, 9999):04d}",
            "email": f"{surname[1]}.{given[1]}@example.org",
        }
    return entry


def _combinations(rng: Random, *parts: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Combinations of one of each part, in seeded order; none comes twice until nine tenths have come."""
    seen: set[tuple[int, ...]] = set()
    space = 1
    for part in parts:
        space *= len(part)
    while True:
        if len(seen) * 10 >= space * 9:
            seen.clear()
        pick = tuple(rng.randrange(len(part)) for part in parts)
        if pick not in seen:
            seen.add(pick)
            yield tuple(part[i] for part, i in zip(parts, pick, strict=True))


def _aside(rng: Random, *pools: Sequence[Pair]) -> list[Pair]:
    """A sentence of each pool, in either order."""
    return rng.sample([rng.choice(pool) for pool in pools], len(pools))


def _numbered(rng: Random, pair: Pair, **said: Pair) -> Pair:
    """The sentence with numbers of a likely size in its gaps."""
    return _say(pair, n=rng.randint(12, 90), pct=rng.randint(8, 45), few=rng.randint(3, 9), **said)


def _say(pair: Pair, **said: Any) -> Pair:
    """The sentence in both languages, each gap filled from its own language where there are two."""
    zh, en = pair
    return (
        zh.format_map({gap: word if isinstance(word, int | str) else word[0] for gap, word in said.items()}),
        en.format_map({gap: word if isinstance(word, int | str) else word[1] for gap, word in said.items()}),
    )


def _name(pair: Pair) -> Object:
    zh, en = pair
    return {"zh": zh, "en": en[:1].upper() + en[1:]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write generated lines as NDJSON to standard output."""
    summary = str(__doc__).partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m deploy.local.sample.generate", description=summary)
    parser.add_argument("kind", choices=("scene", "product"), help="what to make")
    parser.add_argument("count", type=int, help="how many lines")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same lines (default: 1)")
    parser.add_argument("--faulty", action="store_true", help="make only lines that intake must refuse")
    options = parser.parse_args(arguments)
    given = (options.kind, options.count, options.seed, partners())
    lines = faulty(*given) if options.faulty else map(orjson.dumps, generate(*given))
    for line in lines:
        sys.stdout.buffer.write(line + b"\n")


if __name__ == "__main__":
    main()
