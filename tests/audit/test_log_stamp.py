"""Timestamps of checkpoints: an authority made with openssl, and who vouches for it."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from audit.bundle_export import export
from audit.bundle_read import Fault
from audit.bundle_verify import verify
from audit.log.note import split
from audit.log.stamp import NotVouched, stamped_at, vouched
from deploy.local.ports import free
from tests.audit.authority import TIME_STAMPING, Authority, Issued, issued
from tests.audit.conftest import World
from tests.audit.logs import keeping, log_of
from tests.audit.test_bundle import audit
from tests.audit.test_log_witness import serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

# The names see to it that the certificates in an answer are in the order of DER, as openssl does not.
ROOT = issued("A root authority whose certificates have a long issuer")
FOREIGN = issued("A root authority whose certificates have a long issuer")  # of the same name, with another key
BETWEEN = issued("Between", ROOT)
TEXT = b"log.example/log\n5\nroot\n"
DAY = timedelta(days=1)


def why(response: bytes, *roots: Issued) -> str:
    """Who vouches for a timestamp of TEXT, or why nobody does."""
    try:
        return vouched(response, TEXT, [each.certificate for each in roots])
    except NotVouched as error:
        return str(error)


def test_a_timestamp_is_vouched_for_by_the_root_that_is_chosen_and_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tsa", signer := issued("tsa", BETWEEN, TIME_STAMPING), [BETWEEN])
    response = authority.over(TEXT)
    assert why(response, ROOT) == why(response, issued("another root"), ROOT) == "CN=tsa"
    assert why(response, issued("another root")) == "unable to get local issuer certificate"
    assert why(response, FOREIGN) == "certificate signature failure"
    # Neither who signed nor who stands between is a root, whoever calls them one.
    assert why(response, signer) == "unable to get local issuer certificate"
    assert why(response, BETWEEN) == "unable to get issuer certificate"
    # Without what stands between, the chain is not whole.
    assert why(Authority(tmp_path / "bare", signer).over(TEXT), ROOT) == "unable to get local issuer certificate"


def test_a_timestamp_of_something_else_or_with_a_changed_signature_is_none(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tsa", issued("tsa", ROOT, TIME_STAMPING))
    response = authority.over(TEXT)
    assert why(authority.over(b"other"), ROOT) == "Mismatch between messages"
    assert "signature failure" in why(response[:-1] + bytes([response[-1] ^ 1]), ROOT)
    assert why(response[:-1], ROOT).startswith("ASN.1 parse error")
    # What it says was changed, and the rest left as it was: a time of the next century.
    later = re.sub(rb"\x18\x0f20(?=\d{12}Z)", b"\x18\x0f21", response)
    assert later != response and why(later, ROOT) != "CN=tsa"


@pytest.mark.parametrize(
    ("begins", "ends", "reason"),
    [
        (-10 * DAY, -5 * DAY, "certificate has expired"),
        (5 * DAY, 10 * DAY, "certificate is not yet valid or the system clock is incorrect"),
    ],
)
def test_a_certificate_that_was_not_valid_at_the_time_it_tells_vouches_for_nothing(
    tmp_path: Path, begins: timedelta, ends: timedelta, reason: str
) -> None:
    signer = issued("tsa", ROOT, TIME_STAMPING, begins=begins, ends=ends)
    assert why(Authority(tmp_path / "tsa", signer).over(TEXT), ROOT) == reason
    old = issued("old root", begins=begins, ends=ends)
    assert why(Authority(tmp_path / "old", issued("tsa", old, TIME_STAMPING)).over(TEXT), old) == reason


def test_a_certificate_that_expired_since_vouches_for_what_it_signed_before(tmp_path: Path) -> None:
    signer = issued("tsa", ROOT, TIME_STAMPING, ends=timedelta(seconds=4))
    response = Authority(tmp_path / "tsa", signer).over(TEXT)
    time.sleep(5)
    assert why(response, ROOT) == "CN=tsa"


@pytest.mark.parametrize(
    ("usage", "critical", "said"),
    [
        (TIME_STAMPING, True, "CN=other"),
        (TIME_STAMPING, False, "unsuitable certificate purpose"),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), True, "unsuitable certificate purpose"),
        ((*TIME_STAMPING, ExtendedKeyUsageOID.SERVER_AUTH), True, "unsuitable certificate purpose"),
    ],
)
def test_only_a_certificate_for_time_stamping_alone_and_critically_so_vouches(
    tmp_path: Path, usage: Sequence[object], critical: bool, said: str
) -> None:
    authority = Authority(tmp_path / "tsa", issued("tsa", ROOT, TIME_STAMPING))
    other = issued("other", ROOT, usage, critical=critical)  # type: ignore[arg-type]
    assert why(authority.signed_by(other, authority.over(TEXT)), ROOT) == said


def test_a_checkpoint_is_timestamped_and_its_bundle_says_who_vouches(lived: World, tmp_path: Path) -> None:
    # given an authority: openssl's own, behind HTTP
    authority, port = Authority(tmp_path / "tsa", issued("tsa", BETWEEN, TIME_STAMPING), [BETWEEN]), free(1)[0]
    roots, foreign = tmp_path / "root.pem", tmp_path / "foreign.pem"
    roots.write_bytes(ROOT.pem)
    foreign.write_bytes(FOREIGN.pem)
    answer: Callable[[str, bytes], object] = lambda _path, body: (  # noqa: E731
        200,
        "application/timestamp-reply",
        authority.answer(body),
    )
    log = log_of(lived, tmp_path / "log", log_timestamps_url=f"http://127.0.0.1:{port}/")
    # when a checkpoint is signed
    with serving(answer, port), keeping(log):
        log.wait(60)
        for _ in range(200):
            if stamped := log.store.last_stamped():
                break
            time.sleep(0.05)
    # then openssl, which knows nothing of this project, verifies its timestamp
    assert stamped
    text = split(stamped["note"])[0].encode()
    assert stamped_at(stamped["stamp"], text) and not stamped_at(stamped["stamp"], b"other")
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "stamp").write_bytes(stamped["stamp"])
    argv = ["openssl", "ts", "-verify", "-data", "text", "-in", "stamp", "-CAfile", "root.pem"]
    assert "Verification: OK" in subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path).stdout
    # and a bundle brings it
    bundle = tmp_path / "s.zip"
    export(log.settings, lived.client[log.settings.database("audit")], {"stream": "s1"}, bundle)
    outcome = verify(bundle, log.folder.verifiers(), [ROOT.certificate])
    assert outcome.holds and outcome.stamped and outcome.authority == "CN=tsa"
    outcome = verify(bundle, log.folder.verifiers(), [FOREIGN.certificate])
    assert [(each.fault, each.place) for each in outcome.faults] == [(Fault.UNVOUCHED_TIMESTAMP, "checkpoint.tsr")]
    # and the command line says who signed it, or that nobody vouches for it here
    code, said = audit("verify", str(bundle), "--tsa-root", str(roots))
    assert code == 0 and "by CN=tsa, for whom a root that you gave vouches" in said
    code, said = audit("verify", str(bundle))
    assert code == 0 and "signed by a certificate that nobody vouches for here: give --tsa-root FILE" in said
    code, said = audit("verify", str(bundle), "--tsa-root", str(foreign))
    assert code == 1 and "No root that you gave vouches" in said
    code, said = audit("verify", str(bundle), "--tsa-root", str(bundle))
    assert code == 2 and "no file of certificates in PEM form" in said
