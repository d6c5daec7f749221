"""Named crash points: where tests end a process as a power cut would, to show that nothing is lost or repeated.

`SHUANGQIAN_CRASH_AT=handle.after_write:3` ends the process at that point, after it has passed it three times.
"""

import os
import signal

POINTS = (
    "handle.before_write",
    "handle.after_write",
    "consume.before_ack",
    "consume.after_ack",
    "relay.after_send",
    "relay.after_ack",
    "relay.after_save",
    "sender.after_send",
    "source.after_take",
    "intake.before_receipts",
    "intake.after_receipts",
    "recorder.before_write",
    "recorder.after_write",
    "recorder.after_titles",
    "recorder.after_save",
    "log.after_tiles",
    "log.after_signing",
)

_at, _, _passes = os.environ.get("SHUANGQIAN_CRASH_AT", "").partition(":")
_left = int(_passes or 0)


def crash_point(name: str) -> None:
    """End this process with SIGKILL if it was told to crash here; otherwise do nothing."""
    global _left
    if name != _at:
        return
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    _left -= 1
