"""What is noticed about an entry, the score it leaves, and the route that follows: pure, steered by a Ruleset."""

from collections.abc import Iterable
from typing import assert_never

from review.checks.language import Noticed, language
from review.checks.linkage import linkage, unhashed
from review.checks.product import product
from review.checks.ruleset import CAREFUL, Ruleset
from review.checks.scene import scene
from review.duplicates.likeness import Resemblance
from schemas.entry import Entry, Linkage, Product, Scene
from schemas.review import CheckFinding, Reason, Route


def findings(
    entry: Entry, unknown: Iterable[str], resemblances: Iterable[Resemblance], rules: Ruleset
) -> tuple[CheckFinding, ...]:
    """Everything noticed about an entry, text first; pointers are into the submission (`/entry/…`).

    `unknown` are the entries it refers to that nobody has sent, `resemblances` what it reads like.
    """
    noticed = (*language(entry, rules), *_attachments(entry), *_of_its_kind(entry, frozenset(unknown), rules))
    found = [
        CheckFinding(rule=rule, pointer=f"/entry/{place}", weight=rules.rules[rule].weight)
        for rule, place in noticed
        if rule in rules.rules
    ]
    duplicates = [_duplicate(each, rules) for each in resemblances]
    return (*found, *(each for each in duplicates if each))


def assess(entry: Entry, found: Iterable[CheckFinding], rules: Ruleset) -> tuple[int, Route]:
    """The score (100 less the weights, at least 0) and where the case goes. Of duplicates only the likest counts."""
    found = tuple(found)
    duplicates = [finding.weight for finding in found if finding.resembles]
    others = sum(finding.weight for finding in found if not finding.resembles)
    score = max(0, 100 - others - max(duplicates, default=0))
    if score < rules.routes.return_.below:
        return score, Route.RETURN
    asked_for = [Route(route) for finding in found if (route := rules.rules[finding.rule].route)]
    return score, max((_by_score(entry, score, rules), *asked_for), key=CAREFUL.index)


def reasons(found: Iterable[CheckFinding], rules: Ruleset) -> tuple[Reason, ...]:
    """The findings as sentences in each language, the weightiest first, each once; those without weight are none."""
    named = sorted({finding.rule for finding in found}, key=lambda rule: (-rules.rules[rule].weight, rule))
    weighing = (rules.rules[rule] for rule in named if rules.rules[rule].weight)
    return tuple(Reason(zh=rule.zh, en=rule.en) for rule in weighing)


def _of_its_kind(entry: Entry, unknown: frozenset[str], rules: Ruleset) -> Noticed:
    match entry:
        case Scene():
            return scene(entry, rules)
        case Product():
            return product(entry, rules)
        case Linkage():
            return linkage(entry, unknown, rules)
        case _:
            assert_never(entry)


def _attachments(entry: Entry) -> Noticed:
    if not entry.attachments and not isinstance(entry, Linkage):
        yield "attachments.none", "attachments"
    for i, attachment in enumerate(entry.attachments):
        if unhashed(attachment.sha256):
            yield "evidence.hash", f"attachments/{i}/sha256"


def _duplicate(found: Resemblance, rules: Ruleset) -> CheckFinding | None:
    """The finding that a resemblance is by these rules; None where they do not call it one."""
    if found.similarity < rules.at("near"):
        return None
    rule = _called(found, rules)
    if rule not in rules.rules:
        return None
    return CheckFinding(
        rule=rule,
        pointer="/entry/summary",
        weight=rules.rules[rule].weight,
        resembles=found.case,
        similarity=found.similarity,
        likeness=found.likeness,
        alike=tuple(f"/entry/{field}" for field in found.fields),
    )


def _called(found: Resemblance, rules: Ruleset) -> str:
    if found.language == "en":
        return "duplicate.english"
    if found.part:
        return "duplicate.summary"
    return "duplicate.same" if found.similarity >= rules.at("same") else "duplicate.near"


def _by_score(entry: Entry, score: int, rules: Ruleset) -> Route:
    """The route that a score alone leads to, of those on which people decide."""
    if score < rules.routes.experts.below:
        return Route.EXPERTS
    express = rules.routes.express
    if score < express.from_ or entry.kind not in express.kinds:
        return Route.ORDINARY
    offers = entry.offers if isinstance(entry, Scene) else ()
    small = all(offer.amount <= express.most_offered.get(offer.type, 0) for offer in offers)
    return Route.EXPRESS if small else Route.ORDINARY
