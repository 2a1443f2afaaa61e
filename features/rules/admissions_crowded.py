"""R05–R07: more people than beds: two in one, the whole unit over its number, a ward that does not empty for the
holidays.
"""

from features.catalog.capacity import NIGHTS
from features.catalog.fake_stay_units import HOLIDAY_NIGHTS
from features.catalog.ghost_bed_papers import SHARED_BED
from features.catalog.stay_rows import HOSPITAL, STAY
from features.declare import Feature, Of, declare
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    by="institution",
)

SHARED = f"nights_shared >= {setting('R05', 'min_nights')}"

declare(
    COMMON,
    name="rule_r05",
    rule="R05",
    label=f"R05 {setting('R05', 'name')}",
    family="R05",
    scheme="T01",
    told_of={"admission": Of(STAY)},
    windows=(0,),
    needs=("visits.adm_bed",),
    exempt=("N12", "N35"),
    source="rules.md R05",
    at_counter=False,
    rows=SHARED_BED,
    measure=f"count(DISTINCT psn_no) FILTER ({SHARED})",
    amount=f"max(own_fund_fen) FILTER ({SHARED})",
    unit="人",
    reason="同一科室同一床号同夜还住着{value}人",
    innocent="换床未登记、加床共用床号（N12、N35）",
)

declare(
    COMMON,
    name="rule_r05_inst",
    told_of={"institution": Of(HOSPITAL)},
    rule="R05",
    label=f"R05 {setting('R05', 'name')}",
    family="R05",
    scheme="T07",
    windows=(180,),
    needs=("visits.adm_bed",),
    exempt=("N12", "N35"),
    source="rules.md R05",
    at_counter=False,
    rows=f"""
        SELECT
            entity_id, max(happened_at) AS happened_at, 'visits' AS row_table, stay_id AS row_id,
            max(own_fund_fen) AS fen
        FROM ({SHARED_BED})
        WHERE {SHARED}
        GROUP BY 1, 4
    """,
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
    reason="近{window}天有{value}次住院与他人同床同夜",
    innocent="换床未登记、走廊加床、床号复用（N35）",
)

declare(
    COMMON,
    grain="institution",
    name="rule_r06",
    rule="R06",
    label=f"R06 {setting('R06', 'name')}",
    family="R06",
    scheme="T07",
    windows=(180,),
    needs=("institutions.aprv_bed_cnt",),
    exempt=("N10", "N25", "N34"),
    source="rules.md R06",
    rows=f"""
        SELECT *
        FROM (
            SELECT
                *,
                count(DISTINCT night) OVER (PARTITION BY entity_id, date_trunc('month', night)) AS over_nights
            FROM ({NIGHTS})
            WHERE inhouse > beds * {setting("R06", "factor")}
        )
        WHERE over_nights >= {setting("R06", "min_nights")}
    """,
    measure="count(DISTINCT night)",
    amount="sum(fen * (inhouse - beds) / inhouse)",
    unit="夜",
    reason="近{window}天有{value}夜在院人数超过批准床位（当月十夜以上）",
    innocent="疫情扩容、床位变更未备案（N25）；家庭病床已剔除（N34）",
)

#: People in the ward a day over the holiday, beside the days before it.
RATIO = """
    (count(*) FILTER (phase = 'core') / nullif(count(DISTINCT day) FILTER (phase = 'core'), 0))
    / nullif(count(*) FILTER (phase = 'before') / nullif(count(DISTINCT day) FILTER (phase = 'before'), 0), 0)
"""
NEVER_EMPTY = f"""
    max(level) <= {setting("R07", "max_level")}
    AND coalesce({RATIO}, 0) >= {setting("R07", "ratio")}
    AND count(*) FILTER (phase = 'before')
        >= {setting("R07", "min_inhouse")} * count(DISTINCT day) FILTER (phase = 'before')
"""

# Wards whose patients have no holiday are left out (N01, N03).
declare(
    COMMON,
    grain="institution",
    name="rule_r07",
    rule="R07",
    label=f"R07 {setting('R07', 'name')}",
    family="R07",
    scheme="T02",
    windows=(365,),
    exempt=("N01", "N03", "N14"),
    source="rules.md R07",
    rows=f"SELECT * FROM ({HOLIDAY_NIGHTS}) WHERE NOT no_holiday",
    measure=f"CASE WHEN {NEVER_EMPTY} THEN count(DISTINCT feast) ELSE 0 END",
    amount=f"CASE WHEN {NEVER_EMPTY} THEN sum(fen) FILTER (phase = 'core') * (1 - 1 / nullif({RATIO}, 0)) ELSE 0 END",
    unit="次",
    reason="近一年长假期间在院人数不降反升（涉及{value}个长假）",
    innocent="节日流感（N14）；精神、康复、护理病区与透析、放化疗已剔除（N01、N03）",
)
