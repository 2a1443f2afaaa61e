"""The pages of a week: filters, who, why not on the list, institutions over months, the model, English, errors as sentences."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest

from features.grains import GRAINS
from inspection.campaigns import Campaign
from models.decided import nobody
from models.score import in_order
from serving.lists import publish
from serving.lists.briefs import NORMAL, adjusted
from serving.lists.chain import chain_of
from serving.lists.everybody import standing_of
from serving.lists.history import Lift, Slot
from serving.lists.units import gaps_of
from serving.lists.why_not import why
from serving.lists.worklist import assemble
from serving.web import case_pages, list_filters
from serving.web.english import catalogue, fragments, translated
from serving.web.evidence_rows import view
from serving.web.find_pages import named
from serving.web.list_pages import uncovered
from serving.web.middleware import Gate
from serving.web.pages import pages
from serving.web.render import HERE, at_risk, cell

from .conftest import AS_OF, TestClient, county, made_list, signed_in


@pytest.fixture(scope="module")
def officer(week: Path) -> TestClient:
    client = signed_in(week)
    client.follow_redirects = True
    return client


def test_a_list_is_filtered_sorted_and_searched(officer: TestClient) -> None:
    every = officer.get("/lists/admission.json").json()
    assert every["found"] == every["all"] == len(every["rows"]) > 5
    area = every["rows"][0]["area"]
    some = officer.get("/lists/admission.json", params={"area": area}).json()
    assert 0 < some["found"] < every["all"]
    assert {r["area"] for r in some["rows"]} == {area}
    rich = officer.get("/lists/admission.json", params={"sort": "amount", "least": "1000"}).json()["rows"]
    amounts = [r["amount_at_risk_yuan"] for r in rich]
    assert amounts == sorted(amounts, reverse=True)
    assert min(amounts) >= 1000
    tail = every["rows"][0]["psn_no"][-4:]
    assert officer.get("/lists/admission.json", params={"q": tail}).json()["found"] >= 1
    assert "没有符合条件的线索" in officer.get("/lists/admission", params={"q": "nothing has this"}).text
    assert officer.get("/lists/admission", params={"least": "1e9; drop", "sort": "x", "area": "<b>"}).status_code == 200


def test_long_lists_go_by_pages_with_their_filters(officer: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_filters, "PAGE", 4)
    given = {"sort": "amount", "least": "1"}
    leads, page = [], 1
    while True:
        told = officer.get("/lists/admission.json", params=given | {"page": str(page)}).json()
        leads += [r["lead"] for r in told["rows"]]
        if not told["pages"]["after"]:
            break
        assert told["pages"]["after"] == f"?least=1&sort=amount&page={page + 1}"
        page += 1
    assert page == told["pages"]["pages"] > 2
    assert len(leads) == len(set(leads)) == told["found"]
    html = officer.get("/lists/admission", params=given | {"page": "2"}).text
    assert html.count('rel="prev"') == html.count('rel="next"') == 1
    for odd in ("0", "x", "999999", "-1"):
        assert officer.get("/lists/admission.json", params={"page": odd}).json()["rows"]


def test_cases_go_by_pages(officer: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    officer.get("/lists/all")
    whole = [c["case_id"] for c in officer.get("/cases.json").json()["cases"]]
    monkeypatch.setattr(list_filters, "PAGE", 7)
    monkeypatch.setattr(case_pages, "PAGE", 7)
    seen, to = [], "?page=1"
    while to:
        told = officer.get("/cases.json" + to).json()
        seen += [c["case_id"] for c in told["cases"]]
        to = told["pages"]["after"]
    assert (seen, told["found"]) == (whole, len(whole))
    assert officer.get("/cases.json?late=1").json()["found"] == len(officer.get("/cases.json?late=1").json()["cases"])


def test_a_list_is_narrowed_to_a_campaign(officer: TestClient) -> None:
    every = officer.get("/lists/person.json").json()
    mine = officer.get("/lists/person.json", params={"campaign": "住院"}).json()
    assert [r["place"] for r in mine["rows"]] == list(range(1, every["all"] + 1))
    assert mine["campaign"]["untold"] == every["all"], "no row of these names an amount of its rules"
    assert officer.get("/lists/person.json", params={"campaign": "价格"}).json()["found"] == 0
    gone = officer.get("/lists/all", params={"campaign": "追溯码"}).text
    assert "不可评估" in gone
    assert "缺少列 fee_details.drug_trac_codg" in gone
    assert officer.get("/lists/person", params={"campaign": "没有"}).status_code == 404


def test_a_campaign_does_not_tell_a_covered_diagnosis(week: Path) -> None:
    ward = Campaign("精神", schemes=(), dx="^F", whole=True)
    claims = {"dx": "F20.900", "age": 40}
    row = {"list": "admission", "lead": 1, "scheme": "T01", "amount_at_risk_yuan": 5.0}
    assert len(list_filters.of_campaign(ward, [row], [uncovered(claims, frozenset())])) == 1
    assert list_filters.of_campaign(ward, [row], [uncovered(claims, frozenset({"psychiatric"}))]) == []
    assert not any("dx" in r or "told" in r for r in publish.current(week).worklist("admission")["rows"])


def test_all_lists_stand_in_one_table(officer: TestClient) -> None:
    page = officer.get("/lists/all.json").json()
    assert {r["list"] for r in page["rows"]} == set(GRAINS)
    assert page["all"] == sum(len(made_list(g)[0].rows) for g in GRAINS)
    assert not {"slot", "rank", "risk", "probability"} & set(page["rows"][0])
    assert officer.get("/lists/all.xlsx").status_code == 404


def test_new_again_returning_and_snoozed_are_marks_of_a_row() -> None:
    row = {"seen": "", "returning": "", "case": {"state": "C10"}}
    assert list_filters.marks(row) == {"new", "open"}
    again = {"seen": "2025-09-21", "returning": "2025-01-01 查实", "case": {"state": "C92"}}
    assert list_filters.marks(again) == {"again", "returning", "snoozed", "open"}
    assert "open" not in list_filters.marks({**row, "case": {"state": "C90"}})


def test_a_person_is_found_by_the_full_number_and_answered_masked(officer: TestClient) -> None:
    matrix, _ = county("person")
    listed = str(made_list("person")[0].rows["entity_id"].iloc[0])
    page = officer.post("/find", data={"q": listed}).text
    assert "在本期名单上" in page
    assert listed not in page
    others = [str(e) for e in matrix.entities.index if str(e) not in set(made_list("person")[0].rows["entity_id"])]
    page = officer.post("/find", data={"q": others[0]}).text
    assert "未列入" in page
    assert re.search(r"排第 \d+", page)
    assert others[0] not in page
    assert "没有找到" in officer.post("/find", data={"q": "429001999999999"}).text
    page = officer.post("/find", data={"q": "挂床"}).text
    assert "/all?scheme=T01" in page


def test_a_rule_is_found_by_its_code_or_its_name(week: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = publish.current(week)
    assert named(run, "r01")["rules"] == [], "a run that kept no rules finds none"
    monkeypatch.setattr(publish.Run, "rules", lambda self: [{"rule": "R01", "name": "住院期间院外刷卡"}])
    assert (
        named(run, "r01")["rules"] == named(run, "院外刷卡")["rules"] == [{"code": "R01", "name": "住院期间院外刷卡"}]
    )
    assert named(run, "r0")["rules"] == []


def test_whoever_is_of_another_area_is_not_found(week: Path) -> None:
    matrix, _ = county("person")
    far = signed_in(week, area="110000")
    page = far.post("/find", data={"q": str(matrix.entities.index[60])}).text
    assert "没有找到" in page
    assert far.get("/units/H42000001").status_code == 404


def test_who_came_back_below_the_cut_takes_nobodys_place() -> None:
    """A place is counted as the list counts it: `population` leaves them out too."""
    matrix, scored = county("person")
    best = list(in_order(scored.frame))
    back = scored.frame.index.isin([best[0], best[6], best[9]])
    told = replace(scored, frame=scored.frame.assign(returning=back))
    made = assemble(matrix, told, 5, as_of=AS_OF, grain="person")
    stood = standing_of(matrix, told, matrix.entities, nobody(), set(made.rows["entity_id"]))
    places = stood["rank"].dropna()
    assert sorted(places) == list(range(1, made.facts["population"] + 1))
    assert stood.loc[best[0], "rank"] == 1, "he is listed by his rank"
    assert stood.loc[[best[6], best[9]], "state"].tolist() == ["decided"] * 2
    assert stood.loc[best[7], "rank"] == 7


def test_why_not_tells_rules_and_what_could_not_be_judged_but_nothing_of_the_listed() -> None:
    row = {"state": "below", "rank": 812, "finding": "", "probability": 0.031, "probability_low": 0.01, "probability_high": 0.07, "hits": "R01 R38", "unknown": "R05"}  # fmt: skip
    facts, cards = {"population": 13_000, "ranked": 50}, {"R01": "住院期间院外刷卡", "R38": "超量开药", "R05": "同床"}
    text = "".join(why(row, facts, cards, score=True))
    for said in ("排第 812", "13,000", "3.1%", "住院期间院外刷卡、超量开药", "不可评估", "同床"):
        assert said in text
    assert "3.1%" not in "".join(why(row, facts, cards, score=False))
    assert "名单按能力取到的最后一个为 22.5%" in "".join(why(row, facts, cards, True, cut=0.225))
    assert "22.5%" not in "".join(why(row, facts, cards, False, cut=0.225))
    assert "最高的 10% 之内" in "".join(why({**row, "state": "decided", "probability": None}, facts, cards, True))
    assert why({**row, "state": "listed"}, facts, cards, score=True) == ["在本期名单上。"], "a rank tells who was drawn"
    assert (
        "已有结论（2025-03-01 查实）"
        in why({**row, "state": "decided", "finding": "2025-03-01 查实"}, facts, cards, True)[0]
    )
    assert "此后另有新情况" in why({**row, "state": "decided"}, facts, cards, True)[0], "scored by what is newer alone"


def test_an_institution_over_months(officer: TestClient) -> None:
    page = officer.get("/units/H42000001").text
    for said in ("若与同类一样", "¥450.00", "不是违规金额", "样本不足", "刷卡最多的参保人"):
        assert said in page
    assert "429001198000001" not in page
    assert "429…0001" in page
    assert officer.get("/units/none").status_code == 404


def test_the_table_of_hospitals_is_that_of_the_run_by_month_and_area(week: Path, officer: TestClient) -> None:
    found = officer.get("/units/ladder.json").json()
    assert (found["month"], found["months"]) == ("2025-08", ["2025-08", "2025-07"])
    assert found["rows"][0]["figures"][0] == "12"
    assert found["rows"][0]["figures"][-1] == "61.0%"
    assert set(found["rows"][1]["figures"][:-1]) == {"样本不足"}, "no cell under ten"
    assert len(officer.get("/units/ladder.json", params={"month": "2025-07"}).json()["rows"]) == 1
    assert officer.get("/units/ladder", params={"month": "2031-01"}).status_code == 404
    assert "少于 10 例的不公示" in officer.get("/units/ladder").text
    own = signed_in(week, "officer", area="429001").get("/units/ladder.json").json()["rows"]
    assert [r["unit"] for r in own] == ["H42000002"]


def test_the_sentence_of_stays_by_severity_is_found_by_its_source() -> None:
    told = {"text": "近 365 天 …", "source": NORMAL}
    assert adjusted({"story": [{"text": "x", "source": "y"}, told]}) == told["text"]
    assert adjusted({"story": []}) == ""


def test_the_thousand_points_of_a_month_are_counted_from_its_table(week: Path, tmp_path: Path) -> None:
    own_week = Path(shutil.copytree(week, tmp_path / "own"))
    client = signed_in(own_week, "officer")
    assert "放置 ladder.toml" in client.get("/units/ladder").text
    said = '[[indicators]]\ncolumn = "budget_use"\nname = "总控执行"\npoints = 100\ngood = 0.5\nbad = 1.0\n[grades]\n"良好" = 700\n'
    (own_week / "ladder.toml").write_text(said, encoding="utf-8")
    told = client.get("/units/ladder.json").json()
    assert told["point_heads"] == ["机构编码", "机构名称", "总控执行", "总分", "建议等级"]
    assert told["points"][0] == ["H42000001", "第1卫生院", "78", "780", "良好"], "61 % between 50 % and 100 %"
    assert told["points"][1][2:] == ["—", "样本不足", "样本不足"]
    page = client.get("/units/ladder").text
    assert "预算执行率 50.0% 得满分 100 分" in page
    (own_week / "ladder.toml").write_text("[[indicators]]\n", encoding="utf-8")
    page = client.get("/units/ladder").text
    assert "ladder.toml：" in page
    assert str(own_week) not in page
    assert "少于 10 例的不公示" in page, "the published table stays"


def test_the_gap_is_nought_at_the_median_peer_and_silent_below_ten() -> None:
    """Eleven units, the last billing twice for the same visits: five peers lie above the median and five below."""
    units = [f"U{i:02d}" for i in range(11)]
    mean = np.array([*np.linspace(90, 110, 10), 200.0]) * 100
    months = pd.DataFrame(
        {
            "unit": units,
            "month": "2025-01",
            "class": "outpatient",
            "dx3": "",
            "visits": 50,
            "paid": (mean * 50).astype("int64"),
        }
    )
    entities = pd.DataFrame({"peer_group": "卫生院|1", "peer_group_coarse": "1"}, index=units)
    gaps = gaps_of(months, entities)
    assert sum(g["gap_yuan"] > 0 for g in gaps.values()) == sum(g["gap_yuan"] < 0 for g in gaps.values()) == 5
    middle = float(np.median(mean)) * 50 / 100
    assert gaps["U10"]["gap_yuan"] == pytest.approx(200 * 50 - middle, abs=0.01)
    few = gaps_of(months.iloc[:9], entities.iloc[:9])
    assert few["U00"]["n"] == 9
    assert "gap_yuan" not in few["U00"]


def test_the_model_page_is_for_those_who_may_see_scores(week: Path, officer: TestClient) -> None:
    page = officer.get("/model").text
    for said in ("此前命中", "命中率未知", "全体的 SHAP", "漂移", "从未启用学习模型"):
        assert said in page
    assert signed_in(week, "reviewer1").get("/model").status_code == 403


def test_the_model_page_tells_drift_and_what_it_may_mean(week: Path, officer: TestClient) -> None:
    page, told = officer.get("/model").text, officer.get("/model.json").json()["lists"]
    for said in ("PSI", "稳定", "没有拟合过的模型，无从比较", "季节、目录和编码规则更新", "样本不足"):
        assert said in page, said
    assert told["person"]["shift"]["score"]["psi"] == 0
    assert len(told["person"]["promises"]["periods"]) == 4
    assert told["ring"]["shift"]["why"] == "no model"


def test_the_lift_is_told_only_where_the_draw_was_followed_up() -> None:
    assert Lift(Slot(), Slot()).said().endswith("命中率未知")
    assert "提升倍数未知" in Lift(Slot(40, 10), Slot(9, 1)).said()
    assert "提升倍数未知" in Lift(Slot(9, 5), Slot(40, 1)).said()
    assert "随机抽取者无一查实，提升至少为 1.6 倍" in Lift(Slot(40, 10), Slot(20, 0)).said(), (
        "an end is known though the ratio is not"
    )
    told = Lift(Slot(40, 20), Slot(20, 2)).said()
    assert "为随机抽取的 5.0 倍（95%区间 1.6～" in told
    assert "约 95 次包住" in told
    assert "80%区间" in told


def test_gaps_in_the_evidence_are_counted_or_told_as_unknown() -> None:
    rows = pd.DataFrame(
        {
            "row_table": ["fee_details"] * 3,
            "record_charge": ["03", "03", "05"],
            "record_ordered": [True, False, None],
            "record_done": [None] * 3,
        }
    )
    told = chain_of(rows, {"drord_no"})
    assert (told["lines"], told["ordered"], told["done"]) == (3, 1, None)
    assert told["papers"][0].startswith("检查报告")


def test_rows_say_once_what_they_share() -> None:
    row = {
        "happened_at": "2025-01-01 08:00",
        "row_table": "fee_details",
        "row_id": "1",
        "nights": 38,
        "yuan": 2.0,
        "dx": None,
    }
    told = view([row, {**row, "row_id": "2", "happened_at": "2025-01-02 08:00"}])
    assert told["shared"] == {"nights": 38}
    assert told["columns"] == ["happened_at", "yuan", "row_table", "row_id"]


def test_codes_are_words_and_nobody_is_placed() -> None:
    assert (cell("04", "kind"), cell("1", "dscg_way"), cell("310", "insutype")) == (
        "化验费",
        "医嘱离院",
        "职工基本医疗保险",
    )
    row = {
        "happened_at": "2025-01-01",
        "row_table": "visits",
        "row_id": "1",
        "certno": "8e9f",
        "lnt": 113.1,
        "lat": 30.2,
        "curr_addr_code": "429004102012",
    }
    assert set(view([row])["columns"]) == {"happened_at", "row_table", "row_id"}


def test_english_by_a_switch(officer: TestClient) -> None:
    answer = officer.post("/language", data={"to": "en", "next": "/lists/admission"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/lists/admission")
    page = officer.get("/lists/admission").text
    assert '<html lang="en">' in page
    for said in ("Leads, not findings", "Amount in question", "first review", "Filter"):
        assert said in page
    assert "the declarations have no English text" in page
    officer.post("/language", data={"to": "zh", "next": "//evil.example"}, follow_redirects=False)
    assert '<html lang="zh-CN">' in officer.get("/").text


def test_templates_are_in_the_catalogue() -> None:
    """All but a handful: a template that was just written reads Chinese in English pages until its words are added."""
    used = {f for p in sorted((HERE / "templates").glob("*.html")) for f in fragments(p.read_text(encoding="utf-8"))}
    missing = sorted(used - set(catalogue()))
    assert len(missing) <= 0.1 * len(used), missing


def test_translation_leaves_keys_tags_and_figures_alone() -> None:
    source = '{% if "本周清单" in data %}<p title="案件">案件 {{ data["案件"] }} {{ "案件" }}</p>{% endif %}'
    assert (
        translated(source)
        == '{% if "本周清单" in data %}<p title="Cases">Cases {{ data["案件"] }} {{ "Cases" }}</p>{% endif %}'
    )


def test_a_made_up_static_address_stops_at_the_gate(week: Path) -> None:
    stranger = TestClient(Gate(pages(week), week), base_url="http://127.0.0.1", follow_redirects=False)
    assert stranger.get("/static/xiezhi.css").status_code == 200
    assert stranger.get("/static/17-nothing").status_code == 401


def test_errors_are_chinese_sentences(officer: TestClient, week: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, status in {"/lists/none": 404, "/lists/admission/999": 404, "/units/x": 404, "/rules/R999": 404}.items():
        answer = officer.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status
        assert re.search("[一-鿿]", re.sub(r"<[^>]*>", "", answer.text.split('role="alert"')[1]))
        assert "xiezhi week" not in answer.text

    def broken(house: Path) -> NoReturn:
        raise RuntimeError("429001198000001")

    monkeypatch.setattr(publish, "current", broken)
    client = TestClient(Gate(pages(week), week), base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.cookies = officer.cookies
    answer = client.get("/units", headers={"accept": "text/html"})
    assert answer.status_code == 500
    assert "处理时出错" in answer.text
    assert "429001" not in answer.text


def test_no_money_on_the_rows_that_hit_is_a_dash_and_not_a_suspicion_of_nothing() -> None:
    assert (at_risk(0.0), at_risk(None), at_risk(12.5)) == ("—", "—", "¥12.50")


def test_the_inbox_names_units(officer: TestClient, week: Path) -> None:
    [case] = [
        c
        for c in officer.get("/cases.json").json()["cases"]
        if c["grain"] == "institution" and c["unit"] == "H42000001"
    ][:1] or [{}]
    page = officer.get("/cases").text
    assert "第1卫生院" in page
    assert not case or case["unit_name"] == "第1卫生院"
