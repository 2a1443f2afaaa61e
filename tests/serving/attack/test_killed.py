"""The database locked, gone, or the process killed while something is written: told in Chinese, nothing confirmed is lost, nothing is half done."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from serving.desk import log
from serving.desk.database import Desk, open_desk
from serving.desk.schema import CASES, EVENTS
from serving.desk.verify import FIRST, digest
from serving.lists import publish
from serving.web.middleware import desk_of
from tests.serving.conftest import AS_OF, TestClient, made_list, signed_in

WRITES = (
    ("/cases/1/note", {"note": "x"}),
    ("/cases/1/claim", {}),
    ("/cases/next", {}),
    ("/cases/1/step", {"step": "report", "version": "0", "note": "x"}),
    ("/cases/1/reveal", {"reason": "现场核查核对身份"}),
    ("/sign-out", {}),
    ("/sign-in", {"name": "nobody", "password": "x"}),
)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    return tmp_path


def told(desk: Desk) -> tuple[object, ...]:
    """Everything of the cases, and the log's head."""
    with desk.read() as connection:
        return (connection.execute(select(CASES)).all(), connection.execute(select(EVENTS)).all(), log.head(desk))


def ready(house: Path) -> TestClient:
    client = signed_in(house, "reviewer1", "inspector")
    client.follow_redirects = True
    client.get("/lists/doctor")
    assert client.get("/cases/1").status_code == 200
    return client


@pytest.mark.parametrize(("path", "form"), WRITES)
def test_a_locked_database_is_told_and_changes_nothing(house: Path, path: str, form: dict[str, str]) -> None:
    client, desk = ready(house), desk_of(house)

    @event.listens_for(desk.engine, "connect")
    def _impatient(dbapi: sqlite3.Connection, _: object) -> None:
        dbapi.execute("PRAGMA busy_timeout=50").close()

    desk.engine.dispose()
    before = told(desk)
    other = sqlite3.connect(desk.folder / "desk.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = client.post(path, data=form)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert answer.status_code == 503
    assert "请稍后再试" in answer.text
    assert told(desk) == before
    assert client.post(path, data=form).status_code < 500, "and afterwards it goes on"


@pytest.mark.parametrize(("path", "form"), [w for w in WRITES if w[0].startswith("/cases")])
def test_a_write_that_cannot_be_logged_does_not_happen(
    house: Path, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str]
) -> None:
    client, desk = ready(house), desk_of(house)
    before = told(desk)

    def gone(*_: object, **__: object) -> str:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", gone)
        answer = client.post(path, data=form)
    assert answer.status_code == 503
    assert "I/O" not in answer.text
    assert told(desk) == before


def test_no_session_is_believed_while_the_database_is_gone(house: Path) -> None:
    client, desk = ready(house), desk_of(house)
    desk.engine.dispose()
    file = desk.folder / "desk.sqlite"
    kept = {p: p.read_bytes() for p in desk.folder.glob("desk.sqlite*")}
    for p in kept:
        p.unlink()
    file.write_bytes(b"no database" * 100)
    answer = client.get("/lists/doctor")
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    file.unlink()
    desk.engine.dispose()
    for p, body in kept.items():
        p.write_bytes(body)
    assert client.get("/lists/doctor").status_code == 200


WRITER = """
import sys
from pathlib import Path
from serving.desk import people
from serving.desk.cases import note
from serving.desk.database import open_desk
desk = open_desk(Path(sys.argv[1]))
with desk.read() as connection:
    from sqlalchemy import select
    from serving.desk.schema import PEOPLE
    row = connection.execute(select(PEOPLE)).mappings().first()
    who = people.Person(row["person_id"], row["name"], row["shown"], row["area"], frozenset({"reviewer1"}))
print("ready", flush=True)
for i in range(100000):
    note(desk, who, 1, f"{sys.argv[2]}-{i}")
    print(f"{sys.argv[2]}-{i}", flush=True)
"""


@pytest.mark.slow
def test_what_was_confirmed_survives_a_kill_at_any_moment(house: Path) -> None:
    ready(house)
    rng = random.Random(5)
    confirmed: list[str] = []
    for n in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(house), f"k{n}"], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.05, 0.6))
        writer.send_signal(signal.SIGKILL)
        confirmed += [line.strip() for line in writer.stdout if line.endswith("\n")]
        writer.wait()
    desk = open_desk(house)
    with desk.read() as connection:
        notes = list(connection.execute(select(EVENTS.c.note).where(EVENTS.c.kind == "note")).scalars())
    rows = log.rows(desk, 0, 100_000)
    assert confirmed
    assert set(confirmed) <= set(notes)
    assert len(notes) == len(set(notes)) == sum(r["act"] == "case.note" for r in rows), "a note and its row, or neither"
    head = FIRST
    for row in rows:
        assert (row["prev"], row["hash"]) == (head, digest(row))
        head = row["hash"]
