"""Plain package names beside a user's own folders of the same names."""

import subprocess
import sys
from pathlib import Path

import pytest

from xiezhi.rooms import ROOMS, keep

ROOT = Path(__file__).resolve().parent.parent


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python started in a folder, as a notebook is: the folder comes first on the path."""
    start = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
    return subprocess.run([sys.executable, "-I", "-c", start + code], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "models.py").write_text("mine = True\n")
    return tmp_path


def test_ours_are_found_beside_folders_of_the_same_name(own: Path) -> None:
    done = python(own, "import xiezhi, features, models.settings; print(features.__file__)")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(ROOT)
    assert f"{own / 'features' / '__init__.py'}" in done.stderr, "what is hidden is said"
    assert "hidden by xiezhi's own package" in done.stderr


def test_one_imported_before_is_refused_by_name(own: Path) -> None:
    done = python(own, "import features\nimport xiezhi")
    assert done.returncode != 0
    assert "a package named 'features' was imported from" in done.stderr
    assert "rename yours" in done.stderr


def test_without_such_folders_nothing_is_said(tmp_path: Path) -> None:
    done = python(tmp_path, "import xiezhi")
    assert (done.returncode, done.stderr) == (0, "")
    keep([str(tmp_path), str(ROOT)])


def test_every_room_is_kept() -> None:
    rooms = {p.name for p in ROOT.iterdir() if (p / "__init__.py").exists()} - {"tests", "benchmarks", "xiezhi"}
    assert rooms == set(ROOMS)
