"""One loaded source becomes typed rows: which local column fills which official one, and what of it cannot be read."""

from __future__ import annotations

import os
import secrets

from claims.batch import Batch, Counts, count, has
from claims.errors import UserError
from claims.mapping import ColumnRule, Mapping, TableRule
from claims.parse import REASON, Parsed, name, parse_column, quote
from claims.quarantine import Rejected
from claims.shape import canonical_columns
from claims.sources import Loaded, Source
from claims.tables import SOURCE, Table

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


def _normal(header: str) -> str:
    return header.strip().strip("\ufeff").lower().replace("（", "(").replace("）", ")").replace(" ", "")


def local_columns(
    table: Table, rule: TableRule, types: dict[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Official → local column, official → money unit named in the header (``费用(分)``), and the local columns nothing reads."""
    by_name = {_normal(local): local for local in types}
    bare = {}
    units = {}
    for normal, written in by_name.items():
        for mark, unit in (("(元)", "yuan"), ("(分)", "fen"), ("(万元)", "wan")):
            if normal.endswith(mark):
                bare[normal[: -len(mark)]] = written
                units[written] = unit
    found: dict[str, str] = {}
    header_units: dict[str, str] = {}
    for column in table.columns:
        local: str | None
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


def take(batch: Batch, source: Source, loaded: Loaded, mapping: Mapping) -> None:
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
        name(seen): f"clean(CAST({name(seen)} AS VARCHAR)) AS {name('k_' + seen)}"
        for how in rule.columns.values()
        for case, _ in how.cases
        for c in case
        if (seen := _local(c, loaded.types, found))
    }
    cells = f"(SELECT *, {', '.join(looked.values())} FROM {loaded.relation})" if looked else loaded.relation
    target = f"parsed_{table.name}"
    first = batch.parts.get(table.name, [])
    start = sum(part.rows for _, part, _ in first)
    batch.parts.setdefault(table.name, []).append((source, loaded, start))
    present = {p.column.name for p in parsed}
    missing = [
        c for c in table.columns if c.name not in present and c.name in (*WORKED.get(table.name, ()), *table.key)
    ]
    blanks = "".join(f", NULL::{c.sql_type} AS {name(c.name)}" for c in missing)
    shown = ", ".join(name(c.name) for c in table.columns if c.name in present or c in missing)
    body = f"""SELECT CAST(_row + {start} AS BIGINT) AS _row, {shown}, _known, CAST(coalesce({", ".join([*faults, *needed, "NULL"])}) AS VARCHAR) AS _err
        FROM (SELECT *, {typed}{blanks} FROM (SELECT *{narrows} FROM (SELECT _row, {known} AS _known, {cleans} FROM (SELECT _row, {told} AS _told, {raws} FROM {cells}))))"""
    if has(batch, target):
        for column in table.columns:
            if column.name in present:
                batch.con.execute(
                    f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {name(column.name)} {column.sql_type}"
                )
        batch.con.execute(f"INSERT INTO {target} BY NAME {body}")
    else:
        batch.con.execute(f"CREATE TABLE {target} AS {body}")
    if source.kind != "pending":
        count(batch, table.name, Counts(rows_in=loaded.rows + len(loaded.faults)))
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
