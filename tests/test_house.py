"""The house itself: our packages are ours, the notebook runs, the entry points exist, nothing pickles."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["claims", "simulator", "features", "models", "inspection", "training", "serving", "commands", "xiezhi"]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_generic_package_names_are_ours(name: str) -> None:
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve().is_relative_to(ROOT)


def sources() -> list[Path]:
    return [p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))]


@cache
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
    [
        ("mlflow", ["training/tracking.py"]),
        ("bentoml", ["serving/service.py"]),
        ("pyspark", ["claims/sources/spark.py", "claims/store/spark.py"]),  # as a source, and as an executor
    ],
)
def test_each_platform_is_imported_in_its_place_alone(module: str, where: list[str]) -> None:
    assert [str(p.relative_to(ROOT)) for p in sources() if module in imported(p)] == where


#: What an f-string must hold to be SQL, or a bare quoted value for one.
SQL_WORD = re.compile(
    r"\b(SELECT|FROM|WHERE|WHEN|THEN|CASE|COPY|CREATE|SET|JOIN|AND|OR|IN|TIMESTAMP|DATE|REPLACE|MACRO)\b|\(|^''$"
)


def pasted(text: str) -> list[int]:
    """Lines of the placeholders that stand inside a SQL literal of an f-string."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.JoinedStr):
            continue
        said = "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
        quotes = 0
        for value in node.values:
            if isinstance(value, ast.Constant):
                quotes += str(value.value).count("'")
            elif quotes % 2 and SQL_WORD.search(said):
                found.append(value.lineno)
    return found


@pytest.mark.parametrize("room", ["claims", "features"])
def test_values_reach_sql_through_the_one_quoter(room: str) -> None:
    """`'{path}'` breaks at a folder named O'Brien; claims/store/sql.py quotes."""
    lines = {str(p.relative_to(ROOT)): pasted(p.read_text("utf-8")) for p in sorted((ROOT / room).rglob("*.py"))}
    assert {name: found for name, found in lines.items() if found} == {}
    for wrong in ("""f"COPY t TO '{path}/x.parquet'\"""", """f"'{code}'\""""):
        assert pasted(wrong) == [1]
    for right in ("""f"x = {quote(y)} AND z = 'a'\"""", """f"the file's {name}\""""):
        assert pasted(right) == []


#: Dependencies that no module of ours imports, and what for.
NOT_IMPORTED = {
    "psycopg": "SQLAlchemy's driver of PostgreSQL sources",
    "uvicorn": "serves the service's processes",
    "python-multipart": "reads uploaded workbooks for Starlette",
}
#: Imported by the one file that may, where the extra is installed.
OF_THE_EXTRA = {"pyspark", "py4j"}


def test_the_dependencies_are_what_is_imported() -> None:
    """A package nobody imports any more leaves pyproject.toml; what is imported does not come along by luck."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[=<>\[ ]", line)[0].lower() for line in project["dependencies"]}
    modules = set().union(*map(imported, sources())) - set(sys.stdlib_module_names) - {*PACKAGES, *OF_THE_EXTRA}
    given_by = packages_distributions()
    found = {module: {name.lower() for name in given_by[module]} & declared for module in modules}
    assert {module for module, names in found.items() if not names} == set()
    assert declared - set().union(*found.values()) == set(NOT_IMPORTED)


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
    assert "admission 已查实" in done.stdout, "a fit says its findings"
