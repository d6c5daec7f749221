"""How far a run got, for `--resume` to go on there: kept beside the profiles by what the file says, until it ends."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from shuangqian.profiles import Access, folder, write_whole

#: Seconds between two notes of the place.
NOTE_EVERY_S = 2.0


@dataclass
class KeptPlace:
    """The place of one run: `after` is the last line or row with a receipt, 0 for none."""

    path: Path | None
    after: int = 0
    _noted: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, access: Access, file: str, way: str) -> "KeptPlace":
        """That of sending this file in this way to this address with this key; stdin has none to come back to."""
        if file == "-":
            return cls(None)
        with open(file, "rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        name = hashlib.sha256(f"{access.url} {access.key} {way} {digest}".encode()).hexdigest()[:32]
        places = folder() / "unfinished"
        places.mkdir(mode=0o700, exist_ok=True)
        path = places / f"{name}.json"
        return cls(path, json.loads(path.read_text())["after"] if path.exists() else 0)

    def reached(self, after: int) -> None:
        """There is a receipt up to here."""
        self.after = after
        if time.monotonic() - self._noted > NOTE_EVERY_S:
            self.keep()

    def keep(self) -> None:
        self._noted = time.monotonic()
        if self.path and self.after:
            write_whole(self.path, {"after": self.after})

    def forget(self) -> None:
        """The run is at its end."""
        if self.path:
            self.path.unlink(missing_ok=True)
