"""T24 chronic benefit for life: registrations whose review is overdue.

How it works: a chronic disease is certified once and drawn on for ever (终身制); the reviews that the office prescribed
(by quarter, by year, every three years) are not held.
What it leaves: a last review, or the certification itself, further back than the cycle.
Honest cases: the review is held and not yet written down, diseases that need none.
"""

from features.declare import Feature, Of, declare

#: Months of a review cycle as bureaus write it (季度, 半年, 一年, 12, 三年, 36); NULL where the words say none.
MONTHS = """
    CASE
        WHEN regexp_matches(r.review_cycle, '季') THEN 3
        WHEN regexp_matches(r.review_cycle, '半年') THEN 6
        WHEN regexp_matches(r.review_cycle, '[三3]\\s*年') THEN 36
        WHEN regexp_matches(r.review_cycle, '[两二2]\\s*年') THEN 24
        WHEN regexp_matches(r.review_cycle, '年') THEN 12
        ELSE try_cast(r.review_cycle AS INTEGER)
    END
"""

declare(
    Feature(
        name="chronic_review_overdue",
        label="慢特病复审逾期",
        unit="项",
        scheme="T24",
        told_of={"person": Of("r.psn_no")},
        by="person",
        windows=(0,),
        needs=("chronic_registry.review_cycle",),
        source="5.1 3.16",
        rows=f"""
            SELECT
                entity_id, due::TIMESTAMP AS happened_at, 'chronic_registry' AS row_table, row_id, opsp_dise_code,
                date_diff('day', due, (SELECT d FROM main.asof)) AS days_ago
            FROM (
                SELECT
                    $entity AS entity_id,
                    concat_ws('|', r.psn_no, r.opsp_dise_code, r.opsp_begndate) AS row_id,
                    r.opsp_dise_code,
                    (coalesce(r.last_review_date, r.opsp_begndate) + to_months({MONTHS}))::DATE AS due
                FROM chronic_registry r
                CROSS JOIN main.asof a
                WHERE coalesce(r.opsp_enddate, DATE '9999-12-31') >= a.d
            )
            WHERE due < (SELECT d FROM main.asof)
        """,
        measure="count(*)",
        reason="有{value}项门诊慢特病超过规定周期未复审（同类中位{peer}项，高于{percentile}的同类）",
        innocent="已复审尚未登记、无需复审的病种",
    )
)
