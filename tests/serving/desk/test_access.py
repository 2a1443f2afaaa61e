"""Role × address × method: who may go where, walked over every route there is; and one case walked on the pages from list to label."""

import json
import re
from pathlib import Path

import pytest

from serving.desk import findings, log, people
from serving.desk.roles import ROLES, rights_of
from serving.web import access, matrix
from serving.web.middleware import desk_of
from serving.web.pages import pages
from tests.serving.conftest import signed_in

FILL = {
    "grain": "admission",
    "lead:int": "1",
    "picture": "timeline",
    "case:int": "1",
    "file:int": "1",
    "day": "2025-09-30",
    "run": "ab12",
    "rule": "R13",
    "code": "H1",
    "key": "0123456789ab",
    "sent:int": "1",
    "row:int": "1",
}


def routes() -> list[tuple[str, str]]:
    """(address, method) of every route of the pages."""
    found = []
    for route in pages().routes:
        path = getattr(route, "path", "")
        if path == "/static":
            continue
        filled = re.sub(r"\{([^}]*)\}", lambda m: FILL[m[1]], path)
        found += [(filled, method) for method in sorted(route.methods - {"HEAD"})]
    return found


def test_every_route_has_its_line_and_every_line_a_known_right() -> None:
    known = set().union(*(rights for _, rights in ROLES.values())) | {access.ANYBODY, access.OWN}
    assert [r for r in routes() if not access.is_open(r[0]) and access.right_for(*r) is None] == []
    assert {rule.right for rule in access.RULES} <= known


def test_the_page_of_docs_is_written_from_the_table() -> None:
    assert matrix.PAGE.read_text("utf-8") == matrix.page(), "run python -m serving.web.matrix"


def test_what_stands_in_no_line_is_closed() -> None:
    for path in ("/", "/lists/admission", "/people"):
        assert access.right_for(path, "DELETE") is None
    for path in ("/no/such", "//", "/lists/../people", "/static/../lists/admission", "/api/rank/x"):
        assert access.right_for(path, "GET") is None
    assert not access.is_open("/static/../lists/admission")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_its_rights_say_and_nothing_else(week: Path, role: str) -> None:
    client = signed_in(week, role)
    mine = rights_of(frozenset({role}))
    for path, method in routes():
        if access.is_open(path) or path == "/sign-out":
            continue
        right = access.right_for(path, method)
        status = client.request(method, path, data={} if method == "POST" else None).status_code
        allowed = right in (access.ANYBODY, access.OWN) or right in mine
        assert (status != 403) == allowed, (role, method, path, status)
        assert status < 500


def test_an_api_token_does_what_its_scope_says(week: Path) -> None:
    from serving.desk import sessions

    desk = desk_of(week)
    owner = people.accept(desk, people.add(desk, "robot", ("officer",)), "correct horse battery")
    token = sessions.new_token(desk, owner, ("lists",), 7)
    stranger = signed_in(week, "auditor")
    stranger.cookies.clear()
    head = {"authorization": f"Bearer {token}"}
    assert stranger.get("/lists/admission.json", headers=head).status_code == 200
    assert stranger.get("/lists/admission.xlsx", headers=head).status_code == 403
    assert stranger.get("/lists/admission.json", headers={"authorization": "Bearer xz_made-up"}).status_code == 401
    more = {"act": "token", "scope": "lists", "days": "300", "label": "x"}
    assert stranger.get("/me", headers=head).status_code == 403
    assert stranger.post("/me", headers=head, data=more).status_code == 403


def test_a_token_is_made_on_ones_own_page_and_shown_once(week: Path) -> None:
    client = signed_in(week, "officer")
    page = client.post("/me", data={"act": "token", "scope": ["lists", "people"], "days": "5", "label": "周报"}).text
    [token] = re.findall(r"xz_[\w-]{40,}", page)
    assert token not in client.get("/me").text
    stranger = signed_in(week, "officer")
    stranger.cookies.clear()
    head = {"authorization": f"Bearer {token}"}
    assert stranger.get("/lists/admission.json", headers=head).status_code == 200
    assert stranger.get("/people", headers=head).status_code == 403, "never more than the owner may"
    [handle] = re.findall(r'name="handle" value="(\w+)"', client.get("/me").text)
    client.post("/me", data={"act": "revoke", "handle": handle})
    assert stranger.get("/lists/admission.json", headers=head).status_code == 401


def test_over_https_the_cookie_belongs_to_this_host_alone(week: Path) -> None:
    client = signed_in(week, "officer")
    secret = client.cookies["xiezhi_session"]
    client.cookies.clear()
    for name, scheme, status in (
        ("xiezhi_session", "https", 401),
        ("__Host-xiezhi_session", "https", 200),
        ("__Host-xiezhi_session", "http", 401),
    ):
        head = {"cookie": f"{name}={secret}", "x-forwarded-proto": scheme}
        assert client.get("/me", headers=head).status_code == status, (name, scheme)


OBJECTS = [r for r in routes() if re.search(r"/cases/1|/\d+(/|\.|$)", r[0]) and not access.is_open(r[0])]


def test_what_lies_in_another_area_is_not_there(week: Path) -> None:
    """Every address of one object, with all rights of a business office and another area: 404, and nothing is told."""
    everything = ("reviewer1", "reviewer2", "inspector", "leader", "finance", "legal")
    signed_in(week, "officer").get("/lists/admission")
    elsewhere = signed_in(week, *everything, area="110000")
    elsewhere.follow_redirects = True
    form = {"step": "report", "version": "0", "note": "x", "reason": "x", "amount": "1", "number": "2026-000002", "said": "x", "kind": "extend", "days": "1",
            "disposition": "1", "document": "x", "ground": "1", "accepted": "yes", "answer": "x", "request": "1", "granted": "yes"}  # fmt: skip
    assert len(OBJECTS) > 15
    for path, method in OBJECTS:
        files = {"file": ("a.pdf", b"%PDF-1")} if path.endswith("/files") else None
        answer = elsewhere.request(method, path, data=form if method == "POST" and not files else None, files=files)
        assert answer.status_code == 404, (method, path, answer.status_code)
        assert "M2025" not in answer.text
    for path in ("/lists/admission.json", "/cases.json"):
        assert "M2025" not in elsewhere.get(path).text, path


def test_a_paper_leaves_as_bytes_and_never_as_a_page(week: Path) -> None:
    client = signed_in(week, "inspector")
    client.get("/lists/admission")
    body = b"%PDF-1.7 <script>alert(1)</script>"
    assert client.post("/cases/3/files", files={"file": ("<b>.html", body)}).status_code == 303
    [link] = re.findall(r'href="(/cases/3/files/\d+)"', client.get("/cases/3").text)
    answer = client.get(link)
    assert answer.content == body
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    refused = client.post("/cases/3/files", files={"file": ("x.pdf", b"<html>")})
    assert (refused.status_code, "以内容为准" in refused.text) == (409, True)
    assert "已有内容相同" in client.post("/cases/3/files", files={"file": ("y.pdf", body)}).text


def test_the_same_form_posted_again_does_nothing(week: Path) -> None:
    client = signed_in(week, "reviewer1")
    client.get("/lists/admission")
    once = re.findall(r'name="once" value="(\w+)"', client.get("/cases/4").text)[0]
    for words in ("一次", "一次", "另一条"):
        assert client.post("/cases/4/note", data={"once": once, "note": words}).status_code == 303
    notes = [e["note"] for e in client.get("/cases/4.json").json()["file"]["events"] if e["kind"] == "note"]
    assert notes == ["一次", "另一条"]


def test_the_log_leaves_piece_by_piece_with_its_head(week: Path) -> None:
    from serving.desk import verify

    answer = signed_in(week, "auditor").get("/log.jsonl")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    number, _, kept = answer.headers["x-log-head"].partition(":")
    assert verify.fault(rows, (int(number), kept)) == ""
    assert rows[-1]["act"] == "log.export"


def test_the_score_is_shown_to_few_and_no_list_tells_the_draw(week: Path) -> None:
    officer, chief = signed_in(week, "officer"), signed_in(week, "leader")
    officer.follow_redirects = chief.follow_redirects = True
    for path in ("/lists/admission/1", "/lists/admission/1.json"):
        assert "contributions" not in officer.get(path).text
        assert "原始分" not in officer.get(path).text
    assert "原始分" in chief.get("/lists/admission/1").text
    assert not {"slot", "risk"} & set(chief.get("/lists/admission.json").json()["rows"][0])


def test_an_address_means_the_same_suspect_for_ever(week: Path) -> None:
    client = signed_in(week, "officer")
    answer = client.get("/lists/admission/3")
    assert re.fullmatch(r"/lists/\d{4}-\d\d-\d\d/[0-9a-f]+/admission/3", answer.headers["location"])
    page = client.get(answer.headers["location"]).text
    assert page.count("/lists/admission/") == 0, "the arrows stay within the run"


def version_of(text: str) -> str:
    return re.findall(r'name="version" value="(\d+)"', text)[0]


def test_one_case_from_the_list_to_a_label(week: Path, tmp_path: Path) -> None:
    staff = {name: signed_in(week, *roles, name=f"walk-{name}") for name, roles in (
        ("first", ("reviewer1",)), ("second", ("reviewer2",)), ("chief", ("leader",)), ("signer", ("leader", "finance")),
        ("ann", ("inspector",)), ("bob", ("inspector",)),
    )}  # fmt: skip
    ids = {p["name"]: str(p["person_id"]) for p in people.everybody(desk_of(week))}
    page = staff["first"].get("/lists/admission").text
    case = re.findall(r"/cases/\d+", page)[0]

    def step(who: str, name: str, **form: object) -> str:
        page = staff[who].get(case).text
        words = {"step": name, "version": version_of(page), "note": "见证据明细", **form}
        answer = staff[who].post(case + "/step", data=words)
        assert answer.status_code == 303, re.findall(r'role="alert">([^<]*)', answer.text)
        return staff[who].get(case).text

    assert "待复审" in step("first", "report")
    refused = staff["first"].post(case + "/step", data={"step": "agree", "version": "1", "note": "x"})
    assert (refused.status_code, "需要“复审”的权限" in refused.text) == (409, True)
    assert "待派查" in step("second", "agree")
    step("chief", "dispatch", officer=[ids["walk-ann"], ids["walk-bob"]], declared="1")
    early = {
        "step": "found",
        "version": version_of(staff["ann"].get(case).text),
        "outcome": "O2_IRREGULAR",
        "note": "x",
    }
    assert "请先上传核查笔录" in staff["ann"].post(case + "/step", data=early).text
    paper = {"file": ("<script>.html", b"%PDF-1.7 record")}
    assert staff["ann"].post(case + "/files", files=paper).status_code == 303
    step("ann", "found", outcome="O2_IRREGULAR")
    assert staff["bob"].post(case + "/ground", data={"said": "当日请假"}).status_code == 303
    answer = {"ground": "1", "accepted": "no", "answer": "无请假记录"}
    assert staff["chief"].post(case + "/reply", data=answer).status_code == 303
    step("chief", "answer")
    page = step(
        "signer",
        "decide",
        outcome="O2_IRREGULAR",
        violation_class="irregular",
        confirmed="1,234.5",
        disposition="RECOVER",
    )
    assert "¥1,234.50" in page
    assert staff["signer"].post(case + "/recovered", data={"amount": "1000"}).status_code == 303
    assert staff["signer"].post(case + "/recovered", data={"amount": "1000"}).status_code == 409
    order = {"disposition": "1", "document": "凭证1号"}
    assert staff["signer"].post(case + "/settled", data=order).status_code == 409, "not all came back"
    [row] = [r for r in findings.decided(desk_of(week)) if r["outcome_code"]]
    assert (row["amt_confirmed"], row["amt_recovered"]) == ("1234.50", "1000.00")
    acts = [r["act"] for r in log.rows(desk_of(week), 0, 10_000)]
    assert {"case.report", "case.agree", "case.dispatch", "case.found", "case.answer", "case.decide", "read"} <= set(
        acts
    )


def test_no_case_tells_a_full_number_nor_do_the_cases_beside_it(week: Path) -> None:
    client = signed_in(week, "reviewer1")
    client.get("/lists/person")
    for path in ("/cases.json", *(f"/cases/{n}.json" for n in range(1, 60, 4))):
        assert not re.search(r"42900119\d{7,8}", client.get(path).text), path


def test_a_reveal_needs_a_reason_and_is_logged(week: Path) -> None:
    inspector = signed_in(week, "inspector", "reviewer1")
    desk = desk_of(week)
    page = inspector.get("/lists/person").text
    case = re.findall(r"/cases/\d+", page)[0]
    number = re.compile(r"42900119\d{7,8}")
    assert not number.search(inspector.get(case).text)
    assert inspector.post(case + "/reveal", data={}).status_code == 409
    assert number.search(inspector.post(case + "/reveal", data={"reason": "现场核查核对身份"}).text)
    last = [r for r in log.rows(desk, 0, 10_000) if r["act"] == "reveal"][-1]
    assert "现场核查" in str(last["detail"])
    assert not number.search(str(last))
