"""The statements of a quick check, written once a process: what DuckDB is told to make of a person's rows, and the
rules over them, in SQLite's words.

The views (features/asof.py, features/reversal_modes.py) are made on empty tables and at a moment nobody lives at, and
written down while they are made; the moment of the check stands wherever that moment stood. No view and no rule is
written a second time.
"""

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import duckdb
from sqlglot import exp

from claims.schema.tables import CANONICAL
from claims.store.sql import name as identifier
from features.asof import connection, make_beside, make_views, read_as
from features.bucket import evidence_sql, grouped, measured_sql, named_words, needed, placed_sql, rows_sql
from features.checking.person_store import OWN, SCHEMA
from features.checking.sqlite_text import Columns, Dictionary, Untold, in_sqlite, text_of
from features.declare import Feature
from features.grains import GRAINS, Grain, Reversed
from features.row_amounts import MONEY

#: The moment at which the statements are written down.
WRITTEN: Final = datetime(2007, 3, 4, 5, 6, 7, 891234)
ASOF: Final = "main.asof"
INCOMING: Final = "main.incoming"
#: The stays of the person on whose days a claim falls.
AROUND: Final = """SELECT s.mdtrt_id
    FROM kept.stays s
    JOIN main.incoming i
        ON s.psn_no = i.psn_no AND s.mdtrt_id <> i.mdtrt_id AND i.begntime::DATE BETWEEN s.adm_date AND s.end_date
    ORDER BY 1"""
_ROW: Final = ("entity_id", "row_table", "row_id", "happened_at", "hit")
PEERS: Final = ["entity_id", "peer_group", "peer_group_coarse"]


@dataclass(frozen=True)
class Measured:
    """Features over the same rows: the statements that measure them, each with the columns it gives beside the
    place."""

    features: frozenset[str]
    statements: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Stood:
    """A query over nothing but the tables `read`, which stand; the table `name` holds its rows."""

    name: str
    sql: str
    read: frozenset[str]


@dataclass
class Program:
    """`made`: statements that make the tables and views, once. `script`: those that fill them for a person, `:t` and
    `:d` being moment and day of the check. `standing` and `stood`: tables that are about nobody, and queries over them
    alone, which DuckDB answers; `columns`: of both, with kinds. `evidence`: of a feature its rows with what
    an amount is told by, and their columns with kinds."""

    standing: tuple[str, ...]
    made: list[str] = field(default_factory=list)
    script: list[str] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    evidence: dict[str, tuple[str, list[tuple[str, str]]]] = field(default_factory=dict)
    peers: dict[Grain, str] = field(default_factory=dict)
    around: str = ""
    stood: list[Stood] = field(default_factory=list)
    columns: dict[str, Columns] = field(default_factory=dict)


def program_of(rules: Sequence[Feature], standing: Sequence[str]) -> Program:
    """The program of these rules. Raises Untold where a view or a rule cannot be said in SQLite's words."""
    return _written(_Rules(tuple(rules)), tuple(standing))


class _Rules:
    """Rules, the same where their SQL is."""

    def __init__(self, rules: tuple[Feature, ...]) -> None:
        self.rules = rules
        self.key = tuple((f.name, f.grain, f.reversed, f.windows, f.sql()) for f in rules)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rules) and self.key == other.key


@lru_cache(2)
def _written(rules: _Rules, standing: tuple[str, ...]) -> Program:
    return _Scribe(rules.rules, standing).program


class _Whole:
    """A `ClaimStore` of one person's rows in which every column may hold a value."""

    def tables(self) -> list[str]:
        return [t for t in CANONICAL if t in OWN]

    def columns(self, table: str) -> list[str]:
        return list(CANONICAL[table].canonical_columns)

    def relation(self, table: str, layout: str | None = None, bucket: int | None = None) -> str | None:
        return f"{SCHEMA}.{table}" if table in OWN and layout != "all" else None


class _Pen:
    """A connection that writes down what it is told, with the tables there before and after each statement."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.told: list[tuple[str, dict[str, Columns], dict[str, Columns]]] = []

    def execute(self, sql: str, *args: Any) -> duckdb.DuckDBPyConnection:
        before = self.told[-1][2] if self.told else _tables(self.con)
        found = self.con.execute(sql, *args)
        if sql.split(maxsplit=1)[0] in ("CREATE", "INSERT", "DELETE", "ALTER"):
            self.told.append((sql, before, _tables(self.con)))
        return found


def _tables(con: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    """`schema.name` → column → type of every table and view of a connection."""
    tables: dict[str, Columns] = {}
    found = con.cursor().execute(
        """SELECT schema_name || '.' || table_name, column_name, data_type
        FROM duckdb_columns() WHERE NOT internal ORDER BY 1, column_index"""
    )
    for table, column, kind in found.fetchall():
        tables.setdefault(table, {})[column] = kind
    return tables


class _Scribe:
    """Writes a program."""

    def __init__(self, rules: Sequence[Feature], standing: tuple[str, ...]) -> None:
        self.program = Program(standing)
        self.con = connection(1, "200MB")
        try:
            self._views(named_words(rules))
            self.con.execute("CREATE SCHEMA rows")
            for grain in GRAINS:
                for group in grouped(f for f in rules if f.grain == grain):
                    self._group(group)
            for grain in dict.fromkeys(f.grain for f in rules if f.peers is not None):
                entities = GRAINS[grain].entities_sql(GRAINS[grain].window_days)
                self.program.peers[grain] = self._said(f"SELECT {', '.join(PEERS)} FROM ({entities})")
            self.program.around = self._said(AROUND)
        finally:
            self.con.close()

    def _views(self, words: frozenset[str]) -> None:
        for table in self.program.standing:
            make_beside(self.con, None, CANONICAL[table], "person", 0, WRITTEN)
        self.con.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in sorted(OWN):
            told = ", ".join(f"{n} {k}" for n, k in CANONICAL[table].canonical_columns.items())
            self.con.execute(f"CREATE TABLE {SCHEMA}.{table} ({told})")
        self.con.execute(f"CREATE TABLE {INCOMING} (psn_no VARCHAR, mdtrt_id VARCHAR, begntime TIMESTAMP)")
        self.con.execute("CREATE TABLE main.focus (entity_id VARCHAR)")
        self.con.execute("CREATE TABLE main.places (entity_id VARCHAR, entity_place INTEGER)")
        lasting = _tables(self.con)
        pen = _Pen(self.con)
        make_views(pen, _Whole(), WRITTEN, "person", 0, words=words, standing=self.program.standing)  # type: ignore[arg-type]
        self.tables = _tables(self.con)
        stand = {f"main.{n}" for n in self.program.standing}
        self.program.columns = {n: c for n, c in lasting.items() if n in stand}
        self.program.made += [created(n, c) for n, c in lasting.items() if n not in stand]
        self.program.made.append(created(ASOF, self.tables[ASOF]))
        for line in pen.told:
            self._line(*line)

    def _line(self, sql: str, before: dict[str, Columns], after: dict[str, Columns]) -> None:
        """A statement of the views as SQLite has it: what DuckDB would read through a view is laid out too."""
        verb, kind, name = sql.split(maxsplit=3)[:3]
        if verb == "ALTER" or kind == "SCHEMA" or name == ASOF:
            return  # a column dropped is one that nobody names any more
        rest = sql.split(name, 1)[1].strip()
        if verb == "CREATE":
            rest = rest.removeprefix("AS")
            if name.startswith("pairs."):  # another name of what lies in `kept`
                self.program.made.append(f"CREATE VIEW {identifier(name)} AS {self._said(rest, before)}")
                return
            self.program.made.append(created(name, after[name]))
        if verb == "DELETE":
            tree = in_sqlite(f"SELECT 1 FROM {name} {rest}", "main", self._names(before))
            table = tree.args["from_"].this
            self.program.script.append(f"DELETE FROM {text_of(table)} {text_of(tree.args['where'])}")
        else:
            columns = ", ".join(map(identifier, after[name]))
            self.program.script.append(f"INSERT INTO {identifier(name)} ({columns}) {self._said(rest, before)}")

    def _said(self, sql: str, tables: Mapping[str, Columns] | None = None, reading: Reversed | None = None) -> str:
        names = self._names(self.tables if tables is None else tables)
        return text_of(in_sqlite(sql, reading or "main", names))

    def _names(self, tables: Mapping[str, Columns]) -> Dictionary:
        return Dictionary(ChainMap(self.program.columns, dict(tables)), self._stand, _constant)

    def _stand(self, query: exp.Expr) -> str | None:
        """The table of a query over nothing but tables that stand."""
        inner = {c.alias for c in query.find_all(exp.CTE)}
        stand = {f"main.{n}" for n in self.program.standing}
        read = {t.this.name for t in query.find_all(exp.Table) if t.name} - inner
        own = {t.alias_or_name for t in query.find_all(exp.Table, exp.Subquery)}
        if not read or not read <= stand or any(c.table and c.table not in own for c in query.find_all(exp.Column)):
            return None
        plain = query.copy()
        for table in plain.find_all(exp.Table):
            if table.this.name in stand:
                table.set("db", exp.to_identifier("main"))
                table.set("this", exp.to_identifier(table.this.name.removeprefix("main.")))
        sql = plain.sql(dialect="duckdb")
        for one in self.program.stood:
            if one.sql == sql:
                return one.name
        told = self.con.execute(f"DESCRIBE {sql}").fetchall()
        name = f"stood.{len(self.program.stood)}"
        self.program.stood.append(Stood(name, sql, frozenset(n.removeprefix("main.") for n in read)))
        self.program.columns[name] = {column: kind for column, kind, *_ in told}
        return name

    def _group(self, group: list[Feature]) -> None:
        """The rows of a group as a view, and what is asked of it."""
        first, name = group[0], f"rows.r{len(self.program.measured)}"
        read_as(self.con, first.reversed)
        self.con.execute(f"CREATE TABLE {name} AS SELECT * FROM ({rows_sql(first)}) LIMIT 0")
        self.tables[name] = {c: k for c, k, *_ in self.con.execute(f"DESCRIBE {name}").fetchall()}
        self.program.made.append(
            f"CREATE VIEW {identifier(name)} AS {self._said(rows_sql(first), reading=first.reversed)}"
        )
        told = [replace(f, rows=f"SELECT * FROM {name}", across=None) for f in group]
        rows = f"({placed_sql(told, needed(self.con, told))})"
        statements = []
        for window in sorted({w for f in group for w in f.windows}):
            sql, columns = measured_sql(rows, told, window)
            if not columns:
                raise Untold(f"{first.name} is measured by a function")
            statements.append((self._said(sql), tuple(columns)))
        self.program.measured.append(Measured(frozenset(f.name for f in group), tuple(statements)))
        rests = self._said(evidence_sql(told[0]))
        for f in group:
            words = {*_ROW, *MONEY, *re.findall(r"\w+", str(f.amount))}
            cells = [(c, kind) for c, kind in self.tables[name].items() if c in words]
            self.program.evidence[f.name] = (
                f"SELECT {', '.join(identifier(c) for c, _ in cells)} FROM ({rests})",
                cells,
            )


def created(name: str, columns: Iterable[str]) -> str:
    """A table of SQLite whose columns take a value as it comes."""
    return f"CREATE TABLE {identifier(name)} ({', '.join(map(identifier, columns))})"


def _constant(text: str) -> str | None:
    """The moment of writing is that of the check."""
    if text == WRITTEN.date().isoformat():
        return "(:d)"
    if not text.endswith(f".{WRITTEN.microsecond}"):
        return None
    return f"(:t + ({(datetime.fromisoformat(text) - WRITTEN) // timedelta(microseconds=1)}))"
