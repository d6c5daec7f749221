"""The folder that holds the log's tiles and its last checkpoint, as they are served, and the log's key beside them."""

import os
import shutil
import tempfile
from pathlib import Path

from audit.log.note import Signer, Verifier, signer, verifier
from audit.log.tiles import WIDTH, Tile, bundle, entries
from audit.log.tree import SIZE

KEY, PUBLIC, CHECKPOINT = "key", "key.pub", "checkpoint"


class Folder:
    """Files appear whole or not at all. `read` raises LookupError for a tile that is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, tile: Tile) -> bytes:
        """A tile's bytes; those of a partial one may be the beginning of the full one that took its place."""
        try:
            return (self.path / tile.path).read_bytes()
        except FileNotFoundError:
            full = self.path / Tile(tile.level, tile.index).path
            if tile.width == WIDTH or not full.exists():
                raise LookupError(tile.path) from None
        data = full.read_bytes()
        return bundle(entries(data)[: tile.width]) if tile.level is None else data[: tile.width * SIZE]

    def write(self, tile: Tile, data: bytes) -> None:
        self._write(tile.path, data)

    def drop_partials(self, full: Tile) -> None:
        """Remove the partial tiles whose place a full one has taken."""
        shutil.rmtree(self.path / f"{full.path}.p", ignore_errors=True)

    def checkpoint(self) -> str | None:
        """The last checkpoint, a signed note; None where there is none yet."""
        try:
            return (self.path / CHECKPOINT).read_text()
        except FileNotFoundError:
            return None

    def write_checkpoint(self, note: str) -> None:
        self._write(CHECKPOINT, note.encode())

    def signer(self, origin: str, given: str | None) -> Signer:
        """The log's private key: the one given, else the one in the folder, else a new one. Raises NotSigned."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / KEY
        if given:
            found = signer(given)
        elif file.exists():
            found = signer(file.read_text())
        else:
            found = Signer(origin, os.urandom(32))
            self._write(KEY, f"{found.secret()}\n".encode())  # 0600, as temporary files are
        self._write(PUBLIC, f"{found.verifier}\n".encode())
        return found

    def verifier(self) -> Verifier | None:
        """The log's public key; None before the log's first start. Raises NotSigned."""
        try:
            return verifier((self.path / PUBLIC).read_text())
        except FileNotFoundError:
            return None

    def _write(self, name: str, data: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, prefix=".new-") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
