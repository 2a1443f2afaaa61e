"""What the knowledge catalogue and plain medicine say, as SQL fragments: prices in force, limits, impossible diagnoses.

All of them return NULL or false where the knowledge is missing: absence of knowledge is never a violation.
"""

from features.common_subqueries import once
from features.thresholds import family_of_diagnoses

#: One row a code: the catalogue in force at T.
CATALOG = once(
    "articles",
    """
        SELECT *
        FROM catalog
        WHERE coalesce(begndate, DATE '1900-01-01') <= (SELECT d FROM main.asof)
        QUALIFY row_number() OVER (
            PARTITION BY med_list_codg ORDER BY begndate DESC NULLS LAST, pric_uplmt_amt_e6, generic_code
        ) = 1
    """,
)

#: What a version of the catalogue says to the rules.
_SAYS = """
    hash(
        pric_uplmt_amt_e6, lmt_gend, lmt_age_min, lmt_age_max, lmt_hosp_lv, lmt_med_type, max_days, max_freq,
        freq_window_days, mutex_group, includes_item, discount_p, discount_q, resale_risk_flag, generic_code,
        std_minutes
    )
"""


def versions(where: str, best: str) -> str:
    """SQL of every version of the catalogue (that fulfils `where`) with the span it holds, `since` to before `until`.

    A version ends where its end says, or where the next of its code begins. Where its end lies beyond that begin and
    the two say different things, nobody knows which held: on those days the code has no version, and R61 tells of its
    lines.
    """
    return f"""
        SELECT
            *,
            greatest(coalesce(begndate, DATE '1900-01-01'), coalesce(unsure_until, DATE '1900-01-01')) AS since,
            least(coalesce(enddate + 1, DATE '9999-12-31'), coalesce(next_begins, DATE '9999-12-31')) AS until
        FROM (
            SELECT
                *,
                lead(begndate) OVER code AS next_begins,
                CASE WHEN lag(enddate) OVER code >= begndate AND lag({_SAYS}) OVER code <> {_SAYS}
                    THEN lag(enddate) OVER code + 1
                END AS unsure_until
            FROM (
                SELECT *
                FROM catalog
                WHERE {where}
                QUALIFY row_number() OVER (PARTITION BY med_list_codg, begndate ORDER BY {best}) = 1
            )
            WINDOW code AS (PARTITION BY med_list_codg ORDER BY begndate NULLS FIRST)
        )
    """


#: Every version of the catalogue with the span it holds.
VERSIONS = once("article_versions", versions("true", "pric_uplmt_amt_e6, generic_code"))
#: Spans in which two versions of a code hold and say different things.
CONTRADICTIONS = once(
    "contradictions",
    f"SELECT med_list_codg, begndate AS since, unsure_until AS until FROM {VERSIONS} WHERE unsure_until > begndate",
)


def in_force(catalogue: str) -> str:
    """SQL to join a line `l` with its article in VERSIONS as of the day of service: what came into force later, or had
    ended, judges nobody."""
    c = catalogue
    return f"{c}.med_list_codg = l.med_list_codg AND l.day >= {c}.since AND l.day < {c}.until"


#: Price caps by code with the span they hold (D24: a price regime changes on a date; the next version ends the one
#: before).
CAPS = once(
    "caps",
    f"""
        SELECT med_list_codg, pric_uplmt_amt_e6 AS cap_e6, since, until
        FROM ({versions("pric_uplmt_amt_e6 > 0", "pric_uplmt_amt_e6 DESC")})
    """,
)

#: Windows of an emergency (N25): parameters of the bureau, and days its calendar marks.
EMERGENCY = once(
    "emergency",
    """
        SELECT begndate, coalesce(enddate, DATE '9999-12-31') AS enddate
        FROM policy_params
        WHERE regexp_matches(key, 'emergency|应急|疫情') AND coalesce(value, '1') <> '0'
        UNION ALL
        SELECT date, date
        FROM calendar
        WHERE epidemic_flag = '1'
    """,
)


def in_emergency(day: str) -> str:
    """SQL: `day` lies in a window in which the limits of ordinary times do not hold."""
    return f"EXISTS (FROM {EMERGENCY} e_ WHERE {day} BETWEEN e_.begndate AND e_.enddate)"


#: A line's row id, the key of fee_details.
LINE_ID = "l.mdtrt_id || '|' || l.feedetl_sn"


def counts_of(key: str, other: str, where: str = "") -> str:
    """SQL aggregate: for each `key` how many distinct `other` stand beside it (in rows that fulfil `where`), as a
    list; NULLs are nobody.

    Pairs are told by 32 bits of each one's hash: numbers are distinct faster than text.
    """
    pair = f"""
        CASE
            WHEN ({key}) IS NOT NULL AND ({other}) IS NOT NULL
                THEN ((hash({key}) >> 32) << 32) | (hash({other}) >> 32)
        END
    """
    only = f" FILTER (WHERE {where})" if where else ""
    return f"map_values(list_aggregate(list_transform(list(DISTINCT {pair}){only}, lambda x: x >> 32), 'histogram'))"


def most_of(key: str, other: str) -> str:
    """SQL aggregate: the most distinct `other` that stand beside one `key`."""
    return f"list_max({counts_of(key, other)})"


def diagnosed(dx: str, family: str) -> str:
    """SQL: the diagnosis code belongs to a family of features/thresholds.toml `[sets]`; false where there is none."""
    return f"regexp_matches(coalesce({dx}, ''), {family_of_diagnoses(family)})"


def age_at(brdy: str, at: str) -> str:
    """SQL for whole years from a birth date to a day (contract.md §1.1: never from an age column)."""
    return f"""
        (
            date_diff('year', {brdy}, {at})
            - CASE WHEN strftime({brdy}, '%m%d') > strftime({at}, '%m%d') THEN 1 ELSE 0 END
        )
    """


def impossible(dx: str, gend: str, brdy: str, at: str) -> str:
    """SQL: the diagnosis contradicts sex or age (R60; library 54, 55). Infant codes on a woman of 15–50 are the
    mother's number (N12)."""
    age = age_at(brdy, at)
    return f"""
        coalesce(
            ({gend} = '1' AND regexp_matches({dx}, '^(O|N7[0-7]|N8[0-9]|N9[0-8]|C5[1-8]|D06|D2[5-8]|Z3[2-7])'))
            OR ({gend} = '2' AND regexp_matches({dx}, '^(N4[0-9]|N50|N51|C6[0-3]|D29|D40)'))
            OR (regexp_matches({dx}, '^O') AND ({age} < 10 OR {age} > 58))
            OR (regexp_matches({dx}, '^P') AND {age} > 1 AND NOT ({gend} = '2' AND {age} BETWEEN 15 AND 50))
            OR (regexp_matches({dx}, '^(N40|F0[0-3]|G30|M8[01])') AND {age} < 18),
            false
        )
        """


def impossible_operation(code: str, gend: str, brdy: str, at: str) -> str:
    """SQL: the operation (ICD-9-CM-3) is one of the other sex (R60; library 39).

    Changes of sex (64.5, 70.6) are nobody's; an infant's number may carry the mother's delivery, and that of a woman of
    15–50 her son's circumcision (N12).
    """
    age = age_at(brdy, at)
    return f"""
        coalesce(
            ({gend} = '1' AND regexp_matches({code}, '^(6[5-9]|7[0-5])\\.') AND {age} >= 1
                AND {code} NOT LIKE '70.6%')
            OR ({gend} = '2' AND regexp_matches({code}, '^6[0-4]\\.') AND {code} NOT LIKE '64.5%'
                AND NOT ({age} BETWEEN 15 AND 50 AND {code} LIKE '64.0%')),
            false
        )
        """


def telling_diagnosis(dx: str) -> str:
    """SQL: a diagnosis that only one sex has."""
    return f"""
        coalesce(
            regexp_matches({dx}, '^(O|N4|N5[01]|N7[0-7]|N8|N9[0-8]|C5[1-8]|C6[0-3]|D06|D2[5-9]|D40|Z3[2-7])'),
            false
        )
        """


def telling_operation(code: str) -> str:
    """SQL: an operation (ICD-9-CM-3) that only one sex has; changes of sex are nobody's."""
    return f"""
        coalesce(
            regexp_matches({code}, '^(6[0-9]|7[0-5])\\.') AND {code} NOT LIKE '70.6%' AND {code} NOT LIKE '64.5%',
            false
        )
        """


def unfit(gend: str, brdy: str, at: str) -> str:
    """SQL: catalogue row `c` forbids this sex or age (R41; library 66, 67, 73)."""
    age = age_at(brdy, at)
    return f"""
        coalesce(
            (c.lmt_gend IN ('1', '2') AND {gend} IN ('1', '2') AND c.lmt_gend <> {gend})
                OR {age} < c.lmt_age_min
                OR {age} > c.lmt_age_max,
            false
        )
    """


#: SQL: catalogue row `c` forbids this level of institution `i` or this kind of visit of line `l` (R42; library 12, 13).
#: A unit whose level nobody has set (9 未定级) is of no known level.
OFF_LIMIT = """
    coalesce(
        (
            i.level < try_cast(c.lmt_hosp_lv AS INTEGER)
            AND NOT (i.level = 0 AND coalesce(i.hosp_lv, '9') IN ('9', '09'))
        )
            OR (
                c.lmt_med_type IS NOT NULL
                AND NOT list_contains(regexp_split_to_array(c.lmt_med_type, '[,;|、]'), l.med_type)
            ),
        false
    )
"""
