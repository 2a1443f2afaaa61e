"""Bringing the desk's tables up to date with alembic; apart from serving/desk/database.py, because importing alembic costs every command half a second."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection

from claims.errors import UserError
from serving.desk.versions import MIGRATIONS


def bring_up(connection: Connection, folder: Path) -> None:
    """Run what migrations lack, within the open transaction. Raises UserError for a database of a newer xiezhi."""
    try:
        command.upgrade(alembic_config(connection, folder), "head")
    except CommandError:
        raise UserError("the desk's database was made by a newer xiezhi; use that one, or restore a backup") from None


def alembic_config(connection: Connection | None = None, folder: Path | None = None) -> Config:
    """The migrations, over an open transaction where one is given. folder: of the desk, where the key of second factors lies."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes |= {"connection": connection, "folder": folder}
    return config


def revision_of(connection: Connection) -> str | None:
    """The migration this database stands at; None where it has none."""
    return MigrationContext.configure(connection).get_current_revision()
