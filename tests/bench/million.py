"""What the submissions api holds more after a stream of a million lines than after its first hundredth."""

import asyncio
from collections.abc import Iterator

import psutil

from tests.bench.figure import Figure, say
from tests.bench.ground import PARTNER, Ground, lines
from tests.bench.partner import connect
from tests.faults.fleet import key_for

LINES = 1_000_000
#: Different entries; each is sent under many references.
ENTRIES = 10_000
#: What it may hold more, in 10^6 bytes.
MOST_MB = 50.0


def measure(ground: Ground) -> list[Figure]:
    say(f"million: {LINES:,} lines in one stream")
    settings = ground.settings().model_copy(update={"entries_per_second": 10**9})
    key = asyncio.run(key_for(settings, PARTNER))
    api, port = ground.service("submissions-api", settings)
    with ground.up(api) as (server,):
        process, held = psutil.Process(server.child.popen.pid), list[float]()

        def sent() -> Iterator[bytes]:
            entries = lines(ENTRIES, seed=1)
            for round in range(LINES // ENTRIES):
                held.append(process.memory_info().rss / 1e6)
                if round % 10 == 1:
                    say(f"  {round * ENTRIES:,} lines sent: {held[-1]:.0f} MB")
                for line in entries:
                    yield line.replace(b'"reference":"', b'"reference":"%d-' % round, 1)

        async def stream() -> int:
            return await (await connect(port, key)).stream(sent())

        assert asyncio.run(stream()) == LINES
        held.append(process.memory_info().rss / 1e6)
    return [Figure("intake.million_growth", round(max(held[1:]) - held[1], 1), "MB", "may grow by", MOST_MB)]
