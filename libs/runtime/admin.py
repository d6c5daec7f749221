"""Topics: made once, with the settings that a history needs: `python -m runtime.admin PARTITIONS REPLICATION`."""

import sys

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from runtime.settings import Settings
from runtime.speech import either
from schemas.topics import HISTORIES, PARTITIONS

#: How a history is kept: for ever.
KEPT = {"retention.ms": "-1", "cleanup.policy": "delete", "max.message.bytes": "4194304"}


def create_topics(settings: Settings, *, partitions: int = PARTITIONS, replication: int = 1) -> list[str]:
    """Create the histories that are missing, kept for ever; returns their names."""
    admin = KafkaAdminClient(**settings.kafka)
    try:
        known = admin.list_topics()
        missing = [topic for topic in map(settings.topic, HISTORIES) if topic not in known]
        if missing:
            admin.create_topics([NewTopic(name, partitions, replication, topic_configs=KEPT) for name in missing])
        return missing
    except TopicAlreadyExistsError:  # another process was faster
        return []
    finally:
        admin.close()


def main() -> None:
    match sys.argv[1:]:
        case [partitions, replication] if partitions.isdecimal() and replication.isdecimal():
            made = create_topics(Settings.load(), partitions=int(partitions), replication=int(replication))
            print("\n".join(made) or either("All histories are there.", "历史主题均已存在。"))
        case _:
            usage = "python -m runtime.admin 12 3"
            sys.exit(either(f"usage: {usage}", f"用法：{usage}"))


if __name__ == "__main__":
    main()
