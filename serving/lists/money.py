"""How much is at risk in one suspect, told of the rows behind it: no line and no settlement counts twice, and never more than was paid.

明确可追 is what the hard rules' rows amount to, 需核实 what the leads' rows add to it, 推算 a share of the rest that decided cases taught, where
they taught one. A line counts in its settlement, a settlement in its stay, and each at most for what the fund and the account paid on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Column
from features.declare import Feature
from features.matrix import Matrix
from features.row_amounts import with_amounts
from models.amount import fund_at_stake
from serving.lists.schema import yuan

UNSETTLED = "尚未结算，按已记费用估计"
UNSETTLED_YET = "尚未结算，已记费用中没有可计金额的命中"
OPEN = "其余部分有待核查，不作估计"
ENTRIES = ["rule", "hard", "table", "key", "visit", "settlement", "amount", "paid", "fund", "account", "day"]


@dataclass(frozen=True)
class Money:
    """Fen. certain + check + estimate = amount; low ≤ amount ≤ high; `basis` says which money, `period` from when to when; by_rule: what the rows of each rule
    that hit come to by themselves, 0 where a rule has none: rules that name the same rows overlap."""

    certain: int = 0
    check: int = 0
    estimate: int = 0
    low: int = 0
    high: int = 0
    basis: str = ""
    period: str = ""
    note: str = ""
    by_rule: Mapping[str, int] = field(default_factory=dict)

    @property
    def amount(self) -> int:
        return self.certain + self.check + self.estimate

    def told(self) -> dict[str, Any]:
        """As a list and a dossier print it, in yuan."""
        return {
            "amount_at_risk_yuan": yuan(self.amount),
            "amount_low_yuan": yuan(self.low),
            "amount_high_yuan": yuan(self.high),
            "certain_yuan": yuan(self.certain),
            "check_yuan": yuan(self.check),
            "estimate_yuan": yuan(self.estimate),
            "amount_basis": self.basis,
            "amount_period": self.period,
            "amount_note": self.note,
            "rule_yuan": {rule: yuan(fen) for rule, fen in self.by_rule.items()},
        }


def supposed(frame: Any) -> Money:
    """From a row of scores alone, before any claim row was looked at."""
    amount = int(frame["amount_fen"])
    certain = min(int(frame.get("certain_fen", 0)), amount)
    check = min(int(frame.get("check_fen", 0)), amount - certain)
    low, high = max(int(frame["amount_low_fen"]), certain), int(frame["amount_high_fen"])
    return Money(certain, check, amount - certain - check, min(low, amount), max(high, amount))


def rows_wanted(matrix: Matrix, ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """(grain, column, entity id) of the rules that hit these suspects: whose claim rows `money_of` needs."""
    return [(matrix.grain, c.name, e) for c in _money_columns(matrix) for e in _hit(matrix, c, ids)]


def _money_columns(matrix: Matrix) -> list[Column]:
    return [c for c in matrix.columns.values() if c.role == "amount" and not c.parent and c.feature.kind != "DQ"]


def _hit(matrix: Matrix, column: Column, ids: Sequence[str]) -> list[str]:
    fen = matrix.X[column.name]
    return [e for e in ids if float(fen[e]) > 0]


def money_of(
    matrix: Matrix, frame: pd.DataFrame, ids: Sequence[str], rows: Mapping[tuple[str, str, str], pd.DataFrame]
) -> dict[str, Money]:
    """The money of each suspect in `ids`; `frame` are the scores (models.score.Scored), `rows` the claim rows of `rows_wanted`."""
    grain = matrix.grain
    entries: dict[str, list[pd.DataFrame]] = {}
    for column in _money_columns(matrix):
        mine = {e: rows[grain, column.name, e] for e in _hit(matrix, column, ids) if (grain, column.name, e) in rows}
        for e, told in with_amounts(column.feature, mine, {e: float(matrix.X[column.name][e]) for e in mine}).items():
            entries.setdefault(e, []).append(_entries(told, column.feature, grain, e))
    stake = fund_at_stake(matrix.entities)
    out = {}
    for e in ids:
        who, paid = matrix.entities.loc[e], int(stake[e])
        found = pd.concat(entries[e], ignore_index=True) if e in entries else pd.DataFrame(columns=ENTRIES)
        counted = counted_once(found)
        counted = replace(counted, by_rule=_by_rule(matrix, e, found, paid if grain == "admission" else None))
        if grain == "admission" and not who["fund_fen"] > 0:
            estimate = min(counted.amount, paid)
            counted = replace(
                counted,
                certain=0,
                check=0,
                estimate=estimate,
                low=0,
                high=estimate,
                note=UNSETTLED if estimate else UNSETTLED_YET,
            )
        elif grain == "admission":
            certain = min(counted.certain, paid)
            amount = min(counted.amount, paid)
            counted = replace(counted, certain=certain, check=amount - certain, low=certain, high=amount)
        out[e] = _with_rest(counted, paid, frame.loc[e])
    return out


def _by_rule(matrix: Matrix, entity_id: str, entries: pd.DataFrame, most: int | None) -> dict[str, int]:
    """Fen of each rule that hit, by itself, at most `most`."""
    ruled = [(n, str(c.feature.rule)) for n, c in matrix.columns.items() if c.hit and c.feature.rule]
    numbers = matrix.X.loc[entity_id, [n for n, _ in ruled]].to_numpy(dtype=float)
    hit = {rule for (_, rule), number in zip(ruled, numbers, strict=True) if number > 0}
    told = {str(rule): union(mine) for rule, mine in entries[entries["rule"] != ""].groupby("rule")}
    return {r: told.get(r, 0) if most is None else min(told.get(r, 0), most) for r in sorted(hit | set(told))}


def _with_rest(money: Money, paid: int, scores: Any) -> Money:
    """With what decided cases say of the rest, where they say anything useful (models.amount); else it is left open."""
    if money.note:
        return money
    if not bool(scores.get("amount_estimated", False)):
        return replace(money, note=OPEN)
    room = max(paid - money.amount, 0)
    estimate = min(max(int(scores["amount_fen"]) - money.amount, 0), room)
    told = replace(money, estimate=estimate)
    low = min(max(int(scores["amount_low_fen"]), money.certain), told.amount)
    high = max(min(int(scores["amount_high_fen"]), money.amount + room), told.amount)
    return replace(told, low=low, high=high)


def _entries(rows: pd.DataFrame, feature: Feature, grain: str, entity_id: str) -> pd.DataFrame:
    """Rows that carry an amount, by where their money lies: in a stay (table visits), a settlement or a line."""
    rows = rows[rows["amount_fen"] > 0]
    key = rows["row_table"].astype(str) + " " + rows["row_id"].astype(str)

    def told(name: str, other: Any) -> pd.Series:
        return rows[name].where(rows[name].notna(), other) if name in rows else pd.Series(other, index=rows.index)

    own_visit = told("mdtrt_id", key) if "mdtrt_id" in rows else key
    visit, table = told("record_visit", own_visit).astype(str), rows["row_table"].astype(str)
    if grain == "admission":  # a swipe elsewhere, a leave: the rule's money is the stay's
        table = table.where((visit == entity_id) & (table == "fee_details"), "visits")
        visit = pd.Series(entity_id, index=rows.index)
    paid = told("record_paid_fen", np.inf)
    if grain == "admission":
        paid = pd.Series(np.inf, index=rows.index)
    fund, account = (told(f"record_{k}_fen", 0).fillna(0) for k in ("fund", "acct"))
    return pd.DataFrame(
        {
            "rule": feature.rule or "", "hard": feature.kind == "hard", "table": table, "key": key, "visit": visit, "settlement": told("record_settlement", "").astype(str),
            "amount": rows["amount_fen"].astype("int64"), "paid": paid.astype("float64"), "fund": fund, "account": account,
            "day": rows["happened_at"].dt.date.astype(str),
        },
        columns=ENTRIES,
    )  # fmt: skip


def counted_once(entries: pd.DataFrame) -> Money:
    """Certain and to be checked, from entries (ENTRIES) of several rules about the same rows."""
    if not len(entries):
        return Money()
    certain, amount = union(entries[entries["hard"]]), union(entries)
    fund, account = entries["fund"].sum() > 0, entries["account"].sum() > 0
    basis = "、".join(n for n, paid in (("统筹基金", fund), ("个人账户", account)) if paid) or "范围内费用"
    days = sorted(entries["day"])
    period = f"{days[0]} 至 {days[-1]}"
    return Money(certain, amount - certain, 0, certain, amount, basis, period)


def union(entries: pd.DataFrame) -> int:
    """Fen of these rows together: of the rules that name one row the largest amount, lines inside their settlement, settlements inside their stay."""
    if not len(entries):
        return 0
    once = entries.groupby(["visit", "settlement", "table", "key"], as_index=False).agg(
        amount=("amount", "max"), paid=("paid", "min")
    )
    lines = once[once["table"] == "fee_details"].groupby(["visit", "settlement"])["amount"].sum()
    bills = once[~once["table"].isin(["fee_details", "visits"])].groupby(["visit", "settlement"])["amount"].sum()
    settled = pd.concat([lines, bills], axis=1).max(axis=1)
    inside = once[once["table"] != "visits"].groupby(["visit", "settlement"])["paid"].min()
    settled = settled.clip(upper=inside.reindex(settled.index))
    by_visit = settled.groupby(level="visit").sum()
    stays = once[once["table"] == "visits"].groupby("visit").agg(amount=("amount", "max"), paid=("paid", "min"))
    total = pd.concat([by_visit, stays["amount"]], axis=1).max(axis=1)
    total = total.clip(upper=stays["paid"].reindex(total.index).fillna(np.inf))
    return int(np.floor(total.sum()))


def listed_with(rows: pd.DataFrame, money: Mapping[str, Money]) -> pd.DataFrame:
    """The rows of a list with what each suspect's money is."""
    told = pd.DataFrame([money[e].told() for e in rows["entity_id"]], index=rows.index)
    return rows.assign(**{str(c): told[c] for c in told})
