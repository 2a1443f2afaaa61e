"""This week's lists, published as one run: staged, fsynced, hashed, renamed, and only then pointed to.

    WAREHOUSE/lists/AS_OF/RUN/manifest.json         what is in the run, each file with its SHA-256
    WAREHOUSE/lists/AS_OF/RUN/lists/GRAIN.json      a list (serving.lists.export.as_json)
    WAREHOUSE/lists/AS_OF/RUN/leads/GRAIN/0007.json a dossier (serving.lists.dossier.dossier), by its number on the unmarked sheet
    WAREHOUSE/lists/CURRENT                         "AS_OF/RUN"

RUN is the beginning of the hash of all hashes: the same lists published twice are the same run. Readers verify what they read.
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.publish import fsync, sha256, write_text
from features.grains import GRAINS, Grain
from serving.lists.export import as_json, plain
from serving.lists.schema import WorkList

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Run:
    """A published run: `root` is its folder, `manifest` its verified description."""

    root: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.root.parent.name}/{self.root.name}"

    @property
    def grains(self) -> list[str]:
        """Lists of this run, in the order of publication."""
        return list(self.manifest["lists"])

    def worklist(self, grain: str) -> dict[str, Any]:
        """A list as JSON. Raises UserError if it is not in this run or damaged."""
        return self._read(f"lists/{grain}.json", f"this week's run {self.name} has no list of {grain!r}")

    def lead(self, grain: str, number: int) -> dict[str, Any]:
        """A dossier by its number on the sheet. Raises UserError if there is none or it is damaged."""
        return self._read(f"leads/{grain}/{number:04d}.json", f"the list of {grain!r} has no row {number}")

    def _read(self, relative: str, absent: str) -> dict[str, Any]:
        digest = self.manifest["files"].get(relative)
        if digest is None:
            raise UserError(absent)
        return _verified_json(self.root / relative, digest)


@functools.lru_cache(maxsize=512)
def _verified_json(path: Path, digest: str) -> dict[str, Any]:
    try:
        body = path.read_bytes()
    except OSError:
        body = b""
    if hashlib.sha256(body).hexdigest() != digest:
        raise UserError(f"{path.name} of the published lists is missing or damaged; publish again with `xiezhi week`")
    found: dict[str, Any] = json.loads(body)
    return found


def current(warehouse: Path) -> Run:
    """The run in force. Raises UserError if nothing was published, or the run is damaged."""
    folder = warehouse / "lists"
    try:
        name = (folder / "CURRENT").read_text("utf-8").strip()
    except OSError:
        raise UserError("nothing was published yet; run `xiezhi week --warehouse DIR --as-of DATE`") from None
    return open_run(folder / name)


def open_run(root: Path) -> Run:
    """A run by its folder, its manifest checked against its name. Raises UserError if damaged."""
    try:
        body = (root / "manifest.json").read_bytes()
        manifest = json.loads(body)
        if _run_name(manifest["files"]) != root.name:
            raise ValueError
    except (OSError, ValueError, KeyError):
        raise UserError(f"the published run {root.name} is damaged; publish again with `xiezhi week`") from None
    return Run(root, manifest)


def verify(run: Run) -> int:
    """Read and hash every file of a run; returns how many. Raises UserError naming the first damaged one."""
    for relative, digest in run.manifest["files"].items():
        path = run.root / relative
        if not path.is_file() or sha256(path) != digest:
            raise UserError(
                f"{relative} of the published run {run.name} is missing or damaged; publish again with `xiezhi week`"
            )
    return len(run.manifest["files"])


def publish_week(
    warehouse: Path,
    as_of: date,
    *,
    top: int = 50,
    bedcheck_top: int = 20,
    grains: Iterable[str] = GRAINS,
    window_days: int | None = None,
    seed: int = 0,
    draw_share: float = 0.1,
    progress: Progress = lambda what, done: None,
) -> Run:
    """Make the lists of all grains, and of the stays open at the end of `as_of`, with a dossier per row; publish them as one run.

    A grain that this warehouse cannot support (no stays, no rings) is left out and named, with the reason, in the manifest.
    """
    from features.build import build
    from serving.lists.bedcheck import prepare_bedcheck
    from serving.lists.prepare import Prepared, prepare

    def prepared(name: str) -> Prepared | str:
        try:
            if name == "bedcheck":
                return prepare_bedcheck(warehouse, as_of, bedcheck_top, seed=seed, draw_share=draw_share)
            return prepare(warehouse, as_of, name, top, window_days=window_days, seed=seed, draw_share=draw_share)
        except UserError as error:
            return str(error)

    names = [*grains, "bedcheck"]
    made: dict[str, Prepared] = {}
    absent: dict[str, str] = {}
    partitions: tuple[Grain, ...] = ("admission", "ring")
    for grain in partitions:  # before two lists ask for the same one; what cannot be built is said of each list below
        with suppress(UserError):
            build(warehouse, as_of, grain, progress=progress)
    # Most of a list is queries, which release the interpreter: two at a time.
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for i, (name, found) in enumerate(zip(names, pool.map(prepared, names), strict=True), start=1):
            progress(name, i / len(names))
            if isinstance(found, str):
                absent[name] = found
            else:
                made[name] = found
    if not made:
        raise UserError(f"no list could be made for {as_of}: " + "; ".join(f"{g}: {why}" for g, why in absent.items()))
    progress("publish", 1.0)
    return publish(warehouse, as_of, {n: (p.worklist, p.dossiers) for n, p in made.items()}, absent)


def publish(
    warehouse: Path,
    as_of: date,
    made: Mapping[str, tuple[WorkList, Mapping[str, dict[str, Any]]]],
    absent: Mapping[str, str] | None = None,
    check: Callable[[str], None] = lambda point: None,
) -> Run:
    """Publish finished lists (with dossiers by entity_id). `check` is called before every step: the kill tests stop there."""
    folder = warehouse / "lists"
    stage = folder / f".staging-{os.getpid()}"
    shutil.rmtree(stage, ignore_errors=True)
    try:
        files: dict[str, str] = {}
        for name, (worklist, dossiers) in made.items():
            files |= _stage(stage, f"lists/{name}.json", as_json(worklist), check)
            for row in worklist.rows.to_dict(orient="records"):
                if row["entity_id"] in dossiers:
                    body = dossiers[row["entity_id"]] | {"lead": int(row["lead"])}
                    files |= _stage(stage, f"leads/{name}/{int(row['lead']):04d}.json", body, check)
        manifest = {
            "version": 1,
            "as_of": as_of.isoformat(),
            "lists": {name: plain(worklist.facts) for name, (worklist, _) in made.items()},
            "absent": dict(absent or {}),
            "notes": _notes(w for w, _ in made.values()),
            "published_at": datetime.now().isoformat(sep=" ", timespec="seconds"),
            "files": dict(sorted(files.items())),
        }
        _stage(stage, "manifest.json", manifest, check)
        for directory in sorted({p.parent for p in stage.rglob("*.json")}, reverse=True):
            fsync(directory)
        return _swing(folder, stage, as_of, _run_name(files), check)
    except OSError as error:
        raise UserError(
            f"{folder}: the lists could not be written ({error.strerror}); the earlier ones stay in force"
        ) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _swing(folder: Path, stage: Path, as_of: date, name: str, check: Callable[[str], None]) -> Run:
    target = folder / as_of.isoformat() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    check("rename")
    if target.exists():
        try:
            verify(open_run(target))
        except UserError:
            shutil.rmtree(target)
    if not target.exists():
        stage.rename(target)
    fsync(target.parent)
    check("pointer")
    write_text(folder / "CURRENT", f"{as_of.isoformat()}/{name}\n")
    check("done")
    return open_run(target)


def _stage(stage: Path, relative: str, value: Any, check: Callable[[str], None]) -> dict[str, str]:
    check(f"write {relative}")
    path = stage / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    body = (json.dumps(value, ensure_ascii=False, sort_keys=False, indent=1, allow_nan=False) + "\n").encode()
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    return {relative: hashlib.sha256(body).hexdigest()}


def _run_name(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(sorted(files.items())), sort_keys=True).encode()).hexdigest()[:16]


def _notes(worklists: Iterable[WorkList]) -> list[dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for worklist in worklists:
        for note in worklist.notes:
            out.setdefault(note.text, {"text": note.text, "severity": note.severity, "rows": note.rows})
    return list(out.values())
