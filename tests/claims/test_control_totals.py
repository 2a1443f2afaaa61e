"""What came against what was said to be sent, and amounts of the wrong unit: told, set aside or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.quality import check
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, UNIT, VISIT, Row, refund, write


def visits(n: int, unit: str = "H1", month: int = 3, times: float = 1, **cells: object) -> list[Row]:
    day = dict.fromkeys(("begntime", "endtime", "setl_time"), f"2025-{month:02d}-01 09:00:00")
    money = {
        c: f"{float(str(VISIT[c])) * times:.2f}"
        for c in ("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay")
    }
    return [VISIT | day | money | {"setl_id": f"S{unit}{month}{i}", "mdtrt_id": f"M{unit}{month}{i}", "fixmedins_code": unit} | cells for i in range(n)]  # fmt: skip


def lines_of(rows: list[Row], amount: str = "100.10") -> list[Row]:
    cells = ("setl_id", "mdtrt_id", "psn_no", "fixmedins_code")
    pric = f"{float(amount) / 2:.4f}"
    return [LINE | {c: r[c] for c in cells} | {"fee_ocur_time": r["begntime"], "det_item_fee_sumamt": amount, "pric": pric} for r in rows]  # fmt: skip


def said(house: Path) -> dict[str, str]:
    return {f.code: f.zh for f in check(Warehouse.open(house))}


def control(**cells: object) -> Row:
    return {"表名": "结算", "月份": "", "机构编码": "", "行数": "", "人数": "", "总费用": "", "基金支付": ""} | cells


def test_what_came_is_summed_by_table_month_and_unit(tmp_path: Path) -> None:
    units = [UNIT, UNIT | {"fixmedins_code": "H2"}]
    rows = [*visits(2), *visits(1, "H2", 4)]
    intake(
        write(
            tmp_path / "in", institutions=units, settlements=[*rows, refund(rows[0])], fee_details=lines_of(rows[:1])
        ),
        tmp_path / "house",
    )
    totals = Warehouse.open(tmp_path / "house").facts["by_batch"]["b0001"]["totals"]
    assert totals["settlements"]["all"] == [4, 1, 20020, 12000, 6020, 2000], (
        "rows, persons, total, fund, account, cash; the refund is negative"
    )
    assert {m: n[0] for m, n in totals["settlements"]["months"].items()} == {"2025-03": 3, "2025-04": 1}
    assert {u: n[2] for u, n in totals["settlements"]["units"].items()} == {"H1": 10010, "H2": 10010}
    assert totals["fee_details"]["all"][:3] == [1, 0, 10010]


@pytest.mark.parametrize(
    "told",
    [
        {"行数": "3", "人数": "1", "总费用": "300.30", "基金支付": "180.00"},
        {"月份": "2025-03", "行数": "2"},
        {"月份": "202504", "机构编码": "H1", "总费用": "100.10"},
        {"月份": "2025年5月", "行数": "0"},
        {"表名": "persons", "行数": "2"},
        {"表名": "费用明细", "行数": "3", "总费用": "300.30"},
    ],
)
def test_totals_that_hold_say_nothing(tmp_path: Path, told: Row) -> None:
    rows = [*visits(2), *visits(1, month=4)]
    folder = write(tmp_path / "in", settlements=rows, fee_details=lines_of(rows), 对账总数=[control(**told)])
    done = intake(folder, tmp_path / "house")
    assert done.notes == []
    assert "control_totals" not in said(tmp_path / "house")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"行数": "60"}, r"结算 行数: told 60, came 50 \(16\.67%\)"),
        ({"月份": "2025-03", "总费用": "6000"}, r"结算 2025-03 总金额: told 6,000\.00, came 5,005\.00"),
        ({"机构编码": "H9", "行数": "7"}, r"结算 H9 行数: told 7, came 0"),
        ({"表名": "费用明细", "行数": "7"}, r"费用明细 行数: told 7, came 0"),
    ],
)
def test_a_delivery_far_from_its_totals_is_refused(tmp_path: Path, told: Row, sentence: str) -> None:
    folder = write(tmp_path / "in", settlements=visits(50), control_totals=[control(**told)])
    with pytest.raises(UserError, match=sentence + r".*nothing was published.*XIEZHI_TOTALS above 0\.02"):
        intake(folder, tmp_path / "house")
    assert not (tmp_path / "house" / "CURRENT").exists()


def test_a_small_difference_is_written_on_the_list_and_the_limit_is_the_office_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "in", settlements=visits(50), control_totals=[control(行数="60")])
    monkeypatch.setenv("XIEZHI_TOTALS", "20%")
    done = intake(folder, tmp_path / "house")
    assert done.notes == ["control totals differ: 结算 行数: told 60, came 50 (16.67%)"]
    assert said(tmp_path / "house")["control_totals"] == "实收数据与对账总数不符：结算 行数报60实收50"


def test_rows_set_aside_came_as_well(tmp_path: Path) -> None:
    rows = [*visits(49), *visits(1, month=2, begntime="gestern")]
    folder = write(tmp_path / "in", settlements=rows, control_totals=[control(行数="50")])
    assert intake(folder, tmp_path / "house").tables["settlements"].quarantined == 1


@pytest.mark.parametrize(("total", "refused"), [("5,005.00", False), ("5005元", False), ("6000.00", True)])
def test_the_last_line_of_a_file_is_its_control_total(tmp_path: Path, total: str, refused: bool) -> None:
    folder = write(tmp_path / "in", settlements=visits(50))
    cells = ["合计"] + [f'"{total}"' if c == "medfee_sumamt" else "" for c in list(VISIT)[1:]]
    with (folder / "settlements.csv").open("a", encoding="utf-8") as file:
        file.write(",".join(cells) + "\n")
    if refused:
        with pytest.raises(UserError, match=r"settlements.csv（合计行） 总金额: told 6,000.00, came 5,005.00"):
            intake(folder, tmp_path / "house")
    else:
        assert intake(folder, tmp_path / "house").notes == []


@pytest.mark.parametrize("unit", ["settlements", "fee_details"])
def test_fen_in_one_table_and_yuan_in_the_other_is_refused(tmp_path: Path, unit: str) -> None:
    rows = visits(5, times=100 if unit == "settlements" else 1)
    folder = write(
        tmp_path / "in", settlements=rows, fee_details=lines_of(rows, "100.10" if unit == "settlements" else "10010.00")
    )
    with pytest.raises(
        UserError,
        match=rf"in 5 of 5 visits the amounts of {unit} are a hundred times.*unit = \"fen\".*nothing was published",
    ):
        intake(folder, tmp_path / "house")


def test_a_few_such_visits_are_set_aside(tmp_path: Path) -> None:
    good, bad = visits(9), visits(1, month=4, times=100)
    done = intake(
        write(tmp_path / "in", settlements=[*good, *bad], fee_details=lines_of([*good, *bad])), tmp_path / "house"
    )
    found = list_quarantine(tmp_path / "house")
    assert sorted(zip(found["table"], found["reason_code"], strict=True)) == [
        ("fee_details", "Q09"),
        ("settlements", "Q10"),
    ]
    assert done.tables["settlements"].accepted == 9


def test_lines_in_fen_of_settlements_that_came_before(tmp_path: Path) -> None:
    rows = visits(5)
    intake(write(tmp_path / "a", settlements=rows), tmp_path / "house")
    with pytest.raises(UserError, match="amounts of fee_details are a hundred times"):
        intake(write(tmp_path / "b", settlements=[], fee_details=lines_of(rows, "10010.00")), tmp_path / "house")


@pytest.mark.parametrize(("times", "word"), [(100, "10,010.00"), (0.01, "1.00")])
def test_all_in_fen_is_not_what_care_costs(
    tmp_path: Path, times: float, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "in", settlements=visits(20, times=times))
    with pytest.raises(
        UserError, match=rf"half of the 20 outpatient settlements are of {word} yuan.*of what is usual.*XIEZHI_SCALE"
    ):
        intake(folder, tmp_path / "house")
    monkeypatch.setenv("XIEZHI_SCALE", "1000")
    assert intake(folder, tmp_path / "house").tables["settlements"].accepted == 20


def test_all_of_one_unit_in_fen_is_told(tmp_path: Path) -> None:
    units = [UNIT, UNIT | {"fixmedins_code": "H2"}]
    rows = [*visits(40), *visits(20, "H2", times=100)]
    done = intake(write(tmp_path / "in", institutions=units, settlements=rows), tmp_path / "house")
    assert done.notes == ["H2: its 20 outpatient settlements are 100 times those of the others; 分 read as 元?"]
    assert said(tmp_path / "house")["money_scale"] == "机构H2的门诊购药金额为通常的100倍，金额单位存疑"


def test_a_unit_that_the_last_delivery_lacks_is_told(tmp_path: Path) -> None:
    units = [UNIT, UNIT | {"fixmedins_code": "H2"}]
    intake(write(tmp_path / "a", institutions=units, settlements=[*visits(30), *visits(20, "H2")]), tmp_path / "house")
    intake(write(tmp_path / "b", settlements=visits(30, month=4)), tmp_path / "house")
    assert "H2" in said(tmp_path / "house")["units_absent"]
    intake(write(tmp_path / "c", settlements=visits(2, month=5)), tmp_path / "house")
    assert "units_absent" not in said(tmp_path / "house"), "a few corrections are no delivery"


@pytest.mark.parametrize(("name", "value"), [("XIEZHI_WHOLE", "31"), ("XIEZHI_MOSTLY_UNMAPPED", "90%")])
def test_limits_are_the_office_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    if name == "XIEZHI_WHOLE":
        rows = [v | {"begntime": "morning"} for v in visits(30)]
        assert (
            intake(write(tmp_path / "in", settlements=rows), tmp_path / "house").tables["settlements"].quarantined == 30
        )
        return
    rows = [*visits(10), *visits(15, month=4, med_type="住院")]
    intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    found = [f.severity for f in check(Warehouse.open(tmp_path / "house")) if f.code == "unmapped_codes"]
    assert found == ["warn"]
