"""SQL that several rules share, by name."""

from features.codes import HOME_CARE
from features.common_subqueries import once
from features.knowledge import LINE_ID

#: Not a day on which everybody comes (N06) to swipe `w`: pensions, account top-ups; where the bureau keeps a calendar.
ORDINARY_DAY = """
    NOT EXISTS (
        FROM calendar k
        WHERE k.date = w.happened_at::DATE AND (k.pension_day_flag = '1' OR k.account_topup_day_flag = '1')
    )
"""
#: Stays in a bed at home (N34), filed for a day of the stay: never in the ward.
HOME_BEDS = f"""
    SELECT DISTINCT k.mdtrt_id
    FROM stays k
    JOIN main.filings f
        ON f.psn_no = k.psn_no
        AND f.kind IN {HOME_CARE}
        AND f.begndate <= k.end_date
        AND coalesce(f.enddate, k.end_date) >= k.adm_date
"""

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
