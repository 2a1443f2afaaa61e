"""Worlds that several tests read: made once for all workers and runs, kept in pytest's cache until the code that makes them changes."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Versions of a world that stay: that of now, and those of work just left, which another run may still read.
KEPT = 4


@cache
def code_of(*parts: str) -> str:
    """SHA-256 of every source file in these folders and files of the project, and of the locked versions of all it stands on."""
    told = hashlib.sha256()
    for part in (*parts, "requirements.lock"):
        path = ROOT / part
        files = sorted(p for p in path.rglob("*") if p.suffix in (".py", ".toml")) if path.is_dir() else [path]
        for file in files:
            told.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return told.hexdigest()


class Worlds:
    """Finished folders by name and version. Whoever asks first makes it, whoever asks meanwhile waits; nobody changes what is there."""

    def __init__(self, shelf: Path) -> None:
        self.shelf = shelf

    def get(self, name: str, version: str, make: Callable[[Path], object]) -> Path:
        """The folder that `make` filled, now or in an earlier run. `version` says which code and choices it was made of."""
        versions = self.shelf / name
        versions.mkdir(parents=True, exist_ok=True)
        found = versions / hashlib.sha256(version.encode()).hexdigest()[:20]
        with (self.shelf / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if found.exists():
                os.utime(found)
            else:
                stage = Path(tempfile.mkdtemp(prefix=".stage-", dir=self.shelf))
                try:
                    make(stage)
                    stage.rename(found)
                except BaseException:
                    shutil.rmtree(stage)
                    raise
                for old in sorted(versions.iterdir(), key=lambda p: -p.stat().st_mtime)[KEPT:]:
                    shutil.rmtree(old)
        return found
