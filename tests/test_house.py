"""The house itself: our packages are ours, the notebook runs, the entry points exist, nothing pickles."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["claims", "features", "models", "training", "serving", "commands"]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_generic_package_names_are_ours(name: str) -> None:
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve().is_relative_to(ROOT)


def sources() -> list[Path]:
    return [p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))] + [ROOT / "xiezhi.py"]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_nothing_pickles() -> None:
    banned = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    assert {str(p.relative_to(ROOT)): imported(p) & banned for p in sources() if imported(p) & banned} == {}


@pytest.mark.parametrize(
    ("module", "where"),
    [("mlflow", "training/tracking.py"), ("bentoml", "serving/service.py"), ("pyspark", "claims/sources/spark.py")],
)
def test_one_file_imports_each_platform(module: str, where: str) -> None:
    assert [str(p.relative_to(ROOT)) for p in sources() if module in imported(p)] == [where]


@pytest.mark.parametrize("module", ["sklearn", "lightgbm", "networkx", "pandas", "mlflow", "bentoml", "shap"])
def test_the_given_packages_are_really_used(module: str) -> None:
    assert any(module in imported(p) for p in sources())


def test_mlproject_names_commands_that_exist() -> None:
    text = (ROOT / "MLproject").read_text("utf-8")
    for name in ("simulate", "features", "fit", "evaluate", "rank"):
        assert f"\n  {name}:" in text
        assert f"xiezhi.py {name} " in text


@pytest.mark.slow
def test_the_notebook_walks_the_road(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "notebooks" / "the_road.py")],
        capture_output=True,
        text=True,
        timeout=900,
        env={
            **os.environ,
            "XIEZHI_NOTEBOOK_DIR": str(tmp_path),
            "XIEZHI_NOTEBOOK_PERSONS": "1000",
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "declarations" in done.stdout
    assert "contributions + base − raw" in done.stdout
