"""Signed notes, checkpoints, cosignatures: the specification's own example, and nothing that was changed passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.log.note import COSIGNATURE, Checkpoint, NotSigned, Signer, checkpoint, cosigned_at, signed_by, signer
from audit.log.note import verifier as read_verifier

LOG = Signer("log.example/events", bytes(range(32)))
WITNESS = Signer("witness.example/w1", bytes(range(1, 33)), COSIGNATURE)
HEAD = Checkpoint("log.example/events", 20852163, bytes(32))
NOTE = HEAD.text() + "\n" + LOG.sign(HEAD.text()) + WITNESS.sign(HEAD.text(), at=1679315147)


def test_what_golang_signed_is_read() -> None:
    """The example of golang.org/x/mod/sumdb/note."""
    key = read_verifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert signed_by(text, [key]) == [key]


def test_a_checkpoint_says_what_was_signed_and_by_whom() -> None:
    assert checkpoint(NOTE, LOG.verifier) == HEAD
    assert signed_by(NOTE, [LOG.verifier, WITNESS.verifier]) == [LOG.verifier, WITNESS.verifier]
    assert cosigned_at(NOTE, WITNESS.verifier) == 1679315147


def test_keys_are_written_and_read_and_never_shown() -> None:
    assert signer(LOG.secret()) == LOG and read_verifier(str(LOG.verifier)) == LOG.verifier
    assert LOG.seed.hex() not in repr(LOG)
    for text in ("", "name", "a+b+c", str(LOG.verifier)[:-4], str(LOG.verifier).replace("events", "event")):
        with pytest.raises(NotSigned):
            read_verifier(text)
    with pytest.raises(NotSigned):
        signer(str(LOG.verifier))


def test_another_key_of_the_same_name_is_another_key() -> None:
    with pytest.raises(NotSigned, match="not signed by"):
        checkpoint(NOTE, Signer(LOG.name, bytes(32)).verifier)


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_no_bit_of_a_signed_checkpoint_can_be_changed(at: int, bit: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[at] ^= 1 << bit
    keys = [LOG.verifier, WITNESS.verifier]
    try:
        changed = raw.decode()
        # what else may be told apart only by whose signatures still stand
        assert signed_by(changed, keys) != keys
    except (NotSigned, UnicodeDecodeError):
        pass
