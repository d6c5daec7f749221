"""Facts of sources: a partner's own addresses, which the submissions service fetches on their schedules."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.envelope import Fact

Format = Literal["json", "ndjson", "csv"]
#: `entries`: all that stand now, unnumbered: changed ones get the next revision, those gone are withdrawn. `lines`:
#: submissions with revisions of the partner's own, and nothing follows from what is not among them.
Content = Literal["entries", "lines"]


class Terms(BaseModel):
    """What a partner says of a source.

    `pointer` is the JSON Pointer to the list within a JSON document, empty where the document is the list; texts about
    what is fetched are in `language`. A bearer token is no part of it: that is kept outside the history.
    """

    model_config = ConfigDict(frozen=True)

    address: str = Field(max_length=2000)
    format: Format
    pointer: str = Field(default="", max_length=200)
    content: Content
    every_minutes: int = Field(ge=1, le=10_080)
    language: Literal["zh", "en"]


# A source. Stream: `partner/source:name`, which is no submission's: a reference has no colon.


class SourceAdded(Fact):
    """A partner's address is fetched from now on."""

    TYPE: ClassVar[str] = "source.added.v1"
    terms: Terms


class SourceChanged(Fact):
    """It is fetched by these terms from now on."""

    TYPE: ClassVar[str] = "source.changed.v1"
    terms: Terms


class SourcePaused(Fact):
    """It is not fetched until it is resumed. `reason`: `asked` by its partner, or `failing` for a day."""

    TYPE: ClassVar[str] = "source.paused.v1"
    reason: Literal["asked", "failing"]


class SourceResumed(Fact):
    """It is fetched again."""

    TYPE: ClassVar[str] = "source.resumed.v1"


class SourceRemoved(Fact):
    """It is fetched no more; what came from it stays. The name may be used again."""

    TYPE: ClassVar[str] = "source.removed.v1"


SourceFact = SourceAdded | SourceChanged | SourcePaused | SourceResumed | SourceRemoved
SOURCE_FACTS = (SourceAdded, SourceChanged, SourcePaused, SourceResumed, SourceRemoved)
