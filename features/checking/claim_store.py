"""One person's rows cut out of a warehouse, with an incoming claim laid beside them: what the as-of views read at the counter.

Only the person's bucket is opened, and of it only his rows. The claim as handed in stands for whatever was known of the same settlement before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from claims.errors import UserError
from claims.schema.codes import is_inpatient, visit_class
from claims.schema.tables import CANONICAL, SOURCE
from claims.store.warehouse import FACTS, Warehouse, bucket_of, paths_sql

Row = Mapping[str, Any]
HAPPENED = {"visits": "begntime", "discharges": "endtime", "settlements": "setl_time", "fee_details": "fee_ocur_time"}
#: Newer than any version a warehouse holds, so that nothing stored supersedes the claim.
INCOMING_VERSION = 2**30


@dataclass(frozen=True)
class Heap:
    """The part of `Warehouse` that as-of views ask for, over a folder of one person's rows."""

    folder: Path
    whole: Warehouse | None
    claimed: frozenset[str]
    buckets: int = 1

    def _own(self, table: str) -> Path:
        return self.folder / f"{table}.parquet"

    def tables(self) -> list[str]:
        rest = self.whole.tables() if self.whole else []
        return [t for t in CANONICAL if self._own(t).exists() or t in rest]

    def files(self, table: str, layout: str | None = None, bucket: int | None = None) -> list[Path]:
        if self._own(table).exists():
            return [self._own(table)]
        return self.whole.files(table, layout, bucket) if self.whole else []

    def columns(self, table: str) -> list[str]:
        """Columns of the files; most may be empty (see `Filled`)."""
        if self._own(table).exists():
            return list(CANONICAL[table].canonical_columns)
        return self.whole.columns(table) if self.whole else []


@dataclass(frozen=True)
class Filled:
    """Which tables and columns hold a value, in the warehouse or in the claim: what decides whether a rule can be judged."""

    heap: Heap

    def tables(self) -> list[str]:
        return self.heap.tables()

    def columns(self, table: str) -> list[str]:
        whole = self.heap.whole
        known = whole.columns(table) if whole else []
        return [c for c in CANONICAL[table].canonical_columns if c in known or f"{table}.{c}" in self.heap.claimed]


def lay_out(folder: Path, whole: Warehouse | None, settlement: Row, lines: Sequence[Row], moment: datetime) -> Heap:
    """Write the person's history and the claim as canonical Parquet into `folder`, one file a table."""
    person = str(settlement["psn_no"])
    incoming = {t: [_canonical(t, row, moment) for row in rows] for t, rows in _parts(whole, settlement, lines).items()}
    claimed = frozenset(f"{t}.{c}" for t, rows in incoming.items() for row in rows for c in row)
    con = duckdb.connect()
    try:
        con.execute("SET threads=1")
        for table in FACTS:
            declared = CANONICAL[table].canonical_columns
            con.execute(f"CREATE OR REPLACE TABLE heap ({', '.join(f'{n} {k}' for n, k in declared.items())})")
            if source := _history(whole, table, person):
                con.execute(f"INSERT INTO heap BY NAME {source} AND {_other(table, settlement)}")
            _insert(con, incoming[table], settlement)
            con.execute(f"COPY heap TO '{folder}/{table}.parquet' (FORMAT parquet)")
        for table in ("persons", "superseded"):
            if source := _history(whole, table, person):
                con.execute(f"COPY ({source}) TO '{folder}/{table}.parquet' (FORMAT parquet)")
    finally:
        con.close()
    return Heap(folder, whole, claimed)


def _parts(whole: Warehouse | None, settlement: Row, lines: Sequence[Row]) -> dict[str, list[Row]]:
    """The claim split as intake splits an exported row (tables.md §1.2)."""
    kind = visit_class(str(settlement["med_type"]), _unit_type(whole, str(settlement["fixmedins_code"])))
    row = dict(settlement) | {"visit_class": kind, "is_inpatient": is_inpatient(kind)}
    settled = row | {"setl_time": row.get("setl_time") or row.get("endtime") or row["begntime"]}
    common = {k: settlement.get(k) for k in ("mdtrt_id", "psn_no", "fixmedins_code", "setl_id")}
    billed: list[Row] = [common | {"feedetl_sn": f"{i + 1:06d}"} | _told(line) for i, line in enumerate(lines)]
    return {
        "visits": [row],
        "discharges": [row] if row["is_inpatient"] and row.get("endtime") else [],
        "settlements": [settled] if row.get("setl_id") else [],
        "fee_details": billed,
    }


def _told(row: Row) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v is not None and v != ""}


def _unit_type(whole: Warehouse | None, unit: str) -> str | None:
    if whole is None or "institutions" not in whole.tables():
        return None
    files = paths_sql(whole.files("institutions"))
    sql = f"SELECT any_value(fixmedins_type) FROM read_parquet({files}) WHERE fixmedins_code = ?"
    with duckdb.connect() as con:
        found: str | None = con.execute(sql, [unit]).fetchall()[0][0]
    return found


def _history(whole: Warehouse | None, table: str, person: str) -> str | None:
    """SELECT of the person's rows; None where the warehouse has none."""
    if whole is None or table not in whole.tables():
        return None
    files = whole.files(table, "person", bucket_of(person, whole.buckets))
    return (
        f"SELECT * FROM read_parquet({paths_sql(files)}, union_by_name=true) WHERE psn_no = {_quoted(person)}"
        if files
        else None
    )


def _other(table: str, settlement: Row) -> str:
    """SQL: the row does not belong to the settlement that is handed in."""
    visit = f"mdtrt_id = {_quoted(settlement['mdtrt_id'])}"
    bill = f"setl_id = {_quoted(settlement['setl_id'])}" if settlement.get("setl_id") else "false"
    if table == "settlements":
        return f"({bill}) IS NOT TRUE"
    if table == "fee_details":
        return f"({visit} AND (setl_id IS NULL OR {bill})) IS NOT TRUE"
    return f"NOT ({visit})"


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _canonical(table: str, row: Row, moment: datetime) -> dict[str, Any]:
    """A handed-in row under canonical names, money in fen; what is empty is left out. Raises UserError for an amount that is none."""
    source = SOURCE["fee_details" if table == "fee_details" else "settlements"]
    values: dict[str, Any] = {}
    for name in CANONICAL[table].canonical_columns:
        column = next((c for c in source.columns if name in (c.name, c.canonical)), None)
        value: Any = row.get(column.name, row.get(name)) if column else row.get(name)
        value = value.item() if hasattr(value, "item") else value
        if value is not None and value != "":
            values[name] = _scaled(name, value, column.kind) if column else value
    values |= {"known_at": moment, "version_no": INCOMING_VERSION}
    if table == "fee_details":
        values["setl_known_at"] = moment
    if row.get(HAPPENED[table]):
        values["happened_at"] = row[HAPPENED[table]]
    return values


def _scaled(name: str, value: Any, kind: str) -> Any:
    scale = {"money": 100, "price": 1_000_000, "qty": 10_000}.get(kind)
    if scale is None:
        return value
    try:
        return round(float(value) * scale)
    except (TypeError, ValueError):
        raise UserError(
            f"the claim holds {value!r} in {name}, where an amount is expected; write it as 12.50"
        ) from None


def _insert(con: duckdb.DuckDBPyConnection, rows: Sequence[dict[str, Any]], settlement: Row) -> None:
    names = list(dict.fromkeys(n for row in rows for n in row))
    if not names:
        return
    try:
        con.executemany(
            f"INSERT INTO heap ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [[row.get(n) for n in names] for row in rows],
        )
    except duckdb.ConversionException as error:
        said = str(error).split("\n")[0].removeprefix("Conversion Error: ")
        raise UserError(f"the claim {settlement['mdtrt_id']} cannot be read: {said}; correct that value") from None
