"""What a bureau sends becomes canonical tables: every row is accepted, quarantined or a duplicate, and none is lost.

One intake is one batch: load → parse → check → link refunds → versions and clocks → stage → publish. All heavy work is DuckDB SQL under a
memory limit with spill, so a file may be larger than memory.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from claims import quarantine, reversals
from claims.codes import visit_class_rows
from claims.errors import UserError
from claims.mapping import ColumnRule, Mapping, TableRule, load_mapping, parse_mapping
from claims.parse import MACROS, REASON, Parsed, name, parse_column, quote
from claims.shape import canonical_columns
from claims.publish import describe, publish, writing
from claims.quarantine import Rejected
from claims.sources import Loaded, Source, digest, find_sources, load
from claims.tables import CANONICAL, LAYOUT_KEY, SOURCE, Column, Table
from claims.versions import Clock, resolve
from claims.warehouse import FACTS, Warehouse, bucket_sql, empty_manifest, paths_sql

ENUM_ROWS, ENUM_VALUES = 10_000, 65_536  # a table of fewer rows, or a column of more values, is not worth an ENUM
MEMORY = os.environ.get("XIEZHI_MEMORY", "2500MB")
Progress = Callable[[str, int, int], None]

#: Columns without which a row cannot be placed; a row that lacks one is quarantined (Q01).
NEEDED: dict[str, tuple[str, ...]] = {
    "persons": ("psn_no",),
    "institutions": ("fixmedins_code",),
    "doctors": ("dr_codg", "fixmedins_code"),
    "settlements": ("mdtrt_id", "psn_no", "fixmedins_code", "begntime"),
    "fee_details": ("feedetl_sn", "mdtrt_id", "fee_ocur_time", "det_item_fee_sumamt"),
}


#: Columns the checks name: they are there even where a source lacks them.
WORKED: dict[str, tuple[str, ...]] = {
    "persons": ("psn_no", "brdy"),
    "institutions": ("fixmedins_code", "fixmedins_type"),
    "settlements": (
        "setl_id", "mdtrt_id", "psn_no", "fixmedins_code", "med_type", "begntime", "endtime", "setl_time", "refd_setl_flag", "init_setl_id",
        "vali_flag", "medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay",
    ),
    "fee_details": (
        "feedetl_sn", "mdtrt_id", "setl_id", "psn_no", "fixmedins_code", "fee_ocur_time", "cnt", "pric", "det_item_fee_sumamt",
    ),
    "presence_checks": ("mdtrt_id", "fixmedins_code", "check_time"),
    "inspections": ("conclude_time", "insp_time"),
    "stock_moves": ("move_time",),
    "ward_census": ("stt_date",),
    "operations": ("oprn_oprt_date",),
}  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """The count equation of one source table: rows_in = accepted + quarantined + duplicates."""

    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))


@dataclass(frozen=True)
class IntakeSummary:
    """What one intake did."""

    batch: str
    version: str
    published: bool
    tables: dict[str, Counts]
    readmitted: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)  # table → reason code → rows
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Batch:
    """The running state of one intake (internal)."""

    con: duckdb.DuckDBPyConnection
    root: Path
    staging: Path
    house: Warehouse
    mapping: Mapping
    name: str
    rejected: list[Rejected] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    parts: dict[str, list[tuple[Source, Loaded, int]]] = field(
        default_factory=dict
    )  # table → (source, loaded, first _row)
    retry_ids: dict[str, list[str]] = field(default_factory=dict)
    extracts: dict[str, str] = field(default_factory=dict)
    end: datetime = datetime.min
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)


def connect(staging: Path, memory: str = MEMORY) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that spills into the staging folder, with a memory limit and the parse macros."""
    con = duckdb.connect(":memory:")
    con.execute(f"SET memory_limit = {quote(memory)}")
    con.execute(f"SET temp_directory = {quote(str(staging / 'spill'))}")
    con.execute("SET threads = 2")
    con.execute("SET enable_progress_bar = false")
    for macro in MACROS:
        con.execute("CREATE " + macro)
    return con


def intake(
    source: Path | str,
    warehouse: Path | str,
    mapping: str | Path | None = None,
    known_at: date | None = None,
    progress: Progress | None = None,
    *,
    buckets: int | None = None,
    check: Callable[[str], None] = lambda point: None,
) -> IntakeSummary:
    """Take one delivery into a warehouse.

    `source`: a file, a folder with one file or folder of files a table, a zip, or a SQLAlchemy URL. `mapping`: a shipped name or a TOML path.
    `known_at`: the extract's own end (end of that day), where the mapping does not say it. `buckets` only counts for a new warehouse.
    UserError if a file cannot be read; then nothing is published.
    """
    rules = load_mapping(mapping)
    root = Path(warehouse)
    started = datetime.now()
    say = progress or (lambda label, done, total: None)
    if "://" not in str(source) and not Path(source).exists():
        raise UserError(f"there is no file or folder {source}")
    with writing(root) as staging:
        house = Warehouse.open(root) if (root / "CURRENT").exists() else None
        sources = find_sources(source, rules, staging)
        if house is None:
            house = Warehouse(root, empty_manifest(buckets or _bucket_count(sources)))
        batch = Batch(connect(staging), root, staging, house, rules, f"b{len(house.manifest['batches']) + 1:04d}")
        try:
            return _run(batch, str(source), sources, known_at, say, check, started)
        except duckdb.OutOfMemoryException as error:
            raise UserError(
                f"not enough memory or disk for this intake: {str(error).splitlines()[0]}; nothing was published"
            ) from None
        except duckdb.IOException as error:
            raise UserError(f"reading or writing failed: {str(error).splitlines()[0]}; nothing was published") from None
        finally:
            batch.con.close()


def readmit(
    warehouse: Path | str, row_ids: list[str] | None = None, mapping: str | Path | None = None
) -> IntakeSummary:
    """Try quarantined rows again, all or the named ones, with the mapping they came with or with a mended one.

    Rows that pass join the warehouse as a batch of their own and leave the quarantine; the others stay. Broken lines (Q06, kept as text)
    cannot be tried: mend the file and take it in again. UserError if there is nothing to try.
    """
    root = Path(warehouse)
    started = datetime.now()
    house = Warehouse.open(root)
    rows = quarantine.pending(house)
    if row_ids is not None:
        if unknown := sorted(set(row_ids) - set(rows["row_id"])):
            raise UserError(f"no quarantined row {unknown[0]}; `xiezhi quarantine` lists what is there")
        rows = rows[rows["row_id"].isin(row_ids)]
    if rows.empty:
        raise UserError(f"the quarantine of {root} is empty; there is nothing to readmit")
    mended = load_mapping(mapping) if mapping is not None else None
    with writing(root) as staging:
        batch = Batch(
            connect(staging), root, staging, house, mended or Mapping(), f"b{len(house.manifest['batches']) + 1:04d}"
        )
        try:
            admit(batch, rows, mended)
            ends = [datetime.fromisoformat(e) for e in house.manifest.get("extracts", {}).values()]
            batch.end = max(ends)
            return _finish(batch, "readmit", lambda label, done, total: None, 1, 1, lambda point: None, started)
        finally:
            batch.con.close()


def _bucket_count(sources: list[Source]) -> int:
    size = sum(
        s.path.stat().st_size * (4 if s.kind == "parquet" else 1)
        for s in sources
        if s.path and s.table == "fee_details"
    )
    # Up to 2 million lines a bucket: its views and features fit in 1.5 GB, and two buckets run at a time. A county's planning overhead is per bucket.
    return 1 if size < 240 * 2**20 else 8 if size < 1_600 * 2**20 else 16 if size < 6_400 * 2**20 else 64


def _run(
    batch: Batch,
    label: str,
    sources: list[Source],
    known_at: date | None,
    say: Progress,
    check: Callable[[str], None],
    started: datetime,
) -> IntakeSummary:
    old = batch.house.manifest
    seen = {(f["table"], f["sha256"], f["mapping"]): f for f in old.get("files", []) if f["sha256"]}
    fingerprint = quarantine_fingerprint(batch.mapping)
    steps = len(sources) + 6
    done = 0
    for source in sources:
        say(f"读取 {source.label}", done, steps)
        done += 1
        sha = digest(source)
        if (source.table, sha, fingerprint) in seen:
            rows = seen[(source.table, sha, fingerprint)]["rows_in"]
            _count(batch, source.table, Counts(rows_in=rows, duplicates=rows))
            continue
        seen[(source.table, sha, fingerprint)] = entry = {
            "table": source.table, "name": source.label, "sha256": sha, "mapping": fingerprint, "rows_in": 0,
        }  # fmt: skip
        loaded = load(batch.con, source, done, batch.staging)
        entry["rows_in"] = loaded.rows + len(loaded.faults)
        batch.files.append(entry)
        _take(batch, source, loaded, batch.mapping)
    _take_pending(batch)
    _clock(batch, known_at)
    return _finish(batch, label, say, done, steps, check, started)


def _finish(
    batch: Batch, label: str, say: Progress, done: int, steps: int, check: Callable[[str], None], started: datetime
) -> IntakeSummary:
    say("核对结算", done, steps)
    _settlements(batch)
    say("核对明细", done + 1, steps)
    _lines(batch)
    say("核对其余各表", done + 2, steps)
    for table in SOURCE:
        if table not in ("settlements", "fee_details"):
            _plain(batch, table)
    _derive(batch)
    say("写入", done + 3, steps)
    summary = _publish(batch, label, check, started)
    say("完成", steps, steps)
    return summary


def quarantine_fingerprint(mapping: Mapping) -> str:
    """What makes a second delivery of the same bytes the same delivery: the text of its mapping."""
    import hashlib

    return hashlib.sha256(mapping.text.encode()).hexdigest()[:16]


def _count(batch: Batch, table: str, counts: Counts) -> None:
    batch.counts[table] = batch.counts.get(table, Counts()) + counts


def _has(batch: Batch, relation: str) -> bool:
    return bool(
        batch.con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = $1 UNION ALL SELECT 1 FROM duckdb_views() WHERE view_name = $1",
            [relation],
        ).fetchall()
    )


def _columns(batch: Batch, relation: str) -> set[str]:
    return {row[0] for row in batch.con.execute(f"DESCRIBE {relation}").fetchall()}


# ---------------------------------------------------------------- parse


def _normal(header: str) -> str:
    return header.strip().strip("\ufeff").lower().replace("（", "(").replace("）", ")").replace(" ", "")


def local_columns(
    table: Table, rule: TableRule, types: dict[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Official → local column, official → money unit named in the header (``费用(分)``), and the local columns nothing reads."""
    by_name = {_normal(local): local for local in types}
    bare = {}
    units = {}
    for normal, local in by_name.items():
        for mark, unit in (("(元)", "yuan"), ("(分)", "fen"), ("(万元)", "wan")):
            if normal.endswith(mark):
                bare[normal[: -len(mark)]] = local
                units[local] = unit
    found: dict[str, str] = {}
    header_units: dict[str, str] = {}
    for column in table.columns:
        given = rule.columns.get(column.name)
        if given and given.source is not None:
            local = by_name.get(_normal(given.source))
        else:
            names = (column.name, *column.aliases, column.zh)
            local = next((by_name[_normal(n)] for n in names if _normal(n) in by_name), None)
            local = local or next((bare[_normal(n)] for n in names if _normal(n) in bare), None)
        if local is not None:
            found[column.name] = local
            if local in units:
                header_units[column.name] = units[local]
    used = set(found.values())
    for given in rule.columns.values():
        used |= {by_name[_normal(c)] for case, _ in given.cases for c in case if _normal(c) in by_name}
    return found, header_units, [c for c in types if c not in used and c not in rule.drop]


def _local(column: str, types: dict[str, str], found: dict[str, str]) -> str | None:
    by_name = {_normal(local): local for local in types} | dict(found)
    return by_name.get(_normal(column))


def _computed(rule: ColumnRule, types: dict[str, str], found: dict[str, str]) -> str | None:
    """SQL of a column that is not read but made: a constant, a join of columns, or the first case that holds."""
    if rule.constant is not None:
        return quote(rule.constant)
    if rule.join:
        cells = [f"CAST({name(local)} AS VARCHAR)" for c in rule.join if (local := _local(c, types, found))]
        return "concat_ws('|', " + ", ".join(cells) + ")" if len(cells) == len(rule.join) else None
    if rule.cases:
        arms = []
        for when, value in rule.cases:
            tests = []
            for column, wanted in when.items():
                local = _local(column, types, found)
                cell = name("k_" + local) if local else "NULL::VARCHAR"
                said = f"{cell} IN ({quote(wanted)}, {quote(wanted + '.0')})"
                tests.append({"": f"{cell} IS NULL", "*": f"{cell} IS NOT NULL"}.get(wanted, said))
            arms.append(f"WHEN {' AND '.join(tests)} THEN {quote(value)}")
        return f"CASE {' '.join(arms)} END"
    return None


def _take(batch: Batch, source: Source, loaded: Loaded, mapping: Mapping) -> None:
    """Parse one loaded source into `parsed_TABLE` (typed columns, `_row`, `_err`) and set its broken lines aside."""
    table, rule = SOURCE[source.table], mapping.rule(source.table)
    found, header_units, unknown = local_columns(table, rule, loaded.types)
    given = {c for c, r in rule.columns.items() if r.constant is not None or r.join or r.cases}
    lacking = [c for c in NEEDED.get(table.name, table.key) if c not in found and c not in given]
    if table.name == "fee_details":
        lacking = [c for c in lacking if c not in ("psn_no", "fixmedins_code")]
    lacking = [c for c in lacking if table[c].required or c in NEEDED.get(table.name, ())]
    if lacking:
        shown = ", ".join(f"{c} ({table[c].zh})" for c in lacking)
        raise UserError(
            f"{source.label}: no column for {shown} of table {table.name}; its header reads {', '.join(list(loaded.types)[:12])}. "
            "Name the local column in a mapping file, or let `xiezhi mapping suggest` draft one"
        )
    if unknown and source.kind != "pending":
        batch.facts.setdefault("unknown_columns", {}).setdefault(table.name, [])
        batch.facts["unknown_columns"][table.name] = sorted({*batch.facts["unknown_columns"][table.name], *unknown})
    unit = rule.unit or mapping.unit
    parsed: list[Parsed] = []
    sound = canonical_columns(
        batch.con,
        loaded.relation,
        {
            found[c.name]: c.kind
            for c in table.columns
            if c.name in found
            and c.kind in ("code", "text", "bool")
            and loaded.types[found[c.name]] == "VARCHAR"
            and c.name not in rule.keyed
            and not ((r := rule.columns.get(c.name)) and (r.values or r.pad))
        },
    )
    as_is: set[str] = set()
    for column in table.columns:
        how = rule.columns.get(column.name, ColumnRule())
        keyed = "keyed" if column.name in rule.keyed else ""
        if keyed:
            _key_macro(batch)
        if (made := _computed(how, loaded.types, found)) is not None:
            parsed.append(parse_column(column, how, "VARCHAR", unit, f"({made})", keyed))
        elif column.name in found:
            local = found[column.name]
            if local in sound:
                cell = name("c_" + column.name)
                parsed.append(Parsed(column, name(local), name("r_" + column.name), None, cell))
                as_is.add(column.name)
                continue
            of_header = ColumnRule(**{**how.__dict__, "unit": how.unit or header_units.get(column.name)})
            parsed.append(parse_column(column, of_header, loaded.types[local], unit, name(local), keyed))
    raws = ", ".join(f"{p.raw} AS {name('r_' + p.column.name)}" for p in parsed)
    cleans = ", ".join(f"{p.clean} AS {name('c_' + p.column.name)}" for p in parsed)
    narrows = "".join(f", {p.narrow} AS {name('n_' + p.column.name)}" for p in parsed if p.narrow)
    typed = ", ".join(f"CAST({p.typed} AS {p.column.sql_type}) AS {name(p.column.name)}" for p in parsed)
    faults = [
        f"CASE WHEN {name('c_' + p.column.name)} IS NOT NULL AND {name(p.column.name)} IS NULL THEN '{REASON[p.column.kind]}:{p.column.name}' END"
        for p in parsed
        if not p.lossy and p.column.kind != "text" and p.column.name not in as_is
    ]
    texts = [
        name("c_" + p.column.name)
        for p in parsed
        if p.column.kind in ("code", "text") and source.kind != "csv" and p.column.name not in as_is
    ]
    if texts:
        joined = f"concat_ws('', {', '.join(texts)})"
        faults.insert(
            0,
            f"CASE WHEN regexp_matches({joined}, '[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F]') THEN 'Q11:' WHEN contains({joined}, chr(65533)) THEN 'Q05:' END",
        )
    needed = [
        f"CASE WHEN {name(c)} IS NULL THEN 'Q01:{c}' END"
        for c in NEEDED.get(table.name, table.key)
        if table[c].required and c in {p.column.name for p in parsed}
    ]
    known = (
        "CAST(as_time(clean(_told), clean(_told)) AS TIMESTAMP)" if rule.known_at in loaded.types else "NULL::TIMESTAMP"
    )
    told = f"CAST({name(rule.known_at)} AS VARCHAR)" if rule.known_at in loaded.types else "NULL::VARCHAR"
    # cells that `cases` look at, cleaned once
    looked = {
        name(local): f"clean(CAST({name(local)} AS VARCHAR)) AS {name('k_' + local)}"
        for how in rule.columns.values()
        for case, _ in how.cases
        for c in case
        if (local := _local(c, loaded.types, found))
    }
    cells = f"(SELECT *, {', '.join(looked.values())} FROM {loaded.relation})" if looked else loaded.relation
    target = f"parsed_{table.name}"
    first = batch.parts.get(table.name, [])
    start = sum(part.rows for _, part, _ in first)
    batch.parts.setdefault(table.name, []).append((source, loaded, start))
    present = {p.column.name for p in parsed}
    missing = [c for c in table.columns if c.name not in present and c.name in (*WORKED.get(table.name, ()), *table.key)]
    blanks = "".join(f", NULL::{c.sql_type} AS {name(c.name)}" for c in missing)
    shown = ", ".join(name(c.name) for c in table.columns if c.name in present or c in missing)
    body = f"""SELECT CAST(_row + {start} AS BIGINT) AS _row, {shown}, _known, CAST(coalesce({", ".join([*faults, *needed, "NULL"])}) AS VARCHAR) AS _err
        FROM (SELECT *, {typed}{blanks} FROM (SELECT *{narrows} FROM (SELECT _row, {known} AS _known, {cleans} FROM (SELECT _row, {told} AS _told, {raws} FROM {cells}))))"""
    if _has(batch, target):
        for column in table.columns:
            if column.name in present:
                batch.con.execute(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {name(column.name)} {column.sql_type}")
        batch.con.execute(f"INSERT INTO {target} BY NAME {body}")
    else:
        batch.con.execute(f"CREATE TABLE {target} AS {body}")
    if source.kind != "pending":
        _count(batch, table.name, Counts(rows_in=loaded.rows + len(loaded.faults)))
        for fault in loaded.faults:
            batch.rejected.append(
                Rejected(table.name, source.label, fault.line, "", fault.code, fault.raw, fault.detail)
            )
        if "certno" in found:
            held = f"SELECT CAST({name(found['certno'])} AS VARCHAR) AS c FROM {loaded.relation}"
            lost = batch.con.execute(
                f"SELECT count(*) FROM ({held}) WHERE regexp_matches(c, '^[0-9]([.][0-9]+)?[eE][+][0-9]+$')"
            ).fetchall()[0][0]
            if lost:
                batch.facts["lost_certificates"] = batch.facts.get("lost_certificates", 0) + lost


def _key_macro(batch: Batch) -> None:
    """HMAC-SHA256 with the warehouse's own key as a SQL macro; the key file is made on first use and readable by its owner only."""
    path = batch.root / "key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    secret = bytes.fromhex(path.read_text().strip()).ljust(64, b"\0")
    inner = "".join(f"\\x{b ^ 0x36:02X}" for b in secret)
    outer = "".join(f"\\x{b ^ 0x5C:02X}" for b in secret)
    batch.con.execute(
        f"CREATE OR REPLACE TEMP MACRO keyed(x) AS sha256('{outer}'::BLOB || unhex(sha256('{inner}'::BLOB || encode(upper(x)))))"
    )


# ---------------------------------------------------------------- quarantine


def _reject(batch: Batch, table: str, rows: str, code: str | None = None, column: str = "") -> None:
    """Quarantine rows of `parsed_TABLE`: `rows` is SQL giving `_row` and, without `code`, `_err` (``Q02:begntime``)."""
    found = batch.con.execute(
        f"SELECT DISTINCT ON (_row) _row, {'_err' if code is None else quote(code + ':' + column)} FROM ({rows}) ORDER BY _row"
    ).fetchall()
    if not found:
        return
    for source, loaded, start in batch.parts.get(table, []):
        mine = {row - start: err for row, err in found if start <= row < start + loaded.rows}
        if not mine or source.kind == "pending":
            continue
        batch.con.execute("CREATE OR REPLACE TEMP TABLE wanted (_row BIGINT)")
        _bulk(batch, "wanted", sorted(mine))
        columns = ", ".join(f"{name(c)} := CAST({name(c)} AS VARCHAR)" for c in loaded.types)
        raws = batch.con.execute(
            f"SELECT _row, CAST(to_json(struct_pack({columns})) AS VARCHAR) FROM {loaded.relation} WHERE _row IN (SELECT _row FROM wanted) ORDER BY _row"
        ).fetchall()
        for row, raw in raws:
            reason, _, where = mine[row].partition(":")
            batch.rejected.append(Rejected(table, source.label, loaded.line(row), where, reason, raw))
    keys = [row for row, _ in found]
    batch.con.execute("CREATE OR REPLACE TEMP TABLE wanted (_row BIGINT)")
    _bulk(batch, "wanted", keys)
    batch.con.execute(f"DELETE FROM parsed_{table} WHERE _row IN (SELECT _row FROM wanted)")


def _bulk(batch: Batch, table: str, rows: list[int]) -> None:
    import pyarrow as pa

    arrow = pa.table({"_row": pa.array(rows, pa.int64())})
    batch.con.register("bulk", arrow)
    batch.con.execute(f"INSERT INTO {table} SELECT _row FROM bulk")
    batch.con.unregister("bulk")


def _take_pending(batch: Batch) -> None:
    """Try the waiting refunds and lines (Q08, Q09) again, read with the mapping they came with."""
    if not batch.house.manifest.get("quarantine"):
        return
    rows = quarantine.pending(batch.house, quarantine.RETRIED)
    admit(batch, rows)


def admit(batch: Batch, rows: Any, mended: Mapping | None = None) -> None:
    """Feed quarantined rows to the batch as one more source a table and mapping."""
    if rows.empty:
        return
    texts = {b["mapping_id"]: b["mapping_text"] for b in batch.house.manifest["batches"]}
    for (table, mapping_id), group in rows.groupby(["table", "mapping"], sort=True):
        held = [(i, r) for i, r in zip(group["row_id"], group["raw"], strict=True) if r.startswith("{")]
        if not held:
            continue
        records = [json.loads(raw) for _, raw in held]
        columns = sorted({c for record in records for c in record})
        import pyarrow as pa

        relation = f"pending_{table}_{mapping_id}"
        arrow = pa.table(
            {c: pa.array([r.get(c) for r in records], pa.string()) for c in columns}
            | {"_row": pa.array(range(len(records)), pa.int64())}
        )
        batch.con.register("bulk", arrow)
        batch.con.execute(f"CREATE TABLE {name(relation)} AS SELECT * FROM bulk")
        batch.con.unregister("bulk")
        loaded = Loaded(name(relation), dict.fromkeys(columns, "VARCHAR"), len(records))
        batch.retry_ids.setdefault(table, [])
        source = Source(table, mapping_id, kind="pending")
        _take(batch, source, loaded, mended or parse_mapping(texts[mapping_id], mapping_id))
        batch.facts.setdefault("_pending", {})[(table, len(batch.parts[table]) - 1)] = [i for i, _ in held]


def _clock(batch: Batch, known_at: date | None) -> None:
    """The extract's own end: as told, else as the mapping says, else the last natural moment it speaks of."""
    if known_at is not None:
        batch.end = datetime(known_at.year, known_at.month, known_at.day, 23, 59, 59)
        return
    if batch.mapping.extract_end is not None:
        batch.end = batch.mapping.extract_end
        return
    moments = {
        "settlements": ("begntime", "endtime", "setl_time"), "fee_details": ("fee_ocur_time",), "presence_checks": ("check_time",),
        "inspections": ("conclude_time", "insp_time"),
    }  # fmt: skip
    last = [datetime(1900, 1, 1)]
    for table, columns in moments.items():
        if _has(batch, f"parsed_{table}"):
            for column in columns:
                value = batch.con.execute(f"SELECT max({column}) FROM parsed_{table} WHERE _err IS NULL").fetchall()[0][
                    0
                ]
                last += [value] if value else []
    ends = [datetime.fromisoformat(e) for e in batch.house.manifest.get("extracts", {}).values()]
    batch.end = max(last) if max(last) > datetime(1900, 1, 1) else max(ends, default=datetime(1900, 1, 1))


def _table_clock(batch: Batch, table: str) -> Clock:
    previous = batch.house.manifest.get("extracts", {}).get(table)
    batch.extracts[table] = max(batch.end.isoformat(), previous or "")
    return Clock(batch.end, datetime.fromisoformat(previous) if previous else None)


# ---------------------------------------------------------------- settlements


def _stored(batch: Batch, table: str, layout: str | None = None) -> str | None:
    files = batch.house.files(table, layout)
    return f"read_parquet({paths_sql(files)}, union_by_name=true)" if files else None


def _hash(columns: list[str]) -> str:
    return "hash(row(" + ", ".join(columns) + "))"


def _settlements(batch: Batch) -> None:
    con, src = batch.con, "parsed_settlements"
    if not _has(batch, src):
        return
    clock = _table_clock(batch, "settlements")
    have = _columns(batch, src)
    money = [c.name for c in SOURCE["settlements"].columns if c.kind == "money" and c.name in have]
    amounts = " OR ".join(
        f"coalesce({c}, 0) <> 0" for c in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
    )
    con.execute(
        f"UPDATE {src} SET _err = 'Q13:vali_flag' WHERE _err IS NULL AND vali_flag IS NOT NULL AND vali_flag <> '1'"
    )
    con.execute(f"UPDATE {src} SET _err = 'Q01:setl_id' WHERE _err IS NULL AND setl_id IS NULL AND ({amounts})")
    con.execute(
        f"UPDATE {src} SET _err = 'Q01:setl_time' WHERE _err IS NULL AND setl_id IS NOT NULL AND setl_time IS NULL"
    )
    # one clock to the second, the other to the minute or the day: no contradiction, the finer one stands
    con.execute(
        f"UPDATE {src} SET endtime = begntime WHERE endtime < begntime AND endtime IN (date_trunc('minute', begntime), date_trunc('day', begntime))"
    )
    con.execute(f"UPDATE {src} SET _err = 'Q07:endtime' WHERE _err IS NULL AND endtime < begntime")
    parts = "fund_pay_sumamt + acct_pay + psn_cash_pay"
    con.execute(
        f"UPDATE {src} SET _err = 'Q10:medfee_sumamt' WHERE _err IS NULL AND medfee_sumamt <> 0 AND {parts} <> 0 AND (abs(medfee_sumamt) = 100 * abs({parts}) OR 100 * abs(medfee_sumamt) = abs({parts}))"
    )
    if _has(batch, "parsed_persons") or batch.house.entries("persons"):
        births = " UNION ALL ".join(filter(None, [
            "SELECT psn_no, brdy FROM parsed_persons WHERE _err IS NULL" if _has(batch, "parsed_persons") else "",
            f"SELECT psn_no, brdy FROM {_stored(batch, 'persons')}" if batch.house.entries("persons") else "",
        ]))  # fmt: skip
        con.execute(
            f"UPDATE {src} SET _err = 'Q07:begntime' FROM (SELECT psn_no, min(brdy) AS brdy FROM ({births}) GROUP BY 1) b "
            f"WHERE {src}._err IS NULL AND b.psn_no = {src}.psn_no AND CAST(begntime AS DATE) < b.brdy"
        )
    reversals.normalise_signs(con, src, money)
    con.execute(
        f"UPDATE {src} SET _err = 'Q07:medfee_sumamt' WHERE _err IS NULL AND refd_setl_flag = '0' AND medfee_sumamt < 0"
    )
    _reject(batch, "settlements", f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    _conflicts(batch, "settlements", "setl_id", _stored(batch, "settlements"))
    _conflicts(batch, "settlements", "mdtrt_id", _stored(batch, "visits"), where="coalesce(refd_setl_flag, '0') <> '1'")
    stored = _stored(batch, "settlements")
    _reject(batch, "settlements", reversals.link(con, src, stored, money), "Q08", "init_setl_id")
    _classes(batch)
    first = f"(SELECT mdtrt_id AS m, min(begntime) AS begun FROM ({_begun(batch, src)}) GROUP BY 1 HAVING count(DISTINCT begntime) > 1)"
    con.execute(f"CREATE TEMP TABLE begun AS {first}")
    lag = f"to_seconds({batch.mapping.rule('settlements').lag_days * 86400})"
    person, unit = _spread(batch, "p.psn_no", "p.fixmedins_code")
    common = """coalesce(s.fixmedins_type, '1') AS _unit, v.visit_class, v.is_inpatient"""
    con.execute(
        f"""CREATE TABLE rows_settlements AS SELECT p.* REPLACE (coalesce(b.begun, p.begntime) AS begntime), p.begntime AS _own_begin, {common},
            coalesce(p._known, greatest(p.setl_time, p.setl_time) + {lag}) AS _settled, p.begntime + {lag} AS _begun, p.endtime + {lag} AS _ended, {person} AS _person, {unit} AS _institution
        FROM {src} p LEFT JOIN begun b ON b.m = p.mdtrt_id AND coalesce(p.refd_setl_flag, '0') <> '1'
        LEFT JOIN unit_types s ON s.fixmedins_code = p.fixmedins_code
        LEFT JOIN visit_classes v ON v.med_type = coalesce(p.med_type, '') AND v.fixmedins_type = coalesce(s.fixmedins_type, '1')"""
    )
    con.execute("DROP TABLE begun")
    real = "coalesce(refd_setl_flag, '0') <> '1'"
    for part, key, where, natural, full in (
        ("visits", "mdtrt_id", real, "_begun", "greatest(_begun, coalesce(_settled, _ended, _begun))"),
        (
            "discharges",
            "mdtrt_id",
            f"{real} AND endtime IS NOT NULL",
            "_ended",
            "greatest(_ended, coalesce(_settled, _ended))",
        ),
        ("settlements", "setl_id", "setl_id IS NOT NULL", "_settled", "_settled"),
    ):
        _part(batch, part, "rows_settlements", key, where, natural, full, clock, few="SELECT * FROM rows_settlements")
    _close(batch, "settlements", ("visits", "discharges", "settlements"))


def _spread(batch: Batch, person: str, unit: str) -> tuple[str, str]:
    """SQL of a row's bucket by person and by institution."""
    count = batch.house.buckets
    return (bucket_sql(person, count), bucket_sql(unit, count)) if count > 1 else ("0", "0")


def _begun(batch: Batch, src: str) -> str:
    new = f"SELECT mdtrt_id, begntime FROM {src} WHERE coalesce(refd_setl_flag, '0') <> '1'"
    stored = _stored(batch, "visits")
    return (
        f"{new} UNION ALL SELECT mdtrt_id, begntime FROM {stored} WHERE mdtrt_id IN (SELECT mdtrt_id FROM {src})"
        if stored
        else new
    )


def _conflicts(batch: Batch, table: str, key: str, stored: str | None, where: str = "true") -> None:
    """Quarantine rows whose key belongs to another person or institution, in the batch (the first row keeps it) or in the warehouse (Q12)."""
    src = f"parsed_{table}"
    mixed = f"""SELECT h FROM (SELECT hash({key}) AS h, min(hash(psn_no, fixmedins_code)) AS a, max(hash(psn_no, fixmedins_code)) AS b
        FROM {src} WHERE {key} IS NOT NULL AND {where} GROUP BY 1) WHERE a <> b"""
    rows = f"""SELECT _row FROM (SELECT _row, psn_no, fixmedins_code, first_value(psn_no) OVER w AS p, first_value(fixmedins_code) OVER w AS f
        FROM {src} WHERE hash({key}) IN ({mixed}) AND {where} WINDOW w AS (PARTITION BY {key} ORDER BY _row)) WHERE psn_no <> p OR fixmedins_code <> f"""
    _reject(batch, table, rows, "Q12", key)
    if stored:
        rows = f"""SELECT n._row FROM {src} n JOIN (SELECT DISTINCT {key}, psn_no, fixmedins_code FROM {stored}) s USING ({key})
            WHERE ({where}) AND (s.psn_no <> n.psn_no OR s.fixmedins_code <> n.fixmedins_code)"""
        _reject(batch, table, rows.replace("coalesce(refd", "coalesce(n.refd"), "Q12", key)


def _classes(batch: Batch) -> None:
    con = batch.con
    codes = [r[0] or "" for r in con.execute("SELECT DISTINCT med_type FROM parsed_settlements").fetchall()]
    con.execute(
        "CREATE TABLE visit_classes (med_type VARCHAR, fixmedins_type VARCHAR, visit_class VARCHAR, is_inpatient BOOLEAN)"
    )
    con.executemany(
        "INSERT INTO visit_classes VALUES (?, ?, ?, ?)", visit_class_rows(["", *codes], batch.mapping.visit_class)
    )
    kinds = ["SELECT NULL::VARCHAR AS fixmedins_code, NULL::VARCHAR AS fixmedins_type WHERE false"]
    if _has(batch, "parsed_institutions"):
        kinds.append("SELECT fixmedins_code, fixmedins_type FROM parsed_institutions WHERE _err IS NULL")
    if batch.house.entries("institutions"):
        kinds.append(f"SELECT fixmedins_code, fixmedins_type FROM {_stored(batch, 'institutions')}")
    con.execute(
        f"CREATE TABLE unit_types AS SELECT fixmedins_code, CASE WHEN max(fixmedins_type) = '2' THEN '2' ELSE '1' END AS fixmedins_type FROM ({' UNION ALL '.join(kinds)}) GROUP BY 1"
    )


def _few(batch: Batch, part: str, have: list[str], source: str) -> dict[str, str]:
    """Columns of few different values → their ENUM: sorting and writing then move small integers. `source` is SQL that holds every value."""
    con, table = batch.con, CANONICAL[part]
    keys = {*table.key, "mdtrt_id", "setl_id", "feedetl_sn", "init_setl_id", "init_feedetl_sn"}
    texts = [c.name for c in table.columns if c.name in have and c.sql_type == "VARCHAR" and c.name not in keys]
    held = _columns(batch, f"({source})") if texts else set()
    if not (texts := [c for c in texts if c in held]):
        return {}
    counted = ", ".join(f"approx_count_distinct({name(c)})" for c in texts)
    rows, *different = con.execute(f"SELECT count(*), {counted} FROM ({source})").fetchall()[0]
    if rows < ENUM_ROWS:
        return {}
    found = {}
    for column, n in zip(texts, different, strict=True):
        if n <= min(ENUM_VALUES, rows // 4 + 1):
            values = f"SELECT DISTINCT {name(column)} FROM ({source}) WHERE {name(column)} IS NOT NULL"
            if part == "fee_details" and column in ("psn_no", "fixmedins_code"):
                values += f" UNION SELECT {name(column)} FROM known_visits WHERE {name(column)} IS NOT NULL"
            found[column] = name(f"few_{part}_{column}")
            con.execute(f"CREATE TYPE {found[column]} AS ENUM (SELECT * FROM ({values}) ORDER BY 1)")
    return found


def _part(
    batch: Batch, part: str, rows: str, key: str, where: str, natural: str, full: str, clock: Clock, few: str
) -> None:
    """Versions of one canonical table from `rows`: makes `new_PART` (only columns that are there, `_row`), the view `out_PART` (all canonical
    columns) and `old_PART` (what is superseded). `few` is SQL holding every value of the text columns."""
    con, table = batch.con, CANONICAL[part]
    present = _columns(batch, rows)
    have = [c.name for c in table.columns if c.name in present]
    content = [c for c in table.columns if c.name != "setl_known_at"]
    cells = [name(c.name) if c.name in present else f"NULL::{c.sql_type}" for c in content]
    new = f"SELECT _row, {key} AS _key, {natural} AS _nat, {full} AS _full, {_hash(cells)} AS _h FROM {rows} WHERE {where}"
    held = _stored(batch, part)
    stored = None
    if held:
        stored_have = _columns(batch, f"SELECT * FROM {held}")
        cells = [name(c.canonical) if c.canonical in stored_have else f"NULL::{c.sql_type}" for c in content]
        stored_key = key if "(" not in key else _canonical_key(table)
        stored = f"SELECT {stored_key} AS _key, {_hash(cells)} AS _h, version_no, known_at FROM {held}"
    fix, old = resolve(con, part, new, stored, clock)
    enums = _few(batch, part, have, few)
    columns = ", ".join(
        f"CAST(n.{name(c)} AS {enums[c]}) AS {name(table[c].canonical)}" if c in enums else f"n.{name(c)} AS {name(table[c].canonical)}"
        for c in have
    )
    spread = ", n._person, n._institution" if part in FACTS else ""
    special = con.execute(f"SELECT count(*) FROM {fix}").fetchall()[0][0]
    plain = f"SELECT n._row, {columns}{spread}, {clock.sql('_nat')} AS known_at, 1::INTEGER AS version_no FROM (SELECT *, {natural} AS _nat FROM {rows} WHERE {where}) n"
    if special:
        plain = f"""SELECT n._row, {columns}{spread}, coalesce(f.known_at, {clock.sql("_nat")}) AS known_at, coalesce(f.version_no, 1) AS version_no
            FROM (SELECT *, {natural} AS _nat FROM {rows} WHERE {where}) n LEFT JOIN {fix} f USING (_row) WHERE f.dup IS NOT TRUE"""
    con.execute(f"CREATE TABLE new_{part} AS {plain}")
    made = {table[c].canonical for c in have} | {"known_at", "version_no"}
    if table.happened:
        made.add("happened_at")
    shown = [
        _shown(table, c, enums) if c in made else f"NULL::{kind} AS {name(c)}"
        for c, kind in table.canonical_columns.items()
    ]
    con.execute(f"CREATE VIEW out_{part} AS SELECT _row, {', '.join(shown)} FROM new_{part}")
    layouts = (
        "o.psn_no, o.fixmedins_code"
        if part in FACTS
        else ("o.psn_no, NULL AS fixmedins_code" if part == "persons" else "NULL AS psn_no, NULL AS fixmedins_code")
    )
    superseding = con.execute(f"SELECT count(*) FROM {old}").fetchall()[0][0]
    con.execute(
        f"CREATE TABLE old_{part} AS SELECT '{part}' AS table_name, x._key AS key, {layouts}, x.version_no, x.superseded_at FROM {old} x JOIN {rows} o USING (_row)"
        + ("" if superseding else " WHERE false")
    )


def _shown(table: Table, column: str, enums: dict[str, str]) -> str:
    if column == "happened_at" and table.happened:
        return f"CAST({name(table.happened.canonical)} AS TIMESTAMP) AS happened_at"
    return f"CAST({name(column)} AS VARCHAR) AS {name(column)}" if column in enums else name(column)


def _canonical_key(table: Table) -> str:
    return (
        "concat_ws('|', "
        + ", ".join(f"coalesce(CAST({name(table[k].canonical)} AS VARCHAR), '')" for k in table.key)
        + ")"
    )


def _close(batch: Batch, table: str, parts: tuple[str, ...] = ()) -> None:
    """Finish the count of a table: accepted rows are those that changed something, the others left in `parsed_` are duplicates."""
    con = batch.con
    parts = parts or (table,)
    touched = " UNION ALL ".join(f"SELECT _row FROM new_{part}" for part in parts)
    for index, (source, loaded, start) in enumerate(batch.parts[table]):
        span = f"_row >= {start} AND _row < {start + loaded.rows}"
        kept = con.execute(f"SELECT count(*) FROM parsed_{table} WHERE {span}").fetchall()[0][0]
        taken = con.execute(f"SELECT count(*) FROM (SELECT _row FROM parsed_{table} WHERE {span}) SEMI JOIN ({touched}) USING (_row)").fetchall()[0][0]
        if source.kind == "pending":
            ids = batch.facts["_pending"][(table, index)]
            gone = {r[0] - start for r in con.execute(f"SELECT _row FROM parsed_{table} WHERE {span}").fetchall()}
            batch.retry_ids[table] += [ids[i] for i in sorted(gone)]
        else:
            _count(batch, table, Counts(accepted=taken, duplicates=kept - taken))


# ---------------------------------------------------------------- lines


def _lines(batch: Batch) -> None:
    con, src = batch.con, "parsed_fee_details"
    if not _has(batch, src):
        return
    clock = _table_clock(batch, "fee_details")
    con.execute(
        f"""UPDATE {src} SET _err = 'Q10:det_item_fee_sumamt' WHERE _err IS NULL AND cnt <> 0 AND pric <> 0 AND abs(det_item_fee_sumamt) >= 1000
        AND (abs(abs(det_item_fee_sumamt) - abs(cnt::DOUBLE * pric / 1e6)) <= 1 + abs(det_item_fee_sumamt) / 1000
          OR abs(abs(det_item_fee_sumamt) * 1.0 - abs(cnt::DOUBLE * pric / 1e10)) <= abs(det_item_fee_sumamt) / 1000)"""
    )
    _reject(batch, "fee_details", f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    visits = [
        f"SELECT mdtrt_id, psn_no, fixmedins_code FROM {_stored(batch, t)}"
        for t in ("visits", "settlements")
        if batch.house.entries(t)
    ]
    if _has(batch, "rows_settlements"):
        visits.append("SELECT mdtrt_id, psn_no, fixmedins_code FROM rows_settlements")
    visits = visits or [
        "SELECT NULL::VARCHAR AS mdtrt_id, NULL::VARCHAR AS psn_no, NULL::VARCHAR AS fixmedins_code WHERE false"
    ]
    con.execute(
        f"CREATE TABLE visits_named AS SELECT mdtrt_id, any_value(psn_no) AS psn_no, any_value(fixmedins_code) AS fixmedins_code FROM ({' UNION ALL '.join(visits)}) GROUP BY 1"
    )
    person, unit = _spread(batch, "psn_no", "fixmedins_code")
    con.execute(f"CREATE TABLE known_visits AS SELECT *, {person} AS _person, {unit} AS _institution FROM visits_named")
    con.execute("DROP TABLE visits_named")
    _reject(
        batch,
        "fee_details",
        f"""SELECT l._row, CASE WHEN v.mdtrt_id IS NULL THEN 'Q09:mdtrt_id' ELSE 'Q12:mdtrt_id' END AS _err FROM {src} l LEFT JOIN known_visits v USING (mdtrt_id)
        WHERE v.mdtrt_id IS NULL OR l.psn_no <> v.psn_no OR l.fixmedins_code <> v.fixmedins_code""",
    )
    settled = (
        [f"SELECT setl_id, known_at FROM {_stored(batch, 'settlements')} WHERE version_no = 1"]
        if batch.house.entries("settlements")
        else []
    )
    if _has(batch, "out_settlements"):
        settled.append("SELECT setl_id, known_at FROM out_settlements WHERE version_no = 1")
    settled = settled or ["SELECT NULL::VARCHAR AS setl_id, NULL::TIMESTAMP AS known_at WHERE false"]
    lag = f"to_seconds({batch.mapping.rule('fee_details').lag_days * 86400})"
    end = f"TIMESTAMP '{batch.end}'"
    con.execute(
        f"CREATE TABLE settled AS SELECT setl_id, min(known_at) AS known_at FROM ({' UNION ALL '.join(settled)}) GROUP BY 1"
    )
    con.execute(
        f"""CREATE VIEW rows_fee_details AS SELECT l.* REPLACE (coalesce(l.psn_no, v.psn_no) AS psn_no, coalesce(l.fixmedins_code, v.fixmedins_code) AS fixmedins_code,
            abs(l.pric) AS pric, CASE WHEN l.det_item_fee_sumamt < 0 AND l.cnt > 0 THEN -l.cnt ELSE l.cnt END AS cnt),
            CASE WHEN l.setl_id IS NOT NULL THEN coalesce(s.known_at, {end}) END AS setl_known_at, coalesce(l._known, l.fee_ocur_time + {lag}) AS _moment,
            v._person, v._institution
        FROM {src} l JOIN known_visits v USING (mdtrt_id) LEFT JOIN settled s USING (setl_id)"""
    )
    _part(
        batch, "fee_details", "rows_fee_details", "concat_ws('|', mdtrt_id, feedetl_sn)", "true", "_moment",
        "greatest(_moment, coalesce(setl_known_at, _moment))", clock, few=f"SELECT * FROM {src}",
    )  # fmt: skip
    con.execute("DROP VIEW rows_fee_details; DROP TABLE known_visits; DROP TABLE settled")
    _close(batch, "fee_details")


# ---------------------------------------------------------------- all other tables

#: When a row of a supporting table was known. Dimensions count as always known; what happened has its moment.
NATURAL = {"presence_checks": "check_time", "inspections": "coalesce(conclude_time, insp_time)", "stock_moves": "move_time", "ward_census": "CAST(stt_date AS TIMESTAMP)",
           "operations": "oprn_oprt_date"}  # fmt: skip


def _plain(batch: Batch, table: str, rows: str | None = None) -> None:
    """Versions of a table that is not split: persons, institutions, doctors and all supporting tables."""
    src = f"parsed_{table}"
    if not _has(batch, src):
        return
    clock = _table_clock(batch, table)
    declared = CANONICAL[table]
    if rows is None:
        _reject(batch, table, f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    if table == "presence_checks":
        _fill_units(batch, src)
    known = NATURAL.get(table)
    always = "TIMESTAMP '1900-01-01'"
    lag = f"to_seconds({batch.mapping.rule(table).lag_days * 86400})"
    natural = f"coalesce(_known, {known} + {lag}, {always})" if known else always
    full = natural if known else f"TIMESTAMP '{batch.end}'"
    if not known:
        clock = Clock(batch.end, None)
    parts = ", ".join(f"coalesce(CAST({name(k)} AS VARCHAR), '')" for k in declared.key)
    key = (
        f"concat_ws('|', {parts})"
        if len(declared.key) > 1
        else f"coalesce(CAST({name(declared.key[0])} AS VARCHAR), '')"
    )
    _part(batch, table, src, key, "true", natural, full, clock, few=f"SELECT * FROM {src}")
    if rows is None:
        _close(batch, table)


def _fill_units(batch: Batch, src: str) -> None:
    visits = ["SELECT mdtrt_id, fixmedins_code FROM rows_settlements"] if _has(batch, "rows_settlements") else []
    if batch.house.entries("visits"):
        visits.append(f"SELECT mdtrt_id, fixmedins_code FROM {_stored(batch, 'visits')}")
    if visits:
        batch.con.execute(
            f"UPDATE {src} SET fixmedins_code = v.fixmedins_code FROM (SELECT mdtrt_id, any_value(fixmedins_code) AS fixmedins_code "
            f"FROM ({' UNION ALL '.join(visits)}) GROUP BY 1) v WHERE v.mdtrt_id = {src}.mdtrt_id AND {src}.fixmedins_code IS NULL"
        )


def _derive(batch: Batch) -> None:
    """Tables a mapping derives from another source table (``derive``); they are not counted, their rows are."""
    for table, rule in sorted(batch.mapping.tables.items()):
        if rule.derive and _has(batch, f"parsed_{rule.derive}") and not _has(batch, f"parsed_{table}"):
            there = _columns(batch, f"parsed_{rule.derive}")
            cells = ", ".join(
                name(c.name) if c.name in there else f"NULL::{c.sql_type} AS {name(c.name)}"
                for c in SOURCE[table].columns
                if c.name in there or c.name in SOURCE[table].key
            )
            where = f"{name(rule.where)} IS NOT NULL" if rule.where in there else "true" if not rule.where else "false"
            batch.con.execute(
                f"CREATE TABLE parsed_{table} AS SELECT _row, {cells}, _known, _err FROM parsed_{rule.derive} WHERE {where}"
            )
            _plain(batch, table, rows=f"parsed_{table}")


# ---------------------------------------------------------------- publish


def _publish(batch: Batch, label: str, check: Callable[[str], None], started: datetime) -> IntakeSummary:
    con, old = batch.con, batch.house.manifest
    for row in batch.rejected:
        _count(batch, row.table, Counts(quarantined=1))
    reasons: dict[str, dict[str, int]] = {}
    for row in batch.rejected:
        reasons.setdefault(row.table, {})[row.code] = reasons.setdefault(row.table, {}).get(row.code, 0) + 1
    for table, c in batch.counts.items():
        if c.rows_in != c.accepted + c.quarantined + c.duplicates:
            raise AssertionError(
                f"{table}: {c.rows_in} rows in, but {c.accepted} + {c.quarantined} + {c.duplicates} accounted for"
            )
    outs = [
        t
        for t in CANONICAL
        if _has(batch, f"out_{t}") and con.execute(f"SELECT count(*) FROM out_{t}").fetchall()[0][0]
    ]
    resolved = [i for ids in batch.retry_ids.values() for i in ids]
    elapsed = (datetime.now() - started).total_seconds()
    if not outs and not batch.rejected and not resolved:
        version = f"{int(old['version']):08d}"
        return IntakeSummary("", version, False, batch.counts, {}, reasons, batch.notes, elapsed)
    from claims.quality import gather

    gather(batch)
    manifest = json.loads(json.dumps(old))
    manifest |= {"version": old["version"] + 1, "parent": f"{int(old['version']):08d}" if old["version"] else None}
    files: list[str] = []
    superseded = " UNION ALL ".join(f"SELECT * FROM old_{t}" for t in outs if _has(batch, f"old_{t}"))
    if superseded:
        con.execute(f"CREATE TABLE out_superseded AS SELECT * FROM ({superseded})")
        if con.execute("SELECT count(*) FROM out_superseded").fetchall()[0][0]:
            outs.append("superseded")
    if _has(batch, "out_clock_collapsed") and con.execute("SELECT count(*) FROM out_clock_collapsed").fetchall()[0][0]:
        outs.append("clock_collapsed")
    for table in dict.fromkeys(outs):
        files += _write(batch, table, manifest)
    for kind, frame in (
        ("rows", quarantine.frame(batch.rejected, batch.name, quarantine_fingerprint(batch.mapping))),
        ("resolved", quarantine.pd.DataFrame({"row_id": sorted(resolved)}, dtype="str")),
    ):
        if len(frame):
            final = f"quarantine/{batch.name}.{kind}.parquet"
            (batch.staging / "quarantine").mkdir(exist_ok=True)
            frame.to_parquet(batch.staging / final, index=False)
            manifest["quarantine"].append({**describe(batch.staging / final, final, len(frame)), "kind": kind})
            files.append(final)
    facts = {k: v for k, v in batch.facts.items() if not k.startswith("_")}
    manifest["facts"] = {**manifest.get("facts", {}), **facts}
    manifest["files"] = [*old.get("files", []), *[f for f in batch.files if f["sha256"]]]
    manifest["extracts"] = {**old.get("extracts", {}), **batch.extracts}
    readmitted = {t: len(ids) for t, ids in batch.retry_ids.items() if ids}
    manifest["batches"].append(
        {
            "batch": batch.name, "source": _without_secret(label), "loaded_at": started.isoformat(timespec="seconds"), "mapping": batch.mapping.name,
            "mapping_id": quarantine_fingerprint(batch.mapping), "mapping_text": batch.mapping.text, "extract_end": batch.end.isoformat(),
            "counts": {t: asdict(c) for t, c in batch.counts.items()}, "readmitted": readmitted,
        }
    )  # fmt: skip
    version = publish(batch.root, batch.staging, files, manifest, check)
    return IntakeSummary(batch.name, version, True, batch.counts, readmitted, reasons, batch.notes, elapsed)


def _without_secret(label: str) -> str:
    head, sep, tail = label.partition("://")
    return f"{head}://{tail.rpartition('@')[2]}" if sep else Path(label).name


def _write(batch: Batch, table: str, manifest: dict[str, Any]) -> list[str]:
    """Stage the new rows of a table in all its layouts and buckets; enter them in the manifest."""
    con, declared, root = batch.con, CANONICAL[table], batch.staging
    columns = list(declared.canonical_columns)
    rows_of = f"new_{table}" if _has(batch, f"new_{table}") else f"out_{table}"
    there = _columns(batch, rows_of)
    moment = declared.happened.canonical if declared.happened else ""
    written = []
    for layout in declared.layouts:
        key = LAYOUT_KEY.get(layout)
        where = "true"
        if table == "superseded":
            where = {
                "person": "psn_no IS NOT NULL",
                "institution": "fixmedins_code IS NOT NULL",
                "all": "psn_no IS NULL",
            }[layout]
        count = batch.house.buckets if key else 1
        bucket_of_row = "0"
        if key and count > 1:
            bucket_of_row = f"_{layout}" if table in FACTS else bucket_sql(key, count)
        present = [
            r[0]
            for r in con.execute(f"SELECT DISTINCT {bucket_of_row} FROM {rows_of} WHERE {where} ORDER BY 1").fetchall()
        ]
        order = list(
            dict.fromkeys(
                [
                    *([key] if key else []),
                    *(["happened_at"] if "happened_at" in columns else []),
                    *(declared[k].canonical for k in declared.key),
                    *(["version_no"] if "version_no" in columns else []),
                    *columns,
                ]
            )
        )
        sorting = [moment if c == "happened_at" else c for c in order[:6]]
        sorting = [c for c in dict.fromkeys(sorting) if c in there]
        held = [c for c in columns if c in there]
        # columns nobody sent are added behind the sort, so that they cost nothing
        shown = ", ".join(
            f"CAST({name(moment)} AS TIMESTAMP) AS happened_at"
            if c == "happened_at" and c not in there
            else name(c)
            if c in there
            else f"NULL::{kind} AS {name(c)}"
            for c, kind in declared.canonical_columns.items()
        )
        for bucket in present:
            final = f"tables/{table}/{layout}/b{bucket:03d}/{batch.name}.parquet"
            path = root / final
            path.parent.mkdir(parents=True, exist_ok=True)
            only = f"{bucket_of_row} = {bucket}" if bucket_of_row != "0" else "true"
            con.execute(
                f"COPY (SELECT {shown} FROM (SELECT {', '.join(map(name, held))} FROM {rows_of} WHERE {where} AND {only} ORDER BY {', '.join(map(name, sorting))})) "
                f"TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"
            )
            rows = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({quote(str(path))})").fetchall()[0][0]
            manifest["tables"].setdefault(table, {}).setdefault(layout, {}).setdefault(str(bucket), []).append(
                describe(path, final, rows)
            )
            written.append(final)
    counted = ", ".join(f"count({name(c)})" if c in there or c == "happened_at" else "0" for c in columns)
    have = con.execute(f"SELECT {counted} FROM out_{table}").fetchall()[0]
    before = manifest["columns"].get(table, [])
    manifest["columns"][table] = [c for c, n in zip(columns, have, strict=True) if n or c in before]
    if table in FACTS:
        low, high, known = con.execute(
            f"SELECT min(happened_at), max(happened_at), max(known_at) FROM out_{table}"
        ).fetchall()[0]
        span = [t.isoformat() for t in (low, high, known)]
        if earlier := manifest["spans"].get(table):
            span = [min(span[0], earlier[0]), max(span[1], earlier[1]), max(span[2], earlier[2])]
        manifest["spans"][table] = span
    return written


__all__ = ["Counts", "IntakeSummary", "intake", "readmit"]
