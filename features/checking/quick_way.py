"""A check in SQLite: statements whose plans stand, over the rows of one person (quick_program.py writes them).

DuckDB plans a statement anew each time, a quarter of a second for the hundred of a check; SQLite keeps its plans. What
cannot be read or answered here raises QUICKLY_NOT, and the check goes the full way (full_way.py).
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from claims.schema.tables import CANONICAL, FACTS
from claims.store.sql import name as identifier
from features.checking.claim_rows import Row, canonical_rows
from features.checking.person_store import MOST_RELATED, OWN, SCHEMA, other_than, traced_codes
from features.checking.quick_program import ASOF, INCOMING, PEERS, Program, created
from features.checking.sqlite_functions import Odd, add_functions, carried, held, micros
from features.declare import Feature
from features.grains import Grain

STATEMENTS: Final = 4000
#: Why a check goes the full way.
QUICKLY_NOT: Final = (Odd, sqlite3.Error)
#: (entity, column) → number.
Values = dict[tuple[str, str], float]
#: Columns of tables that stand by which others find their rows.
_KEYS: Final = frozenset({"psn_no", "fixmedins_code", "med_list_codg", "mdtrt_id", "dr_codg"})


class QuickWay:
    """Answers what the rules say of one person's rows. One check at a time, between `begin` and `end`."""

    def __init__(self, program: Program) -> None:
        self.con = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS, uri=True
        )
        add_functions(self.con)
        self._program, self._history = program, False
        for table, columns in program.columns.items():
            self.con.execute(created(table, columns))
            for c in sorted(_KEYS & set(columns)):
                self.con.execute(f"CREATE INDEX {identifier(f'{table} {c}')} ON {identifier(table)} ({identifier(c)})")
        for statement in program.made:
            self.con.execute(statement)

    def stand(self, con: duckdb.DuckDBPyConnection, changed: Collection[str]) -> None:
        """Take over tables that are about nobody, and what is told of them, from the connection where they stand."""
        told = {f"main.{n}": f"FROM main.{n}" for n in self._program.standing if n in changed}
        told |= {one.name: one.sql for one in self._program.stood if one.read & set(changed)}
        self.con.execute("BEGIN")
        for name, sql in told.items():
            columns = self._program.columns[name]
            cells = ", ".join(carried(c, k) for c, k in columns.items())
            rows = con.execute(f"SELECT {cells} FROM ({sql})").fetchall()
            self.con.execute(f"DELETE FROM {identifier(name)}")
            self.con.executemany(f"INSERT INTO {identifier(name)} VALUES ({', '.join('?' * len(columns))})", rows)
        self.con.execute("COMMIT")

    def attach(self, history: Path | None) -> None:
        """Let the history of everybody be that of a file; of nobody where there is none."""
        if self._history:
            self.con.execute("DETACH history")
        self._history = history is not None
        if history is not None:
            self.con.execute("ATTACH ? AS history", [f"{history.absolute().as_uri()}?mode=ro&immutable=1"])

    # One check.

    def begin(self, settlement: Row, lines: Sequence[Row], unit_type: str | None, at: datetime) -> frozenset[str]:
        """Lay out the rows of the claim's person, the claim among them, and the views over them as of `at`; returns
        `table.column` of the values the claim brings. Raises UserError as `person_store` does, Odd."""
        claim = canonical_rows(settlement, lines, unit_type, at)
        person, bill = str(settlement["psn_no"]), settlement.get("setl_id")
        bound = {"t": micros(at), "d": micros(datetime.combine(at.date(), time())), "bill": str(bill or "")}
        bound |= {"visit": str(settlement["mdtrt_id"])}
        self.con.execute("BEGIN")
        persons = {"persons": json.dumps([person, *self._related(person, lines)])}
        for table in sorted(OWN):
            kinds, place = CANONICAL[table].canonical_columns, identifier(f"{SCHEMA}.{table}")
            if self._history:
                others = other_than(table, ":visit", ":bill" if bill else None) if table in FACTS else "true"
                self.con.execute(
                    f"""INSERT INTO {place} SELECT * FROM history.{table}
                    WHERE psn_no IN (SELECT value FROM json_each(:persons)) AND {others}""",
                    bound | persons,
                )
            for names, rows in _alike(claim.get(table, [])):
                self.con.executemany(
                    f"INSERT INTO {place} ({', '.join(map(identifier, names))}) VALUES ({', '.join('?' * len(names))})",
                    [[held(kinds[n], row[n]) for n in names] for row in rows],
                )
        self.con.execute(f"INSERT INTO {identifier(ASOF)} VALUES (:t, :d)", bound)
        begun = held("TIMESTAMP", str(settlement["begntime"]))
        self.con.execute(f"INSERT INTO {identifier(INCOMING)} VALUES (?, ?, ?)", [person, bound["visit"], begun])
        for statement in self._program.script:
            self.con.execute(statement, bound)
        return frozenset(f"{t}.{c}" for t, rows in claim.items() for row in rows for c in row)

    def end(self) -> None:
        """Leave nothing of it."""
        if self.con.in_transaction:
            self.con.execute("ROLLBACK")

    def _related(self, person: str, lines: Sequence[Row]) -> list[str]:
        """`person_store`'s others, found in the file."""
        if not self._history:
            return []
        found = self.con.execute(
            f"""SELECT DISTINCT psn_no FROM history.persons
            WHERE certno IN (SELECT certno FROM history.persons WHERE psn_no = ?1) AND psn_no <> ?1
            LIMIT {MOST_RELATED}""",
            [person],
        ).fetchall()
        if codes := traced_codes(lines):
            found += self.con.execute(
                f"""SELECT DISTINCT psn_no FROM history.traces
                WHERE code IN (SELECT value FROM json_each(?)) AND psn_no <> ? LIMIT {MOST_RELATED}""",
                [json.dumps(codes), person],
            ).fetchall()
        return sorted({str(one) for (one,) in found})

    def around(self) -> list[str]:
        """The person's other stays on whose days the claim falls."""
        return [str(stay) for (stay,) in self.con.execute(self._program.around)]

    def might_hit(self, rules: Sequence[Feature], entities: Mapping[Grain, Sequence[str]]) -> set[str]:
        """Names of the rules worth asking: of all, asking costs as little as looking."""
        return {f.name for f in rules}

    def values(self, features: Sequence[Feature], entities: Sequence[str]) -> Values:
        """(entity, column) → number of the features of one grain; what is missing has no evidence."""
        for table in ("main.focus", "main.places"):
            self.con.execute(f"DELETE FROM {identifier(table)}")
        self.con.executemany('INSERT INTO "main.focus" VALUES (?)', [[e] for e in entities])
        self.con.executemany('INSERT INTO "main.places" VALUES (?, ?)', [[e, i] for i, e in enumerate(entities)])
        wanted, found = {f.name for f in features}, Values()
        for group in self._program.measured:
            for statement, columns in group.statements if group.features & wanted else ():
                for place, *numbers in self.con.execute(statement):
                    told = zip(columns, numbers, strict=True)
                    found.update({(entities[place], c): n for c, n in told if n is not None})
        return found

    def peer_groups(self, grain: Grain) -> pd.DataFrame:
        """`entity_id, peer_group, peer_group_coarse` of those `values` was asked of."""
        return pd.DataFrame(self.con.execute(self._program.peers[grain]).fetchall(), columns=PEERS)

    def evidence(self, f: Feature, entity: str) -> pd.DataFrame:
        """The rows of one of them that a feature rests on."""
        statement, kinds = self._program.evidence[f.name]
        rows = self.con.execute(f'{statement} WHERE "entity_id" = ?', [entity]).fetchall()
        return pd.DataFrame({c: _series(kind, [row[i] for row in rows]) for i, (c, kind) in enumerate(kinds)})


def _alike(rows: Iterable[Row]) -> Iterable[tuple[tuple[str, ...], list[Row]]]:
    """Rows by the columns they have."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row), []).append(row)
    return found.items()


def _series(kind: str, values: list[Any]) -> pd.Series:
    """Values as DuckDB's data frames have them."""
    if kind in ("DATE", "TIMESTAMP"):
        told = [np.datetime64("NaT") if v is None else np.datetime64(v, "us") for v in values]
        return pd.Series(np.array(told, dtype="datetime64[us]"))
    if kind == "BOOLEAN":
        truths = [None if v is None else bool(v) for v in values]
        return pd.Series(truths, dtype="object" if None in truths else "bool")
    if kind == "VARCHAR":
        return pd.Series(values, dtype="object")
    return pd.Series([np.nan if v is None else v for v in values], dtype="float64" if None in values else None)
