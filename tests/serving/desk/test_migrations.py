"""A desk of the first version, with something in every table, comes up to date on both engines: every row is kept, and the tables are what the schema says."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, MetaData, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from serving.desk import database, inbox, log, migrating, people, schema, verify, versions
from serving.desk.casefile import case_file
from serving.desk.database import Desk

SECRET = pyotp.random_base32()
DAY, DUE = datetime(2026, 11, 20, 8), datetime(2026, 11, 25)
OLD: dict[str, list[dict[str, Any]]] = {
    "people": [
        {"person_id": n, "name": name, "shown": name, "area": "", "last_code": 0, "failures": 0, "active": True, "created_at": DAY, "second_factor": factor}
        for n, name, factor in ((1, "wang", SECRET), (2, "li", None), (3, "zhao", None), (4, "ann", None), (5, "bob", None))
    ],
    "roles": [{"role_id": 1, "person_id": 3, "role": "leader", "since": DAY}],
    "sessions": [{"secret": "s" * 64, "person_id": 1, "scope": "", "begun_at": DAY, "used_at": DAY, "ends_at": DUE}],
    "cases": [
        {"case_id": n, "number": f"2026-{n:06d}", "grain": "person", "entity_id": f"P{n}", "area": "330101", "unit": "H1", "state": state, "scheme": "T01",
         "low_fen": 1, "mid_fen": 2, "high_fen": 3, "opened_at": DAY, "due_at": DUE, "version": 3, "first_reviewer": 1, "second_reviewer": 2}
        | more
        for n, state, more in (
            (1, "C50", {}),
            (2, "C70", {"signer": 3, "outcome": "O2_IRREGULAR", "violation_class": "irregular", "confirmed_fen": 99_000_000, "recovered_fen": 5, "decided_at": DAY}),
            (3, "C10", {"first_reviewer": None, "second_reviewer": None}),
            (4, "C91", {"into_case": 2}),
        )
    ],
    "leads": [{"lead_id": 1, "case_id": 1, "run": "2026-11-15/aa", "list": "person", "lead": 1, "as_of": "2026-11-15", "slot": "ranked", "selection_prob": "1.0", "model": "m"}],
    "events": [
        {"event_id": 1, "case_id": 2, "at": DAY, "who": 3, "kind": "move", "from_state": "C60", "to_state": "C70", "note": "查实", "detail": {"dispositions": ["RECOVER", "TALK"]}}
    ],
    "officers": [{"case_id": 2, "person_id": p, "declared_at": DAY} for p in (4, 5)],
    "files": [{"file_id": 1, "case_id": 2, "sha256": "a" * 64, "name": "笔录.pdf", "kind": "pdf", "size": 3, "at": DAY, "who": 4}],
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """A desk as version 0001 left it."""
    made: Callable[[], str] | None = request.getfixturevalue("new_database") if request.param == "postgresql" else None
    desk = database.untouched(tmp_path, made() if made else None)
    with desk.engine.execution_options(writes=True).begin() as connection:
        command.upgrade(migrating.alembic_config(connection, desk.folder), "0001")
        _fill(connection)
    return desk


def _fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        for row in OLD.get(table.name, []):
            connection.execute(insert(table).values(**row))
            if connection.dialect.name == "postgresql" and len(table.primary_key.columns) == 1:
                (key,) = table.primary_key.columns
                if key.type.python_type is int:
                    said = f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), max({key.name})) FROM {table.name}"
                    connection.execute(text(said))
    for n in range(5):
        log.append(connection, "sign-in", "wang", detail={"n": n})


def kept(connection: Connection, table: str) -> list[dict[str, Any]]:
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name == table)
    chosen = found.tables[table]
    rows = connection.execute(select(chosen).order_by(*chosen.primary_key.columns)).mappings()
    moments = {c.name for c in chosen.columns if isinstance(c.type, DateTime)}
    return [{k: v.replace(tzinfo=None) if k in moments and v else v for k, v in r.items()} for r in rows]


def test_the_tables_are_what_the_schema_says(desk: Desk) -> None:
    with desk.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.METADATA) == []


def test_the_files_say_which_migration_is_the_last() -> None:
    assert versions.newest() == ScriptDirectory.from_config(migrating.alembic_config()).get_current_head()


def test_every_row_of_the_first_version_is_kept(old: Desk) -> None:
    with old.read() as connection:
        before = {name: kept(connection, name) for name in (*OLD, "log")}
    desk = database.open_desk(old.folder.parent, old.engine.url.render_as_string(hide_password=False))
    with desk.read() as connection:
        after = {name: kept(connection, name) for name in before}
    for name, rows in before.items():
        assert len(after[name]) == len(rows), name
        for row, now in zip(rows, after[name], strict=True):
            assert {k: now[k] for k in row if k != "second_factor"} == {k: v for k, v in row.items() if k != "second_factor"}  # fmt: skip
    assert verify.fault(log.rows(desk), log.head(desk)) == ""
    assert case_file(desk, people.named(desk, "zhao"), 2)["confirmed_fen"] == 99_000_000
    desk.engine.dispose()
    old.engine.dispose()


def test_what_an_earlier_version_held_is_carried_over(old: Desk) -> None:
    desk = database.open_desk(old.folder.parent, old.engine.url.render_as_string(hide_password=False))
    with desk.read() as connection:
        [told] = connection.execute(select(schema.APPEALS)).mappings()
        assert (told["case_id"], told["told_at"], told["deadline"]) == (1, DAY, DUE)
        kinds = connection.execute(select(schema.DISPOSITIONS.c.case_id, schema.DISPOSITIONS.c.kind)).tuples().all()
        assert kinds == [(2, "RECOVER"), (2, "TALK")]
        rows = connection.execute(select(schema.PEOPLE.c.sealed_factor).order_by(schema.PEOPLE.c.person_id)).scalars()
        sealed, *others = rows
    assert others == [None] * 4
    assert sealed
    assert SECRET not in sealed
    for engine in (desk.engine, old.engine):
        engine.dispose()  # whoever closes last writes what stands beside the file into it
    everything = b"".join(p.read_bytes() for p in desk.folder.glob("desk.sqlite*"))
    assert SECRET.encode() not in everything, "a page that was freed must not keep it"
    with desk.write() as connection:
        wang = connection.execute(select(schema.PEOPLE).where(schema.PEOPLE.c.person_id == 1)).mappings().one()
        assert people._second(desk, connection, dict(wang), pyotp.TOTP(SECRET).at(database.now()))
    with pytest.raises(DBAPIError, match="append-only"), desk.write() as connection:
        connection.execute(text("UPDATE events SET note = 'x'"))
    desk.engine.dispose()
    old.engine.dispose()


def test_a_desk_brought_up_to_date_goes_on(old: Desk) -> None:
    """New rows get new numbers, old constraints and the new ones hold, a second start changes nothing."""
    address = old.engine.url.render_as_string(hide_password=False)
    desk = database.open_desk(old.folder.parent, address)
    again = database.open_desk(old.folder.parent, address)
    person = people.accept(again, people.add(again, "new", ("leader",)), "correct horse battery")
    assert person.person_id == 6
    inbox.claim(again, person, 3)
    with pytest.raises(DBAPIError), again.write() as connection:
        connection.execute(update(schema.CASES).where(schema.CASES.c.case_id == 2).values(signer=1))
    with pytest.raises(DBAPIError), again.write() as connection:
        connection.execute(update(schema.CASES).where(schema.CASES.c.case_id == 2).values(grave=True))
    assert json.loads(log.rows(again, 0, 100)[4]["detail"]) == {"n": 4}
    assert verify.fault(log.rows(again), log.head(again)) == ""
    for opened in (desk, again, old):
        opened.engine.dispose()
