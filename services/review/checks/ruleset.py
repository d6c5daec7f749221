"""The rules as data: weights, thresholds, routes and texts, with a version. `rules.toml` is what is in force."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from review.duplicates.likeness import FLOOR
from schemas.entry import Industry, OfferType, Theme
from schemas.review import Route

#: Where a file is no TOML, as the parser says it.
_PLACE = re.compile(r"line (\d+), column (\d+)")
FILE = Path(__file__).with_name("rules.toml")

Score = Annotated[int, Field(ge=0, le=100)]


@dataclass(frozen=True)
class Wrong:
    """Something in a file: where (`rules.scene.window.weight`; empty for the file itself), and what is wrong with it as
    Pydantic tells its errors, `{type, ctx, msg}`. Of the types that are none of Pydantic's, `review.cli` has the words.
    """

    place: str
    error: Mapping[str, Any]


class BadRules(ValueError):
    """A file that is no set of rules; `wrong` says where and why, the message in a line each."""

    def __init__(self, wrong: Iterable[Wrong]) -> None:
        self.wrong = tuple(wrong)
        super().__init__("\n".join(f"{each.place}: {each.error['msg']}" for each in self.wrong))


class _Table(BaseModel):
    """A table of the file: strict and closed, so that a misspelt name is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Table):
    """What a rule takes off the score, its sentence for people, and the least careful route that it allows."""

    weight: Score
    zh: str
    en: str
    why: str
    route: Literal["ordinary", "experts"] | None = None


class Threshold(_Table):
    """Where a rule begins to speak, and why there."""

    value: int
    why: str


class Below(_Table):
    """A route that is taken below a score."""

    below: Score
    why: str


class Express(_Table):
    """Who may go on one reviewer's word: from a score, of these kinds, offering no more than this of each type."""

    from_: Score = Field(alias="from")
    kinds: frozenset[Literal["scene", "product", "linkage"]]
    most_offered: dict[OfferType, int]
    why: str


class Routes(_Table):
    return_: Below = Field(alias="return")
    experts: Below
    express: Express


class Amounts(_Table):
    """What one offer may plausibly be, in its type's unit."""

    least: int
    most: int


class Ruleset(_Table):
    """A whole set of rules. A rule that is not in it is not asked."""

    version: str
    routes: Routes
    thresholds: dict[str, Threshold]
    amounts: dict[OfferType, Amounts]
    theme_offers: dict[Theme, frozenset[OfferType]]
    industries: dict[Industry, tuple[str, ...]]
    rules: dict[str, Rule]

    @model_validator(mode="after")
    def _hangs_together(self) -> "Ruleset":
        near, same = (self.thresholds[name].value if name in self.thresholds else FLOOR for name in ("near", "same"))
        if not FLOOR <= near <= same <= 100:
            raise PydanticCustomError(
                "thresholds_order", "thresholds: near and same must be in order, from {floor} to 100", {"floor": FLOOR}
            )
        if (
            self.routes.return_.below > self.routes.experts.below
            or self.routes.experts.below > self.routes.express.from_
        ):
            raise PydanticCustomError("routes_overlap", "routes: return, experts and express must not overlap")
        return self

    def at(self, threshold: str) -> int:
        """The value of a threshold."""
        return self.thresholds[threshold].value


def read(path: Path) -> Ruleset:
    """The rules of a file. Raises BadRules: no TOML, a table that is not right, a name that no code knows."""
    try:
        rules = Ruleset.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        kinds = {FileNotFoundError: "no_file", IsADirectoryError: "directory", PermissionError: "no_permission"}
        kind = kinds.get(type(error), "no_reading")
        raise BadRules([_wrong("", kind, f"{path}: {error.strerror}", why=error.strerror)]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        place = _PLACE.search(str(error))
        where = {"line": place[1], "column": place[2]} if place else {}
        raise BadRules([_wrong("", "toml_at" if place else "toml", f"{path}: {error}", **where)]) from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise BadRules(Wrong(".".join(map(str, each["loc"])), {**each}) for each in found) from error
    if path != FILE:
        _named_alike(rules, CURRENT)
    return rules


def _named_alike(rules: Ruleset, current: Ruleset) -> None:
    """Rules may be left out, thresholds and amounts may not; none may be new, for no code would look for it."""
    named: dict[str, tuple[Iterable[str], Iterable[str]]] = {
        "thresholds": (rules.thresholds, current.thresholds),
        "amounts": (rules.amounts, current.amounts),
    }
    wrong = [_wrong(f"rules.{name}", "no_rule", "no such rule") for name in rules.rules.keys() - current.rules.keys()]
    for table, (names, known) in named.items():
        wrong += [_wrong(f"{table}.{name}", "no_name", "no such name") for name in set(names) - set(known)]
        wrong += [_wrong(f"{table}.{name}", "missing", "missing") for name in set(known) - set(names)]
    if wrong:
        raise BadRules(sorted(wrong, key=lambda each: each.place))


def _wrong(place: str, type: str, msg: str, **context: str | None) -> Wrong:
    return Wrong(place, {"type": type, "msg": msg, "ctx": context})


#: The rules in force: every case says by which version it was checked.
CURRENT = read(FILE)
#: The routes from the least to the most careful, of those on which people decide.
CAREFUL = (Route.EXPRESS, Route.ORDINARY, Route.EXPERTS)
