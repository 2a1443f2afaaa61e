"""Conflicts of interest declared once: no case, no plan and no bed sends that person there; lifted by another alone."""

from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from inspection.plan import Expected, make_plan
from inspection.settings import Settings, Team, with_declared
from inspection.sites import Site
from serving.desk import conflicts, people
from serving.desk.cases import Refused
from serving.desk.database import Desk, open_desk
from serving.desk.people import Person
from serving.desk.schema import CONFLICTS
from serving.web.middleware import desk_of

from ..conftest import signed_in

DESK = Person(0, "命令行", "命令行", "", frozenset())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = open_desk(tmp_path)
    for name, shown in (("zhang", "张三"), ("li", "李四"), ("boss", "王科长")):
        people.add(desk, name, ("leader",) if name == "boss" else ("inspector",), shown=shown)
    return desk


def test_it_is_found_by_both_names_and_lifted_by_another_alone(desk: Desk, tmp_path: Path) -> None:
    conflicts.declare(desk, DESK, "zhang", "H1", "配偶任职")
    conflicts.declare(desk, DESK, "zhang", "H1", "再报一次")
    assert conflicts.of_warehouse(tmp_path) == {"zhang": ("H1",), "张三": ("H1",)}
    (row,) = conflicts.standing(desk)
    with pytest.raises(Refused, match="由他人解除"):
        conflicts.lift(desk, people.named(desk, "zhang"), row["conflict_id"])
    values = {"person_id": row["person_id"], "unit": "H2", "why": "x", "at": row["at"], "lifted_by": row["person_id"]}
    with pytest.raises(IntegrityError), desk.write() as connection:
        connection.execute(insert(CONFLICTS).values(**values))
    conflicts.lift(desk, people.named(desk, "boss"), row["conflict_id"])
    assert conflicts.standing(desk) == []


@pytest.mark.parametrize(
    ("unit", "why", "said"), [("H 1", "x", "机构编码"), ("H1", " ", "缘由"), ("", "x", "机构编码")]
)
def test_what_is_incomplete_is_refused(desk: Desk, unit: str, why: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        conflicts.declare(desk, DESK, "zhang", unit, why)
    with pytest.raises(Refused, match="没有账号"):
        conflicts.declare(desk, DESK, "nobody", "H1", "x")
    with pytest.raises(Refused, match="没有账号"):
        conflicts.declare(desk, people.named(desk, "zhang"), "li", "H1", "x", ("inspect",))


def test_the_plan_sends_another_team_and_says_who_was_kept_from_where(desk: Desk, tmp_path: Path) -> None:
    conflicts.declare(desk, DESK, "zhang", "H1", "配偶任职")
    teams = (Team("一组", ("张三", "周五")), Team("二组", ("李四", "赵六")))
    asked = with_declared(Settings(teams=teams, every_unit_yearly=False), conflicts.of_warehouse(tmp_path))
    sites = [Site(f"H{i}", f"单位{i}", "诊所", 0, "429004", (113.0 + i / 50, 30.0)) for i in range(3)]
    worth = {s.id: Expected(0.5, 1000.0) for s in sites}
    made = make_plan(sites, worth, asked, week="2026-W48", days=1)
    assert {v.site: v.team for v in made.visits}["H1"] == "二组"
    assert "张三 须回避 单位1：一组不去，由二组去" in made.notes
    conflicts.declare(desk, DESK, "li", "H1", "原单位")
    asked = with_declared(Settings(teams=teams, every_unit_yearly=False), conflicts.of_warehouse(tmp_path))
    made = make_plan(sites, worth, asked, week="2026-W48", days=1)
    assert "H1" not in {v.site for v in made.visits}
    assert "李四 须回避 单位1：二组不去，其他组也没有排入" in made.notes
    unnamed = with_declared(Settings(teams=(Team("一组"),)), conflicts.of_warehouse(tmp_path))
    assert any("没有写真名" in n for n in make_plan(sites, worth, unnamed, week="2026-W48", days=1).notes)


def test_an_inspector_declares_his_own_and_a_leader_lifts_it(tmp_path: Path) -> None:
    inspector, leader = signed_in(tmp_path, "inspector"), signed_in(tmp_path, "leader")
    assert "没有回避申报" in inspector.get("/conflicts").text
    page = inspector.post("/conflicts", data={"unit": "H9", "why": "配偶任职"}).text
    assert "派查、检查计划和查床从现在起回避" in page
    (row,) = leader.get("/conflicts.json").json()["rows"]
    assert (row["unit"], row["why"]) == ("H9", "配偶任职")
    assert "回避由派查的人解除" in inspector.post("/conflicts", data={"lift": str(row["conflict_id"])}).text
    assert "没有账号" in inspector.post("/conflicts", data={"name": "x", "unit": "H9", "why": "y"}).text
    assert "已解除" in leader.post("/conflicts", data={"lift": str(row["conflict_id"])}).text
    assert conflicts.standing(desk_of(tmp_path)) == []
