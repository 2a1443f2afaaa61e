"""R20, R21: what leave books and bed checks say of a stay."""

from features.catalog.ghost_bed_papers import LEAVES
from features.declare import Feature, Of, declare
from features.thresholds import setting

TOO_MUCH = f"""
    count(*) > {setting("R20", "max_leaves")}
    OR sum(days_of_leave) > {setting("R20", "max_share")} * max(bed_days)
"""

declare(
    Feature(
        name="rule_r20",
        rule="R20",
        label=f"R20 {setting('R20', 'name')}",
        kind="hard",
        family="stay",
        scheme="T01",
        grain="admission",
        by="person",
        windows=(0,),
        needs=("filings",),
        exempt=("N19",),
        source="rules.md R20",
        rows=f"""
            SELECT r.*, coalesce(s.fund_fen, 0) AS fund_fen
            FROM ({LEAVES}) r
            JOIN stays s ON s.mdtrt_id = r.entity_id
        """,
        measure=f"CASE WHEN {TOO_MUCH} THEN count(*) ELSE 0 END",
        amount=f"CASE WHEN {TOO_MUCH} THEN max(fund_fen) * least(1, sum(days_of_leave) / max(bed_days)) ELSE 0 END",
        unit="次",
        reason="住院期间请假{value}次，超过规定",
        innocent="经批准的离院（N19）",
    )
)

#: By level of the unit: too large a share of the beds checked is empty.
MANY_ABSENT = f"""
    count(*) FILTER (hit) >= count(*) FILTER (told) * CASE max(level)
        WHEN 3 THEN {setting("R21", "absent_share_level_3")}
        WHEN 2 THEN {setting("R21", "absent_share_level_2")}
        ELSE {setting("R21", "absent_share_level_1")}
    END
"""

declare(
    Feature(
        name="rule_r21",
        rule="R21",
        outcome=True,
        label=f"R21 {setting('R21', 'name')}",
        kind="hard",
        family="stay",
        scheme="T01",
        told_of={
            "admission": Of("s.mdtrt_id"),
            "institution": Of(
                "s.fixmedins_code",
                name="rule_r21_inst",
                windows=(365,),
                measure=f"CASE WHEN {MANY_ABSENT} THEN count(*) FILTER (hit) ELSE 0 END",
                amount=f"CASE WHEN {MANY_ABSENT} THEN coalesce(sum(fen) FILTER (hit), 0) ELSE 0 END",
                reason="近{window}天查床有{value}人次不在院且无据，比例超过规定",
                innocent="查床次数少，比例不稳（N19）",
            ),
        },
        by="institution",
        windows=(0,),
        needs=("presence_checks",),
        exempt=("N19", "N34"),
        source="rules.md R21",
        at_counter=False,
        rows="""
            SELECT
                $entity AS entity_id, c.check_time AS happened_at, 'presence_checks' AS row_table,
                coalesce(c.check_id, c.mdtrt_id || '|' || c.check_time) AS row_id,
                c.result_code,
                coalesce(s.fund_fen, 0) AS fen,
                s.level,
                c.result_code IN ('B4_ABSENT', 'B5_NO_SUCH') AS hit,
                c.result_code NOT IN ('B8_UNABLE') AS told
            FROM main.presence_checks c
            JOIN stays s ON s.mdtrt_id = c.mdtrt_id
            WHERE c.result_code IS NOT NULL
        """,
        measure="count(*) FILTER (hit)",
        amount="coalesce(max(fen) FILTER (hit), 0)",
        unit="次",
        reason="查床时不在院且无据，{value}次",
        innocent="请假或外出检查的记录未及时登记（N19）",
    )
)
