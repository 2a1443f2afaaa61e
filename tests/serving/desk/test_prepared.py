"""What is put to the driver itself says what SQLAlchemy would say, on both engines, and fails as it does."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import bindparam, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from serving.desk import people
from serving.desk.database import Desk
from serving.desk.prepared import Prepared
from serving.desk.schema import LIMITS, LOG, PEOPLE


def test_rows_are_those_of_sqlalchemy(desk: Desk) -> None:
    for name in ("wang", "o'li %s", "陈"):
        people.add(desk, name.replace(" ", "_"), ("officer",))
    asked = select(PEOPLE.c.name, PEOPLE.c.active, PEOPLE.c.created_at).where(
        PEOPLE.c.name.in_(("wang", "陈", "o'li_%s")), PEOPLE.c.name != bindparam("but")
    )
    prepared = Prepared(asked.order_by(PEOPLE.c.person_id))
    for but in ("wang", "nobody", "wang"):
        with desk.read() as connection:
            told = [tuple(r) for r in connection.execute(asked.order_by(PEOPLE.c.person_id), {"but": but})]
        assert prepared.asked(desk.engine, {"but": but}) == told
    assert [(type(r[1]), type(r[2])) for r in told] == [(bool, datetime)] * 2


def test_an_insert_is_part_of_the_transaction_it_stands_in(desk: Desk) -> None:
    add = Prepared(insert(LOG), [c.name for c in LOG.c])
    row = {"seq": 10**6, "at": "", "who": "", "act": "x", "about": "", "detail": "{}", "prev": "", "hash": "h"}
    with suppress(RuntimeError), desk.write() as connection:
        add.within(connection, row)
        raise RuntimeError
    assert Prepared(select(LOG.c.seq).where(LOG.c.act == "x")).asked(desk.engine, {}) == []
    with desk.write() as connection:
        add.within(connection, row)
        with pytest.raises(IntegrityError):
            add.within(connection, row)
        connection.rollback()


def test_what_the_database_refuses_is_an_error_of_sqlalchemy(desk: Desk) -> None:
    asked = Prepared(select(LIMITS.c.name).where(LIMITS.c.name == bindparam("name")))
    assert asked.asked(desk.engine, {"name": "C10"}) == []
    with desk.write() as connection:
        connection.execute(text("DROP TABLE limits"))
    with pytest.raises(DBAPIError):
        asked.asked(desk.engine, {"name": "C10"})


def test_a_database_that_cannot_be_opened_is_an_error_of_sqlalchemy(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "desk.sqlite").write_bytes(b"no database" * 1000)
    engine = create_engine(f"sqlite:///{tmp_path / 'desk' / 'desk.sqlite'}")
    gone = create_engine(f"sqlite:///{tmp_path / 'none' / 'desk.sqlite'}")
    for one in (engine, gone):
        with pytest.raises(DBAPIError):
            Prepared(select(PEOPLE.c.name)).asked(one, {})
