"""What inspections made of a rule's hits: counted as the list stood before the inspection, with an interval, or not told at all."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from claims.store.publish import Published, hashed
from features.checking import precision as feedback
from features.checking.precision import MIN_DECIDED, history_text, precision_of
from features.intervals import wilson
from features.partition import Partition


def test_the_interval_of_wilson() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 10)[0] == pytest.approx(0, abs=1e-12)
    assert wilson(0, 0) == (0.0, 1.0), "without cases anything may be"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two lists: on the first R13 hits stays a0–a7, on the second also b0–b7. Cases are inspected in between and after."""
    lists: list[Partition] = []
    for day, hit in ((date(2025, 3, 1), "a"), (date(2025, 9, 1), "ab")):
        folder = tmp_path / day.isoformat()
        folder.mkdir()
        ids = [f"{letter}{i}" for letter in "abc" for i in range(8)]
        pd.DataFrame({"entity_id": ids, "rule_r13": [float(e[0] in hit) for e in ids]}).to_parquet(
            folder / "values.parquet"
        )
        told = {"window_days": 365, "columns": ["rule_r13"], "absent": {}, "rows": len(ids), "files": hashed(folder)}
        lists.append(Partition.of(Published(folder, told, "build it again"), "admission", day))
    monkeypatch.setattr(feedback, "published", lambda root, grain: lists if grain == "admission" else [])
    cases = [("a", i, "2025-04-01", i < 6) for i in range(8)]
    cases += [("b", i, "2025-10-01" if i < 3 else "2025-05-01", True) for i in range(8)]
    cases += [("c", i, "2025-10-01", True) for i in range(8)] + [("early", 0, "2025-01-01", True)]
    frame = pd.DataFrame(
        [("admission", f"{e}{i}", pd.Timestamp(t), ok) for e, i, t, ok in cases],
        columns=["grain", "entity_id", "inspected_at", "confirmed"],
    )
    monkeypatch.setattr(feedback.Warehouse, "open", staticmethod(lambda root: None))
    monkeypatch.setattr(feedback, "decided_cases", lambda warehouse, as_of: frame)
    return tmp_path


def test_only_hits_of_the_list_before_the_inspection_count(house: Path) -> None:
    found = {p.period: p for p in precision_of("R13", house, date(2025, 12, 31)) if p.grain == "admission"}
    assert (found["2025上"].decided, found["2025上"].confirmed, found["2025上"].refuted) == (8, 6, 2), (
        "b was no hit in March"
    )
    assert found["2025上"].share == 0.75
    assert found["2025下"].decided == 3 < MIN_DECIDED
    assert found["2025下"].share is None
    assert found["全部"].decided == 11


def test_what_cannot_be_told_says_so(house: Path) -> None:
    text = history_text(precision_of("R13", house, date(2025, 12, 31)))
    assert "查实 6，排除 2，准确率 75%（41%–93%）" in text
    assert "2025下：检查 3，查实 3，排除 0，尚无法判断" in text
    assert "尚无法判断" in history_text([])
