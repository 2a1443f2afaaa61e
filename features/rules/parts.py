"""SQL that several rules share, by name."""

from features.codes import SUSPENDED
from features.common_subqueries import once
from features.knowledge import LINE_ID

#: Not a day on which everybody comes (N06) to swipe `w`: pensions, account top-ups; where the bureau keeps a calendar.
ORDINARY_DAY = """
    NOT EXISTS (
        FROM calendar k
        WHERE k.date = w.happened_at::DATE AND (k.pension_day_flag = '1' OR k.account_topup_day_flag = '1')
    )
"""
#: Days on which a unit settled without an agreement in force, `stas` NULL where none covers the day. Of periods that
#: cover a day the last begun holds: a suspension within the term of an agreement, its end within a suspension. After a
#: suspension that ended, an agreement nobody wrote down again is taken for restored.
WITHOUT_AGREEMENT = once(
    "without_agreement",
    f"""
        SELECT *
        FROM (
            SELECT
                d.fixmedins_code, d.day,
                arg_max(p.stas, p.begndate) FILTER (coalesce(p.enddate, d.day) >= d.day) AS stas,
                max(p.begndate) FILTER (coalesce(p.enddate, d.day) >= d.day) AS begndate,
                arg_max(p.stas, p.enddate) AS last_ended
            FROM (SELECT DISTINCT fixmedins_code, happened_at::DATE AS day FROM settlements) d
            JOIN agreement_periods p ON p.fixmedins_code = d.fixmedins_code AND p.begndate <= d.day
            GROUP BY ALL
        )
        WHERE stas IN {SUSPENDED} OR (stas IS NULL AND last_ended NOT IN {SUSPENDED})
    """,
)

#: With whom a person's card honestly travels: his nursing home (N04: an address of five or more, old people only; a
#: village's is no home) or his registered household (N05). Persons without either are not listed.
HOMES = once(
    "homes",
    """
        WITH k AS (
            SELECT psn_no, least(psn_no, min(other)) AS head
            FROM (
                SELECT psn_no, rel_psn_no AS other
                FROM household_links
                UNION ALL
                SELECT rel_psn_no, psn_no
                FROM household_links
            )
            GROUP BY psn_no
        ),
        a AS (
            SELECT curr_addr_code
            FROM persons
            WHERE curr_addr_code <> ''
            GROUP BY curr_addr_code
            HAVING count(*) >= 5 AND min(age) >= 55 AND median(age) >= 65
        )
        SELECT p.psn_no, coalesce(a.curr_addr_code, k.head) AS home
        FROM persons p
        LEFT JOIN a USING (curr_addr_code)
        LEFT JOIN k USING (psn_no)
        WHERE a.curr_addr_code IS NOT NULL OR k.head IS NOT NULL
    """,
)

#: A fee line `l` as evidence.
LINE = f"""
    l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
    l.psn_no, l.mdtrt_id, l.med_list_codg, l.hilist_name, l.cnt
"""
#: What of a line `l` a shared sub-query keeps, so that hits can be told of stay, person, unit or doctor.
KEPT = "l.feedetl_sn, l.fixmedins_code, l.happened_at, l.psn_no, l.mdtrt_id, l.med_list_codg, l.hilist_name, l.cnt"


def judged_rows(rule: str) -> str:
    """The stays of the last year that break the admission rule in column `rule`, told of their hospital or doctor."""
    return f"""
        SELECT
            $entity AS entity_id, end_at AS happened_at, 'visits' AS row_table, entity_id AS row_id, psn_no,
            {rule} AS hits,
            {rule}_fen AS fen
        FROM judged
        WHERE {rule} > 0 AND $entity IS NOT NULL
    """
