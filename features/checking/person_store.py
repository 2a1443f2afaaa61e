"""One person's rows out of a warehouse, an incoming claim among them: what the as-of views read at the counter.

Beside his own, the rows of other numbers on his certificate and of whoever holds a trace code of the claim; nobody
else's. The claim as handed in stands for whatever was known of the same settlement before.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from claims.errors import UserError
from claims.schema.tables import CANONICAL, FACTS
from claims.store.sql import parquet, quote
from claims.store.warehouse import Warehouse, bucket_of
from features.checking.claim_rows import Row, canonical_rows
from features.thresholds import setting

#: Others looked at beside the person, of each kind.
MOST_RELATED = 8
#: Tables cut out for the person; of the others he sees what everybody sees.
OWN = frozenset({*FACTS, "persons", "superseded"})
#: What intake fills in every row: the views build on these columns, and no rule asks whether they are there.
FILLED = {"setl_id", "setl_time", "setl_known_at", "refd_setl_flag", "medfee_sumamt_fen", "is_inpatient", "visit_class"}
CORE = {table: FILLED | {c.canonical for c in CANONICAL[table].columns if c.required} for table in FACTS}


#: Schema of the person's own rows.
SCHEMA = "person"


@dataclass(frozen=True)
class PersonStore:
    """A `ClaimStore` over one person's rows in the schema `person` of a connection; whatever is not about him comes
    from the warehouse."""

    own: frozenset[str]
    warehouse: Warehouse | None
    #: `table.column` of the values the claim brings.
    claimed: frozenset[str]

    def tables(self) -> list[str]:
        others = self.warehouse.tables() if self.warehouse else []
        return [t for t in CANONICAL if t in self.own or t in others]

    def columns(self, table: str) -> list[str]:
        """Canonical columns that hold a value in the warehouse or in the claim."""
        held = CORE.get(table, set()) | {c.partition(".")[2] for c in self.claimed if c.startswith(f"{table}.")}
        held.update(self.warehouse.columns(table) if self.warehouse else ())
        return [c for c in CANONICAL[table].canonical_columns if c in held]

    def relation(self, table: str, layout: str | None = None, bucket: int | None = None) -> str | None:
        # What supersedes rows that are not about him lies in the warehouse's layout `all`.
        if table in OWN and layout != "all":
            return f"{SCHEMA}.{table}" if table in self.own else None
        return self.warehouse.relation(table, layout, bucket) if self.warehouse else None


def person_store(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse | None,
    settlement: Row,
    lines: Sequence[Row],
    unit_type: str | None,
    known_at: datetime,
) -> PersonStore:
    """Put the person's history and the claim as canonical rows into the new schema `person`, one table each.

    `unit_type` is the `fixmedins_type` of the unit, if known. Raises UserError for a value of the claim that cannot be
    read.
    """
    persons = [str(settlement["psn_no"]), *_related(con, warehouse, settlement, lines)]
    claim = canonical_rows(settlement, lines, unit_type, known_at)
    con.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in FACTS:
        declared = CANONICAL[table].canonical_columns
        con.execute(f"CREATE TABLE {SCHEMA}.{table} ({', '.join(f'{n} {k}' for n, k in declared.items())})")
        visit, bill = quote(settlement["mdtrt_id"]), quote(settlement["setl_id"]) if settlement.get("setl_id") else None
        for history in _histories(warehouse, table, persons):
            con.execute(f"INSERT INTO {SCHEMA}.{table} BY NAME {history} AND {other_than(table, visit, bill)}")
        _insert(con, table, claim[table], settlement)
    own = set(FACTS)
    for table in sorted(OWN - set(FACTS)):
        if histories := list(_histories(warehouse, table, persons)):
            con.execute(f"CREATE TABLE {SCHEMA}.{table} AS {' UNION ALL BY NAME '.join(histories)}")
            own.add(table)
    claimed = frozenset(f"{t}.{c}" for t, rows in claim.items() for row in rows for c in row)
    return PersonStore(frozenset(own), warehouse, claimed)


def _histories(warehouse: Warehouse | None, table: str, persons: Sequence[str]) -> Iterator[str]:
    """SELECT of each person's rows; nothing where the warehouse has none."""
    if warehouse is None or table not in warehouse.tables():
        return
    for person in persons:
        if files := warehouse.files(table, "person", bucket_of(person, warehouse.buckets)):
            yield f"SELECT * FROM {parquet(files)} WHERE psn_no = {quote(person)}"


def _related(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse | None, settlement: Row, lines: Sequence[Row]
) -> list[str]:
    """Other numbers on the person's certificate, and holders of a trace code of the claim, MOST_RELATED of each at most
    (of more the rules say nothing)."""
    if warehouse is None:
        return []
    person, found = str(settlement["psn_no"]), []
    if files := warehouse.files("persons", "person") if "certno" in warehouse.columns("persons") else []:
        found += con.execute(
            f"""SELECT DISTINCT psn_no FROM {parquet(files)}
            WHERE certno IN (SELECT certno FROM {parquet(files)} WHERE psn_no = $1) AND psn_no <> $1
            LIMIT {MOST_RELATED}""",
            [person],
        ).fetchall()
    codes = traced_codes(lines)
    traced = codes and "drug_trac_codg" in warehouse.columns("fee_details")
    if files := warehouse.files("fee_details", "person") if traced else []:
        found += con.execute(
            f"""SELECT DISTINCT psn_no FROM {parquet(files)}
            WHERE regexp_matches(drug_trac_codg, $1) AND psn_no <> $2
            LIMIT {MOST_RELATED}""",
            ["|".join(map(re.escape, codes)), person],
        ).fetchall()
    return sorted({str(one) for (one,) in found})


def traced_codes(lines: Sequence[Row]) -> list[str]:
    """The trace codes of a claim that are long enough to name one box."""
    told = " ".join(str(line.get("drug_trac_codg") or "") for line in lines)
    codes = re.split(r"[ ,;|]+", told)
    return list(dict.fromkeys(c for c in codes if len(c) >= setting("R40", "min_code_length")))


def other_than(table: str, visit: str, bill: str | None) -> str:
    """SQL: the row does not belong to the settlement that is handed in, whose ids are these SQL values."""
    visit = f"mdtrt_id = {visit}"
    bill = f"setl_id = {bill}" if bill else "false"
    if table == "settlements":
        return f"({bill}) IS NOT TRUE"
    if table == "fee_details":
        return f"({visit} AND (setl_id IS NULL OR {bill})) IS NOT TRUE"
    return f"NOT ({visit})"


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]], settlement: Row) -> None:
    names = list(dict.fromkeys(n for row in rows for n in row))
    if not names:
        return
    try:
        con.executemany(
            f"INSERT INTO {SCHEMA}.{table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [[row.get(n) for n in names] for row in rows],
        )
    except duckdb.ConversionException as error:
        said = str(error).split("\n")[0].removeprefix("Conversion Error: ")
        raise UserError(f"the claim {settlement['mdtrt_id']} cannot be read: {said}; correct that value") from None
