"""What every event is wrapped in, and what every stream is decided by.

An event is a CloudEvents 1.0 event in structured JSON mode. `Fact` is its `data`: what a domain's `decide`
returns. `Event` is the fact with the attributes that say where, when and why; it is what MongoDB and Kafka hold.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]
S = TypeVar("S", bound="State")
C = TypeVar("C", bound="Command")
F = TypeVar("F", bound="Fact")


class Fact(BaseModel):
    """Something that happened. Its `TYPE` is `<noun>.<past participle>.v<N>`, the noun being its stream's."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]
    #: Where what is personal in it stands; where it is stored and sent, that is null, and `sealed` holds it encrypted.
    PERSONAL: ClassVar[tuple[str, ...]] = ()
    #: Whether with it the key is destroyed that opens what is sealed in its stream so far.
    ERASES: ClassVar[bool] = False


class State(BaseModel):
    """The fold of a stream's facts. Every field has a default: `State()` is the stream before its first fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What someone asks of one stream. Time and ids come in with it, so that deciding needs neither clock nor chance.

    `cause` names the event (`Event.ref`) or request that asks; one cause takes effect in a stream only once.
    `actor` is `partner:<uscc>`, `user:<subject>`, `subscriber:<subscription>` or `service:<name>`. `correlation` is the
    `ref` of the submission's first event, handed on from event to event (None: the stream's own first event is it).
    `request` is the traceparent of the request that asks, where another task than its own carries the command out.
    """

    stream: str
    cause: str
    actor: str
    at: datetime
    correlation: str | None = None
    traceparent: str | None = None
    request: str | None = None

    @property
    def begins(self) -> bool:
        """Whether its stream most likely is not there yet: where it comes alone, it is written without looking."""
        return False


@dataclass(frozen=True)
class Refusal:
    """Why a command was answered with no: a value, not a fact. Nothing is written."""

    rule: str
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Decider(Generic[S, C, F]):
    """A kind of stream: where it is kept, what its facts are, and the two pure functions that are its domain.

    `decide(state, command)` returns the facts that follow (none where the command asks for what already is), or a
    `Refusal`. `evolve(state, fact)` returns the state after the fact. Neither performs anything.
    """

    noun: str  # first word of each fact's TYPE
    service: str  # whose it is: "review"
    collection: str  # where its streams are kept: "cases"
    state: type[S]
    facts: tuple[type[Fact], ...]
    decide: Callable[[S, C], tuple[F, ...] | Refusal]
    evolve: Callable[[S, F], S]

    @property
    def source(self) -> str:
        return f"/{self.service}"

    @property
    def topic(self) -> str:
        return f"{self.service}.events"


@dataclass(frozen=True, slots=True)
class Event:
    """A fact in its envelope (CloudEvents 1.0).

    `id` is `<stream>/<sequence>`; `sequence` is the stream's version after it, from 1, without gaps.
    """

    id: str
    source: str
    subject: str
    time: datetime
    sequence: int
    causationid: str
    correlationid: str
    actor: str
    data: Fact
    traceparent: str | None = None

    @property
    def type(self) -> str:
        return self.data.TYPE

    @property
    def ref(self) -> str:
        """The event's name among all services' events: source and id are unique together."""
        return f"{self.source}/{self.id}"

    def to_json(self) -> Json:
        """The event as a JSON object in CloudEvents' structured mode: the form that is sent and hashed."""
        return {**self.attributes(), "data": self.data.model_dump(mode="json")}

    def attributes(self) -> Json:
        """What `to_json` has beside the data."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": timestamp(self.time),
            "datacontenttype": "application/json",
            "dataschema": f"urn:shuangqian:{self.type}",
            "sequence": self.sequence,
            "partitionkey": self.subject,
            "causationid": self.causationid,
            "correlationid": self.correlationid,
            "actor": self.actor,
            **({"traceparent": self.traceparent} if self.traceparent else {}),
        }


@lru_cache(maxsize=64)  # all that comes in one batch has the same time
def timestamp(at: datetime) -> str:
    """RFC 3339, UTC, always with milliseconds, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def canonical_hash(value: Any) -> str:
    """SHA-256 of the RFC 8785 canonical form of a JSON value."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
