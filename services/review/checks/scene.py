"""What is noticed about a scene: what it offers, how long, and whether it is filed where it belongs."""

from review.checks.amounts import amounts
from review.checks.language import Noticed, wrong_industry
from review.checks.ruleset import Ruleset
from schemas.entry import OfferType, Scene


def scene(entry: Scene, rules: Ruleset) -> Noticed:
    if not entry.offers:
        yield "scene.offers", "offers"
    yield from amounts("offers", entry.offers, rules)
    if entry.budget_yuan is None:
        yield "scene.budget", "budget_yuan"
    if (entry.closes - entry.opens).days < rules.at("open_days"):
        yield "scene.window", "closes"
    yield from _fits(entry, rules)
    most = rules.at("fund_to_budget") * (entry.budget_yuan or 0)
    for i, offer in enumerate(entry.offers):
        if most and offer.type is OfferType.FUND and offer.amount > most:
            yield "offers.budget", f"offers/{i}/amount"


def _fits(entry: Scene, rules: Ruleset) -> Noticed:
    if entry.industry and wrong_industry(entry, entry.industry, rules):
        yield "fit.industry", "industry"
    if entry.level == "enterprise" and (entry.budget_yuan or 0) >= rules.at("enterprise_budget_yuan"):
        yield "fit.level", "level"
    wanted = rules.theme_offers.get(entry.theme) if entry.theme else None
    if wanted and entry.offers and wanted.isdisjoint(offer.type for offer in entry.offers):
        yield "fit.offers", "offers"
