"""Fixtures that more than one room needs."""

import os
from pathlib import Path

import pytest

from tests.worlds import ROOT, Worlds


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
