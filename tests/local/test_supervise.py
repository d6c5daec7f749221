"""Processes are started, watched and ended: only those that were started, and all of those."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest

from deploy.local import ports
from deploy.local.lock import Locked, lock
from deploy.local.supervise import Child, ChildFailed, Process, end, spawn, wait_until_ready, watch
from deploy.local.table import Stack
from deploy.local.workers import CannotScale, Workers

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
FAMILY = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True); {SLEEP}"


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    end(started, grace_s=0.0)


def python(name: str, code: str, log: Path | None = None, says: str = "") -> Process:
    """A process that runs `code`; ready once its log holds `says`."""
    return Process(
        name, (sys.executable, "-c", code), ready=lambda: says in (log.read_text() if log else ""), ready_timeout_s=5.0
    )


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until_gone(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_gone(pid)


def test_a_child_that_ends_before_it_is_ready_is_named_with_the_end_of_its_log(
    children: list[Child], tmp_path: Path
) -> None:
    code = "for n in range(40): print('line', n)\nraise SystemExit(3)"
    children.append(spawn(python("broken", code, tmp_path / "broken.log", says="never"), tmp_path))
    with pytest.raises(ChildFailed) as failed:
        wait_until_ready(children[0])
    message = str(failed.value)
    assert message.startswith("broken ended before it was ready (exit status 3).")
    assert "line 39" in message
    assert "line 24" not in message


def test_a_child_that_is_never_ready_is_given_up(children: list[Child], tmp_path: Path) -> None:
    process = Process("slow", (sys.executable, "-c", SLEEP), ready=lambda: False, ready_timeout_s=0.3)
    children.append(spawn(process, tmp_path))
    with pytest.raises(ChildFailed, match="slow was not ready after 0 s"):
        wait_until_ready(children[0])


async def test_watch_tells_which_child_died_and_how(children: list[Child], tmp_path: Path) -> None:
    children += [spawn(python(name, SLEEP), tmp_path) for name in ("first", "second")]
    watching = asyncio.create_task(watch(children))
    await asyncio.sleep(0.3)
    children[1].popen.kill()
    with pytest.raises(ChildFailed, match=r"second ended unexpectedly \(killed by SIGKILL\)"):
        await asyncio.wait_for(watching, 5)
    assert children[0].is_alive()


def test_a_worker_that_ends_is_started_afresh_thrice_a_minute_and_nothing_else_is(
    children: list[Child], tmp_path: Path
) -> None:
    children += [spawn(python(name, "print('once')"), tmp_path) for name in ("review-worker-2", "review-api")]
    workers = Workers(cast(Stack, None), children)
    for _ in range(3):
        children[0].popen.wait()
        assert workers.start_afresh(children[0])
    children[0].popen.wait()
    assert not workers.start_afresh(children[0]) and not workers.start_afresh(children[1])
    assert [child.name for child in children] == ["review-worker-2", "review-api"]
    assert (tmp_path / "review-worker-2.log").read_text() == "once\n" * 4, "the log of each goes on"


def test_how_many_workers_there_can_be_is_told_by_the_machine_and_not_by_partitions_that_may_be_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "en")
    workers = Workers(cast(Stack, None), [])
    workers.check("review-worker", 12)
    with pytest.raises(CannotScale, match="review-worker can have 0 to 12 processes on one machine") as refused:
        workers.check("review-worker", 13)
    assert "partitions" not in str(refused.value)


def test_end_ends_what_a_child_started_too(children: list[Child], tmp_path: Path) -> None:
    log = tmp_path / "parent.log"
    children.append(spawn(python("parent", FAMILY, log, says="\n"), tmp_path))
    wait_until_ready(children[0])
    grandchild = int(log.read_text())
    assert end(children) == []
    assert until_gone(grandchild)


def test_a_child_deaf_to_sigterm_is_killed_after_the_grace(children: list[Child], tmp_path: Path) -> None:
    children.append(spawn(python("deaf", DEAF, tmp_path / "deaf.log", says="deaf"), tmp_path))
    wait_until_ready(children[0])
    assert end(children, grace_s=0.3) == ["deaf"]
    assert not children[0].is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_end_when_the_launcher_is_killed(tmp_path: Path) -> None:
    code = f"""if True:
        import sys, time
        from pathlib import Path
        from deploy.local.supervise import Process, spawn
        child = spawn(Process("child", (sys.executable, "-c", {SLEEP!r}), ready=lambda: True), Path({str(tmp_path)!r}))
        print(child.popen.pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        child = int(launcher.stdout.readline())
        assert not is_gone(child)
        launcher.kill()
    assert until_gone(child)


def test_a_second_holder_of_the_lock_learns_the_first_ones_pid(tmp_path: Path) -> None:
    with lock(tmp_path) as stale:
        assert stale is None
        with pytest.raises(Locked) as locked, lock(tmp_path):
            pass
        assert locked.value.pid == os.getpid()
    with lock(tmp_path) as stale:
        assert stale is None


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    code = f"""if True:
        import os, signal
        from pathlib import Path
        from deploy.local.lock import lock
        with lock(Path({str(tmp_path)!r})):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    dead = subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert dead.returncode == -signal.SIGKILL
    with lock(tmp_path) as stale:
        assert stale is not None
        assert stale != os.getpid()


def test_taken_ports_are_all_listed_with_the_variable_that_moves_them() -> None:
    wanted = dict(zip(("kafka", "review-worker", "mongod"), ports.free(3), strict=True))
    with socket.socket() as one, socket.socket() as other:
        for listener, name in ((one, "kafka"), (other, "review-worker")):
            listener.bind((ports.HOST, wanted[name]))
            listener.listen()
        assert ports.taken(wanted) == [
            ports.Taken("kafka", wanted["kafka"], "SHUANGQIAN_PORT_KAFKA"),
            ports.Taken("review-worker", wanted["review-worker"], "SHUANGQIAN_PORT_REVIEW_WORKER"),
        ]


def test_a_port_is_changed_by_its_variable() -> None:
    assert ports.ports({"SHUANGQIAN_PORT_KAFKA": "29092"}) == {**ports.DEFAULTS, "kafka": 29092}


@pytest.mark.parametrize("text", ["", "0", "65536", "kafka", "-1"])
def test_what_is_not_a_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHUANGQIAN_PORT_KAFKA"):
        ports.ports({"SHUANGQIAN_PORT_KAFKA": text})
