"""Bearer tokens of sources: outside the history, encrypted, and bound to the host they were given for."""

import hashlib
import os

import httpx2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo.asynchronous.database import AsyncDatabase

from runtime.settings import Settings
from schemas.envelope import Json

NONCE_BYTES = 12


class Secrets:
    """`source_secrets`: `{_id: source, sealed}`. The key is made of the session secret: a copy of the database alone
    opens nothing, and after a change of that secret tokens are asked for anew."""

    def __init__(self, database: AsyncDatabase[Json], settings: Settings) -> None:
        self._secrets = database["source_secrets"]
        self._key = AESGCM(hashlib.sha256(b"source-secrets\0" + settings.session_secret.encode()).digest())

    async def keep(self, source: str, address: str, token: str) -> None:
        """Keep a token for the host of `address`, in place of any before."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._key.encrypt(nonce, token.encode(), _bound(source, address))
        await self._secrets.replace_one({"_id": source}, {"_id": source, "sealed": sealed}, upsert=True)

    async def open(self, source: str, address: str) -> str | None:
        """The token to send to `address`; None where there is none. Raises LookupError where it opens no more: it was
        given for another host, or the session secret changed."""
        held = await self._secrets.find_one({"_id": source})
        if held is None:
            return None
        sealed = bytes(held["sealed"])
        try:
            return self._key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(source, address)).decode()
        except InvalidTag as error:
            raise LookupError(source) from error

    async def has(self, source: str) -> bool:
        return await self._secrets.find_one({"_id": source}, {"_id": 1}) is not None

    async def erase(self, source: str) -> None:
        await self._secrets.delete_one({"_id": source})


def _bound(source: str, address: str) -> bytes:
    url = httpx2.URL(address)
    return f"{source} {url.scheme}://{url.netloc.decode()}".encode()
