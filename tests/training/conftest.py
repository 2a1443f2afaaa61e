"""A county small enough to fit in a second: matrices made on the spot in place of feature partitions, labels drawn from its truth."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.columns import Column
from models.decided import nobody
from tests.column import a_column

AS_OF = date(2025, 6, 30)


COLUMNS = {
    c.name: c
    for c in (
        a_column("swipes_90", "院外刷卡", "T01", "high", own="swipes", windows=(90,)),
        a_column("tests_90", "检查次数", "T01", "low", own="tests", windows=(90,)),
        a_column("round_share", "整百占比", "T08", "high"),
        a_column("inst__busy", "床位使用率", "T02", "high", own="busy", grain="institution", key="fixmedins_code"),
        a_column("rule_R01", "住院期间刷卡", "T01", "high", "rule", family="stay", kind="hard"),
        a_column("rule_R01_fen", "住院期间刷卡", "T01", "high", "amount", own="rule_R01", family="stay", kind="hard"),
    )
}


@dataclass(frozen=True)
class Tiny:
    grain: str
    as_of: date
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    columns: dict[str, Column]

    def only(self, ids: Iterable[str]) -> "Tiny":
        keep = self.X.index.intersection(pd.Index(list(ids)))
        return replace(self, **{k: getattr(self, k).loc[keep] for k in ("entities", "X", "z", "percentile")})


class County:
    """`county.matrix(root, as_of, grain)` stands in for load_matrix; `county.bad` is the truth; `county.labels` what inspectors found."""

    def __init__(self, n: int = 700, seed: int = 3, share: float = 0.12) -> None:
        r = np.random.default_rng(seed)
        self.n, self.ids = n, pd.Index([f"S{i:05d}" for i in range(n)], name="entity_id")
        self.bad = pd.Series((r.random(n) < share).astype(float), index=self.ids)
        self.seed = seed
        looked = r.random(n) < np.where(self.bad > 0, 0.8, 0.35)
        chosen = self.ids[looked]
        bad = self.bad[chosen] > 0
        self.labels = pd.DataFrame(
            {
                "grain": "admission", "entity_id": chosen, "outcome": np.where(bad, "confirmed", "refuted"), "weight": 1.0, "soft": False,
                "amount_fen": np.where(bad, 90_000.0, 0.0), "scheme": np.where(bad, "T01", ""), "lead_source": r.choice(["random", "rule"], len(chosen)),
                "selection_prob": np.nan, "known_at": pd.Timestamp("2025-06-20"), "inspected_at": pd.Timestamp("2025-06-15"),
                "period_end": pd.Timestamp("2025-06-01"), "insp_type": "desk", "source_table": "inspections",
            }
        )  # fmt: skip
        for column in ("known_at", "inspected_at", "period_end"):
            self.labels[column] = self.labels[column].astype("datetime64[us]")

    def matrix(
        self, root: Path | None, as_of: date, grain: str, window_days: int | None = None, only: Iterable[str] | None = None, **_: object
    ) -> Tiny:  # fmt: skip
        r = np.random.default_rng(self.seed + as_of.toordinal() % 97)
        bad, n = self.bad.to_numpy(), self.n
        X = pd.DataFrame(index=self.ids)
        X["swipes_90"] = r.poisson(0.3 + 1.5 * bad).astype(float)
        X["tests_90"] = r.poisson(5.0 - 2.0 * bad).astype(float)
        X["round_share"] = r.beta(1, 8, n)
        X["inst__busy"] = r.normal(0.8, 0.1, n) + 0.05 * bad
        X["rule_R01"] = (X["swipes_90"] >= 3).astype(float)
        X["rule_R01_fen"] = X["rule_R01"] * 40_000.0
        z = ((X - X.median()) / (X.std() + 1e-9)).clip(-10, 10)
        fund = r.lognormal(12, 0.6, n).round()
        entities = pd.DataFrame(
            {
                "psn_no": self.ids.str.replace("S", "P"), "fixmedins_code": [f"H{i % 15:02d}" for i in range(n)], "dr_codg": "D1", "area": "A1",
                "fund_fen": fund, "total_fen": fund * 1.2, "begin_at": pd.Timestamp("2025-05-20"), "end_at": pd.Timestamp("2025-06-01"),
            },
            index=self.ids,
        )  # fmt: skip
        tiny = Tiny(grain, as_of, entities, X, z, X.rank(pct=True) * 100, dict(COLUMNS))
        return tiny.only(only) if only is not None else tiny


class Store:
    """Warehouse stand-in: a span and nothing else."""

    @classmethod
    def open(cls, path: Path) -> "Store":
        return cls()

    def tables(self) -> dict[str, object]:
        return {}

    def span(self) -> tuple[datetime, datetime, datetime]:
        first, last = pd.Timestamp("2024-07-01").to_pydatetime(), pd.Timestamp("2025-06-30").to_pydatetime()
        return first, last, last


@pytest.fixture
def county(monkeypatch: pytest.MonkeyPatch) -> County:
    """A county whose matrices and labels are served to every function under test."""
    from models import worst_stays
    from training import dataset, fit, promotion
    from training.evaluation import baselines, evaluate, side_by_side

    made = County()
    for module in (dataset, fit, baselines, promotion, side_by_side, worst_stays):
        monkeypatch.setattr(module, "load_matrix", made.matrix)
    for module in (dataset, evaluate, side_by_side):
        monkeypatch.setattr(module, "Warehouse", Store)
    for module in (fit, baselines):
        monkeypatch.setattr(module, "read_labels", lambda root, as_of: made.labels)
    for module in (fit, baselines, promotion, side_by_side):
        monkeypatch.setattr(module, "closed_at", lambda root, as_of, grain, entities: nobody())
    monkeypatch.setattr(evaluate, "read_versions", lambda store, table: None)
    monkeypatch.setattr(fit, "FITTED", ("admission", "person"))
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "w"


@pytest.fixture
def as_of() -> date:
    return AS_OF
