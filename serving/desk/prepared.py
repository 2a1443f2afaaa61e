"""What every page asks of the desk's database or writes into it, put together once and handed to the driver itself: SQLAlchemy's way there and back
takes longer than SQLite's answer.

The statement is an ordinary one of SQLAlchemy Core, so it is written once for SQLite and PostgreSQL.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Engine, Insert, PoolProxiedConnection, Select
from sqlalchemy.exc import DBAPIError

Values = Mapping[str, int | str]
Row = tuple[Any, ...]


class Prepared:
    """A select, or an insert of the given columns. Values are numbers and texts: others would need to be turned into what the driver takes."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | Insert, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._made: dict[str, _Made] = {}

    def asked(self, engine: Engine, values: Values) -> list[Row]:
        """The rows of a select, as of this moment. Raises DBAPIError."""
        if engine.dialect.name == "sqlite":
            return self._put(_reader(engine), engine.dialect, values)
        connection = _connected(engine)
        try:
            return self._put(connection, engine.dialect, values)
        finally:
            connection.close()

    def within(self, connection: Connection, values: Values) -> list[Row]:
        """The same inside a transaction; no rows of an insert. Raises DBAPIError."""
        return self._put(connection.connection, connection.dialect, values)

    def _put(self, connection: Any, dialect: Dialect, values: Values) -> list[Row]:
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _Made(self._statement, self._columns, dialect, values)
        cursor = connection.cursor()
        try:
            cursor.execute(made.text, made.of(values))
            rows: list[Row] = cursor.fetchall() if made.reads else []
        except made.errors as error:
            raise _told(error, dialect, made.text) from error
        finally:
            cursor.close()
        return [made.read(row) for row in rows] if made.readers else rows


def _connected(engine: Engine) -> PoolProxiedConnection:
    """A connection of the pool. Raises DBAPIError where the database cannot be opened."""
    errors: Any = engine.dialect.loaded_dbapi.Error
    try:
        return engine.raw_connection()
    except errors as error:
        raise _told(error, engine.dialect) from error


def _told(error: Any, dialect: Dialect, text: str = "") -> Exception:
    """What the driver raised, as SQLAlchemy says it; without values, which may be personal."""
    base: Any = dialect.loaded_dbapi.Error
    told: Exception = DBAPIError.instance(text, None, error, base, hide_parameters=True, dialect=dialect)
    return told


class _Readers(threading.local):
    """The connections in which this thread reads, by the engine they are of. SQLite's cost nothing to keep, and at the pool the threads wait for
    one another."""

    def __init__(self) -> None:
        self.of: WeakKeyDictionary[Engine, Any] = WeakKeyDictionary()


_READERS: Final = _Readers()


def _reader(engine: Engine) -> Any:
    """A connection that is never inside a transaction: what it is asked, it answers as of that moment."""
    found = _READERS.of.get(engine)
    if found is None:
        pooled = _connected(engine)
        pooled.detach()
        found = _READERS.of[engine] = pooled.dbapi_connection
    return found


class _Made:
    """A statement in the words of one database."""

    def __init__(
        self, statement: Select[*tuple[Any, ...]] | Insert, columns: Sequence[str], dialect: Dialect, values: Values
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        state = compiled.construct_expanded_state(dict(values))
        self.text: Final = state.statement
        self.reads: Final = isinstance(statement, Select)
        self.errors: Final[Any] = dialect.loaded_dbapi.Error
        self._fixed: Final = dict(state.parameters)
        self._order: Final = state.positiontup
        types = [c.type for c in statement.selected_columns] if isinstance(statement, Select) else []
        found = [(i, t.dialect_impl(dialect).result_processor(dialect, None)) for i, t in enumerate(types)]
        self.readers: Final[list[tuple[int, Callable[[Any], Any]]]] = [(i, r) for i, r in found if r is not None]

    def of(self, values: Values) -> Any:
        """The values as the driver takes them, with those that stand in the statement."""
        given = {**self._fixed, **values}
        return given if self._order is None else [given[name] for name in self._order]

    def read(self, row: Row) -> Row:
        """A row of the driver as SQLAlchemy would hand it over."""
        out = list(row)
        for i, reader in self.readers:
            out[i] = reader(out[i])
        return tuple(out)
