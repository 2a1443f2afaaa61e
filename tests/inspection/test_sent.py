"""A list sent down from above: read as it came, matched by what it says and nothing else, put on heaps with grounds, given back in its own form."""

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xlsxwriter

from claims.errors import UserError
from inspection.known import BILL, Claims, not_refunded, taken_back
from inspection.matching import Match, match
from inspection.returned import Result, returned
from inspection.sent import understand
from inspection.sent_cells import IDS, values_of
from inspection.sent_columns import by_values, propose, says
from inspection.sorting import FOCUS, LATER, MORE, Facts, Hit, defences, rules_like, sort
from inspection.workbooks import at, grids, read_workbook, table_of

DAY = date(2026, 9, 27)
SETL, STAY, WHO = "5219581363901481", "429073182100987026", "4290100081188744"
HEAD = ["疑点编号", "医药机构代码", "医药机构名称", "结算流水号", "就诊ID", "参保人编号", "姓名", "涉及项目", "涉及金额（元）", "违规类型", "结算时间", "核查情况", "是否属实", "违规金额"]  # fmt: skip


def book(rows: list[list[Any]], head: list[str] | None = None, title: bool = True, drop: str = "") -> bytes:
    """A workbook as offices send them: a merged title, a line of remarks, the header, rows, a total and a signature."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet, head = made.add_worksheet("疑点"), head or HEAD
    top = 2 if title else 0
    if title:
        sheet.merge_range(0, 0, 0, len(head) - 1, "国家医保局下发疑点清单")
        sheet.write(1, 0, "单位：元")
    sheet.write_row(top, 0, head, made.add_format({"bold": True}))
    for i, row in enumerate(rows, start=top + 1):
        for j, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(i, j, cell, made.add_format({"num_format": "yyyy-mm-dd"}))
            elif isinstance(cell, str) and cell:
                sheet.write_string(i, j, cell)
            elif cell not in (None, ""):
                sheet.write_number(i, j, cell)
    if title:
        sheet.write(top + len(rows) + 1, 0, "合计")
        sheet.write(top + len(rows) + 2, 0, "填表人：　　审核人：")
        made.add_worksheet("填写说明").write(0, 0, "请按时反馈")
    if drop:
        column = head.index("是否属实")
        sheet.data_validation(top + 1, column, 99, column, {"validate": "list", "source": drop.split(",")})
    made.close()
    return out.getvalue()


def a_row(**over: Any) -> list[Any]:
    said = {
        "疑点编号": "GJ-1", "医药机构代码": "H1", "医药机构名称": "甲医院", "结算流水号": SETL, "就诊ID": STAY, "参保人编号": WHO, "姓名": "某某", "涉及项目": "床位费",
        "涉及金额（元）": 300.5, "违规类型": "重复收费", "结算时间": datetime(2026, 8, 3),
    } | over  # fmt: skip
    return [said.get(t) for t in HEAD]


def bill(setl_id: str, **over: Any) -> dict[str, Any]:
    day = pd.Timestamp("2026-08-01")
    told = dict.fromkeys(BILL) | {
        "setl_id": setl_id,
        "mdtrt_id": STAY,
        "psn_no": WHO,
        "fixmedins_code": "H1",
        "is_inpatient": True,
    }
    told |= {"begntime": day, "endtime": day + pd.Timedelta(days=2), "setl_time": day + pd.Timedelta(days=2)}
    return told | {"medfee_sumamt_fen": 30050, "fund_pay_sumamt_fen": 20000, "refd_setl_flag": "0"} | over


def known(*bills: dict[str, Any], alike: dict[str, dict[str, str]] | None = None) -> Claims:
    frame = pd.DataFrame(list(bills), columns=list(BILL))
    ids = {f: frozenset(frame[f]) for f in ("setl_id", "mdtrt_id", "psn_no")}
    ids |= {
        "certno": frozenset({"429004199001011231"}),
        "ipt_no": frozenset(),
        "fixmedins_code": frozenset({"H1", "H2"}),
    }
    units = {"H1": ("甲医院", "429004"), "H2": ("乙药店", "429004")}
    return Claims(frame, frozenset(), pd.DataFrame(), units, {"429004199001011231": (WHO,)}, ids, alike or {})


def matched(rows: list[list[Any]], claims: Claims, head: list[str] | None = None) -> list[Match]:
    """As `inspection.sent.matched` does, without a warehouse."""
    (table,) = understand(book(rows, head), "x.xlsx").tables
    listed = table.listed
    keep = [i for i, r in enumerate(listed.rows) if r[0] not in ("合计",) and not str(r[0]).startswith("填表人")]
    lines, cells = [listed.lines[i] for i in keep], [listed.rows[i] for i in keep]
    places = {c.field: c.at for c in table.choices if c.used}
    ids: dict[str, list[str | None]] = {f: [r[places[f]] for r in cells] for f in IDS if f in places}
    return match(values_of(table.choices, cells), ids, places, lines, claims)


def test_the_foot_is_no_lead_and_ordinary_titles_are_known() -> None:
    head = ["序号", "统筹区", "涉疑金额", "医药机构代码", "结算流水号", "疑点类型"]
    body = book([[1, "429004", 300.5, "H1", SETL, "重复收费"], ["合计"], ["填表人：　　审核人："]], head, title=False)
    [table] = understand(body, "x.xlsx").tables
    assert (len(table.listed.rows), table.foot) == (3, (3, 4))
    assert [(c.field, c.used) for c in table.choices][:3] == [("serial", True), ("area", True), ("amount", True)]


def test_the_header_is_found_below_titles_and_each_column_named() -> None:
    sent = understand(book([a_row()]), "x.xlsx")
    (table,) = sent.tables
    assert (table.listed.line, sent.unread) == (3, ("填写说明",))
    named = {c.title: c.field for c in table.choices if c.used}
    assert named["结算流水号"] == "setl_id"
    assert named["涉及金额（元）"] == "amount"
    assert [named[t] for t in ("核查情况", "是否属实", "违规金额")] == ["situation", "true", "wrong"]


def test_a_filled_result_column_tells_of_the_suspicion_and_is_not_one_to_fill() -> None:
    (table,) = understand(book([a_row(违规金额=12.0), a_row(违规金额=13.0)]), "x.xlsx").tables
    assert table.column("wrong") is None


def test_a_column_is_the_one_whose_numbers_it_holds() -> None:
    (grid, *_) = grids(book([["1", STAY], ["2", STAY]], ["疑点编号", "结算号"], title=False), "x")
    listed = table_of(grid, says)
    assert listed is not None
    choices = by_values(propose(listed), {1: {"mdtrt_id": 1.0}}, listed.titles)
    assert [(c.title, c.field) for c in choices] == [("疑点编号", "number"), ("结算号", "mdtrt_id")]
    assert "100%" in choices[1].why


def test_an_unsure_column_is_proposed_and_not_used_until_said() -> None:
    head = ["疑点编号", "结算号", "查处款项金额"]
    rows = [["1", SETL, 5.0]]
    (table,) = understand(book(rows, head, title=False), "x").tables
    assert all(c.used for c in table.choices if c.title in head[:2])
    assert not any(c.used for c in table.choices if c.title == "查处款项金额")
    (table,) = understand(book(rows, head, title=False), "x", {"查处款项金额": "amount"}).tables
    assert table.column("amount") == 2
    with pytest.raises(UserError, match="没有字段"):
        understand(book(rows, head, title=False), "x", {"结算号": "nothing"})


def test_what_is_no_such_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="没有一页像疑点清单"):
        understand(book([["a", "b"]], ["颜色", "形状"], title=False), "x.xlsx")
    for body, why in ((b"\xd0\xcf\x11\xe0", "旧格式"), (b"PK\x03\x04junk", "不是可读的"), (b"a,b\n", "不是可读的")):
        with pytest.raises(UserError, match=why):
            grids(body, "x.xlsx")
    with pytest.raises(UserError, match="读不到文件"):
        read_workbook(tmp_path / "none.xlsx")


def test_by_settlement_else_stay_else_person_unit_day_else_amount() -> None:
    claims = known(bill(SETL))
    rows = [
        a_row(),
        a_row(结算流水号=None),
        a_row(结算流水号=None, 就诊ID=None),
        a_row(结算流水号=None, 就诊ID=None, 结算时间=datetime(2026, 3, 1), 医药机构代码="H1"),
        a_row(结算流水号=None, 就诊ID=None, 结算时间=None, 医药机构代码=None, 医药机构名称=None),
        a_row(结算流水号=None, 就诊ID=None, 结算时间=None, **{"涉及金额（元）": 1.0}),
    ]
    found = matched(rows, claims)
    assert [(m.level, m.how[:5]) for m in found[:3]] == [
        ("exact", "结算号"),
        ("exact", "就诊号"),
        ("likely", "人员、机构"),
    ]
    assert (found[3].level, "日期相差较大" in found[3].told[0]) == ("likely", True)
    assert (found[4].level, found[4].how) == ("likely", "人员和金额")
    assert (found[5].level, found[5].bills, found[5].subject) == ("none", (), ("", ""))
    assert found[0].subject == ("admission", STAY)


def test_several_are_told_and_none_is_chosen() -> None:
    claims = known(bill(SETL), bill("5219581363901499", mdtrt_id="429073182100987099", medfee_sumamt_fen=999))
    first, by_amount = matched(
        [
            a_row(结算流水号=None, 就诊ID=None, **{"涉及金额（元）": 1.0}),
            a_row(结算流水号=None, 就诊ID=None, **{"涉及金额（元）": 9.99}),
        ],
        claims,
    )
    assert (first.level, len(first.bills), first.subject) == ("several", 2, ("", ""))
    assert (by_amount.level, by_amount.bills) == ("likely", ("5219581363901499",))


def test_bent_numbers_are_told_by_cell_and_not_used() -> None:
    lost = {"setl_id": {"5219581363901480": SETL}, "fixmedins_code": {"123": "00123"}}
    claims = known(bill(SETL), alike=lost)
    rows = [
        a_row(结算流水号=5219581363901481.0, 就诊ID=4.29073182100987026e17, 参保人编号=None),
        a_row(结算流水号="5219581363901480", 就诊ID=None, 参保人编号=None),
        a_row(结算流水号=None, 就诊ID=None, 参保人编号="4290****8744"),
        a_row(结算流水号=None, 就诊ID=None, 医药机构代码="123", 医药机构名称=None),
    ]
    found = matched(rows, claims)
    assert [m.level for m in found[:3]] == ["none"] * 3
    assert "D4 结算ID" in found[0].told[0]
    assert "E+15" in found[0].told[0]
    assert "E+17" in found[0].told[1]
    assert "第15位以后" in found[1].told[0]
    assert "打码" in found[2].told[0]
    assert "丢了零" in found[3].told[0]


def test_an_old_certificate_of_fifteen_digits_is_read_as_intake_reads_it() -> None:
    head = ["疑点编号", "机构名称", "身份证号", "结算时间", "金额"]
    rows: list[list[Any]] = [
        ["1", "甲医院", "429004900101123", datetime(2026, 8, 2), 1.0],
        ["2", "甲医院", "42900419900101123X", None, 1.0],
    ]
    claims = known(bill(SETL))
    good, wrong = matched(rows, claims, head)
    assert good.level == "likely"
    assert (wrong.level, "证件号码" in wrong.told[0]) == ("none", True)


def test_a_claim_of_somebody_else_is_not_exact() -> None:
    (found,) = matched([a_row(参保人编号=WHO, 医药机构代码="H2")], known(bill(SETL)))
    assert (found.level, found.told) == ("likely", ("结算号对应的机构与所列机构不同",))


def test_a_list_of_units_matches_units_and_a_row_without_its_number_nobody() -> None:
    (unit,) = matched([["1", "甲医院", "次均费用过高"]], known(bill(SETL)), ["疑点编号", "机构名称", "疑点类型"])
    assert unit.subject == ("institution", "H1")
    (row,) = matched([a_row(结算流水号=None, 就诊ID=None, 参保人编号=None)], known(bill(SETL)))
    assert (row.level, row.unit) == ("none", "H1")


def test_each_heap_with_its_grounds() -> None:
    def heap(**over: Any) -> tuple[str, str]:
        told: dict[str, Any] = {"found": True, "how": "结算号", "amount_fen": 10_000} | over
        made = sort(Facts(**told), DAY)
        return made.tier, made.grounds[0]

    assert heap()[0] == LATER
    assert heap(hits=(Hit("R49", "重复/分解收费", True, True, 500),)) == (
        FOCUS,
        "本库规则 重复/分解收费 命中同一记录，涉及 5.00 元",
    )
    other = Hit("R53", "超限价", True, True, 108)
    assert heap(kind="重复收费", hits=(other,))[0] == LATER, "another problem, of a yuan"
    assert heap(kind="重复收费", hits=(replace(other, fen=10_000),)) == (
        FOCUS,
        "本库规则 超限价 命中同一记录，涉及 100.00 元（与来文的问题不同）",
    )
    assert heap(amount_fen=600_000)[0] == FOCUS
    assert heap(listed="2026-09-27/aa 第3号")[0] == FOCUS
    assert heap(found=False, amount_fen=600_000)[0] == MORE
    assert heap(lacks=("该结算没有费用明细",), amount_fen=600_000)[0] == MORE
    assert heap(looked=False)[0] == MORE
    assert heap(decided="2026-05-01 查实", amount_fen=600_000)[0] == LATER
    assert "处罚时效" in heap(ended=date(2024, 9, 1), amount_fen=600_000)[1]
    assert heap(ended=date(2024, 9, 28), amount_fen=600_000)[0] == FOCUS, "the last day of the two years"
    assert heap(repeats="疑点 第4行") == (LATER, "与疑点 第4行重复，随那一行反馈")


def test_defences_are_the_innocents_of_the_kind_of_suspicion() -> None:
    assert rules_like("重复收费")[0] == "R49"
    assert "R42" in rules_like("超限定支付范围用药")
    assert rules_like("某某某") == []
    assert "更正重记" in defences([], "重复收费")[0]
    assert "家属代购" in defences(["R01"])[0]


def test_the_list_goes_back_in_its_own_form() -> None:
    rows = [a_row(疑点编号=f"GJ-{i}") for i in range(4)]
    body = book(rows, drop="违规,不违规")
    sent = understand(body, "x.xlsx")
    results = {("疑点", 4): Result("yes", "=1+1", 12345, 100), ("疑点", 5): Result("no", "合规", 0)}
    (table,) = sent.tables
    sent = replace(sent, tables=(replace(table, foot=tuple(n for n in table.listed.lines if n > 7)),))
    made, counted = returned(body, sent, results)
    assert (counted.came, counted.answered, counted.kept) == (4, 2, ())
    before, after = ({g.name: g.cells for g in grids(b, "x")} for b in (body, made))
    head = {t: j for j, t in enumerate(HEAD)}
    line = after["疑点"][3]
    assert [line[head[t]] for t in ("核查情况", "是否属实", "违规金额")] == [
        "=1+1；追回金额：1.00 元",
        "违规",
        "123.45",
    ]
    assert after["疑点"][4][head["是否属实"]] == "不违规"
    assert after["疑点"][6][head["是否属实"]] is None
    assert before["填写说明"] == after["填写说明"]
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(io.BytesIO(made)) as new:
        same = [n for n in old.namelist() if old.read(n) == new.read(n)]
        assert len(same) == len(old.namelist()) - 1, "only the one sheet is written anew"
        assert b"<f>" not in new.read("xl/worksheets/sheet1.xml"), "what is filled is never a formula"
        assert b"dataValidation" in new.read("xl/worksheets/sheet1.xml")


def test_a_list_without_result_columns_gets_five() -> None:
    body = book([["1", SETL, 5.0]], ["疑点编号", "结算号", "金额"], title=False)
    made, _ = returned(body, understand(body, "x"), {("疑点", 2): Result("partly", "部分", 100, 50, "追回")})
    (grid,) = grids(made, "x")
    assert grid.cells[0][3:] == ("核查情况", "是否属实", "违规金额（元）", "追回金额（元）", "处理结果")
    assert grid.cells[1][3:] == ("部分", "部分属实", "1", "0.5", "追回")


def test_amounts_go_back_in_the_unit_of_their_title_and_words_are_never_lost() -> None:
    body = book([["1", SETL, None, None]], ["疑点编号", "结算号", "违规金额（万元）", "追回金额（分）"], title=False)
    made, _ = returned(body, understand(body, "x"), {("疑点", 2): Result("yes", "属实", 123_456, 123_456, "追回")})
    (grid,) = grids(made, "x")
    assert grid.cells[1][2:4] == ("0.123456", "123456")
    assert grid.cells[0][4:] == ("核查情况", "是否属实", "处理结果")
    assert grid.cells[1][4:] == ("属实", "属实", "追回")


def test_a_blank_cell_is_filled() -> None:
    body = book([a_row(核查情况=" ")], title=False)
    made, counted = returned(body, understand(body, "x"), {("疑点", 2): Result("no", "合规")})
    assert (grids(made, "x")[0].cells[1][HEAD.index("核查情况")], counted.kept) == ("合规", ())


def test_a_number_nobody_has_is_told_by_its_cell_and_covered() -> None:
    (found,) = matched([a_row(结算流水号=None, 就诊ID=None, 参保人编号="4290100081180000")], known(bill(SETL)))
    assert found.level == "none"
    assert "4290100081180000" not in "".join(found.told)
    assert any("F4" in t and "429…0000" in t for t in found.told)


def test_what_is_taken_back_in_part_is_not_taken_back() -> None:
    bills = pd.DataFrame([bill("S1"), bill("S2", mdtrt_id="A2")])
    back = pd.DataFrame({"init_setl_id": ["S1", "S2"], "medfee_sumamt_fen": [-30_050, -50]})
    assert taken_back(bills, back) == {"S1"}
    refund = bill("R1", medfee_sumamt_fen=-30_050, refd_setl_flag="1")
    assert set(not_refunded(pd.DataFrame([bill("S1"), refund, bill("S2", mdtrt_id="A2")]))["setl_id"]) == {"S2"}


def test_what_is_filled_already_is_kept_and_told() -> None:
    body = book([a_row(疑点编号=str(i), 核查情况="已报" if i == 3 else None) for i in range(20)], title=False)
    made, counted = returned(body, understand(body, "x"), {("疑点", 5): Result("no", "合规")})
    assert counted.kept == ("疑点 第5行 核查情况",)
    assert grids(made, "x")[0].cells[4][HEAD.index("核查情况")] == "已报"


def test_cells_are_named_as_spreadsheets_name_them() -> None:
    assert [at(j, 1) for j in (0, 25, 26, 701, 702)] == ["A1", "Z1", "AA1", "ZZ1", "AAA1"]
