"""The database refuses at the first write of an act, at the second, at each to the last: told in Chinese, and nothing is half done; nor does a page say so of what was kept."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import OperationalError

from serving.desk import log
from serving.desk.database import Desk
from serving.desk.schema import CASES, METADATA
from serving.lists import publish
from serving.web.middleware import desk_of
from tests.serving.attack.house import furnished
from tests.serving.conftest import AS_OF, TestClient, made_list, signed_in

WRITES = ("INSERT", "UPDATE", "DELETE")
PDF = b"%PDF-1.7 another record"
Sender = Callable[[], Any]


def rows(desk: Desk) -> dict[str, list[Any]]:
    """Every row of every table."""
    with desk.read() as connection:
        return {t.name: sorted(connection.execute(select(t)).all(), key=str) for t in METADATA.sorted_tables}


def files(house: Path) -> set[str]:
    """What lies beside the database, but for its own files."""
    return {str(p) for p in (house / "desk").rglob("*") if p.is_file() and not p.name.startswith("desk.sqlite")}


@contextmanager
def broken(desk: Desk, at: int, how: Callable[[Connection], None]) -> Iterator[list[int]]:
    """The `at`-th writing statement meets `how`; yields a list of how many there were."""
    seen = [0]

    def count(connection: Connection) -> None:
        seen[0] += 1
        if seen[0] == at:
            how(connection)

    def before(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            count(connection)

    def append(
        connection: Connection, *given: Any, **more: Any
    ) -> str:  # the log's own row is written past SQLAlchemy's events
        count(connection)
        return kept(connection, *given, **more)

    kept = log.append
    event.listen(desk.engine, "before_cursor_execute", before)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log, "append", append)
            yield seen
    finally:
        event.remove(desk.engine, "before_cursor_execute", before)


def full(_: Connection) -> None:
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = tmp_path_factory.mktemp("writes")
    furnished(warehouse)
    return warehouse


def case_in(desk: Desk, state: str, nth: int = 0) -> int:
    with desk.read() as connection:
        chosen = (
            select(CASES.c.case_id).where(CASES.c.state == state, CASES.c.holder.is_(None)).order_by(CASES.c.case_id)
        )
        return int(connection.execute(chosen.offset(nth).limit(1)).scalar_one())


def acts(house: Path) -> dict[str, Sender]:
    """One of each kind of write, ready to be sent by whoever may."""
    desk = desk_of(house)
    officer, leader, admin = (signed_in(house, r) for r in ("officer", "leader", "admin"))
    leaving = signed_in(house, "reviewer1")
    security, second = signed_in(house, "security"), signed_in(house, "reviewer")
    new, other, sent = (case_in(desk, "C10", n) for n in range(3))
    with desk.read() as connection:
        about = select(CASES.c.case_id).where(CASES.c.grain == "person", CASES.c.psn_no.is_not(None)).limit(1)
        person = connection.execute(about).scalar_one()
    beds = next(p for p in sorted((house / "lists").glob("????-??-??/*")) if (p / "bedsheet.json").is_file())
    night = f"/beds/{beds.parent.name}/{beds.name}"
    lead = leader.get(night + ".json").json()["hospitals"][0]["wards"][0]["beds"][0]["lead"]
    said = {"lead": str(lead), "result": "在床", "at": "2025-09-28T20:40", "client": "w" * 32}

    def step(client: TestClient, case: int, name: str, **more: str) -> Any:
        with desk.read() as connection:
            version = connection.execute(select(CASES.c.version).where(CASES.c.case_id == case)).scalar_one()
        return client.post(f"/cases/{case}/step", data={"step": name, "version": version, "note": "见明细", **more})

    return {
        "note": lambda: officer.post(f"/cases/{new}/note", data={"note": "见明细"}),
        "claim": lambda: officer.post(f"/cases/{new}/claim"),
        "report": lambda: step(officer, other, "report"),
        "return": lambda: step(second, case_in(desk, "C20"), "return"),
        "hold": lambda: step(leader, sent, "hold", until="2099-01-01"),
        "paper": lambda: officer.post(f"/cases/{new}/files", files={"file": ("a.pdf", PDF)}),
        "reveal": lambda: officer.post(f"/cases/{person}/reveal", data={"reason": "现场核查核对身份"}),
        "bed": lambda: officer.post(night + "/results", data=said),
        "account": lambda: admin.post("/people", data={"act": "add", "name": "newcomer", "role": "inspector"}),
        "closed": lambda: admin.post("/people", data={"act": "close", "name": "ann"}),
        "limit": lambda: security.post("/limits", data={"name": "C10", "value": "9", "note": "试行"}),
        "token": lambda: officer.post("/me", data={"act": "token", "scope": "lists", "days": "5"}),
        "plan": lambda: leader.post("/plan", data={"site": "H11", "never": "1", "why": "约好"}),
        "sign out": lambda: leaving.post("/sign-out"),
        "list sent down": lambda: leader.post("/sent/upload", files={"file": ("x.xlsx", book())}),
    }


def book() -> bytes:
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    return told.getvalue()


ACTS = ("sign out", "note", "claim", "report", "return", "hold", "paper", "reveal", "bed", "account", "closed", "limit", "token", "plan", "list sent down")  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_whole_or_not_at_all_wherever_the_disk_is_full(house: Path, name: str) -> None:
    desk, send = desk_of(house), acts(house)[name]
    for at in range(1, 30):
        before, beside = rows(desk), files(house)
        with broken(desk, at, full) as seen:
            answer = send()
        if seen[0] < at:
            break
        assert answer.status_code == 503, (at, answer.text[:300])
        assert "没有保存" in answer.text
        after = rows(desk)
        if name in ("reveal", "plan"):  # what is shown is written down first, so what was not shown may be written down
            after["log"] = before["log"]
        assert after == before, f"half done at write {at}"
        assert files(house) == beside
    assert (at > 1, answer.status_code in (200, 303)) == (True, True), answer.text[-900:]
    assert rows(desk) != before


@pytest.mark.parametrize("pragma", ["query_only=ON", "max_page_count=1"])
def test_a_database_that_cannot_grow_or_be_written_is_told(tmp_path: Path, pragma: str) -> None:
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    client, desk = signed_in(tmp_path, "reviewer1"), desk_of(tmp_path)
    client.get("/lists/doctor")
    before = rows(desk)

    def set_it(dbapi: Any, *_: Any) -> None:
        dbapi.execute(f"PRAGMA {pragma}").close()

    event.listen(desk.engine, "checkout", set_it)
    answer = client.post("/cases/1/note", data={"note": "长" * 90_000})
    event.remove(desk.engine, "checkout", set_it)
    desk.engine.dispose()
    assert (answer.status_code, "没有保存" in answer.text) == (503, True)
    assert rows(desk) == before
    assert client.post("/cases/1/note", data={"note": "x"}).status_code == 303, "and afterwards it goes on"


def test_postgresql_that_is_killed_at_a_write_is_told_and_comes_back(
    tmp_path: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIEZHI_DESK", new_database())
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    client, desk = signed_in(tmp_path, "reviewer1"), desk_of(tmp_path)
    assert not desk.is_sqlite
    client.get("/lists/doctor")

    def kill(connection: Connection) -> None:
        mine = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        with desk.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})

    for name, form in (("note", {"note": "x"}), ("claim", {}), ("step", {"step": "report", "version": "0", "note": "x"})):  # fmt: skip
        for at in range(1, 30):
            before = rows(desk)
            with broken(desk, at, kill) as seen:
                answer = client.post(f"/cases/1/{name}", data=form)
            if seen[0] < at:
                break
            assert (answer.status_code, "没有保存" in answer.text) == (503, True), (name, at)
            assert rows(desk) == before
        assert (at > 1, answer.status_code) == (True, 303), name
    desk.engine.dispose()
