"""The consumer: a service's reactions to the events of others, on Faust.

Events are taken in batches, handled, and acknowledged strictly in order after the write (docs/decisions/0002). An
event that cannot be handled is parked with the later ones of its stream; the others go on.
"""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.types import EventT
from opentelemetry.trace import SpanKind
from pymongo.errors import ConnectionFailure, PyMongoError

from runtime import telemetry
from runtime.crash import crash_point
from runtime.parking import Message, Parking
from runtime.settings import Settings
from runtime.streams import Contended
from schemas.envelope import Event
from schemas.events import Undecodable, decode

log = structlog.get_logger()

#: What a service does about events: all of them or, where it raises, asked again one by one. It must bear repetition.
React = Callable[[Sequence[Event]], Awaitable[None]]

#: Events handled together, at most.
BATCH = 500
#: A process with events waiting and none handled for so long ends itself: its supervisor starts a fresh one.
STUCK_AFTER_S = 60.0
#: Seconds between two heartbeats, and so the most that a move of partitions waits for a worker that is at work.
HEARTBEAT_S = 1.0
#: Its exit status then (EX_SOFTWARE of sysexits.h).
STUCK = 70


def client_id(service: str) -> str:
    """What a worker calls itself to Kafka, so that operators find its process; the host is the pod's, if any."""
    return f"{service}-worker-{socket.gethostname()}-{os.getpid()}"


def worker_app(service: str, settings: Settings) -> faust.App:
    """The Faust app of a service's worker: its consumer group is the service's name."""
    return faust.App(
        settings.topic_prefix + service,
        broker=f"kafka://{settings.kafka_bootstrap}",
        broker_credentials=_credentials(settings),
        broker_client_id=client_id(service),
        store="memory://",
        datadir=Path(tempfile.gettempdir(), "faust"),  # nothing is kept there, but Faust makes it
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        broker_commit_every=5000,
        broker_session_timeout=settings.session_timeout_s,
        # A heartbeat's answer is how a worker hears that others came or went: all wait for the last one that hears it.
        broker_heartbeat_interval=HEARTBEAT_S,
        stream_buffer_maxsize=8192,
        stream_wait_empty=False,
        broker_max_poll_records=2000,
    )


def _credentials(settings: Settings) -> Credentials | None:
    """`Settings.kafka`, as Faust has it."""
    context = settings.kafka_tls
    if settings.kafka_signs_in and settings.kafka_password:
        return SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            ssl_context=context,
            mechanism=settings.kafka_mechanism,
        )
    return SSLCredentials(context) if context else None


def subscribe(app: faust.App, topic: str, react: React, parking: Parking) -> None:
    """Have `react` handle every event of a topic."""
    # Counters are there from the first, at nought: of one that appears at 1 nobody sees a rise.
    for counter in (telemetry.EVENTS, telemetry.PARKED):
        counter.labels(topic)
    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def agent(stream: Any) -> None:
        queue = stream.channel.queue
        async for first in stream.noack().events():
            taken = [first]
            while len(taken) < BATCH and not queue.empty():
                taken.append(queue.get_nowait())
            # What came before a rebalance is not ours any more: its new owner has it again from the last commit.
            current = [event for event in taken if event.message.generation_id == app.consumer_generation_id]
            with telemetry.BATCH.labels(topic).time():
                await handle([_message(event) for event in current], react, parking)
            crash_point("consume.before_ack")
            for event in current:
                event.ack()
            telemetry.EVENTS.labels(topic).inc(len(current))
            crash_point("consume.after_ack")

    app.agent(source, name=topic, concurrency=1)(agent)


async def handle(messages: Sequence[Message], react: React, parking: Parking) -> None:
    """Handle messages in order, parking what cannot be; returns when each is handled or parked.

    A database that is away is waited for, however long: the events are not at fault.
    """
    by_topic: dict[str, set[str]] = {}
    for message in messages:
        by_topic.setdefault(message.topic, set()).add(message.stream)
    while True:
        try:
            parked = {(topic, s) for topic, streams in by_topic.items() for s in await parking.parked(topic, streams)}
            free = [message for message in messages if (message.topic, message.stream) not in parked]
            if not parked and await _together(free, react):
                return
            for message in messages:
                await _one(message, react, parking, waits=(message.topic, message.stream) in parked)
            return
        except Exception as error:
            if not passes(error):
                raise
            log.warning("consume.waiting-for-database", error=repr(error))
            await asyncio.sleep(1.0)


async def redrive_one(message: Message, react: React) -> None:
    """Handle one parked message; raises what keeps it from being handled."""
    await react([_event(message)])


async def _together(messages: Sequence[Message], react: React) -> bool:
    """Try all at once, the fast way; False where one of them is at fault, whichever it be."""
    try:
        with ExitStack() as spans:
            await react([_traced(message, spans) for message in messages])
        return True
    except Exception as error:
        if passes(error):
            raise
        return False


async def _one(message: Message, react: React, parking: Parking, *, waits: bool) -> None:
    if (waits or await parking.parked(message.topic, [message.stream])) and await parking.join(message):
        return
    try:
        with ExitStack() as spans:
            await react([_traced(message, spans)])
    except Exception as error:
        if passes(error):
            raise
        log.error("consume.parked", topic=message.topic, stream=message.stream, error=repr(error))
        telemetry.PARKED.labels(message.topic).inc()
        await parking.park(message, repr(error))


def passes(error: Exception) -> bool:
    """Whether the fault is the database's or the moment's, so that waiting mends it, and not the event's."""
    if isinstance(error, PyMongoError):
        return isinstance(error, ConnectionFailure) or error.timeout or error.has_error_label("RetryableWriteError")
    return isinstance(error, Contended)


def _event(message: Message) -> Event:
    """Raises Undecodable, of an event of another stream than the message's key names, too: it would come in the order
    of the one, and count for the other."""
    event = decode(message.raw)
    if event.subject != message.stream:
        raise Undecodable(f"an event of {event.subject}, under the key of {message.stream or 'nothing'}")
    return event


def _traced(message: Message, spans: ExitStack) -> Event:
    """The message's event, with the consumer's span as its traceparent: what it causes hangs below that span."""
    event = _event(message)
    if not telemetry.tracing():
        return event
    name = f"process {message.topic}"
    traceparent = spans.enter_context(telemetry.span(name, parent=message.traceparent, kind=SpanKind.CONSUMER))
    return Event(**{name: getattr(event, name) for name in event.__slots__} | {"traceparent": traceparent})


def _message(event: EventT[bytes]) -> Message:
    message = event.message
    headers = dict(message.headers or {}) if not isinstance(message.headers, dict) else message.headers
    traceparent = headers.get("traceparent")
    return Message(
        topic=message.topic,
        stream=(message.key or b"").decode(errors="replace"),
        position=f"{message.partition}:{message.offset}",
        raw=message.value or b"",
        traceparent=traceparent.decode() if isinstance(traceparent, bytes) else traceparent,
    )


async def watch(app: faust.App, *, stuck_after_s: float = STUCK_AFTER_S, every_s: float = 5.0) -> None:
    """End the process when events wait and none is handled for `stuck_after_s` seconds; runs until cancelled.

    Consumers have been seen to die silently (faust-streaming #175, #523, #640); a process that ends is started again.
    """
    moved, before = time.monotonic(), -1.0
    while True:
        await asyncio.sleep(every_s)
        waiting = _lag(app)
        for topic, events in waiting.items():
            telemetry.CONSUMER_LAG.labels(topic).set(events)
        handled = sum(telemetry.EVENTS.labels(topic)._value.get() for topic in waiting)
        if handled != before or not any(waiting.values()):
            moved, before = time.monotonic(), handled
        elif time.monotonic() - moved > stuck_after_s:
            log.critical("consume.stuck", waiting=waiting, seconds=stuck_after_s)
            os._exit(STUCK)


def _lag(app: faust.App) -> dict[str, int]:
    """Events that wait for this process, by topic."""
    waiting: dict[str, int] = {}
    consumer: Any = app.consumer
    for tp in consumer.assignment():
        highwater = consumer.highwater(tp)
        done = consumer._committed_offset.get(tp) or 0  # Faust has no public way to ask
        if highwater is not None:
            waiting[tp.topic] = waiting.get(tp.topic, 0) + max(0, highwater - done)
    return waiting
