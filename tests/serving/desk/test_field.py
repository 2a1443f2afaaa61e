"""Field tasks of a case: ticked by two of its officers, papers in the case's chain, and no conclusion while a second officer is awaited."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from inspection.tasks import Task
from serving.desk import findings, people, ticks
from serving.desk.casefile import case_file
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.schema import CASES, OFFICERS, TICKS
from serving.desk.steps import Given, take
from serving.web.middleware import desk_of
from tests.serving.conftest import signed_in

TASK = Task("stock", "盘点“达格列净片”：实物数、账面数与进货单各多少", "R48 进销存不符", ("M4|4",))
PDF = b"%PDF-1.7 record of the visit"
PLAIN = {"content-type": "application/json", "accept": "application/json"}


@pytest.fixture
def visit(opened: Desk, staff: dict[str, Person]) -> Desk:
    """Case 1 under inspection by ann and bob."""
    with opened.write() as connection:
        connection.execute(CASES.update().where(CASES.c.case_id == 1).values(state="C40"))
        two = [{"case_id": 1, "person_id": staff[n].person_id} for n in ("ann", "bob")]
        connection.execute(OFFICERS.insert(), two)
    return opened


def tick(desk: Desk, who: Person, code: str, note: str = "", task: Task | None = TASK) -> str:
    return ticks.tick(
        desk, who, who.rights, 1, task, code, note, f"{who.name}-{code.encode().hex()}-0000000000000000"[:60]
    )


def test_two_officers_of_the_case_tick_a_task(visit: Desk, staff: dict[str, Person]) -> None:
    ann, bob = staff["ann"], staff["bob"]
    assert tick(visit, ann, "not_as_billed", "架上无此药") == "stored"
    assert tick(visit, ann, "not_as_billed", "架上无此药") == "again"
    ticks.photograph(visit, ann, ann.rights, 1, TASK.key, "柜台.jpg", b"\xff\xd8\xff\xe0 shelf")
    with pytest.raises(Refused, match="两人不一致"):
        tick(visit, bob, "as_billed")
    assert tick(visit, bob, "not_as_billed", "同见") == "confirmed"
    row = ticks.of_case(visit, ann, 1)[TASK.key]
    assert (row["text"], row["rows"], row["first_shown"], row["second_shown"]) == (TASK.text, ["M4|4"], "ann", "bob")
    kept = case_file(visit, staff["leader"], 1)
    assert [p["sha256"] for p in kept["papers"]] == [row["sha256"]]
    assert [e["detail"]["done"] for e in kept["events"] if e["kind"] == "tick"] == ["stored", "confirmed"]
    [day] = ticks.day_of(visit, bob)
    assert (day["found"]["不符"], day["unconfirmed"], day["papers"]) == (1, 0, 1)
    assert day["not_as_billed"][0]["officers"] == ["ann", "bob"]


def test_no_conclusion_while_a_second_officer_is_awaited(visit: Desk, staff: dict[str, Person]) -> None:
    from serving.desk import papers

    ann, bob = staff["ann"], staff["bob"]
    tick(visit, ann, "as_billed")
    papers.attach(visit, ann, ann.rights, 1, "笔录.pdf", PDF)
    said = Given(note="属实", outcome="O2_IRREGULAR")
    with pytest.raises(Refused, match="还有1项核查任务待第二名核查人员确认"):
        take(visit, ann, ann.rights, 1, "found", 0, said)
    tick(visit, bob, "as_billed")
    assert take(visit, ann, ann.rights, 1, "found", 0, said) == "C50"
    with pytest.raises(Refused, match="不在核查中"):
        tick(visit, bob, "unable")
    assert findings.decided(visit) == [], "a conclusion on the spot is no label before it is decided"


def test_who_may_not_and_what_may_not(visit: Desk, staff: dict[str, Person]) -> None:
    for who, code, note, task, why in (
        ("both", "as_billed", "", TASK, "派到本案"),
        ("leader", "as_billed", "", TASK, "派到本案"),
        ("ann", "guilty", "", TASK, "请选择：相符"),
        ("ann", "not_as_billed", " ", TASK, "须写明看到了什么"),
        ("ann", "as_billed", "", None, "不在本案的核查任务中"),
    ):
        with pytest.raises(Refused, match=why):
            tick(visit, staff[who], code, note, task)
    with pytest.raises(Refused, match="请先记下"):
        ticks.photograph(visit, staff["ann"], staff["ann"].rights, 1, TASK.key, "a.pdf", PDF)
    assert ticks.of_case(visit, staff["ann"], 1) == {}


def test_the_database_holds_two_different_persons(visit: Desk, staff: dict[str, Person]) -> None:
    tick(visit, staff["ann"], "as_billed")
    me = staff["ann"].person_id
    with pytest.raises(IntegrityError), visit.write() as connection:
        connection.execute(TICKS.update().values(second_by=me, second_at=TICKS.c.said_at))


def test_tasks_on_the_page_and_the_days_wrap_up(week: Path) -> None:
    ann, bob = signed_in(week, "inspector", name="field-ann"), signed_in(week, "inspector", name="field-bob")
    page = signed_in(week, "reviewer1").get("/lists/institution").text
    case = int(re.findall(r"/cases/(\d+)", page)[0])
    assert ann.get(f"/cases/{case}/field").status_code == 409, "nobody was sent there"
    ids = {p["name"]: p["person_id"] for p in people.everybody(desk_of(week))}
    with desk_of(week).write() as connection:
        connection.execute(CASES.update().where(CASES.c.case_id == case).values(state="C40"))
        two = [{"case_id": case, "person_id": ids[n]} for n in ("field-ann", "field-bob")]
        connection.execute(OFFICERS.insert(), two)
    told: dict[str, Any] = ann.get(f"/cases/{case}/field", headers={"accept": "application/json"}).json()
    first = told["kinds"][0]["tasks"][0]
    assert told["kinds"][0]["kind"] == "先排除"
    form = {"key": first["key"], "result": "相符", "note": "", "client": "n" * 32}
    for client, state in ((ann, "stored"), (ann, "again")):
        sent = client.post(f"/cases/{case}/ticks", content=json.dumps(form), headers=PLAIN)
        assert sent.json()["state"] == state
    answer = bob.post(f"/cases/{case}/ticks", data={**form, "client": "m" * 32})
    assert answer.headers["location"] == f"/cases/{case}/field#t{first['key']}"
    strange = bob.post(f"/cases/{case}/ticks", content=json.dumps({**form, "key": "0" * 12, "client": "k" * 32}), headers=PLAIN)  # fmt: skip
    assert (strange.status_code, "不在本案的核查任务中" in strange.json()["error"]) == (409, True)
    assert "field-ann、field-bob" in ann.get(f"/cases/{case}/field").text
    assert "相符 <b>1</b>" in bob.get("/field").text
    assert "（两人确认）" in ann.get(f"/cases/{case}").text
