"""Which servers a command read, said with its verdict: who has two installations must see which one is meant.

Without what lets anybody in: neither user nor password nor options.
"""

import re

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from runtime.settings import Settings


def kafka_said(settings: Settings) -> str:
    """Kafka's addresses, and the topics' prefix where there is one: `127.0.0.1:19092/demo.*`."""
    return settings.kafka_bootstrap + (f"/{settings.topic_prefix}*" if settings.topic_prefix else "")


def mongo_said(settings: Settings) -> str:
    """MongoDB's addresses and the databases' prefix: `127.0.0.1:27117/shuangqian_*`."""
    return f"{mongo_hosts(settings)}/{settings.database_prefix}*"


def mongo_hosts(settings: Settings) -> str:
    """MongoDB's addresses alone, as its own driver reads them; `?` where it can make nothing of what is set."""
    name = re.sub(r"^mongodb\+srv://", "mongodb://", settings.mongo_url)  # else the driver would ask the network
    try:
        nodes = parse_uri(name, validate=False)["nodelist"]
    except (PyMongoError, ValueError):
        return "?"
    hosts = [f"[{host}]" if ":" in host else host for host, _ in nodes]
    ports = [f":{port}" if port and name == settings.mongo_url else "" for _, port in nodes]
    return ",".join(map("".join, zip(hosts, ports, strict=True)))
