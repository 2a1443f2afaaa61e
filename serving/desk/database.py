"""The desk's database: SQLite beside the warehouse by default, PostgreSQL by address; migrated by alembic at the start.

    with desk.write() as connection: …   one transaction that may write; on SQLite it holds the write lock from its first moment
    with desk.read() as connection: …    a snapshot
    desk.together(write)                 a small write that shares its transaction with those of other threads (serving/desk/together.py)

A transaction that cannot be logged fails as a whole (serving/desk/log.py writes inside it).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from claims.errors import UserError
from claims.settings import settings
from serving.desk.together import Together
from serving.desk.versions import newest

T = TypeVar("T")
STARTING: Final = 1
AT_ONCE: Final = 44
"""Connections of a process: one for each of the forty threads that answer pages, and a few. With fewer, SQLite's would be opened and closed with every page;
two processes stay below the hundred that PostgreSQL takes."""
FOLDER: Final = "desk"
"""Below the warehouse, 0700: the database and the papers of cases."""


@dataclass(frozen=True)
class Desk:
    """An open database of one warehouse's desk. folder: where papers lie."""

    engine: Engine
    folder: Path

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writing.begin() as connection:
            yield connection

    @functools.cached_property
    def _writing(self) -> Engine:
        return self.engine.execution_options(writes=True)

    def together(self, write: Callable[[Connection], T]) -> T:
        """What `write` returned, once it is on disk. Raises what it raised."""
        return self._together.write(write)

    @functools.cached_property
    def _together(self) -> Together:
        return Together(self.write)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def file(self, sha256: str) -> Path:
        """Where a paper of a case lies, by the hash of its bytes."""
        return self.folder / "files" / sha256


_SET: ContextVar[datetime | None] = ContextVar("_SET", default=None)


def now() -> datetime:
    """This moment, UTC without zone, to the microsecond."""
    return _SET.get() or datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def clock(moment: datetime) -> Iterator[None]:
    """The desk's clock stands at a moment (UTC): for a county that lies in the past, as the demo's and those of tests do."""
    token = _SET.set(moment)
    try:
        yield
    finally:
        _SET.reset(token)


def exclusive(connection: Connection, lock: int) -> None:
    """Nobody else is past this line with the same number until the transaction ends. SQLite's write lock serves by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def open_desk(warehouse: Path, url: str | None = None) -> Desk:
    """The desk of a warehouse, its tables brought up to date. url: SQLAlchemy address, else XIEZHI_DESK, else SQLite in the warehouse.

    Raises UserError for an address that cannot be opened, or a database of a newer xiezhi.
    """
    desk = untouched(warehouse, url)
    try:
        with desk.engine.execution_options(writes=True).begin() as connection:
            exclusive(connection, STARTING)  # two workers start at once
            if _revision(connection) != newest():
                from serving.desk.migrating import (
                    bring_up,  # half a second of alembic that a desk up to date does not need
                )

                bring_up(connection, desk.folder)
    except DBAPIError as error:
        raise _unopened(error) from None
    return desk


def _revision(connection: Connection) -> str | None:
    """The migration a database stands at by its own word; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def untouched(warehouse: Path, url: str | None = None) -> Desk:
    """The desk as it is, for whoever brings its tables in himself (serving/desk/backup.py). Raises UserError for an address that cannot be opened."""
    folder = warehouse.resolve() / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    address = url or settings().desk or f"sqlite:///{folder / 'desk.sqlite'}"
    try:
        engine = _engine(address)
        with engine.connect():
            pass
    except (ArgumentError, NoSuchModuleError, DBAPIError) as error:
        raise _unopened(error) from None
    if engine.dialect.name == "sqlite" and (file := engine.url.database):
        os.chmod(file, 0o600)
    return Desk(engine, folder)


def _unopened(error: Exception) -> UserError:
    # never the address itself: it may hold a password
    return UserError(f"the desk's database cannot be opened ({type(error).__name__}); look at XIEZHI_DESK")


def _engine(address: str) -> Engine:
    if make_url(address).get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True, pool_size=AT_ONCE // 4, max_overflow=AT_ONCE - AT_ONCE // 4)
    engine = create_engine(
        address, pool_size=AT_ONCE, max_overflow=0, connect_args={"timeout": 10, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _: Any) -> None:
        dbapi.isolation_level = None  # the driver begins nothing by itself; `begin` below does
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            dbapi.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
