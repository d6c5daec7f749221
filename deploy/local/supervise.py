"""Starts processes, waits until they are ready, watches them, and ends them: only those it started, by pid."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import httpx2

from runtime.speech import either

GRACE_S = 20.0
TAIL_LINES = 15
PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Process:
    """One row of the process table: what to run, and how to know that it is ready."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_s: float = 60.0


@dataclass(frozen=True)
class Child:
    """A process that was started, its log, and when (monotonic seconds)."""

    process: Process
    popen: subprocess.Popen[bytes]
    log: Path
    started_s: float

    @property
    def name(self) -> str:
        return self.process.name

    def is_alive(self) -> bool:
        return self.popen.poll() is None


class CannotStart(Exception):
    """Something that a process needs is not there; the message says what to do."""


class ChildFailed(CannotStart):
    """A child ended by itself or did not become ready. The message says which, how, and shows the end of its log."""

    def __init__(self, child: Child, what: str) -> None:
        end_of = either(f". The end of {child.log}:", f"。{child.log} 的末尾：")
        super().__init__(f"{child.name} {what}{end_of}\n{tail(child.log)}")
        self.child = child


def responds(url: str) -> Callable[[], bool]:
    """A readiness probe: `url` answers with a 2xx."""

    def probe() -> bool:
        try:
            return httpx2.get(url, timeout=2.0).is_success
        except httpx2.HTTPError:
            return False

    return probe


def spawn(process: Process, log_folder: Path, *, go_on: bool = False) -> Child:
    """Start `process` in a session of its own, its output in `log_folder/<name>.log`, behind what is there if `go_on`.
    Call it from the main thread: the kernel ends the child when the thread that started it is gone."""
    log_folder.mkdir(parents=True, exist_ok=True)
    log = log_folder / f"{process.name}.log"
    with log.open("ab" if go_on else "wb") as output:
        popen = subprocess.Popen(
            process.argv,
            cwd=ROOT,
            env={**os.environ, **process.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )
    return Child(process, popen, log, time.monotonic())


def wait_until_ready(child: Child, every_s: float = 0.1) -> float:
    """Wait until the child's probe says yes; the seconds it took. Raises `ChildFailed` if it ends or takes too long."""
    while True:
        if not child.is_alive():
            how = how_it_ended(child)
            raise ChildFailed(child, either(f"ended before it was ready ({how})", f"尚未就绪即已结束（{how}）"))
        if child.process.ready():
            return time.monotonic() - child.started_s
        if time.monotonic() - child.started_s > child.process.ready_timeout_s:
            limit = f"{child.process.ready_timeout_s:.0f}"
            raise ChildFailed(child, either(f"was not ready after {limit} s", f"在 {limit} 秒内没有就绪"))
        time.sleep(every_s)


async def watch(
    *groups: Sequence[Child], afresh: Callable[[Child], bool] = lambda child: False, every_s: float = 0.2
) -> None:
    """Run until a child of any of `groups` (which may change meanwhile) ends, then raise `ChildFailed`; unless
    `afresh` put another in its place."""
    while True:
        for child in list(chain(*groups)):
            if not child.is_alive() and not afresh(child):
                how = how_it_ended(child)
                raise ChildFailed(child, either(f"ended unexpectedly ({how})", f"意外结束（{how}）"))
        await asyncio.sleep(every_s)


def end(children: Sequence[Child], grace_s: float = GRACE_S) -> list[str]:
    """End `children` and what they started: SIGTERM to all at once, SIGKILL after `grace_s`.

    Returns the names of those that had to be killed. Safe to call again.
    """
    living = [child for child in children if child.is_alive()]
    for child in living:
        _signal(child, signal.SIGTERM)
    deadline_s = time.monotonic() + grace_s
    killed = []
    for child in living:
        try:
            child.popen.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(child.name)
            kill(child)
    return killed


def kill(child: Child) -> None:
    """SIGKILL to the child and its group, as a crash would have it; returns once it is gone."""
    if child.is_alive():
        _signal(child, signal.SIGKILL)
        child.popen.wait()


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, or a remark that there are none."""
    try:
        text = log.read_text(errors="replace").rstrip()
    except OSError:
        text = ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or either(
        "    (it wrote nothing)", "    （没有任何输出）"
    )


def _signal(child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.popen.pid, number)


def how_it_ended(child: Child) -> str:
    """The signal that killed a child, or its exit status."""
    code = child.popen.returncode
    if code < 0:
        name = signal.Signals(-code).name
        return either(f"killed by {name}", f"被 {name} 终止")
    return either(f"exit status {code}", f"退出状态 {code}")


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel kills the child when the launcher dies, even by kill -9; elsewhere nothing does."""
    if not hasattr(os, "pidfd_open"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died between fork and prctl; then the signal would never come.
        if os.getppid() != parent:
            os._exit(1)

    return set_death_signal
