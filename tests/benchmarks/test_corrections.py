"""What a later delivery corrects changes from the moment it is known, and nothing else: ten kinds, on a share of the pilot."""

import os
from pathlib import Path

import pytest

from benchmarks.corrections import run

PILOT = Path(os.environ.get("XIEZHI_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "pilot" / "claims"


@pytest.mark.slow
@pytest.mark.skipif(not PILOT.exists(), reason="the pilot's data is not there")
def test_ten_kinds_of_correction_on_the_pilot(tmp_path: Path) -> None:
    lines, sound = run(PILOT, 0.05, tmp_path)
    assert sound, "\n".join(lines)
