"""A clean hospital's gap lies around nothing, a planted excess is found again; charts stand for their stays."""

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from inspection.charts import extrapolate, pull
from inspection.normal import normals
from inspection.seed import random_for


def stays(units: int = 12, each: int = 200, seed: int = 0) -> pd.DataFrame:
    """Hospitals that differ in severity (mix) and a little in price."""
    rng, parts = random_for("stays", *([seed] if seed else [])), []
    for u in range(units):
        hard = rng.random(each) < 0.1 + 0.06 * u
        price = np.exp(rng.normal(0, 0.03))
        cost = np.exp(rng.normal(8, 0.5, each)) * np.where(hard, 4, 1) * price
        parts.append(
            pd.DataFrame(
                {"mdtrt_id": [f"{u:02d}-{i:03d}" for i in range(each)], "unit": f"H{u:02d}", "level": 2, "dx": np.where(hard, "I63", "J18"), "chapter": np.where(hard, "I", "J"),
                 "operated": hard & (rng.random(each) < 0.5), "age": np.where(rng.random(each) < 0.5, "65", "45"), "nights": 7.0 + 5 * hard, "cost": cost, "fund": cost * 0.6,
                 "admitted": "inpatient", "others": "", "served": 800.0}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_clean_hospitals_are_centred_on_nothing_whatever_their_mix() -> None:
    found = normals(stays())
    share = [x.cost.gap / x.cost.expected for x in found if x.cost]
    assert len(share) == 12
    assert abs(np.mean(share)) < 0.03
    assert np.max(np.abs(share)) < 0.2
    every = [x.cost for seed in range(3) for x in normals(stays(seed=seed)) if x.cost]
    assert 0.65 <= np.mean([c.low <= 0 <= c.high for c in every]) <= 0.95, "80 % intervals"


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


def test_the_gap_is_split_into_parts_that_add_up() -> None:
    county = stays()
    mine = county["unit"] == "H05"
    county.loc[mine, "cost"] *= 1.5
    longer = county["unit"] == "H06"
    county.loc[longer, ["cost", "nights"]] *= 1.3
    county.loc[county["unit"] == "H07", "served"] = 400.0
    found = {x.unit: x for x in normals(county)}
    for x in found.values():
        assert x.cost
        assert x.parts
        assert x.admissions
        assert x.parts["longer"] + x.parts["dearer"] == pytest.approx(x.cost.gap)
        usual = x.cost.expected / x.severity / x.stays
        assert sum(x.parts.values()) == pytest.approx(x.cost.actual - x.admissions.expected * usual)
    assert found["H05"].parts
    assert found["H05"].parts["longer"] < 0.1 * found["H05"].parts["dearer"]
    assert found["H06"].parts
    assert found["H06"].parts["longer"] > 0.3 * found["H06"].parts["dearer"]
    assert found["H07"].admissions
    assert found["H07"].admissions.gap == pytest.approx(100)


def test_a_level_of_ones_own_is_no_jump_and_a_jump_is() -> None:
    earlier, county = stays(seed=1), stays()
    for frame in (earlier, county):
        frame.loc[frame["unit"] == "H04", "cost"] *= 1.6
    mine = county["unit"] == "H05"
    planted = 0.5 * float(county.loc[mine, "cost"].sum())
    county.loc[mine, "cost"] *= 1.5
    found = {x.unit: x for x in normals(county, earlier=earlier)}
    level, jumped = found["H04"], found["H05"]
    assert level.cost
    assert level.jump
    assert jumped.jump
    assert level.cost.low > 0, "peers alone take it for an excess"
    assert level.jump.low <= 0 <= level.jump.high
    assert jumped.jump.low > 0
    assert jumped.jump.gap == pytest.approx(planted, rel=0.15)
    assert normals(county)[0].jump is None


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
