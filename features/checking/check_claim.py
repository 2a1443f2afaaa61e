"""A claim at the counter: the rules that a settlement and its patient's past can answer, by the SQL of the batch.

The as-of views and rules of the batch run over the person's own rows: in SQLite where a worker keeps what that needs
(quick_way.py), else in DuckDB (full_way.py), where a rule that by its own SQL no row of the claim can answer is not run
(origins.py). What is kept from check to check lies in counter_store.py. A hit is told where the claim is among what it
rests on: of the claim's own visit, of a stay in whose days the claim falls (a swipe during a stay), of the person. Rows
and amounts are the claim's; an earlier claim answers for its own. Rules that look at other patients are not asked;
those held against peers use the limits of the newest published partition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from features.asof import moment_of
from features.bucket import STAT
from features.checking.counter_store import CounterStore, Way
from features.checking.hits import rows_that_hit
from features.checking.quick_way import QUICKLY_NOT, Values
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
    with store.checking(as_of):
        for way in store.ways():
            try:
                return _checked(store, way, settlement, lines, as_of)
            except QUICKLY_NOT:
                continue
            finally:
                way.end()
    raise AssertionError("the full way answers or refuses")


def _checked(
    store: CounterStore,
    way: Way,
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    as_of: date | datetime,
) -> list[RuleAnswer]:
    unit_type, _ = store.units.get(str(settlement["fixmedins_code"]), (None, None))
    claimed = way.begin(settlement, lines, unit_type, moment_of(as_of))
    rules = store.rules
    if store.root is not None:  # what the office has not in force says nothing at the counter either
        silent = read_office(store.root).silent((str(f.rule) for f in rules), moment_of(as_of).date())
        rules = [f for f in rules if f.rule not in silent]
    absent = store.absent(claimed, as_of)
    found = _judge(store, way, [f for f in rules if f.name not in absent], settlement, as_of)
    found |= {f.name: _Found(0.0, 0, missing=absent[f.name]) for f in rules if f.name in absent}
    return sorted(
        (_answer(f, found[f.name]) for f in rules),
        key=lambda a: (a.status != "hit", a.status == "not_evaluable", _ORDER[a.kind], -a.amount_fen, a.rule, a.grain),
    )


def _judge(
    store: CounterStore, way: Way, rules: Sequence[Feature], settlement: Mapping[str, Any], as_of: date | datetime
) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    around = {grain: _entities(way, settlement, grain) for grain in dict.fromkeys(f.grain for f in rules)}
    might = way.might_hit(rules, around)
    for grain, entities in around.items():
        told, limits = [f for f in rules if f.grain == grain], store.limits(grain, as_of)
        limited = set(limits["column"])
        for f in told:
            unlimited = f.peers is not None and f.columns()[0] not in limited
            found[f.name] = _Found(0.0, 0, missing=NO_LIMIT if unlimited else "")
        asked = [f for f in told if f.name in might and not found[f.name].missing]
        judge = _Judge(way, grain, way.values(asked, entities), limits, settlement, moment_of(as_of))
        for f in asked:
            found[f.name] = max((judge.weigh(f, e) for e in entities), key=lambda one: (one.hits > 0, one.fen))
    return found


def _entities(way: Way, settlement: Mapping[str, Any], grain: Grain) -> list[str]:
    """Whom of a grain the claim is about: itself or its person; of stays also the others of the person on whose days it
    falls."""
    own = str(settlement[GRAINS[grain].key])
    return [own, *way.around()] if GRAINS[grain].episode else [own]


class _Judge:
    """Weighs the numbers of one grain."""

    def __init__(
        self, way: Way, grain: Grain, values: Values, limits: pd.DataFrame, settlement: Mapping[str, Any], at: datetime
    ) -> None:
        self.way, self.grain, self.values, self.limits = way, grain, values, limits
        self.settlement, self.at = settlement, at

    @cached_property
    def groups(self) -> pd.DataFrame:
        return self.way.peer_groups(self.grain)

    def weigh(self, f: Feature, entity: str) -> _Found:
        """One rule's hits of one entity after its peer test, and the rows of the claim behind them."""
        names = [column_name(f.name, w) for w in f.windows]
        empties = dict.fromkeys(names, f.empty or 0.0)
        empties |= dict.fromkeys((amount_name(n) for n in names), 0.0) if f.amount is not None else {}
        row = {n: self.values.get((entity, n), empty) for n, empty in empties.items()}
        if max(row[n] for n in names) <= 0:
            return _Found(0.0, 0)
        if f.peers is not None:
            row = self._against_peers(f, entity, row)
        hits = max(row[n] for n in names)
        if hits <= 0:
            return _Found(0.0, 0)
        fen = max((row[amount_name(n)] for n in names), default=0.0) if f.amount is not None else 0.0
        rows = self._rows(f, entity, fen)
        claimed = tuple(r for r in rows if _of_claim(r, self.settlement))
        if entity == str(self.settlement["mdtrt_id"]):
            return _Found(hits, round(fen), claimed or rows)
        return _Found(hits, sum(r.fen or 0 for r in claimed), claimed) if claimed else _Found(0.0, 0)

    def _against_peers(self, f: Feature, entity: str, row: dict[str, float]) -> dict[str, float]:
        groups = self.groups[self.groups["entity_id"] == entity].reset_index(drop=True)
        if groups.empty:
            return dict.fromkeys(row, 0.0)
        statistic = pd.Series([self.values.get((entity, f.columns()[0] + STAT), float("nan"))])
        told = apply_limits(f, pd.DataFrame([row]), statistic, groups.fillna("?").astype(str), self.limits)
        return {str(n): float(x) for n, x in told.iloc[0].fillna(0.0).items()}

    def _rows(self, f: Feature, entity: str, fen: float) -> tuple[HitRow, ...]:
        rows = self.way.evidence(f, entity)
        # In one order whichever way it came: which of equal rows bears the last fen goes by it.
        rows = rows.sort_values(["happened_at", "row_table", "row_id"], kind="stable", ignore_index=True)
        if f.windows[0]:
            rows = rows[rows["happened_at"] > self.at - timedelta(days=f.windows[0])]
        if f.amount is not None:
            rows = with_amounts(f, {"": rows}, {"": fen})[""]
        hits = rows_that_hit(rows).drop_duplicates(["row_table", "row_id"])
        hits = hits.sort_values(["happened_at", "row_table", "row_id"])
        return tuple(
            HitRow(str(table), str(row), str(at), None if pd.isna(part) else int(part))
            for table, row, at, part in hits[["row_table", "row_id", "happened_at", "fen"]].to_numpy(dtype=object)
        )


def _of_claim(row: HitRow, settlement: Mapping[str, Any]) -> bool:
    """Whether a record is one of the claim's own: its settlement, its visit or a line of it."""
    visit, bill = str(settlement["mdtrt_id"]), settlement.get("setl_id")
    if row.row_table == "fee_details":
        return row.row_id.startswith(f"{visit}|")
    return row.row_id == (str(bill) if row.row_table == "settlements" else visit)


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
