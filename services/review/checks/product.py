"""What is noticed about a product: what can be judged of it, and whether its figures can be."""

from collections.abc import Sequence

from review.checks.language import Noticed, wrong_industry
from review.checks.ruleset import Ruleset
from schemas.entry import Figure, Product


def product(entry: Product, rules: Ruleset) -> Noticed:
    if not entry.figures:
        yield "product.figures", "figures"
    yield from _figures(entry.figures)
    if not entry.interfaces:
        yield "product.interfaces", "interfaces"
    if len(entry.distinction.zh) < rules.at("distinction_zh"):
        yield "product.distinction", "distinction/zh"
    if entry.maturity < rules.at("maturity"):
        yield "product.maturity", "maturity"
    if entry.markets and entry.maturity < rules.at("market_maturity"):
        yield "product.markets", "markets"
    if wrong_industry(entry, entry.industry, rules):
        yield "fit.industry", "industry"


def _figures(figures: Sequence[Figure]) -> Noticed:
    said: dict[str, float] = {}
    for i, figure in enumerate(figures):
        if impossible(figure.value, figure.unit):
            yield "figures.percent", f"figures/{i}/value"
        elif figure.unit == "%" and figure.value == 100:
            yield "figures.perfect", f"figures/{i}/value"
        if said.setdefault(figure.name.zh, figure.value) != figure.value:
            yield "figures.repeated", f"figures/{i}/name"


def impossible(value: float, unit: str) -> bool:
    """Whether it is a percentage beyond 0 to 100."""
    return unit in ("%", "％") and not 0 <= value <= 100
