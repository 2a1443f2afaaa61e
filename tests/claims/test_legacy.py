"""`legacy.zip` gives the warehouse of its clean twin, but for what is quarantined and what the old system really sent on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.claims.legacy import compare

pytestmark = pytest.mark.slow


def test_every_difference_from_the_clean_twin_has_a_cause(pilot: Path, tmp_path: Path) -> None:
    found = compare(pilot, tmp_path)
    assert found["same_money"] == found["in_both"]
    assert found["only_clean"] == found["only_clean_quarantined"] == found["settlements_clean"] - found["in_both"]
    assert found["only_legacy"] == found["corrections"] == found["settlements_legacy"] - found["in_both"]
    assert found["versions"] == found["clock_rewritten"]
    assert found["renumbered_reversals"] + found["renumbered_anew"] > 0
    assert found["same_net"] + found["refund_quarantined"] == found["originals"]
    assert found["lines_only_clean"] == found["lines_only_clean_quarantined"]
    assert found["lines_only_legacy"] == found["line_money_differs"] == found["persons_missing"] == 0
    assert found["only_clean"] < 0.01 * found["settlements_clean"]
