"""Whether what is offered, or asked for, is of a plausible size. What no entry may exceed is refused at intake."""

from collections.abc import Sequence

from review.checks.language import Noticed
from review.checks.ruleset import Ruleset
from schemas.entry import Offer


def amounts(field: str, offers: Sequence[Offer], rules: Ruleset) -> Noticed:
    """`field` is where the offers stand: `offers` or `asks`."""
    for i, offer in enumerate(offers):
        plausible = rules.amounts[offer.type]
        if offer.amount < plausible.least:
            yield "offers.small", f"{field}/{i}/amount"
        elif offer.amount >= plausible.most:
            yield "offers.large", f"{field}/{i}/amount"
