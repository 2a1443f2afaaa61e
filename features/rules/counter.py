"""A claim at the counter: the rules that one settlement and its patient's past can answer, by the same SQL as the batch.

The person's own history is cut out of the warehouse, the incoming claim is laid beside it, and the as-of views and rules of the batch run over
that small heap. Rules that compare with other patients are not asked (`AT_COUNTER_NOT`).
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from claims.codes import is_inpatient, visit_class
from claims.errors import UserError
from claims.tables import CANONICAL, SOURCE
from claims.warehouse import FACTS, Warehouse, bucket_of, paths_sql
from features.asof import moment_of, open_views, read_as
from features.build import absent_features, evaluate
from features.declare import Feature, column_name
from features.reasons import number
from features.rules.run import rules_of
from features.rules.settings import setting

#: Rules of a stay or a person that look at other patients, at stock or at bed checks: the batch answers them.
AT_COUNTER_NOT = frozenset({"R05", "R09", "R21", "R24", "R25", "R40", "R48", "R58", "R67"})
_ORDER = {"hard": 0, "lead": 1, "KPI": 2, "DQ": 3, "feature": 4}


@dataclass(frozen=True)
class RuleAnswer:
    """What one rule says: `status` is hit, clear or not_evaluable (then `missing` says why)."""

    rule: str
    name: str
    kind: str
    grain: str
    status: str
    hits: float
    amount_fen: int
    reason: str
    innocent: str
    missing: str = ""


@dataclass(frozen=True)
class _Heap:
    """The part of `Warehouse` that as-of views ask for, over a folder of one person's rows."""

    folder: Path
    whole: Warehouse | None
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
        if not self._own(table).exists():
            return self.whole.columns(table) if self.whole else []
        rows = duckdb.connect().execute(f"DESCRIBE SELECT * FROM '{self._own(table)}'").fetchall()
        return [str(r[0]) for r in rows]


def check_claim(
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    warehouse: Path | str | None,
    as_of: date | datetime,
) -> list[RuleAnswer]:
    """Judge one incoming settlement with its fee lines, hits first (hard before lead, dearest first).

    `settlement` and `lines` use the official column names of tables.md with amounts in yuan. Without a warehouse only the claim itself is
    judged. Raises UserError when the claim lacks its keys or times.
    """
    for needed in ("mdtrt_id", "psn_no", "fixmedins_code", "med_type", "begntime"):
        if not settlement.get(needed):
            raise UserError(f"the settlement has no {needed}; a claim at the counter needs it")
    whole = Warehouse.open(Path(warehouse)) if warehouse is not None else None
    rules = [f for f in rules_of() if f.grain in ("admission", "person") and f.rule not in AT_COUNTER_NOT]
    with tempfile.TemporaryDirectory(prefix="counter-") as folder:
        heap = _Heap(Path(folder), whole)
        _lay_out(heap, settlement, lines, moment_of(as_of))
        absent = absent_features(heap, rules)  # type: ignore[arg-type]
        judged = [f for f in rules if f.name not in absent]
        values = _judge(heap, judged, str(settlement["mdtrt_id"]), str(settlement["psn_no"]), as_of)
    answers = [_answer(f, *values[f.name]) for f in judged] + [
        _answer(f, 0.0, 0, absent[f.name]) for f in rules if f.name in absent
    ]
    return sorted(
        answers,
        key=lambda a: (a.status != "hit", a.status == "not_evaluable", _ORDER[a.kind], -a.amount_fen, a.rule, a.grain),
    )


def _judge(
    heap: _Heap, rules: Sequence[Feature], visit: str, person: str, as_of: date | datetime
) -> dict[str, tuple[float, int]]:
    con = open_views(heap, as_of, "person", 0, threads=1, memory="500MB")  # type: ignore[arg-type]
    found: dict[str, tuple[float, int]] = {}
    try:
        for grain, entity in (("admission", visit), ("person", person)):
            own = [f for f in rules if f.grain == grain]
            read_as(con, "net")
            con.execute("CREATE OR REPLACE TABLE main.focus AS SELECT ?::VARCHAR AS entity_id", [entity])
            row = evaluate(con, own).iloc[0]
            for f in own:
                names = [column_name(f.name, w) for w in f.windows]
                fen = max((row[f"{n}_fen"] for n in names), default=0.0) if f.amount is not None else 0.0
                found[f.name] = (max(float(row[n]) for n in names), round(float(fen)))
    finally:
        con.close()
    return found


def _answer(f: Feature, hits: float, fen: int, missing: str = "") -> RuleAnswer:
    status = "not_evaluable" if missing else "hit" if hits > 0 else "clear"
    window = f.windows[0] or 365
    said = (
        f.reason.format(value=number(hits, f.unit), unit=f.unit, window=window, peer="", percentile="", n="")
        if status == "hit"
        else ""
    )
    return RuleAnswer(
        str(f.rule), str(setting(str(f.rule), "name")), f.kind, f.grain, status, hits, fen, said, f.innocent, missing
    )


def _lay_out(heap: _Heap, settlement: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], moment: datetime) -> None:
    """The person's history and the claim as canonical Parquet, one file a table."""
    con = duckdb.connect()
    try:
        person, visit = str(settlement["psn_no"]), str(settlement["mdtrt_id"])
        kind = _class_of(heap, con, settlement)
        row = dict(settlement) | {"visit_class": kind, "is_inpatient": is_inpatient(kind)}
        incoming: dict[str, list[dict[str, Any]]] = {
            "visits": [row],
            "discharges": [],
            "settlements": [],
            "fee_details": [],
        }
        if row["is_inpatient"] and row.get("endtime"):
            incoming["discharges"] = [row]
        if row.get("setl_id"):
            incoming["settlements"] = [
                row | {"setl_time": row.get("setl_time") or row.get("endtime") or row["begntime"]}
            ]
        common = {
            "mdtrt_id": visit,
            "psn_no": person,
            "fixmedins_code": settlement["fixmedins_code"],
            "setl_id": settlement.get("setl_id"),
        }
        incoming["fee_details"] = [
            common | dict(line) | {"setl_known_at": moment, "feedetl_sn": line.get("feedetl_sn") or f"{i + 1:06d}"}
            for i, line in enumerate(lines)
        ]
        for table in FACTS:
            _write(con, heap, table, incoming[table], person, visit, moment)
        if heap.whole and "persons" in heap.whole.tables():
            files = heap.whole.files("persons", "person", bucket_of(person, heap.whole.buckets))
            con.execute(
                f"COPY (FROM read_parquet({paths_sql(files)}, union_by_name=true) WHERE psn_no = '{_quoted(person)}') TO '{heap.folder}/persons.parquet' (FORMAT parquet)"
            )
        if heap.whole and "superseded" in heap.whole.tables():
            files = heap.whole.files("superseded", "person", bucket_of(person, heap.whole.buckets))
            if files:
                con.execute(
                    f"COPY (FROM read_parquet({paths_sql(files)}, union_by_name=true)) TO '{heap.folder}/superseded.parquet' (FORMAT parquet)"
                )
    finally:
        con.close()


def _class_of(heap: _Heap, con: duckdb.DuckDBPyConnection, settlement: Mapping[str, Any]) -> str:
    unit = None
    if heap.whole and "institutions" in heap.whole.tables():
        files = paths_sql(heap.whole.files("institutions"))
        found = con.execute(
            f"SELECT any_value(fixmedins_type) FROM read_parquet({files}) WHERE fixmedins_code = ?",
            [str(settlement["fixmedins_code"])],
        ).fetchall()
        unit = found[0][0]
    return visit_class(str(settlement["med_type"]), unit)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _write(
    con: duckdb.DuckDBPyConnection,
    heap: _Heap,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    person: str,
    visit: str,
    moment: datetime,
) -> None:
    declared = CANONICAL[table].canonical_columns
    con.execute(f"CREATE OR REPLACE TABLE heap ({', '.join(f'{n} {k}' for n, k in declared.items())})")
    if heap.whole and table in heap.whole.tables():
        files = heap.whole.files(table, "person", bucket_of(person, heap.whole.buckets))
        if files:
            source = f"read_parquet({paths_sql(files)}, union_by_name=true)"
            # The claim as handed in stands for whatever was known of this visit before.
            same = f"mdtrt_id <> '{_quoted(visit)}'" if rows else "true"
            con.execute(
                f"INSERT INTO heap BY NAME SELECT * FROM {source} WHERE psn_no = '{_quoted(person)}' AND {same}"
            )
    columns = SOURCE["fee_details" if table == "fee_details" else "settlements"]
    happened = {
        "visits": "begntime",
        "discharges": "endtime",
        "settlements": "setl_time",
        "fee_details": "fee_ocur_time",
    }[table]
    for row in rows:
        values: dict[str, Any] = {"known_at": moment, "version_no": 1}
        for name in declared:
            source_name = columns[name].name if name in columns else name
            value = row.get(source_name, row.get(name))
            if value is not None and name not in values:
                values[name] = _canonical(value, columns[name].kind if name in columns else "")
        if happened in row:
            values["happened_at"] = row[happened]
        con.execute(
            f"INSERT INTO heap ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values())
        )
    con.execute(f"COPY heap TO '{heap.folder}/{table}.parquet' (FORMAT parquet)")


def _canonical(value: Any, kind: str) -> Any:
    scale = {"money": 100, "price": 1_000_000, "qty": 10_000}.get(kind)
    if scale is None:
        return value
    try:
        return round(float(value) * scale)
    except (TypeError, ValueError) as error:
        raise UserError(f"the claim holds {value!r} where an amount is expected") from error
