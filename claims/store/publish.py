"""Publish whole or not at all: stage → fsync → SHA-256 manifest → rename → fsync(dir) → pointer (REL1, ALICE OSDI'14).

Readers follow `CURRENT` only, so whatever a killed writer leaves behind is never read; the next writer sweeps it away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from claims.errors import UserError

STAGING = ".staging"


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


def write_text(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.tmp")
    with staged.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    fsync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """`write_text` of sorted, indented JSON."""
    write_text(path, json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n")


@contextlib.contextmanager
def writing(root: Path) -> Iterator[Path]:
    """Hold the only write lock of a warehouse and give a clean staging folder on the same file system; removed
    afterwards."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"cannot write to the warehouse {root}: {error.strerror}; check the path and its rights"
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another process is writing to the warehouse {root}; wait until it has finished") from None
        staging = root / STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise UserError(
                    f"the disk under {root} is full; nothing was published, free some space and repeat"
                ) from None
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        lock.close()


def describe(path: Path, final: str, rows: int) -> dict[str, Any]:
    """Manifest entry of a staged file: its final relative path, hash, rows and bytes."""
    return {"path": final, "sha256": sha256(path), "rows": rows, "bytes": path.stat().st_size}


def publish(
    root: Path,
    staging: Path,
    files: list[str],
    manifest: dict[str, Any],
    check: Callable[[str], None] = lambda point: None,
) -> str:
    """Move staged `files` (paths relative to both folders) into place, then write the manifest and swing `CURRENT`.

    `check` is called before every step with its name: the kill tests stop there. Returns the manifest's name.
    """
    name = f"{int(manifest['version']):08d}"
    for file in files:
        check(f"fsync {file}")
        fsync(staging / file)
    folders = set()
    for file in files:
        check(f"rename {file}")
        target = root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / file).replace(target)
        folders.add(target.parent)
    for folder in sorted(folders):
        check(f"fsync folder {folder.name}")
        fsync(folder)
    check("manifest")
    write_json(root / "manifests" / f"{name}.json", manifest)
    check("pointer")
    write_text(root / "CURRENT", name + "\n")
    check("done")
    return name
