"""Replays in the background of the web process: one at a time, each in a thread, its progress kept with the run."""

import threading
import time
from collections.abc import Sequence
from functools import partial

import structlog
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from audit.fold import AnyDecider
from audit.history import Unreachable
from audit.replay import Progress, replay
from audit.store import Runs
from audit.team import ProcessLost, Removed
from runtime.settings import Settings

log = structlog.get_logger()

#: Seconds between two notes of a run's progress.
NOTE_EVERY_S = 0.5


class Interrupted(Exception):
    """The process is ending, and the replay with it."""


class UnderWay(Exception):
    """A replay of something else is under way; `run` is its id."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run


class Runner:
    """Starts replays and, on `close`, ends the one under way."""

    def __init__(self, settings: Settings, deciders: Sequence[AnyDecider], runs: Runs) -> None:
        self._settings, self._deciders, self._runs = settings, deciders, runs
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, by: str, service: str | None = None, stream: str | None = None) -> str:
        """The id of a new run, or of one under way that is just such a one. Raises UnderWay where it is another."""
        if under_way := self._runs.running():
            if (under_way["service"], under_way["stream"]) != (service, stream):
                raise UnderWay(str(under_way["_id"]))
            return str(under_way["_id"])
        run = self._runs.begin(by, service, stream)
        self._thread = threading.Thread(
            target=self._run, args=(run, service, stream), name=f"replay-{run}", daemon=True
        )
        self._thread.start()
        return run

    def close(self) -> None:
        """End the replay under way, and wait until its run says so."""
        self._closing.set()
        if self._thread:
            self._thread.join(timeout=15)

    def _run(self, run: str, service: str | None, stream: str | None) -> None:
        try:
            note = partial(self._note, run, [0.0])
            verdict = replay(self._settings, self._deciders, service=service, stream=stream, progress=note)
            self._runs.done(run, verdict)
            log.info("audit.replayed", run=run, equal=verdict.equal, streams=verdict.streams, events=verdict.events)
        except Interrupted:
            self._runs.interrupted(run)
        except (Unreachable, Removed, KafkaError, PyMongoError, ProcessLost) as error:
            log.error("audit.could-not", run=run, error=repr(error))
            self._runs.failed(run, f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("audit.failed", run=run)
            self._runs.failed(run, repr(error))

    def _note(self, run: str, noted: list[float], progress: Progress) -> None:
        if self._closing.is_set():
            raise Interrupted
        if time.monotonic() - noted[0] > NOTE_EVERY_S:
            noted[0] = time.monotonic()
            self._runs.heard(run, progress)
