"""Publish whole or not at all: stage → fsync → SHA-256 manifest → rename → fsync(dir) → pointer (REL1, ALICE OSDI'14).

The one protocol of all that is published: claims (`publish`), and whole folders, such as feature partitions and lists
(`publish_folder`, read through `Published`). Manifests are sealed, pointers carry the seal of the manifest they point
to, and every file is checked before it is read. Readers follow pointers only, so whatever a killed writer leaves behind
is never read; the next writer sweeps it away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError
from claims.store.files import SEAL, fsync, put, read_sealed, sealed, sha256, stage, verified

STAGING = ".staging"
MANIFEST = "manifest.json"
Step = Callable[[str], None]


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
    check: Step = lambda point: None,
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
    document = sealed(json.loads(json.dumps(manifest, sort_keys=True)))
    (root / "manifests").mkdir(exist_ok=True)
    put(root / "manifests" / f"{name}.json", document)
    check("pointer")
    point(root, name, seal_of(document))
    check("done")
    return name


def seal_of(document: bytes) -> str:
    """The seal in a sealed document."""
    return str(json.loads(document)[SEAL])


def point(folder: Path, name: str, seal: str) -> None:
    """Swing the pointer of a folder to what is published there under a name, its manifest sealed so."""
    put(folder / "CURRENT", f"{name} {seal}\n".encode())


def pointed(folder: Path, remedy: str) -> tuple[str, str] | None:
    """(name, seal) the pointer of a folder says; None where there is no pointer. Damaged for a damaged one."""
    path = folder / "CURRENT"
    if not path.exists():
        return None
    try:
        written = path.read_bytes().decode()
        found = re.fullmatch(r"(\S+) ([0-9a-f]{64})\n", written)
    except (OSError, ValueError):
        written, found = "", None
    if re.fullmatch(r"\d{8}\n?", written):  # before seals
        raise Damaged(
            f"{folder} was made by an earlier version of xiezhi; take the claims in again into an empty folder"
        )
    if found is None:
        raise Damaged(f"{path} is missing or damaged; {remedy}")
    return found[1], found[2]


@dataclass(frozen=True)
class Published:
    """A published folder. Each file is checked against the sealed manifest before it is read, once per process and
    state of the file."""

    root: Path
    manifest: Mapping[str, Any]
    remedy: str

    @classmethod
    def open(cls, root: Path, remedy: str, seal: str | None = None) -> Published:
        """The folder, its manifest verified, and that it is the one a pointer meant. Damaged, with the remedy, else."""
        manifest = read_sealed(root / MANIFEST, remedy)
        if (seal is not None and manifest[SEAL] != seal) or not isinstance(manifest.get("files"), dict):
            raise Damaged(f"{root / MANIFEST} is not what was published; {remedy}")
        return cls(root, manifest, remedy)

    def file(self, name: str) -> Path:
        """A file by its path in the folder, verified. Damaged where it is damaged or was never published."""
        digest = self.manifest["files"].get(name)
        if digest is None:
            raise Damaged(f"{self.root / name} was never published; {self.remedy}")
        return verified(self.root / name, digest, self.remedy)

    def verify(self) -> int:
        """Check every file; returns how many. Damaged naming the first damaged one."""
        for name in self.manifest["files"]:
            self.file(name)
        return len(self.manifest["files"])


def hashed(staged: Path, check: Step = lambda point: None) -> dict[str, str]:
    """{path in the folder: SHA-256} of every file of a staged folder, each forced to disk."""
    found = {}
    for path in sorted(p for p in staged.rglob("*") if p.is_file()):
        name = path.relative_to(staged).as_posix()
        check(f"fsync {name}")
        fsync(path)
        found[name] = sha256(path)
    return found


def publish_folder(
    staged: Path, target: Path, manifest: Mapping[str, Any], remedy: str, check: Step = lambda point: None
) -> Published:
    """Seal the manifest (which holds `files`, see `hashed`) into a staged folder and rename it to its place, which it
    takes from what was there."""
    check("manifest")
    stage(staged / MANIFEST, sealed(manifest))
    for folder in (*sorted((p for p in staged.rglob("*") if p.is_dir()), reverse=True), staged):
        fsync(folder)
    check("rename")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".old-{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.rename(aside)
    staged.rename(target)
    fsync(target.parent)
    shutil.rmtree(aside, ignore_errors=True)
    return Published.open(target, remedy)
