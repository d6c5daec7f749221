"""`shuangqian ops` against a launcher that runs, as an operator at two terminals would have it."""

import json
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from deploy.local import ports
from deploy.local.table import SERVICES
from tests.local.test_stack import Launched

PROGRAM = Path(sys.executable).with_name("shuangqian")


def ops(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(PROGRAM), "ops", *arguments, "--folder", str(folder), "--lang", "en"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=150)


def scraped(folder: Path) -> Counter[str]:
    """The jobs that Prometheus finds, with how many processes of each answer it."""
    found = json.loads((folder / "targets.json").read_text())
    pages = [(each["labels"]["job"], httpx2.get(f"http://{each['targets'][0]}/metrics").text) for each in found]
    return Counter(job for job, page in pages if "shuangqian_events_relayed_total" in page)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    chosen = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
    launcher = Launched(tmp_path / "run", chosen, tmp_path / "output")
    yield launcher
    if launcher.popen.poll() is None:
        launcher.popen.terminate()
        launcher.popen.wait(45)


def test_workers_are_started_and_ended_while_the_stack_runs_and_all_end_with_it(
    launched: Launched, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    launched.wait_for("Ctrl-C ends it", 120)
    assert stat.S_IMODE((folder / "control").stat().st_mode) == 0o600

    before = json.loads(ops(folder, "status", "--json").stdout)
    assert {name: len(pids) for name, pids in before["workers"].items()} == {
        "submissions-worker": 1,
        "review-worker": 1,
        "publishing-worker": 1,
        "notifications-worker": 1,
    }
    assert before["groups"]["review"] == {"waiting": 0, "workers": 1}

    scaled = ops(folder, "scale", "review-worker=3", "--json")
    assert scaled.returncode == 0 and "review-worker-3 is ready" in scaled.stderr
    pids = json.loads(scaled.stdout)["workers"]["review-worker"]
    assert len(pids) == 3 and pids[0] == before["workers"]["review-worker"][0]
    assert all(psutil.pid_exists(pid) for pid in pids)
    jobs = {f"shuangqian-{service}-{sort}": 1 for service in SERVICES for sort in ("api", "worker")}
    assert scraped(folder) == jobs | {"shuangqian-review-worker": 3}

    fewer = json.loads(ops(folder, "scale", "review-worker=1", "publishing-worker=0", "--json").stdout)["workers"]
    assert (fewer["review-worker"], fewer["publishing-worker"]) == (pids[:1], [])
    assert not any(psutil.pid_exists(pid) for pid in pids[1:])
    assert scraped(folder) == {job: 1 for job in jobs if job != "shuangqian-publishing-worker"}
    assert "Events that wait" in ops(folder, "status").stdout

    for said, why in (
        ("review-worker=99", "0 to 12 processes"),
        ("review-api=2", "There is no review-api"),
        ("review-worker=many", "Say how many"),
        ("review-worker=2 publishing-wrker=3", "There is no publishing-wrker"),
    ):
        refused = ops(folder, "scale", *said.split())
        assert (refused.returncode, why in refused.stderr) == (2, True), refused.stderr

    now = json.loads(ops(folder, "status", "--json").stdout)["workers"]
    assert now == fewer, "what is refused is not half done"

    two = json.loads(ops(folder, "scale", "review-worker=2", "--json").stdout)["workers"]["review-worker"]
    psutil.Process(two[1]).kill()
    launched.wait_for("review-worker-2 ended (killed by SIGKILL): it is started afresh.")
    after = json.loads(ops(folder, "status", "--json").stdout)["workers"]["review-worker"]
    assert (after[0], len(after)) == (two[0], 2) and after[1] != two[1]
    children = launched.children()
    launched.popen.terminate()
    assert launched.ended()[0] == 0
    assert not [child for child in children if child.is_running()]
    gone = ops(folder, "status")
    assert gone.returncode == 4 and "No stack runs here" in gone.stderr
