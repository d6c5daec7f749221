"""The audit's own database: past and present replays, in `runs`. It holds nothing else."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pymongo import DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from audit.replay import Progress, Verdict
from schemas.envelope import Json

#: A run of which nothing was heard for so long has ended with its process.
SILENT_AFTER = timedelta(seconds=30)


class Runs:
    """Runs as documents `{_id, by, began, heard, status, service, stream, progress, verdict, error}`.

    `status` is running, done, failed (Kafka or MongoDB was away) or interrupted.
    """

    def __init__(self, database: Database[Json]) -> None:
        self._runs: Collection[Json] = database["runs"]

    def create_indexes(self) -> None:
        self._runs.create_index([("began", DESCENDING)])

    def begin(self, by: str, service: str | None, stream: str | None) -> str:
        """A new run's id."""
        run, now = uuid4().hex[:12], datetime.now(UTC)
        self._runs.insert_one(
            {
                "_id": run,
                "by": by,
                "began": now,
                "heard": now,
                "status": "running",
                "service": service,
                "stream": stream,
                "progress": None,
                "verdict": None,
                "error": None,
            }
        )
        return run

    def heard(self, run: str, progress: Progress) -> None:
        """Keep how far a run is."""
        self._runs.update_one({"_id": run}, {"$set": {"heard": datetime.now(UTC), "progress": asdict(progress)}})

    def done(self, run: str, verdict: Verdict) -> None:
        self._runs.update_one({"_id": run}, {"$set": {"status": "done", "verdict": verdict.to_json()}})

    def failed(self, run: str, error: str) -> None:
        self._runs.update_one({"_id": run}, {"$set": {"status": "failed", "error": error}})

    def interrupted(self, run: str) -> None:
        self._runs.update_one({"_id": run}, {"$set": {"status": "interrupted"}})

    def get(self, run: str) -> Json | None:
        found = self._runs.find_one({"_id": run})
        return _as_it_stands(found) if found else None

    def running(self) -> Json | None:
        """The run under way, if one is."""
        heard = {"$gt": datetime.now(UTC) - SILENT_AFTER}
        return self._runs.find_one({"status": "running", "heard": heard}, sort=[("began", DESCENDING)])

    def last_verdict(self) -> Json | None:
        """The last run of everything, to its end and against the live streams, that came to a verdict."""
        whole: Json = {"status": "done", "service": None, "stream": None, "verdict.until": None}
        whole["verdict.against"] = {"$in": ["live", None]}
        return self._runs.find_one(whole, sort=[("began", DESCENDING)])

    def page(self, number: int, size: int) -> tuple[list[Json], int]:
        """One page of all runs, the newest first, and how many there are in all."""
        found = self._runs.find({}, {"verdict.differences": 0}).sort("began", DESCENDING)
        rows = [_as_it_stands(run) for run in found.skip((number - 1) * size).limit(size)]
        return rows, self._runs.count_documents({})


def _as_it_stands(run: Json) -> Json:
    silent = run["status"] == "running" and datetime.now(UTC) - run["heard"] > SILENT_AFTER
    return run | {"status": "interrupted"} if silent else run
