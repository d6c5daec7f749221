"""Software not written here that verifies the log: built once a session from tests/audit/golog, where Go is there."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "golog"


def built(folder: Path) -> Path:
    """The folder with `golog` and Tessera's `fsck`. Skips, with the reason, where they cannot be built."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    argv = ["go", "build", "-o", f"{folder}/", ".", "github.com/transparency-dev/tessera/cmd/fsck"]
    done = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, timeout=600)
    if done.returncode and not (Path.home() / "go" / "pkg" / "mod" / "github.com" / "transparency-dev").exists():
        pytest.skip(f"Go’s modules cannot be fetched: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder
