"""Amounts a hundred times too large or too small: 分 read as 元, seen between tables, against what care costs, and
against what a unit sent before. Within one row it is seen by the checks of settlements and lines (Q10)."""

from __future__ import annotations

from statistics import median
from typing import Any

from claims.errors import UserError
from claims.intake.batch import Batch, has, stored_sql
from claims.settings import settings
from claims.store.sql import quote

#: Fen of a usual stay and of a usual visit of any county; a unit of money is mistaken by the hundred.
USUAL = {"inpatient": 500_000, "outpatient": 15_000}
ZH = {"inpatient": "住院", "outpatient": "门诊购药"}
LEAST = 100  # fen: smaller sums say nothing


def lines_against_settlements(batch: Batch) -> None:
    """Set aside settlements whose lines add up to a hundredth or the hundredfold of them (Q10); lines without their
    settlement in this delivery are set aside themselves. UserError where that is so of most visits: then a table is
    misread. Where most bills do not agree with their lines, lines were left out, and a hundredth is no mistake."""
    if not has(batch, "parsed_fee_details"):
        return
    con = batch.con
    settled = []
    if has(batch, "parsed_settlements"):
        settled.append(
            "SELECT mdtrt_id, medfee_sumamt AS fen, true AS here FROM parsed_settlements "
            "WHERE medfee_sumamt > 0 AND coalesce(refd_setl_flag, '0') = '0' AND _err IS NULL"
        )
    if stored := stored_sql(batch, "settlements"):
        settled.append(
            f"SELECT mdtrt_id, medfee_sumamt_fen AS fen, false AS here FROM {stored} "
            "WHERE refd_setl_flag = '0' AND version_no = 1 AND mdtrt_id IN (SELECT mdtrt_id FROM parsed_fee_details)"
        )
    if not settled:
        return
    con.execute(
        f"""
            CREATE TABLE scale_doubts AS
            SELECT mdtrt_id, here, times
            FROM (
                SELECT
                    s.mdtrt_id, s.here,
                    CASE
                        WHEN abs(s.fen - l.fen) <= s.fen / 50 THEN 1
                        WHEN abs(s.fen - 100 * l.fen) <= s.fen / 1000 THEN 100
                        WHEN abs(100 * s.fen - l.fen) <= l.fen / 1000 THEN -100
                    END AS times
                FROM (
                    SELECT mdtrt_id, sum(fen) AS fen, bool_or(here) AS here
                    FROM ({" UNION ALL ".join(settled)})
                    GROUP BY 1
                ) s
                JOIN (
                    SELECT CAST(mdtrt_id AS VARCHAR) AS mdtrt_id, sum(det_item_fee_sumamt) AS fen
                    FROM parsed_fee_details
                    WHERE _err IS NULL
                    GROUP BY 1
                ) l USING (mdtrt_id)
                WHERE l.fen >= {LEAST} AND s.fen >= {LEAST}
            )
        """
    )
    visits, same, larger, smaller = con.execute(
        "SELECT count(*), count(*) FILTER (times = 1), count(*) FILTER (times = 100), count(*) FILTER (times = -100) "
        "FROM scale_doubts"
    ).fetchall()[0]
    doubtful, limit = larger + smaller, settings().limits.units
    if doubtful >= 2 and doubtful >= limit * (same + doubtful):
        which = "settlements" if larger >= smaller else "fee_details"
        raise UserError(
            f"in {doubtful:,} of {same + doubtful:,} visits the amounts of {which} are a hundred times those of the "
            'other table: one is in 分 and read as 元. Say in the mapping which (unit = "fen" under its table); '
            f"nothing was published (XIEZHI_UNITS={limit:g})"
        )
    if doubtful and 2 * same >= visits:
        doubts = "SELECT mdtrt_id FROM scale_doubts WHERE times <> 1"
        for table, column, which in (
            ("settlements", "medfee_sumamt", "here"),
            ("fee_details", "det_item_fee_sumamt", "NOT here"),
        ):
            if has(batch, f"parsed_{table}"):
                reason = quote("Q10:" + column)
                con.execute(
                    f"UPDATE parsed_{table} SET _err = coalesce(_err, {reason}) "
                    f"WHERE CAST(mdtrt_id AS VARCHAR) IN ({doubts} AND {which})"
                )
        batch.notes.append(f"{doubtful:,} visits whose lines are a hundredth or the hundredfold of their settlement")
    con.execute("DROP TABLE scale_doubts")


def against_usual(batch: Batch) -> dict[str, Any]:
    """The middle amount of stays and of visits, whole and by unit, for the manifest. UserError where it is so many
    times what is usual, or what earlier deliveries had, that the unit of money must be mistaken; a single unit of that
    kind is told."""
    groups = {"inpatient": "is_inpatient", "outpatient": "NOT is_inpatient"}
    limits = settings().limits
    found: dict[str, Any] = {"scale": {}, "unit_scale": {}}
    earlier = batch.house.manifest.get("facts", {}).get("by_batch", {}).values()
    for kind, where in groups.items():
        rows = batch.con.execute(
            f"""
                SELECT fixmedins_code, count(*), median(medfee_sumamt_fen)
                FROM out_settlements
                WHERE {where} AND refd_setl_flag = '0' AND medfee_sumamt_fen > 0
                GROUP BY GROUPING SETS ((), (fixmedins_code))
                ORDER BY 1 NULLS FIRST
            """
        ).fetchall()
        (_, count, middle), *units = rows
        if not count:
            continue
        found["scale"][kind] = [count, int(middle)]
        before = [b["scale"][kind][1] for b in earlier if b.get("scale", {}).get(kind, [0])[0] >= limits.whole]
        if count >= limits.whole:
            for usual, said in ((USUAL[kind], "of what is usual"), (median(before) if before else None, "of before")):
                if usual and not usual / limits.scale < middle < usual * limits.scale:
                    raise UserError(
                        f"half of the {count:,} {kind} settlements are of {middle / 100:,.2f} yuan and more, "
                        f"{middle / usual:.3g} times {said} ({usual / 100:,.2f}): 分 read as 元, or 元 as 分? "
                        'Say in the mapping (unit = "fen" or "yuan"), or set XIEZHI_SCALE above '
                        f"{limits.scale:g}; nothing was published"
                    )
        for unit, n, own in units:
            held = [b["unit_scale"].get(unit, {}).get(kind, [0, 0]) for b in earlier if "unit_scale" in b]
            was = [m for k, m in held if k >= limits.whole]
            found["unit_scale"].setdefault(unit, {})[kind] = [n, int(own)]
            usual = median(was) if was else middle
            if n >= limits.whole and not usual / limits.scale < own < usual * limits.scale:
                doubt = {"unit": unit, "kind": ZH[kind], "yuan": own / 100, "times": float(f"{own / usual:.3g}")}
                found.setdefault("scale_doubts", []).append(doubt)
                batch.notes.append(
                    f"{unit}: its {n:,} {kind} settlements are {own / usual:.3g} times those of "
                    f"{'before' if was else 'the others'}; 分 read as 元?"
                )
    return found
