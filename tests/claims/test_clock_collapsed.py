"""A day on which a unit's clock says nothing (D08): settlements that came in one go are counted, not their versions."""

from pathlib import Path

import pytest

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from tests.claims.county import VISIT, Row, write


def at_nine(n: int, **changes: object) -> list[Row]:
    moment = {"begntime": "2025-03-01 09:00:20", "endtime": "2025-03-01 09:00:20"}
    return [VISIT | moment | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"} | changes for i in range(n)]


@pytest.mark.parametrize(("visits", "collapsed"), [(4, 0), (5, 1)])
def test_a_correction_in_the_same_delivery_is_no_second_visit(tmp_path: Path, visits: int, collapsed: int) -> None:
    rows = [*at_nine(visits), *at_nine(visits, medfee_sumamt="100.20", psn_cash_pay="10.10")]
    assert intake(write(tmp_path / "in", settlements=rows), tmp_path / "house").tables["settlements"].accepted == len(
        rows
    )
    house = Warehouse.open(tmp_path / "house")
    held = sum(
        f["rows"]
        for files in house.manifest["tables"].get("clock_collapsed", {}).get("all", {}).values()
        for f in files
    )
    assert held == collapsed
