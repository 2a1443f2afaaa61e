"""The three readings of reversals: `net` without what was taken back, `kept` as it was settled, `pairs` with each
refund beside its original.

Made once a bucket by `features/asof.py` over the facts known at T; docs/design.md §4 lists the columns.
"""

from datetime import datetime, timedelta

import duckdb

from claims.schema.tables import CANONICAL
from claims.store.sql import timestamp

MONEY = [
    "medfee_sumamt",
    "fund_pay_sumamt",
    "hifp_pay",
    "hifob_pay",
    "hifmi_pay",
    "maf_pay",
    "cvlserv_pay",
    "hifes_pay",
    "oth_pay",
    "acct_pay",
    "acct_mulaid_pay",
    "psn_cash_pay",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
    "act_pay_dedc",
]
#: Columns of a settlement that the views themselves read, whoever else names them.
ALWAYS = (
    "manual_flag",
    "psn_cash_pay_fen",
    "act_pay_dedc_fen",
    "medfee_sumamt_fen",
    "fund_pay_sumamt_fen",
    "acct_pay_fen",
)
#: Facts older than this before T are not read: no window reaches further than half a year and the same a year before
#: (R22), and memory stays bounded.
HORIZON_DAYS = 550
#: Facts cut at the horizon, by the clock that decides; they are read once, so their views stay over the files. A stay
#: that began before the horizon may still be open: visits and discharges are read whole.
RECENT = {"settlements": "setl_time", "fee_details": "fee_ocur_time"}
#: Views that hold but some rows, and which: what their condition cannot read, they cannot hold (features/evaluable.py).
ROWS = {
    "discharges": "is_inpatient",
    "stays": "is_inpatient",
    "swipes": "NOT is_inpatient AND coalesce(manual_flag, '0') <> '1'",
}
#: Tables that the readings join themselves, whoever else names them.
JOINED = frozenset({"persons", "institutions", "clock_collapsed"})
#: Whoever visited anybody in a bucket: of the tables laid out by person, a bucket of institutions reads only these.
HERE = "base.visits"


def fact_filter(table: str, t: datetime) -> list[str]:
    """SQL conditions on the rows of a fact (relation `f`) that the readings use."""
    conditions = [f"f.{ROWS[table]}"] if table in ROWS else []
    if table in RECENT:
        conditions.append(f"f.{RECENT[table]} > {timestamp(t - timedelta(days=HORIZON_DAYS))}")
    return conditions


def unread(words: frozenset[str] | None, lines: bool) -> frozenset[str]:
    """Facts nobody reads: fee lines, most of the work, unless `lines` and something they make is named."""
    read = lines and (words is None or bool(words & {"lines", "lines_fen", "fee_details"}))
    return frozenset() if read else frozenset({"fee_details"})


def make_readings(con: duckdb.DuckDBPyConnection, words: frozenset[str] | None) -> None:
    """The schemas `net`, `kept` and `pairs` out of the facts in `base`."""
    make_settlements(con, words)
    for mode in ("kept", "net"):
        make_stays(con, mode)
    make_lines(con, words)
    for name in ("settlements", "swipes", "stays", "lines"):
        con.execute(f"CREATE VIEW pairs.{name} AS FROM kept.{name}")


def settle_views(con: duckdb.DuckDBPyConnection) -> None:
    """Turn the views that many small queries read into tables: binding one costs more than reading one person's
    rows."""
    for view in ("net.swipes", "kept.settlements", "kept.swipes", "kept.lines"):
        con.execute(f"CREATE TEMP TABLE copied AS FROM {view}")
        con.execute(f"DROP VIEW {view}; CREATE TABLE {view} AS FROM copied; DROP TABLE copied")


def absent_columns(declared: dict[str, str], stored: list[str] | set[str]) -> str:
    """SQL that adds the declared columns nobody stored, as NULL."""
    return "".join(f", NULL::{kind} AS {name}" for name, kind in declared.items() if name not in stored)


def make_settlements(con: duckdb.DuckDBPyConnection, words: frozenset[str] | None) -> None:
    """One table of originals, in which the few that refunds touched are swapped for what is left of them: `net`.
    `kept` swaps them back.

    What each settlement lost are all refunds known by T (contract.md §6.3); any order of arrival gives the same.
    """
    stored = {r[0] for r in con.execute("DESCRIBE base.settlements_stored").fetchall()}
    declared = {n: k for n, k in CANONICAL["settlements"].canonical_columns.items() if n != "happened_at"}
    named = {n: k for n, k in declared.items() if words is None or n in words or n in ALWAYS}
    con.execute(
        f"""CREATE TABLE net.settlements AS
        SELECT
            s.*{absent_columns(named, stored)},
            coalesce(s.begntime, s.setl_time) AS happened_at,
            i.fixmedins_type,
            i.medins_type,
            i.level,
            i.area,
            c.fixmedins_code IS NOT NULL AS clock_collapsed,
            false AS remainder
        FROM base.settlements_stored s
        LEFT JOIN main.institutions i USING (fixmedins_code)
        LEFT JOIN main.clock_collapsed c ON c.fixmedins_code = s.fixmedins_code AND c.day = s.begntime::DATE
        WHERE s.refd_setl_flag IS DISTINCT FROM '1'"""
    )
    con.execute("CREATE TABLE base.refunds AS FROM base.settlements WHERE refd_setl_flag = '1'")
    sums = ", ".join(f"sum(coalesce({m}_fen, 0))::BIGINT AS {m}_fen" for m in MONEY)
    con.execute(
        f"""CREATE TABLE base.refunded AS
        SELECT init_setl_id AS setl_id, {sums}
        FROM base.refunds
        WHERE init_setl_id IS NOT NULL
        GROUP BY 1"""
    )
    con.execute("CREATE TABLE base.touched AS FROM net.settlements SEMI JOIN base.refunded USING (setl_id)")
    con.execute(
        """CREATE TABLE base.reversed AS
        SELECT s.setl_id, s.mdtrt_id, s.medfee_sumamt_fen + r.medfee_sumamt_fen <= 1 AS fully
        FROM base.touched s
        JOIN base.refunded r USING (setl_id)"""
    )
    # A visit that only ever carried refunds is no visit.
    con.execute(
        """DELETE FROM base.visits_stored
        WHERE mdtrt_id IN (
            SELECT mdtrt_id
            FROM base.refunds
            WHERE mdtrt_id NOT IN (
                SELECT s.mdtrt_id
                FROM net.settlements s
                SEMI JOIN base.refunds USING (mdtrt_id)
            )
        )"""
    )
    con.execute(
        """CREATE VIEW main.refunds AS
        SELECT
            o.setl_id,
            r.setl_id AS refund_setl_id,
            o.mdtrt_id,
            o.psn_no,
            o.fixmedins_code,
            o.med_type,
            o.is_inpatient,
            r.setl_time AS happened_at,
            o.setl_time AS settled_at,
            o.begntime,
            date_diff('second', o.setl_time, r.setl_time) / 60.0 AS gap_minutes,
            -r.medfee_sumamt_fen AS fen,
            -r.medfee_sumamt_fen >= o.medfee_sumamt_fen - 1 AS "full"
        FROM base.refunds r
        JOIN base.touched o ON o.setl_id = r.init_setl_id"""
    )
    left = ", ".join(f"s.{m}_fen + coalesce(r.{m}_fen, 0) AS {m}_fen" for m in MONEY if f"{m}_fen" in stored)
    con.execute("DELETE FROM net.settlements WHERE setl_id IN (SELECT setl_id FROM base.touched)")
    con.execute(
        f"""INSERT INTO net.settlements
        SELECT s.* REPLACE ({left}, true AS remainder)
        FROM base.touched s
        JOIN base.refunded r USING (setl_id)
        JOIN base.reversed v USING (setl_id)
        WHERE NOT v.fully"""
    )
    con.execute("CREATE VIEW kept.settlements AS FROM net.settlements WHERE NOT remainder UNION ALL FROM base.touched")
    for mode in ("net", "kept"):
        con.execute(
            f"""CREATE VIEW {mode}.swipes AS
            SELECT * FROM {mode}.settlements
            WHERE {ROWS["swipes"]}"""
        )
    # Shared by both readings of stays: what was charged during a stay, and which ones ever had a settlement.
    con.execute("CREATE TABLE base.beds AS SELECT DISTINCT mdtrt_id FROM base.visits WHERE is_inpatient")
    con.execute(
        """CREATE TABLE base.settled AS
        SELECT DISTINCT mdtrt_id
        FROM kept.settlements
        SEMI JOIN base.beds USING (mdtrt_id)"""
    )
    con.execute(
        """CREATE TABLE base.charged AS
        SELECT mdtrt_id, sum(det_item_fee_sumamt_fen)::BIGINT AS lines_fen, count(*) AS lines
        FROM base.fee_details
        SEMI JOIN base.beds USING (mdtrt_id)
        GROUP BY 1"""
    )


def make_stays(con: duckdb.DuckDBPyConnection, mode: str) -> None:
    """`MODE.stays`: inpatient visits, with what their settlements of that reading say; an open stay reaches to T."""
    # A visit whose every settlement is reversed did not happen for `net`; one still unsettled did.
    alive = "" if mode == "kept" else "AND (m.mdtrt_id IS NOT NULL OR k.mdtrt_id IS NULL)"
    con.execute(
        f"""CREATE TABLE {mode}.stays AS
        WITH m AS (
            SELECT
                mdtrt_id,
                sum(medfee_sumamt_fen)::BIGINT AS medfee_fen,
                sum(fund_pay_sumamt_fen)::BIGINT AS fund_fen,
                sum(acct_pay_fen)::BIGINT AS acct_fen,
                sum(psn_cash_pay_fen)::BIGINT AS cash_fen,
                sum(act_pay_dedc_fen)::BIGINT AS dedc_fen
            FROM {mode}.settlements
            WHERE is_inpatient
            GROUP BY 1
        )
        SELECT
            v.mdtrt_id,
            v.psn_no,
            v.fixmedins_code,
            v.med_type,
            v.visit_class,
            v.visit_class = 'day_surgery' AS day_surgery,
            v.begntime,
            d.endtime,
            coalesce(d.endtime, a.t) AS end_at,
            coalesce(d.endtime, a.t) AS happened_at,
            d.endtime IS NULL AS "open",
            m.mdtrt_id IS NOT NULL AS settled,
            v.begntime::DATE AS adm_date,
            coalesce(d.endtime, a.t)::DATE AS end_date,
            date_diff('day', v.begntime::DATE, coalesce(d.endtime, a.t)::DATE) AS nights,
            greatest(1, date_diff('day', v.begntime::DATE, coalesce(d.endtime, a.t)::DATE)) AS bed_days,
            v.adm_dept_codg AS dept,
            v.adm_bed AS bed,
            nullif(v.atddr_no, '') AS atddr_no,
            upper(d.dscg_maindiag_code) AS dx,
            substr(upper(d.dscg_maindiag_code), 1, 3) AS dx3,
            d.dscg_way,
            coalesce(d.days_rinp_flag_31, '') IN ('2', '有', '是') AS planned,
            v.insutype,
            v.psn_type,
            v.er_flag,
            v.trum_flag,
            v.traf_dept_flag,
            d.lv1_nurscare_days,
            d.scd_nurscare_days,
            d.lv3_nursecare_days,
            d.spga_nurscare_days,
            d.oprn_oprt_code,
            d.drg_weight,
            m.medfee_fen,
            m.fund_fen,
            m.acct_fen,
            m.cash_fen,
            m.dedc_fen,
            coalesce(f.lines_fen, 0) AS lines_fen,
            coalesce(f.lines, 0) AS lines,
            i.level,
            i.area,
            i.medins_type
        FROM base.visits v
        CROSS JOIN main.asof a
        LEFT JOIN base.discharges d USING (mdtrt_id)
        LEFT JOIN m USING (mdtrt_id)
        LEFT JOIN base.settled k USING (mdtrt_id)
        LEFT JOIN base.charged f USING (mdtrt_id)
        LEFT JOIN main.institutions i ON i.fixmedins_code = v.fixmedins_code
        WHERE v.{ROWS["stays"]}
            AND v.begntime <= a.t
            AND coalesce(d.endtime, a.t) > a.t - INTERVAL {HORIZON_DAYS} DAY
            {alive}"""
    )


def make_lines(con: duckdb.DuckDBPyConnection, words: frozenset[str] | None) -> None:
    """One table of lines, read once, in which those that refunds touched are swapped for what is left of them: `net`.

    `kept` swaps them back. A line that takes another of its own visit back, before the bill or on it, is such a refund.
    """
    declared = {n: k for n, k in CANONICAL["fee_details"].canonical_columns.items() if n != "happened_at"}
    stored = {r[0] for r in con.execute("DESCRIBE base.fee_details_stored").fetchall()}
    hidden = (
        "setl_id",
        "known_at",
        "version_no",
        "setl_known_at",
        "bilg_dr_codg",
        "det_item_fee_sumamt_fen",
        "inscp_scp_amt_fen",
        "cnt_e4",
        "pric_e6",
    )
    named = {n: k for n, k in declared.items() if n not in hidden and (words is None or n in words)}
    always = ("mdtrt_id", "feedetl_sn", "psn_no", "fixmedins_code", "fee_ocur_time")
    stored = {n for n in stored if words is None or n in words or n in hidden or n in always}
    taken = ", ".join(f"l.{n}" for n in declared if n in stored and n not in hidden)

    def of(column: str) -> str:
        return f"l.{column}" if column in stored else f"NULL::{declared[column]}"

    fen = of("det_item_fee_sumamt_fen")
    #: What the visit and the stay tell of a line, where somebody names it.
    told = {
        "visit_class": "v.visit_class",
        "med_type": "v.med_type",
        "begntime": "v.begntime",
        "atddr_no": "nullif(v.atddr_no, '')",
        "dr_codg": f"nullif({of('bilg_dr_codg')}, '')",
        "pric": f"{of('pric_e6')} / 1e6",
        "adm_date": "s.adm_date",
        "end_date": "s.end_date",
        "dx3": "s.dx3",
        "clock_collapsed": "c.fixmedins_code IS NOT NULL",
    }
    told = {n: sql for n, sql in told.items() if words is None or n in words}
    beside = "".join(f", {sql} AS {n}" for n, sql in told.items())
    of_stay = "LEFT JOIN kept.stays s USING (mdtrt_id)" if {"adm_date", "end_date", "dx3"} & set(told) else ""
    of_clock = ""
    if "clock_collapsed" in told:
        of_clock = (
            "LEFT JOIN main.clock_collapsed c ON c.fixmedins_code = l.fixmedins_code AND c.day = l.fee_ocur_time::DATE"
        )
    con.execute(
        """CREATE TABLE base.line_refunds AS
        SELECT
            coalesce(o.mdtrt_id, l.mdtrt_id) AS mdtrt_id,
            l.init_feedetl_sn AS feedetl_sn,
            sum(l.cnt_e4)::BIGINT AS cnt_e4,
            sum(l.det_item_fee_sumamt_fen)::BIGINT AS fen,
            sum(coalesce(l.inscp_scp_amt_fen, 0))::BIGINT AS scope_fen
        FROM base.fee_details l
        LEFT JOIN base.refunds r ON r.setl_id = l.setl_id
        LEFT JOIN base.touched o ON o.setl_id = r.init_setl_id
        WHERE l.init_feedetl_sn IS NOT NULL
            AND (
                (o.mdtrt_id IS NOT NULL AND l.setl_known_at <= (SELECT t FROM main.asof))
                OR (r.setl_id IS NULL AND l.cnt_e4 < 0)
            )
        GROUP BY 1, 2"""
    )
    con.execute(
        f"""CREATE TABLE net.lines AS
        SELECT
            {taken}{absent_columns(named, stored)},
            CASE WHEN l.setl_known_at <= a.t THEN l.setl_id END AS setl_id,
            l.fee_ocur_time AS happened_at,
            l.fee_ocur_time::DATE AS day,
            v.is_inpatient,
            {fen} AS fen,
            coalesce({of("inscp_scp_amt_fen")}, {fen}) AS scope_fen,
            {of("cnt_e4")} / 1e4 AS cnt{beside},
            x.setl_id IS NOT NULL OR q.feedetl_sn IS NOT NULL AS touched,
            coalesce(x.fully, false) AS fully,
            false AS remainder
        FROM base.fee_details_stored l
        CROSS JOIN main.asof a
        JOIN base.visits v USING (mdtrt_id)
        {of_stay}
        LEFT JOIN base.reversed x ON x.setl_id = l.setl_id AND l.setl_known_at <= a.t
        LEFT JOIN base.line_refunds q ON q.mdtrt_id = l.mdtrt_id AND q.feedetl_sn = l.feedetl_sn
        {of_clock}
        WHERE {of("cnt_e4")} > 0"""
    )
    con.execute("CREATE TABLE base.touched_lines AS FROM net.lines WHERE touched")
    con.execute("DELETE FROM net.lines WHERE touched")
    con.execute(
        """INSERT INTO net.lines
        SELECT l.* REPLACE (
            l.fen + coalesce(q.fen, 0) AS fen,
            l.scope_fen + coalesce(q.scope_fen, 0) AS scope_fen,
            l.cnt + coalesce(q.cnt_e4, 0) / 1e4 AS cnt,
            true AS remainder
        )
        FROM base.touched_lines l
        LEFT JOIN base.line_refunds q USING (mdtrt_id, feedetl_sn)
        WHERE NOT l.fully AND l.cnt + coalesce(q.cnt_e4, 0) / 1e4 > 0"""
    )
    for table in ("net.lines", "base.touched_lines"):
        con.execute(f"ALTER TABLE {table} DROP COLUMN touched; ALTER TABLE {table} DROP COLUMN fully")
    con.execute("CREATE VIEW kept.lines AS FROM net.lines WHERE NOT remainder UNION ALL FROM base.touched_lines")
