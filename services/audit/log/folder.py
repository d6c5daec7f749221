"""The folder that holds the log's tiles and its last checkpoint, as they are served, and the log's keys beside them:
`key` is private; `key.pub` has the public one and, below it, those the log had before, a line each."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from audit.log.note import Signer, Verifier, signer, verifiers
from audit.log.tiles import WIDTH, Tile, bundle, entries
from audit.log.tree import SIZE

KEY, PUBLIC, CHECKPOINT = "key", "key.pub", "checkpoint"


class Folder:
    """Files appear whole or not at all. `read` raises LookupError for a tile that is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, tile: Tile) -> bytes:
        """A tile's bytes; those of a partial one may be the beginning of the wider one that took its place."""
        try:
            return (self.path / tile.path).read_bytes()
        except FileNotFoundError:
            data = self._wider(tile)
        return bundle(entries(data)[: tile.width]) if tile.level is None else data[: tile.width * SIZE]

    def _wider(self, tile: Tile) -> bytes:
        full = self.path / Tile(tile.level, tile.index).path
        partial = full.with_name(f"{full.name}.p")
        widths = (
            sorted(int(file.name) for file in partial.iterdir() if file.name.isdecimal()) if partial.is_dir() else []
        )
        for file in (full, *(partial / str(width) for width in widths if width > tile.width)):
            if tile.width < WIDTH and file.is_file():
                return file.read_bytes()
        raise LookupError(tile.path)

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
        return found

    def verifiers(self) -> tuple[Verifier, ...]:
        """The log's public key, and those it had before; none before the log's first start. Raises NotSigned."""
        try:
            return verifiers((self.path / PUBLIC).read_text())
        except FileNotFoundError:
            return ()

    def write_verifiers(self, keys: Sequence[Verifier]) -> None:
        self._write(PUBLIC, "".join(f"{key}\n" for key in keys).encode())

    def _write(self, name: str, data: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, prefix=".new-") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
