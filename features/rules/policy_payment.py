"""R67, R68: groups that pay more than the case, catchments that lie in hospital more than others.

R67 needs the groups a bureau pays by (drg_weight): the CC/MCC list behind a group is not among the tables, so the
unit's jump is that of its mean weight. R68 knows a person's home by `curr_addr_code`; a catchment is the addresses
whose people use the unit most.
"""

from features.codes import SURGERY
from features.declare import Feature, Of, PeerTest, declare
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    family="structure",
    by="person",
    windows=(0,),
    needs=("discharges.drg_weight",),
    source="4.8",
)

#: Care that makes a group heavy without an operation, by words in the name of an item: intensive care and monitoring,
#: ventilation, blood purification, thrombolysis, resuscitation; antibiotics.
GRAVE_CARE = """
    '重症|监护|呼吸机|机械通气|辅助通气|无创通气|气管插管|气管切开|血液净化|血液滤过|血液透析|体外膜肺|ECMO|溶栓|抢救|复苏|除颤'
    || '|头孢|西林|沙星|培南|霉素'
"""

# A heavy group without operation, intensive care or antibiotics.
declare(
    COMMON,
    name="rule_r67",
    rule="R67",
    label=setting("R67", "name"),
    scheme="T28",
    told_of={
        "admission": Of("s.mdtrt_id"),
        "institution": Of(
            "s.fixmedins_code",
            name="rule_r67_inst",
            by="institution",
            windows=(365,),
            unit="例",
            reason="触发规则R67高套分组：近{window}天有{value}例入高权重组而无相应重症治疗",
            innocent="重症保守治疗（N21）",
        ),
    },
    exempt=("N21",),
    rows=f"""
        SELECT
            $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no, s.dx,
            s.drg_weight, s.fund_fen AS fen
        FROM stays s
        LEFT JOIN (
            SELECT
                mdtrt_id,
                bool_or(
                    med_chrgitm_type = {SURGERY}
                        OR regexp_matches(hilist_name, {GRAVE_CARE})
                ) AS severe
            FROM lines
            WHERE is_inpatient
            GROUP BY 1
        ) l USING (mdtrt_id)
        WHERE NOT s."open" AND s.drg_weight >= {setting("R67", "min_weight")} AND NOT coalesce(l.severe, false)
    """,
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
    reason="触发规则R67高套分组：本次住院入高权重组而无手术、监护、呼吸支持、血液净化或抗感染治疗（{value}次）",
    innocent="重症保守治疗、转诊中心（N21）",
)

# Fee per unit of weight of every weighted stay, beside the stays of its kind.
declare(
    COMMON,
    name="rule_r67_cheap",
    rule="R67",
    label="权重费用偏低",
    scheme="T28",
    grain="admission",
    exempt=("N21",),
    rows="""
        SELECT
            s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no, s.dx,
            s.drg_weight, s.fund_fen AS fen,
            s.medfee_fen / s.drg_weight AS per_weight
        FROM stays s
        WHERE NOT s."open" AND s.drg_weight > 0 AND s.medfee_fen > 0
    """,
    measure="count(*)",
    amount="sum(fen)",
    peers=PeerTest(statistic="max(per_weight)", side="low", quantile=setting("R67", "quantile")),
    unit="次",
    reason="触发规则R67高套分组：费用与入组权重之比低于同类住院的最低5%（命中{value}）",
    innocent="病情好转快、执行集采药价（N21、N24）",
)

ENOUGH = f"""
    count(*) FILTER (recent) >= {setting("R67", "min_half_year")}
    AND count(*) FILTER (NOT recent) >= {setting("R67", "min_half_year")}
"""
RISE = f"CASE WHEN {ENOUGH} THEN avg(drg_weight) FILTER (recent) - avg(drg_weight) FILTER (NOT recent) END"

declare(
    COMMON,
    name="rule_r67_jump",
    rule="R67",
    label="权重突升",
    scheme="T28",
    grain="institution",
    by="institution",
    windows=(365,),
    exempt=("N21",),
    rows="""
        SELECT
            s.fixmedins_code AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no,
            s.drg_weight,
            s.happened_at > (SELECT t FROM main.asof) - INTERVAL 180 DAY AS recent
        FROM stays s
        WHERE NOT s."open" AND s.drg_weight > 0
    """,
    measure="count(*) FILTER (WHERE recent)",
    peers=PeerTest(statistic=RISE, side="high", z=setting("R67", "z")),
    unit="例",
    reason="触发规则R67高套分组：近半年{value}例住院的平均入组权重比前半年升幅远高于同级机构",
    innocent="编码培训、新设手术科室（N21）",
)

# Per address and age band: insured, and admissions of a year; per address and unit: visits of a year. Persons without
# an address are left out.
# Only units with beds have a catchment; the area's own rate by age is what admissions are expected from.
MANY_LIE = f"""
    sum(insured) >= {setting("R68", "min_insured")}
    AND sum(admissions) >= {setting("R68", "min_admissions")}
    AND sum(admissions) > {setting("R68", "factor")} * sum(expected)
"""

declare(
    COMMON,
    name="rule_r68",
    rule="R68",
    label=setting("R68", "name"),
    kind="KPI",
    family="catchment",
    scheme="T05",
    grain="institution",
    needs=("persons.curr_addr_code",),
    exempt=("N03", "N21"),
    source="4.1",
    rows="""
        WITH p AS (
            SELECT
                psn_no, curr_addr_code AS home,
                CASE
                    WHEN age < 15 THEN 0
                    WHEN age < 45 THEN 1
                    WHEN age < 60 THEN 2
                    WHEN age < 75 THEN 3
                    ELSE 4
                END AS band
            FROM persons
            WHERE curr_addr_code IS NOT NULL
        ),
        v AS (
            SELECT psn_no, fixmedins_code, happened_at, false AS ward
            FROM swipes
            UNION ALL
            SELECT psn_no, fixmedins_code, happened_at, true
            FROM stays
            WHERE NOT day_surgery
        ),
        y AS (
            SELECT v.*
            FROM v
            CROSS JOIN main.asof a
            WHERE v.happened_at > a.t - INTERVAL 365 DAY
        )
        SELECT NULL::VARCHAR AS entity_id, p.home, p.band, count(*) AS insured, 0 AS admissions, 0 AS visits
        FROM p
        GROUP BY ALL
        UNION ALL
        SELECT y.fixmedins_code, p.home, p.band, 0, count(*) FILTER (WHERE y.ward), count(*)
        FROM y
        JOIN p USING (psn_no)
        GROUP BY ALL
    """,
    across="""
        WITH rate AS (
            SELECT band, sum(admissions) / nullif(sum(insured), 0)::DOUBLE AS r
            FROM gathered
            GROUP BY 1
        ),
        homes AS (
            SELECT
                home,
                sum(insured)::BIGINT AS insured,
                sum(admissions)::BIGINT AS admissions,
                sum(insured * coalesce(r, 0)) AS expected
            FROM gathered
            JOIN rate USING (band)
            GROUP BY 1
        ),
        beds AS (
            SELECT entity_id
            FROM gathered
            WHERE entity_id IS NOT NULL
            GROUP BY 1
            HAVING sum(admissions) > 0
        ),
        used AS (
            SELECT home, g.entity_id, sum(visits) AS visits
            FROM gathered g
            SEMI JOIN beds USING (entity_id)
            GROUP BY ALL
        ),
        main_unit AS (
            SELECT home, entity_id
            FROM used
            QUALIFY row_number() OVER (PARTITION BY home ORDER BY visits DESC, entity_id) = 1
        )
        SELECT
            entity_id,
            (SELECT t FROM main.asof) AS happened_at,
            'persons' AS row_table, home AS row_id, h.insured, h.admissions, h.expected
        FROM main_unit
        JOIN homes h USING (home)
    """,
    measure=f"CASE WHEN {MANY_LIE} THEN sum(admissions) ELSE 0 END",
    unit="人次",
    reason="触发规则R68片区住院率偏高：以本院为主的片区一年住院{value}人次，按年龄折算超过全域水平的一半以上",
    innocent="收治外来重症的区域中心、长期住院病区（N03、N21）",
)
