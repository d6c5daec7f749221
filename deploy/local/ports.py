"""Every address of the local stack, in one place. All are on the loopback interface.

Each port has a default and is changed by its own environment variable: `SHUANGQIAN_PORT_KAFKA=29092 make run`.
"""

import itertools
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"

DEFAULTS: Mapping[str, int] = {
    "publishing": 8000,
    "submissions": 8001,
    "review": 8002,
    "notifications": 8003,
    "audit": 8004,
    "publishing-worker": 8100,
    "submissions-worker": 8101,
    "review-worker": 8102,
    "notifications-worker": 8103,
    "audit-worker": 8104,
    "issuer": 8010,
    "mail": 8025,
    "inbox": 8026,
    "kafka": 19092,
    "kafka-controller": 19093,
    "kafka-partners": 19094,
    "mongod": 27117,
}


@dataclass(frozen=True)
class Taken:
    """A port that somebody else listens on: what wanted it, and the variable that moves it."""

    name: str
    port: int
    variable: str


def variable(name: str) -> str:
    """The environment variable that sets the port called `name`."""
    return "SHUANGQIAN_PORT_" + name.upper().replace("-", "_")


def ports(environ: Mapping[str, str]) -> dict[str, int]:
    """Every port by name, with the overrides found in `environ`. Raises `ValueError` for one that is not a port."""
    chosen = {}
    for name, default in DEFAULTS.items():
        text = environ.get(variable(name), str(default))
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise ValueError(f"{variable(name)} must be a port from 1 to 65535, not {text!r}")
        chosen[name] = int(text)
    return chosen


def taken(wanted: Mapping[str, int]) -> list[Taken]:
    """Those of `wanted` that cannot be bound now, in the given order."""
    return [Taken(name, port, variable(name)) for name, port in wanted.items() if not _can_bind(port)]


def free(count: int) -> list[int]:
    """`count` different ports that nobody listens on at this moment."""
    # Below the range from which systems number outgoing connections, so that a port is still free after a restart.
    candidates = random.sample(range(20000, 32000), k=100 + count)
    return list(itertools.islice(filter(_can_bind, candidates), count))


def answers(port: int, timeout_s: float = 0.5) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def repeated(chosen: Mapping[str, int]) -> Iterable[tuple[str, str, int]]:
    """Pairs of names that were given the same port, which the check for taken ports cannot see."""
    seen: dict[int, str] = {}
    for name, port in chosen.items():
        if port in seen:
            yield seen[port], name, port
        seen.setdefault(port, name)


def _can_bind(port: int) -> bool:
    with socket.socket() as attempt:
        # As servers do: a port in TIME_WAIT after the last run is not taken.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
            return True
        except OSError:
            return False
