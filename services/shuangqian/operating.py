"""`shuangqian ops`: what the launcher of `make run` does on its socket (deploy/local/control.py says what it takes)."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from shuangqian.outcomes import NOT_RIGHT, UNREACHABLE
from web.languages import _, language, number
from web.shell import Failed


def status(folder: Path, as_json: bool) -> None:
    """Print every worker, and what waits for each service's."""
    _show(_order(folder, {"status": True}), as_json)


def scale(folder: Path, counts: list[str], as_json: bool) -> None:
    """Have as many workers run as said: `["review-worker=3"]`; each step is told on stderr as it is done."""
    _show(_order(folder, {"scale": dict(map(_count, counts))}), as_json)


def _count(text: str) -> tuple[str, int]:
    name, _equals, count = text.partition("=")
    if not count.isdecimal():
        raise Failed(NOT_RIGHT, _("Say how many, as in review-worker=3, instead of %s.") % text)
    return name, int(count)


def _order(folder: Path, order: dict[str, Any]) -> dict[str, Any]:
    for said in _answers(folder / "control", order):
        match said:
            case {"said": text}:
                print(text, file=sys.stderr, flush=True)
            case {"refused": text}:
                raise Failed(NOT_RIGHT, text)
            case {"done": done}:
                return dict(done)
    raise Failed(UNREACHABLE, _("The stack ended before it was done."))


def _answers(path: Path, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            text = _("No stack runs here: there is no %s to be asked. Start one with make run, or name its --folder.")
            raise Failed(UNREACHABLE, text % path) from None
        with connection.makefile("rwb") as lines:
            lines.write(json.dumps(order | {"language": language()}).encode() + b"\n")
            lines.flush()
            for line in lines:
                yield json.loads(line)


def _show(done: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    groups = done.get("groups", {})
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column(_("Worker"))
    table.add_column(_("Running"), justify="right")
    if groups:
        table.add_column(_("Events that wait"), justify="right")
    table.add_column(_("Processes"))
    for name, pids in done["workers"].items():
        waiting = [number(groups[name.removesuffix("-worker")]["waiting"])] if groups else []
        table.add_row(name, str(len(pids)), *waiting, " ".join(map(str, pids)))
    Console(highlight=False).print(table)
