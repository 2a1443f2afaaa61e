"""Tables of a bureau's database through SQLAlchemy (PostgreSQL tested for real), read in chunks."""

from __future__ import annotations

import contextlib
import warnings
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from claims.clock import SHANGHAI
from claims.errors import UserError
from claims.schema.mapping import Mapping
from claims.sources.naming import table_of
from claims.sources.source import Ignored, Loaded, Source
from claims.store.sql import name

CHUNK = 50_000


def _engine(url: str) -> Any:
    import sqlalchemy

    try:
        return sqlalchemy.create_engine(url)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the driver {error.name} of this kind of database is not installed; install it beside xiezhi, or export "
            "the tables as CSV or Parquet. Of databases PostgreSQL and SQLite are tried, others are not"
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise UserError(
            f"the database address is not usable ({type(error).__name__}); expected e.g. postgresql+psycopg://host/name"
        ) from None


def find_tables(url: str, mapping: Mapping, unread: list[Ignored]) -> list[Source]:
    """Database tables and views that fill a table of ours; the others go to `unread`. Errors never repeat the address:
    it may hold a password."""
    import sqlalchemy

    try:
        inspector = sqlalchemy.inspect(_engine(url))
        names = _names(inspector)
        elsewhere = _other_schemas(inspector, mapping)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise UserError(
            f"the database cannot be reached ({type(error).__name__}); check address, user and network"
        ) from None
    found = [Source(table, n, kind="database", url=url, db_table=n) for n in names if (table := table_of(n, mapping))]
    if not found and not elsewhere:
        raise UserError(
            f"the database holds no table that fills one of ours; it has {', '.join(names[:10]) or 'none'}. Name "
            "them in a mapping (files = [...])"
        )
    unread += [Ignored(n, "its name is no table's", True) for n in names if not table_of(n, mapping)]
    unread += [Ignored(n, "it lies in another schema; give a view of it here", True) for n in elsewhere]
    return sorted(found, key=lambda s: (s.table, s.label))


def _names(inspector: Any, schema: str | None = None) -> list[str]:
    """Tables, views and, where the database has them, materialized views."""
    names = {*inspector.get_table_names(schema), *inspector.get_view_names(schema)}
    with contextlib.suppress(NotImplementedError):
        names.update(inspector.get_materialized_view_names(schema))
    return sorted(names)


def _other_schemas(inspector: Any, mapping: Mapping) -> list[str]:
    """What other schemas hold that looks like a table of ours."""
    own = inspector.default_schema_name
    others = [s for s in inspector.get_schema_names() if own and s not in (own, "information_schema")]
    return [f"{s}.{n}" for s in others for n in _names(inspector, s) if table_of(n, mapping)]


def _bytes_text(value: bytes) -> str:
    """Bytes of a text column that the driver did not decode; of anything else their hex digits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, memoryview):
        value = value.tobytes()
    if isinstance(value, bytes):  # bit(1) as some drivers hand it on
        return str(value[0]) if len(value) == 1 and value[0] < 2 else _bytes_text(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(SHANGHAI).replace(tzinfo=None)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _sortable(kind: Any) -> bool:
    """Whether every database can sort by such a column: json, xml, points and bytes it may not."""
    import sqlalchemy

    return not isinstance(kind, sqlalchemy.JSON | sqlalchemy.LargeBinary | sqlalchemy.ARRAY | sqlalchemy.types.NullType)


def _cell(column: Any, dialect: str) -> Any:
    """A column as the driver hands it on, since its declared type does not always keep its word; PostgreSQL's times as
    text, since the driver has no value for its infinity."""
    import sqlalchemy.dialects.postgresql

    if dialect == "postgresql" and isinstance(column.type, sqlalchemy.DateTime | sqlalchemy.Date):
        return sqlalchemy.cast(column, sqlalchemy.Text)
    if isinstance(column.type, sqlalchemy.dialects.postgresql.MONEY):  # else with a sign of the server's currency
        return sqlalchemy.cast(column, sqlalchemy.Numeric)
    return sqlalchemy.type_coerce(column, sqlalchemy.types.NullType())


def load_table(con: duckdb.DuckDBPyConnection, source: Source, number: int, most: int | None = None) -> Loaded:
    """One database table, or its first `most` rows, as a relation of text columns; bounded memory."""
    import sqlalchemy

    assert source.url is not None
    assert source.db_table is not None
    engine = _engine(source.url)
    raw = f"raw_{number}"
    rows = 0
    try:
        with engine.connect() as link:
            if engine.dialect.name == "postgresql":
                link.execute(sqlalchemy.text("SET TIME ZONE 'Asia/Shanghai'"))
            with warnings.catch_warnings(action="ignore", category=sqlalchemy.exc.SAWarning):  # types it does not know
                table = sqlalchemy.Table(source.db_table, sqlalchemy.MetaData(), autoload_with=link)
            order = list(table.primary_key.columns) or [c for c in table.columns if _sortable(c.type)]
            cells = [_cell(c, engine.dialect.name).label(c.name) for c in table.columns]
            asked = sqlalchemy.select(*cells).order_by(*order).limit(most)
            result = link.execute(asked.execution_options(stream_results=True, max_row_buffer=CHUNK))
            header = list(result.keys())
            columns = ", ".join(f"{name(h)} VARCHAR" for h in header)
            con.execute(f"CREATE TABLE {raw} ({columns}, _row BIGINT)")
            while chunk := result.fetchmany(CHUNK):
                arrays = {h: pa.array([_text(r[i]) for r in chunk], pa.string()) for i, h in enumerate(header)}
                con.register("bulk", pa.table(arrays | {"_row": pa.array(range(rows, rows + len(chunk)), pa.int64())}))
                con.execute(f"INSERT INTO {raw} SELECT * FROM bulk")
                con.unregister("bulk")
                rows += len(chunk)
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        raise UserError(
            f"the database table {source.db_table} cannot be read: {cause} after {rows:,} rows; check rights and "
            "connection, or the view; nothing was published"
        ) from None
    finally:
        engine.dispose()
    return Loaded(raw, dict.fromkeys(header, "VARCHAR"), rows, 1, drop=raw)
