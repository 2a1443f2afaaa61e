"""A tiny stand-in for features.matrix.Matrix: 300 entities, a planted suspicious tenth, a few columns of every kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.columns import Column
from tests.column import a_column


@dataclass(frozen=True)
class Toy:
    grain: str
    as_of: date
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    columns: dict[str, Column] = field(default_factory=dict)

    def only(self, ids: Iterable[str]) -> "Toy":
        kept = self.X.index.intersection(pd.Index(list(ids)))
        return replace(self, **{k: getattr(self, k).loc[kept] for k in ("entities", "X", "z", "percentile")})


COLUMNS = {
    c.name: c
    for c in (
        a_column("swipes_90", "住院期间院外刷卡", "T01", "high", own="swipes", windows=(90,)),
        a_column("tests_90", "检查次数", "T01", "low", own="tests", windows=(90,)),
        a_column("round_share_90", "整百占比", "T08", "high", own="round_share", windows=(90,)),
        a_column("age", "年龄", "", "either"),
        a_column("circle", "同行次数", "T09", "high", "graph"),
        a_column(
            "inst__occupancy_180",
            "床位使用率",
            "T02",
            "high",
            own="occupancy",
            windows=(180,),
            grain="institution",
            key="fixmedins_code",
        ),
        a_column("rule_R01", "住院期间刷卡", "T01", "high", "rule", family="stay", kind="hard"),
        a_column("rule_R01_fen", "住院期间刷卡", "T01", "high", "amount", own="rule_R01", family="stay", kind="hard"),
        a_column("rule_R03", "三无住院", "T01", "high", "rule", family="stay", kind="lead"),
        a_column("rule_R03_fen", "三无住院", "T01", "high", "amount", own="rule_R03", family="stay", kind="lead"),
        a_column("rule_R27", "整额刷卡", "T08", "high", "rule", family="account", kind="lead"),
        a_column("rule_R27_fen", "整额刷卡", "T08", "high", "amount", own="rule_R27", family="account", kind="lead"),
    )
}


def make_toy(n: int = 300, seed: int = 7, grain: str = "admission") -> tuple[Toy, pd.Series]:
    """(matrix, truth) with a suspicious tenth; truth is a 0/1 Series by entity."""
    r = np.random.default_rng(seed)
    ids = pd.Index([f"E{i:06d}" for i in range(n)], name="entity_id")
    bad = r.random(n) < 0.1
    X = pd.DataFrame(index=ids)
    X["swipes_90"] = r.poisson(0.3 + 2.0 * bad).astype(float)
    X["tests_90"] = r.poisson(5.0 - 3.0 * bad).astype(float)
    X["round_share_90"] = r.beta(1, 8, n)
    X["age"] = r.normal(55, 15, n)
    X["circle"] = r.poisson(0.5 + 0.8 * bad).astype(float)
    X["inst__occupancy_180"] = r.normal(0.8, 0.1, n) + 0.1 * bad
    X.loc[ids[r.random(n) < 0.05], "tests_90"] = np.nan
    X["rule_R01"] = (X["swipes_90"] >= 3).astype(float)
    X["rule_R01_fen"] = X["rule_R01"] * 50_000.0
    X["rule_R03"] = (X["tests_90"] <= 1).astype(float)
    X["rule_R03_fen"] = X["rule_R03"] * 80_000.0
    X["rule_R27"] = (X["round_share_90"] > 0.4).astype(float)
    X["rule_R27_fen"] = X["rule_R27"] * 10_000.0
    middle, spread = X.median(), (X - X.median()).abs().median() * 1.4826
    z = ((X - middle) / spread.where(spread > 0, X.std() + 1e-9)).clip(-20, 20)
    fund = r.lognormal(12.5, 0.7, n).round().astype("int64")
    entities = pd.DataFrame(
        {
            "psn_no": [f"P{i % 200:05d}" for i in range(n)],
            "fixmedins_code": [f"H{i % 12:03d}" for i in range(n)],
            "dr_codg": [f"D{i % 30:03d}" for i in range(n)],
            "area": [f"A{i % 4}" for i in range(n)],
            "fund_fen": fund,
            "total_fen": fund + 1000,
        },
        index=ids,
    )
    toy = Toy(grain, date(2025, 6, 30), entities, X.astype("float64"), z, X.rank(pct=True) * 100, dict(COLUMNS))
    return toy, pd.Series(bad.astype(float), index=ids, name="y")


@pytest.fixture
def toy() -> tuple[Toy, pd.Series]:
    return make_toy()


@pytest.fixture
def build() -> Callable[..., tuple[Toy, pd.Series]]:
    return make_toy
