"""One launcher at a time for a run folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Locked(Exception):
    """Another launcher, `pid`, holds the lock."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"held by pid {pid}")
        self.pid = pid


@contextmanager
def lock(folder: Path) -> Iterator[int | None]:
    """Hold `folder/lock` for the block; raises `Locked` when another process does.

    Gives the pid of an earlier holder that died without letting go, or None. The kernel drops a dead process's hold,
    so a stale lock never stands in the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        file.seek(0)
        holder = _pid(file.read())
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(holder) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield holder
        finally:
            file.truncate(0)


def _pid(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None
