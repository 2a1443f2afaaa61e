"""疑点线索清单.xlsx: what stands on which sheet, that nothing in it is a formula, and that LibreOffice hands it back unbent."""

import csv
import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from claims.shown_text import mask, visible
from serving.desk.feedback_sheet import HEADERS, SHEET, read
from serving.desk.schema import EVENTS
from serving.lists.export import as_csv, write
from serving.lists.schema import COLUMNS, DISCLAIMER, WorkList
from serving.lists.sheets import Mark, own_sheet, sheet_names, workbook
from serving.web.middleware import desk_of
from serving.web.workbook import evidence_table

from .conftest import made_list, signed_in

#: Formula and command payloads (OWASP CSV injection, DDE, HYPERLINK), with every leading sign and disguise of one.
SIGNS = ("=", "+", "-", "@", "\t=", "\r=", "\n=", "＝", "＋", "－", "＠", "\x00=", " =", "\ufeff=")
BODIES = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x","y")', "SUM(A1:A9)")
PAYLOADS = [sign + body for sign in SIGNS for body in BODIES]
RARE = "𠮷𪚥𬺈㐂龘䶮"
TURNED = "名单\u202excod.exe\u2066"


def poisoned(text: str, grain: str = "institution") -> WorkList:
    worklist, _, _ = made_list(grain)
    rows = worklist.rows.assign(area=text, label=text, reason_1=text, innocent=text, fixmedins_code=text)
    return replace(worklist, rows=rows)


def parts(body: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_there_are_fifty_payloads() -> None:
    assert len(PAYLOADS) >= 50


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_becomes_a_formula(payload: str) -> None:
    made = poisoned(payload)
    cells = list(csv.reader(io.StringIO(as_csv(made))))[1]
    for cell in (cells[COLUMNS.index("area")], cells[COLUMNS.index("reason_1")]):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    body = workbook(made, lambda e: evidence_table({"reasons": []}), mark=Mark(payload, payload, payload))
    for name, text in parts(body).items():
        assert "<f>" not in text
        assert 'TargetMode="External"' not in text, name


def test_names_keep_their_characters_and_lose_what_is_not_seen() -> None:
    made = poisoned(RARE + TURNED + "\ufffe\x07_x0041_")
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(made)))
    rows = book.get_sheet_by_name("清单").to_python()
    assert rows[2][rows[1].index("片区")] == RARE + "名单xcod.exe_x0041_"
    assert visible("a\nb\tc\ud800\x85") == "a\nb\tc"


def test_a_name_is_no_code_of_the_page_head() -> None:
    made, _, _ = made_list("doctor")
    text = parts(workbook(made, mark=Mark("A&G&K FF0000", "2026-11-30 09:00", "12:" + "ab" * 32)))
    sheet = text["xl/worksheets/sheet1.xml"]
    assert "A＆G＆K FF0000 2026-11-30 09:00" in sheet
    assert re.search(r"第 &amp;P 页 共 &amp;N 页.*日志 12:(ab){8}", sheet)


def test_the_sheets_of_a_list(tmp_path: Path) -> None:
    worklist, dossiers, _ = made_list("person")
    out = write(worklist, tmp_path / "名单.xlsx", lambda e: evidence_table(dossiers[e]))
    book = CalamineWorkbook.from_path(str(out))
    assert tuple(book.sheet_names) == sheet_names(worklist)
    rows = book.get_sheet_by_name("清单").to_python()
    assert str(rows[0][0]).startswith(DISCLAIMER)
    by_lead = worklist.rows.sort_values("lead")
    assert [r[1 + rows[1].index("序号")] for r in rows[2:3]] == [by_lead["area"].iloc[0]]
    number = rows[1].index("对象编号")
    assert [r[number] for r in rows[2:]] == [mask(e) for e in by_lead["entity_id"]], "persons masked on the list"
    for row in by_lead.to_dict(orient="records"):
        own = [c for line in book.get_sheet_by_name(own_sheet(row["lead"])).to_python() for c in line]
        assert any(row["entity_id"] in str(c) for c in own), "the full number on the sheet of a command's own workbook"
        cited = {r["row_id"] for reason in dossiers[row["entity_id"]]["reasons"] for r in reason["evidence"]["rows"]}
        assert cited <= set(own), "ids are text, no digit lost"
    said = book.get_sheet_by_name(own_sheet(1)).to_python()
    assert any("以上 2 行，计入本项合计 190.45 元" in str(line[0]) for line in said)


def test_it_prints_on_a4_with_its_heads_repeated() -> None:
    worklist, dossiers, _ = made_list("admission")
    found = parts(workbook(worklist, lambda e: evidence_table(dossiers[e])))
    for name, text in found.items():
        if name.startswith("xl/worksheets/sheet"):
            assert 'paperSize="9"' in text
            assert 'fitToHeight="0"' in text
            assert DISCLAIMER in text.partition("<headerFooter>")[2]
    assert found["xl/workbook.xml"].count("_xlnm.Print_Titles") == len(sheet_names(worklist))


def test_the_page_gives_the_same_workbook_masked(week: Path) -> None:
    officer = signed_in(week, name="taker")
    text = "".join(parts(officer.get("/lists/person.xlsx").content).values())
    numbers = set(made_list("person")[0].rows["entity_id"])
    assert not any(n in text for n in numbers)
    assert "taker" in text


def filled(body: bytes, row: int, cells: dict[str, str]) -> bytes:
    """The workbook with cells of 核查反馈 filled in, as a spreadsheet writes them."""
    names = CalamineWorkbook.from_filelike(io.BytesIO(body)).sheet_names
    sheet = f"xl/worksheets/sheet{names.index(SHEET) + 1}.xml"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == sheet:
                text = data.decode()
                for title, value in cells.items():
                    at = f"{chr(ord('A') + HEADERS.index(title))}{row}"
                    text, n = re.subn(
                        rf'<c r="{at}"( s="\d+")/>', rf'<c r="{at}"\1 t="inlineStr"><is><t>{value}</t></is></c>', text
                    )
                    assert n == 1
                data = text.encode()
            new.writestr(name, data)
    return out.getvalue()


def through_libreoffice(body: bytes, folder: Path, to: str) -> Path:
    """The workbook opened in LibreOffice and saved again."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc, and soffice on the path")
    (folder / "back.xlsx").write_bytes(body)
    (folder / "out").mkdir()
    words = [office, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", to]
    subprocess.run(
        [*words, "--outdir", str(folder / "out"), str(folder / "back.xlsx")],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (made,) = (folder / "out").iterdir()
    return made


@pytest.mark.slow
def test_filled_in_with_libreoffice_it_becomes_a_step(week: Path, tmp_path: Path) -> None:
    officer = signed_in(week, "reviewer1", name="lo")
    body = officer.get("/lists/institution.xlsx").content
    given = filled(body, 3, {"结论": "违规", "说明": f"床位无人{RARE}"})
    saved = through_libreoffice(given, tmp_path, "xlsx").read_bytes()
    assert saved != given
    base, [line] = read(saved)
    page = officer.post("/feedback", files={"file": ("back.xlsx", saved)}).text
    assert f"{base.rows[0].number}） → 待复审" in page
    with desk_of(week).read() as connection:
        notes = connection.execute(select(EVENTS.c.note).where(EVENTS.c.kind == "move")).scalars()
        assert f"床位无人{RARE}" in set(notes)
    assert line.cells["结论"] == "违规"


@pytest.mark.slow
def test_libreoffice_finds_no_formula_and_no_lost_digit(tmp_path: Path) -> None:
    made = poisoned("=cmd|' /C calc'!A0" + RARE, "admission")
    long = {e: f"00{i:016d}" for i, e in enumerate(made.rows["entity_id"])}
    rows = made.rows.assign(entity_id=[long[e] for e in made.rows["entity_id"]])
    saved = through_libreoffice(workbook(replace(made, rows=rows)), tmp_path, "xlsx").read_bytes()
    assert not any(
        "<f" in text.replace("<fo", "").replace("<fi", "") for n, text in parts(saved).items() if "/sheet" in n
    )
    book = CalamineWorkbook.from_filelike(io.BytesIO(saved)).get_sheet_by_name("清单").to_python()
    column = book[1].index("对象编号")
    assert sorted(r[column] for r in book[2:]) == sorted(long.values())
