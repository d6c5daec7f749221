"""What is exported of whole lives of entries: a release with all that led to it, a month, an entry; all of it holds."""

from pathlib import Path

import pytest

from audit.bundle_export import export
from audit.bundle_verify import verify
from tests.audit.conftest import World
from tests.audit.logs import Log, keeping, log_of
from tests.bench.ground import messages, publish
from tests.bench.lives import lives


@pytest.fixture
def log(world: World, tmp_path: Path) -> Log:
    made = lives(1)
    for streams in made.all:
        publish(world.settings, streams.decider.topic, messages(streams.documents()))
    log = log_of(world, tmp_path / "log")
    with keeping(log):
        log.wait(1203, 60)
    return log


def test_a_release_a_month_and_a_stream_of_whole_lives_are_exported_and_hold(log: Log, tmp_path: Path) -> None:
    database, bundle = log.world.client[log.settings.database("audit")], tmp_path / "bundle.zip"
    recorded = database["recorded"]
    releases = recorded.distinct("stream", {"noun": "release"})
    months = sorted({f"{each['time']:%Y-%m}" for each in recorded.find({}, {"time": 1})})
    entry = recorded.distinct("stream", {"type": {"$regex": "^submission.received"}})[0]
    assert releases and months
    for what in [{"release": each} for each in releases] + [{"month": each} for each in months] + [{"stream": entry}]:
        made = export(log.settings, database, what, bundle)
        outcome = verify(bundle, log.folder.verifiers())
        assert outcome.holds and outcome.events == len(made.items) > 1, what
