"""Evidence rows that several stay features share, written once so that a bucket reads them once.

Not a scheme of its own. `STAYS` gives one row per stay, told of the stay itself, of its hospital or its attending
doctor (`STAY`, `HOSPITAL`, `DOCTOR`); `PROFILES` the same with what its days look like. `STAY_DAYS` gives one row per
calendar day of a stay on which anything was billed.
"""

from claims.store.sql import day
from features.codes import (
    BED,
    CARE,
    DRUGS,
    FULLY_COVERED,
    HOME_CARE,
    INJECTED,
    LONG_CARE_CLASSES,
    NURSING,
    ROUTINE,
    SERVICES,
    SURGERY,
    TESTS,
)
from features.common_subqueries import once
from features.declare import Of
from features.grains import Grain
from features.knowledge import diagnosed
from features.thresholds import setting

#: The key of whom a row `s` of stays is told.
STAY, HOSPITAL, DOCTOR = "s.mdtrt_id", "s.fixmedins_code", "s.atddr_no"


def hospital_and_doctor(name: str, reason: str) -> dict[Grain, Of]:
    """`told_of` a hospital and its attending doctors: `inst_NAME` and `dr_NAME`, the reason begins with who it is."""
    return {
        "institution": Of(HOSPITAL, name=f"inst_{name}", reason="本院" + reason),
        "doctor": Of(DOCTOR, name=f"dr_{name}", reason="该医师" + reason),
    }


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


#: Lunar New Year's Day (public almanac); with National Day and Labour Day the holidays on which wards empty.
_NEW_YEAR = [
    "2018-02-16",
    "2019-02-05",
    "2020-01-25",
    "2021-02-12",
    "2022-02-01",
    "2023-01-22",
    "2024-02-10",
    "2025-01-29",
    "2026-02-17",
    "2027-02-06",
    "2028-01-26",
    "2029-02-13",
    "2030-02-03",
]

#: `day, feast, phase`: the core days of each long holiday and the 14 days before it.
HOLIDAYS = f"""
    (
        SELECT begin + k::INTEGER AS day, begin AS feast, CASE WHEN k < 0 THEN 'before' ELSE 'core' END AS phase
        FROM (
            SELECT unnest([{", ".join(day(d) for d in _NEW_YEAR)}]) - 1 AS begin
            UNION ALL
            SELECT make_date(y, 10, 1)
            FROM (SELECT unnest(generate_series(2018, 2030)) AS y)
        ),
        (SELECT unnest(generate_series(-{setting("R07", "before_days")}, 5)) AS k)
    )
"""


def waived(stay: str, person: str) -> str:
    """SQL: entitled to a waived or reduced deductible, or a long flat course (N03, N26, N27), by aliases of stays and
    persons."""
    return f"""
        coalesce(
            {person}.psn_idet_type IS NOT NULL
                OR {stay}.insutype IN {FULLY_COVERED}
                OR {stay}.psn_type LIKE '13%'
                OR {stay}.visit_class = 'inpatient_per_diem',
            false
        )
    """


def course(stay: str) -> str:
    """SQL: dialysis or chemotherapy, which come back as planned and pay one deductible a year (N01, N02)."""
    return f"({diagnosed(f'{stay}.dx', 'dialysis')} OR {diagnosed(f'{stay}.dx', 'chemo')})"


def long_care(stay: str) -> str:
    """SQL: a ward of long, flat, cheap and honest stays (N03)."""
    return f"""
        (
            coalesce({stay}.visit_class IN {LONG_CARE_CLASSES}, false)
            OR {diagnosed(f"{stay}.dx", "psych")}
            OR {diagnosed(f"{stay}.dx", "rehab")}
        )
    """


def continues(before: str, after: str) -> str:
    """SQL: stay `after` goes on where stay `before` of the same person was cut on paper: at the turn of the year
    (D17), or on the day of a move to another department (D19). Aliases with fixmedins_code, dept, adm_date, end_date.
    """
    b, a = before, after
    return f"""
        coalesce(
            {b}.fixmedins_code = {a}.fixmedins_code
            AND (
                (
                    date_diff('day', {b}.end_date, {a}.adm_date) IN (0, 1)
                    AND (strftime({b}.end_date, '%m%d') = '1231' OR strftime({a}.adm_date, '%m%d') = '0101')
                )
                OR ({b}.end_date = {a}.adm_date AND {b}.dept <> {a}.dept)
            ),
            false
        )
    """


#: The same of the usual alias.
COURSE, LONG_CARE = course("s"), long_care("s")

#: A drug that is not given by needle: what a patient can swallow at home.
ORAL = f"l.med_chrgitm_type IN {DRUGS} AND NOT regexp_matches(coalesce(l.hilist_name, '注射'), {INJECTED})"

#: One row per stay and billed day, nights only (the discharge day counts for same-day stays), so days and `bed_days`
#: compare.
_DAYS = once(
    "stay_days",
    f"""
        SELECT
            l.mdtrt_id, l.day, min(l.happened_at) AS first_at, max(l.happened_at) AS last_at,
            min(l.feedetl_sn) AS sn, count(*) AS n, bool_or(l.clock_collapsed) AS collapsed,
            sum(l.fen) AS fen,
            sum(CASE WHEN l.med_chrgitm_type = {BED} THEN l.fen ELSE 0 END) AS bed_fen,
            sum(CASE WHEN {ORAL} THEN l.fen ELSE 0 END) AS oral_fen,
            sum(CASE WHEN l.med_chrgitm_type IN {DRUGS} THEN l.fen ELSE 0 END) AS drug_fen,
            sum(CASE WHEN l.med_chrgitm_type IN {TESTS} THEN l.fen ELSE 0 END) AS test_fen,
            sum(CASE WHEN l.med_chrgitm_type IN {CARE} THEN l.fen ELSE 0 END) AS treat_fen,
            bool_or(l.med_chrgitm_type IN {SERVICES}) AS service,
            bool_or(l.med_chrgitm_type IN {TESTS}) AS test,
            bool_or(l.med_chrgitm_type IN {CARE}) AS treat,
            bool_or(l.med_chrgitm_type = {NURSING}) AS nursing,
            bool_or(l.med_chrgitm_type NOT IN {ROUTINE}) AS active,
            bool_or(l.med_chrgitm_type = {SURGERY}) AS surgery,
            sum(DISTINCT hash(l.med_list_codg))::VARCHAR AS bag
        FROM lines l
        WHERE l.is_inpatient AND l.day >= l.adm_date AND l.day < greatest(l.end_date, l.adm_date + 1)
        GROUP BY l.mdtrt_id, l.day
    """,
)

#: One row per stay and billed day. `position` counts from the day of admission; `active`: more than bed, nursing and
#: visit fees; `idle_before` and `idle_after`: days without such before this day and up to the discharge.
STAY_DAYS = f"""
    SELECT
        s.mdtrt_id AS entity_id, d.first_at AS happened_at, 'fee_details' AS row_table,
        d.mdtrt_id || '|' || d.sn AS row_id, d.*, s.bed_days, s.nights, s.adm_date, s."open", s.medfee_fen,
        date_diff('day', s.adm_date, d.day) AS position,
        date_diff('second', d.first_at, d.last_at) / 60.0 AS span_minutes,
        date_diff('second', d.day::TIMESTAMP, d.first_at) / 3600.0 AS clock_hour,
        CASE
            WHEN d.active
                THEN date_diff(
                    'day', coalesce(max(CASE WHEN d.active THEN d.day END) OVER before_, s.adm_date - 1), d.day
                ) - 1
        END AS idle_before,
        date_diff(
            'day',
            coalesce(max(CASE WHEN d.active THEN d.day END) OVER all_, s.adm_date - 1),
            greatest(s.end_date, s.adm_date + 1)
        ) - 1 AS idle_after,
        NOT d.active AS hit
    FROM {_DAYS} d
    JOIN stays s ON s.mdtrt_id = d.mdtrt_id
    WHERE NOT s.day_surgery
    WINDOW
        before_ AS (PARTITION BY d.mdtrt_id ORDER BY d.day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        all_ AS (PARTITION BY d.mdtrt_id)
"""


#: SQL over `stay_rows`: a deductible is due (no status, no yearly course, no long care), and it was waived.
DUE = "settled AND visit_class <> 'maternity_ip' AND NOT waived AND NOT course AND NOT long_care"
LET_OFF = f"{DUE} AND no_deductible"


#: One row per stay: money, timing, diagnosis flags.
STAYS = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no,
        s.begntime, s.adm_date, s.end_date, s.nights, s.bed_days, s."open", s.settled, s.planned,
        s.visit_class, s.dx3, s.level, s.dept, s.bed, s.atddr_no, s.dscg_way, s.medfee_fen,
        s.fund_fen, s.acct_fen, s.cash_fen, s.dedc_fen, s.lines_fen,
        coalesce(s.medfee_fen, s.lines_fen) AS fee_fen,
        coalesce(s.fund_fen, 0) AS fen, extract(hour FROM s.begntime) AS adm_hour,
        isodow(s.adm_date) AS adm_dow, h.feast IS NOT NULL AS adm_holiday, {waived("s", "p")} AS waived,
        {COURSE} AS course, {LONG_CARE} AS long_care, p.curr_addr_code AS village,
        coalesce(p.emp_no, p.emp_name) AS employer,
        coalesce(s.cash_fen = 0 AND s.medfee_fen > 0, false) AS zero_cash,
        coalesce(s.dedc_fen = 0 AND s.medfee_fen > 0, false) AS no_deductible
    FROM stays s
    LEFT JOIN main.persons p ON p.psn_no = s.psn_no
    LEFT JOIN (SELECT DISTINCT day, feast FROM {HOLIDAYS} WHERE phase = 'core') h ON h.day = s.adm_date
    WHERE NOT s.day_surgery AND $entity IS NOT NULL
"""

#: A stay of so many nights with services on no more than this share of its days has hardly any care (R03 asks for
#: none at all).
IDLE_NIGHTS, IDLE_SHARE = 3, 0.25

#: One row per stay with what its days look like.
PROFILES = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
        s.bed_days, s.nights, s."open", coalesce(s.fund_fen, 0) AS fen, s.medfee_fen, d.*,
        {LONG_CARE} AS long_care,
        s.nights >= {IDLE_NIGHTS} AND d.service_days <= {IDLE_SHARE} * s.bed_days AND NOT {LONG_CARE} AS hit
    FROM (
        SELECT
            mdtrt_id, count(*) FILTER (service) AS service_days,
            count(*) FILTER (nursing) AS nursing_days, count(*) FILTER (active) AS active_days,
            count(*) AS billed_days, count(DISTINCT bag) AS bags, sum(fen)::BIGINT AS lines_fen,
            sum(test_fen)::BIGINT AS test_fen, sum(bed_fen + oral_fen)::BIGINT AS hotel_fen,
            sum(fen * fen::DOUBLE) AS fen_squared, bool_or(treat) AS treated,
            bool_or(surgery) AS surgery, count(*) FILTER (test) AS test_days
        FROM {_DAYS}
        GROUP BY mdtrt_id
    ) d
    JOIN stays s ON s.mdtrt_id = d.mdtrt_id
    WHERE NOT s.day_surgery AND $entity IS NOT NULL
"""
