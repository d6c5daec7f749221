"""Measure, print a table, write build/bench.json: `python -m tests.bench [PART]`, all parts without one."""

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from deploy.local.servers import kafka_server, mongo_server
from deploy.local.supervise import CannotStart
from runtime.speech import either
from tests.bench import (
    audit_as_of,
    audit_log,
    audit_million,
    audit_replay,
    intake,
    latency,
    million,
    relay,
    review,
    review_next,
    review_rebalance,
    startup,
    worker,
)
from tests.bench.figure import Figure, say
from tests.bench.ground import Ground

#: What `review` measures, a module each.
REVIEW = (review.measure, review_next.measure, review_rebalance.measure)
#: And what `audit` does.
AUDIT = (audit_replay.measure, audit_log.measure, audit_as_of.measure)
PARTS: dict[str, Callable[[Ground], list[Figure]]] = {
    "intake": intake.measure,
    "relay": relay.measure,
    "worker": worker.measure,
    "latency": latency.measure,
    "startup": startup.measure,
    "review": lambda ground: [figure for measure in REVIEW for figure in measure(ground)],
    "audit": lambda ground: [figure for measure in AUDIT for figure in measure(ground)],
}
#: Only when asked for by name: they take minutes and gigabytes.
LONG: dict[str, Callable[[Ground], list[Figure]]] = {
    "million": million.measure,
    "audit-million": audit_million.measure,
}
FILE = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main(parts: Sequence[str]) -> None:
    """Measure the parts asked for, or all, one after the other on a broker and a database of their own."""
    if not set(parts) <= (PARTS | LONG).keys():
        sys.exit(f"usage: python -m tests.bench [{' | '.join(PARTS | LONG)}]")
    # What a relay in this process says of its lease is nobody's figure.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    began = time.monotonic()
    try:
        figures = _measured(parts or list(PARTS))
    except CannotStart as failed:
        sys.exit(str(failed))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps([figure.to_json() for figure in figures], indent=2) + "\n")
    _print(figures, time.monotonic() - began)


def _measured(parts: Sequence[str]) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="shuangqian-bench-") as name:
        folder = Path(name)
        say(either("Starting Kafka and mongod", "正在启动 Kafka 和 mongod"))
        with kafka_server(folder / "kafka") as kafka, mongo_server(folder / "mongod") as mongo:
            ground = Ground(kafka.address, mongo.address, folder)
            return [figure for part in parts for figure in (PARTS | LONG)[part](ground)]


def _print(figures: Sequence[Figure], seconds: float) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    caption = either(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {seconds:.0f} s in all. ↑ more is better, ↓ less",
        f"{os.cpu_count()} 核，负载 {os.getloadavg()[0]:.1f}；共用时 {seconds:.0f} 秒。↑ 越大越好，↓ 越小越好",
    )
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left")
    table.add_column(either("Figure", "指标"))
    for heading in (either("Value", "数值"), either("Limit", "极限值"), either("Ratio", "比值")):
        table.add_column(heading, justify="right")
    table.add_column(either("The limit is", "极限的含义"))
    for figure in figures:
        ratio = f"{figure.ratio:.2f} {'↑' if figure.more_is_better else '↓'}"
        value, limit = (f"{_number(each)} {figure.unit}" for each in (figure.value, figure.baseline_value))
        table.add_row(figure.name, value, limit, ratio, figure.baseline)
    console.print(table)
    console.print(either(f"Written to {FILE}", f"已写入 {FILE}"), soft_wrap=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
