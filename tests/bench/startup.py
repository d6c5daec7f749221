"""How long a service takes from its spawn until it says that it is ready."""

from functools import partial

from deploy.local.supervise import Process, end, spawn, wait_until_ready
from tests.bench.figure import Figure, medians, say
from tests.bench.ground import Ground


def measure(ground: Ground) -> list[Figure]:
    say("startup: of the review worker")
    settings = ground.settings()
    service, bare = ground.service("review-worker", settings)[0], ground.bare("bare_worker", settings)[0]
    found = medians(3, {"bare": partial(_seconds, ground, bare), "service": partial(_seconds, ground, service)})
    return [Figure("startup", found["service"], "s", "empty Faust worker with a bare FastAPI app", found["bare"])]


def _seconds(ground: Ground, process: Process) -> float:
    child = spawn(process, ground.folder / "log")
    try:
        return wait_until_ready(child, every_s=0.02)
    finally:
        end([child])
