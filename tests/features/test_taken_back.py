"""A line that its hospital takes back inside one bill nets out: what is left is what was done."""

from datetime import date, datetime
from pathlib import Path

import pytest

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.bucket import focus
from features.grains import GRAINS, Grain
from tests.claims.county import LINE, VISIT, Row, refund, write

MONEY = {"cnt": "1", "pric": "50.00", "det_item_fee_sumamt": "50.00"}


def lines_of(tmp_path: Path, rows: list[Row], mode: str) -> list[tuple[str, float, int]]:
    visit = VISIT | {"medfee_sumamt": "50.00", "fund_pay_sumamt": "50.00", "hifp_pay": "50.00"}
    visit |= {"acct_pay": "0", "psn_cash_pay": "0"}
    house = tmp_path / "house"
    intake(write(tmp_path / "in", settlements=[visit], fee_details=rows), house)
    with open_views(Warehouse.open(house), date(2025, 3, 31), "person", 0) as con:
        return con.execute(f"SELECT feedetl_sn, cnt, fen FROM {mode}.lines ORDER BY 1").fetchall()


def test_taken_back_whole_and_in_part(tmp_path: Path) -> None:
    rows = [LINE | MONEY | {"feedetl_sn": sn, "init_feedetl_sn": ""} for sn in ("1", "2")]
    back = {"cnt": "-1", "det_item_fee_sumamt": "-50.00", "init_feedetl_sn": "2"}
    rows.append(LINE | MONEY | {"feedetl_sn": "3"} | back)
    rows.append(LINE | MONEY | {"feedetl_sn": "4", "init_feedetl_sn": "", "cnt": "3", "det_item_fee_sumamt": "150.00"})
    rows.append(LINE | MONEY | {"feedetl_sn": "5"} | back | {"init_feedetl_sn": "4"})
    assert lines_of(tmp_path, rows, "net") == [("1", 1.0, 5000), ("4", 2.0, 10000)]


@pytest.mark.parametrize("mode", ["net", "kept"])
def test_without_an_original_nothing_is_taken_back(tmp_path: Path, mode: str) -> None:
    rows = [LINE | MONEY | {"feedetl_sn": sn, "init_feedetl_sn": ""} for sn in ("1", "2")]
    assert [row[0] for row in lines_of(tmp_path, rows, mode)] == ["1", "2"]


@pytest.mark.parametrize("grain", ["person", "institution", "doctor"])
def test_whoever_takes_everything_back_is_somebody_still(tmp_path: Path, grain: Grain) -> None:
    """A till that refunds all it settles would be nobody, and its refunds unseen."""
    house = tmp_path / "house"
    line = LINE | {"bilg_dr_codg": "D1"}
    intake(write(tmp_path / "in", settlements=[VISIT, refund(VISIT)], fee_details=[line]), house)
    layout = GRAINS[grain].layouts[0]
    with open_views(Warehouse.open(house), date(2025, 3, 31), layout, 0) as con:
        focus(con, grain, 90)
        found = con.execute(
            f'SELECT entity_id, "begin_at", fund_fen, total_fen FROM ({GRAINS[grain].entities_sql(90)})'
        ).fetchall()
    id_ = {"person": "P1", "institution": "H1", "doctor": "D1"}[grain]
    began = {"doctor": datetime(2025, 3, 1, 9, 10)}.get(grain, datetime(2025, 3, 1, 9))
    assert found == [(id_, began, 0, 0)]
