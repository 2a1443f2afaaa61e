"""The desk in one file and back, on and between both engines; whatever is damaged, newer or stopped half way is as if it had not been."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import insert, select, text

from claims.errors import Damaged, UserError
from serving.desk import backup, log, people, vault
from serving.desk.backup import LEFT_OUT
from serving.desk.database import Desk, now, open_desk, untouched
from serving.desk.people import Person
from serving.desk.schema import FILES, METADATA
from serving.desk.steps import Given, take
from serving.desk.verify import fault

from .conftest import PASSWORD

PAPER = "笔录".encode() * 1000
SHA = hashlib.sha256(PAPER).hexdigest()


def worked_on(desk: Desk, staff: dict[str, Person]) -> None:
    """A case a step further, another joined to it, a paper attached."""
    first = staff["first"]
    take(desk, first, first.rights, 1, "report", 0, Given(note="床位无人"))
    desk.file(SHA).parent.mkdir(parents=True)
    desk.file(SHA).write_bytes(PAPER)
    values = {
        "case_id": 1,
        "sha256": SHA,
        "name": "笔录.pdf",
        "kind": "record",
        "size": len(PAPER),
        "who": first.person_id,
    }
    with desk.write() as connection:
        connection.execute(insert(FILES).values(**values, at=backup.now()))
        connection.execute(text("UPDATE cases SET into_case = 2 WHERE case_id = 1"))


def held(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """All that a backup carries, but for the log rows of the restore itself."""
    with desk.read() as connection:
        return {
            t.name: [dict(r) for r in connection.execute(select(t).order_by(*t.primary_key.columns)).mappings()]
            for t in METADATA.sorted_tables
            if t.name not in LEFT_OUT
        }


@pytest.fixture
def other(desk: Desk, request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """An empty desk of the other engine."""
    (tmp_path / "other").mkdir()
    if not desk.is_sqlite:
        return untouched(tmp_path / "other", f"sqlite:///{tmp_path / 'other' / 'desk.sqlite'}")
    return untouched(tmp_path / "other", request.getfixturevalue("new_database")())


def test_a_backup_of_one_engine_is_restored_into_the_other(
    opened: Desk, staff: dict[str, Person], other: Desk, tmp_path: Path
) -> None:
    worked_on(opened, staff)
    made = backup.backup(opened, tmp_path / "b.zip")
    before = held(opened)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    assert backup.restore(other, tmp_path / "b.zip") == made
    after = held(other)
    assert len(after["log"]) == len(before["log"]) + 1
    after["log"].pop()
    assert after == before
    assert other.file(SHA).read_bytes() == PAPER
    assert fault(log.rows(other, 0, 1000), (int(made["head"].partition(":")[0]), made["head"].partition(":")[2])) == ""
    # and it is a desk that works: the next number follows, the two-person rule holds
    assert people.sign_in(other, "second", "correct horse battery").name == "second"
    people.add(other, "new", ("inspector",))
    assert take(other, staff["second"], staff["second"].rights, 1, "agree", 1, Given(note="同意")) == "C30"


def test_it_goes_into_an_empty_desk_only(opened: Desk, staff: dict[str, Person], tmp_path: Path) -> None:
    backup.backup(opened, tmp_path / "b.zip")
    with pytest.raises(UserError, match="not empty"):
        backup.restore(opened, tmp_path / "b.zip")
    with pytest.raises(UserError, match="is there already"):
        backup.backup(opened, tmp_path / "b.zip")


def rewritten(file: Path, change: Callable[[str, bytes], bytes]) -> Path:
    out = file.with_name("bent.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out


def newer(name: str, body: bytes) -> bytes:
    import json

    from claims.store.files import sealed

    return sealed(json.loads(body) | {"revision": "9999"}) if name == "manifest.json" else body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n, b: b.replace(b"C10", b"C70") if n == "tables/cases.jsonl" else b, "not what was written"),
        (lambda n, b: b.replace(b'"version": 1', b'"version": 0') if n == "manifest.json" else b, "damaged"),
        (newer, "newer xiezhi"),
    ],
)
def test_what_is_damaged_or_newer_is_refused(
    sqlite: Desk, tmp_path: Path, change: Callable[[str, bytes], bytes], said: str
) -> None:
    backup.backup(sqlite, tmp_path / "b.zip")
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=said):
        backup.restore(untouched(tmp_path / "other"), rewritten(tmp_path / "b.zip", change))
    (tmp_path / "cut.zip").write_bytes((tmp_path / "b.zip").read_bytes()[:-100])
    with pytest.raises(Damaged, match="no backup"):
        backup.restore(untouched(tmp_path / "other"), tmp_path / "cut.zip")
    assert not people.anybody(open_desk(tmp_path / "other"))


KILLED = """
import os, signal, sys
from pathlib import Path
from serving.desk import backup
from serving.desk.database import open_desk, untouched
what, point, folder, file = sys.argv[1:]
check = lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == point else None
if what == "backup":
    backup.backup(open_desk(Path(folder)), Path(file), check=check)
else:
    backup.restore(untouched(Path(folder)), Path(file), check=check)
"""


@pytest.mark.parametrize(("what", "point"), [("backup", "rename"), ("restore", "table events"), ("restore", "commit")])
def test_killed_in_the_middle_it_is_as_if_it_had_not_begun(sqlite: Desk, tmp_path: Path, what: str, point: str) -> None:
    (tmp_path / "other").mkdir()
    file, folder = tmp_path / "b.zip", tmp_path
    if what == "restore":
        backup.backup(sqlite, file)
        folder = tmp_path / "other"
    words = [sys.executable, "-c", KILLED, what, point, str(folder), str(file)]
    assert subprocess.run(words, check=False, capture_output=True).returncode == -9
    if what == "backup":
        assert not file.exists()
        backup.backup(sqlite, file)
    backup.restore(untouched(tmp_path / "other"), file)
    assert people.anybody(open_desk(tmp_path / "other"))


def test_a_database_of_a_newer_xiezhi_is_not_opened(sqlite: Desk, tmp_path: Path) -> None:
    with sqlite.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer xiezhi"):
        open_desk(tmp_path)


def test_a_backup_holds_no_key_and_a_restore_says_what_it_needs(opened: Desk, staff: dict[str, Person], tmp_path: Path) -> None:  # fmt: skip
    secret = pyotp.random_base32()
    people.set_second_factor(opened, staff["first"], secret, pyotp.TOTP(secret).at(now()))
    file, key = tmp_path / "desk.zip", (opened.folder / vault.NAME).read_bytes()
    made = backup.backup(opened, file)
    with zipfile.ZipFile(file) as archive:
        inside = b"".join(archive.read(m) for m in archive.namelist())
    assert key.strip() not in inside
    assert secret.encode() not in inside
    (tmp_path / "new").mkdir()
    there = untouched(tmp_path / "new", f"sqlite:///{tmp_path / 'new.sqlite'}")
    backup.restore(there, file)
    assert "1 accounts have a second factor under another key" in backup.key_note(there, made)
    (there.folder / vault.NAME).write_bytes(key)
    (there.folder / vault.NAME).chmod(0o600)
    assert backup.key_note(there, made) == ""
    assert people.sign_in(there, "first", PASSWORD, pyotp.TOTP(secret).at(now())).name == "first"
    there.engine.dispose()
