"""API keys: `sq_live_<id>_<secret>` and `sq_test_<id>_<secret>`. The id finds the key's record; the whole text is known
by its SHA-256 only."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from schemas.submission import Mode

_KEY = re.compile(r"sq_(?:live|test)_([0-9a-f]{12})_[0-9a-f]{64}")
#: What looks like a key within other text, such as an address it was put into by mistake.
_SECRET = re.compile(r"(sq_(?:live|test)_[0-9a-f]{1,12})_[0-9a-f]+")


@dataclass(frozen=True)
class NewKey:
    """A key just made; `text` goes to its owner, once."""

    id: str
    text: str

    @property
    def hash(self) -> str:
        return _hash(self.text)


def make(mode: Mode = "live") -> NewKey:
    """A new key, of 256 random bits."""
    id = secrets.token_hex(6)
    return NewKey(id, f"sq_{mode}_{id}_{secrets.token_hex(32)}")


def shown(mode: str, id: str) -> str:
    """How a key is named where its secret must not be seen."""
    return f"sq_{mode}_{id}_…"


def id_of(text: str) -> str | None:
    """The id within a key's text; None where it has not the shape of a key."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def fits(text: str, hash: str) -> bool:
    """Whether `hash` is that of this text; takes the same time whatever the answer."""
    return hmac.compare_digest(_hash(text), hash)


def without_secrets(text: str) -> str:
    """The text with the secret of every key in it left out."""
    return _SECRET.sub(r"\1_…", text) if "sq_" in text else text


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
