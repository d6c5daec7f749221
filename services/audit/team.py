"""Units of a replay on several processes, or on this one.

Processes are spawned, not forked: the web process has threads, and so have the clients of Kafka and MongoDB.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from kafka.errors import KafkaError, OffsetOutOfRangeError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from audit.fold import AnyDecider
from audit.history import Unreachable
from audit.units import Found, Unit, Worker
from runtime.settings import Settings
from schemas.envelope import Json

#: Seconds between two reports of what the processes do.
REPORT_EVERY_S = 0.2

#: Hears the phase, the service, and how many messages are through.
Hear = Callable[[str, str, int], None]


class ProcessLost(Exception):
    """A process of the replay was ended from outside, as happens where memory runs out."""


class Removed(Exception):
    """Messages were removed from Kafka while the replay was about to read them, as retention does."""


class _Stopped(Exception):
    """The replay is being ended."""


def client(settings: Settings) -> MongoClient[Json]:
    """A client that sees what a majority holds, and gives up after five seconds without a primary."""
    return MongoClient(
        settings.mongo_url,
        tz_aware=True,
        readPreference="primary",
        readConcernLevel="majority",
        serverSelectionTimeoutMS=5000,
        appname="shuangqian-audit",
    )


def carried_out(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    units: Sequence[Unit],
    processes: int,
    hear: Hear,
    patience_s: float,
) -> Iterator[tuple[Unit, Found]]:
    """Each unit with what was found, as they are through. What `hear` raises ends all.

    Raises Unreachable, Removed, KafkaError, PyMongoError or ProcessLost.
    """
    if not units:
        return
    if processes < 2 or len(units) < 2:
        yield from _here(settings, deciders, units, hear, patience_s)
    else:
        yield from _beside(settings, deciders, units, min(processes, len(units)), hear, patience_s)


def _here(
    settings: Settings, deciders: Sequence[AnyDecider], units: Sequence[Unit], hear: Hear, patience_s: float
) -> Iterator[tuple[Unit, Found]]:
    done = 0
    with client(settings) as mongo:
        worker = Worker(settings, deciders, mongo)
        try:
            for unit in units:

                def report(phase: str, messages: int, service: str = unit.service) -> None:
                    nonlocal done
                    done += messages
                    hear(phase, service, done)

                yield unit, worker.run(unit, report, patience_s)
        finally:
            worker.close()


def _beside(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    units: Sequence[Unit],
    processes: int,
    hear: Hear,
    patience_s: float,
) -> Iterator[tuple[Unit, Found]]:
    context = multiprocessing.get_context("spawn")
    done, waiting, stopping = context.Value("q", 0), context.Value("q", 0), context.Event()
    executor = ProcessPoolExecutor(processes, context, _begin, (settings, tuple(deciders), done, waiting, stopping))
    try:
        left: dict[Future[Found], Unit] = {executor.submit(_run, unit, patience_s): unit for unit in units}
        while left:
            through, _ = wait(left, REPORT_EVERY_S, FIRST_COMPLETED)
            hear("relay" if waiting.value >= processes else "history", next(iter(left.values())).service, done.value)
            for future in through:
                yield left.pop(future), future.result()
    except BrokenProcessPool as error:
        # One that was being started meanwhile is overlooked by the pool, which would wait for it for ever.
        for process in multiprocessing.active_children():
            process.kill()
        raise ProcessLost from error
    finally:
        stopping.set()
        executor.shutdown(cancel_futures=True)


# --- In the processes beside this one ---------------------------------------------------------------------------

_worker: Worker
_done: Any
_waiting: Any
_stopping: Any


def _begin(settings: Settings, deciders: Sequence[AnyDecider], done: Any, waiting: Any, stopping: Any) -> None:
    global _worker, _done, _waiting, _stopping
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the first process's to answer
    _done, _waiting, _stopping = done, waiting, stopping
    _worker = Worker(settings, deciders, client(settings))


def _run(unit: Unit, patience_s: float) -> Found:
    waits = False

    def report(phase: str, messages: int) -> None:
        nonlocal waits
        if _stopping.is_set():
            raise _Stopped
        if phase == "relay" and not waits:
            waits = True
            _add(_waiting, 1)
        _add(_done, messages)

    try:
        return _worker.run(unit, report, patience_s)
    except OffsetOutOfRangeError as error:
        raise Removed(repr(error)) from None
    except KafkaError as error:  # what these errors are made of does not always go from process to process
        raise Unreachable(repr(error)) from None
    except PyMongoError as error:
        raise PyMongoError(repr(error)) from None
    finally:
        if waits:
            _add(_waiting, -1)


def _add(value: Any, count: int) -> None:
    with value.get_lock():
        value.value += count
