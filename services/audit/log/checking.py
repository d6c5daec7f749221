"""The check of the whole log, on real Kafka, MongoDB and the log's folder. It reads only."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pymongo import MongoClient
from pymongo.collection import Collection

from audit.fold import Message
from audit.history import reach
from audit.log.check import KafkaCheck, Part, Parted, check_log, check_recorded, hashes_of, head_of
from audit.log.folder import Folder
from audit.log.store import LogStore
from audit.recorder_read import Odd, filled, place
from runtime.replay import Extent, extent, read
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import HISTORIES

BATCH = 2000


@dataclass(frozen=True)
class Outcome:
    """What the check found: `size` is the checkpoint's; `recorded` events and `messages` of the histories were read."""

    parts: tuple[Part, ...]
    size: int
    recorded: int
    messages: int


def _unseen(_messages: int, _of: int) -> None:
    pass


def check(settings: Settings, client: MongoClient[Json], told: Callable[[int, int], None] = _unseen) -> Outcome:
    """Hold checkpoint, tiles, recorded events and the histories as far as they were recorded against each other.

    Raises Unreachable, KafkaError or PyMongoError where Kafka or MongoDB is away.
    """
    reach(settings.kafka_bootstrap)
    database = client[settings.database("audit")]
    folder, store, recorded = Folder(settings.log_folder), LogStore(database), database["recorded"]
    lease = database["leases"].find_one({"_id": "recorder"}) or {}
    count, last, keys = store.recorded(), store.last(), folder.verifiers()
    parts: list[Part] = []
    head = None
    if last and keys:
        head, parts = head_of(folder.checkpoint(), last["note"], keys[0])
    elif last:
        parts = [Part(Parted.CHECKPOINT, "key.pub", detail="the log's key is missing")]
    entries: Sequence[bytes] = ()
    if head:
        within_head = recorded.find({"leaf": {"$gte": 0, "$lt": head.size}}, {"leaf": 1, "hash": 1})
        entries, more = check_log(head, hashes_of(head.size, within_head), folder.read)
        parts += more
    parts += check_recorded(entries, recorded.find({"leaf": {"$lt": count}}).sort("leaf", 1))

    odd = list(database["oddities"].find({}, {"kind": 1, "position": 1, "detail": 1}))
    relaid = {each["position"].split(" ")[0] for each in odd if each["kind"] in (Odd.REMADE, Odd.PARTITIONS)}
    # Where neither records nor tiles lead to the checkpoint, nobody knows what the log has.
    sure = () if any(part.kind is Parted.FORK for part in parts) else entries
    kafka = KafkaCheck(count, sure, _lookup(recorded), {each["position"] for each in odd}, relaid)
    within = _within(settings, lease.get("places", ()))
    messages = 0
    for batch in _messages(settings, within):
        kafka.take(batch)
        messages += len(batch)
        told(messages, within.messages)
    # Events that came while this was reading are not held against anything.
    parts += kafka.end(lambda leaves: _gone(recorded, leaves, within))
    return Outcome(tuple(parts), head.size if head else 0, count, messages)


def _lookup(recorded: Collection[Json]) -> Callable[[Sequence[str]], dict[str, Json]]:
    def lookup(ids: Sequence[str]) -> dict[str, Json]:
        fields = {"leaf": 1, "position": 1, "event": 1}
        return {each["_id"]: each for each in recorded.find({"_id": {"$in": list(ids)}}, fields)}

    return lookup


def _gone(recorded: Collection[Json], leaves: Sequence[int], within: Extent) -> Iterator[Json]:
    ends = {(tp.topic, tp.partition): end for tp, end in within.end.items()}
    for at in range(0, len(leaves), BATCH):
        fields = {"position": 1, "contradicts": 1}
        for each in recorded.find({"leaf": {"$in": list(leaves[at : at + BATCH])}}, fields):
            where = place(filled(each, ["position"])["position"])
            if where is None or where[2] < ends.get(where[:2], where[2] + 1):
                yield each


def _within(settings: Settings, places: Sequence[Json]) -> Extent:
    """What the recorder has read, as far as it is there."""
    there = extent(settings.kafka, [settings.topic(topic) for topic in HISTORIES])
    read_to = {(place["topic"], n): next for place in places for n, next in enumerate(place["next"])}
    end = {tp: max(there.first[tp], min(at, read_to.get((tp.topic, tp.partition), 0))) for tp, at in there.end.items()}
    return Extent(there.first, end)


def _messages(settings: Settings, within: Extent) -> Iterator[list[tuple[str, Message]]]:
    services = {settings.topic(topic): topic.partition(".")[0] for topic in HISTORIES}
    for records in read(settings.kafka, within):
        for at in range(0, len(records), BATCH):
            yield [
                (services[r.topic], Message(r.topic, r.partition, r.offset, r.key, r.value))
                for r in records[at : at + BATCH]
            ]
