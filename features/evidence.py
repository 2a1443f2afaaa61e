"""A reason's way back to its claim rows: the rows behind a number, in time order; the declared measure over them is the
number.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.store.sql import quote
from claims.store.warehouse import Warehouse, bucket_of
from features.asof import moment_of, open_views, read_as
from features.bucket import evidence_sql, named_words
from features.build import build
from features.columns import Column, matrix_columns
from features.declarations import load_catalog
from features.declare import Feature
from features.grains import Grain, Layout
from features.knowledge import LINE_ID
from features.partition import Partition

Answer = tuple[str, str]
Key = tuple[Grain, str, str]
"""Grain, column and entity of one number."""


@dataclass(frozen=True)
class Asked:
    """One number of one entity: what its column is, and whom it speaks about (the entity itself, or its parent)."""

    key: Key
    column: Column
    subject: str


#: Layouts that are files of one grain's partition, no buckets: theirs is the window of that partition, 0 = the default.
FILES: dict[Layout, Grain] = {"judged": "admission", "county": "ring"}
#: Where rows are read: layout, bucket, and whether all of it, for what only all rows together tell, or a fraction, the
#: rows of the suspects' own keys.
Where = tuple[Layout, int, bool]
#: Where → own column name → what is asked of it there.
Jobs = dict[Where, dict[str, list[Asked]]]


def evidence(root: Path | str, as_of: date | datetime, grain: Grain, column: str, entity_id: str) -> pd.DataFrame:
    """The claim rows behind one number of one entity, in time order; the measure over them is the number."""
    return gather_evidence(root, as_of, grain, [(column, entity_id)])[column, entity_id]


def gather_evidence(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    wanted: Iterable[Answer],
    window_days: int | None = None,
    *,
    records: bool = False,
) -> dict[Answer, pd.DataFrame]:
    """Evidence of many (column, entity_id) of one grain; see `gather`."""
    found = gather(root, as_of, {grain: wanted}, {grain: window_days}, records=records)
    return {(column, entity_id): rows for (_, column, entity_id), rows in found.items()}


def gather(
    root: Path | str,
    as_of: date | datetime,
    wanted: Mapping[Grain, Iterable[Answer]],
    windows: Mapping[Grain, int | None] | None = None,
    *,
    records: bool = False,
) -> dict[Key, pd.DataFrame]:
    """Evidence of many numbers of any grains at once: the views of each bucket, most of the work, are opened one time
    for all of them.

    A column is a matrix column: `name`, `name_W`, a rule's `…_fen`, a parent's `inst__…`. windows: of which grain who
    was active in so many days is asked about instead of its default window. Raises UserError for a column
    nobody declared or an entity that was not active. With `records` each row also
    tells its own record's money and place (RECORD).
    """
    load_catalog()
    warehouse = Warehouse.open(Path(root))
    asked: list[Asked] = []
    jobs: Jobs = {}
    keys: dict[Where, set[str]] = {}
    for grain, answers in wanted.items():
        partition = build(root, as_of, grain, (windows or {}).get(grain))
        mine = _asked(partition, answers)
        _place(warehouse, partition, mine, jobs, keys)
        asked += mine
    found: dict[Key, list[pd.DataFrame]] = {}
    own_records: list[pd.DataFrame] = []
    for (layout, bucket, whole), columns in sorted(jobs.items(), key=lambda j: j[0]):
        declared = [here[0].column.feature for here in columns.values()]
        if layout == "judged":
            con = _open_files({"judged": build(root, as_of, "admission", bucket or None).file("judged")})
        elif layout == "county":
            rings = build(root, as_of, "ring", bucket or None)
            con = _open_files({name: rings.file(file) for name, file in COUNTY_FILES.items()})
        else:
            own = None if whole else sorted(keys[layout, bucket, whole])
            words = named_words(declared) | (_CHAIN if records else frozenset())
            con = open_views(warehouse, as_of, layout, bucket, words=words, keys=own)
        try:
            here = list(_read(con, columns, as_of))
            if records:
                own_records += _records(con, layout, [frame for _, frame in here])
        finally:
            con.close()
        for key, frame in here:
            found.setdefault(key, []).append(frame)
    rows = {a.key: rows for a, rows in _finished(asked, found, as_of)}
    return _recorded(rows, own_records) if records else rows


def _asked(partition: Partition, wanted: Iterable[Answer]) -> list[Asked]:
    """Each number once, with its declaration and its subject."""
    entities = partition.entities()
    columns = matrix_columns(partition.grain)
    asked = []
    for name, entity_id in dict.fromkeys(wanted):
        if name not in columns:
            raise UserError(f"no feature gives a column {name!r}; docs/features.md lists them")
        if entity_id not in entities.index:
            raise UserError(
                f"{partition.grain} {entity_id} is not among those active in the window of this as-of; "
                "try another --as-of"
            )
        column = columns[name]
        subject = str(entities.at[entity_id, column.key]) if column.parent else entity_id
        asked.append(Asked((partition.grain, name, entity_id), column, subject))
    return asked


def _place(
    warehouse: Warehouse,
    partition: Partition,
    asked: Iterable[Asked],
    jobs: Jobs,
    keys: dict[Where, set[str]],
) -> None:
    """Add in which buckets the rows of each answer lie, and whose rows they are."""
    entities = partition.entities()
    for one in asked:
        feature = one.column.feature
        place = str(entities.at[one.key[2], "psn_no" if feature.by == "person" else "fixmedins_code"])
        buckets = [bucket_of(place, warehouse.buckets)]
        if feature.by in FILES:  # of the grain itself those of its own window, of a parent the usual ones
            buckets = [partition.window_days if partition.grain == FILES[feature.by] else 0]
        elif feature.spans:
            buckets = list(range(warehouse.buckets))
        for bucket in buckets:
            where = (feature.by, bucket, bool(feature.spans))
            jobs.setdefault(where, {}).setdefault(one.column.own, []).append(one)
            keys.setdefault(where, set()).add(place)


#: Of a row's own record: its visit and settlement, its fee, what the fund and the account paid on it (of a line: on its
#: settlement), and what of that was not paid back by T; of a line also its kind of charge, whether it names an order or
#: a prescription, and whether it names who carried it out.
RECORD = [
    "record_visit", "record_settlement", "record_fee_fen", "record_fund_fen", "record_acct_fen", "record_paid_fen",
    "record_charge", "record_ordered", "record_done",
]  # fmt: skip
_CHAIN = frozenset({"med_chrgitm_type", "drord_no", "rxno", "orders_dr_code", "acord_dept_codg"})
_NO_LINE = "NULL::VARCHAR, NULL::BOOLEAN, NULL::BOOLEAN"
_BILLS = """
    SELECT
        s.setl_id, s.mdtrt_id, s.medfee_sumamt_fen, s.fund_pay_sumamt_fen, s.acct_pay_fen,
        coalesce(n.fund_pay_sumamt_fen, 0) + coalesce(n.acct_pay_fen, 0) AS paid
    FROM kept.settlements s
    LEFT JOIN net.settlements n USING (setl_id)
"""
_RECORDS = {
    "settlements": f"""
        SELECT setl_id, mdtrt_id, setl_id, medfee_sumamt_fen, fund_pay_sumamt_fen, acct_pay_fen, paid, {_NO_LINE}
        FROM ({_BILLS}) JOIN main.cited ON row_id = setl_id AND row_table = 'settlements'
    """,
    "visits": f"""
        SELECT s.mdtrt_id, s.mdtrt_id, NULL, coalesce(s.medfee_fen, s.lines_fen), s.fund_fen, s.acct_fen,
            coalesce(n.fund_fen, 0) + coalesce(n.acct_fen, 0), {_NO_LINE}
        FROM kept.stays s LEFT JOIN net.stays n USING (mdtrt_id)
        JOIN main.cited ON row_id = s.mdtrt_id AND row_table = 'visits'
    """,
    "fee_details": f"""
        SELECT c.row_id, l.mdtrt_id, l.setl_id, l.fen, b.fund_pay_sumamt_fen, b.acct_pay_fen, coalesce(b.paid, 0),
            l.med_chrgitm_type, coalesce(nullif(l.drord_no, ''), nullif(l.rxno, '')) IS NOT NULL,
            coalesce(nullif(l.orders_dr_code, ''), nullif(l.acord_dept_codg, '')) IS NOT NULL
        FROM kept.lines l JOIN main.cited c ON c.row_table = 'fee_details' AND c.row_id = {LINE_ID}
        LEFT JOIN ({_BILLS}) b ON b.setl_id = l.setl_id
    """,
}
_JUDGED = f"""
    SELECT entity_id, entity_id, NULL, total_fen, fund_fen, NULL, fund_fen, {_NO_LINE}
    FROM main.judged JOIN main.cited ON row_id = entity_id AND row_table = 'visits'
"""


def _records(con: duckdb.DuckDBPyConnection, layout: Layout, frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """The records that these rows name, as far as this bucket holds them: row_table, row_id and RECORD."""
    named = [f[["row_table", "row_id"]] for f in frames if len(f)]
    if layout == "county" or not named:
        return []
    con.register("cited_rows", pd.concat(named, ignore_index=True).drop_duplicates().astype(str))
    con.execute("CREATE OR REPLACE TABLE main.cited AS FROM cited_rows")
    found = []
    for table, sql in ({"visits": _JUDGED} if layout == "judged" else _RECORDS).items():
        told = con.execute(sql).df()
        told.columns = pd.Index(["row_id", *RECORD])
        found.append(told.assign(row_table=table))
    return found


def _recorded(rows: dict[Key, pd.DataFrame], records: list[pd.DataFrame]) -> dict[Key, pd.DataFrame]:
    """The rows with their records beside them."""
    if not records:
        return rows
    own = pd.concat(records, ignore_index=True).drop_duplicates(["row_table", "row_id"])
    own = own.set_index(["row_table", "row_id"])[RECORD]  # one index for all frames: a merge would hash it for each

    def beside(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.astype({"row_id": str})
        told = own.reindex(pd.MultiIndex.from_frame(rows[["row_table", "row_id"]]))
        return pd.concat([rows.reset_index(drop=True), told.reset_index(drop=True)], axis=1)

    return {key: beside(found) for key, found in rows.items()}


#: What by="county" reads, by its name in SQL, and its file beside the ring partition.
COUNTY_FILES = {"meetings": "bonds_meetings", "ring_meetings": "rows"}


def _open_files(tables: dict[str, Path]) -> duckdb.DuckDBPyConnection:
    """Tables that lie in files, where `main.NAME` and `read_as` find them."""
    con = duckdb.connect()
    for schema in ("net", "kept", "pairs"):
        con.execute(f"CREATE SCHEMA {schema}")
    for name, path in tables.items():
        con.execute(f"CREATE VIEW main.{name} AS FROM {quote(path)}")
    return con


def _read(
    con: duckdb.DuckDBPyConnection, columns: dict[str, list[Asked]], as_of: date | datetime
) -> Iterable[tuple[Key, pd.DataFrame]]:
    for group in _sharing(columns):
        feature = columns[group[0]][0].column.feature
        read_as(con, feature.reversed)
        if feature.across is not None:
            # What stands apart is seen only with the rows of all buckets together: take all, choose at the end.
            rows = gathered(con, feature)
            yield from ((one.key, rows) for own in group for one in columns[own])
            continue
        subjects = sorted({one.subject for own in group for one in columns[own]})
        con.execute("CREATE OR REPLACE TABLE main.focus AS SELECT unnest(?::VARCHAR[]) AS entity_id", [subjects])
        rows = con.execute(evidence_sql(feature)).df()
        by_subject = {str(k): v for k, v in rows.groupby("entity_id", sort=False)}
        for own in group:
            for one in columns[own]:
                yield one.key, _within(by_subject.get(one.subject, rows.iloc[:0]), one.column.window, as_of)


def gathered(con: duckdb.DuckDBPyConnection, feature: Feature) -> pd.DataFrame:
    """What `across` reads of one bucket, in the types of the database: pandas knows no day, only its midnight, and
    `across` counts with days."""
    table = con.sql(f"SELECT * FROM ({feature.rows})").to_arrow_table()
    rows: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return rows


def _within(rows: pd.DataFrame, window: int, as_of: date | datetime) -> pd.DataFrame:
    return rows[rows["happened_at"] > moment_of(as_of) - timedelta(days=window)] if window else rows


def _finished(
    asked: Iterable[Asked], found: dict[Key, list[pd.DataFrame]], as_of: date | datetime
) -> Iterable[tuple[Asked, pd.DataFrame]]:
    """One frame an answer; rows gathered over all buckets become evidence by the declaration's `across`."""
    crossed: dict[str, pd.DataFrame] = {}
    with duckdb.connect() as con:  # to mark rows in: a connection for each frame costs more than the marks
        for one in asked:
            feature, frames = one.column.feature, found[one.key]
            if feature.across is None:
                yield one, _marked(con, _stack(frames), feature)
                continue
            if feature.name not in crossed:
                crossed[feature.name] = cross(pd.concat(frames, ignore_index=True), feature, as_of)
            rows = crossed[feature.name]
            mine = _within(rows[rows["entity_id"] == one.subject], one.column.window, as_of).reset_index(drop=True)
            yield one, _marked(con, mine, feature)


def _marked(con: duckdb.DuckDBPyConnection, rows: pd.DataFrame, feature: Feature) -> pd.DataFrame:
    """Pages print the rows marked `hit`: those the number counts. Of a number that counts neither the marks nor a
    condition, all rows are its evidence."""
    counted = feature.rule is not None or "hit" in re.findall(r"\w+", f"{feature.measure} {feature.amount}")
    if counted and "hit" in rows:
        return rows
    bare = rows.drop(columns="hit") if "hit" in rows else rows
    condition = numerator(feature.measure) if isinstance(feature.measure, str) else ""
    if not condition or not len(rows):
        return bare
    con.register("rows_told", rows.assign(row_told=range(len(rows))))
    try:
        told = con.execute(f"SELECT ({condition}) IS TRUE AS hit FROM rows_told ORDER BY row_told").df()["hit"]
    except duckdb.Error:  # a condition over several rows marks none of them
        return bare
    return bare.assign(hit=told.to_numpy(dtype=bool)) if told.any() else bare


def numerator(measure: str) -> str:
    """The condition of the rows that an aggregate counts first: of `FILTER (…)`, or of `avg((…)::INT)`; '' where it
    counts all."""
    found = re.search(r"FILTER\s*\(\s*(?:WHERE\s)?|avg\((?=[^()]*(?:\([^()]*\))?[^()]*::INT)", measure)
    if found is None:
        return ""
    depth, begin = 1, found.end()
    for i in range(begin, len(measure)):
        depth += (measure[i] == "(") - (measure[i] == ")")
        if depth == 0:
            return measure[begin:i].strip().removesuffix("::INT")
    return ""


def cross(rows: pd.DataFrame, feature: Feature, as_of: date | datetime) -> pd.DataFrame:
    """The evidence rows of a declaration with `across`, from what was gathered of all buckets."""
    con = duckdb.connect()
    try:
        con.execute(
            "CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [moment_of(as_of)] * 2
        )
        con.register("gathered", rows)
        return _stack([con.execute(str(feature.across)).df()])
    finally:
        con.close()


def _sharing(columns: dict[str, list[Asked]]) -> list[list[str]]:
    """Columns whose rows are the same query, together: it is run once."""
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for own, asked in columns.items():
        feature = asked[0].column.feature
        groups.setdefault((feature.reversed, feature.rows, feature.across), []).append(own)
    return list(groups.values())


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [f for f in frames if len(f)]
    every = pd.concat(filled, ignore_index=True) if filled else frames[0]
    return every.sort_values(["happened_at", "row_table", "row_id"], kind="stable", ignore_index=True)
