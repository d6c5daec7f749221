"""Reading an evidence bundle: its files, its manifest, and each fault of theirs with its place."""

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from audit.bundle import CHECKPOINT, FORMAT, FORMER, KEY, MANIFEST
from audit.bundle_what import is_what
from schemas.envelope import Json
from web.languages import _

#: When a bundle was made, as `timestamp` writes it.
MADE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
#: An event's name: /service/stream/sequence.
REF = r"/[^/]+/.+/[1-9][0-9]{0,15}"
#: What reading a damaged archive can raise, beside what zipfile means to.
DAMAGE = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, NotImplementedError, KeyError, OverflowError)


#: The place of what is wrong with the archive as a whole.
DIRECTORY = "the archive’s directory"


class Fault(StrEnum):
    """What can be wrong with a bundle."""

    CUT_SHORT = "cut-short"  # it is no archive, or its end is missing
    NO_MANIFEST = "no-manifest"
    OTHER_KEY = "other-key"
    WRONG_CHECKPOINT = "wrong-checkpoint"
    WRONG_TIMESTAMP = "wrong-timestamp"
    UNVOUCHED_TIMESTAMP = "unvouched-timestamp"  # none of the roots that were given vouches for who signed it
    CHANGED_EVENT = "changed-event"
    MISSING_EVENT = "missing-event"
    WRONG_PROOF = "wrong-proof"
    CHANGED_FILE = "changed-file"
    MISSING_FILE = "missing-file"
    EXTRA_FILE = "extra-file"
    FOREIGN_EVENT = "foreign-event"  # it is in the log, and not of what the bundle says it is of
    OTHER_BYTES = "other-bytes"  # every file holds, and the archive is not written as an export writes it


@dataclass(frozen=True)
class Found:
    """One fault; `place` is an event's name, a file of the bundle, or `byte N`."""

    fault: Fault
    place: str
    detail: str = ""


class Broken(Exception):
    """A bundle of which nothing more can be said."""

    def __init__(self, fault: Fault, place: str, detail: str = "") -> None:
        super().__init__(fault)
        self.found = Found(fault, place, detail)


class EarlierForm(Exception):
    """A bundle of a form that is no longer verified."""


def events(path: Path) -> dict[str, bytes]:
    """The events of a bundle that holds, by their names, as they were on Kafka."""
    with path.open("rb") as file:
        files = read(file)[0]
    return {each["ref"]: files[f"events/{name}.json"] for name, each in listed(manifest_of(files))}


def read(file: Any) -> tuple[dict[str, bytes], list[Found]]:
    """Every file that can be read, and what cannot."""
    try:
        archive = zipfile.ZipFile(file)
        names = archive.namelist()
    except DAMAGE as error:
        raise Broken(Fault.CUT_SHORT, DIRECTORY) from error
    files: dict[str, bytes] = {}
    faults: list[Found] = []
    for info, name in zip(archive.infolist(), names, strict=True):
        try:
            data = archive.read(info)
        except DAMAGE as error:
            files.setdefault(name, b"")
            faults.append(Found(Fault.CHANGED_FILE, name, str(error)))
            continue
        if name in files:
            faults.append(Found(Fault.EXTRA_FILE, name))
        else:
            files[name] = data
    return files, faults


def manifest_of(files: Mapping[str, bytes]) -> Json:
    """What the manifest says, in the form that all else relies on. Raises Broken, EarlierForm."""
    if MANIFEST not in files:
        raise Broken(Fault.NO_MANIFEST, MANIFEST)
    try:
        manifest: Json = orjson.loads(files[MANIFEST])
        if manifest["format"] == FORMER:
            raise EarlierForm(FORMER)
        assert manifest["format"] == FORMAT and is_what(manifest["what"])
        assert all(isinstance(manifest[name], str) for name in ("log", "root"))
        assert isinstance(manifest["size"], int) and re.fullmatch(MADE, manifest["made"], re.ASCII)
        for each in manifest["events"]:
            assert type(each["leaf"]) is int and all(isinstance(each[name], str) for name in ("ref", "type", "time"))
            assert each["leaf"] >= 0 and re.fullmatch(REF, each["ref"], re.ASCII | re.DOTALL)
        assert len({each["leaf"] for each in manifest["events"]}) == len(manifest["events"])
        assert all(isinstance(each, str) for each in manifest["files"].values())
    except (orjson.JSONDecodeError, AssertionError, KeyError, TypeError, AttributeError) as error:
        text = _("it is not a manifest of the form %(format)s, which says what the bundle is of and when it was made")
        raise Broken(Fault.NO_MANIFEST, MANIFEST, text % {"format": FORMAT}) from error
    return manifest


def listed(manifest: Json) -> list[tuple[str, Json]]:
    return [(f"{each['leaf']:09}", each) for each in manifest["events"]]


def held_against(manifest: Json, files: Mapping[str, bytes], unreadable: Sequence[Found]) -> list[Found]:
    """The files held against the manifest's digests; faults of events and proofs are told by the event's name."""
    refs = {f"events/{name}.json": each["ref"] for name, each in listed(manifest)}
    proofs = {f"proofs/{name}.tlog-proof": each["ref"] for name, each in listed(manifest)}
    extra = [each for each in unreadable if each.fault == Fault.EXTRA_FILE]
    faults = [*extra]
    for name, digest in manifest["files"].items():
        there = name in files
        if there and hashlib.sha256(files[name]).hexdigest() == digest:
            continue
        if name in refs:
            faults.append(Found(Fault.CHANGED_EVENT if there else Fault.MISSING_EVENT, refs[name], name))
        elif name in proofs:
            faults.append(Found(Fault.WRONG_PROOF, proofs[name], name if there else f"{name} ∅"))
        else:
            faults.append(Found(Fault.CHANGED_FILE if there else Fault.MISSING_FILE, name))
    # Without these two nothing is proven, whatever the manifest says.
    faults += [Found(Fault.MISSING_FILE, name) for name in (KEY, CHECKPOINT) if name not in manifest["files"]]
    faults += [Found(Fault.EXTRA_FILE, name) for name in files if name not in manifest["files"] and name != MANIFEST]
    if any(each.place == MANIFEST for each in unreadable):
        faults.append(Found(Fault.CHANGED_FILE, MANIFEST))
    # Every event that is listed has both its files listed.
    for name, each in listed(manifest):
        if f"events/{name}.json" not in manifest["files"] or f"proofs/{name}.tlog-proof" not in manifest["files"]:
            faults.append(Found(Fault.MISSING_EVENT, each["ref"], _("the manifest lists no files of it")))
    return faults
