"""Bytes on disk: written whole or not at all, and checked before anyone believes them.

A sealed document is JSON whose last key is the SHA-256 of the document itself (that value as zeros). Seals and hashes
find accidents, a flipped bit or a cut file; against someone who may write here only the rights of the folder help.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError

SEAL = "sha256"
_BLANK = "0" * 64
State = tuple[int, int, int] | None
PRIVATE = 0o640
"""Mode of a file that names people: its owner writes, his group reads, nobody else."""


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Force a file or a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: Path, body: bytes | Iterable[bytes], mode: int = 0o644) -> None:
    """Write `body` (whole, or piece by piece) so that a reader sees the old file or the new one, never a part, whenever
    the machine stops.

    Temporary file beside the place, fsync, rename, fsync of the folder. Raises UserError where nothing can be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise UserError(
            f"{path}: cannot write there ({error.strerror}); give a folder that exists and is writable"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([body] if isinstance(body, bytes) else body)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
        fsync(path.parent)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UserError(f"{path}: writing failed ({error.strerror}); nothing was left behind") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def stage(path: Path, body: bytes) -> None:
    """Write a file of a folder that is not published yet; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def sealed(value: Mapping[str, Any]) -> bytes:
    """A JSON document with its seal; keys in the order given."""
    blank = {k: v for k, v in value.items() if k != SEAL} | {SEAL: _BLANK}
    text = json.dumps(blank, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return _with_seal(text, hashlib.sha256(text.encode()).hexdigest()).encode()


def _with_seal(text: str, seal: str) -> str:
    """A sealed document with another seal in its last line but one."""
    before, key, after = text.rpartition(f'"{SEAL}": "')
    return before + key + seal + after[len(seal) :]


def read_sealed(path: Path, remedy: str) -> dict[str, Any]:
    """The document of a sealed file. Damaged, with the remedy, where it is missing, damaged or was never sealed."""
    try:
        text = path.read_bytes().decode()
        value = json.loads(text)
        if hashlib.sha256(_with_seal(text, _BLANK).encode()).hexdigest() != value[SEAL]:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise Damaged(f"{path} is missing or damaged; {remedy}") from None
    return dict(value)


def verified(path: Path, digest: str, remedy: str) -> Path:
    """The path, once its bytes have the SHA-256 `digest` (read once per process and state of the file); else Damaged,
    with the remedy."""
    try:
        found = _digest(path, state_of(path))
    except OSError:
        found = ""
    if found != digest:
        raise Damaged(f"{path} is missing or damaged (its SHA-256 differs from the manifest); {remedy}")
    return path


@functools.lru_cache(maxsize=65536)
def _digest(path: Path, state: State) -> str:
    return sha256(path)


def state_of(path: Path) -> State:
    """What changes when a file does: inode, size, moment of writing; None where it cannot be looked at."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_ino, now.st_size, now.st_mtime_ns
