"""A unit's own report beside the scan of it: by visit, money counted once, nothing of the report lost; and the form it is asked on."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from claims.errors import UserError
from inspection.matching import Match
from inspection.selfcheck import (
    BOTH,
    FORM,
    GROUPS,
    LOST,
    SCAN,
    UNIT,
    Scan,
    blank_form,
    compare,
    keep,
    kept,
    one,
    visit_fen,
)
from inspection.sent import Row, understand
from inspection.workbooks import read_workbook
from tests.inspection.test_sent import bill, book
from tests.serving.conftest import signed_in


def hits(*rows: tuple[str, str, str, str, float]) -> pd.DataFrame:
    """rule, visit, table, row, fen."""
    frame = pd.DataFrame(rows, columns=["rule", "record_visit", "row_table", "row_id", "fen"])
    return frame.assign(grain="admission", entity_id=frame["record_visit"], happened_at=pd.Timestamp("2026-08-01"))


def bills() -> pd.DataFrame:
    return pd.DataFrame([bill(f"S{i}", mdtrt_id=f"V{i}", medfee_sumamt_fen=10_000) for i in range(4)])


def reported(
    line: int, visit: str, fen: int = 500, unit: str = "H1", level: str = "exact", kind: str = "重复收费"
) -> Row:
    m = Match(level, "结算号" if level == "exact" else "所列号码都用不上", ("S",), visit, True, "P", unit)
    return Row("自查", line, str(line), kind, "", fen, date(2026, 8, 1), m)


def compared() -> dict[str, Any]:
    found = Scan(hits(("R49", "V0", "fee_details", "a", 300), ("R01", "V1", "visits", "V1", 20_000)), bills())
    rows = [
        reported(3, "V0"),
        reported(4, "V2", 700),
        reported(5, "V9"),
        reported(6, "", level="none"),
        reported(7, "V3", unit="H2"),
    ]
    sent = understand(book([["1", "S0", 5.0]] * 5, ["疑点编号", "结算号", "金额"]), "x.xlsx")
    return compare(sent, rows, "H1", found)


def test_a_line_that_two_rules_hit_counts_once_and_a_visit_no_more_than_it_cost() -> None:
    found = hits(
        ("R49", "V0", "fee_details", "a", 300), ("R53", "V0", "fee_details", "a", 500), ("R50", "V0", "fee_details", "b", 100),
        ("R01", "V1", "settlements", "S1", 4_000), ("R49", "V1", "fee_details", "c", 300), ("R02", "V2", "visits", "V2", 99_000), ("R60", "V3", "visits", "V3", float("nan")),
    )  # fmt: skip
    assert visit_fen(found, bills()) == {"V0": 600, "V1": 4_000, "V2": 10_000, "V3": 0}


def test_each_visit_is_in_one_group_and_each_row_of_the_report_somewhere() -> None:
    said = compared()
    assert {k: [v["mdtrt_id"] for v in g] for k, g in said["groups"].items()} == {
        BOTH: ["V0"],
        UNIT: ["V2"],
        SCAN: ["V1"],
    }
    assert said["groups"][BOTH][0]["alike"]
    assert [r["where"][-3:] for r in said[LOST]] == ["第5行", "第6行", "第7行"]
    assert ["期间" in said[LOST][0]["why"], "不是本机构" in said[LOST][2]["why"]] == [True, True]
    assert said["matched"] + len(said[LOST]) == 5
    assert said["totals"][SCAN] == {"n": 1, "reported_fen": 0, "scan_fen": 10_000, "hard": 0, "hard_fen": 0}
    assert said["totals"][BOTH]["hard_fen"] == 300
    assert said["totals"][LOST]["reported_fen"] == 1_500


def test_it_is_kept_sealed_and_shown(tmp_path: Path) -> None:
    about = {
        "unit": "H1",
        "unit_name": "甲医院",
        "area": "330101",
        "as_of": "2026-09-27",
        "days": 365,
        "file": "x.xlsx",
        "sha256": "",
    }
    path = keep(tmp_path, about | compared())
    assert [d["unit"] for d in kept(tmp_path)] == ["H1"]
    client = signed_in(tmp_path, "officer")
    assert "甲医院" in client.get("/selfchecks").text
    page = client.get("/selfchecks/H1/2026-09-27").text
    assert all(zh in page for zh in GROUPS.values())
    assert "V1" in page
    assert signed_in(tmp_path, "officer", area="110000").get("/selfchecks/H1/2026-09-27").status_code == 404
    for unit, day in (("../H1", "2026-09-27"), ("H1", "2026-9-27"), ("H2", "2026-09-27")):
        with pytest.raises(UserError, match="没有这份"):
            one(tmp_path, unit, day)
    path.write_text(path.read_text("utf-8").replace("10000", "10001"), "utf-8")
    with pytest.raises(UserError):
        one(tmp_path, "H1", "2026-09-27")


def test_the_form_is_read_back_by_its_own_reader(tmp_path: Path) -> None:
    blank_form(tmp_path / "f.xlsx", "H1", "=甲医院")
    body, grids = read_workbook(tmp_path / "f.xlsx")
    assert "=甲医院" in str(grids[0].cells[1][0])
    (table,) = understand(body, "f.xlsx").tables
    assert [c.title for c in table.choices if c.used] == list(FORM)
    assert table.listed.rows == ()
    with pytest.raises(UserError, match="不能写入"):
        blank_form(tmp_path / "no" / "f.xlsx")
