"""A lease: one holder at a time for what must not run twice, with a number that fences off whoever held it before."""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from schemas.envelope import Json

log = structlog.get_logger()

TO_BE_TRIED_AGAIN_S = 1.0


class LeaseLost(Exception):
    """Somebody else holds the lease now: what was being done under it must stop."""


class Lease:
    """The lease `name` in a collection of leases; its document also keeps what belongs to the lease's work.

    Times are the holder's own clock's: one that is wrong by less than `ttl_s` costs at most a duplicate, never a loss.
    """

    def __init__(self, leases: Collection[Json], name: str, ttl_s: float) -> None:
        self._leases = leases
        self._name = name
        self._ttl = timedelta(seconds=ttl_s)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._fence = 0

    def work(
        self, stopping: threading.Event, work: Callable[[Json], None], waiting: Callable[[Json], None] | None = None
    ) -> None:
        """Do `work`, which is given the lease's document, whenever the lease can be had, until `stopping` is set.

        Where it raises, because the lease is lost or a server is away, it is done again: it goes on from what it saved.
        While somebody else holds the lease, `waiting` is given its document now and then.
        """
        while not stopping.is_set():
            try:
                held = self.acquire()
                if held is None:
                    if waiting:
                        waiting(self._leases.find_one({"_id": self._name}) or {})
                    stopping.wait(self._ttl.total_seconds() / 4)
                    continue
                log.info(f"{self._name}.lease-acquired", fence=held["fence"])
                work(held)
                self.release()
            except LeaseLost:
                log.warning(f"{self._name}.lease-lost")
            except Exception as error:
                log.error(f"{self._name}.interrupted", error=repr(error))
                self._note(error)
                stopping.wait(TO_BE_TRIED_AGAIN_S)

    def acquire(self) -> Json | None:
        """Take the lease if it is free or ran out: its document, or None where somebody holds it."""
        now = datetime.now(UTC)
        try:
            held = self._leases.find_one_and_update(
                {"_id": self._name, "until": {"$lt": now}},
                {"$set": {"holder": self._holder, "until": now + self._ttl}, "$inc": {"fence": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # it exists, and its time has not come
            return None
        assert held is not None  # an upsert that returns the document after it
        self._fence = held["fence"]
        return held

    def renew(self, **kept: Any) -> None:
        """Hold on for another term, and keep `kept` in the lease's document. Raises LeaseLost."""
        result = self._leases.update_one(
            {"_id": self._name, "holder": self._holder, "fence": self._fence},
            {"$set": {**kept, "until": datetime.now(UTC) + self._ttl}},
        )
        if result.matched_count == 0:
            raise LeaseLost(self._name)

    def _note(self, error: Exception) -> None:
        """Keep what interrupted the work in the lease's document, as `trouble`, for operators; if that can be done."""
        with suppress(PyMongoError):
            self._leases.update_one({"_id": self._name, "fence": self._fence}, {"$set": {"trouble": repr(error)[:300]}})

    def release(self) -> None:
        """Give the lease up, so that the next holder need not wait for it to run out."""
        self._leases.update_one(
            {"_id": self._name, "holder": self._holder, "fence": self._fence},
            {"$set": {"until": datetime(1970, 1, 1, tzinfo=UTC)}},
        )
