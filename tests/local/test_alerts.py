"""The alert rules and the dashboard: Prometheus's own tool takes them, and every metric in them is really there."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.web.demo import demo
from tests.web.settings import WebSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "alerts" / "shuangqian.rules.yaml"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "dashboards" / "shuangqian.json").read_text())
#: Prometheus's own, of every target.
ITS_OWN = {"up"}

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian, Ubuntu: apt-get install prometheus)"
)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    drawn = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + drawn


def tool(*arguments: str | Path, cwd: Path = DEPLOY / "alerts") -> subprocess.CompletedProcess[str]:
    argv = ["promtool", *map(str, arguments)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=60)


@promtool
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    for arguments in (("check", "rules", RULES), ("check", "config", DEPLOY / "alerts" / "prometheus.yaml")):
        checked = tool(*arguments)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@promtool
def test_alerts_fire_when_they_must_and_not_before() -> None:
    tested = tool("test", "rules", "tests.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@promtool
def test_promtool_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    drawn = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(expressions())]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": drawn}]}))
    checked = tool("check", "rules", tmp_path / "panels.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_every_metric_of_rules_and_dashboard_is_on_a_metrics_page() -> None:
    transport = httpx2.ASGITransport(app=demo(WebSettings()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        page = (await client.get("/metrics")).text
    told: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE):
        told |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    used = {name for expr in expressions() for name in re.findall(r"\b(?:shuangqian|process)_\w+|\bup\b", expr) if name}
    assert len(used) > 8
    assert used - told == ITS_OWN


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    assert len(rules()) >= 7
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["annotations"]["summary"] and rule["annotations"]["help"], rule["alert"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
