"""R01–R04: the bed is billed, the patient is elsewhere, or nothing is done for him."""

from features.catalog.ghost_bed_away import OF_STAY, OUTSIDE
from features.catalog.ghost_bed_idle import GAPS
from features.catalog.stay_rows import HOME_BEDS, LONG_CARE
from features.codes import BED, LEAVE, SERVICES_AND_NURSING
from features.declare import Feature, Of, PeerTest, declare
from features.rules.parts import judged_rows
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    family="stay",
    windows=(0,),
    unit="次",
)

STAYS_OF_UNIT = f"count(*) >= {setting('R01', 'min_stays_of_unit')}"
ENOUGH = f"count(*) FILTER (hit) >= {setting('R01', 'min_swipes')}"

declare(
    COMMON,
    name="rule_r01",
    widely="住院期间一次院外刷卡即提示（泉州M7：两日以上为强线索）；家属到没去过的药店代购也命中，须逐例问明",
    rule="R01",
    label=f"R01 {setting('R01', 'name')}",
    scheme="T01",
    told_of={"admission": OF_STAY},
    by="person",
    reversed="kept",
    exempt=("N05", "N09", "N18", "N19", "N32", "N34"),
    source="rules.md R01",
    rows=OUTSIDE,
    measure=f"CASE WHEN {ENOUGH} THEN count(*) FILTER (hit) ELSE 0 END",
    amount=f"CASE WHEN {ENOUGH} THEN max(coalesce(stay_fund_fen, 0)) ELSE 0 END",
    reason="剔除共济账户代付、常去药店取药、双通道药店外配、互联网复诊、上级医院检查和请假后，住院期间院外刷卡{value}次",
    innocent="家属代购、外院检查、请假离院（N05、N09、N18、N19）",
)

declare(
    COMMON,
    name="rule_r01_inst",
    rule="R01",
    label=f"R01 {setting('R01', 'name')}",
    scheme="T01",
    told_of={"institution": Of("fixmedins_code")},
    by="judged",
    reversed="kept",
    windows=(180,),
    exempt=("N05", "N09", "N18", "N19", "N32", "N34"),
    source="rules.md R01",
    rows=judged_rows("rule_r01"),
    measure=f"CASE WHEN {STAYS_OF_UNIT} THEN count(*) ELSE 0 END",
    amount=f"CASE WHEN {STAYS_OF_UNIT} THEN sum(fen) ELSE 0 END",
    reason="近{window}天有{value}次住院期间患者在院外刷卡且缘由不明",
    innocent="家属代购、外院检查、请假离院（N05、N09、N18、N19）",
)

# From the last service to the discharge too, where the bed was billed by the day meanwhile and it is a week: waiting
# for the discharge is no gap. Filed leave (N19) is taken off a gap, home beds (N34) are left out.
GAPS_AND_TAIL = f"""
    WITH e AS (
        SELECT entity_id, happened_at, row_table, row_id, hilist_name, gap_hours, stay_fund_fen, hit
        FROM {GAPS}
        UNION ALL
        SELECT
            z.entity_id, z.until, 'visits', z.entity_id, NULL,
            date_diff('second', z.last_service, z.until) / 3600.0, z.stay_fund_fen, true
        FROM (
            SELECT
                g.entity_id, any_value(s.end_at) AS until, max(g.happened_at) AS last_service,
                max(g.stay_fund_fen) AS stay_fund_fen
            FROM {GAPS} g
            JOIN stays s ON s.mdtrt_id = g.entity_id
            WHERE NOT s."open"
            GROUP BY g.entity_id
            HAVING NOT bool_or(g.long_care)
                AND NOT bool_or(g.clock_collapsed)
                AND date_diff('second', max(g.happened_at), any_value(s.end_at)) / 3600.0
                    >= {setting("R02", "tail_hours")}
        ) z
        JOIN lines b ON b.mdtrt_id = z.entity_id AND b.med_chrgitm_type = {BED} AND b.happened_at > z.last_service
        GROUP BY ALL
        HAVING count(DISTINCT b.happened_at::DATE) >= 2
    ),
    a AS (
        SELECT
            e.entity_id, e.happened_at, e.gap_hours,
            greatest(
                0,
                date_diff(
                    'day',
                    greatest(f.begndate, (e.happened_at - to_seconds(e.gap_hours * 3600))::DATE),
                    least(coalesce(f.enddate, e.happened_at::DATE), e.happened_at::DATE)
                ) + 1
            ) AS days
        FROM e
        JOIN stays s ON s.mdtrt_id = e.entity_id
        JOIN main.filings f ON f.psn_no = s.psn_no AND f.kind = {LEAVE}
        WHERE e.hit
    ),
    x AS (
        SELECT entity_id, happened_at
        FROM a
        GROUP BY entity_id, happened_at
        HAVING any_value(gap_hours) - 24 * sum(days) < {setting("R02", "gap_hours")}
    )
    SELECT
        e.* EXCLUDE (hit), e.hit AND x.entity_id IS NULL AS hit
    FROM e
    LEFT JOIN x ON x.entity_id = e.entity_id AND x.happened_at = e.happened_at
    ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = e.entity_id
"""

declare(
    COMMON,
    name="rule_r02",
    rule="R02",
    label=f"R02 {setting('R02', 'name')}",
    scheme="T01",
    grain="admission",
    by="institution",
    exempt=("N03", "N07", "N19", "N34"),
    source="rules.md R02",
    rows=GAPS_AND_TAIL,
    measure="count(*) FILTER (hit)",
    amount="max(stay_fund_fen) FILTER (hit)",
    reason=f"住院中出现{{value}}次{setting('R02', 'gap_hours')}小时以上没有任何服务收费",
    innocent="精神、康复、护理病区或按日集中上传（N03、N07）；备案请假与家庭病床已剔除",
)

# No examination, test, treatment, operation or nursing at all.
declare(
    COMMON,
    name="rule_r03",
    rule="R03",
    label=f"R03 {setting('R03', 'name')}",
    scheme="T01",
    grain="admission",
    by="institution",
    exempt=("N03", "N34"),
    source="rules.md R03",
    rows=f"""
        SELECT
            s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights,
            coalesce(s.fund_fen, 0) AS fen
        FROM stays s
        ANTI JOIN (
            SELECT mdtrt_id
            FROM lines
            WHERE is_inpatient AND med_chrgitm_type IN {SERVICES_AND_NURSING}
        ) x ON x.mdtrt_id = s.mdtrt_id
        ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
        WHERE s.nights >= {setting("R03", "min_nights")}
            AND s.lines > 0
            AND NOT s.day_surgery
            AND NOT {LONG_CARE}
    """,
    measure="count(*)",
    amount="sum(fen)",
    reason="住院三夜以上没有一条检查、化验、治疗、手术和护理收费（命中{value}）",
    innocent="护理费按出院日一次记账、家庭病床（N03、N34）",
)

# Below the cheapest twentieth of stays of its kind.
declare(
    COMMON,
    name="rule_r04",
    widely="按定义是同类住院中最低的5%，总有二十分之一在内",
    rule="R04",
    label=f"R04 {setting('R04', 'name')}",
    scheme="T01",
    grain="admission",
    by="institution",
    exempt=("N03", "N34"),
    source="rules.md R04",
    rows=f"""
        SELECT
            s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights,
            coalesce(s.fund_fen, 0) AS fen,
            f.fee_fen / s.bed_days AS daily_fen,
            s.nights >= {setting("R04", "min_nights")} AS hit
        FROM stays s
        JOIN (
            SELECT mdtrt_id, sum(fen) AS fee_fen
            FROM lines
            WHERE is_inpatient AND med_chrgitm_type <> {BED}
            GROUP BY 1
        ) f ON f.mdtrt_id = s.mdtrt_id
        ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
        WHERE NOT s."open" AND NOT s.day_surgery AND NOT {LONG_CARE}
    """,
    measure="count(*) FILTER (hit)",
    amount="coalesce(sum(fen) FILTER (hit), 0)",
    peers=PeerTest(statistic="max(daily_fen)", side="low", quantile=setting("R04", "quantile")),
    reason="除床位费外日均费用低于同病种同级机构的最低5%（命中{value}）",
    innocent="病情轻稳、使用集采药，或按床日付费（N03）",
)
