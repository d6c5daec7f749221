"""What each process holds after its load, beside the same frameworks with nothing to do."""

from collections.abc import Sequence

import psutil

from deploy.local.servers import Server
from runtime.settings import Settings
from tests.bench.figure import Figure
from tests.bench.ground import Ground

BARE = {"api": ("bare_app", "bare FastAPI app"), "worker": ("bare_worker", "idle empty Faust worker")}


def figures(ground: Ground, settings: Settings, servers: Sequence[Server]) -> list[Figure]:
    """The memory of running services, which have had their load."""
    bare = [ground.bare(program, settings)[0] for program, _ in BARE.values()]
    with ground.up(*bare) as started:
        limits = dict(zip(BARE, map(_megabytes, started), strict=True))
    return [_figure(server, limits) for server in servers]


def _figure(server: Server, limits: dict[str, float]) -> Figure:
    name = server.process.name
    sort = name.rpartition("-")[2]
    return Figure(f"memory.{name}", _megabytes(server), "MB", BARE[sort][1], limits[sort])


def _megabytes(server: Server) -> float:
    """Resident memory, in 10^6 bytes."""
    return round(float(psutil.Process(server.child.popen.pid).memory_info().rss) / 1e6, 1)
