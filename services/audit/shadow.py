"""Shadow replay: the same history under changed domain code, and where it leads to another state.

What it can tell: which streams would be folded otherwise, from which event on, in which field. A decision rests on the
folded state, so those are the streams of which later decisions may differ. What it cannot tell: whether a changed
`decide` would have answered a command otherwise, for commands are in no history (docs/decisions/0022).
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson

from audit.compare import judge_alone
from audit.examine import first_difference, shown
from audit.fold import AnyDecider
from audit.history import reach, whole
from audit.replay import Progress, units_of
from audit.servers import kafka_said
from audit.shadowed import chained, states
from audit.team import client
from audit.units import TOLD, Unit, Worker
from runtime.settings import Settings
from schemas.envelope import Json

#: Asks the process with the changed code, and has its answers.
Ask = Callable[[Sequence[Json]], list[Any]]
#: Streams asked of the other process at once: what it answers must fit into a pipe.
CHUNK = 100
#: Seconds that a process which ends may take to be gone, and its last words to be read.
ENDING_S = 10.0
#: Bytes kept of what a process says on stderr.
LAST_WORDS = 1 << 16


class NotShadowed(Exception):
    """The changed code cannot be used; the message is its own, or empty where the path holds none."""


@dataclass(frozen=True)
class Changed:
    """The first event after which a stream's state is another. `now` and `then` are a field's values as JSON text, by
    the code that runs and by the changed code; None where there is none."""

    service: str
    noun: str
    stream: str
    sequence: int
    type: str
    pointer: str
    now: str | None
    then: str | None


@dataclass
class Shadow:
    """What became of a history under changed code. `domains` are the services whose domain is changed.

    `fields` counts the streams that part at an event of a type and in a field; `changed` tells the first TOLD of them.
    """

    domains: list[str] = field(default_factory=list)
    schemas: bool = False
    streams: int = 0
    events: int = 0
    differing: int = 0
    seconds: float = 0.0
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: list[Changed] = field(default_factory=list)
    kafka: str | None = None

    def to_json(self) -> Json:
        """As JSON."""
        fields = [{"type": type, "pointer": at, "streams": n} for (type, at), n in self.fields.most_common()]
        return asdict(self) | {"fields": fields}


def shadow(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    path: Path,
    *,
    service: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Shadow:
    """Fold every stream, or one service's, with the code that runs and with that at `path`.

    Raises NotShadowed, Unreachable or a KafkaError.
    """
    began = time.perf_counter()
    reach(settings.kafka_bootstrap)
    found, done = Shadow(kafka=kafka_said(settings)), 0
    with _changed(path) as ask:
        said = ask([])[0]
        found.domains, found.schemas = said["changed"], said["schemas"]
        if not (found.domains or found.schemas):
            raise NotShadowed
        own = [decider for decider in deciders if service in (None, decider.service)]
        names = dict.fromkeys(decider.service for decider in own)
        extents = {name: whole(settings, settings.topic(f"{name}.events")) for name in names}
        total = sum(extent.messages for extent in extents.values())
        with client(settings) as mongo, closing(Worker(settings, own, mongo)) as worker:
            for unit in units_of(extents, None, None, "nothing"):
                theirs = {decider.noun: decider for decider in own if decider.service == unit.service}
                for messages, streams in _streams(worker, unit, theirs):
                    _compare(found, theirs, streams, ask)
                    done += messages
                    progress(Progress("both", unit.service, done, total, time.perf_counter() - began))
    found.seconds = round(time.perf_counter() - began, 3)
    return found


#: A stream: its noun, and its events in order.
_Stream = tuple[str, list[Json]]


def _streams(worker: Worker, unit: Unit, deciders: Mapping[str, AnyDecider]) -> Iterator[tuple[int, list[_Stream]]]:
    """A unit's streams, some at a time, and how many messages they had. What is not in order is the replay's to tell:
    a stream is taken as far as it is."""
    place, histories = worker.histories(unit)
    keys = list(histories)
    for start in range(0, len(keys), CHUNK):
        streams, messages = list[_Stream](), 0
        for key in keys[start : start + CHUNK]:
            records = histories.pop(key)
            streams += ((told.noun, list(told.events)) for told in judge_alone(deciders, key, records, place).told)
            messages += len(records)
        yield messages, streams


def _compare(found: Shadow, deciders: Mapping[str, AnyDecider], streams: Sequence[_Stream], ask: Ask) -> None:
    answers = ask([{"noun": noun, "events": events, "whole": False} for noun, events in streams])
    for (noun, events), answer in zip(streams, answers, strict=True):
        found.streams += 1
        found.events += len(events)
        if chained(states(deciders[noun], events)) == answer:
            continue
        (then,) = ask([{"noun": noun, "events": events, "whole": True}])
        now = [state.decode() for state in states(deciders[noun], events)]
        part = _part(deciders[noun], events, now, then)
        found.differing += 1
        found.fields[part.type, re.sub(r"/[0-9]+(?=/|$)", "/*", part.pointer)] += 1
        if len(found.changed) < TOLD:
            found.changed.append(part)


def _part(decider: AnyDecider, events: Sequence[Json], now: Sequence[str], then: Sequence[str]) -> Changed:
    """The first event after which the two states differ."""
    number = next(n for n, (mine, yours) in enumerate(zip_longest(now, then)) if mine != yours)
    event = events[number]
    mine, yours = (each[number] if number < len(each) else "null" for each in (now, then))
    where = (decider.service, decider.noun, event["subject"], event["sequence"], event["type"])
    if mine.startswith("!") or yours.startswith("!"):
        return Changed(*where, "", *(each[1:] if each.startswith("!") else None for each in (mine, yours)))
    parted = first_difference(orjson.loads(mine), orjson.loads(yours))
    assert parted is not None
    pointer, one, other = parted
    return Changed(*where, pointer, shown(pointer, one), shown(pointer, other))


@contextmanager
def _changed(path: Path) -> Iterator[Ask]:
    """A process that folds with the code at `path`; its first answer, to no question, says what of it is changed."""
    argv = [sys.executable, "-P", "-m", "audit.shadowed", str(path)]
    paths = os.pathsep.join(str(Path(each).resolve()) for each in sys.path if each)
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths},
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        asking, answering = process.stdin, process.stdout
        said = bytearray()

        def hear(stderr: int) -> None:
            """What the changed code says is read as it comes, or a full pipe would stop it; the last of it is kept."""
            while heard := os.read(stderr, LAST_WORDS):
                said.extend(heard)
                del said[:-LAST_WORDS]

        hearing = threading.Thread(target=hear, args=(process.stderr.fileno(),), daemon=True)
        hearing.start()

        def ended() -> NotShadowed:
            code = process.wait(ENDING_S)
            hearing.join(ENDING_S)
            return NotShadowed(said.decode(errors="replace").strip() or f"exit code {code}")

        def ask(questions: Sequence[Json]) -> list[Any]:
            try:
                for question in questions:
                    asking.write(orjson.dumps(question) + b"\n")
                asking.flush()
            except BrokenPipeError:
                raise ended() from None
            answers = [answering.readline() for _ in range(max(1, len(questions)))]
            if not all(answers):
                raise ended()
            return [orjson.loads(answer) for answer in answers]

        try:
            yield ask
        finally:
            process.kill()
            with suppress(BrokenPipeError):  # of what it did not take any more
                asking.close()
            hearing.join(ENDING_S)
