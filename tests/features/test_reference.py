"""The declared SQL against the same numbers written plainly in pandas and networkx."""

from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.reference.dozen import COLUMNS, compute, read
from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.build import build
from features.columns import columns_of
from features.declarations import load_catalog
from simulator import simulate


def one_bed_a_ward(path: Path) -> None:
    """All stays of a unit's department into one bed, so that some share it: in a simulated county nobody does."""
    bills = pd.read_parquet(path)
    bills.loc[bills["adm_bed"].notna(), "adm_bed"] = "07"
    bills.to_parquet(path, index=False)


@pytest.fixture(scope="module")
def plain_and_house(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.Series], Path, date]:
    folder = tmp_path_factory.mktemp("reference")
    simulate(folder / "county", 500, 6, 3)
    one_bed_a_ward(folder / "county" / "claims" / "settlements.parquet")
    intake(str(folder / "county"), folder / "house", buckets=1)
    last = Warehouse.open(folder / "house").span()[2].date()
    return compute(read(folder / "county"), datetime.combine(last, time(23, 59, 59, 999999))), folder / "house", last


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COLUMNS))
def test_the_catalogue_agrees_with_the_plain_number(
    name: str, plain_and_house: tuple[dict[str, pd.Series], Path, date]
) -> None:
    plain, house, day = plain_and_house
    grain, column = COLUMNS[name]
    ours = build(house, day, grain).values()[column]  # type: ignore[arg-type]
    load_catalog()
    empty = columns_of(grain)[column].feature.empty  # type: ignore[arg-type]
    expected = plain[name].reindex(ours.index)
    expected = expected if empty is None else expected.fillna(empty)
    wrong = ours.index[~np.isclose(ours, expected, rtol=1e-9, atol=1e-9, equal_nan=True)]
    assert not len(wrong), [(e, ours[e], expected[e]) for e in wrong[:5]]
    assert ours.notna().any()
    assert len(plain[name]) > 0
