"""The receipt of a message that a partner's system wrote to its intake topic: a CloudEvent, but no fact."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.finding import Fix


class ToldFinding(BaseModel):
    """A Finding (schemas.finding) with its text in the language of the message; `doc` is its rule's page."""

    model_config = ConfigDict(frozen=True)

    rule: str
    pointer: str
    found: str | None
    expected: str | None
    fix: Fix | None
    text: str
    doc: str


class ReceiptIssued(BaseModel):
    """What became of one message of a partner. It may come twice, with the same id. `partition` and `offset` are the
    message's on the intake topic, `answers` the id of the CloudEvent that it was; `event` and `time` say where and
    when it is in the history."""

    model_config = ConfigDict(frozen=True)
    TYPE: ClassVar[str] = "receipt.issued.v1"

    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    answers: str | None = None
    stream: str
    reference: str | None
    revision: int | None
    status: Literal["received", "revised", "unchanged", "refused"]
    event: str | None
    time: str | None
    findings: tuple[ToldFinding, ...]
