"""The process table: everything that `make run` starts, with its settings and how to know that it is ready."""

import json
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from deploy.local import kafka, mongo
from deploy.local.people import Somebody, people
from deploy.local.ports import HOST
from deploy.local.supervise import Process, responds
from runtime.settings import BESIDE, Settings

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("submissions", "review", "publishing", "notifications", "audit")
#: Those that share a history's partitions, and so can be any number. Audit's worker, the recorder, is one.
WORKERS = ("submissions", "review", "publishing", "notifications")


SERVICE_READY_S = 90.0
#: What `deploy/alerts/prometheus.yaml` reads, in the run folder.
TARGETS = "targets.json"


@dataclass(frozen=True)
class Stack:
    """What runs where. The story finds everything through it.

    `settings` are those that all services share (addresses, Kafka, MongoDB, …); `inbox_url` shows the mail that was
    sent, with `/messages` as JSON; `people` can sign in at `settings.oidc_issuer`; `folder` keeps what lasts.
    """

    folder: Path
    ports: Mapping[str, int]
    settings: Settings
    inbox_url: str
    people: tuple[Somebody, ...]

    def url(self, service: str) -> str:
        """The address of a service as people use it, without a slash at its end."""
        return str(getattr(self.settings, f"{service}_url"))


def stack(folder: Path, ports: Mapping[str, int], otlp_endpoint: str | None = None) -> Stack:
    """The stack whose data is in `folder`, on `ports`; its spans go to `otlp_endpoint`, if anywhere."""
    settings = Settings(
        kafka_bootstrap=kafka.bootstrap(ports["kafka"]),
        kafka_partners_bootstrap=kafka.bootstrap(ports["kafka-partners"]),
        mongo_url=mongo.url(ports["mongod"]),
        host=HOST,
        session_secret=_session_secret(folder),
        oidc_issuer=_local(ports["issuer"]),
        smtp_host=HOST,
        smtp_port=ports["mail"],
        webhooks_to_private_addresses=True,
        sources_to_private_addresses=True,
        node_modules=ROOT / "node_modules",
        log_folder=folder / "log",
        publishing_url=_local(ports["publishing"]),
        submissions_url=_local(ports["submissions"]),
        review_url=_local(ports["review"]),
        notifications_url=_local(ports["notifications"]),
        audit_url=_local(ports["audit"]),
        otlp_endpoint=otlp_endpoint,
    )
    return Stack(folder, ports, settings, _local(ports["inbox"]), people())


def servers(stack: Stack) -> tuple[Process, ...]:
    """What the services stand on: the broker, the database, the issuer and the mail sink."""
    ports, folder = stack.ports, stack.folder
    mail_argv = _python("deploy.local.mail", str(folder / "mail"), str(ports["mail"]), str(ports["inbox"]))
    return (
        kafka.process(folder / "kafka", ports["kafka"], ports["kafka-controller"], ports["kafka-partners"]),
        mongo.process(folder / "mongod", ports["mongod"]),
        Process(
            "issuer",
            _python("deploy.local.issuer", str(ports["issuer"])),
            ready=responds(f"http://{HOST}:{ports['issuer']}/.well-known/openid-configuration"),
        ),
        Process("mail", mail_argv, ready=responds(f"http://{HOST}:{ports['inbox']}/messages")),
    )


def services(stack: Stack) -> tuple[Process, ...]:
    """Our own processes: an `api` and a `worker` for each service."""
    apis = (
        Process(
            f"{service}-api",
            _python(service, "api"),
            ready=responds(f"http://{HOST}:{stack.ports[service]}/readyz"),
            env=environment(stack.settings) | {"SHUANGQIAN_API_PORT": str(stack.ports[service])},
            ready_timeout_s=SERVICE_READY_S,
        )
        for service in SERVICES
    )
    return (*apis, *(worker(stack, service, stack.ports[f"{service}-worker"]) for service in SERVICES))


def worker(stack: Stack, service: str, ops_port: int, number: int = 1) -> Process:
    """The `number`th worker of a service; `ops_port` serves what machines ask of it."""
    return Process(
        f"{service}-worker" + (f"-{number}" if number > 1 else ""),
        _python(service, "worker"),
        ready=responds(f"http://{HOST}:{ops_port}/readyz"),
        env=environment(stack.settings) | {"SHUANGQIAN_OPS_PORT": str(ops_port)},
        ready_timeout_s=SERVICE_READY_S,
    )


def environment(settings: Settings) -> dict[str, str]:
    """`settings` as the environment variables that make them again; what is None is left out."""
    values = settings.model_dump(exclude_none=True, exclude={"api_port", "ops_port"})
    return {
        f"SHUANGQIAN_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }


def leave_word(stack: Stack) -> None:
    """Leave in the run folder what the stack's processes are told, for commands that are given beside it."""
    file = stack.folder / BESIDE.name
    file.touch(mode=0o600)
    told = environment(stack.settings).items()
    file.write_text("".join(f"{name}={_quoted(value)}\n" for name, value in told))


def leave_targets(stack: Stack, ours: Iterable[Process]) -> None:
    """Tell Prometheus where these of our processes serve `/metrics`: a file that it watches (`file_sd_configs`)."""
    targets = []
    for process in ours:
        port = process.env.get("SHUANGQIAN_OPS_PORT") or process.env["SHUANGQIAN_API_PORT"]
        # All workers of a service are one job: alerts and dashboard reckon by it.
        job = f"shuangqian-{process.name.rstrip('-0123456789')}"
        targets.append({"targets": [f"{HOST}:{port}"], "labels": {"job": job}})
    half = stack.folder / "targets.json.new"
    half.write_text(json.dumps(targets, indent=1) + "\n")
    half.replace(stack.folder / TARGETS)


def _quoted(text: str) -> str:
    """`text` as it stands in a file of environment variables."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _python(*argv: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-m", *argv)


def _local(port: int) -> str:
    # Not the number: one name for all services lets one session cookie serve them all.
    return f"http://localhost:{port}"


def _session_secret(folder: Path) -> str:
    """Made once a run folder, so that people stay signed in over restarts."""
    file = folder / "session-secret"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text()
