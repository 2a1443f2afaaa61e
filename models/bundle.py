"""A model on disk: a folder of text, JSON and plain arrays, never a pickle, named by its hash.

    models/HASH/manifest.json            {"format", "as_of", "seed", "declarations", "files": {name: {"sha256", "bytes"}}}
    models/HASH/GRAIN.json               columns, families, calibration, amount, facts
    models/HASH/GRAIN.arrays.npz         forest nodes, rule beliefs, reference distributions
    models/HASH/GRAIN.ranker.txt         LightGBM's own text (absent where labels are too few)
    models/HASH/GRAIN.golden.npz         rows and the raw risk they must give

HASH is the SHA-256 of manifest.json, and no byte reaches LightGBM's parser before its own hash matched. Which bundle is in force: models/in_force.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claims.errors import Outdated, UserError
from claims.store.files import fsync, stage
from features.columns import Column, matrix_columns
from features.declarations import load_catalog
from features.declare import fingerprint
from features.grains import GRAINS
from features.matrix import PEERS, PLACE
from models.amount import AmountModel
from models.calibrate import Calibration
from models.ensemble import ALL, OWN, RANKER, GrainModel, Z
from models.files import damaged, json_bytes, npz_bytes, read_file, thread_free
from models.findings import Findings
from models.reference_distribution import Tail
from models.scorer import MatrixLike, Scorer, State
from models.scorers import SCORERS
from models.taught import Taught, steady

FORMAT = 6
BEDS = "beds"
ALLOWED = re.compile(rf"^({'|'.join(GRAINS)})\.(json|arrays\.npz|golden\.npz|ranker\.txt|beds\.txt)$")


@dataclass(frozen=True)
class Bundle:
    """A verified model: one GrainModel per grain."""

    hash: str
    as_of: str
    seed: int
    grains: dict[str, GrainModel] = field(default_factory=dict)


# ------------------------------------------------------------------ fingerprint


def declarations(matrix: MatrixLike) -> dict[str, str]:
    """{column: hash of what it means} of a matrix."""
    return said_of({column: matrix.columns[column] for column in matrix.X.columns})


def said_of(columns: Mapping[str, Column]) -> dict[str, str]:
    """{column: hash of what it means}: scheme, direction, unit, role, family, and the whole declaration (SQL included)."""
    out = {}
    for column, told in columns.items():
        said = [told.scheme, told.worse, told.unit, told.role, told.family, fingerprint([told.feature])]
        out[column] = hashlib.sha256(json_bytes([column, *said])).hexdigest()[:16]
    return out


def inputs_of(grain: str, columns: Sequence[str]) -> list[str]:
    """What a model of these columns reads of `Matrix.table()`."""
    load_catalog()
    known = matrix_columns(grain)  # type: ignore[arg-type]
    context = [c for c in columns if c in known and known[c].role == "context"]
    return [*columns, *(PEERS + c for c in columns), *(PLACE + c for c in context)]


def mismatch(model: GrainModel, matrix: MatrixLike) -> str:
    """What keeps a model from scoring a matrix: a column gone or declared otherwise; '' when nothing does. New columns do no harm."""
    return _changed(model, declarations(matrix))


def redeclared(model: GrainModel) -> str:
    """The same from the declarations alone, before anything is built: what the catalogue lacks or says otherwise than when the model was fitted."""
    load_catalog()
    known = matrix_columns(model.grain)  # type: ignore[arg-type]
    return _changed(model, said_of({c: known[c] for c in model.declared if c in known}))


def outdated(bundle: Bundle | None) -> dict[str, str]:
    """{grain: what changed} of a bundle's models that can score no more."""
    found = {g: redeclared(m) for g, m in (bundle.grains if bundle is not None else {}).items()}
    return {g: why for g, why in found.items() if why}


def _changed(model: GrainModel, now: Mapping[str, str]) -> str:
    for column, said in model.declared.items():
        if column not in now:
            return f"缺少列 {column}"
        if now[column] != said:
            return f"列 {column} 的声明已改"
    return ""


# ------------------------------------------------------------------ write


def write_bundle(
    folder: Path, grains: Mapping[str, GrainModel], golden: Mapping[str, pd.DataFrame], *, as_of: str, seed: int
) -> Bundle:
    """Write models/HASH under `folder` (the warehouse's models/) whole or not at all, and return the bundle as read back.

    golden: {grain: ranker input rows}; their raw risks are stored beside them. Equal models give equal bytes and so an equal HASH.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for grain, model in sorted(grains.items()):
        files |= _grain_files(model, golden.get(grain))
    manifest = json_bytes(
        {
            "format": FORMAT,
            "as_of": as_of,
            "seed": seed,
            "declarations": {g: hashlib.sha256(json_bytes(m.declared)).hexdigest() for g, m in sorted(grains.items())},
            "files": {n: {"sha256": hashlib.sha256(b).hexdigest(), "bytes": len(b)} for n, b in sorted(files.items())},
        }
    )
    name = hashlib.sha256(manifest).hexdigest()
    target = folder / name
    if not target.exists():
        staged = Path(tempfile.mkdtemp(prefix=".stage-", dir=folder))
        try:
            for file, content in {**files, "manifest.json": manifest}.items():
                stage(staged / file, content)
            staged.chmod(0o755)
            os.rename(staged, target)
            fsync(folder)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    return load_bundle(target)


def _grain_files(model: GrainModel, golden: pd.DataFrame | None) -> dict[str, bytes]:
    grain = model.grain
    values: dict[str, Any] = {
        "grain": grain,
        "columns": model.columns,
        "declared": model.declared,
        "weights": model.weights,
        "findings": model.findings.to_json() if model.findings is not None else None,
        "calibration": model.calibration.to_json(),
        "amount": model.amount.to_json(),
        "money_scale": model.money_scale,
        "facts": model.facts,
        "strata": sorted(model.strata),
        "usual": model.usual,
        "often": model.often,
        "scorers": {},
    }
    arrays: dict[str, np.ndarray] = {}
    for name, scorer in model.scorers.items():
        state: State = scorer.state()
        values["scorers"][name] = state[0]
        arrays |= {f"{name}/{k}": v for k, v in state[1].items()}
    for name, tail in model.tails.items():
        arrays |= {f"tail/{name}/x": tail.x, f"tail/{name}/t": tail.t}
    for i, name in enumerate(values["strata"]):
        arrays |= {f"stratum/{i}/x": model.strata[name].x, f"stratum/{i}/t": model.strata[name].t}
    out = {}
    for name, taught in ((RANKER, model.ranker), (BEDS, model.beds)):
        if taught is None:
            continue
        learnt, kept = taught.state()
        out[f"{grain}.{name}.txt"] = thread_free(learnt.pop("text")).encode()
        values[name] = learnt
        arrays |= {f"{name}/{k}": v for k, v in kept.items()}
    if model.ranker is not None and golden is not None and len(golden):
        rows = steady(golden[model.ranker.columns_])
        out[f"{grain}.golden.npz"] = npz_bytes(
            {
                "X": rows.to_numpy(dtype=np.float64),
                "raw": model.ranker.trees_.raw(rows).to_numpy(),
                "total": model.ranker.raw(rows).to_numpy(),
            }
        )
    out[f"{grain}.json"] = json_bytes(values)
    out[f"{grain}.arrays.npz"] = npz_bytes(arrays)
    return out


# ------------------------------------------------------------------ read


def load_bundle(folder: Path) -> Bundle:
    """Verify and read a bundle. Raises UserError (and hands no byte to any parser) when a file is missing, extra, changed or too large,
    or when the golden rows do not give the raw risks they gave when it was written."""
    contents, manifest = verified(folder)
    grains = {g: _restore(g, contents, folder) for g in manifest["declarations"]}
    return Bundle(folder.name, str(manifest["as_of"]), int(manifest["seed"]), grains)


def verified(folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """({file: bytes}, manifest) once every byte is what the folder's name says; the bytes checked are the bytes used."""
    if not folder.is_dir():
        raise UserError(f"模型文件夹 {folder.name[:16]} 不存在；请运行 xiezhi fit 重新生成。")
    raw = read_file(folder, "manifest.json")
    if hashlib.sha256(raw).hexdigest() != folder.name:
        raise damaged(folder, "manifest.json 与文件夹名不符")
    manifest: dict[str, Any] = json.loads(raw)
    if manifest.get("format") != FORMAT:
        raise Outdated(
            f"模型 {folder.name[:12]} 的格式版本是 {manifest.get('format')!r}，本程序只读版本 {FORMAT}，未装载；请运行 xiezhi fit 重新训练。"
        )
    listed = manifest["files"]
    present = {p.name for p in folder.iterdir()}
    if extra := sorted(present - set(listed) - {"manifest.json"}):
        raise damaged(folder, f"多出文件 {extra[0]}")
    contents = {}
    for name, entry in listed.items():
        if not ALLOWED.match(name):
            raise damaged(folder, f"文件名 {name} 不在允许之列")
        content = read_file(folder, name)
        if len(content) != entry["bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise damaged(folder, f"{name} 已被改动")
        contents[name] = content
    return contents, manifest


def _restore(grain: str, contents: Mapping[str, bytes], folder: Path) -> GrainModel:
    values = json.loads(contents[f"{grain}.json"])
    with np.load(io.BytesIO(contents[f"{grain}.arrays.npz"]), allow_pickle=False) as stored:
        arrays = {k: stored[k] for k in stored.files}
    scorers = {n: _scorer(n, values["scorers"][n], arrays, folder) for n in _in_order(values["scorers"], folder)}
    model = GrainModel(
        grain=grain,
        columns=list(values["columns"]),
        scorers=scorers,
        tails={
            n: Tail(arrays[f"tail/{n}/x"], arrays[f"tail/{n}/t"])
            for n in [*scorers, *([RANKER] if RANKER in values else []), ALL, OWN]
        },
        weights={k: float(v) for k, v in values["weights"].items()},
        calibration=Calibration.from_json(values["calibration"]),
        amount=AmountModel.from_json(values["amount"]),
        money_scale=float(values["money_scale"]),
        declared=values["declared"],
        facts=values["facts"],
        findings=Findings(values["findings"]) if values.get("findings") else None,
        strata={n: Tail(arrays[f"stratum/{i}/x"], arrays[f"stratum/{i}/t"]) for i, n in enumerate(values["strata"])},
        usual={n: (float(mean), float(spread)) for n, (mean, spread) in values.get("usual", {}).items()},
        often={n: float(v) for n, v in values["often"].items()},
    )
    if RANKER in values:
        model.ranker = _taught(model, RANKER, values, arrays, contents, folder)
        _replay(model, contents.get(f"{grain}.golden.npz"), folder)
    if BEDS in values:
        model.beds = _taught(model, BEDS, values, arrays, contents, folder)
    return model


def _in_order(stored: Mapping[str, Any], folder: Path) -> list[str]:
    """Names of the stored scorers in the socket's order: sums over scorers must not depend on how a file was sorted."""
    if unknown := sorted(set(stored) - set(SCORERS)):
        raise damaged(folder, f"含本程序没有的评分方法 {unknown[0]}")
    return [n for n in SCORERS if n in stored]


def _scorer(name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path) -> Scorer:
    own = {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
    try:
        return SCORERS[name].restore(values, own)
    except KeyError as missing:
        raise damaged(folder, f"{name} 缺少 {missing}") from None


def _taught(
    model: GrainModel,
    name: str,
    values: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    contents: Mapping[str, bytes],
    folder: Path,
) -> Taught:
    own = {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
    try:
        taught = Taught.restore({**values[name], "text": contents[f"{model.grain}.{name}.txt"].decode()}, own)
    except KeyError as missing:
        raise damaged(folder, f"{name} 缺少 {missing}") from None
    if unknown := [c for c in taught.columns_ if c.removeprefix(Z) not in set(model.columns)]:
        raise damaged(folder, f"{model.grain} 的排序模型含未声明的列 {unknown[0]}")
    return taught


def _replay(model: GrainModel, golden: bytes | None, folder: Path) -> None:
    if golden is None or model.ranker is None:
        return
    with np.load(io.BytesIO(golden), allow_pickle=False) as stored:
        rows, expected = stored["X"], stored["total"]
    got = model.ranker.raw(pd.DataFrame(rows, columns=model.ranker.columns_)).to_numpy()
    if got.shape != expected.shape or not np.allclose(got, expected, rtol=0.0, atol=1e-9):
        raise damaged(folder, f"{model.grain} 的校验行重算结果不符")
