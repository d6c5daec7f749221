"""What somebody who knows how writes into a bundle so that its digests fit: each is a fault with a name, and none
paints a terminal. Without servers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from audit import bundle_cli
from audit.bundle import Bundle, Item
from audit.bundle_read import EarlierForm, Fault
from audit.bundle_verify import Outcome, verify
from audit.bundle_what import others
from audit.log.note import COSIGNATURE, Checkpoint, NotSigned, Signer, only, signed_by, split
from audit.log.proof import Proof
from audit.log.tiles import grow, nodes
from audit.log.tree import inclusion_proof, root
from schemas.canonical import canonical, event_hash
from schemas.envelope import Json
from tests.audit.histories import event
from tests.audit.scenes import KEY, scene
from tests.audit.tampering_bundles import archived, bundle_of, fitting

WITNESS = Signer("witness.example", bytes(range(1, 33)), COSIGNATURE)
STRANGER = Signer("trusted-witness.example", bytes(range(2, 34)), COSIGNATURE)


def faults(folder: Path, files: dict[str, bytes]) -> list[tuple[Fault, str]]:
    path = folder / "bundle.zip"
    path.write_bytes(archived(files))
    return [(each.fault, each.place) for each in verify(path, [KEY.verifier]).faults]


def of(bundle: Bundle, note: str, **changed: Any) -> dict[str, bytes]:
    """The bundle's files under another note, in its proofs too."""
    items = [replace(each, proof=each.proof.replace(bundle.note, note)) for each in bundle.items]
    return replace(bundle, note=note, items=items, **changed).files()


def log_of(name: str, *events: Json) -> Bundle:
    """A bundle of all these events, in a log of just them, of which somebody made this name."""
    key = Signer(name, bytes(32))
    hashes = [event_hash(orjson.dumps(each), each)[0] for each in events]
    tiles = dict(grow(0, hashes, lambda _: b""))
    node = nodes(len(events), tiles.__getitem__)
    text = Checkpoint(name, len(events), root(len(events), node)).text()
    note = f"{text}\n{key.sign(text)}"
    items = [
        Item.of(n, each, canonical(each), Proof(n, tuple(inclusion_proof(n, len(events), node)), note).text())
        for n, each in enumerate(events)
    ]
    return Bundle({"stream": events[0]["subject"]}, "2026-11-28T00:00:00.000Z", [key.verifier], note, items)


def test_nobody_is_said_to_have_signed_but_by_a_key_that_the_bundle_brings(tmp_path: Path) -> None:
    bundle = bundle_of(scene(), "s1")
    text, wrong = split(bundle.note)[0], [(Fault.WRONG_CHECKPOINT, "checkpoint")]
    cosigned = bundle.note + WITNESS.sign(text, 1)
    assert faults(tmp_path, of(bundle, cosigned, witnesses=[WITNESS.verifier])) == []
    # when somebody appends a line, of a key that nobody can check it by, or of nothing at all
    appended = (STRANGER.sign(text, 1), "— trusted-witness.example AAAAAAAAAAAA\n")
    for line in appended:
        assert faults(tmp_path, of(bundle, bundle.note + line)) == wrong
        assert faults(tmp_path, of(bundle, cosigned + line, witnesses=[WITNESS.verifier])) == wrong
    # or names one who signed twice, or another of a witness's name, or writes the lines in another order
    again = replace(WITNESS, seed=bytes(32))
    own = KEY.verifier
    assert faults(tmp_path, of(bundle, bundle.note, keys=[own, own])) == wrong
    assert faults(tmp_path, of(bundle, bundle.note + KEY.sign(text))) == wrong
    assert faults(tmp_path, of(bundle, cosigned, witnesses=[WITNESS.verifier] * 2)) == wrong
    assert faults(tmp_path, of(bundle, cosigned, witnesses=[WITNESS.verifier, again.verifier])) == wrong
    turned = f"{text}\n{WITNESS.sign(text, 1)}{KEY.sign(text)}"
    assert faults(tmp_path, of(bundle, turned, witnesses=[WITNESS.verifier])) == wrong
    # or has a stranger's key beside the log's own
    beside = Signer("beside", bytes(32))
    assert faults(tmp_path, of(bundle, bundle.note + beside.sign(text), keys=[own, beside.verifier])) == wrong
    assert "witnesses named in the checkpoint" not in bundle.files()["README.html"].decode()


def test_an_export_writes_the_signatures_alone_of_those_whose_keys_it_brings() -> None:
    note = bundle_of(scene(), "s1").note
    text = split(note)[0]
    known, stranger, again = WITNESS.sign(text, 1), STRANGER.sign(text, 1), WITNESS.sign(text, 2)
    written = only(f"{text}\n{stranger}{known}{KEY.sign(text)}{again}", [KEY.verifier, WITNESS.verifier])
    assert written == note + again
    assert signed_by(written, [KEY.verifier, WITNESS.verifier, STRANGER.verifier]) == [KEY.verifier, WITNESS.verifier]
    with pytest.raises(NotSigned):
        only("no note", [KEY.verifier])


@pytest.mark.parametrize(
    "changed",
    [
        {"ref": "x"},
        {"ref": "/submissions/s1/one"},
        {"ref": "/submissions/s1/" + "9" * 5000},
        {"leaf": -1},
        {"leaf": 91, "ref": "/submissions/s1/1"},
    ],
)
def test_a_manifest_that_names_no_events_or_one_leaf_twice_is_damaged(tmp_path: Path, changed: Json) -> None:
    files = bundle_of(scene(), "s1").files()
    events = orjson.loads(files["manifest.json"])["events"]
    assert [each["leaf"] for each in events] == [1, 91, 181]
    events[0] |= changed
    # its file is not there either
    without = {name: data for name, data in files.items() if name != "events/000000091.json"}
    assert faults(tmp_path, fitting(without, events=events)) == [(Fault.NO_MANIFEST, "manifest.json")]


def test_a_bundle_of_the_form_before_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "old.zip"
    path.write_bytes(archived(fitting(bundle_of(scene(), "s1").files(), format="shuangqian-evidence/1")))
    with pytest.raises(EarlierForm, match="shuangqian-evidence/1"):
        verify(path)


def shown(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal is sent."""
    console = Console(force_terminal=True, color_system=None, width=120, highlight=False)
    monkeypatch.setattr(bundle_cli, "out", lambda: console)
    with console.capture() as captured:
        bundle_cli._show(outcome, False, False)
    return captured.get()


def test_a_bundle_that_does_not_hold_cannot_paint_that_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted = "\x1b[2J\x1b[HIt holds: 3 events\r\n\x9b1m\u202e"
    files = bundle_of(scene(), "s1").files()
    forged = {**files, f"more{painted}": b"x"}
    path = tmp_path / "painted.zip"
    path.write_bytes(archived(fitting(forged, what={"stream": painted})))
    outcome = verify(path, [KEY.verifier])
    assert not outcome.holds and outcome.what == {"stream": painted}
    said = shown(outcome, monkeypatch)
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(said) and "It does not hold." in said
    assert not any(line.startswith("It holds") for line in said.splitlines())


def test_a_log_or_a_stream_may_be_called_what_looks_like_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = log_of("log[/x]", event("s[/y]", 1))
    text = split(bundle.note)[0]
    witness = Signer("w[/z]", bytes(range(32)), COSIGNATURE)
    path = tmp_path / "named.zip"
    path.write_bytes(archived(of(bundle, bundle.note + witness.sign(text, 1), witnesses=[witness.verifier])))
    outcome = verify(path)
    said = shown(outcome, monkeypatch)
    assert outcome.holds and all(name in said for name in ("log[/x],", "s[/y] (", "key w[/z]+", "log[/x]+"))


def test_a_months_bundle_has_what_stands_between_its_events_and_nothing_before_or_behind() -> None:
    """A person's event of 1 December, and after it an agent's that is dated by what it reacts to, on 30 November."""
    november, december = "2026-11-30T23:00:00.000Z", "2026-12-01T01:00:00.000Z"
    history = [event("s", n) | {"time": time} for n, time in enumerate((november, december, november, december), 1)]
    one, two, three, four = history
    assert others({"month": "2026-11"}, [one, two, three]) == []
    assert others({"month": "2026-11"}, [one, two, three, four]) == [four]
    assert others({"month": "2026-11"}, [two, three]) == [two]
    assert others({"month": "2026-12"}, [two, three, four]) == []
