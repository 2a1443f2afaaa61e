"""A desk of an earlier version comes up to date with what it holds, and the tables are then what the schema says."""

from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from serving.desk import database, schema
from serving.desk.database import Desk


def test_the_tables_are_what_the_schema_says(desk: Desk) -> None:
    with desk.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.METADATA) == []


def test_what_an_earlier_version_held_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = database._engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    moment = datetime(2026, 11, 20)
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO people (name, shown, area, last_code, failures, active, created_at) VALUES ('w', 'w', '', 0, 0, 1, '2026-11-01')"
            )
        )
        for number, state in (("2026-1", "C50"), ("2026-2", "C70")):
            connection.execute(
                text(
                    "INSERT INTO cases (number, grain, entity_id, area, unit, state, scheme, low_fen, mid_fen, high_fen, opened_at, due_at, version)"
                    f" VALUES ('{number}', 'person', 'P', '', '', '{state}', '', 1, 2, 3, '2026-11-20 00:00:00.000000', '2026-11-25 00:00:00.000000', 3)"
                )
            )
        connection.execute(
            text(
                "INSERT INTO events (case_id, at, who, kind, from_state, to_state, note, detail)"
                " VALUES (2, '2026-11-21 00:00:00.000000', 1, 'move', 'C60', 'C70', '', '{\"dispositions\": [\"RECOVER\", \"TALK\"]}')"
            )
        )
    monkeypatch.setenv("XIEZHI_DESK", f"sqlite:///{tmp_path / 'old.sqlite'}")
    database.open_desk(tmp_path)
    with engine.connect() as connection:
        [told] = connection.execute(select(schema.APPEALS)).mappings()
        assert (told["case_id"], told["told_at"]) == (1, moment)
        kinds = connection.execute(select(schema.DISPOSITIONS.c.case_id, schema.DISPOSITIONS.c.kind)).tuples().all()
        assert kinds == [(2, "RECOVER"), (2, "TALK")]
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text("UPDATE events SET note = 'x'"))
