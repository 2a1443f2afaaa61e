"""A list sent down comes in by the page: read in a process of its own, its columns confirmed, taken in whole or not at all; and what is no such list, or is made to hurt, is refused."""

import io
import os
import re
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from claims.errors import UserError
from claims.sources import workbook_bounds
from claims.sources.workbook_bounds import within_bounds
from inspection.tables import read_bytes
from inspection.workbooks import grids
from serving.desk import log, received, sent
from serving.desk.cases import Refused
from serving.desk.database import Desk, clock, now
from serving.desk.people import Person
from serving.web import sent_job
from serving.web.middleware import desk_of
from serving.web.sent_pages import how_of
from tests.inspection.test_sent import a_row, book
from tests.serving.conftest import TestClient, signed_in
from tests.serving.desk.test_bed_pages import night_week
from tests.serving.desk.test_sent import a_list, rows

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A published week, of hand-made rows: there are no claims below it."""
    return night_week(tmp_path)


@pytest.fixture
def leader(house: Path) -> Iterator[TestClient]:
    with signed_in(house, "leader") as client:
        yield client


def upload(client: TestClient, body: bytes, name: str = "国家局第2批.xlsx") -> Any:
    return client.post("/sent/upload", files={"file": (name, body, XLSX)})


def ended(client: TestClient, address: str) -> dict[str, Any]:
    """The upload once its process has ended."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        told: dict[str, Any] = client.get(address.split("?")[0] + ".json").json()
        if not told["running"]:
            return told
        time.sleep(0.2)
    raise AssertionError("the process has not ended")


def sparse(column: int = 16383, line: int = 1_048_575) -> bytes:
    """Two words, far apart: a reader that makes room for all cells between asks for 550 GB."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = made.add_worksheet("疑点")
    sheet.write(0, 0, "疑点编号")
    sheet.write(line, column, "x")
    made.close()
    return out.getvalue()


def test_it_is_read_confirmed_and_refused_where_there_is_nothing_to_match(leader: TestClient, house: Path) -> None:
    body = book([a_row(), a_row(疑点编号="GJ-2")], drop="属实,不属实")
    answer = upload(leader, body)
    assert answer.status_code == 303
    page = answer.headers["location"]
    told = ended(leader, page)
    assert told["state"] == "read", told
    assert [t["rows"] for t in told["sheets"]] == [4]
    named = {c["title"]: c["zh"] for c in told["columns"]}
    assert (named["结算流水号"], told["unread"]) == ("结算ID", ["填写说明"])
    again = upload(leader, body)
    assert again.headers["location"] == page + "?again=1"
    assert "已上传过" in leader.get(again.headers["location"]).text
    wrong = leader.post(page, data={"act": "take", "number": "第2批", "deadline": "早点"})
    assert (wrong.status_code, "工作日数" in wrong.text, 'value="早点"' in wrong.text) == (409, True, True)
    taken = leader.post(page, data={"act": "take", "number": "第2批", "deadline": "10"})
    assert taken.status_code == 303
    told = ended(leader, page)
    assert (told["state"], "不能用来核对" in told["message"]) == ("read", True), told
    assert sent.lists(desk_of(house), person()) == []
    acts = [r["act"] for r in log.walk(desk_of(house))]
    assert "sent.upload" in acts
    assert "sent.import" not in acts


def person() -> Person:
    return Person(0, "x", "x", "", frozenset())


def put_down(desk: Desk) -> received.Received:
    body, _ = a_list()
    rights = frozenset({"assign"})
    found, new = received.put_down(desk, person(), rights, "国家局.xlsx", body)
    assert new
    found.tell(state=received.READ, sheets=[], unread=[])
    return found


def how(**over: Any) -> dict[str, Any]:
    return {"number": "第2批", "source": "国家局", "due": "2026-12-01T15:59:59", "as_of": "2026-11-20", "large": 5000.0, "by": "x", "columns": {}} | over  # fmt: skip


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows on their heaps without a county."""

    def take_in(desk: Desk, _: Path, understood: Any, body: bytes, told: Any, tell: Any) -> Any:
        tell("rules", 0.4)
        areas = {"H1": "330101", "H2": "330202"}
        return sent.take_in(desk, understood, rows(understood), body, number=told.number, source=told.source, as_of=told.as_of, due=told.due, areas=areas, by=told.by)  # fmt: skip

    monkeypatch.setattr(sent_job, "take_in", take_in)


def test_once_taken_in_the_upload_is_gone_and_its_page_is_the_list(
    house: Path, leader: TestClient, matched: None
) -> None:
    desk = desk_of(house)
    found = put_down(desk)
    sent_job.work({"warehouse": str(house), "key": found.key, "how": how()})
    (listed,) = sent.lists(desk, person())
    assert (listed["number"], listed["rows"], listed["name"]) == ("第2批", 4, "国家局.xlsx")
    assert not found.folder.exists()
    assert leader.get(f"/sent/upload/{found.key}").headers["location"] == f"/sent/{listed['sent_id']}"
    twice = upload(leader, a_list()[0])
    assert (twice.status_code, "已接收为下发清单“第2批”" in twice.text) == (409, True)
    back = leader.get(f"/sent/{listed['sent_id']}/return.xlsx")
    assert back.status_code == 200
    assert grids(back.content, "x")[0].cells[:5] == grids(a_list()[0], "x")[0].cells[:5]


def test_a_name_that_is_taken_is_told_and_nothing_is_lost(house: Path, matched: None) -> None:
    desk = desk_of(house)
    sent_job.work({"warehouse": str(house), "key": put_down(desk).key, "how": how()})
    other = book([a_row(疑点编号=f"GJ-{i}") for i in range(9, 13)], title=False)
    found, _ = received.put_down(desk, person(), frozenset({"assign"}), "b.xlsx", other)
    found.tell(state=received.READ, sheets=[], unread=[])
    sent_job.work({"warehouse": str(house), "key": found.key, "how": how()})
    told = received.opened(desk, found.key).told
    assert (told["state"], "同名" in told["message"]) == (received.READ, True)
    assert len(sent.lists(desk, person())) == 1


def test_a_killed_process_is_known_as_such_and_can_be_started_again(house: Path, leader: TestClient) -> None:
    found = put_down(desk_of(house))
    found.tell(state=received.TAKING, step="按规则核对", share=0.4, sheets=[], unread=[])
    page = leader.get(f"/sent/upload/{found.key}")
    assert "处理中断，什么都没有接收" in page.text
    assert "refresh" not in page.headers
    handle = received.lock(found)
    assert handle is not None
    assert received.lock(found) is None, "one at a time"
    page = leader.get(f"/sent/upload/{found.key}")
    assert (page.headers["refresh"], "按规则核对" in page.text) == ("2", True)
    os.close(handle)


def test_who_may_not_does_not(house: Path) -> None:
    body = book([a_row()])
    assert upload(signed_in(house, "inspector"), body).status_code == 403
    elsewhere = upload(signed_in(house, "leader", area="429004"), body)
    assert (elsewhere.status_code, "全市权限" in elsewhere.text) == (409, True)
    assert not (desk_of(house).folder / received.FOLDER).exists()
    with pytest.raises(Refused, match="权限"):
        received.put_down(desk_of(house), person(), frozenset({"inspect"}), "x.xlsx", body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "请选择"),
        (b"a,b\n1,2\n", "不是 .xlsx"),
        (b"\xd0\xcf\x11\xe0 old", "旧格式"),
        (b"PK\x03\x04junk", "不是可读的"),
        (sparse(), "铺到"),
        (book([["红", "圆"]], ["颜色", "形状"], title=False), "没有一页像疑点清单"),
    ],
)
def test_what_is_no_such_list_is_refused_in_a_sentence(leader: TestClient, body: bytes, why: str) -> None:
    answer = upload(leader, body)
    if answer.status_code == 303:
        told = ended(leader, answer.headers["location"])
        assert told["state"] == "refused"
        assert why in told["message"]
        assert leader.post(answer.headers["location"], data={"act": "drop"}).headers["location"] == "/sent"
        assert "读不成清单" not in leader.get("/sent").text
    else:
        assert (answer.status_code, why in answer.text) == (409, True)


def test_sixty_megabytes_stop_at_the_gate(leader: TestClient) -> None:
    assert upload(leader, b"PK\x03\x04" + bytes(60_000_000)).status_code == 413


def test_a_formula_is_text_on_the_page(leader: TestClient) -> None:
    evil = '=HYPERLINK("http://x","<script>alert(1)</script>")'
    head = ["疑点编号", "结算流水号", "违规类型", "涉及金额", evil]
    answer = upload(leader, book([["1", "2", "3", 4, evil]], head, title=False), "<img src=x>.xlsx")
    ended(leader, answer.headers["location"])
    page = leader.get(answer.headers["location"]).text
    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_what_unpacks_too_far_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_bounds, "MAX_UNPACKED", 1_000_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 2_000_000)
    bomb = bytearray(out.getvalue())
    with pytest.raises(UserError, match="展开后超过"):
        within_bounds(bytes(bomb), "x")
    at = bomb.find(b"PK\x01\x02")
    bomb[at + 24 : at + 28] = (10).to_bytes(4, "little")  # and its head lies
    with pytest.raises(UserError, match=r"展开后超过|不是可读的"):
        within_bounds(bytes(bomb), "x")
    with pytest.raises(UserError, match="铺到"):
        read_bytes(sparse(), ("结果",))  # sheets of a bed check come the same way


def test_what_nobody_takes_in_is_erased_after_a_week(house: Path) -> None:
    desk = desk_of(house)
    found = put_down(desk)
    with clock(now() + received.KEEP + timedelta(hours=1)):
        received.put_down(desk, person(), frozenset({"assign"}), "b.xlsx", book([a_row()]))
    assert not found.folder.exists()


def test_columns_a_person_named_are_used(leader: TestClient, house: Path) -> None:
    made = book([["1", "S1", 5.0]], ["疑点编号", "结算号", "查处款项金额"], title=False)
    answer = upload(leader, made)
    told = ended(leader, answer.headers["location"])
    unsure = next(c for c in told["columns"] if c["title"] == "查处款项金额")
    assert (unsure["used"], unsure["said"]) == (False, "=")
    assert "存疑，未采用" in leader.get(answer.headers["location"]).text
    key = re.search("[0-9a-f]{32}", answer.headers["location"])
    assert key is not None
    found = received.opened(desk_of(house), key[0])
    form = {
        "column": ["疑点编号", "查处款项金额", "没有"],
        "field": ["=", "amount", "amount"],
        "deadline": ["2026-12-15"],
    }
    assert how_of(found, form, "x", "2026-11-20")["columns"] == {"查处款项金额": "amount"}


def test_pages_of_other_rights_show_no_form(house: Path) -> None:
    assert "/sent/upload" not in signed_in(house, "inspector").get("/sent").text
    assert "/sent/upload" not in signed_in(house, "leader", area="429004").get("/sent").text
