"""Personal data, sealed: what is personal in a fact is stored and sent encrypted, under a key of its stream's own.

The key lies in the stream's document (`seal`), beside its history and outside it. Once it is destroyed, what is sealed
opens nowhere any more, in no database, on no topic, in no copy; every event stays as it is, and so does every proof
(decision 0025). AES-256-GCM (NIST SP 800-38D), bound to the event's id.
"""

import os
from base64 import b64decode, b64encode
from functools import reduce
from operator import getitem
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.envelope import Fact, Json

NONCE_BYTES = 12


def new_key() -> bytes:
    return AESGCM.generate_key(256)


def is_personal(fact: Fact) -> bool:
    """Whether it holds personal data that lies open."""
    return bool(fact.PERSONAL) and reduce(getattr, fact.PERSONAL, fact) is not None


def sealed(data: Json, path: tuple[str, ...], key: bytes, event: str) -> Json:
    """A fact's data, with what stands at `path` moved to `sealed`: base64 of nonce and text, bound to the event."""
    *way, name = path
    holder: Json = reduce(getitem, way, data)
    nonce, text = os.urandom(NONCE_BYTES), orjson.dumps(holder[name])
    closed = b64encode(nonce + AESGCM(key).encrypt(nonce, text, event.encode())).decode()
    holder[name] = None
    return data | {"sealed": closed}


def opened(data: Json, path: tuple[str, ...], key: bytes, event: str) -> Json:
    """The data as it was before; as it is where this key does not open it, since the one that did is destroyed."""
    closed = b64decode(data["sealed"])
    try:
        text = AESGCM(key).decrypt(closed[:NONCE_BYTES], closed[NONCE_BYTES:], event.encode())
    except InvalidTag:
        return data
    *way, name = path
    holder: Any = reduce(getitem, way, data)
    holder[name] = orjson.loads(text)
    return data | {"sealed": None}
