"""A recorder as a process of its own, for tests that kill it: `python -m tests.audit.recording`."""

from audit.recorder import Recorder
from runtime.settings import Settings

if __name__ == "__main__":
    recorder = Recorder(Settings())
    recorder.start()
    recorder.join()
