"""Exports of ordinary office tools: what Excel, WPS and copied text leave in files is read as it was meant, or told."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.sources.delimited import read_as_latin
from tests.claims.county import LINE, UNIT, VISIT, Row, write
from tests.claims.test_inputs import held, visits

CODES = ("setl_id", "mdtrt_id", "psn_no", "fixmedins_code", "med_type")
AS_SENT = [("S1", "M1", "P1", "H1", "11", datetime(2025, 3, 1, 9))]
AS_READ = "setl_id, mdtrt_id, psn_no, fixmedins_code, med_type, begntime"
#: settlements.xls as Excel 97 writes it (BIFF 8): one visit with its times as dates.
XLS = (
    "c-rk)Pe>GD6o23B|J7Yr(?|nZgse;tOP3IAEiApPY<lPq!KTh<EV{F@J3)3R(>w-2r^1V1hb*iv{h<zZ>kt@q5Q0Dpx^xN(I;hio"
    "Z)b+p3fw5cnBVZd@BQBQXWq>F{>{9euUwpdP`3o@a1dOuY6QSrWD}SI7Ks3s8wROX?#E;}*is1iF_2ylJPp0_Q4A^GOQ67g_Y0H&"
    "A26MU5$MipGP;R4%s%u9@}Ui-fGM<up_aX>VmZKa8_RoK^BK!_wp?Y|hIJRkDVUFUHytoX@d>4Y%fdkYKH@g-*b;*pcuAx9(lt@2"
    ">w!bLbl>n6E2wvu!wg_RJEbOb#CO0gd{b}|(UM5CbaX_!x>^&7*52MlsK%(zz&9fb@YR~$&!digbL|4q{(Y_8_Zzz(qq*LGU2y}9"
    "fpLas%Opm7)J-L2ke9kXEHhHm^UE*}Av99L;ejQ?skDj<cShB7I;uGTNAg-q%Z334)8{i%O>6noKvtDhNvbJ*bcED?c~;ZY85uA;"
    "Aw9%32Bl2p&t>{DI?kxx7>WdmB#AB(u~?8c5?**BYZjgmPsnnVDpasu$<s1|54?Q)%bP@hGM-|~7;iR(Eom1$I2dr5T43WamndLu"
    "NlmQpV>!;f?qt1=Wi`$j%o~$6rgC(G>s;Z|M(klf<86F*k-i7@$<N0g*H3<o??rvCbLm3$+(LXB8gPqLu{~WA&@7t8%^QR#aVr<*"
    "^7Wo&?N3XYUx}E$8|J=S0V@z>wUT9l(c2L=Q_Oc&U@l}Xo4Jv>ZRSDdv6&Z{*JeIsKGO&B3m*jg;5X|F_90+1@*!w5@}bOT<U=`m"
    "hVh|ws*1b4+w-ZtVDX~m&g|?gSuQHnf_xd8!lQ^%1rIr#?L~)?AUJT~z<~n?4jef60|@h|?BZi0@WIeq_&DJIIxCn~o!=z?EqWk}"
    "myX|(M?k|o2csp8pY7lgR$pR+ZLI%=gyVSk91KA}`!Q7V_{C2tQT#j`ZW#G{Q>fJYua@HHKfeDD_QwJQ"
)


def wide(text: object) -> str:
    """In full-width signs, as a Chinese keyboard types them."""
    return "".join(chr(0xFEE0 + ord(c)) if "!" <= c <= "~" else c for c in str(text))


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for i, row in enumerate(rows):
                sheet.write_row(i, 0, row)
    return path


def cells(*rows: Row) -> list[list[object]]:
    return [list(rows[0]), *(list(row.values()) for row in rows)]


@pytest.mark.parametrize(
    ("mark", "told", "encoding"),
    [(";", "sep=;", "utf-8-sig"), ("\t", '"sep=\t"', "utf-16"), (",", "SEP=,,,,", "gb18030")],
)
def test_a_line_that_tells_excel_the_separator_is_no_header(
    tmp_path: Path, mark: str, told: str, encoding: str
) -> None:
    file = write(tmp_path / "in", settlements=[VISIT]) / "settlements.csv"
    text = file.read_text("utf-8").replace(",", mark)
    file.write_bytes(f"{told}\r\n{text}".encode(encoding))
    intake(tmp_path / "in", tmp_path / "house")
    assert held(tmp_path / "house", "settlements", AS_READ) == AS_SENT


@pytest.mark.parametrize(
    "spelt",
    [wide, lambda v: f"{v}  ", lambda v: f"{v}\u200b", lambda v: f"\u200e{v}\u3000", lambda v: f"'{v}"],
    ids=["full width", "blanks behind", "no width", "marks around", "apostrophe"],
)
def test_a_code_is_the_same_however_it_was_typed(tmp_path: Path, spelt: Callable[[object], str]) -> None:
    visit = VISIT | {c: spelt(VISIT[c]) for c in CODES}
    line = LINE | {c: spelt(LINE[c]) for c in CODES if c in LINE}
    done = intake(write(tmp_path / "in", settlements=[visit], fee_details=[line]), tmp_path / "house")
    assert held(tmp_path / "house", "settlements", AS_READ) == AS_SENT
    assert done.tables["fee_details"].accepted == 1, "and its line finds its visit"
    assert done.notes == []


def test_a_header_in_full_width(tmp_path: Path) -> None:
    intake(write(tmp_path / "in", settlements=[{wide(k): v for k, v in VISIT.items()}]), tmp_path / "house")
    assert held(tmp_path / "house", "settlements", AS_READ) == AS_SENT


AMOUNTS = {
    "1,234.50元": 123450, "￥12": 1200, "¥ 1,234.5": 123450, "12.5 元": 1250, "人民币12.50": 1250, "12.50圆": 1250, "１２．５０": 1250,
    "12.50 CNY": 1250, "RMB 12.5": 1250, "1,234.50元整": 123450, "'12.50": 1250,
}  # fmt: skip
NO_AMOUNTS = ("1.234,50", "壹佰元整", "12.5万元", "1,23", "12元5角")


def test_amounts_with_words_around_them(tmp_path: Path) -> None:
    written = [*AMOUNTS, *NO_AMOUNTS]
    rows = [v | {"medfee_sumamt": w, "fund_pay_sumamt": "", "acct_pay": "", "psn_cash_pay": "", "hifp_pay": ""}
            for v, w in zip(visits(len(written)), written, strict=True)]  # fmt: skip
    intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    read = {str(k): fen for k, fen in held(tmp_path / "house", "settlements", "setl_id, medfee_sumamt_fen")}
    assert read == {f"S{i}": fen for i, fen in enumerate(AMOUNTS.values())}
    assert list(list_quarantine(tmp_path / "house")["reason_code"]) == ["Q03"] * len(NO_AMOUNTS)


def test_days_that_became_decimal_numbers(tmp_path: Path) -> None:
    row = VISIT | {"begntime": "20260131.0", "endtime": "202601310915.0", "setl_time": "20260131093000.00"}
    intake(write(tmp_path / "in", settlements=[row]), tmp_path / "house")
    assert held(tmp_path / "house", "settlements", "begntime, endtime, setl_time") == [
        (datetime(2026, 1, 31), datetime(2026, 1, 31, 9, 15), datetime(2026, 1, 31, 9, 30))
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("gb18030", "latin-1", "csv"),
        ("gb18030", "cp1252", "csv"),
        ("utf-8", "latin-1", "csv"),
        ("utf-8", "cp1252", "xlsx"),
    ],
)
def test_chinese_read_as_latin_is_set_aside(tmp_path: Path, right: str, wrong: str, kind: str) -> None:
    name = "青石镇卫生院".encode(right).decode(wrong, "replace").replace("\ufffd", "")
    units = [UNIT, UNIT | {"fixmedins_code": "H2", "fixmedins_name": name}]
    folder = write(tmp_path / "in", settlements=[VISIT], institutions=units if kind == "csv" else [])
    if kind == "xlsx":
        workbook(folder / "institutions.xlsx", institutions=cells(*units))
    done = intake(folder, tmp_path / "house").tables["institutions"]
    assert (done.accepted, done.quarantined) == (1, 1)


@pytest.mark.parametrize("text", ["张××", "××××", "37.5±0.2°C", "Café Müller", "青石镇卫生院", "α-干扰素 5µg", "é青石"])
def test_letters_with_accents_are_no_chinese_read_wrongly(text: str) -> None:
    assert not read_as_latin(text)


@pytest.mark.parametrize("suffix", [".xlsm", ".et", ".xls"])
def test_workbooks_under_other_names(tmp_path: Path, suffix: str) -> None:
    folder = write(tmp_path / "in")
    workbook(tmp_path / "a.xlsx", settlements=cells(VISIT)).rename(folder / f"settlements{suffix}")
    intake(folder, tmp_path / "house")
    assert held(tmp_path / "house", "settlements", AS_READ) == AS_SENT


def test_an_old_workbook_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    (folder / "结算.xls").write_bytes(zlib.decompress(base64.b85decode(XLS)))
    done = intake(folder, tmp_path / "house")
    assert done.ignored == []
    assert held(tmp_path / "house", "settlements", AS_READ) == AS_SENT
    assert held(tmp_path / "house", "settlements", "medfee_sumamt_fen") == [(10010,)]


PAGE = b"<html><table><tr><td>setl_id</td></tr></table></html>"


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("settlements.xls", PAGE, r"settlements\.xls \(a web page by its content .*save it again as \.xlsx or CSV"),
        ("settlements.csv", PAGE, r"settlements\.csv is a web page by its content; open it and save it again"),
        (
            "settlements.csv",
            b"PK\x03\x04" + bytes(99),
            r"settlements\.csv is a zip or an \.xlsx workbook by its content",
        ),
        ("settlements.csv", b"\xd0\xcf\x11\xe0" + bytes(99), r"settlements\.csv is an old workbook"),
        ("settlements.et", b"\xd0\xcf\x11\xe0" + bytes(99), r"settlements\.et \(not a readable Excel workbook"),
    ],
)
def test_what_a_file_is_under_another_name_is_said(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    (write(tmp_path / "in") / name).write_bytes(body)
    with pytest.raises(UserError, match=said):
        intake(tmp_path / "in", tmp_path / "house")


def test_rows_a_filter_hides_count_and_a_hidden_sheet_is_asked_about(tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    with xlsxwriter.Workbook(str(folder / "book.xlsx")) as book:
        shown, old = book.add_worksheet("settlements"), book.add_worksheet("结算(2)")
        for sheet, rows in ((shown, visits(3)), (old, [VISIT | {"setl_id": "OLD", "mdtrt_id": "OLD"}])):
            for i, row in enumerate(cells(*rows)):
                sheet.write_row(i, 0, row)
        shown.autofilter(0, 0, 3, 3)
        shown.set_row(2, None, None, {"hidden": True})
        old.hide()
    with pytest.raises(UserError, match=r"book\.xlsx\[结算\(2\)\] \(the sheet is hidden; show it if it counts\)"):
        intake(folder, tmp_path / "house")
    done = intake(folder, tmp_path / "house", allow_ignored=["book.xlsx*2*"])
    assert done.tables["settlements"].accepted == 3


def test_the_error_of_a_formula_is_no_missing_value(tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    with xlsxwriter.Workbook(str(folder / "settlements.xlsx")) as book:
        book.add_worksheet("说明")
        sheet = book.add_worksheet("settlements")
        for i, row in enumerate(cells(*visits(3))):
            sheet.write_row(i, 0, row)
        sheet.write_formula(2, list(VISIT).index("fund_pay_sumamt"), "=1/0", None, "#DIV/0!")
        sheet.write_formula(3, list(VISIT).index("psn_no"), "=VLOOKUP(1,A1:B2,2,0)", None, "#N/A")
    done = intake(folder, tmp_path / "house").tables["settlements"]
    assert (done.accepted, done.quarantined) == (1, 2)
    aside = list_quarantine(tmp_path / "house")
    assert list(zip(aside["line"], aside["column"], strict=True)) == [(3, "fund_pay_sumamt"), (4, "psn_no")]
