"""R11, R12: a stay that time contradicts: in two hospitals at once, billed outside its dates.

A human may have two numbers: stays meet by certificate, across buckets.
"""

from features.catalog.injury import OUT_OF_STAY
from features.catalog.stay_rows import HOME_BEDS
from features.codes import TRANSFERRED
from features.declare import Feature, Of, declare
from features.thresholds import setting

#: Stays outside home beds, and who holds the number: they meet those of another number on the same certificate.
STAYS_OF_HOLDER = f"""
    SELECT
        $entity AS entity_id, s.end_at AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no,
        p.certno, s.begntime, s.fixmedins_code, s.adm_date, s.end_date, s.nights,
        coalesce(s.fund_fen, 0) AS fund_fen
    FROM stays s
    LEFT JOIN persons p USING (psn_no)
    ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
    WHERE NOT s.day_surgery AND s.dscg_way IS DISTINCT FROM {TRANSFERRED}
"""
#: Days that stays `s` and `o` have in common.
TOGETHER = "date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date))"
#: A certificate of more numbers than this is a placeholder.
MOST_NUMBERS = 3
OVERLAPPING = f"""
    WITH k AS (
        SELECT
            *,
            CASE WHEN count(DISTINCT psn_no) OVER (PARTITION BY certno) <= {MOST_NUMBERS}
                THEN coalesce(certno, psn_no) ELSE psn_no
            END AS holder
        FROM gathered
    )
    SELECT
        s.entity_id, greatest(s.begntime, o.begntime) AS happened_at, 'visits' AS row_table, o.row_id,
        s.row_id AS stay_id,
        o.fixmedins_code, o.psn_no AS other_number,
        {TOGETHER} AS days,
        CASE
            WHEN s.nights < o.nights OR (s.nights = o.nights AND s.row_id < o.row_id) THEN s.fund_fen ELSE 0
        END AS fen
    FROM k s
    JOIN k o ON o.holder = s.holder AND o.fixmedins_code <> s.fixmedins_code
    WHERE {TOGETHER} > {setting("R11", "overlap_days")}
"""

declare(
    Feature(
        name="rule_r11",
        rule="R11",
        label=f"R11 {setting('R11', 'name')}",
        kind="hard",
        family="R11",
        scheme="T02",
        told_of={
            "person": Of("s.psn_no"),
            "admission": Of(
                "s.mdtrt_id", name="rule_r11_admission", windows=(0,), measure="count(*)", amount="max(fen)"
            ),
        },
        by="person",
        windows=(365,),
        exempt=("N16", "N34"),
        source="rules.md R11",
        rows=STAYS_OF_HOLDER,
        across=OVERLAPPING,
        measure="count(DISTINCT least(stay_id, row_id) || '|' || greatest(stay_id, row_id))",
        amount="sum(fen)",
        unit="次",
        reason="与另一家医院的住院（含同一证件号的其他编号）重叠一天以上（{value}次）",
        innocent="重结更正（N31）；转院离院与家庭病床已剔除（N16、N34）",
    )
)

declare(
    Feature(
        name="rule_r12",
        rule="R12",
        label=f"R12 {setting('R12', 'name')}",
        kind="hard",
        family="R12",
        scheme="T17",
        grain="admission",
        by="institution",
        windows=(0,),
        exempt=("N31",),
        source="rules.md R12",
        rows=OUT_OF_STAY,
        measure="count(*) FILTER (hit)",
        amount="sum(scope_fen) FILTER (hit)",
        unit="条",
        reason="有{value}条费用发生在住院日期之外",
        innocent="术前门诊检查并入住院、更正补记（N31）",
    )
)
