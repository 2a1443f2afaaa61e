"""Which model is in force: models/ACTIVE.json names a bundle per grain, and everyone who ever was.

LightGBM's parser crashes or errs silently on damaged text (13 crashes, 2 wrong predictions in 28 tries): bytes reach it only after their hash matched
(models/bundle.py), and before a bundle is put in force a child process loads it under a time limit.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from claims.errors import UserError
from claims.store.files import SEAL, put, read_sealed, sealed
from models.bundle import Bundle, load_bundle, verified
from models.files import damaged, npz_bytes

PROBE_SECONDS = 120.0

PROBE = """
import io, sys
for heavy in ("pandas", "sklearn", "matplotlib", "dask", "pyarrow"):
    sys.modules[heavy] = None
import numpy as np, lightgbm as lgb
with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
    booster = lgb.Booster(model_str=given["text"].tobytes().decode())
    if "X" in given.files:
        got = booster.predict(given["X"], raw_score=True, num_threads=1)
        sys.exit(0 if np.allclose(got, given["raw"], rtol=0, atol=1e-9) else 3)
"""


def probe(folder: Path, seconds: float = PROBE_SECONDS) -> None:
    """Load each ranker and replay its golden rows in a child process under a time limit, after the hashes matched.

    The child imports numpy and LightGBM alone. Raises UserError when it fails, crashes, hangs or computes otherwise.
    """
    contents, _ = verified(folder)
    for name in sorted(n for n in contents if n.endswith(".txt")):
        given = {"text": np.frombuffer(contents[name], dtype=np.uint8)}
        golden = contents.get(name.replace("ranker.txt", "golden.npz")) if name.endswith(".ranker.txt") else None
        if golden is not None:
            with np.load(io.BytesIO(golden), allow_pickle=False) as stored:
                given |= {k: stored[k] for k in stored.files}
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", PROBE],
                input=npz_bytes(given),
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise damaged(folder, f"试装载 {name} 超过 {seconds:g} 秒") from None
        if done.returncode != 0:
            raise damaged(folder, f"试装载 {name} 失败（退出码 {done.returncode}）")


def active_table(models: Path) -> dict[str, Any]:
    """ACTIVE.json: {"grains": {grain: hash}, "history": [{"at","action","grains","by","entered_by","note"}]}; empty when nothing was ever in force."""
    path = models / "ACTIVE.json"
    if not path.exists():
        return {"grains": {}, "history": []}
    table = read_sealed(path, "restore it from a backup, or delete it and run `xiezhi fit`")
    return {k: v for k, v in table.items() if k != SEAL}


def activate(
    models: Path,
    name: str,
    *,
    grains: list[str] | None = None,
    retired: Sequence[str] = (),
    action: str = "fit",
    by: Sequence[str] = (),
    entered_by: str = "",
    note: str = "",
) -> None:
    """Put a bundle in force for its grains (or only some), after a probe in a child process; the `retired` grains go by no model from now on."""
    probe(models / name)
    bundle = load_bundle(models / name)
    chosen = sorted(grains if grains is not None else bundle.grains)
    if missing := [g for g in chosen if g not in bundle.grains]:
        raise UserError(f"模型 {name[:12]} 不含“{missing[0]}”；可启用的有 {'、'.join(sorted(bundle.grains))}。")
    changes = {**dict.fromkeys(retired, ""), **dict.fromkeys(chosen, name)}
    record(models, action, changes, by=by, entered_by=entered_by, note=note)


def record(
    models: Path,
    action: str,
    changes: Mapping[str, str] | None = None,
    *,
    by: Sequence[str] = (),
    entered_by: str = "",
    note: str = "",
) -> None:
    """Change which model is in force ({grain: hash, '' = none}) and append one entry to the history, of the same fields whatever was done. The history is only ever
    appended to."""
    table, changes = active_table(models), dict(changes or {})
    table["grains"] = dict(sorted((g, n) for g, n in {**table["grains"], **changes}.items() if n))
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "action": action,
        "grains": changes,
        "by": sorted(by),
        "entered_by": entered_by,
        "note": note,
    }
    table["history"] = [*table["history"], entry]
    write_active(models, table)


def write_active(models: Path, table: Mapping[str, Any]) -> None:
    """Replace ACTIVE.json atomically, sealed."""
    put(models / "ACTIVE.json", sealed(table))


def load_active(warehouse: Path) -> Bundle | None:
    """The bundle in force, grain by grain (grains may come from different bundles); None when there is none. Damaged files raise UserError."""
    models = warehouse / "models"
    chosen: dict[str, str] = active_table(models)["grains"]
    if not chosen:
        return None
    loaded = {name: load_bundle(models / name) for name in sorted(set(chosen.values()))}
    newest = max(loaded.values(), key=lambda b: (b.as_of, b.hash))
    return Bundle(newest.hash, newest.as_of, newest.seed, {g: loaded[n].grains[g] for g, n in chosen.items()})
