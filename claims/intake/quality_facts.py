"""What the quality gate (claims/quality.py) must know of a batch, measured at intake and kept in the manifest.

A unit-day whose clock is collapsed gives no minute-level features.
"""

from __future__ import annotations

from typing import Any

from claims.intake.batch import Batch, columns_of, has, stored_sql
from claims.intake.money_scale import against_usual
from claims.schema.tables import CANONICAL
from claims.unmapped import CODED, MOST, TABLES, Coded

BURST, BURST_SECONDS = 5, 60  # D08: five settlements within a minute …
BURST_SHARE = 0.5  # … that are at least half of the unit's day: a busy counter is no collapsed clock


def _unmapped(batch: Batch) -> dict[str, dict[str, Any]]:
    """Coded column → by month its rows and those whose code nobody mapped, and the most frequent of these codes."""
    counted: dict[tuple[str, str], list[Coded]] = {}  # rows and their moment → columns counted in one pass
    for coded in CODED:
        rows = _rows_of(batch, coded)
        if rows is not None:
            counted.setdefault((rows, TABLES[coded.table]), []).append(coded)
    found = {}
    for (source, moment), columns in counted.items():
        for coded, months in zip(columns, _by_month(batch, source, moment, columns), strict=True):
            total, strange = (sum(n[i] for n in months.values()) for i in (0, 1))
            named = _strangest(batch, source, coded) if strange else {}
            if strange:
                shown = ", ".join(f"{code or '(blank)'}×{n}" for code, n in list(named.items())[:5])
                batch.notes.append(f"{coded.key}: {strange:,} of {total:,} rows carry codes nobody mapped ({shown})")
            found[coded.key] = {"months": months, "codes": named, "known_at": batch.end.isoformat()}
    return found


def _by_month(batch: Batch, rows: str, moment: str, columns: list[Coded]) -> list[dict[str, list[int]]]:
    """Of each column: month → its rows and those whose code nobody mapped."""
    strange = ", ".join(f"count(*) FILTER ({coded.strange}) AS strange_{i}" for i, coded in enumerate(columns))
    month = f"date_trunc('month', {moment})" if moment else "NULL::TIMESTAMP"
    counted = batch.con.execute(
        f"""
            SELECT coalesce(strftime(month, '%Y-%m'), ''), * EXCLUDE (month)
            FROM (SELECT {month} AS month, count(*) AS rows, {strange} FROM {rows} GROUP BY 1)
            ORDER BY 1
        """
    ).fetchall()
    return [{m: [n, told[i]] for m, n, *told in counted} for i in range(len(columns))]


def _strangest(batch: Batch, rows: str, coded: Coded) -> dict[str, int]:
    """The most frequent codes of a column that nobody mapped, and their rows."""
    codes = f"""
        SELECT coalesce(CAST({coded.column} AS VARCHAR), '') AS code, count(*) AS rows
        FROM {rows}
        WHERE {coded.strange}
        GROUP BY 1
        ORDER BY 2 DESC, 1
        LIMIT {MOST}
    """
    return dict(batch.con.execute(codes).fetchall())


def _rows_of(batch: Batch, coded: Coded) -> str | None:
    """SQL of the rows a coded column is counted over: those of this batch, of what lasts the last word on each key;
    None where the batch has none."""
    new = f"out_{coded.table}"
    if not has(batch, new) or coded.column not in columns_of(batch, new):
        return None
    stored = stored_sql(batch, coded.table)
    if TABLES[coded.table] or stored is None or coded.column not in batch.house.columns(coded.table):
        return new
    key = ", ".join(CANONICAL[coded.table].key)
    chosen = ", ".join(dict.fromkeys((*CANONICAL[coded.table].key, coded.column, "version_no")))
    return f"""(
        FROM (SELECT {chosen} FROM {stored} UNION ALL BY NAME SELECT {chosen} FROM {new})
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY version_no DESC) = 1
    )"""


def gather(batch: Batch) -> None:
    """Measure the rows this batch adds: facts for the manifest, and the table `out_clock_collapsed`."""
    con = batch.con
    facts: dict[str, Any] = dict(batch.measured)
    if batch.ignored:
        facts["ignored"] = [{"name": i.name, "reason": i.reason} for i in batch.ignored]
    if has(batch, "out_settlements"):
        con.execute(
            f"""
                CREATE TABLE out_clock_collapsed AS
                WITH acts AS (
                    SELECT fixmedins_code, happened_at, CAST(happened_at AS DATE) AS day
                    FROM out_settlements
                    WHERE NOT is_inpatient AND refd_setl_flag = '0' AND coalesce(manual_flag, '0') <> '1'
                    QUALIFY row_number() OVER (PARTITION BY setl_id ORDER BY version_no DESC) = 1
                ),
                timed AS (
                    SELECT
                        *,
                        count(*) OVER (
                            PARTITION BY fixmedins_code,
                                day
                            ORDER BY happened_at
                            RANGE BETWEEN CURRENT ROW AND INTERVAL {BURST_SECONDS} SECOND FOLLOWING
                        ) AS near
                    FROM acts
                )
                SELECT fixmedins_code, day
                FROM timed
                GROUP BY 1, 2
                HAVING (max(near) >= {BURST} AND max(near) >= {BURST_SHARE} * count(*))
                    OR bool_and(happened_at = CAST(day AS TIMESTAMP))
                ORDER BY 1, 2
            """
        )
        facts["months"] = dict(
            con.execute(
                """
                    SELECT strftime(setl_time, '%Y-%m'), count(*)
                    FROM out_settlements
                    WHERE refd_setl_flag = '0' AND version_no = 1
                    GROUP BY 1
                    ORDER BY 1
                """
            ).fetchall()
        )
        settled, unbalanced, blank = con.execute(
            """
                SELECT
                    count(*),
                    count(*) FILTER (
                        abs(medfee_sumamt_fen - fund_pay_sumamt_fen - acct_pay_fen - psn_cash_pay_fen) > 10
                    ),
                    count(*) FILTER (is_inpatient AND atddr_no IS NULL)::DOUBLE
                        / greatest(count(*) FILTER (is_inpatient), 1)
                FROM out_settlements
            """
        ).fetchall()[0]
        facts |= {"settled": settled, "unbalanced": unbalanced, "blank_doctor_stays": round(blank, 4)}
        facts |= against_usual(batch)
        if unbalanced:
            batch.notes.append(f"{unbalanced:,} of {settled:,} settlements differ from fund + account + cash")
        facts["med_type"] = dict(
            con.execute("""
                SELECT coalesce(med_type, ''), count(*)
                FROM out_settlements
                GROUP BY 1
                ORDER BY 1
            """).fetchall()
        )
    if has(batch, "out_fee_details"):
        lines, blank, off = con.execute(
            """
                SELECT
                    count(*),
                    count(*) FILTER (bilg_dr_codg IS NULL AND NOT prefix(coalesce(fixmedins_code, ''), 'P')),
                    count(*) FILTER (abs(det_item_fee_sumamt_fen - cnt_e4::DOUBLE * pric_e6 / 1e8) > 1.5)
                FROM out_fee_details
            """
        ).fetchall()[0]
        facts |= {"lines": lines, "blank_doctor_lines": blank, "line_check_off": off}
        facts["med_chrgitm_type"] = dict(
            con.execute(
                """
                    SELECT coalesce(med_chrgitm_type, ''), count(*)
                    FROM out_fee_details
                    GROUP BY 1
                    ORDER BY 1
                """
            ).fetchall()
        )
    facts["coded"] = _unmapped(batch)
    batch.facts["by_batch"] = {**batch.house.manifest.get("facts", {}).get("by_batch", {}), batch.name: facts}
