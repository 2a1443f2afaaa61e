"""The service is killed while it writes: what was confirmed is there, nothing is half done, the chain holds."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from serving.desk import cases, leads, log, people, verify
from serving.desk.database import Desk, open_desk
from serving.desk.schema import CASES, EVENTS

from .conftest import PASSWORD, a_row

WRITER = """
import sys
from pathlib import Path
from sqlalchemy import select
from serving.desk import steps, people
from serving.desk.database import open_desk
from serving.desk.schema import CASES
desk = open_desk(Path(sys.argv[1]))
person = people.Person(1, "first", "first", "", frozenset({"reviewer1"}))
print("ready", flush=True)
with desk.read() as connection:
    todo = connection.execute(select(CASES.c.case_id).where(CASES.c.state == "C10").order_by(CASES.c.case_id)).scalars().all()
for number in todo:
    steps.take(desk, person, person.rights, number, "report", 0, steps.Given(note="x"))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_at_a_write_loses_and_tears_nothing(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    people.accept(desk, people.add(desk, "first", ("reviewer1",)), PASSWORD)
    leads.open_run(desk, "run/kill", "2026-11-22", {"admission": [a_row(n) for n in range(1, 400)]})
    confirmed: set[int] = set()
    for kill in (3, 11, 24):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(kill):
                confirmed.add(int(process.stdout.readline()))
            process.send_signal(signal.SIGKILL)
            confirmed |= {int(line) for line in process.stdout.read().split() if line.isdigit()}
        whole(desk, confirmed)


def whole(desk: Desk, confirmed: set[int]) -> None:
    """Each case stands where its last event says, each move has its log row, and what was told as done is."""
    with desk.read() as connection:
        moved = set(connection.execute(select(CASES.c.case_id).where(CASES.c.state == "C20")).scalars())
        events = connection.execute(select(EVENTS.c.case_id).where(EVENTS.c.to_state == "C20")).scalars().all()
        versions = connection.execute(select(func.sum(CASES.c.version))).scalar_one()
    rows = log.rows(desk, 0, 10_000)
    assert confirmed <= moved
    assert len(moved) - len(confirmed) <= 3, "at most the one in flight of each kill was done and not told"
    assert (sorted(events), versions) == (sorted(moved), len(moved))
    assert sum(r["act"] == "case.report" for r in rows) == len(moved)
    assert verify.fault(rows, log.head(desk)) == ""


def test_an_act_that_fails_at_its_last_write_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    person = people.accept(desk, people.add(desk, "first", ("reviewer1",)), PASSWORD)
    leads.open_run(desk, "run/fail", "2026-11-22", {"admission": [a_row(1)]})
    before = log.head(desk)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(log, "append", full)
    with pytest.raises(OSError, match="no space"):
        cases.note(desk, person, 1, "x")
    assert log.head(desk) == before
    with desk.read() as connection:
        assert connection.execute(select(func.count()).select_from(EVENTS)).scalar_one() == 1
