"""What officers saw at a bed on an earlier evening changes tonight's order: found empty it comes up, found in bed it goes down, long ago it says nothing."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from claims.schema.outcomes import findings
from models.beds import WAYS, Way
from models.score import Scored
from models.scorer import BASE
from serving.lists.bedcheck import after_looks

TONIGHT = datetime(2026, 9, 28, 20)
STAYS = ["M1", "M2", "M3", "M4", "M5", "M6"]
CHANCES = np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def scored(way: Way) -> Scored:
    raw = CHANCES / (1 - CHANCES) if way == "composed" else np.log(CHANCES / (1 - CHANCES))
    frame = pd.DataFrame(
        {"raw": raw, "placed": raw, "risk": CHANCES, "suspicion": CHANCES, "model": WAYS[way]}, index=STAYS
    )
    contributions = pd.DataFrame({"x": raw, BASE: 0.0}, index=STAYS)
    return Scored(frame, contributions, pd.DataFrame(index=STAYS))


def seen(*looks: tuple[str, str, int]) -> pd.DataFrame:
    rows = [{"check_id": f"C{i}", "mdtrt_id": stay, "result_code": code, "check_time": TONIGHT - timedelta(hours=hours)} for i, (stay, code, hours) in enumerate(looks)]  # fmt: skip
    return findings(None, pd.DataFrame(rows), TONIGHT)


@pytest.mark.parametrize("way", WAYS)
def test_absent_raises_in_bed_clears(way: Way) -> None:
    looks = seen(("M6", "B4_ABSENT", 23), ("M1", "B1_IN_BED", 23), ("M3", "B3_LEAVE_OK", 23), ("M2", "B1_IN_BED", 200), ("M4", "B8_UNABLE", 23))  # fmt: skip
    made, looked = after_looks(scored(way), looks, TONIGHT)
    assert looked == 3
    assert made.frame["risk"].round(6).tolist() == [0.3, 0.5, 0.28, 0.3, 0.2, 0.55]
    assert made.frame["placed"].sort_values(ascending=False).index[0] == "M6"
    added = made.contributions.sum(axis=1).to_numpy()
    np.testing.assert_allclose(added, made.frame["raw"].to_numpy(dtype=float))


def test_the_last_look_counts_and_none_changes_nothing() -> None:
    before = scored("taught")
    made, _ = after_looks(before, seen(("M6", "B4_ABSENT", 47), ("M6", "B1_IN_BED", 23)), TONIGHT)
    assert made.frame.loc["M6", "risk"] == pytest.approx(0.05)
    same, looked = after_looks(before, seen(("M9", "B4_ABSENT", 23)), TONIGHT)
    assert (same is before, looked) == (True, 0)
