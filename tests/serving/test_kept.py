"""A page kept is the page that would be written: none crosses a person, a role, an area or a language, and a case that moved on, or a damaged file, is seen at once."""

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from serving.desk import database, leads, log, people, sessions
from serving.desk.schema import CASES, REVIEWS
from serving.desk.states import STATES
from serving.lists import publish
from serving.web.kept import ACCOUNT, KEPT, NAME, WHEN, Kept, Key
from serving.web.middleware import desk_of

from .conftest import signed_in

MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?=</span>\s*</footer>)")
ADDRESSES = ("/lists/{run}/admission", "/lists/{run}/all", "/lists/{run}/person", "/lists/{run}/person?sort=amount&q=1", "/lists/{run}/admission/{lead}")  # fmt: skip


@pytest.fixture(scope="module")
def house(week: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(week, tmp_path_factory.mktemp("kept") / "house"))


def test_no_page_crosses_a_person_a_role_an_area_or_a_language(house: Path) -> None:
    run = publish.current(house)
    areas = {str(r["area"]): int(r["lead"]) for r in run.worklist("admission")["rows"]}
    assert len(areas) > 1
    here = sorted(areas)[0]
    clients = []
    for roles in (("reviewer1",), ("reviewer2",), ("leader",), ("finance",)):
        for area in ("", here):
            for spoken in ("zh", "en"):
                client = signed_in(house, *roles, area=area, name=f"<b>&'{roles[0]}-{area}-{spoken}")
                client.cookies.set("xiezhi_language", spoken)
                clients.append(client)
    clients.append(signed_in(house, "reviewer1", name="second"))
    asked = [a.format(run=run.name, lead=areas[here]) for a in ADDRESSES]
    KEPT.pages.clear()
    KEPT.size = 0
    kept = [[MINUTE.sub("", c.get(a).text) for a in asked] for c in clients for _ in range(2)][1::2]
    assert len(KEPT.pages) > len(clients), "nothing is kept, nothing is tested"
    for client, pages in zip(clients, kept, strict=True):
        for address, page in zip(asked, pages, strict=True):
            KEPT.pages.clear()
            assert MINUTE.sub("", client.get(address).text) == page, address
            assert [s for s in (NAME, WHEN, str(ACCOUNT)) if s in page] == []
    assert "second" in kept[-1][0]
    assert "reviewer1-" not in kept[-1][0]
    assert '<html lang="zh-CN">' in kept[0][0]
    assert '<html lang="en">' in kept[1][0]


def test_a_row_of_another_area_is_not_there_however_often_others_saw_it(house: Path) -> None:
    run = publish.current(house)
    row = run.worklist("admission")["rows"][0]
    mine, other = signed_in(house, "reviewer1"), signed_in(house, "reviewer1", area="110000")
    address = f"/lists/{run.name}/admission/{row['lead']}"
    for _ in range(2):
        assert mine.get(address).status_code == 200
        assert other.get(address).status_code == 404


def test_a_case_that_moved_on_is_another_page(house: Path) -> None:
    run, client = publish.current(house), signed_in(house, "leader")
    address = f"/lists/{run.name}/doctor"
    assert "暂缓</span>" not in client.get(address).text
    with desk_of(house).write() as connection:
        connection.execute(
            update(CASES).where(CASES.c.grain == "doctor").values(state="C92", version=CASES.c.version + 1)
        )
    assert "暂缓</span>" in client.get(address).text


def test_a_damaged_list_is_not_shown_from_memory(house: Path) -> None:
    run, client = publish.current(house), signed_in(house, "reviewer1")
    address = f"/lists/{run.name}/institution"
    assert client.get(address).status_code == 200
    file = run.root / "lists" / "institution.json"
    file.write_bytes(file.read_bytes().replace("卫生院".encode(), "卫生所".encode(), 1))
    assert client.get(address).status_code == 503


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = Kept(most=10)
    made: list[str] = []

    def page(key: str) -> bytes:
        return b"".join(kept.page(Key((key,)), lambda: made.append(key) or key.encode() * 4))

    for key in ("a", "b", "a", "c", "a", "b"):
        assert page(key) == key.encode() * 4
    assert made == ["a", "b", "c", "b"]
    assert kept.size <= 10


def test_rights_that_change_and_sessions_that_end_are_heeded_with_the_next_page(house: Path) -> None:
    run, desk = publish.current(house), desk_of(house)
    address = f"/lists/{run.name}/admission/1"
    stays, goes = signed_in(house, "reviewer2", name="stays"), signed_in(house, "reviewer2", name="goes")
    assert [c.get(address).status_code for c in (stays, goes)] == [200, 200]
    people.change(desk, "goes", "admin", roles=("auditor",))
    assert goes.get(address).status_code == 403
    people.change(desk, "goes", "admin", roles=("leader",))
    assert goes.get(address).status_code == 200
    people.change(desk, "goes", "admin", active=False)
    assert goes.get(address).status_code == 401
    people.change(desk, "goes", "admin", active=True)
    assert goes.get(address).status_code == 200
    secret = goes.cookies[sessions.COOKIE]
    found = sessions.whose(desk, secret)
    assert found is not None
    sessions.end(desk, secret, found[0])
    assert goes.get(address).status_code == 401
    assert stays.get(address).status_code == 200


def test_whoever_reads_a_page_kept_stands_in_the_log(house: Path) -> None:
    run, desk = publish.current(house), desk_of(house)
    readers = {name: signed_in(house, "reviewer1", name=name) for name in ("reads1", "reads2")}
    assert readers["reads1"].get("/").status_code == 200  # the first to look opens the cases
    for name in ("reads1", "reads2", "reads1"):
        before = log.head(desk)[0]
        assert readers[name].get(f"/lists/{run.name}/admission/1").status_code == 200
        told = [(r["act"], r["who"], r["about"]) for r in log.rows(desk, before)]
        assert told == [("read", name, f"{run.name}/admission/1")]


def test_a_page_that_breaks_is_tried_once_and_told_as_broken(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def breaks(*_: object) -> str:
        tried.append("once")
        raise ValueError("not for the reader")

    client = signed_in(house, "reviewer1")
    client = TestClient(client.app, base_url="http://127.0.0.1", cookies=client.cookies, raise_server_exceptions=False)
    monkeypatch.setattr(leads, "columns_of_run", breaks)
    answer = client.get("/lists/admission", headers={"accept": "text/html"})
    assert (answer.status_code, tried) == (500, ["once"])
    assert "没有任何改动被保存" in answer.text
    assert "not for the reader" not in answer.text


def test_a_case_put_to_a_blind_reviewer_is_another_page_for_him_alone(house: Path) -> None:
    """What of the desk makes a page another one is more than the case: here a review."""
    run, desk = publish.current(house), desk_of(house)
    first = signed_in(house, "reviewer1", name="blind")
    second = signed_in(house, "reviewer2", name="sighted")
    address = f"/lists/{run.name}/person"
    assert first.get(address).status_code == 200  # the first to look opens the cases
    with desk.write() as connection:
        one = connection.execute(select(CASES.c.case_id).where(CASES.c.grain == "person")).scalars().first()
        connection.execute(update(CASES).where(CASES.c.case_id == one).values(state="C20", version=CASES.c.version + 1))
    word = f'href="/cases/{one}">{STATES["C20"]}<'
    assert [word in c.get(address).text for c in (first, second)] == [True, True]
    with desk.write() as connection:
        values = {"case_id": one, "part": "blind", "due_at": database.now()}
        connection.execute(insert(REVIEWS).values(**values))
    assert [word in c.get(address).text for c in (first, second)] == [False, True]


def test_a_case_that_moved_on_is_another_line_of_the_inbox(house: Path) -> None:
    desk, client = desk_of(house), signed_in(house, "leader", name="inbox")
    client.get("/lists/person")  # opens the cases
    with desk.read() as connection:
        one = connection.execute(select(CASES.c.case_id).where(CASES.c.grain == "ring")).scalars().first()

    def line() -> str:
        found = re.search(rf'<tr>\s*<td><a href="/cases/{one}">.*?</tr>', client.get("/cases").text, re.DOTALL)
        return found[0] if found else ""

    assert STATES["C10"] in line()
    with desk.write() as connection:
        changed = {"state": "C20", "version": CASES.c.version + 1, "mid_fen": 12_345_00, "low_fen": 12_345_00}
        connection.execute(update(CASES).where(CASES.c.case_id == one).values(**changed, high_fen=12_345_00))
    assert STATES["C20"] in line()
    assert "¥12,345.00" in line()
