"""The keeper: makes the tree grow by what the recorder recorded, and signs its checkpoints.

One keeper works at a time, under the lease `log`. Tiles are written before a checkpoint is signed, and it is kept in
MongoDB before it is shown; whatever was cut off is done again, to the same bytes. It signs nothing that is not a
continuation of what it signed before (docs/decisions/0020).
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge
from pymongo import MongoClient
from pymongo.database import Database

from audit.log.folder import Folder
from audit.log.note import Checkpoint, NotSigned, Signer, Verifier, checkpoint, signed_by, split, verifiers
from audit.log.stamp import NotStamped, stamp
from audit.log.store import LogStore
from audit.log.tiles import WIDTH, Tile, grow, nodes
from audit.log.tree import EMPTY, Node, consistency_proof, root, verify_consistency
from audit.log.witness import NotWitnessed, Witness, cosign, witnesses
from runtime.crash import crash_point
from runtime.lease import Lease
from runtime.settings import Settings
from schemas.envelope import Json

log = structlog.get_logger()

SIZE = Gauge("shuangqian_log_size", "Leaves in the tree of the last checkpoint")
SIGNED = Gauge("shuangqian_log_signed_seconds", "When the last checkpoint was signed, in seconds since 1970")
WITNESSED = Gauge("shuangqian_log_witnessed", "Witnesses that cosigned the last checkpoint")
#: Leaves between two checkpoints, at most.
STEP = 65_536
POLL_S = 0.5
#: Seconds between two timestamps, at least: an authority is not asked for each checkpoint.
STAMP_EVERY_S = 600.0


class Forked(Exception):
    """What was recorded is not a continuation of what was signed: nothing is signed until somebody has looked."""


def origin(settings: Settings) -> str:
    """The log's name where its key does not say another: its address, without the scheme."""
    return settings.audit_url.partition("://")[2].rstrip("/") + "/log"


class Keeper(threading.Thread):
    """Keeps the log until `stop()`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="keeper", daemon=True)
        self._settings = settings
        self._folder = Folder(settings.log_folder)
        self._witnesses = witnesses(settings.log_witnesses)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        with MongoClient[Json](
            self._settings.mongo_url, w="majority", journal=True, tz_aware=True, readConcernLevel="majority"
        ) as client:
            database = client[self._settings.database("audit")]
            lease = Lease(database["leases"], "log", self._settings.lease_s)
            lease.work(self._stopping, lambda _held: self._keep(database, lease))

    def _keep(self, database: Database[Json], lease: Lease) -> None:
        store = LogStore(database)
        given = self._settings.log_key
        key = self._folder.signer(origin(self._settings), given.get_secret_value() if given else None)
        former = verifiers(self._settings.log_former_keys)
        head = resume(store, self._folder, key, former)
        self._folder.write_verifiers([key.verifier, *former])
        signed = 0.0
        while not self._stopping.is_set():
            lease.renew()
            due = time.monotonic() - signed >= self._settings.log_checkpoint_s
            if due and (added := store.hashes(head.size, STEP)):
                head, note = advance(store, self._folder, key, head, added)
                if len(added) < STEP:
                    signed = time.monotonic()
                self._confirm(store, head, note)
            else:
                self._stopping.wait(min(POLL_S, self._settings.lease_s / 4))

    def _confirm(self, store: LogStore, head: Checkpoint, note: str) -> None:
        """Have a checkpoint cosigned and timestamped, where there is who does."""
        SIZE.set(head.size)
        SIGNED.set(time.time())
        if self._witnesses:
            note, names = witnessed(store, self._witnesses, head, note, nodes(head.size, self._folder.read))
            WITNESSED.set(len(names))
            if names:
                store.add(head.size, note=note, witnesses=names)
                self._folder.write_checkpoint(note)
        if url := self._settings.log_timestamps_url:
            last = store.last_stamped()
            if last is None or (datetime.now(UTC) - last["stamped"]).total_seconds() > STAMP_EVERY_S:
                try:
                    token = stamp(url, split(note)[0].encode())
                    store.add(head.size, stamp=token, stamped=datetime.now(UTC))
                except NotStamped as error:
                    log.warning("log.not-stamped", error=str(error))


def resume(store: LogStore, folder: Folder, key: Signer, former: Sequence[Verifier] = ()) -> Checkpoint:
    """The last checkpoint signed, with the folder brought to it: its tiles are made again where they are not its own.

    Where a former key signed it, the log's key is changed here: it signs the same checkpoint, beside the former one.
    Raises NotSigned where neither did, Forked where what is recorded no longer leads to it.
    """
    if others := {each.name for each in former} - {key.name}:
        raise NotSigned(f"a former key is of another log: {', '.join(sorted(others))}")
    last = store.last()
    if last is None:
        return Checkpoint(key.name, 0, EMPTY)
    head, note = checkpoint(last["note"], key.verifier, *former), last["note"]
    try:
        there = root(head.size, nodes(head.size, folder.read)) == head.root
    except (LookupError, IndexError, ValueError):
        there = False
    if not there:
        log.warning("log.tiles-made-again", size=head.size)
        size = 0
        while size < head.size:
            added = store.hashes(size, min(STEP, head.size - size))
            if not added:
                raise Forked(f"{head.size} leaves were signed, and {size} are recorded")
            write(folder, size, added)
            size += len(added)
        if root(head.size, nodes(head.size, folder.read)) != head.root:
            raise Forked(f"what is recorded does not lead to the checkpoint of {head.size} leaves that was signed")
    if key.verifier not in signed_by(note, [key.verifier]):
        note += key.sign(split(note)[0])
        store.add(head.size, note=note)
        log.info("log.key-changed", size=head.size, key=str(key.verifier))
    folder.write_checkpoint(note)
    return head


def write(folder: Folder, size: int, added: list[bytes]) -> list[Tile]:
    """Write the tiles that change when entries are added; those that are full."""
    full: list[Tile] = []
    for tile, data in grow(size, added, folder.read):
        folder.write(tile, data)
        if tile.width == WIDTH:
            full.append(tile)
    return full


def advance(
    store: LogStore, folder: Folder, key: Signer, head: Checkpoint, added: list[bytes]
) -> tuple[Checkpoint, str]:
    """Add entries to the tree and sign its new head: the head, its note. Raises Wrong where it is no continuation."""
    full = write(folder, head.size, added)
    crash_point("log.after_tiles")
    size = head.size + len(added)
    node = nodes(size, folder.read)
    grown = Checkpoint(key.name, size, root(size, node))
    # The tiles could be other than they were: then this does not verify, and nothing is signed.
    verify_consistency(head.size, size, head.root, grown.root, consistency_proof(head.size, size, node))
    note = f"{grown.text()}\n{key.sign(grown.text())}"
    store.signed(grown, note)
    crash_point("log.after_signing")
    folder.write_checkpoint(note)
    for tile in full:
        folder.drop_partials(tile)
    return grown, note


def witnessed(
    store: LogStore, asked: tuple[Witness, ...], head: Checkpoint, note: str, node: Node
) -> tuple[str, list[str]]:
    """The note with the cosignatures of those witnesses that gave one, and their names."""

    def ask(witness: Witness) -> str | None:
        known = store.witnesses.find_one({"_id": witness.key.name}) or {}
        try:
            lines = cosign(witness, note, head.size, min(known.get("size") or 0, head.size), node)
        except NotWitnessed as error:
            log.warning("log.not-witnessed", witness=witness.key.name, error=str(error))
            store.witnessed(witness.key.name, None, str(error))
            return None
        store.witnessed(witness.key.name, head.size, None)
        return lines

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(ask, asked))
    names = [witness.key.name for witness, lines in zip(asked, answers, strict=True) if lines]
    return note + "".join(filter(None, answers)), names
