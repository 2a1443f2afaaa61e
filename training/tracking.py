"""Every fit leaves a trace in MLflow: parameters, figures, data, code version, model card, pictures, and per grain the model as a pyfunc with signature and example.

The only file that imports mlflow, and it imports it late. SQLite and local files inside the warehouse, no server, no telemetry, no pickle.
A failure here never costs a model: it comes back as one sentence.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.bundle import Bundle, inputs_of
from training.card import card_text
from training.dataset import Rows
from training.pictures import ranker_pictures
from training.settings import BOUNDS

REQUIREMENTS = ["lightgbm==4.7.0", "numpy==2.4.6", "pandas==3.1.1"]
"""Given, never inferred: inference takes 15 s and asks the environment."""
EXPERIMENT = "xiezhi"


def log_fit(root: Path, bundle: Bundle, summary: Mapping[str, Any], rows: Mapping[str, Rows]) -> tuple[str | None, str]:
    """(run id, '') or (None, warning). Registers one model per grain with a ranker and moves the alias champion to it where it is in force, else challenger."""
    try:
        with _quiet():
            return _log(root, bundle, summary, rows), ""
    except Exception as failed:  # the model in force must not depend on a log book
        return (
            None,
            f"MLflow 记录失败（{type(failed).__name__}），模型 {bundle.hash[:12]} 不受影响；请检查 {root / 'mlflow'} 是否可写、未被占用。",
        )


def move_alias(root: Path, grain: str, name: str, alias: str) -> str:
    """Point a registry alias at the version that carries bundle `name`; returns a warning, '' when done."""
    try:
        with _quiet():
            client = _client(root)[1]
            for version in client.search_model_versions(f"name='{registered(grain)}'"):
                if version.tags.get("bundle") == name:
                    client.set_registered_model_alias(registered(grain), alias, version.version)
                    return ""
        return (
            f"MLflow 登记册中没有模型 {name[:12]} 的“{grain}”版本，别名 {alias} 未移动；现用模型以 ACTIVE.json 为准。"
        )
    except Exception as failed:
        return f"MLflow 登记册不可用（{type(failed).__name__}），别名 {alias} 未移动；现用模型以 ACTIVE.json 为准。"


def drop_alias(root: Path, grain: str, name: str, alias: str) -> str:
    """Take an alias away from bundle `name` where it stands on it; returns a warning, '' when done or when there was nothing to do."""
    try:
        with _quiet():
            client = _client(root)[1]
            found = client.search_model_versions(f"name='{registered(grain)}'")
            if any(v.tags.get("bundle") == name and alias in v.aliases for v in found):
                client.delete_registered_model_alias(registered(grain), alias)
        return ""
    except Exception as failed:
        return f"MLflow 登记册不可用（{type(failed).__name__}），别名 {alias} 未移除；现用模型以 ACTIVE.json 为准。"


def registered(grain: str) -> str:
    """Registry name of a grain's ranker."""
    return f"xiezhi-{grain}"


def _client(root: Path) -> tuple[Any, Any]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import mlflow
    from mlflow import MlflowClient

    store = root / "mlflow"
    store.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{(store / 'mlflow.db').resolve()}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow, MlflowClient(uri, uri)


def _log(root: Path, bundle: Bundle, summary: Mapping[str, Any], rows: Mapping[str, Rows]) -> str:
    mlflow, client = _client(root)
    role = {g: "champion" if g in summary["in_force"] else "challenger" for g in summary["grains"]}
    with mlflow.start_run(
        experiment_id=experiment_of(client, root), run_name=f"{summary['as_of']} {bundle.hash[:8]}"
    ) as run:
        mlflow.set_tags({"bundle": bundle.hash, "as_of": summary["as_of"], "mlflow.source.name": "xiezhi fit"})
        mlflow.set_tags({**{f"role.{g}": r for g, r in role.items()}, **code_version()})
        mlflow.log_params({"as_of": summary["as_of"], "seed": summary["seed"]})
        for grain, said in summary["grains"].items():
            _log_figures(mlflow, grain, said, bundle)
            _log_tried(mlflow, grain, said["tried"])
        mlflow.log_dict(dict(summary), "summary.json")
        mlflow.log_text(card_text(bundle), "card.md")
        for grain, part in rows.items():
            _log_rows(mlflow, root, grain, part)
            _log_model(mlflow, client, root, bundle, grain, part, role[grain])
            _log_pictures(mlflow, bundle, grain, part)
        return str(run.info.run_id)


def experiment_of(client: Any, root: Path) -> str:
    """Id of the experiment that all runs of a warehouse belong to; made where it is not there."""
    found = client.get_experiment_by_name(EXPERIMENT)
    artifacts = (root / "mlflow" / "artifacts").resolve().as_uri()
    return str(
        found.experiment_id if found is not None else client.create_experiment(EXPERIMENT, artifact_location=artifacts)
    )


def code_version() -> dict[str, str]:
    """What made the model: the version, and the commit where the program lies in a repository of its own."""
    told = {"code_version": version("xiezhi")}
    home = Path(__file__).resolve().parents[1]
    if not (home / ".git").exists() or (git := shutil.which("git")) is None:
        return told
    run = functools.partial(subprocess.run, cwd=home, capture_output=True, text=True, check=False)
    commit = run([git, "rev-parse", "HEAD"]).stdout.strip()
    changed = run([git, "status", "--porcelain", "--untracked-files=no"]).stdout.strip()
    return told | {"mlflow.source.git.commit": commit, "code_changed": str(bool(changed))} if commit else told


def _log_figures(mlflow: Any, grain: str, said: Mapping[str, Any], bundle: Bundle) -> None:
    model = bundle.grains[grain]
    declared = hashlib.sha256(json.dumps(model.declared, sort_keys=True).encode()).hexdigest()[:16]
    params = {"ranker": said["ranker"], "columns": len(model.columns), "declarations": declared}
    params |= {f"weight.{k}": v for k, v in model.weights.items()}
    params |= model.facts.get("settings", {})
    mlflow.log_params({f"{grain}.{k}": v for k, v in params.items()})
    numbers = {k: float(v) for k, v in said["figures"].items() if isinstance(v, int | float) and np.isfinite(v)}
    numbers |= {"confirmed": said["confirmed"], "refuted": said["refuted"]}
    mlflow.log_metrics({f"{grain}.{k}": v for k, v in numbers.items()})


def _log_tried(mlflow: Any, grain: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Each combination of settings as a run of its own below this one, and all of them as a table."""
    if not found:
        return
    mlflow.log_text(pd.DataFrame(found).to_csv(index=False), f"tried/{grain}.csv")
    for row in found:
        params = {k: v for k, v in row.items() if k in BOUNDS}
        name = " ".join([grain, *(f"{k}={v:g}" for k, v in params.items())])
        with mlflow.start_run(nested=True, run_name=name):
            mlflow.set_tag("grain", grain)
            mlflow.log_params(params)
            mlflow.log_metrics({k: float(v) for k, v in row.items() if k not in BOUNDS and v is not None})


def _log_rows(mlflow: Any, root: Path, grain: str, part: Rows) -> None:
    """What it was taught with: shape, schema and digest, never a row."""
    from mlflow.data.pandas_dataset import from_pandas

    frame = part.X.assign(y=part.info["y"])
    data = hashlib.sha256(frame.to_numpy(dtype=np.float64).tobytes()).hexdigest()[:16]
    name = f"{grain}-{len(frame)}-rows"
    dataset = from_pandas(frame, source=str(root.resolve() / "features"), targets="y", name=name, digest=data)
    mlflow.log_input(dataset, context="training")
    mlflow.log_params({f"{grain}.rows": len(frame), f"{grain}.data": data})


def _log_model(mlflow: Any, client: Any, root: Path, bundle: Bundle, grain: str, part: Rows, alias: str) -> None:
    """The grain's whole model as a pyfunc on `Matrix.table()` (xiezhi/served.py): the bundle itself, with signature and an example, no pickle."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    model = bundle.grains[grain]
    names = inputs_of(grain, model.columns)
    outputs = Schema([ColSpec(DataType.double, n) for n in ("raw", "suspicion", "probability")])
    signature = ModelSignature(Schema([ColSpec(DataType.double, n) for n in names]), outputs)
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "model"
        shutil.copytree(root / "models" / bundle.hash, held / bundle.hash)
        (held / "grain.txt").write_text(grain, "utf-8")
        info = mlflow.pyfunc.log_model(
            name=f"{grain}-model",
            loader_module="xiezhi.served",
            data_path=str(held),
            signature=signature,
            input_example=example_of(part, names),
            registered_model_name=registered(grain),
            pip_requirements=REQUIREMENTS,
        )
    version = info.registered_model_version
    client.set_model_version_tag(registered(grain), version, "bundle", bundle.hash)
    client.set_registered_model_alias(registered(grain), alias, version)


def example_of(part: Rows, names: Sequence[str]) -> pd.DataFrame:
    """Nobody: of each column the middle and the high of the rows it was taught with (0 where it is not told)."""
    told = part.X.reindex(columns=list(names)).quantile([0.5, 0.95])
    return told.fillna(0.0).set_axis(["middle", "high"]).astype("float64")


def _log_pictures(mlflow: Any, bundle: Bundle, grain: str, rows: Rows) -> None:
    """SHAP beeswarm and dependence, and the calibration curve. `import shap` takes seconds, so it happens only here."""
    with tempfile.TemporaryDirectory() as folder:
        for path in ranker_pictures(bundle.grains[grain], rows, Path(folder)):
            mlflow.log_artifact(str(path), artifact_path=f"pictures/{grain}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """MLflow and alembic chat on stderr and stdout; the command's output belongs to the command."""
    before = {name: logging.getLogger(name).level for name in ("mlflow", "alembic", "sqlalchemy")}
    for name in before:
        logging.getLogger(name).setLevel(logging.ERROR)
    import warnings

    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
