"""R11, R12: a stay that time contradicts: in two hospitals at once, billed outside its dates."""

from features.catalog.injury import OUT_OF_STAY
from features.codes import TRANSFERRED
from features.declare import Feature, Of, declare
from features.rules.parts import HOME_BEDS
from features.thresholds import setting

#: Days that stays `s` and `o` have in common.
TOGETHER = "date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date))"

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
        rows=f"""
            SELECT
                $entity AS entity_id,
                greatest(s.begntime, o.begntime) AS happened_at,
                'visits' AS row_table, o.mdtrt_id AS row_id, s.mdtrt_id AS stay_id, o.fixmedins_code,
                {TOGETHER} AS days,
                CASE
                    WHEN s.nights < o.nights
                        OR (s.nights = o.nights AND s.mdtrt_id < o.mdtrt_id) THEN coalesce(s.fund_fen, 0)
                    ELSE 0
                END AS fen
            FROM stays s
            JOIN stays o ON o.psn_no = s.psn_no AND o.fixmedins_code <> s.fixmedins_code
            ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
            WHERE {TOGETHER} > {setting("R11", "overlap_days")}
                AND s.dscg_way IS DISTINCT FROM {TRANSFERRED}
                AND o.dscg_way IS DISTINCT FROM {TRANSFERRED}
                AND NOT s.day_surgery
                AND NOT o.day_surgery
        """,
        measure="count(*) / 2",
        amount="sum(fen)",
        unit="次",
        reason="与另一家医院的住院重叠一天以上（{value}次）",
        innocent="转院手续滞后、重结更正、家庭病床（N16、N31、N34）",
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
