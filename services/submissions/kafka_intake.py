"""Intake from Kafka: what partners write to `intake.<uscc>` goes through the pipeline, and is answered on
`receipts.<uscc>` (docs/decisions/0010).

Partners take turns, a piece each, and none goes faster than its rate: what is more waits on its topic. A receipt is
sent after the write, a place is committed after the receipt: whatever breaks off comes again, takes no second effect,
and is answered again.
"""

import asyncio
import contextlib
import re
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from zlib import crc32

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from runtime import telemetry
from runtime.consume import HEARTBEAT_S, client_id, passes
from runtime.crash import crash_point
from runtime.settings import Settings
from schemas.topics import CONTENT_TYPE, INTAKE, INTAKE_GROUP, RECEIPTS
from submissions.domain.submission import Receive, Refuse
from submissions.intake import Intake, Receipt, Submissions
from submissions.kafka_messages import Illegible, Message, read, receipt_record, unhandled
from submissions.ndjson import Line
from submissions.turns import Account, Turns

log = structlog.get_logger()

Record: TypeAlias = ConsumerRecord | Illegible
#: What operators are shown of it (runtime.operations): the consumer group, and how its topics begin.
FAMILIES = {INTAKE_GROUP: INTAKE}
#: A topic that was not there before is found within this time.
FOUND_WITHIN_MS = 3000
#: Seconds between two commits of places, at most.
SAVE_EVERY_S = 1.0
TO_BE_TRIED_AGAIN_S = 1.0
#: Seconds that something new is waited for at one go.
IDLE_S = 0.5
#: Seconds for Kafka, when work ends, to confirm what was done last; without it, it is done again.
STOP_S = 3.0
_HEADERS = [("content-type", CONTENT_TYPE)]


@dataclass(frozen=True)
class Turn:
    """What one partner has in hand: messages in the order of each partition, and what they ask for."""

    topic: str
    messages: list[Message]
    commands: list[Receive | Refuse] | None  # None: one of the lines is at fault, whichever it be


@dataclass
class Session:
    """One consumer with its producer, and what they have done since places were last committed."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    turns: Turns
    last: str = ""
    reads: int = 0
    waiting: deque[tuple[str, list[Record]]] = field(default_factory=deque)
    sent: list[asyncio.Future[object]] = field(default_factory=list)
    places: dict[TopicPartition, int] = field(default_factory=dict)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def next(self) -> tuple[str, list[Record]]:
        """A topic and what waits on it, up to a piece: the next topic after the last one that has anything, of those
        whose partners may go on at their rate."""
        while not self.waiting:
            by_topic: dict[str, list[TopicPartition]] = {}
            for partition in sorted(self.consumer.assignment()):
                by_topic.setdefault(partition.topic, []).append(partition)
            owed_s = {topic: self.turns.owed_s(_account(topic)) for topic in by_topic}
            due = [topic for topic in by_topic if not owed_s[topic]]
            after = bisect_right(due, self.last)
            for topic in due[after:] + due[:after]:
                if records := await self._read(by_topic[topic]):
                    self.last = topic
                    return self._taken(topic, records)
            wait_s = min([IDLE_S, *(seconds for seconds in owed_s.values() if seconds)])
            if by_topic and not due:
                await asyncio.sleep(wait_s)
                continue
            await self._wait([partition for topic in due for partition in by_topic[topic]], wait_s)
        return self._taken(*self.waiting.popleft())

    async def _read(self, partitions: Sequence[TopicPartition]) -> list[Record]:
        """What waits on the partitions of a topic, up to a piece."""
        self.reads += 1
        records: list[Record] = []
        for i in range(len(partitions)):  # another one first each time, or one that is full would hold up the others
            partition = partitions[(self.reads + i) % len(partitions)]
            if most := self.turns.piece - len(records):
                try:
                    records += (await self.consumer.getmany(partition, max_records=most)).get(partition, ())
                except UnicodeDecodeError:  # the name of a header, which aiokafka reads as UTF-8
                    records += await self._legible(partition, most)
        return records

    async def _legible(self, partition: TopicPartition, most: int) -> list[Record]:
        """What waits on a partition, up to so many, one by one: Illegible where it cannot be read. What comes behind
        one of these in a client's batch cannot be read either."""
        place, records = await self.consumer.position(partition), list[Record]()
        log.warning("intake.header-illegible", topic=partition.topic, partition=partition.partition, after=place)
        self.consumer.seek(partition, place)
        end = (await self.consumer.end_offsets([partition]))[partition]
        while place < end and len(records) < most:
            try:
                found = await self.consumer.getmany(partition, timeout_ms=int(1000 * IDLE_S), max_records=1)
                if not found:
                    break
                records += found[partition]
            except UnicodeDecodeError:
                place = await self.consumer.position(partition)
                records.append(Illegible(partition.partition, place))
                self.consumer.seek(partition, place + 1)
            place = await self.consumer.position(partition)
        return records

    async def _wait(self, partitions: Sequence[TopicPartition], seconds: float) -> None:
        """Wait for something new on any of these partitions, and keep it at hand."""
        try:
            found = await self.consumer.getmany(
                *partitions, timeout_ms=int(1000 * seconds), max_records=self.turns.piece
            )
            self.waiting += ((partition.topic, records) for partition, records in found.items())
        except UnicodeDecodeError:  # what was read of others in this call is lost with it: back to what is committed
            await self.save()
            first = await self.consumer.beginning_offsets(partitions)
            for partition in partitions:
                self.consumer.seek(partition, await self.consumer.committed(partition) or first[partition])

    def _taken(self, topic: str, records: list[Record]) -> tuple[str, list[Record]]:
        self.turns.take(_account(topic), len(records))
        return topic, records

    async def send(self, batch: BatchBuilder, topic: str, partition: int) -> None:
        """Hand a batch of receipts to the producer; `save` sees to it that they have come."""
        sent = await self.producer.send_batch(batch, topic, partition=partition)
        self.sent.append(sent)  # only now: `save` may have taken what was sent meanwhile

    async def save(self) -> None:
        """Commit the places of all that is answered, once Kafka has the answers. Raises what kept one from it."""
        async with self.saving:
            sent, places = self.sent, self.places
            self.sent, self.places = [], {}
            await self.producer.flush()
            for future in sent:
                future.result()
            crash_point("intake.after_receipts")
            ours = self.consumer.assignment()
            places = {partition: place for partition, place in places.items() if partition in ours}
            if places:
                # Partitions that move meanwhile are begun again by their new owner, from the last commit.
                with contextlib.suppress(CommitFailedError, IllegalStateError):
                    await self.consumer.commit(places)


class _BeforeTheyMove(ConsumerRebalanceListener):  # type: ignore[misc]
    """Commits what is answered before partitions go to another worker, so that it is not answered twice."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def on_partitions_revoked(self, revoked: object) -> None:
        with contextlib.suppress(KafkaError):
            await self._session.save()

    async def on_partitions_assigned(self, assigned: object) -> None: ...


class KafkaIntake:
    """Takes in what partners send over Kafka, until cancelled."""

    def __init__(self, settings: Settings, submissions: Submissions) -> None:
        self._settings, self._submissions = settings, submissions
        self._turns = Turns.of_entries(settings)

    async def run(self) -> None:
        """Go on for ever: a broker or database that is away is waited for, from the last committed place."""
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.error("intake.interrupted", error=repr(error))
                await asyncio.sleep(TO_BE_TRIED_AGAIN_S)

    async def _follow(self) -> None:
        session = Session(self._consumer(), self._producer(), self._turns)
        topics = f"^{re.escape(self._settings.topic(INTAKE))}[0-9A-Z]{{18}}$"
        session.consumer.subscribe(pattern=topics, listener=_BeforeTheyMove(session))
        coming: asyncio.Task[Turn] | None = None
        try:
            await session.producer.start()
            await session.consumer.start()
            saved = time.monotonic()
            coming = asyncio.create_task(self._turn(session))
            while True:
                await asyncio.wait({coming}, timeout=SAVE_EVERY_S)
                if coming.done():
                    turn = coming.result()
                    # The next turn is read and checked while this one is written, and no more than that.
                    coming = asyncio.create_task(self._turn(session))
                    await self._answer(session, turn, await self._taken(turn))
                if session.places and (time.monotonic() - saved > SAVE_EVERY_S or not coming.done()):
                    await session.save()
                    saved = time.monotonic()
        finally:
            if coming:
                coming.cancel()
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await session.save()
            await session.consumer.stop()
            await session.producer.stop()

    async def _turn(self, session: Session) -> Turn:
        topic, records = await session.next()
        messages = [read(record) for record in records]
        try:
            return Turn(topic, messages, await self._intake(topic).commands([message.line for message in messages]))
        except Exception:
            return Turn(topic, messages, None)

    async def _taken(self, turn: Turn) -> list[Receipt]:
        """The receipts of a turn, once it is written; a database that is away is waited for."""
        intake, lines = self._intake(turn.topic), [message.line for message in turn.messages]
        commands = turn.commands
        while True:
            try:
                with telemetry.BATCH.labels(turn.topic).time():
                    if commands is None:
                        return await self._apart(intake, lines)
                    return [receipt for receipt, _ in await intake.commit(commands)]
            except Exception as error:
                if passes(error):
                    log.warning("intake.waiting-for-database", error=repr(error))
                    await asyncio.sleep(TO_BE_TRIED_AGAIN_S)
                elif commands is None:
                    raise
                commands = None

    async def _apart(self, intake: Intake, lines: list[Line]) -> list[Receipt]:
        """Receipts of lines that fail together: the one at fault is found by halves, and refused alone."""
        half = len(lines) // 2
        try:
            return [receipt for receipt, _ in await intake.take(lines)]
        except Exception as error:
            if passes(error):
                raise
            if half:
                return await self._apart(intake, lines[:half]) + await self._apart(intake, lines[half:])
            log.error("intake.unhandled", partner=intake.partner, offset=lines[0].number, error=repr(error))
        return [receipt for receipt, _ in await intake.take([unhandled(lines[0])])]

    async def _answer(self, session: Session, turn: Turn, receipts: Sequence[Receipt]) -> None:
        """Hand a turn's receipts to the producer, a batch a partition rather than one by one."""
        crash_point("intake.before_receipts")
        topic = self._settings.topic(RECEIPTS + _partner(turn.topic))
        producer = session.producer
        partitions = len(await producer.partitions_for(topic))
        batches: dict[int, BatchBuilder] = {}
        for message, receipt in zip(turn.messages, receipts, strict=True):
            key, value = receipt_record(turn.topic, message, receipt)
            to = crc32(key) % partitions
            if to not in batches or not batches[to].append(key=key, value=value, timestamp=None, headers=_HEADERS):
                if full := batches.get(to):
                    await session.send(full, topic, to)
                batches[to] = producer.create_batch()  # which takes its first record, however long
                batches[to].append(key=key, value=value, timestamp=None, headers=_HEADERS)
        for to, batch in batches.items():
            await session.send(batch, topic, to)
        session.places |= {TopicPartition(turn.topic, each.partition): each.offset + 1 for each in turn.messages}
        telemetry.EVENTS.labels(turn.topic).inc(len(receipts))

    def _intake(self, topic: str) -> Intake:
        partner = _partner(topic)
        return Intake(self._submissions, partner, f"partner:{partner}", "zh", self._settings.pepper)

    def _consumer(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            **settings.kafka,
            client_id=client_id("submissions"),
            group_id=settings.topic(INTAKE_GROUP),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=FOUND_WITHIN_MS,
            session_timeout_ms=settings.session_timeout_s * 1000,
            heartbeat_interval_ms=int(HEARTBEAT_S * 1000),
            fetch_max_wait_ms=100,  # what was read to its end is asked for again only when this request comes back
        )

    def _producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._settings.kafka,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=256 * 1024,
            max_request_size=4 * 1024 * 1024,
        )


def _account(topic: str) -> Account:
    return _partner(topic), "live"


def _partner(topic: str) -> str:
    """The USCC at the end of a topic's name."""
    return topic.rpartition(".")[2]
