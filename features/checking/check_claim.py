"""A claim at the counter: the rules that a settlement and its patient's past can answer, by the SQL of the batch.

The as-of views and rules of the batch run over the person's own rows (features/checking/person_store.py), on a
connection that a worker keeps (counter_store.py); a rule that by its own SQL no row of the claim can answer is not run
(origins.py). A hit is told where the claim is among what it rests on: of the claim's own visit, of a stay in whose days
the claim falls (a swipe during a stay), of the person. Rows and amounts are the claim's; an earlier claim answers for
its own. Rules that look at other patients are not asked; those held against peers use the limits of the newest
published partition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from claims.errors import UserError
from features.asof import moment_of, read_as
from features.bucket import STAT, evaluate, evidence_sql
from features.checking.counter_store import CounterStore
from features.checking.hits import rows_that_hit
from features.checking.person_store import person_store
from features.declare import Feature, amount_name, column_name
from features.grains import GRAINS, Grain
from features.limits import apply_limits
from features.office import read_office
from features.reasons import number
from features.row_amounts import with_amounts
from features.thresholds import setting

NO_LIMIT = "尚无同类阈值，请先运行 xiezhi features"
_ORDER = {"hard": 0, "lead": 1, "KPI": 2, "DQ": 3, "feature": 4}


@dataclass(frozen=True)
class HitRow:
    """A claim row behind a hit; `fen` is missing where the row carries no money."""

    row_table: str
    row_id: str
    happened_at: str
    fen: int | None


@dataclass(frozen=True)
class RuleAnswer:
    """What one rule says: `status` is hit, clear or not_evaluable (then `missing` says why)."""

    rule: str
    name: str
    kind: str
    grain: Grain
    status: str
    hits: float
    amount_fen: int
    reason: str
    innocent: str
    missing: str = ""
    rows: tuple[HitRow, ...] = ()


@dataclass(frozen=True)
class _Found:
    hits: float
    fen: int
    rows: tuple[HitRow, ...] = ()
    missing: str = ""


def check_claim(
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    warehouse: CounterStore | Path | str | None,
    as_of: date | datetime,
) -> list[RuleAnswer]:
    """Judge one incoming settlement with its fee lines, hits first (hard before lead, dearest first).

    `settlement` and `lines` use the official column names of tables.md with amounts in yuan. `warehouse`: its folder,
    or what a worker keeps of it. Without one only the claim itself is judged. Raises UserError when the claim lacks its
    keys or times.
    """
    for needed in ("mdtrt_id", "psn_no", "fixmedins_code", "med_type", "begntime"):
        if not settlement.get(needed):
            raise UserError(f"the settlement has no {needed}; a claim at the counter needs it")
    store = warehouse if isinstance(warehouse, CounterStore) else CounterStore(warehouse)
    with store.checking(as_of) as con:
        unit_type, _ = store.units.get(str(settlement["fixmedins_code"]), (None, None))
        claims = person_store(con, store.stored, settlement, lines, unit_type, moment_of(as_of))
        rules = store.rules
        if store.root is not None:  # what the office has not in force says nothing at the counter either
            silent = read_office(store.root).silent((str(f.rule) for f in rules), moment_of(as_of).date())
            rules = [f for f in rules if f.rule not in silent]
        absent = store.absent(claims, as_of)
        store.make_views(claims, as_of)
        found = _judge(store, con, [f for f in rules if f.name not in absent], settlement, as_of)
    found |= {f.name: _Found(0.0, 0, missing=absent[f.name]) for f in rules if f.name in absent}
    return sorted(
        (_answer(f, found[f.name]) for f in rules),
        key=lambda a: (a.status != "hit", a.status == "not_evaluable", _ORDER[a.kind], -a.amount_fen, a.rule, a.grain),
    )


def _judge(
    store: CounterStore,
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Feature],
    settlement: Mapping[str, Any],
    as_of: date | datetime,
) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    around = {grain: _entities(con, settlement, grain) for grain in dict.fromkeys(f.grain for f in rules)}
    might = store.might_hit(rules, around, str(settlement["mdtrt_id"]), str(settlement.get("setl_id")))
    for grain, entities in around.items():
        spec, told, limits = GRAINS[grain], [f for f in rules if f.grain == grain], store.limits(grain, as_of)
        con.execute("CREATE OR REPLACE TABLE main.focus AS SELECT unnest(?::VARCHAR[]) AS entity_id", [entities])
        limited = set(limits["column"])
        for f in told:
            unlimited = f.peers is not None and f.columns()[0] not in limited
            found[f.name] = _Found(0.0, 0, missing=NO_LIMIT if unlimited else "")
        asked = [f for f in told if f.name in might and not found[f.name].missing]
        values = evaluate(con, asked)
        groups = pd.DataFrame(columns=["entity_id", "peer_group", "peer_group_coarse"])
        if any(f.peers is not None for f in asked):
            groups = con.execute(
                f"SELECT entity_id, peer_group, peer_group_coarse FROM ({spec.entities_sql(spec.window_days)})"
            ).df()
        for f in asked:
            each = [_weigh(con, f, values, groups, limits, e, settlement) for e in entities]
            found[f.name] = max(each, key=lambda one: (one.hits > 0, one.fen))
    return found


def _entities(con: duckdb.DuckDBPyConnection, settlement: Mapping[str, Any], grain: Grain) -> list[str]:
    """Whom of a grain the claim is about: itself or its person; of stays also the others of the person on whose days it
    falls."""
    own = str(settlement[GRAINS[grain].key])
    if not GRAINS[grain].episode:
        return [own]
    found = con.execute(
        """SELECT mdtrt_id FROM kept.stays
        WHERE psn_no = $1 AND mdtrt_id <> $2 AND $3::TIMESTAMP::DATE BETWEEN adm_date AND end_date
        ORDER BY 1""",
        [str(settlement["psn_no"]), own, str(settlement["begntime"])],
    ).fetchall()
    return [own, *(str(stay) for (stay,) in found)]


def _weigh(
    con: duckdb.DuckDBPyConnection,
    f: Feature,
    values: pd.DataFrame,
    groups: pd.DataFrame,
    limits: pd.DataFrame,
    entity: str,
    settlement: Mapping[str, Any],
) -> _Found:
    """One rule's hits of one entity after its peer test, and the rows of the claim behind them."""
    values = values[values["entity_id"] == entity].reset_index(drop=True)
    if f.peers is not None:
        groups = groups[groups["entity_id"] == entity].reset_index(drop=True)
        statistic = values[f.columns()[0] + STAT]
        if groups.empty:
            return _Found(0.0, 0)
        values = apply_limits(f, values, statistic, groups.fillna("?").astype(str), limits)
    row = values.drop(columns="entity_id").iloc[0].fillna(0.0)
    names = [column_name(f.name, w) for w in f.windows]
    hits = max(float(row[n]) for n in names)
    if hits <= 0:
        return _Found(0.0, 0)
    fen = max((row[amount_name(n)] for n in names), default=0.0) if f.amount is not None else 0.0
    rows = _rows(con, f, entity, float(fen))
    claimed = tuple(r for r in rows if _of_claim(r, settlement))
    if entity == str(settlement["mdtrt_id"]):
        return _Found(hits, round(float(fen)), claimed or rows)
    return _Found(hits, sum(r.fen or 0 for r in claimed), claimed) if claimed else _Found(0.0, 0)


def _of_claim(row: HitRow, settlement: Mapping[str, Any]) -> bool:
    """Whether a record is one of the claim's own: its settlement, its visit or a line of it."""
    visit, bill = str(settlement["mdtrt_id"]), settlement.get("setl_id")
    if row.row_table == "fee_details":
        return row.row_id.startswith(f"{visit}|")
    return row.row_id == (str(bill) if row.row_table == "settlements" else visit)


def _rows(con: duckdb.DuckDBPyConnection, f: Feature, entity: str, fen: float) -> tuple[HitRow, ...]:
    read_as(con, f.reversed)
    rows = con.execute(f"SELECT * FROM ({evidence_sql(f)}) WHERE entity_id = ?", [entity]).df()
    read_as(con, "net")
    if f.windows[0]:
        since = con.execute(f"SELECT t - INTERVAL {f.windows[0]} DAY FROM main.asof").fetchall()[0][0]
        rows = rows[rows["happened_at"] > since]
    if f.amount is not None:
        rows = with_amounts(f, {"": rows}, {"": fen})[""]
    hits = rows_that_hit(rows).drop_duplicates(["row_table", "row_id"])
    hits = hits.sort_values(["happened_at", "row_table", "row_id"])
    return tuple(
        HitRow(str(table), str(row), str(at), None if pd.isna(part) else int(part))
        for table, row, at, part in hits[["row_table", "row_id", "happened_at", "fen"]].to_numpy(dtype=object)
    )


def _answer(f: Feature, found: _Found) -> RuleAnswer:
    status = "not_evaluable" if found.missing else "hit" if found.hits > 0 else "clear"
    answer = RuleAnswer(
        str(f.rule),
        str(setting(str(f.rule), "name")),
        f.kind,
        f.grain,
        status,
        found.hits,
        found.fen,
        "",
        f.innocent,
        found.missing,
        found.rows,
    )
    if status != "hit":
        return answer
    window = f.windows[0] or 365
    said = f.reason.format(value=number(found.hits, f.unit), unit=f.unit, window=window, peer="", percentile="", n="")
    return replace(answer, reason=said)
