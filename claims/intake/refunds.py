"""Refunds 红冲/冲正/退费: one canonical form, and a link to the settlement each takes back (contract.md §6.3).

Canonical: a refund is a settlement with `refd_setl_flag` 1, negative amounts and `init_setl_id` set. A refund whose
original is not here, or could be several, waits in quarantine (Q08) and is tried again at each intake, so any order of
arrival ends in the same state.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

WITHIN_DAYS = 400
NOT_FLIPPED = ("balc",)  # a balance is a state, not a flow
MUST_MATCH = ("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay")


def normalise_signs(con: duckdb.DuckDBPyConnection, src: str, money: list[str]) -> None:
    """Write every refund the same way: flag 1 where the total is negative, negative amounts where the flag says
    refund. A flag that says neither yes nor no sets its row aside: it would count a refund as a payment."""
    con.execute(
        f"""
            UPDATE {src}
            SET _err = coalesce(_err, 'Q04:refd_setl_flag')
            WHERE refd_setl_flag NOT IN ('0', '1')
        """
    )
    con.execute(
        f"""
            UPDATE {src}
            SET refd_setl_flag = '1'
            WHERE medfee_sumamt < 0
                AND coalesce(refd_setl_flag, '0') <> '1'
                AND coalesce(fund_pay_sumamt, 0) <= 0
                AND coalesce(acct_pay, 0) <= 0
                AND coalesce(psn_cash_pay, 0) <= 0
        """
    )
    flows = ", ".join(f"{m} = -abs({m})" for m in money if m not in NOT_FLIPPED)
    con.execute(f"UPDATE {src} SET {flows} WHERE refd_setl_flag = '1' AND medfee_sumamt > 0")
    con.execute(f"UPDATE {src} SET refd_setl_flag = '0' WHERE refd_setl_flag IS NULL")


def part_numbers(con: duckdb.DuckDBPyConnection, src: str, stored: str | None) -> None:
    """Give an act its own number where an old system gave it the number of the settlement it takes back or replaces.

    Such a system writes a reversal as the old number with another first digit, and the settling anew with yet another;
    where the number began with that digit already, two acts bear one number, and the later names its own number as its
    original. It becomes ``NUMBER-R`` (a refund) or ``NUMBER-S`` (settled anew, beside a refund of the same original).
    Without such a refund it is a correction: a version, not an act (D04).
    """
    acts = f"SELECT setl_id, setl_time, refd_setl_flag, init_setl_id FROM {src}"
    if stored:
        acts += f" UNION ALL SELECT setl_id, setl_time, refd_setl_flag, init_setl_id FROM {stored}"
    con.execute(
        f"""
            UPDATE {src}
            SET setl_id = setl_id || CASE WHEN refd_setl_flag = '1' THEN '-R' ELSE '-S' END
            WHERE init_setl_id = setl_id
                AND EXISTS (
                    SELECT 1
                    FROM ({acts}) o
                    WHERE o.setl_id = {src}.setl_id
                        AND o.init_setl_id IS DISTINCT FROM o.setl_id
                        AND o.refd_setl_flag = '0'
                        AND o.setl_time <> {src}.setl_time
                )
                AND (
                    refd_setl_flag = '1'
                    OR EXISTS (
                        SELECT 1
                        FROM ({acts}) r
                        WHERE r.refd_setl_flag = '1'
                            AND r.init_setl_id = {src}.setl_id
                            AND r.setl_id <> r.init_setl_id
                    )
                )
        """
    )


def link(con: duckdb.DuckDBPyConnection, src: str, stored: str | None, money: list[str]) -> str:
    """Set `init_setl_id` of refunds that lack it; returns SQL giving `_row` of those that stay orphans or ambiguous."""
    act = ("setl_id", "psn_no", "fixmedins_code", "med_type", "setl_time")
    cells = ", ".join((*act, *MUST_MATCH))
    originals = f"SELECT {cells}, refd_setl_flag, init_setl_id FROM {src} WHERE setl_id IS NOT NULL"
    if stored:
        canonical = ", ".join((*act, *(f"{m}_fen AS {m}" for m in MUST_MATCH)))
        originals += f" UNION ALL SELECT {canonical}, refd_setl_flag, init_setl_id FROM {stored}"
    taken = f"SELECT init_setl_id FROM ({originals}) WHERE refd_setl_flag = '1' AND init_setl_id IS NOT NULL"
    same = " AND ".join(f"coalesce(o.{m}, 0) = -coalesce(r.{m}, 0)" for m in MUST_MATCH)
    pairs = con.execute(
        f"""
            SELECT DISTINCT r._row, r.setl_time, o.setl_id, o.setl_time
            FROM {src} r
            JOIN ({originals}) o
                ON o.psn_no = r.psn_no
                AND o.fixmedins_code = r.fixmedins_code
                AND coalesce(o.med_type, '') = coalesce(r.med_type, '')
                AND {same}
            WHERE r.refd_setl_flag = '1'
                AND r.init_setl_id IS NULL
                AND o.refd_setl_flag = '0'
                AND o.setl_id NOT IN ({taken})
                AND o.setl_time <= r.setl_time
                AND o.setl_time >= r.setl_time - to_days({WITHIN_DAYS})
            ORDER BY r.setl_time, r._row, o.setl_time DESC, o.setl_id
        """
    ).fetchall()
    for row, setl_id in match(pairs).items():
        con.execute(f"UPDATE {src} SET init_setl_id = ? WHERE _row = ?", [setl_id, row])
    here = f"SELECT setl_id FROM ({originals}) WHERE refd_setl_flag = '0'"
    return f"""
        SELECT _row
        FROM {src}
        WHERE refd_setl_flag = '1' AND (init_setl_id IS NULL OR init_setl_id NOT IN ({here}))
    """


def match(pairs: list[tuple[int, datetime, str, datetime]]) -> dict[int, str]:
    """Give each refund (row) its nearest earlier original, each original to one refund; two equally near originals
    match none.

    `pairs` holds (row, refund time, setl_id, original time), ordered by refund time, then nearest first.
    """
    candidates: dict[int, list[tuple[timedelta, str]]] = {}
    for row, refunded, setl_id, settled in pairs:
        candidates.setdefault(row, []).append((refunded - settled, setl_id))
    found: dict[int, str] = {}
    for row, options in candidates.items():
        free = [(gap, setl_id) for gap, setl_id in options if setl_id not in found.values()]
        if free and (len(free) == 1 or free[0][0] < free[1][0]):
            found[row] = free[0][1]
    return found
