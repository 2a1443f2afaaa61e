"""The gate is over everything; the pages say what they must and hide what they must."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from prometheus_client import REGISTRY
from python_calamine import CalamineWorkbook

from features.checking.describe import rule_card
from features.office import Office
from serving.desk import people, sessions
from serving.lists import publish
from serving.lists.worklist import FAIR
from serving.web.access import OPEN_PATHS
from serving.web.masking import masked
from serving.web.middleware import MAX_BODY, Gate, desk_of
from serving.web.pages import pages
from serving.web.render import TITLES
from serving.web.workbook import Taken, workbook_of

from .conftest import AS_OF, GRAINS, PASSWORD, TestClient, made_list, signed_in

HOST = "http://127.0.0.1"


@pytest.fixture
def stranger(week: Path) -> TestClient:
    return TestClient(Gate(pages(week), week), base_url=HOST, follow_redirects=False)


@pytest.fixture
def officer(week: Path) -> TestClient:
    client = signed_in(week)
    client.follow_redirects = True
    return client


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]"])
@pytest.mark.parametrize("name", ["lists/CURRENT", "manifest.json"])
def test_damage_is_told_as_damage_on_every_page(tmp_path: Path, name: str, body: bytes) -> None:
    """Not as "nothing was published yet", not as a 500, and never shown."""
    run = publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    client = signed_in(tmp_path)
    assert client.get("/").status_code == 200
    (run.root / name if name == "manifest.json" else tmp_path / name).write_bytes(body)
    for path in ("/", "/index.json", "/lists/doctor", "/lists/doctor.xlsx", "/lists/doctor/1"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "缺失或与发布时不一致" in answer.text
        assert str(tmp_path) not in answer.text


def test_the_rules_of_the_week_stand_on_their_pages(tmp_path: Path) -> None:
    """With the law proposed, what to ask, and what nobody vouches for; the codes of rules and innocents stay in addresses."""
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    client = signed_in(tmp_path)
    assert "没有记下规则" in client.get("/rules").text
    cards = [rule_card(number, Office(), AS_OF) for number in ("R01", "R38")]
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]}, rules=cards)
    assert "超量开药" in client.get("/rules").text
    page = client.get("/rules/R38").text
    for said in ("第三十八条第二项", "家中余药", "本系统暂定值，无出处", "启用"):
        assert said in page
    assert "N08" not in page
    assert client.get("/rules/R99").status_code == 404
    assert client.get("/rules.json").json()["rules"][0]["rule"] == "R01"


def paths_of(routes: list, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        path = prefix + getattr(route, "path", "").rstrip("/")
        inner = getattr(route, "routes", None)
        if inner:
            yield from paths_of(inner, path)
        yield path or "/", set(getattr(route, "methods", None) or {"GET"})


def filled(path: str) -> str:
    path = path.replace("{grain}", "admission").replace("{lead:int}", "1").replace("{picture}", "timeline")
    return re.sub(r"\{[^}]*\}", "x", path)


@pytest.mark.slow
def test_every_route_of_the_service_needs_a_session(week: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Walks the routes BentoML really serves, its own built-ins included, with every method they answer and a few they do not."""
    monkeypatch.setenv("XIEZHI_WAREHOUSE", str(week))
    from serving.service import Xiezhi

    for collector in set(
        REGISTRY._names_to_collectors.values()
    ):  # another test of this process may have built the service
        if any(name.startswith("bentoml") for name in REGISTRY._get_names(collector)):
            REGISTRY.unregister(collector)
    app = Xiezhi.to_asgi()
    client = TestClient(app, base_url=HOST, follow_redirects=False)
    found = {
        (filled(path), method)
        for path, methods in paths_of(app.routes)
        for method in methods | {"GET", "POST", "PUT", "DELETE", "OPTIONS"}
    }
    names = {path for path, _ in found}
    assert {
        "/",
        "/metrics",
        "/docs.json",
        "/schema.json",
        "/api/rank",
        "/api/explain",
        "/api/lists",
        "/lists/admission",
        "/lists/admission/1",
    } <= names
    for path, method in sorted(found):
        if path in OPEN_PATHS or path.startswith("/static"):
            continue
        answer = client.request(method, path)
        assert answer.status_code == 401, (method, path, answer.status_code)
        assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/lists/admission",
        "/metrics",
        "/no/such/page",
        "//",
        "/static/../lists/admission",
        "/sign-in/",
        "/SIGN-IN",
        "/livez/x",
    ],
)
def test_a_stranger_sees_nothing(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 401
    page = stranger.get(path, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (
        303,
        f"/sign-in?next={quote(page.request.url.path, safe='/')}",
    )


def test_a_made_up_cookie_opens_nothing(stranger: TestClient) -> None:
    for value in ("", "x", "../tokens/x", "a" * 5000):
        assert stranger.get("/", headers={"cookie": f"{sessions.COOKIE}={value}"}).status_code == 401


def test_the_cookie_lets_links_of_other_systems_in_and_their_forms_not(week: Path) -> None:
    """A link in the office's own system must not land on the sign-in page: Lax; a form of another site is refused by its Origin."""
    people.accept(desk_of(week), people.add(desk_of(week), "cookie", ("officer",)), PASSWORD)
    client = TestClient(Gate(pages(week), week), base_url=HOST, follow_redirects=False)
    form = {"name": "cookie", "password": PASSWORD, "next": "/lists/admission"}
    answer = client.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/lists/admission")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.post("/sign-in", data={**form, "next": "//evil.example"}).headers["location"] == "/"


def test_a_closed_door_says_where_to_sign_in_and_brings_one_back(stranger: TestClient) -> None:
    page = stranger.get("/lists/admission", headers={"accept": "text/html"})
    assert page.headers["location"] == "/sign-in?next=/lists/admission"
    assert 'name="next" value="/lists/admission"' in stranger.get("/sign-in?next=/lists/admission").text


def test_an_invitation_serves_once(week: Path) -> None:
    token = people.add(desk_of(week), "once", ("officer",))
    client = TestClient(Gate(pages(week), week), base_url=HOST, follow_redirects=False)
    assert "设置密码" in client.get("/invitation", params={"token": token}).text
    form = {"token": token, "password": PASSWORD, "again": PASSWORD + "x"}
    assert "不一致" in client.post("/invitation", data=form).text
    assert client.post("/invitation", data={**form, "again": PASSWORD}).status_code == 303
    assert client.post("/invitation", data={**form, "again": PASSWORD}).status_code == 403


def test_signing_out_ends_the_session(officer: TestClient) -> None:
    cookie = officer.cookies[sessions.COOKIE]
    assert officer.get("/").status_code == 200
    officer.post("/sign-out")
    assert officer.get("/", headers={"cookie": f"{sessions.COOKIE}={cookie}"}).status_code == 401


def test_guessing_locks_the_account_and_tells_nobody_whether_it_exists(week: Path) -> None:
    people.accept(desk_of(week), people.add(desk_of(week), "guessed", ("officer",)), PASSWORD)
    client = TestClient(Gate(pages(week), week), base_url=HOST, follow_redirects=False)
    texts = [client.post("/sign-in", data={"name": "guessed", "password": f"guess {i}"}).text for i in range(6)]
    assert people.WRONG in texts[0]
    locked = client.post("/sign-in", data={"name": "guessed", "password": PASSWORD})
    unknown = client.post("/sign-in", data={"name": "nobody1", "password": PASSWORD})
    assert (locked.status_code, unknown.status_code) == (403, 403)
    assert {*texts, locked.text} == {unknown.text.replace("nobody1", "guessed")}, "nor by a word, nor by a code"


def test_other_hosts_other_origins_and_big_bodies_are_refused(officer: TestClient) -> None:
    assert officer.get("/", headers={"host": "evil.example"}).status_code == 421
    assert officer.post("/sign-out", headers={"origin": "http://evil.example"}).status_code == 403
    assert officer.post("/sign-in", content=b"x" * (MAX_BODY + 1)).status_code == 413
    chunks = (b"y" * 100_000 for _ in range(12))
    assert officer.post("/sign-in", content=chunks).status_code == 413


@pytest.mark.parametrize("grain", GRAINS)
def test_a_page_for_every_grain(officer: TestClient, week: Path, grain: str) -> None:
    page = officer.get(f"/lists/{grain}")
    assert page.status_code == 200
    assert "疑点线索，非违规结论" in page.text
    document = officer.get(f"/lists/{grain}.json").json()
    assert len(document["rows"]) == 13
    for hidden in ("slot", "risk", "rank", "selection_prob", "probability"):
        assert hidden not in document["rows"][0]
    for lead in (1, 13):
        shown = officer.get(f"/lists/{grain}/{lead}")
        assert shown.status_code == 200
        assert "疑点线索，非违规结论" in shown.text
        twin = officer.get(f"/lists/{grain}/{lead}.json").json()
        assert twin["base"] + sum(c["contribution"] for c in twin["contributions"]) == pytest.approx(
            twin["raw"], abs=1e-9
        )
        for reason in twin["reasons"]:
            assert reason["text"] in shown.text
            assert reason["innocent"] in shown.text
        assert shown.text.index("模型分与各项贡献") > shown.text.index("理由"), "evidence first, score last"
    for text in (page.text, shown.text):
        assert "欺诈" not in text
        assert "团伙" not in text
        assert " style=" not in text
        assert re.findall(r"<script[^>]*>", text) == [
            f'<script src="/static/{n}.js" defer>' for n in ("keys", "leave")
        ], "ours alone, and none inline"
        assert "<style" not in text
        assert not re.search(r'(?:src|href|action)="(?!/)', text.replace('href="#main"', "")), "nothing from elsewhere"


def test_personal_numbers_leave_masked(officer: TestClient, week: Path) -> None:
    """Every page, its JSON twin and every picture: no full personal number in body or address."""
    number = re.compile(r"42900119\d{7,8}")
    for grain in GRAINS:
        for path in [
            f"/lists/{grain}",
            f"/lists/{grain}.json",
            *(f"/lists/{grain}/{n}{s}" for n in (1, 2, 13) for s in ("", ".json")),
        ]:
            text = officer.get(path).text
            assert not number.search(text), path
            assert not any(number.search(a) for a in re.findall(r'href="([^"]*)"', text))
    assert not number.search(officer.get("/lists/ring/1/ring.svg").text)


def test_masking_walks_everything() -> None:
    document = {
        "entity_id": "429001198000001",
        "x": [{"psn_no": "429001198000002"}],
        "y": "429001198000002",
        "members": "429001198000001;429001198000003",
    }
    text = json.dumps(masked(document, "person"), ensure_ascii=False)
    assert "42900119" not in text
    assert masked({"entity_id": "M2025000011"}, "admission")["entity_id"] == "M2025000011"


@pytest.mark.parametrize(
    ("path", "marker"),
    [
        ("/lists/admission/1/timeline.svg", "住院期间在他处刷卡"),
        ("/lists/ring/1/ring.svg", "同日同机构天数"),
    ],
)
def test_pictures_are_drawn_and_the_same_each_time(officer: TestClient, path: str, marker: str) -> None:
    first, second = officer.get(path), officer.get(path)
    assert first.headers["content-type"] == "image/svg+xml"
    assert marker in first.text
    assert first.text == second.text


def test_headers_on_every_answer(officer: TestClient) -> None:
    for path in (
        "/",
        "/lists/admission",
        "/lists/ring/1/ring.svg",
        "/static/xiezhi.css",
        "/sign-in",
        "/lists/none",
        "/nowhere",
    ):
        answer = officer.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == ("public, max-age=3600" if path.startswith("/static") else "no-store")


@pytest.mark.parametrize(
    "path",
    ["/lists/hospital", "/lists/admission/0", "/lists/admission/99", "/lists/admission/1/score.svg", "/lists/..%2fx"],
)
def test_bad_addresses_are_told_so(officer: TestClient, path: str) -> None:
    answer = officer.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_before_the_first_week(tmp_path: Path) -> None:
    client = signed_in(tmp_path)
    assert "xiezhi week" in client.get("/").text
    assert client.get("/lists/admission").status_code == 503


def test_markup_in_data_stays_text(officer: TestClient) -> None:
    from serving.web.render import environment

    html = (
        environment()
        .get_template("message.html")
        .render(data={"title": "t", "message": "<script>alert(1)</script>"}, here="/", me=None, rights=frozenset())
    )
    assert "<script>" not in html


def test_every_page_has_a_json_twin_by_accept(officer: TestClient) -> None:
    for path in ("/", "/lists/person", "/lists/person/1"):
        assert officer.get(path, headers={"accept": "application/json"}).json()["title"]
    assert set(TITLES) == {*GRAINS, "bedcheck"}


def test_the_workbook_of_a_list_without_rows_has_its_headers(tmp_path: Path) -> None:
    worklist, _, _ = made_list("ring")
    (tmp_path / "lists").mkdir()
    run = publish.publish(tmp_path, AS_OF, {"ring": (replace(worklist, rows=worklist.rows.iloc[:0]), {})})
    sheet = (
        CalamineWorkbook.from_filelike(io.BytesIO(workbook_of(Taken.of(run, "ring", None, {}))))
        .get_sheet_by_name("清单")
        .to_python()
    )
    assert len(sheet) == 2
    assert {"序号", "对象编号", "对象", "复现"} <= set(sheet[1])


def test_a_levelled_list_says_so_on_its_page(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    made = {g: made_list(g)[:2] for g in ("person", "institution")}
    levelled, *rest = made["person"]
    described = {**levelled.facts["described"], "公平": FAIR}
    made["person"] = (replace(levelled, facts={**levelled.facts, "described": described}), *rest)
    publish.publish(tmp_path, AS_OF, made, {})
    client = TestClient(Gate(pages(tmp_path), tmp_path), base_url=HOST, follow_redirects=False)
    client = signed_in(tmp_path)
    assert FAIR in client.get("/lists/person").text
    assert "公平" not in client.get("/lists/institution").text
