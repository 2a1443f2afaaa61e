"""Fixtures that more than one room needs."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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
def medicare() -> Path:
    return shared("data", "medicare")
