"""What a scene, a product and a linkage say (design, section 5).

These models are the contract with partners: they are what `POST /submissions` accepts, what events carry and
what the catalogue shows. `schemas.rules.check` applies them, together with the rules that cross fields.
"""

from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from stdnum.cn import uscc as cn_uscc


class Model(BaseModel):
    """Strict and closed: JSON types are not coerced, unknown fields are errors, values do not change."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@lru_cache(maxsize=4096)  # a partner's code stands in each of its lines
def is_uscc(value: str) -> bool:
    """Whether a text is a unified social credit code as it is written (GB 32100-2015)."""
    # The library would pass over spaces, hyphens and small letters, and values do not change here.
    return bool(cn_uscc.is_valid(value)) and value == cn_uscc.compact(value)


def _uscc_check_digit(value: str) -> str:
    if not is_uscc(value):
        raise PydanticCustomError("uscc", "not a unified social credit code")
    return value


def _day(value: object) -> object:
    """ISO 8601 days alone: Pydantic would take a number of seconds since 1970 for one, too."""
    if not isinstance(value, str):
        return value
    if len(value) != 10 or value[4] != "-" or value[7] != "-":
        raise PydanticCustomError("date_shape", "not YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("date_value", "no such day") from error


def as_whole(value: object) -> object:
    """8.0 as 8: JSON has one kind of number, and to JSON Schema both are integers (2020-12, section 4.2.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Patterns mean the same in every dialect of regular expressions: what \s is, they do not agree on.
_BLANK = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
USCC = r"^[0-9]{8}[0-9A-HJ-NPQRTUWXY]{10}$"
REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
ENTRY_ID = r"^[0-9A-Z]{18}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SHA256 = r"^[0-9a-f]{64}$"
HTTPS_URL = rf"^https://[^{_BLANK}/]+(/[^{_BLANK}]*)?$"
TAG = rf"^[^{_BLANK}]([^\n\r\u2028\u2029]*[^{_BLANK}])?$"
PHONE = r"^\+?[0-9 -]{6,20}$"
EMAIL = rf"^[^@{_BLANK}]+@[^@{_BLANK}]+\.[^@{_BLANK}]+$"

Day = Annotated[date, BeforeValidator(_day)]
_WHOLE = BeforeValidator(as_whole)
#: Unified social credit code, 18 characters, the last a check digit (GB 32100-2015).
Uscc = Annotated[str, AfterValidator(_uscc_check_digit), WithJsonSchema({"type": "string", "pattern": USCC})]
#: A partner's own name for one of its entries: unique within the partner, kept through all revisions.
Reference = Annotated[str, StringConstraints(pattern=REFERENCE)]
#: `partner/reference`: names one submission, and later one entry of the catalogue.
EntryId = Annotated[str, StringConstraints(pattern=ENTRY_ID)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
HttpsUrl = Annotated[str, StringConstraints(pattern=HTTPS_URL, max_length=500)]
Tag = Annotated[str, StringConstraints(pattern=TAG, max_length=30)]


class District(StrEnum):
    """Chengdu's districts, and the areas that are planned and run on their own."""

    TIANFU = "tianfu-new-area"
    EASTERN = "eastern-new-area"
    HI_TECH = "hi-tech-zone"
    JINJIANG = "jinjiang"
    QINGYANG = "qingyang"
    JINNIU = "jinniu"
    WUHOU = "wuhou"
    CHENGHUA = "chenghua"
    LONGQUANYI = "longquanyi"
    QINGBAIJIANG = "qingbaijiang"
    XINDU = "xindu"
    WENJIANG = "wenjiang"
    SHUANGLIU = "shuangliu"
    PIDU = "pidu"
    XINJIN = "xinjin"
    JIANYANG = "jianyang"
    DUJIANGYAN = "dujiangyan"
    PENGZHOU = "pengzhou"
    QIONGLAI = "qionglai"
    CHONGZHOU = "chongzhou"
    JINTANG = "jintang"
    DAYI = "dayi"
    PUJIANG = "pujiang"


class Industry(StrEnum):
    MANUFACTURING = "new-manufacturing"
    RETAIL = "new-retail"
    CULTURE = "new-cultural-innovation"
    SUPPLY_CHAIN = "new-supply-chain"


class Theme(StrEnum):
    TECHNOLOGY_TRANSFER = "technology-transfer"
    HUMAN_COLLABORATION = "human-collaboration"
    CAPITAL_LINKAGE = "capital-linkage"
    DATA_EMPOWERMENT = "data-empowerment"


class Facility(StrEnum):
    """What an industrial scene may be, beyond an opportunity."""

    INNOVATIVE_APPLICATION_LABORATORY = "innovative-application-laboratory"
    FUTURE_SCENE_LABORATORY = "future-scene-laboratory"
    DEMONSTRATION_PROJECT = "demonstration-project"


class OfferType(StrEnum):
    SPACE = "space"
    FUND = "fund"
    CREDIT = "credit"
    DATA = "data"
    TECHNOLOGY = "technology"
    TALENT = "talent"


#: The one unit in which each type of offer is counted.
OFFER_UNITS = {
    OfferType.SPACE: "m2",
    OfferType.FUND: "yuan",
    OfferType.CREDIT: "yuan",
    OfferType.DATA: "data-sets",
    OfferType.TECHNOLOGY: "licences",
    OfferType.TALENT: "people",
}


class Stage(StrEnum):
    LABORATORY = "laboratory"
    DEMONSTRATION = "demonstration"
    IMPLEMENTATION = "implementation"


class Name(Model):
    """A short text in Chinese and, if wanted, English."""

    zh: str = Field(min_length=2, max_length=80)
    en: str | None = Field(default=None, min_length=2, max_length=160)


class Text(Model):
    """A paragraph in Chinese and, if wanted, English."""

    zh: str = Field(min_length=10, max_length=2000)
    en: str | None = Field(default=None, min_length=10, max_length=4000)


class Owner(Model):
    name: Name
    uscc: Uscc


class Attachment(Model):
    title: Name
    href: HttpsUrl
    sha256: Sha256


class Contact(Model):
    """Personal data: kept by the submissions service alone, never published, never logged."""

    name: str = Field(min_length=1, max_length=60)
    phone: str | None = Field(default=None, pattern=PHONE)
    email: str | None = Field(default=None, pattern=EMAIL, max_length=254)


class Offer(Model):
    """What a scene puts on the table; `amount` is in the type's unit (OFFER_UNITS), whole."""

    type: OfferType
    amount: Annotated[int, Field(ge=1, le=10_000_000_000), _WHOLE]
    unit: Literal["m2", "yuan", "data-sets", "licences", "people"]
    description: Name | None = None


class Figure(Model):
    """A technical figure of a product, such as {"name": "accuracy", "value": 99.2, "unit": "%"}."""

    name: Name
    value: float
    unit: str = Field(min_length=1, max_length=20)


class Evidence(Model):
    """What a linkage measured at one stage: `baseline` without it, `result` with it, both in `unit`."""

    stage: Stage
    measure: Name
    baseline: float
    result: float
    unit: str = Field(min_length=1, max_length=20)
    document: Attachment


class Described(Model):
    """What every entry says."""

    title: Name
    summary: Text
    owner: Owner
    district: District
    zone: Name | None = None
    tags: tuple[Tag, ...] = Field(default=(), max_length=10)
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=20)
    contact: Contact | None = None


class Scene(Described):
    kind: Literal["scene"]
    level: Literal["industrial", "enterprise"]
    industry: Industry | None = None
    facility: Facility | None = None
    theme: Theme | None = None
    needs: tuple[Name, ...] = Field(min_length=1, max_length=20)
    budget_yuan: Annotated[int, Field(ge=0, le=100_000_000_000), _WHOLE] | None = None
    opens: Day
    closes: Day
    offers: tuple[Offer, ...] = Field(default=(), max_length=20)


class Product(Described):
    kind: Literal["product"]
    industry: Industry
    capabilities: tuple[Name, ...] = Field(min_length=1, max_length=20)
    figures: tuple[Figure, ...] = Field(default=(), max_length=20)
    interfaces: tuple[str, ...] = Field(default=(), max_length=20)
    distinction: Text
    maturity: Annotated[int, Field(ge=1, le=9), _WHOLE]
    markets: tuple[str, ...] = Field(default=(), max_length=20)
    takes: tuple[Name, ...] = Field(default=(), max_length=20)
    gives: tuple[Name, ...] = Field(default=(), max_length=20)


class Linkage(Described):
    kind: Literal["linkage"]
    scene: EntryId
    product: EntryId
    stage: Stage
    site: Name
    starts: Day
    ends: Day | None = None
    asks: tuple[Offer, ...] = Field(default=(), max_length=20)
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=10)


Entry = Annotated[Scene | Product | Linkage, Field(discriminator="kind")]
KINDS = ("scene", "product", "linkage")


class SubmissionLine(Model):
    """What a partner sends: one line of NDJSON, or the body of `POST /submissions`."""

    reference: Reference
    revision: Annotated[int, Field(ge=1, le=9999), _WHOLE]
    entry: Entry


def sector(entry: Scene | Product | Linkage) -> str | None:
    """The industry or theme by which people filter and subscribe; a linkage has none of its own."""
    match entry:
        case Scene(industry=industry, theme=theme):
            return industry or theme
        case Product(industry=industry):
            return industry
        case Linkage():
            return None


def without_contact(entry: Entry) -> Entry:
    """The entry as anyone may see it."""
    return entry.model_copy(update={"contact": None})
