"""Workers come and go under load, as an operator has them: no partition stands still for long, and nothing is lost."""

from pathlib import Path

import pytest

from deploy.local.servers import Server
from tests.bench.ground import Ground
from tests.bench.review_rebalance import MARK_S, scaled


@pytest.mark.timeout(240)
async def test_scaling_up_and_down_pauses_no_partition_for_long_loses_nothing_and_repeats_nothing(
    kafka_broker: Server, mongo_node: Server, tmp_path: Path
) -> None:
    ground = Ground(kafka_broker.address, mongo_node.address, tmp_path)
    seen = await scaled(ground, ground.settings(), 2, 4, 1)
    assert seen.sent > 500
    assert (seen.count, seen.repeated, seen.parked) == (seen.sent, 0, 0)
    assert seen.longest_pause_s() <= MARK_S
