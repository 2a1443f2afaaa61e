"""Fixtures that more than one room needs."""

import os
from pathlib import Path

import pytest

from tests.worlds import ROOT, Worlds

#: The longest files start first: the last of them would keep one worker busy while the others have nothing left to do.
FIRST = ("test_spark.py", "test_every_feature.py", "test_determinism.py", "test_command.py", "test_corrupt.py", "test_hits.py", "test_house.py")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


def shared(*parts: str) -> Path:
    """A folder of the shared material (pilot export, Medicare); skips the test where it is absent."""
    base = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data not here: set XIEZHI_SHARED to the folder that holds {'/'.join(parts)}")
    return path


@pytest.fixture(scope="session")
def pilot() -> Path:
    return shared("data", "pilot")


@pytest.fixture(scope="session")
def worlds(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """The shelf of shared worlds, in pytest's cache folder; of this run alone where pytest is told to keep none."""
    cache = getattr(pytestconfig, "cache", None)
    return Worlds(cache.mkdir("worlds") if cache is not None else tmp_path_factory.mktemp("worlds"))
