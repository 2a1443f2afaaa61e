"""What somebody has is not told before his case is investigated: not on a page, in its JSON, the workbook, the API or the bed sheet."""

import copy
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import update
from typer.testing import CliRunner

from claims.schema.sensitive import ALL, COVER, covered, is_sensitive, tells_item, tells_place, tells_visit
from inspection.bedsheet import bed_sheet, in_order
from serving import api
from serving.desk import diagnoses, log, people
from serving.desk.schema import CASES
from serving.lists import publish, published
from serving.lists.beside import beside
from serving.lists.export import write
from serving.lists.prepare import Prepared
from serving.lists.sheets import Mark
from serving.lists.worklist import with_names
from serving.web.export_job import body_of, job_of
from serving.web.masking import masked
from serving.web.middleware import desk_of
from serving.web.workbook import Taken
from xiezhi.command import app

from .conftest import AS_OF, PASSWORD, TestClient, made_list, signed_in, whole_week


@pytest.mark.parametrize(
    ("text", "said"),
    [("F20.000", True), ("B20", True), ("Z21.x00", True), ("O80.900", True), ("A53.9", True), ("I10.x00", False), ("B25.1", False), ("A65", False), ("重度抑郁发作", True), ("早孕人工流产", True), ("高血压", False), ("F1", False), ("O1234", False), ("", False)],
)  # fmt: skip
def test_which_diagnoses_are_sensitive(text: str, said: bool) -> None:
    assert is_sensitive(text) is said


def test_an_office_covers_the_groups_it_chose() -> None:
    assert not is_sensitive("F20", {"hiv"})
    assert covered("I10", 17) == COVER
    assert covered("I10", 17, ALL - {"minors"}) == covered("I10", 18) == "I10"


def test_code_and_name_are_covered_wherever_they_stand() -> None:
    document = {
        "entity": {"dx3": "F20", "peer_group": "F20|2|inpatient", "dept": "A15"},
        "who": {"dx": "F20.000", "dx_name": "精神分裂症", "age": 40},
        "reasons": [{"text": "诊断为精神分裂症的住院3次", "evidence": {"rows": [{"dx": "I10", "row_id": "F20"}, {"dise_codg": "M00001", "dise_name": "HIV感染"}]}}],
    }  # fmt: skip
    told = masked(document, "admission", ALL)
    text = json.dumps(told, ensure_ascii=False)
    assert not any(word in text for word in ("F20", "精神分裂症", "M00001", "HIV感染"))
    assert told["entity"]["peer_group"] == f"{COVER}|2|inpatient"
    assert told["reasons"][0]["evidence"]["rows"][0]["dx"] == "I10"
    assert masked(document, "admission", frozenset())["who"]["dx"] == "F20.000"
    minor = masked({"who": {"dx": "J18.900", "dx_name": "肺炎", "age": 9}}, "admission", ALL)["who"]
    assert (minor["dx"], minor["dx_name"]) == (COVER, COVER)


NAMES = ("F20.000", "精神分裂症")


def _says(text: str) -> bool:
    return any(word in text for word in NAMES)


@pytest.fixture
def own_week(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    whole_week(tmp_path)
    return tmp_path


def _lead(house: Path) -> int:
    run = publish.current(house)
    rows = [int(r["lead"]) for r in run.worklist("admission")["rows"] if run.lead("admission", int(r["lead"]))["who"].get("dx")]  # fmt: skip
    return rows[0]


def test_pages_and_their_json_cover_until_the_case_is_investigated(own_week: Path) -> None:
    lead, officer, chief = _lead(own_week), signed_in(own_week, "officer"), signed_in(own_week, "leader")
    name = f"/lists/{publish.current(own_week).name}/admission/{lead}"
    page, twin = officer.get(name), officer.get(name + ".json")
    assert COVER in page.text
    assert COVER in twin.text
    assert not _says(page.text + twin.text)
    case = f"/cases/{twin.json()['case']['case_id']}"
    page, twin = officer.get(case), officer.get(case + ".json")
    assert COVER in page.text
    assert not _says(page.text + twin.text)
    assert _says(chief.get(name).text)
    assert _says(chief.get(case).text)
    desk = desk_of(own_week)
    with desk.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == int(case.rpartition("/")[2])).values(state="C40"))
    assert _says(officer.get(name).text)
    assert _says(officer.get(case).text)
    with desk.write() as connection:
        connection.execute(update(CASES).values(state="C90", outcome="O6_CLEAR"))
    assert not _says(officer.get(case).text)


def test_a_diagnosis_is_shown_once_for_a_reason_that_the_log_keeps(own_week: Path) -> None:
    lead, officer = _lead(own_week), signed_in(own_week, "officer")
    name = f"/lists/{publish.current(own_week).name}/admission/{lead}.json"
    case = f"/cases/{officer.get(name).json()['case']['case_id']}"
    assert officer.post(case + "/diagnosis", data={}).status_code == 409
    assert _says(officer.post(case + "/diagnosis", data={"reason": "判断是否属合理情形"}).text)
    assert not _says(officer.get(case).text)
    last = [r for r in log.rows(desk_of(own_week), 0, 10_000) if r["act"] == "reveal"]
    assert [json.loads(r["detail"]) for r in last] == [{"field": "diagnosis", "reason": "判断是否属合理情形"}]
    assert signed_in(own_week, "legal").get(case).status_code == 200
    outsider: TestClient = signed_in(own_week, "approver")
    assert outsider.post(case + "/diagnosis", data={"reason": "x"}).status_code == 409


def test_the_workbook_and_the_api_cover_too(own_week: Path) -> None:
    desk, run = desk_of(own_week), publish.current(own_week)
    officer = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    lead = _lead(own_week)
    told = json.dumps(api.explain(own_week, "admission", lead, officer, officer.rights), ensure_ascii=False)
    assert COVER in told
    assert not _says(told)
    groups = diagnoses.hidden(diagnoses.groups(desk), officer.rights, None)
    body = body_of(job_of(Taken.of(run, "admission", officer, {}, groups), Mark("wang", "", "")))
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    said = str([book.get_sheet_by_name(n).to_python() for n in book.sheet_names])
    assert not _says(said)


@pytest.mark.parametrize(
    ("tells", "text", "said"),
    [
        (tells_place, "A15", True), (tells_place, "A15.01", True), (tells_place, "精神科二病区", True), (tells_place, "计划生育科", True), (tells_place, "A03", False), (tells_place, "内科三病区", False),
        (tells_item, "XN05AHA001A001010100001", True), (tells_item, "XJ05ARD123", True), (tells_item, "奥氮平片", True), (tells_item, "XC09AAY007", False), (tells_item, "N05A", False),
        (tells_item, "梅毒螺旋体特异抗体测定", False), (tells_visit, "maternity_ip", True), (tells_visit, "52", True), (tells_visit, "inpatient", False), (tells_visit, "21", False), (tells_visit, "生育保险", True),
    ],
)  # fmt: skip
def test_what_else_tells_a_diagnosis(tells: Callable[[str], bool], text: str, said: bool) -> None:
    assert tells(text) is said


PLANTED = ("F20.000", "精神分裂症", "A15", "精神科二病区", "XN05AH", "奥氮平", "生育住院", "maternity_ip", "生育保险")


def planted(house: Path) -> tuple[str, int]:
    """A run whose first stay tells what the patient has in every way a claim can; (its id, its number on the sheet)."""
    worklist, dossiers, rows = made_list("admission")
    listed = worklist.rows.sort_values("lead")
    entity, lead = str(listed["entity_id"].iloc[0]), int(listed["lead"].iloc[0])
    told = copy.deepcopy(dossiers[entity])
    told["who"] |= {
        "dx": "F20.000",
        "dx_name": "精神分裂症",
        "dept": "A15",
        "ward": "精神科二病区",
        "visit_class": "maternity_ip",
        "insutype": "生育保险",
        "age": 40,
    }
    told["entity"] |= {"peer_group": "F20|2|maternity_ip", "peer_group_coarse": "2|maternity_ip", "dept": "A15"}
    told["events"] = [e | {"what": "maternity_ip"} for e in told["events"]]
    reason = told["reasons"][0]
    reason["text"] += "，其中奥氮平片3盒"
    reason["evidence"]["rows"] = [
        r | {"hilist_code": "XN05AHA001A001010100001", "hilist_name": "奥氮平片", "bilg_dept_codg": "A15", "med_type": "52"}
        for r in reason["evidence"]["rows"]
    ]  # fmt: skip
    made = {"admission": Prepared(with_names(worklist, dossiers), rows, {**dossiers, entity: told}, {})}
    more = beside(house, AS_OF, made)
    publish.publish(house, AS_OF, {"admission": (made["admission"].worklist, made["admission"].dossiers)}, more=more)
    return entity, lead


def test_nothing_that_leaves_tells_what_the_planted_patient_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists").mkdir()
    entity, lead = planted(tmp_path)
    run, desk = publish.current(tmp_path), desk_of(tmp_path)
    officer, chief = signed_in(tmp_path, "officer"), signed_in(tmp_path, "leader")
    name = f"/lists/{run.name}/admission/{lead}"
    case = f"/cases/{officer.get(name + '.json').json()['case']['case_id']}"
    said = {
        at: officer.get(at).text
        for at in (
            name,
            name + ".json",
            case,
            case + ".json",
            f"/lists/{run.name}/admission",
            f"/lists/{run.name}/admission.json",
        )
    }
    reader = people.named(desk, "u0")
    said["api"] = json.dumps(api.explain(tmp_path, "admission", lead, reader, reader.rights), ensure_ascii=False)
    said["api list"] = json.dumps(api.rank(tmp_path, "admission", 50, reader, reader.rights), ensure_ascii=False)
    body = body_of(job_of(Taken.of(run, "admission", reader, {}, diagnoses.groups(desk)), Mark("wang", "", "")))
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    said["workbook"] = str([book.get_sheet_by_name(n).to_python() for n in book.sheet_names])
    monkeypatch.setattr(published, "dossier", lambda *_: run.lead("admission", lead))
    line = ["explain", "--warehouse", str(tmp_path), "--as-of", str(AS_OF), "--grain", "admission", "--id", entity]
    for more in ([], ["--json"]):
        done = CliRunner().invoke(app, [*line, *more])
        assert done.exit_code == 0, done.output
        said[f"explain {more}"] = done.output
    worklist = made_list("admission")[0]
    for suffix in ("csv", "json"):
        said[suffix] = write(worklist, tmp_path / f"list.{suffix}").read_text("utf-8-sig")
    leaks = {(at, word) for at, text in said.items() for word in PLANTED if word in text}
    assert leaks == set()
    shown = chief.get(name).text
    assert all(word in shown for word in ("精神科二病区", "奥氮平", "生育住院")), "whoever chooses whom to send sees it"


def test_where_a_doctor_works_is_no_secret_and_an_office_chooses(tmp_path: Path) -> None:
    who = {"who": {"dr_dept": "A15", "dept": "A15"}}
    assert masked(who, "doctor", ALL)["who"]["dr_dept"] == "A15"
    assert masked(who, "admission", ALL)["who"]["dr_dept"] == COVER
    assert masked(who, "admission", frozenset({"hiv"}))["who"]["dr_dept"] == "A15"
    assert diagnoses.groups_of(tmp_path) == ALL
    assert list(tmp_path.iterdir()) == [], "asking makes no desk"


def test_the_bed_sheet_covers() -> None:
    at = datetime(2025, 9, 28, 20)
    listed = pd.DataFrame({"entity_id": ["M1", "M2", "M3"], "psn_no": ["4290011980000001"] * 3})
    where = pd.DataFrame(
        {
            "mdtrt_id": ["M1", "M2", "M3"], "hospital": "甲", "ward": ["A15", "院内二区", "1"], "bed": ["1", "2", "3"], "psn_no": "4290011980000001", "gend": "1",
            "age": [40, 40, 9], "dx": ["精神分裂症", "高血压", "肺炎"], "dx_code": ["F20.000", "I10.x00", "J18.900"], "adm_date": pd.Timestamp("2025-09-20"),
        }
    )  # fmt: skip
    shown, bare = (
        bed_sheet(in_order(listed, where, at, hidden)).set_index("就诊号").sort_index() for hidden in (ALL, frozenset())
    )
    assert list(shown["诊断"]) == [COVER, "高血压", COVER]
    assert list(bare["诊断"]) == ["精神分裂症", "高血压", "肺炎"]
    assert list(shown["病区"]) == [COVER, "院内二区", "院内代码 1"], "a ward may tell what the diagnosis would"
    assert list(bare["病区"]) == ["精神科（A15）", "院内二区", "院内代码 1"]
