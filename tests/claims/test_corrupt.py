"""Every named corrupt delivery: refused in one sentence, or every row accounted for; nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from claims.store.warehouse import Warehouse
from tests.claims.corrupt_inputs import CASES, run


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 80


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_corrupt(name: str, tmp_path: Path) -> None:
    file, _, expected = CASES[name]
    said, done = run(name, tmp_path)
    if expected == "refused":
        assert done is None
        assert file.split(".")[0] in said
        assert not (tmp_path / "house" / "CURRENT").exists()
        return
    assert done is not None, said
    counts = done.tables["settlements"]
    assert counts.rows_in == counts.accepted + counts.quarantined + counts.duplicates
    reasons = done.reasons.get("settlements", {})
    assert reasons == {} and counts.accepted == 2 if expected == "sound" else reasons.get(expected, 0) >= 1
    assert Warehouse.open(tmp_path / "house").verify_all()
