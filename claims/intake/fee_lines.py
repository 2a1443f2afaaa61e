"""Checks of fee lines: the visit each belongs to, signs, and when its settlement was known."""

from __future__ import annotations

from claims.intake.batch import Batch, has, spread, stored_sql, table_clock
from claims.intake.canonical_tables import close, make_part
from claims.intake.control_totals import measure
from claims.intake.dictionary_encode import enum_of
from claims.intake.reject import reject
from claims.intake.versions import natural_moment
from claims.schema.tables import CANONICAL
from claims.store.sql import timestamp


def lines(batch: Batch) -> None:
    con, src = batch.con, "parsed_fee_details"
    if not has(batch, src):
        return
    clock = table_clock(batch, "fee_details")
    con.execute(
        f"""UPDATE {src} SET _err = 'Q10:det_item_fee_sumamt' WHERE _err IS NULL AND cnt <> 0 AND pric <> 0
            AND abs(det_item_fee_sumamt) >= 1000
        AND (abs(abs(det_item_fee_sumamt) - abs(cnt::DOUBLE * pric / 1e6)) <= 1 + abs(det_item_fee_sumamt) / 1000
          OR abs(abs(det_item_fee_sumamt) * 1.0 - abs(cnt::DOUBLE * pric / 1e10)) <= abs(det_item_fee_sumamt) / 1000)"""
    )
    measure(batch, "fee_details")
    reject(batch, "fee_details", f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    visits = [
        f"SELECT mdtrt_id, psn_no, fixmedins_code FROM {stored_sql(batch, t)}"
        for t in ("visits", "settlements")
        if batch.house.entries(t)
    ]
    if has(batch, "parsed_settlements"):
        visits.append("SELECT mdtrt_id, psn_no, fixmedins_code FROM parsed_settlements")
    visits = visits or [
        "SELECT NULL::VARCHAR AS mdtrt_id, NULL::VARCHAR AS psn_no, NULL::VARCHAR AS fixmedins_code WHERE false"
    ]
    con.execute(
        f"""
            CREATE TABLE visits_named AS
            SELECT mdtrt_id, any_value(psn_no) AS psn_no, any_value(fixmedins_code) AS fixmedins_code
            FROM ({" UNION ALL ".join(visits)})
            GROUP BY 1
        """
    )
    person, unit = spread(batch, "psn_no", "fixmedins_code")
    named = ", ".join(f"CAST({c} AS {enum_of(batch, 'visits_named', c)}) AS {c}" for c in ("psn_no", "fixmedins_code"))
    con.execute(
        f"""
            CREATE TABLE known_visits AS
            SELECT mdtrt_id, {named}, {person} AS _person, {unit} AS _institution
            FROM visits_named
        """
    )
    con.execute("DROP TABLE visits_named")
    reject(
        batch,
        "fee_details",
        f"""
            SELECT l._row, CASE WHEN v.mdtrt_id IS NULL THEN 'Q09:mdtrt_id' ELSE 'Q12:mdtrt_id' END AS _err
            FROM {src} l
            LEFT JOIN known_visits v USING (mdtrt_id)
            WHERE v.mdtrt_id IS NULL OR l.psn_no <> v.psn_no OR l.fixmedins_code <> v.fixmedins_code
        """,
    )
    settled = (
        [f"SELECT setl_id, known_at FROM {stored_sql(batch, 'settlements')} WHERE version_no = 1"]
        if batch.house.entries("settlements")
        else []
    )
    if has(batch, "out_settlements"):
        settled.append("SELECT setl_id, known_at FROM out_settlements WHERE version_no = 1")
    settled = settled or ["SELECT NULL::VARCHAR AS setl_id, NULL::TIMESTAMP AS known_at WHERE false"]
    lag = f"to_seconds({batch.mapping.rule('fee_details').lag_days * 86400})"
    end = timestamp(batch.end)
    con.execute(
        f"""
            CREATE TABLE settled AS
            SELECT setl_id, min(known_at) AS known_at
            FROM ({" UNION ALL ".join(settled)})
            GROUP BY 1
        """
    )
    con.execute(
        f"""
            CREATE VIEW rows_fee_details AS
            SELECT
                l.* REPLACE (
                    v.psn_no AS psn_no,
                    v.fixmedins_code AS fixmedins_code,
                    abs(l.pric) AS pric,
                    CASE WHEN l.det_item_fee_sumamt < 0 AND l.cnt > 0 THEN -l.cnt ELSE l.cnt END AS cnt
                ),
                CASE WHEN l.setl_id IS NOT NULL THEN coalesce(s.known_at, {end}) END AS setl_known_at,
                {natural_moment(CANONICAL["fee_details"], lag, "l.")} AS _moment,
                v._person, v._institution
            FROM {src} l
            JOIN known_visits v USING (mdtrt_id)
            LEFT JOIN settled s USING (setl_id)
        """
    )
    whole = "greatest(_moment, coalesce(setl_known_at, _moment))"
    make_part(batch, "fee_details", "rows_fee_details", "true", "_moment", whole, clock)
    con.execute("DROP VIEW rows_fee_details; DROP TABLE known_visits; DROP TABLE settled")
    close(batch, "fee_details")
    if not any(rule.derive == "fee_details" for rule in batch.mapping.tables.values()):
        con.execute(f"DROP TABLE {src}")  # the largest table there is; nothing asks for it any more
