"""稽核通知.docx: every field is in its text, nobody is accused, no number of a person stands in it in full."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from docx import Document
from sqlalchemy import update

from serving.desk import log
from serving.desk.schema import CASES
from serving.papers.notice import Notice, notice
from serving.web.middleware import desk_of

from .conftest import made_list, signed_in


def text_of(body: bytes) -> str:
    """All text: paragraphs, tables, head and foot."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts = [n for n in archive.namelist() if re.fullmatch(r"word/(document|header\d*|footer\d*)\.xml", n)]
        return "\n".join("".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", archive.read(n).decode())) for n in parts)


@pytest.mark.parametrize("grain", ["admission", "person", "institution", "doctor", "ring"])
def test_it_says_who_what_why_and_leaves_blanks(grain: str) -> None:
    worklist, dossiers, _ = made_list(grain)
    row = worklist.rows.iloc[0]
    case = {
        "number": "2026-000012",
        "grain": grain,
        "entity_id": row["entity_id"],
        "scheme": row["scheme"],
        "unit": row["fixmedins_code"],
    }
    said = Notice(case, dossiers[row["entity_id"]], "张\u202e三=1", "2026-11-30 09:00", "12:" + "ab" * 32)
    text = text_of(notice(said))
    for must in (
        "稽核通知",
        "疑点线索，非违规结论",
        "挂床住院",
        "请提供的材料",
        "年　　月　　日前",
        "联系人",
        "陈述、申辩",
        "回避",
        "案件 2026-000012",
        "日志 12:abab",
        "张三=1 2026-11-30",
    ):
        assert must in text
    for never in ("欺诈", "骗保", "风险", "概率", "高于", "中位"):
        assert never not in text
    numbers = {row["psn_no"], *str(row["members"] or "").split(";")} - {"", None}
    assert not any(n in text for n in numbers)
    assert "S" in text, "the records are in the annex"
    assert len(Document(io.BytesIO(notice(said))).tables) == 1


def test_without_its_run_it_is_a_form_to_fill_in() -> None:
    case = {"number": "2026-000001", "grain": "institution", "entity_id": "H1", "scheme": "T01", "unit": "H1"}
    assert "H1：" in text_of(notice(Notice(case, {}, "x", "2026-11-30 09:00", "")))


def test_it_leaves_from_the_case_once_two_persons_agreed(week: Path) -> None:
    officer = signed_in(week, name="noticer")
    officer.get("/lists/institution")
    assert officer.get("/cases/1/notice.docx").status_code == 409
    with desk_of(week).write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(state="C30"))
    answer = officer.get("/cases/1/notice.docx")
    assert answer.status_code == 200
    assert "稽核通知" in text_of(answer.content)
    assert "/cases/1/notice.docx" in officer.get("/cases/1").text
    assert [r["act"] for r in log.rows(desk_of(week), 0, 9999)].count("notice") == 1
    assert officer.get("/cases/99999/notice.docx").status_code == 404
    with desk_of(week).write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(state="C10"))
