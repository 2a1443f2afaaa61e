"""The evening's sheet on pages: who was drawn is told nowhere, form, filled sheet and phone give the same rows, and the morning after counts what two have confirmed."""

import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from inspection.evening_teams import divide
from inspection.settings import Settings, Team
from inspection.sites import Site
from inspection.tables import read_bytes
from serving import evening
from serving.desk import beds, people
from serving.desk.database import clock
from serving.lists import publish
from serving.web.middleware import desk_of
from tests.serving.conftest import AS_OF, TestClient, made_list, signed_in

EVENING = datetime(2025, 9, 28, 13, 0)
PLAIN = {"content-type": "application/json", "accept": "application/json"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse folder with one published run: the hand-made stays as a bed check, and its sheet."""
    return night_week(tmp_path_factory.mktemp("night"))


def night_week(warehouse: Path) -> Path:
    """Publishes it there."""
    (warehouse / "lists").mkdir()
    worklist, dossiers, _ = made_list("admission")
    worklist = replace(worklist, at=datetime(2025, 9, 28, 20))
    rows = worklist.rows.sort_values("fixmedins_code").to_dict("records")
    told = [
        {"number": i, "lead": int(r["lead"]), "stay": r["entity_id"], "unit": r["fixmedins_code"], "hospital": f"卫生院{r['fixmedins_code'][-1]}", "area": r["area"], "ward": "一", "bed": str(i),
         "person": "429…0012", "sex": "男", "age": 61, "dx": "肺炎", "admitted": "2025-09-20", "days": 8, "asked": "本次住院无医嘱"}
        for i, r in enumerate(rows, start=1)
    ]  # fmt: skip
    hours = [{"unit": rows[0]["fixmedins_code"], "hour": None, "weekday": None, "rate": None, "checked": 0, "swipes": 0, "text": "样本不足：尚无查床记录"}]  # fmt: skip
    sheet = {"at": "2025-09-28 20:00", "beds": told, "hours": hours}
    more = {"bedsheet.json": json.dumps(sheet, ensure_ascii=False).encode()}
    publish.publish(warehouse, AS_OF, {"bedcheck": (worklist, dossiers)}, more=more)
    return warehouse


@pytest.fixture(autouse=True)
def at_night() -> Any:
    with clock(EVENING):
        yield


def run_of(night: Path) -> str:
    return publish.current(night).name


def leads_of(night: Path) -> list[int]:
    return [int(b["lead"]) for b in publish.current(night).bedsheet()["beds"]]


def send(client: TestClient, night: Path, lead: int, result: str, client_id: str, **more: Any) -> Any:
    body = {"lead": str(lead), "result": result, "note": "", "at": "2025-09-28T20:40", "client": client_id, **more}
    return client.post(f"/beds/{run_of(night)}/results", content=json.dumps(body), headers=PLAIN)


def test_nothing_on_a_page_tells_who_was_drawn(night: Path) -> None:
    officer = signed_in(night, "officer")
    path = officer.get("/beds").headers["location"]
    drawn = {r["slot"] for r in publish.current(night).worklist("bedcheck")["rows"]}
    assert {"ranked", "draw"} <= drawn
    shapes = set()
    for end in ("", "/phone", ".json"):
        answer = officer.get(path + end)
        assert answer.status_code == 200
        for word in ('"slot"', "ranked", "control", "selection_prob", '"risk"', "42900119800012"):
            assert word not in answer.text, (end, word)
    for h in officer.get(path + ".json").json()["hospitals"]:
        shapes |= {tuple(b) for w in h["wards"] for b in w["beds"]}
    assert len(shapes) == 1, "every bed is told alike"
    assert officer.get(f"{path}/morning").status_code == 403, "the count apart is the leader's"
    assert "没有结果" in signed_in(night, "leader").get(f"{path}/morning").text


def test_a_page_shows_own_area_alone(night: Path) -> None:
    path = f"/beds/{run_of(night)}"
    mine = signed_in(night, "officer", area="429001")
    found = mine.get(path + ".json").json()["hospitals"]
    assert {b["area"] for h in found for w in h["wards"] for b in w["beds"]} == {"429001"}
    other = next(b for b in publish.current(night).bedsheet()["beds"] if b["area"] != "429001")
    answer = send(mine, night, other["lead"], "在床", "area" * 8)
    assert (answer.status_code, "不在您的片区" in answer.json()["error"]) == (409, True)


def test_phone_form_and_filled_sheet_give_the_same_rows(night: Path) -> None:
    ann, lead = signed_in(night, "inspector", name="ann"), leads_of(night)[:3]
    ann.get("/beds/" + run_of(night))
    path, at = f"/beds/{run_of(night)}", "2025-09-28T20:40"
    assert send(ann, night, lead[0], "不在", "p" * 32, note="被褥叠放").json()["state"] == "stored"
    form = {"lead": str(lead[1]), "result": "不在", "note": "被褥叠放", "at": at, "client": "f" * 32, "back": "phone"}
    assert ann.post(path + "/results", data=form).headers["location"] == f"{path}/phone#b{lead[1]}"
    blank = pd.read_excel(io.BytesIO(signed_in(night, "officer").get(path + "/sheet.xlsx").content), dtype=str, engine="calamine")  # fmt: skip
    stays = {int(b["lead"]): b["stay"] for b in publish.current(night).bedsheet()["beds"]}
    blank.loc[blank["就诊号"] == stays[lead[2]], ["结果", "核查时间", "备注"]] = [
        "不在",
        "2025-09-28 20:40",
        "被褥叠放",
    ]
    blank.loc[len(blank), ["就诊号", "结果"]] = ["M9", "不在"]
    blank.loc[blank["就诊号"] == stays[lead[0]], "结果"] = "睡觉"
    book = io.BytesIO()
    blank.to_excel(book, index=False, engine="xlsxwriter")
    answer = ann.post(path + "/sheet", files={"file": ("查床单.xlsx", book.getvalue())}).text
    assert "已收 1 行，未收 2 行" in answer
    assert "就诊号 M9：这一条不在当晚查床单上" in answer
    assert "结果“睡觉”不认识" in answer
    assert "已收 1 行" in ann.post(path + "/sheet", files={"file": ("again.xlsx", book.getvalue())}).text
    found = beds.of_run(desk_of(night), run_of(night))
    told = [{k: found[n][k] for k in ("code", "note", "checked_at", "said_by", "second_by")} for n in lead]
    assert told[0] == told[1] == told[2]


def test_an_expired_session_is_told_as_one_and_the_form_can_be_sent_again(night: Path) -> None:
    bob, lead = signed_in(night, "inspector", name="bob"), leads_of(night)[4]
    bob.get("/beds/" + run_of(night))
    kept = dict(bob.cookies)
    bob.cookies.clear()
    assert send(bob, night, lead, "在床", "e" * 32).status_code == 401
    bob.cookies.update(kept)
    assert [send(bob, night, lead, "在床", "e" * 32).json()["state"] for _ in (1, 2)] == ["stored", "again"]


def test_what_is_refused_comes_back_filled(night: Path) -> None:
    cat, lead = signed_in(night, "inspector", name="cat"), leads_of(night)[5]
    cat.get("/beds/" + run_of(night))
    form = {
        "lead": str(lead),
        "result": "不在",
        "note": "有人说出去吃饭",
        "at": "2025-09-20T20:40",
        "client": "g" * 32,
        "back": "phone",
    }
    answer = cat.post(f"/beds/{run_of(night)}/results", data=form)
    assert answer.status_code == 409
    assert "早于查床单" in answer.text
    assert "有人说出去吃饭" in answer.text, "nothing typed is lost"
    for body in ("[1]", "{", '{"lead": null}', "", '{"lead": {"a": 1}}'):
        odd = cat.post(f"/beds/{run_of(night)}/results", content=body, headers=PLAIN)
        assert (odd.status_code, "error" in odd.json()) == (409, True), body


def test_the_morning_after_counts_what_two_have_confirmed(night: Path) -> None:
    dan, eve, lead = signed_in(night, "inspector", name="dan"), signed_in(night, "inspector", name="eve"), leads_of(night)[6]  # fmt: skip
    dan.get("/beds/" + run_of(night))
    chief, path = signed_in(night, "leader"), f"/beds/{run_of(night)}/morning.json"
    send(dan, night, lead, "不在", "h" * 32)
    assert sum(p["seen"] for p in chief.get(path).json()["promises"]) == 0, "one officer's word is no finding"
    assert send(eve, night, lead, "不在", "i" * 32).json()["message"] == "已由两人确认"
    told = chief.get(path).json()
    whole = [p for p in told["promises"] if p["unit"] == "全部"]
    assert (sum(p["seen"] for p in whole), sum(p["found"] for p in whole)) == (1, 1)
    assert "样本不足" in told["text"]
    page = chief.get(path.removesuffix(".json")).text
    assert "未经校准" in page.replace("未经校准", "未经校准")
    assert dan.post(f"/beds/{run_of(night)}/{lead}/withdraw", data={}).status_code == 409
    assert people.named(desk_of(night), "dan").name == "dan"


def test_an_evening_divided_among_teams_lies_by_team_and_a_phone_opens_on_its_own(night: Path) -> None:
    run = publish.current(night)
    beds = run.bedsheet()["beds"]
    units = list(dict.fromkeys(b["unit"] for b in beds))
    sites = [Site(u, u, "综合医院", 2, "429004", (113.0 + 0.01 * i, 30.0)) for i, u in enumerate(units)]
    teams = (Team("一组", ("teamed", "乙"), conflicts=(units[0],)), Team("二组", conflicts=tuple(units[1:])))
    evening.keep_teams(night, run, divide(beds, sites, Settings(teams=teams), datetime(2025, 9, 28, 20)))
    names = {b["unit"]: b["hospital"] for b in beds}
    try:
        officer = signed_in(night, "inspector", name="teamed")
        page = officer.get(f"/beds/{run.name}").text
        assert [names[u] in page for u in units] == [True] * len(units)
        assert page.count("<thead>") == 1
        assert "一组 第 1 站" in page
        own = officer.get(f"/beds/{run.name}/phone").text
        assert names[units[0]] not in own
        assert names[units[1]] in own
        assert names[units[0]] in officer.get(f"/beds/{run.name}/phone?team=all").text
        told = read_bytes(officer.get(f"/beds/{run.name}/sheet.xlsx?team=二组").content, ("结果",))
        assert set(told["检查组"]) == {"二组"}
        assert set(told["医院"]) == {names[units[0]]}
        evening.keep_teams(night, run, {"teams": [], "unmet": [], "notes": []})
        assert "检查组" not in read_bytes(officer.get(f"/beds/{run.name}/sheet.xlsx").content, ("结果",)).columns
    finally:
        (night / evening.TEAMS).unlink()
