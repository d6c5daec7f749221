"""API keys: `sq_live_<id>_<secret>`. The id finds the key's record; the whole text is known by its SHA-256 only."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_KEY = re.compile(r"sq_live_([0-9a-f]{12})_[0-9a-f]{64}")


@dataclass(frozen=True)
class NewKey:
    """A key just made; `text` goes to its owner, once."""

    id: str
    text: str

    @property
    def hash(self) -> str:
        return _hash(self.text)


def make() -> NewKey:
    """A new key, of 256 random bits."""
    id = secrets.token_hex(6)
    return NewKey(id, f"sq_live_{id}_{secrets.token_hex(32)}")


def id_of(text: str) -> str | None:
    """The id within a key's text; None where it has not the shape of a key."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def fits(text: str, hash: str) -> bool:
    """Whether `hash` is that of this text; takes the same time whatever the answer."""
    return hmac.compare_digest(_hash(text), hash)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
