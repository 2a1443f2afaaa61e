"""Who is ranked, as SQL: the entities active in the window, and their table with what they spent and what their peers
share.

Each grain (features/grains.py) has two texts. In the first {since} is a condition on `happened_at`; in the second
{since} again, and {spent} the money of the key that the grain names. Whose peers an entity is, is not said here.

Whoever settled is active, refunded or not: a unit that takes back all it settles would be nobody in `net`. What it
spent is what was not taken back. A stay whose settlements were all taken back did not happen.
"""

SINCE = "happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY"

SPENT = """
    SELECT
        {key} AS entity_id, min(begin_at) AS begin_at, max(happened_at) AS end_at,
        sum(fund)::BIGINT AS fund_fen, sum(total)::BIGINT AS total_fen
    FROM (
        SELECT
            {key}, happened_at AS begin_at, happened_at,
            coalesce(fund_pay_sumamt_fen, 0) + coalesce(acct_pay_fen, 0) AS fund,
            coalesce(medfee_sumamt_fen, 0) AS total
        FROM net.settlements
        UNION ALL
        SELECT {key}, happened_at, happened_at, 0, 0
        FROM base.touched
        UNION ALL
        SELECT {key}, begntime, happened_at, 0, CASE WHEN settled THEN 0 ELSE lines_fen END
        FROM net.stays
    )
    WHERE {since}
    GROUP BY 1
"""

ACTIVE_STAYS = "SELECT mdtrt_id AS entity_id FROM net.stays WHERE {since}"
STAYS = """
    SELECT
        s.mdtrt_id AS entity_id, s.psn_no, s.fixmedins_code, s.atddr_no AS dr_codg, coalesce(s.area, '') AS area,
        s.mdtrt_id AS label, s.begntime AS begin_at, s.end_at, s."open",
        coalesce(s.fund_fen, 0) AS fund_fen, coalesce(s.medfee_fen, s.lines_fen) AS total_fen,
        s.dx3, s.level, s.visit_class
    FROM net.stays s
    JOIN main.focus f ON f.entity_id = s.mdtrt_id
"""

ACTIVE_PERSONS = """
    SELECT DISTINCT psn_no AS entity_id
    FROM (SELECT psn_no, happened_at FROM kept.settlements UNION ALL SELECT psn_no, happened_at FROM net.stays)
    WHERE {since}
"""
PERSONS = """
    SELECT
        f.entity_id, f.entity_id AS psn_no, NULL::VARCHAR AS fixmedins_code, NULL::VARCHAR AS dr_codg,
        coalesce(p.insuplc_admdvs, '') AS area, f.entity_id AS label,
        x.begin_at, x.end_at, false AS "open", x.fund_fen, x.total_fen,
        p.insutype,
        CASE
            WHEN p.age < 15 THEN '0-14'
            WHEN p.age < 45 THEN '15-44'
            WHEN p.age < 60 THEN '45-59'
            WHEN p.age < 75 THEN '60-74'
            ELSE '75+'
        END AS age_band,
        c.psn_no IS NOT NULL AS chronic
    FROM main.focus f
    LEFT JOIN ({spent}) x USING (entity_id)
    LEFT JOIN main.persons p ON p.psn_no = f.entity_id
    LEFT JOIN (SELECT DISTINCT psn_no FROM main.chronic_registry) c ON c.psn_no = f.entity_id
"""

ACTIVE_INSTITUTIONS = """
    SELECT DISTINCT fixmedins_code AS entity_id
    FROM (
        SELECT fixmedins_code, happened_at FROM kept.settlements
        UNION ALL
        SELECT fixmedins_code, happened_at FROM net.stays
    )
    WHERE {since}
"""
INSTITUTIONS = """
    SELECT
        f.entity_id, NULL::VARCHAR AS psn_no, f.entity_id AS fixmedins_code, NULL::VARCHAR AS dr_codg,
        coalesce(i.area, '') AS area, coalesce(i.fixmedins_name, f.entity_id) AS label,
        x.begin_at, x.end_at, false AS "open", x.fund_fen, x.total_fen,
        i.medins_type, i.fixmedins_type, i.level,
        coalesce(i.level > 0, false) OR coalesce(i.aprv_bed_cnt, 0) > 0 AS inpatient
    FROM main.focus f
    LEFT JOIN ({spent}) x USING (entity_id)
    LEFT JOIN main.institutions i ON i.fixmedins_code = f.entity_id
"""

ACTIVE_DOCTORS = """
    SELECT DISTINCT entity_id
    FROM (
        SELECT atddr_no AS entity_id, happened_at FROM net.stays
        UNION ALL
        SELECT dr_codg, happened_at FROM kept.lines
    )
    WHERE entity_id IS NOT NULL AND {since}
"""
DOCTORS = """
    WITH lines AS (
        SELECT
            dr_codg AS entity_id, fixmedins_code, min(happened_at) AS begin_at, max(happened_at) AS end_at,
            sum(scope)::BIGINT AS fund_fen, sum(total)::BIGINT AS total_fen, mode(bilg_dept_codg) AS dept
        FROM (
            SELECT dr_codg, fixmedins_code, happened_at, bilg_dept_codg, scope_fen AS scope, fen AS total
            FROM net.lines
            UNION ALL
            SELECT dr_codg, fixmedins_code, happened_at, bilg_dept_codg, 0, 0
            FROM base.touched_lines
        )
        WHERE dr_codg IS NOT NULL AND {since}
        GROUP BY 1, 2
    ),
    stays AS (
        SELECT
            atddr_no AS entity_id, fixmedins_code, min(begntime) AS begin_at, max(end_at) AS end_at,
            0::BIGINT AS fund_fen, 0::BIGINT AS total_fen, mode(dept) AS dept
        FROM net.stays
        WHERE atddr_no IS NOT NULL AND {since}
        GROUP BY 1, 2
    ),
    both_ AS (FROM lines UNION ALL FROM stays)
    SELECT
        b.entity_id, NULL::VARCHAR AS psn_no, b.fixmedins_code, b.entity_id AS dr_codg,
        any_value(coalesce(i.area, '')) AS area, b.entity_id AS label,
        min(b.begin_at) AS begin_at, max(b.end_at) AS end_at, false AS "open",
        sum(b.fund_fen)::BIGINT AS fund_fen, sum(b.total_fen)::BIGINT AS total_fen,
        substr(any_value(b.dept), 1, 3) AS dept, any_value(i.level) AS level
    FROM both_ b
    JOIN main.focus f USING (entity_id)
    LEFT JOIN main.institutions i USING (fixmedins_code)
    GROUP BY b.entity_id, b.fixmedins_code
"""
