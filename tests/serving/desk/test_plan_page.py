"""The week's plan on its page: read as published, of one's own area alone, and a leader's change that the next planning keeps and prices."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from claims.errors import Damaged
from inspection.plan import Expected, make_plan
from inspection.plan_store import current_plan, left_over, publish_plan
from inspection.settings import Keep, Settings, Team
from inspection.sites import Site
from serving.desk import plan_changes
from serving.web.middleware import desk_of

from ..conftest import TestClient, signed_in

WEEK = "2026-W48"
TEAMS = (Team("一组", ("张三", "李四")), Team("二组", ("王五", "赵六")))
SITES = [Site(f"H{i}", f"单位{i}", "诊所", 0, f"42900{i % 2}", (113.0 + i / 50, 30.0 + i / 70)) for i in range(12)]
EXPECTED = {s.id: Expected(0.5, 1000.0 * (i + 1)) for i, s in enumerate(SITES)}
ASKED = Settings(teams=TEAMS, most_visits=2, every_unit_yearly=False)


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    publish_plan(tmp_path, make_plan(SITES, EXPECTED, ASKED, week=WEEK, days=2), as_of="2026-11-22")
    return tmp_path


def test_without_a_plan_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    assert "还没有发布检查计划" in signed_in(tmp_path, "inspector").get("/plan").text


def test_the_plan_stands_with_reasons_picture_and_calendar(planned: Path) -> None:
    client = signed_in(planned, "inspector")
    told = client.get("/plan.json").json()
    assert sum(len(d["visits"]) for d in told["days"]) == told["visits"] == 8
    page = client.get("/plan").text
    assert all(text in page for text in ("任何排法都不会超过", "/units/H11", "张三、李四", 'src="/plan.svg"'))
    assert "<select" not in page, "an inspector changes nothing"
    told_of = [v for d in told["days"] for v in d["visits"]]
    assert sum(v["chance"] * v["yuan"] for v in told_of) == pytest.approx(told["plan"]["worth"])
    assert page.count('<td class="num">¥') == 2 * len(told_of), "what a visit may bring, and what is expected of it"
    assert client.get("/plan.svg").text.startswith("<svg")
    assert client.get("/plan.ics").text.count("BEGIN:VEVENT") == 8
    assert client.post("/plan", data={"site": "H0", "why": "x"}).status_code == 403


def test_somebody_of_an_area_sees_its_visits_alone(planned: Path) -> None:
    client = signed_in(planned, "leader", area="429001")
    told = client.get("/plan.json").json()
    assert {v["area"] for d in told["days"] for v in d["visits"]} == {"429001"}
    assert told["hidden"] > 0
    assert client.get("/plan.ics").status_code == 404
    assert "单位10" not in client.get("/plan").text
    assert "请选择机构" in client.post("/plan", data={"site": "H10", "why": "x"}).text


def test_a_change_waits_for_the_next_planning_which_keeps_and_prices_it(planned: Path) -> None:
    client: TestClient = signed_in(planned, "leader")
    before = current_plan(planned)
    page = client.post("/plan", data={"site": "H11", "never": "1", "why": "专案组正在查"}).text
    assert "下次排定计划时计入" in page
    assert "专案组正在查" in page
    assert current_plan(planned) == before, "nothing is planned in a request"
    client.post("/plan", data={"site": "H10", "day": "2", "team": "二组", "why": "约好"})
    changes = plan_changes.of_warehouse(planned, WEEK)
    asked = plan_changes.counted(ASKED, changes)
    made = make_plan(SITES, EXPECTED, asked, week=WEEK, days=2)
    assert made.price > 0
    assert [(v.team, v.day) for v in made.visits if v.site == "H10"] == [("二组", date(2026, 11, 24))]
    publish_plan(
        planned,
        made,
        as_of="2026-11-22",
        changes=[plan_changes.told(c, f"单位{c['site'][1:]}", "429000") for c in changes],
    )
    again = client.get("/plan").text
    assert "单位11：本周不去" in again
    assert client.get("/plan.json").json()["waiting"] == []
    assert "人工调整使预计少查实" in again


def test_a_visit_that_was_made_stays_and_only_the_rest_is_planned(planned: Path) -> None:
    client = signed_in(planned, "leader")
    form = {"site": "H11", "team": "一组", "day": "1", "start": "09:00", "finish": "10:30", "why": "已去"}
    assert "已查（周一 09:00–10:30，一组）" in client.post("/plan", data=form).text
    asked = plan_changes.counted(replace(ASKED, keep=(Keep("H11", "二组"),)), plan_changes.of_warehouse(planned, WEEK))
    made = make_plan(SITES, EXPECTED, asked, week=WEEK, days=2)
    assert [(v.team, v.done) for v in made.visits if v.site == "H11"] == [("一组", True)]
    later = [v for v in made.visits if v.team == "一组" and v.day == date(2026, 11, 23) and not v.done]
    assert all(v.start >= 630 for v in later)


def test_a_drawn_unit_without_time_is_drawn_the_week_after(tmp_path: Path) -> None:
    one_visit = replace(ASKED, most_visits=1, teams=TEAMS[:1])
    made = make_plan(SITES, EXPECTED, one_visit, week=WEEK, days=1, drawn=["H1", "H2", "H3"])
    assert sum("下一周排定时自动补排" in u for u in made.unmet) == 2
    left_out = [{"site": "H3", "never": True}] if made.visits[0].site != "H3" else [{"site": "H1", "never": True}]
    publish_plan(tmp_path, made, as_of="2026-11-22", changes=left_out, drawn=["H1", "H2", "H3"])
    rest = {"H1", "H2", "H3"} - {made.visits[0].site, left_out[0]["site"]}
    assert set(left_over(tmp_path, "2026-W49")) == rest
    assert left_over(tmp_path, WEEK) == [], "the week itself has its own draw"
    assert left_over(tmp_path, "2026-W49", "价格") == [], "a campaign has its own"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"site": "H99", "why": "x"}, "请选择机构"),
        ({"site": "H1", "why": " "}, "请填写理由"),
        ({"site": "H1", "why": "x", "start": "09:00", "finish": "10:00"}, "须选择哪天"),
        ({"site": "H1", "why": "x", "day": "1", "team": "一组", "start": "11:00", "finish": "10:00"}, "早于结束"),
        ({"site": "H1", "why": "x", "day": "1", "team": "一组", "start": "早上"}, "写作 08:30"),
        ({"site": "H1", "team": "九组", "why": "x"}, "没有这个检查组"),
        ({"site": "H1", "day": "7", "why": "x"}, "这一天不排检查"),
        ({"site": "H1", "day": "一", "why": "x"}, "这一天不排检查"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(planned: Path, form: dict[str, str], words: str) -> None:
    known = {v["site"] for v in current_plan(planned).plan["visits"]}  # type: ignore[union-attr]
    if form["site"] == "H1" and "H1" not in known:
        form = form | {"site": sorted(known)[0]}
    client = signed_in(planned, "leader")
    assert words in client.post("/plan", data=form).text
    assert plan_changes.changes_of(desk_of(planned), WEEK) == []


def test_a_damaged_plan_is_refused(planned: Path) -> None:
    found = current_plan(planned)
    assert found is not None
    path = found.folder.root / "plan.json"
    path.write_text(path.read_text("utf-8").replace("单位", "单元"), "utf-8")
    with pytest.raises(Damaged):
        _ = current_plan(planned).plan  # type: ignore[union-attr]
    assert signed_in(planned, "leader").get("/plan").status_code == 503


def test_the_same_plan_is_the_same_run(planned: Path) -> None:
    first = current_plan(planned)
    again = publish_plan(planned, make_plan(SITES, EXPECTED, ASKED, week=WEEK, days=2), as_of="2026-11-22")
    assert first is not None
    assert again.name == first.name
