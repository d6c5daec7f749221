"""The chart: rendered by helm where that is installed, and held against what the services are. No cluster ran it."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.table import SERVICES, WORKERS
from runtime.consumers import followed
from runtime.settings import Settings
from schemas.topics import PARTITIONS

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "shuangqian"
VALUES: Mapping[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

#: What an installation must say of itself.
GIVEN = {
    "SHUANGQIAN_KAFKA_PARTNERS_BOOTSTRAP": "kafka.example:9094",
    "SHUANGQIAN_SMTP_HOST": "mail.example",
    "SHUANGQIAN_MAIL_FROM": "shuangqian@shuangqian.example",
}

helm = pytest.mark.skipif(
    shutil.which("helm") is None, reason="helm is not installed (https://helm.sh/docs/intro/install)"
)


def rendered() -> dict[tuple[str, str], Any]:
    """What helm makes of the chart, by kind and name."""
    given = [f"--set=settings.{name}={value}" for name, value in GIVEN.items()]
    done = subprocess.run(["helm", "template", "sq", str(CHART), *given], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(named) == len(found)
    return named


def test_the_values_are_those_of_the_services() -> None:
    services = VALUES["services"]
    assert set(services) == set(SERVICES)
    assert {name for name, each in services.items() if each["worker"]} == set(WORKERS)
    for name, topics in followed().items():
        if name in services:
            assert set(services[name]["reads"]) == topics, name
    assert VALUES["worker"]["most"] == PARTITIONS
    known = {f"SHUANGQIAN_{name.upper()}" for name in Settings.model_fields}
    assert set(VALUES["settings"]) <= known
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    assert set(re.findall(r"SHUANGQIAN_[A-Z_]+[A-Z]", templates.replace("SHUANGQIAN_{{", ""))) <= known


def test_no_installation_is_left_with_the_mail_server_or_listener_of_a_local_stack() -> None:
    """What the local stack's defaults point to themselves must be said, or is said by the values."""
    given = VALUES["settings"]
    assert {name for name, value in given.items() if value == ""} == set(GIVEN)
    required = re.search(r"range \$name := list (.*) }}", (CHART / "templates" / "settings.yaml").read_text())
    assert required and set(re.findall(r'"(\w+)"', required[1])) == set(GIVEN)
    beside = {"mongo_url", "host", "log_timestamps_url"}  # in the Secret, in the pod
    here = [
        name
        for name, field in Settings.model_fields.items()
        if re.match(r"(https?://)?(127|localhost|.*@localhost)", str(field.default))
    ]
    assert {f"SHUANGQIAN_{name.upper()}" for name in here if name not in beside} <= set(given)
    Settings(**{name.removeprefix("SHUANGQIAN_").lower(): value for name, value in (given | GIVEN).items()})


def test_the_histories_are_made_by_a_job() -> None:
    job = (CHART / "templates" / "topics.yaml").read_text()
    assert "command: [python, -m, runtime.admin, {{ .Values.topics.partitions" in job
    assert VALUES["topics"] == {"partitions": PARTITIONS, "replication": 3}


@helm
def test_nothing_is_rendered_without_what_must_be_given() -> None:
    done = subprocess.run(["helm", "template", "sq", str(CHART)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "must be given" in done.stderr


@helm
def test_every_service_has_what_runs_and_what_scales_it() -> None:
    found = rendered()
    for service in SERVICES:
        deployment = found["Deployment", f"{service}-api"]["spec"]
        pod = deployment["template"]
        assert deployment["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert pod["spec"]["containers"][0]["command"] == ["python", "-m", service, "api"]
        assert found["Service", f"{service}-api"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        scaler = found["HorizontalPodAutoscaler", f"{service}-api"]["spec"]
        assert scaler["scaleTargetRef"]["name"] == f"{service}-api"
        assert "replicas" not in deployment  # else each upgrade would undo what the autoscaler did
    for service in WORKERS:
        pod = found["Deployment", f"{service}-worker"]["spec"]["template"]["spec"]
        assert pod["containers"][0]["command"] == ["python", "-m", service, "worker"]
        assert {"name": "SHUANGQIAN_OPS_PORT", "value": "8100"} in pod["containers"][0]["env"]
        scaled = found["ScaledObject", f"{service}-worker"]["spec"]
        assert scaled["scaleTargetRef"]["name"] == f"{service}-worker"
        assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (1, PARTITIONS)
        triggers = [trigger["metadata"] for trigger in scaled["triggers"]]
        assert {trigger["topic"] for trigger in triggers} == followed()[service]
        assert {trigger["consumerGroup"] for trigger in triggers} == {service}


@helm
def test_one_worker_keeps_the_log_and_every_audit_api_serves_it() -> None:
    found = rendered()
    worker, api = (found["Deployment", f"audit-{sort}"]["spec"] for sort in ("worker", "api"))
    assert worker["replicas"] == 1 and ("ScaledObject", "audit-worker") not in found
    claim = found["PersistentVolumeClaim", "shuangqian-log"]["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    for spec, reads_only in ((worker, None), (api, True)):
        pod = spec["template"]["spec"]
        (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "log")
        assert (mount["mountPath"], mount.get("readOnly")) == (VALUES["settings"]["SHUANGQIAN_LOG_FOLDER"], reads_only)
        assert {"name": "log", "persistentVolumeClaim": {"claimName": "shuangqian-log"}} in pod["volumes"]


@helm
def test_pods_run_without_privileges_and_reach_only_what_is_said() -> None:
    found = rendered()
    for (kind, _), each in found.items():
        if kind == "Deployment":
            spec = each["spec"]["template"]["spec"]
            (container,) = spec["containers"]
            assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    everything = found["NetworkPolicy", "shuangqian"]["spec"]
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert everything["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "shuangqian"}
