"""Checks of settlements, their refunds, and their split into visits, discharges and settlements (contract.md §1.2)."""

from __future__ import annotations

from claims.intake import refunds as reversals
from claims.intake.batch import Batch, columns_of, has, spread, stored_sql, table_clock
from claims.intake.canonical_tables import close, make_part
from claims.intake.control_totals import measure
from claims.intake.reject import reject
from claims.schema.codes import visit_class_rows
from claims.schema.tables import PARTS, SOURCE, moments_of

#: The column of each part that says when it could be known.
MOMENTS = moments_of(SOURCE["settlements"])


def settlements(batch: Batch) -> None:
    con, src = batch.con, "parsed_settlements"
    if not has(batch, src):
        return
    clock = table_clock(batch, "settlements")
    have = columns_of(batch, src)
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
        f"UPDATE {src} SET endtime = begntime WHERE endtime < begntime AND endtime IN (date_trunc('minute', "
        "begntime), date_trunc('day', begntime))"
    )
    con.execute(f"UPDATE {src} SET _err = 'Q07:endtime' WHERE _err IS NULL AND endtime < begntime")
    parts = "fund_pay_sumamt + acct_pay + psn_cash_pay"
    con.execute(
        f"UPDATE {src} SET _err = 'Q10:medfee_sumamt' WHERE _err IS NULL AND medfee_sumamt <> 0 AND {parts} <> 0 "
        f"AND (abs(medfee_sumamt) = 100 * abs({parts}) OR 100 * abs(medfee_sumamt) = abs({parts}))"
    )
    if has(batch, "parsed_persons") or batch.house.entries("persons"):
        births = " UNION ALL ".join(
            filter(
                None,
                [
                    "SELECT psn_no, brdy FROM parsed_persons WHERE _err IS NULL"
                    if has(batch, "parsed_persons")
                    else "",
                    f"SELECT psn_no, brdy FROM {stored_sql(batch, 'persons')}"
                    if batch.house.entries("persons")
                    else "",
                ],
            )
        )
        con.execute(
            f"UPDATE {src} SET _err = 'Q07:begntime' FROM (SELECT psn_no, min(brdy) AS brdy FROM ({births}) GROUP "
            "BY 1) b "
            f"WHERE {src}._err IS NULL AND b.psn_no = {src}.psn_no AND CAST(begntime AS DATE) < b.brdy"
        )
    reversals.normalise_signs(con, src, money)
    reversals.part_numbers(con, src, stored_sql(batch, "settlements"))
    con.execute(
        f"UPDATE {src} SET _err = 'Q07:medfee_sumamt' WHERE _err IS NULL AND refd_setl_flag = '0' AND medfee_sumamt < 0"
    )
    measure(batch, "settlements")
    reject(batch, "settlements", f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    _conflicts(batch, "settlements", "setl_id", stored_sql(batch, "settlements"))
    _conflicts(batch, "settlements", "mdtrt_id", stored_sql(batch, "visits"), "coalesce(n.refd_setl_flag, '0') <> '1'")
    stored = stored_sql(batch, "settlements")
    reject(batch, "settlements", reversals.link(con, src, stored, money), "Q08", "init_setl_id")
    _classes(batch)
    first = f"""
        (
            SELECT mdtrt_id AS m, min(begntime) AS begun
            FROM ({_begun(batch, src)})
            GROUP BY 1
            HAVING count(DISTINCT begntime) > 1
        )
    """
    con.execute(f"CREATE TABLE begun AS {first}")
    con.execute(f"CREATE VIEW rows_settlements AS {_rows(batch, src)}")
    real = "coalesce(refd_setl_flag, '0') <> '1'"
    tells = {
        "visits": real,
        "discharges": f"{real} AND endtime IS NOT NULL",
        "settlements": "setl_id IS NOT NULL",
    }
    for i, part in enumerate(PARTS):
        # All a row says of a part is known with the last moment it holds.
        own, *later = (f"_at_{moment}" for moment in MOMENTS[i:])
        full = f"greatest({own}, coalesce({', '.join([*reversed(later), own])}))"
        make_part(batch, part, "rows_settlements", tells[part], own, full, clock)
    close(batch, "settlements", PARTS)


def _rows(batch: Batch, src: str) -> str:
    """SQL of the checked settlements with their class, their bucket and the moments of what they tell of."""
    lag = f"to_seconds({batch.mapping.rule('settlements').lag_days * 86400})"
    joins, buckets = "", "0 AS _person, 0 AS _institution"
    if batch.house.buckets > 1:
        for column, bucket in zip(("psn_no", "fixmedins_code"), spread(batch, "key", "key"), strict=True):
            batch.con.execute(
                f"""
                    CREATE TABLE spread_{column} AS
                    SELECT key, {bucket} AS bucket
                    FROM (SELECT DISTINCT {column} AS key FROM {src})
                """
            )
            joins += f" LEFT JOIN spread_{column} ON spread_{column}.key = p.{column}"
        buckets = "spread_psn_no.bucket AS _person, spread_fixmedins_code.bucket AS _institution"
    # What the source itself says of when it knew is said of the settlement, the last part.
    at = {moment: f"p.{moment} + {lag}" for moment in MOMENTS}
    at[MOMENTS[-1]] = f"coalesce(p._known, {at[MOMENTS[-1]]})"
    moments = ", ".join(f"{sql} AS _at_{moment}" for moment, sql in at.items())
    return f"""
        SELECT
            p.* REPLACE (coalesce(b.begun, p.begntime) AS begntime),
            coalesce(s.fixmedins_type, '1') AS _unit, v.visit_class, v.is_inpatient, {moments},
            {buckets}
        FROM {src} p
        LEFT JOIN begun b ON b.m = p.mdtrt_id AND coalesce(p.refd_setl_flag, '0') <> '1'
        LEFT JOIN unit_types s ON s.fixmedins_code = p.fixmedins_code
        LEFT JOIN visit_classes v
            ON v.med_type = coalesce(p.med_type, '') AND v.fixmedins_type = coalesce(s.fixmedins_type, '1'){joins}
    """


def _begun(batch: Batch, src: str) -> str:
    new = f"SELECT mdtrt_id, begntime FROM {src} WHERE coalesce(refd_setl_flag, '0') <> '1'"
    stored = stored_sql(batch, "visits")
    return (
        f"""
            {new} UNION ALL SELECT mdtrt_id, begntime FROM {stored} WHERE mdtrt_id IN (SELECT mdtrt_id FROM {src})
        """
        if stored
        else new
    )


def _conflicts(batch: Batch, table: str, key: str, stored: str | None, where: str = "true") -> None:
    """Quarantine rows (relation `n` of `where`) whose key belongs to another person or institution (Q12): in the batch
    the first row keeps it, in the warehouse whoever has it."""
    src = f"parsed_{table}"
    mixed = f"""
        SELECT h
        FROM (
            SELECT
                hash(n.{key}) AS h,
                min(hash(n.psn_no, n.fixmedins_code)) AS a,
                max(hash(n.psn_no, n.fixmedins_code)) AS b
            FROM {src} n
            WHERE n.{key} IS NOT NULL AND {where}
            GROUP BY 1
        )
        WHERE a <> b
    """
    rows = f"""
        SELECT _row
        FROM (
            SELECT
                n._row,
                n.psn_no,
                n.fixmedins_code,
                first_value(n.psn_no) OVER w AS p,
                first_value(n.fixmedins_code) OVER w AS f
            FROM {src} n
            WHERE hash(n.{key}) IN ({mixed}) AND {where}
            WINDOW w AS (PARTITION BY n.{key} ORDER BY n._row)
        )
        WHERE psn_no <> p OR fixmedins_code <> f
    """
    reject(batch, table, rows, "Q12", key)
    if stored:
        rows = f"""
            SELECT n._row
            FROM {src} n
            JOIN (SELECT DISTINCT {key}, psn_no, fixmedins_code FROM {stored}) s USING ({key})
            WHERE ({where}) AND (s.psn_no <> n.psn_no OR s.fixmedins_code <> n.fixmedins_code)
        """
        reject(batch, table, rows, "Q12", key)


def _classes(batch: Batch) -> None:
    con = batch.con
    codes = [r[0] or "" for r in con.execute("SELECT DISTINCT med_type FROM parsed_settlements").fetchall()]
    con.execute(
        """
            CREATE TABLE visit_classes (
                med_type VARCHAR, fixmedins_type VARCHAR, visit_class VARCHAR, is_inpatient BOOLEAN
            )
        """
    )
    con.executemany(
        "INSERT INTO visit_classes VALUES (?, ?, ?, ?)", visit_class_rows(["", *codes], batch.mapping.visit_class)
    )
    # The last word on a unit counts: a row of this batch, else the last version stored.
    kinds = ["SELECT NULL::VARCHAR AS fixmedins_code, NULL::VARCHAR AS fixmedins_type, 0::BIGINT AS nth WHERE false"]
    if stored := stored_sql(batch, "institutions"):
        kinds.append(f"SELECT fixmedins_code, fixmedins_type, version_no AS nth FROM {stored}")
    if has(batch, "parsed_institutions"):
        kinds.append(
            """
            SELECT CAST(fixmedins_code AS VARCHAR), CAST(fixmedins_type AS VARCHAR), 1000000000 + _row
            FROM parsed_institutions
            WHERE _err IS NULL
            """
        )
    con.execute(
        f"""
            CREATE TABLE unit_types AS
            SELECT
                fixmedins_code,
                CASE WHEN arg_max(fixmedins_type, nth) = '2' THEN '2' ELSE '1' END AS fixmedins_type
            FROM ({" UNION ALL ".join(kinds)})
            GROUP BY 1
        """
    )
