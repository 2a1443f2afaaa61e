"""Long-term care (insurance 410) is no medical care: no medical view holds it, its own does, without what was paid back."""

from datetime import date
from pathlib import Path

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.asof import open_views
from tests.claims.county import LINE, VISIT, refund, write


def test_it_stands_in_its_own_view_alone(tmp_path: Path) -> None:
    care = VISIT | {"insutype": "410", "setl_id": "C1", "mdtrt_id": "VC1"}
    back = VISIT | {"insutype": "410", "setl_id": "C2", "mdtrt_id": "VC2"}
    line = LINE | {"mdtrt_id": "VC1", "setl_id": "C1", "feedetl_sn": "9"}
    rows = [VISIT, care, back, refund(back)]
    intake(write(tmp_path / "in", settlements=rows, fee_details=[LINE, line]), tmp_path / "house")
    with open_views(Warehouse.open(tmp_path / "house"), date(2025, 12, 31), "person", 0) as con:
        for view in ("settlements", "swipes", "lines"):
            found = {row[0] for row in con.execute(f"SELECT mdtrt_id FROM kept.{view}").fetchall()}
            assert "VC1" not in found, view
            assert "VC2" not in found, view
        assert con.execute("SELECT count(*) FROM net.settlements").fetchall() == [(1,)]
        assert con.execute("SELECT setl_id FROM main.long_term_care").fetchall() == [("C1",)]
