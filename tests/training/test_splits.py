"""Nobody is tested on a neighbour of the rows that taught."""

import numpy as np
import pandas as pd

from training.dataset import drawn_by_chance, place, snapshots
from training.splits import fold_pairs, grouped_folds, out_of_time


def test_groups_stay_together_and_positives_are_dealt_out() -> None:
    r = np.random.default_rng(0)
    groups = [f"H{i}" for i in r.integers(0, 40, 600)]
    y = (r.random(600) < 0.1).astype(float)
    folds = grouped_folds(groups, 5, 0, y)
    frame = pd.DataFrame({"g": groups, "f": folds, "y": y})
    assert (frame.groupby("g")["f"].nunique() == 1).all()
    per = frame.groupby("f")["y"].sum()
    assert per.max() - per.min() <= 4
    for train, test in fold_pairs(folds):
        assert not set(frame["g"][train]) & set(frame["g"][test])


def test_folds_do_not_depend_on_row_order() -> None:
    groups = np.array([f"H{i % 17}" for i in range(200)])
    order = np.random.default_rng(1).permutation(200)
    assert (grouped_folds(groups, 5, 3)[order] == grouped_folds(groups[order], 5, 3)).all()


def test_out_of_time_leaves_the_delay_gap_out() -> None:
    known = pd.Series(pd.to_datetime(["2025-01-10", "2025-03-05", "2025-03-20"]))
    seen = pd.Series(pd.to_datetime(["2025-01-01", "2025-02-20", "2025-03-10"]))
    train, test = out_of_time(known, seen, pd.Timestamp("2025-03-01"))
    assert train.tolist() == [True, False, False]
    assert test.tolist() == [False, False, True], "inspected before the cut, known after it: neither"


def test_a_label_joins_the_first_snapshot_after_its_period() -> None:
    days = [pd.Timestamp(d).date() for d in ("2025-01-01", "2025-04-01", "2025-06-30")]
    labels = pd.DataFrame(
        {
            "period_end": pd.to_datetime(["2024-12-31", "2025-01-02", "2025-06-30", "2025-07-02", "2024-09-01"]),
            "inspected_at": pd.to_datetime(["2025-02-01", "2025-05-01", "2025-07-01", "2025-07-03", "2024-10-01"]),
        }
    ).astype("datetime64[us]")
    got = place(labels, days, "admission")
    assert [None if pd.isna(g) else f"{g:%Y-%m-%d}" for g in got] == [
        "2025-01-01",
        "2025-04-01",
        "2025-06-30",
        None,
        None,
    ]


def test_snapshots_do_not_reach_before_the_data() -> None:
    class Store:
        def span(self) -> tuple[pd.Timestamp, None, None]:
            return pd.Timestamp("2025-01-01"), None, None

    days = snapshots(Store(), pd.Timestamp("2025-06-30").date(), 60)
    assert [f"{d}" for d in days] == ["2025-06-30", "2025-05-09", "2025-03-10"], (
        "days of the calendar, not of the as-of"
    )
    assert snapshots(Store(), pd.Timestamp("2025-07-06").date(), 60)[1:] == days[1:], "next week finds them built"


def test_the_draw_is_by_id_not_by_position() -> None:
    ids = pd.Index([f"S{i}" for i in range(100)])
    assert set(drawn_by_chance(ids, 10, "x")) == set(drawn_by_chance(ids[::-1], 10, "x"))
    assert set(drawn_by_chance(ids, 10, "x")) != set(drawn_by_chance(ids, 10, "y"))
