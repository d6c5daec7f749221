"""What is asked of a million events: how long the replay takes and what it holds, leaves, proofs, and a stream as of a
moment. It takes a quarter of an hour."""

from tests.bench import audit_as_of, audit_log
from tests.bench.audit_replay import lived, watched
from tests.bench.figure import Figure
from tests.bench.ground import Ground, client

MILLION = 1_000_000
#: Submissions of which some are looked at.
SAMPLE = 10_000


def measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    settings = settings.model_copy(update={"log_folder": ground.folder / f"log-{settings.topic_prefix}"})
    events, _ = lived(settings, MILLION, None)
    replayed = watched(settings, events)
    logged = audit_log.figures(settings, events)
    with client(settings) as mongo:
        submissions = mongo[settings.database("submissions")]["submissions"]
        some = submissions.aggregate([{"$sample": {"size": SAMPLE}}, {"$project": {"_id": 1}}])
        streams = [document["_id"] for document in some]
    return [*replayed, *logged, audit_as_of.figure(settings, streams, events)]
