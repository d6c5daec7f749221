"""Samples of all consumer groups, taken again and again while the api runs, and kept for some minutes."""

import threading
import time
from collections import deque
from contextlib import closing

import structlog

from review.console.figures import Sample
from runtime.consumers import Groups, followed
from runtime.settings import Settings

log = structlog.get_logger()

EVERY_S = 2.0
#: What the charts show.
KEPT_S = 300.0
TO_BE_TRIED_AGAIN_S = 5.0


class Sampler(threading.Thread):
    """Takes a sample every EVERY_S until `stop()`; while a broker is away it asks again, and `failing` says why."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="sampler", daemon=True)
        self._settings = settings
        self._samples: deque[Sample] = deque(maxlen=int(KEPT_S / EVERY_S))
        self._stopping = threading.Event()
        self.failing: str | None = None

    def stop(self) -> None:
        self._stopping.set()

    def samples(self) -> list[Sample]:
        """Those of the last KEPT_S, the oldest first; none before the first."""
        return list(self._samples)

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with closing(Groups(self._settings, followed())) as groups:
                    while not self._stopping.wait(0 if not self._samples or self.failing else EVERY_S):
                        read = {group.name: group for group in groups.read()}
                        self._samples.append(Sample(time.time(), read))
                        self.failing = None
            except Exception as error:  # a broker that is away: what was known stays, and says how old it is
                log.warning("console.kafka-does-not-answer", error=repr(error))
                self.failing = type(error).__name__
                self._stopping.wait(TO_BE_TRIED_AGAIN_S)
