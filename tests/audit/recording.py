"""Recorder and keeper as a process of their own, for tests that kill it: `python -m tests.audit.recording`."""

from audit.log.keeper import Keeper
from audit.recorder import Recorder
from runtime.settings import Settings

if __name__ == "__main__":
    threads = (Recorder(Settings()), Keeper(Settings()))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
