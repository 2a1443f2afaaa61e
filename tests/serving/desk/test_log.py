"""The chain: every tampering that can be found is found, and the database itself refuses the crude ones."""

import ast
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import DBAPIError

from serving.desk import log, verify
from serving.desk.database import Desk, clock
from serving.desk.schema import LOG
from serving.desk.together import Together
from serving.web.log_words import PARTICULARS, about, done, particulars


def written(desk: Desk, n: int = 5) -> list[dict[str, object]]:
    for i in range(n):
        log.note(desk, "act", "who", f"about {i}", {"i": i, "字": "审"})
    return log.rows(desk)


def test_the_chain_holds_and_its_head_is_its_last_row(desk: Desk) -> None:
    assert log.head(desk) == (0, verify.FIRST)
    rows = written(desk)
    assert verify.fault(rows, log.head(desk)) == ""
    assert log.head(desk) == (5, rows[-1]["hash"])


@pytest.mark.parametrize("act", [update(LOG).values(who="x"), delete(LOG)])
def test_the_database_refuses_to_change_what_happened(desk: Desk, act: object) -> None:
    written(desk)
    with pytest.raises(DBAPIError, match="append-only"), desk.write() as connection:
        connection.execute(act)
    assert verify.fault(log.rows(desk), log.head(desk)) == ""


def rechained(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    last, made = verify.FIRST, []
    for i, row in enumerate(rows, start=1):
        made.append(row | {"seq": i, "prev": last})
        made[-1]["hash"] = last = verify.digest(made[-1])
    return made


TAMPERED = {
    "edit": lambda r: [r[0], r[1] | {"who": "x"}, *r[2:]],
    "delete": lambda r: [*r[:2], *r[3:]],
    "insert": lambda r: [*r[:2], r[2], *r[2:]],
    "reorder": lambda r: [r[0], r[2], r[1], *r[3:]],
    "cut": lambda r: r[:-1],
    "older": lambda r: r[:2],
    "forged": lambda r: rechained([r[0], r[1] | {"who": "x"}, *r[2:]]),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_each_tampering_is_found_beside_a_head_that_was_kept(desk: Desk, kind: str) -> None:
    rows = written(desk)
    kept = log.head(desk)
    tampered = TAMPERED[kind](rows)
    assert verify.fault(tampered, kept)
    alone = verify.fault(tampered)
    assert bool(alone) == (kind in ("edit", "delete", "insert", "reorder"))


def test_the_verifier_stands_alone(desk: Desk, tmp_path: Path) -> None:
    rows = written(desk)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    seq, kept = log.head(desk)
    command = [sys.executable, "-I", verify.__file__, str(path)]
    assert subprocess.run([*command, "--head", f"{seq}:{kept}"], check=False).returncode == 0
    path.write_text(path.read_text(encoding="utf-8").replace("about 3", "about 4"), encoding="utf-8")
    assert subprocess.run(command, check=False).returncode == 1
    assert subprocess.run([*command[:-1], str(tmp_path / "none")], check=False).returncode == 1
    assert subprocess.run(command[:-1], check=False).returncode == 2


def test_writers_at_once_make_one_chain(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: log.note(desk, "act", "who", str(i)), range(40)))
    rows = log.rows(desk)
    assert verify.fault(rows, log.head(desk)) == ""
    assert sorted(int(r["about"]) for r in rows) == list(range(40))


def test_what_waits_for_the_disk_is_written_in_one_transaction(desk: Desk) -> None:
    begun: list[int] = []
    first, rest = threading.Event(), threading.Event()

    @contextmanager
    def begin() -> Iterator[Connection]:
        begun.append(1)
        with desk.write() as connection:
            yield connection

    together = Together(begin)

    def slow(connection: Connection) -> str:
        first.set()
        assert rest.wait(20)
        return log.append(connection, "act", "who", "slow")

    def one(connection: Connection) -> str:
        return log.append(connection, "act", "who", "one")

    with ThreadPoolExecutor(5) as pool:
        held = pool.submit(together.write, slow)
        assert first.wait(20)
        others = [pool.submit(together.write, one) for _ in range(4)]
        while len(together._waiting) < 4:
            pass
        rest.set()
        heads = {f.result(20) for f in others} | {held.result(20)}
    rows = log.rows(desk)
    assert heads == {f"{r['seq']}:{r['hash']}" for r in rows}
    assert len(rows) == 5
    assert len(begun) == 2


def test_a_write_that_fails_takes_no_other_with_it(desk: Desk) -> None:
    first, rest = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        first.set()
        assert rest.wait(20)

    def good(connection: Connection) -> str:
        return log.append(connection, "act", "who", "good")

    def bad(connection: Connection) -> str:
        log.append(connection, "act", "who", "bad")
        raise ValueError("half done")

    with ThreadPoolExecutor(4) as pool:
        pool.submit(desk.together, slow)
        assert first.wait(20)
        found = [pool.submit(desk.together, f) for f in (good, bad, good)]
        rest.set()
        assert isinstance(found[1].exception(20), ValueError)
        assert all(found[i].result(20) for i in (0, 2))
    assert [r["about"] for r in log.rows(desk)] == ["good", "good"]


def test_a_shared_write_keeps_the_clock_of_who_asked(desk: Desk) -> None:
    with clock(datetime(2020, 1, 2)):
        log.note(desk, "act")
    assert str(log.rows(desk)[0]["at"]).startswith("2020-01-02")


def test_what_cannot_be_logged_does_not_happen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.desk import people

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(log, "append", full)
    with pytest.raises(OSError, match="no space"):
        people.add(desk, "wang", ("officer",))
    assert people.everybody(desk) == []


def test_every_act_has_words_on_the_page() -> None:
    root = Path(log.__file__).parents[2]
    named = re.compile(r'log\.(?:append|note)\(\s*\w[\w.]*(?:\(\))?,\s*"([a-z.-]+)"')
    acts = {a for d in ("serving", "commands") for p in (root / d).rglob("*.py") for a in named.findall(p.read_text())}
    assert len(acts) > 30
    assert [a for a in sorted(acts) if done(a) == a] == []
    assert (done("case.report"), done("tick.confirmed")) == ("上报", "现场任务确认")


def test_what_a_row_adds_is_in_words_and_each_key_has_one() -> None:
    root = Path(log.__file__).parents[2]
    calls = [
        call
        for p in (root / "serving").rglob("*.py")
        for call in ast.walk(ast.parse(p.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("log.append", "log.note")
    ]
    given = [a for call in calls for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Dict)]
    keys = {k.value for told in given for k in told.keys if isinstance(k, ast.Constant)}
    assert len(keys) > 20
    assert sorted(keys - set(PARTICULARS)) == []
    assert particulars('{"from": "C10", "to": "C20"}') == "由 待初审；到 待复审"
    assert (
        particulars('{"fen": 70000, "passed": true, "roles": ["legal"], "day": 1, "area": ""}')
        == "金额 700.00 元；通过 是；岗位 法制审核；星期 周二"
    )
    assert about("C10") == "初审期限"
