"""What is taken along to a unit can be counted again: charts, shelves, months, fields."""

from pathlib import Path

import pandas as pd
import pytest

from claims.store.warehouse import Warehouse
from inspection.brief import charts_of, fields_of, load_facts, months_of, shelves_of, unevaluated, unit_facts
from inspection.charts import pull
from inspection.normal import load_stays
from tests.features.county import T, house
from tests.made_facts import HOSPITALS, PHARMACY, facts
from tests.worlds import Worlds


def test_oversold_goods_come_first_then_what_stands_out_among_peers() -> None:
    told = shelves_of(facts(), HOSPITALS[1])
    assert [r["item"] for r in told["rows"]] == ["X1", "X2"]
    assert (told["rows"][0]["had"], told["rows"][0]["over"]) == (40.0, 80.0)
    assert "超出购进的 1 种在前" in told["basis"]
    assert told["rows"][1]["share"] == pytest.approx(5000 / 8000)
    assert told["rows"][1]["usual"] == pytest.approx(0.25)
    assert [r["item"] for r in shelves_of(facts(stocked=False), HOSPITALS[1])["rows"]] == ["X2"]
    assert shelves_of(facts(), PHARMACY) == {"basis": "没有药品和耗材明细", "rows": []}


def test_charts_are_those_of_the_command_and_a_unit_without_stays_gives_receipts() -> None:
    made = facts()
    told = charts_of(made, HOSPITALS[1], "seed")
    assert told["kind"] == "病历"
    assert {r["mdtrt_id"] for r in told["rows"]} == set(pull(made.stays, HOSPITALS[1], 20, "seed")["mdtrt_id"])
    assert sum(r["factor"] for r in told["rows"]) == pytest.approx(told["of"], rel=0.35)
    shop = charts_of(made, PHARMACY, "seed")
    assert (shop["kind"], shop["of"], len(shop["rows"])) == ("处方或票据", 50, 20)
    assert charts_of(made, "nobody", "seed")["rows"] == []


def test_empty_months_stand_there_and_fields_say_how_many_are_filled() -> None:
    rows = months_of(facts(), HOSPITALS[1])
    assert len(rows) == 12
    assert rows[-1]["month"] == "2025-09"
    assert rows[-2] == {"month": "2025-08", "stays": 7, "visits": 30, "persons": 33, "fee_yuan": 1234.5, "fund_yuan": 800.25, "account_yuan": 12.0}  # fmt: skip
    assert rows[0]["visits"] == 0
    assert {f["field"]: f["filled"] for f in fields_of(facts(), HOSPITALS[1])}["bed"] == 0
    assert fields_of(facts(), PHARMACY) == []


@pytest.mark.slow
def test_of_a_warehouse_every_figure_is_that_of_its_rows(worlds: Worlds) -> None:
    warehouse: Path = house(worlds, "plain")
    found = load_facts(warehouse, T)
    stays = load_stays(warehouse, T)
    pd.testing.assert_frame_equal(found.stays, stays)
    unit = str(stays["unit"].value_counts().index[0])
    told = unit_facts(found, unit, "s")
    assert told["charts"]["yuan"] == pytest.approx(stays.loc[stays["unit"] == unit, "cost"].sum())
    settled = pd.concat(pd.read_parquet(p) for p in Warehouse.open(warehouse).files("settlements", "institution"))
    outpatient = settled[(settled["fixmedins_code"] == unit) & (settled["is_inpatient"] == False)]  # noqa: E712
    month = told["months"][-2]["month"]
    rows = outpatient[outpatient["begntime"].dt.strftime("%Y-%m") == month]
    gone = set(settled["init_setl_id"].dropna())
    kept = rows[~rows["setl_id"].isin(gone) & (rows["refd_setl_flag"] != "1") & (rows["manual_flag"] != "1")]
    assert told["months"][-2]["visits"] == kept["setl_id"].nunique()
    assert all(t["rules"] for t in unevaluated(Warehouse.open(warehouse), T))
