"""R13–R16: one illness, many stays."""

from features.catalog.split_stay import BEFORE, BUNCHING
from features.catalog.stay_rows import COURSE, HOSPITAL, LONG_CARE, continues
from features.declare import Feature, Of, declare
from features.knowledge import diagnosed
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    family="split",
    measure="count(*)",
    unit="次",
)

#: A planned second step (N11: the other eye, taking the plate out) and the newborn (N12) come back honestly.
EXPECTED = f"({diagnosed('dx3', 'planned')} OR {diagnosed('dx3', 'newborn')})"
SOON = f"same_unit AND hit AND NOT {EXPECTED} AND gap_days <= {setting('R13', 'max_gap_days')}"
SAME_DAY = f"same_unit AND gap_days <= {setting('R14', 'max_gap_days')} AND NOT planned AND NOT course AND NOT cut"


def came_back(test: str) -> str:
    """A unit's stays that follow an earlier one there within what `test` says, each once."""
    return f"""
        SELECT
            unit AS entity_id, begin_ AS happened_at, 'visits' AS row_table, stay_id AS row_id, max(fen) AS fen,
            min(gap_days) AS gap_days
        FROM (
            SELECT u.fixmedins_code AS unit, u.begntime AS begin_, r.*
            FROM ({BEFORE}) r
            JOIN stays u ON u.mdtrt_id = r.stay_id
        )
        WHERE {test}
        GROUP BY 1, 2, 4
    """


declare(
    COMMON,
    name="rule_r13",
    rule="R13",
    label=f"R13 {setting('R13', 'name')}",
    scheme="T04",
    grain="admission",
    by="person",
    windows=(0,),
    exempt=("N01", "N02", "N03", "N11", "N12", "N16"),
    source="rules.md R13",
    rows=f"SELECT * FROM ({BEFORE}) WHERE {SOON}",
    amount="max(fen)",
    reason=f"在同一医院因同病出院{setting('R13', 'max_gap_days')}天内再入院（{{value}}次），非疗程、非计划、非转院",
    innocent="病情反复、疗程或计划内再入院（N01、N02、N03、N11）",
)

declare(
    COMMON,
    name="rule_r14",
    rule="R14",
    label=f"R14 {setting('R14', 'name')}",
    scheme="T04",
    grain="admission",
    by="person",
    windows=(0,),
    exempt=("N11",),
    source="rules.md R14",
    rows=f"SELECT * FROM ({BEFORE}) WHERE {SAME_DAY}",
    amount="max(fen)",
    reason="当日出院、当日又在同一医院入院（{value}次）",
    innocent="更换医保类型后重新登记（N31）；转科与跨年结算已并为一次",
)

declare(
    COMMON,
    name="rule_r13_inst",
    rule="R13",
    label=f"R13 {setting('R13', 'name')}",
    scheme="T04",
    grain="institution",
    by="institution",
    windows=(180,),
    exempt=("N01", "N02", "N03", "N11", "N12", "N16"),
    source="rules.md R13",
    rows=came_back(SOON),
    amount="sum(fen)",
    reason="近{window}天有{value}次短期同病再入院",
    innocent="病情反复、疗程或计划内再入院（N01、N02、N03、N11）",
)

declare(
    COMMON,
    name="rule_r14_inst",
    rule="R14",
    label=f"R14 {setting('R14', 'name')}",
    scheme="T04",
    grain="institution",
    by="institution",
    windows=(180,),
    exempt=("N01", "N02", "N03", "N11", "N16"),
    source="rules.md R14",
    rows=came_back(SAME_DAY),
    amount="sum(fen)",
    reason="近{window}天有{value}次当日出院当日再入院",
    innocent="病情反复、疗程或计划内再入院（N01、N02、N03、N11）",
)

# One length of stay for everybody.
declare(
    COMMON,
    name="rule_r15",
    rule="R15",
    label=f"R15 {setting('R15', 'name')}",
    scheme="T04",
    told_of={"institution": Of(HOSPITAL)},
    by="institution",
    windows=(365,),
    exempt=("N02", "N10"),
    source="rules.md R15",
    rows=f"""
        SELECT *
        FROM (
            SELECT *, count(*) OVER (PARTITION BY entity_id) AS in_unit
            FROM ({BUNCHING})
            WHERE NOT course AND NOT long_care AND happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
        )
        WHERE in_unit >= {setting("R15", "min_stays")}
            AND at_q >= 10
            AND at_q > {setting("R15", "factor")} * greatest(beside, 1)
    """,
    measure="count(DISTINCT nights)",
    amount="sum(fen * (at_q - beside) / at_q)",
    unit="个",
    reason="近{window}天有{value}个住院天数的人次超过相邻天数三倍",
    innocent="临床路径、产科套餐天数固定（N12、N13）",
)

# Always in hospital.
ENOUGH = setting("R16", "min_stays")

declare(
    COMMON,
    name="rule_r16",
    rule="R16",
    label=f"R16 {setting('R16', 'name')}",
    family="R16",
    scheme="T05",
    grain="person",
    by="person",
    windows=(0,),
    exempt=("N01", "N02", "N03", "N12"),
    source="rules.md R16",
    rows=f"""
        SELECT
            s.psn_no AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
            coalesce(s.fund_fen, 0) AS fen,
            row_number() OVER (PARTITION BY s.psn_no ORDER BY s.begntime, s.mdtrt_id) AS ordinal
        FROM stays s
        WHERE NOT EXISTS (FROM stays o WHERE o.psn_no = s.psn_no AND {continues("o", "s")})
            AND NOT s.day_surgery
            AND NOT {COURSE}
            AND NOT {LONG_CARE}
            AND NOT {diagnosed("s.dx", "delivery")}
            AND s.happened_at > (SELECT t FROM main.asof) - INTERVAL {setting("R16", "window_days")} DAY
    """,
    measure=f"CASE WHEN count(*) >= {ENOUGH} THEN count(*) ELSE 0 END",
    amount=f"coalesce(sum(fen) FILTER (ordinal >= {ENOUGH}), 0)",
    reason="一年内住院{value}次，疗程和长期住院除外",
    innocent="多病共存老人、反复发作的慢病（N29）",
)
