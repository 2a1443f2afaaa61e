"""R38, R39, R41, R42: drugs beyond what a patient can take: more than his days, from many units, not for him.

Rules whose knowledge is not there (resale list, household links, registry) are 不可评估, never zero.
"""

from features.catalog.drugs import LIMITED, UNFIT_ITEMS
from features.codes import PACKED_DRUGS, REMOTE
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS, in_emergency, in_force
from features.thresholds import setting

COMMON = Feature(
    kind="hard",
    family="drug",
    by="person",
    windows=(365,),
    source="3.8 3.9 3.10",
    measure="count(*)",
    amount="sum(fen)",
    unit="条",
)

#: Visits whose prescription may carry twelve weeks (N08).
TWELVE_WEEKS = "('chronic', 'pharmacy_chronic', 'two_disease')"
#: A long prescription is filed for the holder of line `l` on its day.
FILED_LONG = """
    EXISTS (
        FROM filings f
        WHERE f.psn_no = l.psn_no
            AND f.kind = '长处方'
            AND f.begndate <= l.day
            AND coalesce(f.enddate, l.day) >= l.day
    )
"""


def oversupply(held_by: str, only: str = "") -> str:
    """Fills that bring the supply of a drug within 30 days beyond what its rule allows; `held_by`: whose fills of what
    are summed.

    A refill when the last one is all but used up adds nothing to the stock and is ordinary, whatever the sum says: on
    hand before a fill are all days handed out since the stock last ran out, less the days gone by since then. One
    fill beyond twelve weeks, or beyond the days of the catalogue, is one by itself. Twelve weeks are allowed where the
    visit is for a registered disease or a long prescription is filed (N08). What nobody paid from the fund is the
    patient's own; days of an emergency (N25) do not count.
    """
    window = f"PARTITION BY {held_by} ORDER BY happened_at, mdtrt_id, feedetl_sn"
    return f"""
        WITH l AS (
            SELECT
                l.*,
                coalesce(c.generic_code, l.med_list_codg) AS drug,
                least(180, l.prd_days) AS days,
                epoch(l.happened_at) / 86400 AS day_number,
                l.visit_class IN {TWELVE_WEEKS} OR {FILED_LONG} AS long_prescription,
                CASE
                    WHEN l.visit_class IN {TWELVE_WEEKS} OR {FILED_LONG} THEN {setting("R38", "long_prescription_days")}
                    ELSE {setting("R38", "window_days") * setting("R38", "factor")}
                END AS most,
                c.max_days,
                count(*) OVER (PARTITION BY l.dr_codg, l.fixmedins_code) AS fills
            FROM lines l
            LEFT JOIN {VERSIONS} c ON {in_force("c")}
            WHERE NOT l.is_inpatient AND l.med_chrgitm_type IN {PACKED_DRUGS} AND l.prd_days > 0
                AND l.scope_fen > 0
                AND NOT {in_emergency("l.day")} {only}
        ),
        a AS (
            SELECT
                *,
                sum(days) OVER ({window}) AS handed_out,
                sum(days) OVER (
                    PARTITION BY {held_by}
                    ORDER BY happened_at
                    RANGE BETWEEN INTERVAL {setting("R38", "window_days")} DAY PRECEDING AND CURRENT ROW
                ) AS supplied
            FROM l
        ),
        s AS (
            SELECT
                *,
                handed_out - day_number - min(handed_out - days - day_number) OVER ({window}) - days AS left_over,
                greatest(
                    days - {setting("R38", "long_prescription_days")},
                    CASE WHEN NOT long_prescription THEN days - max_days END,
                    0
                ) AS beyond
            FROM a
        )
        SELECT
            $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no,
            l.fixmedins_code, l.drug, l.hilist_name, l.days, l.supplied, l.most, l.left_over, l.fills,
            (l.scope_fen * least(1, greatest(l.supplied - l.most, l.beyond) / l.days))::BIGINT AS excess_fen
        FROM s l
        WHERE (l.supplied > l.most AND l.left_over > {setting("R38", "early_days")}) OR l.beyond > 0
    """


#: A doctor is told where it is a habit: so many of his fills.
OFTEN = f"count(*) >= {setting('R38', 'doctor_share')} * max(fills)"

# Within an institution only its own fills are summed.

declare(
    COMMON,
    name="rule_r38",
    widely="按条核的是每次取药是否超量，一年一次提前取药即命中，不是对人的怀疑",
    rule="R38",
    label=setting("R38", "name"),
    kind="lead",
    scheme="T13",
    told_of={
        "person": Of("l.psn_no"),
        "doctor": Of(
            "l.dr_codg",
            name="rule_r38_doctor",
            by="institution",
            needs=("fee_details.prd_days", "fee_details.bilg_dr_codg"),
            rows=oversupply("psn_no, drug, fixmedins_code", "AND l.dr_codg IS NOT NULL"),
            measure=f"CASE WHEN {OFTEN} THEN count(*) ELSE 0 END",
            amount=f"CASE WHEN {OFTEN} THEN sum(excess_fen) ELSE 0 END",
            reason="触发规则R38超量开药：近{window}天有{value}条处方使患者30天内同药供应超量",
            innocent="长处方（N08）、节前续方（N28）",
        ),
    },
    needs=("fee_details.prd_days",),
    exempt=("N08", "N25", "N28"),
    rows=oversupply("psn_no, drug"),
    amount="sum(excess_fen)",
    reason="触发规则R38超量开药：近{window}天有{value}条取药使30天内同药供应超过45天（慢病、长处方84天）且前药尚多，或一次即超过84天或目录限定天数",
    innocent="长处方（N08）、节前续方（N28）、应急期放宽（N25）",
)

declare(
    COMMON,
    name="rule_r39",
    rule="R39",
    label=setting("R39", "name"),
    kind="lead",
    scheme="T14",
    grain="person",
    windows=(setting("R39", "window_days"),),
    needs=("catalog.resale_risk_flag",),
    exempt=("N08", "N20", "N29"),
    rows=f"""
        WITH l AS (
            SELECT l.*, coalesce(c.generic_code, l.med_list_codg) AS drug
            FROM lines l
            JOIN {VERSIONS} c ON {in_force("c")}
            CROSS JOIN main.asof a
            WHERE NOT l.is_inpatient
                AND c.resale_risk_flag = '1'
                AND NOT EXISTS (
                    FROM filings f
                    WHERE f.psn_no = l.psn_no
                        AND f.kind LIKE {REMOTE}
                        AND f.begndate <= l.day
                        AND coalesce(f.enddate, l.day) >= l.day
                )
                AND l.happened_at > a.t - INTERVAL {setting("R39", "window_days")} DAY
        ),
        g AS (
            SELECT psn_no, drug, count(DISTINCT fixmedins_code) AS units, sum(cnt) AS packs
            FROM l
            GROUP BY ALL
            HAVING count(DISTINCT fixmedins_code) >= {setting("R39", "min_units")}
                AND sum(cnt) > {setting("R39", "min_packs")}
        )
        SELECT
            l.psn_no AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.fixmedins_code, l.drug, l.hilist_name, l.cnt, g.units, g.packs, l.scope_fen AS fen
        FROM l
        JOIN g USING (psn_no, drug)
    """,
    reason="触发规则R39多机构同药：近{window}天从三家以上机构取得同一易倒卖药品，共{value}条明细",
    innocent="异地就医未备案（N20）、多病长期用药（N29）；有异地备案者已剔除",
)

declare(
    COMMON,
    name="rule_r41",
    rule="R41",
    label=setting("R41", "name"),
    scheme="T22",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "person": Of(
            "l.psn_no",
            name="rule_r41_person",
            scheme="T13",
            reason="触发规则R41药品、项目与性别年龄不符：近{window}天{value}条",
            innocent="家庭共济代购（N05）、母婴同号（N12）",
            windows=(365,),
        ),
        "doctor": Of(
            "l.dr_codg",
            name="rule_r41_doctor",
            scheme="T13",
            by="institution",
            needs=("catalog.lmt_gend|lmt_age_min|lmt_age_max", "fee_details.bilg_dr_codg"),
            reason="触发规则R41药品、项目与性别年龄不符：近{window}天所开{value}条",
            innocent="母婴同号（N12）",
            windows=(365,),
        ),
    },
    windows=(0,),
    needs=("catalog.lmt_gend|lmt_age_min|lmt_age_max",),
    exempt=("N12",),
    rows=UNFIT_ITEMS,
    reason="触发规则R41药品、项目与性别年龄不符：本次住院{value}条",
    innocent="新生儿用药记在母亲名下（N12）",
)

declare(
    COMMON,
    name="rule_r42",
    rule="R42",
    label=setting("R42", "name"),
    scheme="T22",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "doctor": Of(
            "l.dr_codg",
            name="rule_r42_doctor",
            by="institution",
            needs=("catalog.lmt_hosp_lv|lmt_med_type", "fee_details.bilg_dr_codg"),
            rows=f"SELECT * FROM ({LIMITED}) WHERE off_limit",
            reason="触发规则R42超限定支付范围用药：近{window}天所开{value}条",
            windows=(365,),
        ),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r42_inst",
            by="institution",
            reason="触发规则R42超限定支付范围用药：近{window}天{value}条",
            windows=(365,),
        ),
    },
    windows=(0,),
    needs=("catalog.lmt_hosp_lv|lmt_med_type",),
    exempt=("N25",),
    rows=f"SELECT * FROM ({LIMITED}) WHERE NOT unfit",
    reason="触发规则R42超限定支付范围用药：本次住院{value}条",
    innocent="疫情应急政策放宽（N25）",
)
