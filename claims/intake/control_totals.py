"""Control totals: what came, by table, month and unit, against what the bureau says it sent.

It says so in a table of its own (``control_totals``) or in the last line of a file (合计). Compared is what was
delivered, rows that were set aside included; refunds are negative whatever sign they came with. Any difference is
written on the list, one beyond a limit (claims/settings.py) refuses the delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from claims.errors import UserError
from claims.intake.batch import Batch, columns_of, has
from claims.intake.reading import Reading
from claims.schema.mapping import UNITS, Mapping
from claims.schema.tables import SOURCE
from claims.settings import settings
from claims.sources.naming import table_of
from claims.store.sql import name

#: Table → (SQL of the moment that gives its month, its amounts in the order total, fund, account, cash).
SUMMED = {
    "settlements": (
        "coalesce(setl_time, begntime)",
        ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"),
    ),
    "fee_details": ("fee_ocur_time", ("det_item_fee_sumamt",)),
}
FIGURES = ("row_cnt", "psn_cnt", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
ZH = ("行数", "人数", "总金额", "基金", "个人账户", "现金")
SMALLEST = 100  # fen: sums that differ by less differ by rounding
WHOLE_FILE = ("合计", "总计", "共计")


@dataclass(frozen=True)
class Told:
    """What the last line of a file says of its rows: amounts in fen by column."""

    table: str
    label: str
    first: int  # number of its first row, and of the one behind its last
    behind: int
    amounts: dict[str, int]


def told_by_file(batch: Batch, reading: Reading, first: int) -> None:
    """Remember what a file's one total line says of its amounts."""
    table, loaded = reading.table, reading.loaded
    totals = [f.raw for f in loaded.faults if f.detail == "合计行"]
    cells = [re.split(r"[\t,|^;]", raw) for raw in totals]
    whole = [c for c in cells if any("".join(x.split()).rstrip(":：") in WHOLE_FILE for x in c)]
    if table.name not in SUMMED or len(totals) != 1 or len(whole) != 1 or len(whole[0]) != len(loaded.types):
        return
    said = dict(zip(loaded.types, whole[0], strict=True))
    amounts = {}
    for column in SUMMED[table.name][1]:
        text = re.sub(r"[￥¥元\s\"]", "", said.get(reading.found.get(column, ""), ""))
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            unit = reading.how(table[column]).unit or reading.rule.unit or reading.mapping.unit
            amounts[column] = round(float(text) * UNITS[unit])
    batch.told.append(Told(table.name, reading.source.label, first, first + loaded.rows, amounts))


def measure(batch: Batch, table: str) -> None:
    """Sum what was delivered of a table, before anything of it is set aside but after its signs are in place."""
    src = f"parsed_{table}"
    sent = sum(loaded.rows for source, loaded, _ in batch.parts[table] if source.kind != "pending")
    moment, amounts = SUMMED[table]
    there = columns_of(batch, src)
    sums = [f"coalesce(sum({c}), 0)::BIGINT" if c in there else "0::BIGINT" for c in amounts]
    sums += ["0::BIGINT"] * (len(FIGURES) - 2 - len(sums))
    persons = "count(DISTINCT psn_no)" if table == "settlements" else "0"
    batch.con.execute(
        f"""
            CREATE TABLE delivered_{table} AS
            SELECT
                grouping(month) = 1 AS all_months, grouping(unit) = 1 AS all_units, month, unit,
                {", ".join(f"{sql} AS {c}" for c, sql in zip(FIGURES, ["count(*)", persons, *sums], strict=True))}
            FROM (
                SELECT *, strftime({moment}, '%Y-%m') AS month, CAST(fixmedins_code AS VARCHAR) AS unit
                FROM {src}
                WHERE _row < {sent}
            )
            GROUP BY GROUPING SETS ((), (month), (unit), (month, unit))
        """
    )
    figures = ", ".join(FIGURES)
    for scope, where, key in (
        ("all", "all_months AND all_units", "''"),
        ("months", "all_units AND NOT all_months", "coalesce(month, '')"),
        ("units", "all_months AND NOT all_units", "coalesce(unit, '')"),
    ):
        rows = batch.con.execute(f"SELECT {key}, {figures} FROM delivered_{table} WHERE {where} ORDER BY 1").fetchall()
        held = {row[0]: list(row[1:]) for row in rows}
        batch.measured.setdefault("totals", {}).setdefault(table, {})[scope] = held[""] if scope == "all" else held
    for told in (t for t in batch.told if t.table == table):
        for column, amount in told.amounts.items():
            span = f"_row >= {told.first} AND _row < {told.behind}"
            found = batch.con.execute(
                f"SELECT coalesce(sum({name(column)}), 0)::BIGINT, coalesce(sum(abs({name(column)})), 0)::BIGINT "
                f"FROM {src} WHERE {span}"
            ).fetchall()[0]
            if amount not in found:  # a total may add refunds up as payments
                zh = ZH[FIGURES.index(column)] if column in FIGURES else ZH[2]
                _differ(batch, f"{told.label}（合计行）", zh, amount, found[0], True)


def compare(batch: Batch) -> None:
    """Hold the delivery against its control totals. UserError where they differ by more than the limit."""
    for scope, figure, told, found in _compared(batch):
        _differ(batch, scope, ZH[FIGURES.index(figure)], told, found, figure not in ("row_cnt", "psn_cnt"))
    limit = settings().limits.totals
    worst = [d for d in batch.measured.get("control_totals", []) if d["share"] >= limit]
    if worst:
        named = "; ".join(_sentence(d) for d in worst[:5])
        raise UserError(
            f"the delivery is not what its control totals say: {named}{' and more' if len(worst) > 5 else ''}; nothing "
            f"was published. Send it again, mend the totals, or set XIEZHI_TOTALS above {limit:g}"
        )
    batch.notes += [f"control totals differ: {_sentence(d)}" for d in batch.measured.get("control_totals", [])[:5]]


def _sentence(d: dict[str, Any]) -> str:
    return f"{d['scope']} {d['what']}: told {d['told']}, came {d['found']} ({d['share']:.2%})"


def _differ(batch: Batch, scope: str, what: str, told: int, found: int, money: bool) -> None:
    if told == found or (money and abs(told - found) < SMALLEST):
        return
    shown = [f"{v / 100:,.2f}" if money else f"{v:,}" for v in (told, found)]
    share = abs(told - found) / max(abs(told), 1)
    difference = {"scope": scope, "what": what, "told": shown[0], "found": shown[1], "share": round(share, 6)}
    batch.measured.setdefault("control_totals", []).append(difference)


def _compared(batch: Batch) -> Iterator[tuple[str, str, int, int]]:
    """(scope, figure, told, found) of every figure the bureau's table of control totals gives."""
    if not has(batch, "parsed_control_totals"):
        return
    there = columns_of(batch, "parsed_control_totals")
    cells = [
        name(c) if c in there else f"NULL AS {name(c)}" for c in ("table_name", "month", "fixmedins_code", *FIGURES)
    ]
    for told in batch.con.execute(f"SELECT {', '.join(cells)} FROM parsed_control_totals ORDER BY ALL").fetchall():
        said, month, unit = (str(v) if v is not None else None for v in told[:3])
        table = table_of(said or "", Mapping())
        scope = " ".join(filter(None, (said, month, unit)))
        if table not in SOURCE:
            batch.notes.append(f"control totals speak of {said!r}, which is no table; nothing is compared")
            continue
        if table in batch.skipped:
            batch.notes.append(f"control totals of {scope}: a file of it was taken in before; nothing is compared")
            continue
        for figure, value, found in zip(FIGURES, told[3:], _delivered(batch, table, month, unit), strict=True):
            if value is not None and found is not None:
                yield scope, figure, int(value), found


def _delivered(batch: Batch, table: str, month: str | None, unit: str | None) -> tuple[int | None, ...]:
    """The figures of what came; of a table without amounts its rows alone, None for what is not summed."""
    blank: tuple[int | None, ...] = (None,) * (len(FIGURES) - 1)
    if table not in SUMMED:
        return (
            (batch.counts[table].rows_in if table in batch.counts else 0) if not month and not unit else None,
            *blank,
        )
    if not has(batch, f"delivered_{table}"):
        return (0, *blank)
    digits = re.sub(r"\D", "", month or "")
    wanted = [f"{digits[:4]}-{digits[4:].zfill(2)}"] if month else []
    where = "month = ?" if month else "all_months"
    where += " AND unit = ?" if unit else " AND all_units"
    where += "" if month else " AND month IS NULL"
    given = [*wanted, *([unit] if unit else [])]
    rows = batch.con.execute(f"SELECT {', '.join(FIGURES)} FROM delivered_{table} WHERE {where}", given).fetchall()
    figures = rows[0] if rows else (0,) * len(FIGURES)
    sums = len(SUMMED[table][1])
    return tuple(
        None if (table != "settlements" and i == 1) or i >= 2 + sums else int(v) for i, v in enumerate(figures)
    )
