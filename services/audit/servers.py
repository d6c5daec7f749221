"""Which servers a command read, said with its verdict: who has two installations must see which one is meant.

Without what lets anybody in: neither user nor password nor options.
"""

from runtime.settings import Settings


def kafka_said(settings: Settings) -> str:
    """Kafka's addresses, and the topics' prefix where there is one: `127.0.0.1:19092/demo.*`."""
    return settings.kafka_bootstrap + (f"/{settings.topic_prefix}*" if settings.topic_prefix else "")


def mongo_said(settings: Settings) -> str:
    """MongoDB's addresses and the databases' prefix: `127.0.0.1:27117/shuangqian_*`."""
    return f"{mongo_hosts(settings)}/{settings.database_prefix}*"


def mongo_hosts(settings: Settings) -> str:
    """MongoDB's addresses alone."""
    _, _, rest = settings.mongo_url.rpartition("://")
    address = rest.partition("?")[0]
    # Where a password has a ? that should have been escaped, the @ after it still ends it.
    address = address if "@" in address or "@" not in rest else rest
    return address.rpartition("@")[2].partition("/")[0]
