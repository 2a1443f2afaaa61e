"""A clean hospital's gap lies around nothing, a planted excess is found again; charts stand for their stays."""

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from inspection.charts import extrapolate, pull
from inspection.normal import normals
from inspection.seed import random_for


def stays(units: int = 12, each: int = 200) -> pd.DataFrame:
    """Hospitals that differ in severity (mix) and a little in price."""
    rng, parts = random_for("stays"), []
    for u in range(units):
        hard = rng.random(each) < 0.1 + 0.06 * u
        price = np.exp(rng.normal(0, 0.03))
        cost = np.exp(rng.normal(8, 0.5, each)) * np.where(hard, 4, 1) * price
        parts.append(
            pd.DataFrame(
                {"mdtrt_id": [f"{u:02d}-{i:03d}" for i in range(each)], "unit": f"H{u:02d}", "level": 2, "dx": np.where(hard, "I63", "J18"), "chapter": np.where(hard, "I", "J"),
                 "operated": hard & (rng.random(each) < 0.5), "age": np.where(rng.random(each) < 0.5, "65", "45"), "nights": 7.0 + 5 * hard, "cost": cost, "fund": cost * 0.6}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_clean_hospitals_are_centred_on_nothing_whatever_their_mix() -> None:
    found = normals(stays())
    share = [x.cost.gap / x.cost.expected for x in found if x.cost]
    assert len(share) == 12
    assert abs(np.mean(share)) < 0.03
    assert np.max(np.abs(share)) < 0.2
    assert np.mean([x.cost.low <= 0 <= x.cost.high for x in found if x.cost]) >= 0.6


def test_a_planted_excess_is_recovered() -> None:
    county = stays()
    mine = (county["unit"] == "H05") & (random_for("plant").random(len(county)) < 0.5)
    planted = float(county.loc[mine, "cost"].sum())
    county.loc[mine, "cost"] *= 2
    first = normals(county)[0]
    assert first.unit == "H05"
    assert first.cost is not None
    assert first.cost.gap == pytest.approx(planted, rel=0.15)
    assert first.cost.low > 0
    assert "高于同类" in first.text
    assert "非认定" in first.text


def test_too_little_is_said() -> None:
    county = stays(3)
    assert all(x.cost is None and "样本不足" in x.text for x in normals(county))
    with pytest.raises(UserError, match="没有已结算的住院"):
        normals(county, ["H99"])


def test_charts_stand_for_all_stays_and_strange_results_are_refused() -> None:
    county = stays()
    mine = county[county["unit"] == "H03"]
    bad = dict(
        zip(mine["mdtrt_id"], np.where(random_for("bad").random(len(mine)) < 0.4, mine["cost"] * 0.3, 0.0), strict=True)
    )
    values = []
    for i in range(60):
        pulled = pull(county, "H03", 40, str(i))
        assert len(pulled) == 40
        results = pd.DataFrame({"mdtrt_id": pulled["mdtrt_id"], "amount": [bad[m] for m in pulled["mdtrt_id"]]})
        said = extrapolate(pulled, results, len(mine)).estimate
        values.append(said.value)
    assert np.mean(values) == pytest.approx(sum(bad.values()), rel=0.1)
    with pytest.raises(UserError, match="不在抽取名单中"):
        extrapolate(pulled, pd.DataFrame({"mdtrt_id": ["X"], "amount": [1]}), 200)
    with pytest.raises(UserError, match="不是非负数"):
        extrapolate(pulled, pd.DataFrame({"mdtrt_id": [pulled["mdtrt_id"][0]], "amount": ["很多"]}), 200)
    empty = extrapolate(pulled, results.assign(amount=None), 200)
    assert (empty.checked, empty.missing, empty.estimate.value) == (0, 40, None)
