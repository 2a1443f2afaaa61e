"""What inspections made of a rule's hits: counted as the list stood before the inspection, with an interval, or not told at all."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from claims.store.publish import Published, hashed
from features.checking import precision as feedback
from features.checking.precision import MIN_DECIDED, history_text, precision_of
from features.intervals import wilson
from features.partition import Partition


def test_the_interval_of_wilson() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    for hits, n, level in ((0, 7, 0.95), (3, 7, 0.8), (7, 7, 0.9), (41, 9000, 0.95)):
        theirs = binomtest(hits, n).proportion_ci(level, method="wilson")
        assert wilson(hits, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-14)
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


def test_each_inspection_counts_and_looks_at_one_bed_are_one() -> None:
    rows = [
        ("institution", "H1", "2025-03-01 09:00", "refuted", "inspections"),
        ("institution", "H1", "2025-09-01 09:00", "confirmed", "inspections"),
        ("institution", "H1", "2025-09-01 15:00", "refuted", "inspections"),  # another matter of the same visit
        ("institution", "H2", "2025-03-01 09:00", "missing", "inspections"),
        ("admission", "M1", "2025-03-01 20:00", "refuted", "presence_checks"),
        ("admission", "M1", "2025-03-02 20:00", "refuted", "presence_checks"),
        ("admission", "M2", "2025-03-01 20:00", "refuted", "presence_checks"),
        ("admission", "M2", "2025-03-05 20:00", "confirmed", "presence_checks"),
        ("admission", "M2", "2025-06-01 09:00", "confirmed", "inspections"),
    ]
    found = pd.DataFrame(rows, columns=["grain", "entity_id", "inspected_at", "outcome", "source_table"])
    told = feedback.one_each(found.assign(inspected_at=pd.to_datetime(found["inspected_at"])))
    said = [
        (e, f"{t:%m-%d}", ok)
        for e, t, ok in zip(told["entity_id"], told["inspected_at"], told["confirmed"], strict=True)
    ]
    assert said == [
        ("M1", "03-01", False),
        ("M2", "03-05", True),
        ("M2", "06-01", True),
        ("H1", "03-01", False),
        ("H1", "09-01", True),
    ]


def test_a_unit_inspected_twice_counts_with_both_lists(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = pd.DataFrame(
        [("admission", "b0", pd.Timestamp("2025-05-01"), False), ("admission", "b0", pd.Timestamp("2025-10-01"), True)],
        columns=["grain", "entity_id", "inspected_at", "confirmed"],
    )
    monkeypatch.setattr(feedback, "decided_cases", lambda warehouse, as_of: twice)
    [found] = [p for p in precision_of("R13", house, date(2025, 12, 31)) if p.period == "全部"]
    assert (found.decided, found.confirmed) == (1, 1), "hit on the second list alone"


def test_what_cannot_be_told_says_so(house: Path) -> None:
    text = history_text(precision_of("R13", house, date(2025, 12, 31)))
    assert "查实 6，排除 2，准确率 75%（41%–93%）" in text
    assert "2025下：检查 3，查实 3，排除 0，尚无法判断" in text
    assert "尚无法判断" in history_text([])
