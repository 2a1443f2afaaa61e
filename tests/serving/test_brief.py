"""检查前简报: two pages, numbers that are those of the lists, nobody's number in full, and only one's own area."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from claims.errors import UserError
from inspection.plan_files import read_visits
from serving.lists.briefs import LONGEST, brief
from serving.papers.brief import Brief, brief_document
from tests.made_facts import AS_OF, HOSPITALS, PHARMACY, facts

from .conftest import UNIT, TestClient, made_list, signed_in
from .test_notice import text_of


def leads(unit: str) -> list[dict]:
    """Every row of the hand-made lists, as if all were of that unit."""
    found = []
    for grain in ("institution", "admission", "person", "doctor", "ring"):
        worklist, dossiers, _ = made_list(grain)
        for row in worklist.rows.to_dict(orient="records")[:4]:
            found.append({str(k): v for k, v in row.items()} | {"list": grain, "dossier": dossiers[row["entity_id"]]})
    return found


def told(unit: str = HOSPITALS[1]) -> dict:
    return brief(unit, {**UNIT, "code": unit}, facts(), leads(unit), "2025-09-28-abc")


def document(unit: str = HOSPITALS[1], **more: str) -> bytes:
    return brief_document(Brief(told(unit), "2025-09-28/ab12", "cd" * 32, "张\u202e三", "2025-09-28 09:00", **more))


def test_the_story_is_three_sentences_with_the_numbers_of_list_unit_and_stays() -> None:
    said = told()
    assert len(said["story"]) == 3
    assert all(s["source"] for s in said["story"])
    first = leads(HOSPITALS[1])[0]
    assert "4,500.00" in said["story"][0]["text"]
    assert f"{first['amount_at_risk_yuan']:,.2f}" in said["story"][1]["text"]
    assert first["reason_1"] in said["story"][1]["text"]
    stays = facts().stays
    assert f"{stays.loc[stays['unit'] == HOSPITALS[1], 'cost'].sum():,.2f}" in said["story"][2]["text"]
    assert "药品" not in told(PHARMACY)["story"][2]["text"]
    assert "没有本机构的线索" in brief(PHARMACY, UNIT, facts(), [], "s")["story"][1]["text"]


def test_nobodys_number_stands_in_it_and_questions_name_whom() -> None:
    said = json.dumps(told(), ensure_ascii=False)
    for row in leads(""):
        for number in [row["psn_no"] or "", *str(row["members"] or "").split(";")] if row["list"] != "institution" else []:  # fmt: skip
            assert not number or number not in said
    assert all(len(t["text"]) <= LONGEST for k in ("ask", "innocent", "papers", "equipment") for t in told()[k])
    assert told()["ask"]


def test_the_document_says_all_of_it() -> None:
    text = text_of(document(visit="2025-09-29 08:30–11:30　一组（张三、李四）"))
    for must in ("检查前简报", "疑点线索，非违规结论", "不得交给被检查单位", "一组（张三、李四）", "批次 2025-09-28/ab12", "散列 cdcd", "张三", "代表", "药品1", "40／超 80", "自报基金", "R50超频次", "先排除的正常情形", "床位号 0/60"):  # fmt: skip
        assert must in text, must
    for never in ("概率", "风险分"):
        assert never not in text


@pytest.mark.skipif(shutil.which("soffice") is None or shutil.which("pdfinfo") is None, reason="no LibreOffice here")
@pytest.mark.slow
def test_it_is_two_pages(tmp_path: Path) -> None:
    (tmp_path / "b.docx").write_bytes(document(visit="2025-09-29 08:30–11:30　一组（张三、李四）"))
    (tmp_path / "p.docx").write_bytes(document(PHARMACY))
    subprocess.run(["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), "b.docx", "p.docx"], cwd=tmp_path, check=True, capture_output=True, timeout=120)  # fmt: skip
    for name in ("b", "p"):
        said = subprocess.run(["pdfinfo", f"{name}.pdf"], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert "Pages:           2" in said.stdout


def test_the_page_and_the_document_are_of_the_published_week(week: Path) -> None:
    officer = signed_in(week)
    page = officer.get("/units/H42000001/brief").text
    for must in ("检查前简报", "调阅病历", "盘点", "行前对数", "抽样种子", "散列"):
        assert must in page
    assert "/units/H42000001/brief" in officer.get("/units/H42000001").text
    answer = officer.get("/units/H42000001/brief.docx")
    assert answer.headers["content-disposition"].endswith('"brief-H42000001.docx"')
    assert "检查前简报" in text_of(answer.content)
    assert officer.get("/units/none/brief").status_code == 404
    far: TestClient = signed_in(week, "officer", area="110000")
    assert far.get("/units/H42000001/brief").status_code == 404


def test_a_plan_names_who_goes_when_and_a_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    visit = {"site": "H1", "day": "2025-09-29", "start": "08:30", "end": "11:30", "team": "一组", "members": ["张三", "李四"], "why": "随机抽查", "done": False}  # fmt: skip
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"visits": [visit, {**visit, "site": "H2", "done": True}]}, ensure_ascii=False), "utf-8")
    assert read_visits(file) == {"H1": "2025-09-29 08:30–11:30　一组（张三、李四）　随机抽查"}
    file.write_text("[]", "utf-8")
    with pytest.raises(UserError, match="不是检查计划"):
        read_visits(file)
    with pytest.raises(UserError, match="读不到"):
        read_visits(tmp_path / "none.json")


def test_the_same_brief_is_the_same_text() -> None:
    assert text_of(document()) == text_of(document())
    assert io.BytesIO(document()).getbuffer().nbytes > 5_000
    assert told()["as_of"] == AS_OF.isoformat()
