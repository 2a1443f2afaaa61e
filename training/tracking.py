"""Every fit leaves a trace in MLflow: parameters, figures, pictures, the native model text, and who was champion when.

The only file that imports mlflow, and it imports it late. SQLite and local files inside the warehouse, no server, no telemetry, no pickle.
A failure here never costs a model: it comes back as one sentence.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle import Bundle
from training.dataset import Rows
from training.pictures import ranker_pictures

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
    found = client.get_experiment_by_name(EXPERIMENT)
    artifacts = (root / "mlflow" / "artifacts").resolve().as_uri()
    experiment = (
        found.experiment_id if found is not None else client.create_experiment(EXPERIMENT, artifact_location=artifacts)
    )
    role = {g: "champion" if g in summary["in_force"] else "challenger" for g in summary["grains"]}
    with mlflow.start_run(experiment_id=experiment, run_name=f"{summary['as_of']} {bundle.hash[:8]}") as run:
        mlflow.set_tags({"bundle": bundle.hash, "as_of": summary["as_of"], **{f"role.{g}": r for g, r in role.items()}})
        mlflow.log_params({"as_of": summary["as_of"], "seed": summary["seed"]})
        for grain, said in summary["grains"].items():
            model = bundle.grains[grain]
            mlflow.log_params(
                {
                    f"{grain}.ranker": said["ranker"],
                    f"{grain}.columns": len(model.columns),
                }
            )
            mlflow.log_param(
                f"{grain}.declarations",
                hashlib.sha256(json.dumps(model.declared, sort_keys=True).encode()).hexdigest()[:16],
            )
            numbers = {k: float(v) for k, v in said["figures"].items() if isinstance(v, int | float) and np.isfinite(v)}
            mlflow.log_metrics(
                {
                    f"{grain}.{k}": v
                    for k, v in {**numbers, "confirmed": said["confirmed"], "refuted": said["refuted"]}.items()
                }
            )
        mlflow.log_dict(dict(summary), "summary.json")
        for grain, part in rows.items():
            data = hashlib.sha256(
                part.X.to_numpy(dtype=np.float64).tobytes() + part.info["y"].to_numpy(dtype=np.float64).tobytes()
            )
            mlflow.log_param(f"{grain}.rows", len(part.X))
            mlflow.log_param(f"{grain}.data", data.hexdigest()[:16])
            _log_ranker(mlflow, client, bundle, grain, role[grain])
            _log_pictures(mlflow, bundle, grain, part)
        return str(run.info.run_id)


def _log_ranker(mlflow: Any, client: Any, bundle: Bundle, grain: str, alias: str) -> None:
    ranker = bundle.grains[grain].ranker
    if ranker is None:
        return
    # the trees begin where the line ends, so both are kept
    values, arrays = ranker.linear_.state()
    mlflow.log_dict({**values, **{k: v.tolist() for k, v in arrays.items()}}, f"{grain}-line.json")
    info = mlflow.lightgbm.log_model(
        ranker.trees_.booster_,
        name=f"{grain}-ranker",
        registered_model_name=registered(grain),
        pip_requirements=REQUIREMENTS,
    )
    version = info.registered_model_version
    client.set_model_version_tag(registered(grain), version, "bundle", bundle.hash)
    client.set_registered_model_alias(registered(grain), alias, version)


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
