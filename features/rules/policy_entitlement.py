"""R60, R61, R63, R66: who may draw benefits: impossible patients, unknown codes, two schemes at once, a used-up cap.

R63(a) is judged within one person number by every settlement, and across the numbers of one certificate by stays.
R66 reads the cap in force at the end of the year (of this one, today) from `policy_params`, key
`fund_cap` or `fund_cap_<insutype>` in yuan; two that contradict each other say nothing.
"""

from features.catalog.identity_of_persons import (
    ASSISTED,
    AT_ONCE,
    CONTRADICTED,
    NOT_BELIEVED,
    OF_HOLDER,
    SCHEMES_OF_ONE,
    TELLING,
    TWICE,
)
from features.codes import BASIC_SCHEMES
from features.declare import Feature, Of, declare
from features.knowledge import CATALOG, CONTRADICTIONS, LINE_ID, diagnosed
from features.thresholds import setting

#: A certificate of more numbers than this is a placeholder.
MOST_NUMBERS = 3

COMMON = Feature(
    family="identity",
    by="person",
    windows=(365,),
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
)

# Codes that contradict half of the patients they could are no evidence: then they are told as a defect (R61), and the
# rule does not judge by them.
declare(
    COMMON,
    name="rule_r60",
    widely="每一例都是字面违规：编码与本人性别年龄矛盾，一例即列",
    rule="R60",
    label=setting("R60", "name"),
    kind="hard",
    scheme="T03",
    told_of={
        "admission": Of(
            "v.row_id",
            windows=(0,),
            reason="触发规则R60诊断、手术与性别年龄不符：本次住院主诊断或手术与本人性别、年龄矛盾（{value}次）",
            innocent="母婴同号（N12，15至50岁女性的新生儿诊断已剔除）",
        ),
        "person": Of("v.psn_no", name="rule_r60_person"),
        "institution": Of(
            "v.fixmedins_code",
            name="rule_r60_inst",
            by="institution",
            reason="触发规则R60诊断、手术与性别年龄不符：近{window}天{value}人次",
            innocent="母婴同号（N12）、编码映射错误（N35）",
        ),
    },
    exempt=("N12",),
    source="3.3",
    rows=TELLING,
    across=CONTRADICTED,
    reason="触发规则R60诊断、手术与性别年龄不符：近{window}天{value}次",
    innocent="母婴同号（N12）、编码录错（N35）",
)

declare(
    COMMON,
    name="rule_r61_catalogue",
    rule="R61",
    label="目录版本日期重叠",
    kind="DQ",
    family="quality",
    scheme="T17",
    told_of={"institution": Of("l.fixmedins_code")},
    by="institution",
    needs=("fee_details", "catalog.enddate"),
    source="1.10",
    rows=f"""
        SELECT
            $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.psn_no, l.med_list_codg, l.hilist_name, l.fen
        FROM lines l
        JOIN {CONTRADICTIONS} c ON c.med_list_codg = l.med_list_codg AND l.day >= c.since AND l.day < c.until
    """,
    amount=None,
    unit="条",
    reason="触发规则R61目录质量：近{window}天有{value}条明细的目录在当日有两个互相矛盾的版本，限价、限定、频次规则对其不可评估",
    innocent="目录停用日期未更新：属数据质量，不作疑点",
)

declare(
    COMMON,
    name="rule_r61_codes",
    rule="R61",
    label="编码与性别矛盾过多",
    kind="DQ",
    family="quality",
    scheme="T17",
    told_of={"institution": Of("v.fixmedins_code")},
    by="institution",
    source="1.10",
    rows=TELLING,
    across=NOT_BELIEVED,
    amount=None,
    unit="条",
    reason="触发规则R61编码质量：近{window}天有{value}条诊断或手术编码与性别矛盾，超过录入差错所能解释，R60不可评估",
    innocent="编码列错位、对码未完成：属数据质量，不作疑点",
)

# Lines without a national code, or with one the catalogue does not know; bills settled long after the care (library
# 41), manual ones aside (N32). Data defects, never a suspicion.
declare(
    COMMON,
    name="rule_r61",
    widely="数据缺陷凡有即列，不作疑点",
    rule="R61",
    label=setting("R61", "name"),
    kind="DQ",
    family="quality",
    scheme="T17",
    grain="institution",
    by="institution",
    needs=("fee_details", "catalog"),
    exempt=("N07", "N32"),
    source="1.10",
    rows=f"""
        SELECT
            l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.psn_no, l.med_list_codg, l.hilist_name, l.fen
        FROM lines l
        SEMI JOIN (
            SELECT med_list_codg
            FROM (SELECT DISTINCT med_list_codg FROM lines)
            ANTI JOIN {CATALOG} c USING (med_list_codg)
        ) u USING (med_list_codg)
        UNION ALL
        SELECT
            s.fixmedins_code, s.happened_at, 'settlements', s.setl_id, s.psn_no, NULL, NULL,
            coalesce(s.medfee_sumamt_fen, 0)
        FROM settlements s
        WHERE coalesce(s.manual_flag, '0') <> '1'
            AND s.setl_time > coalesce(s.endtime, s.begntime) + INTERVAL {setting("R61", "lag_hours")} HOUR
    """,
    amount=None,
    unit="条",
    reason=(
        "触发规则R61编码与上传质量：近{window}天有{value}条明细编码不在目录中，"
        f"或结算晚于就诊结束{setting('R61', 'lag_hours')}小时"
    ),
    innocent="对码未完成、目录版本未更新、按月结算：属数据质量，不作疑点",
)

#: Hits of one number, each settlement once, and every stay under a basic scheme: those of two numbers of one
#: certificate meet across buckets.
DOUBLE = f"""
    SELECT
        entity_id, any_value(happened_at) AS happened_at, row_table, row_id,
        any_value(fixmedins_code) AS fixmedins_code,
        max(fen) AS fen, NULL AS certno, NULL AS insutype, NULL::DATE AS adm_date, NULL::DATE AS end_date
    FROM (
        SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
        FROM ({SCHEMES_OF_ONE})
        UNION ALL
        SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
        FROM ({AT_ONCE})
        UNION ALL
        SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
        FROM ({TWICE})
    )
    GROUP BY entity_id, row_table, row_id
    UNION ALL
    SELECT
        s.psn_no, s.begntime, 'visits', s.mdtrt_id, s.fixmedins_code, coalesce(s.fund_fen, 0), p.certno, s.insutype,
        s.adm_date, s.end_date
    FROM stays s
    JOIN persons p USING (psn_no)
    WHERE p.certno IS NOT NULL AND s.insutype IN {BASIC_SCHEMES}
"""
#: The second of two stays of one human under two schemes on the same days.
DOUBLE_OF_HUMAN = f"""
    SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
    FROM gathered
    WHERE certno IS NULL
    UNION ALL
    SELECT DISTINCT b.entity_id, b.happened_at, b.row_table, b.row_id, b.fixmedins_code, b.fen
    FROM gathered b
    JOIN gathered a
        ON a.certno = b.certno
            AND a.entity_id <> b.entity_id
            AND a.insutype <> b.insutype
            AND (a.happened_at, a.row_id) < (b.happened_at, b.row_id)
            AND b.adm_date > a.adm_date - 1
            AND b.adm_date < a.end_date
    WHERE b.certno IN (
        SELECT certno
        FROM gathered
        WHERE certno IS NOT NULL
        GROUP BY 1
        HAVING count(DISTINCT entity_id) BETWEEN 2 AND {MOST_NUMBERS}
    )
"""

declare(
    COMMON,
    name="rule_r63",
    rule="R63",
    label=setting("R63", "name"),
    kind="hard",
    scheme="T27",
    grain="person",
    exempt=("N20", "N32", "N33"),
    source="3.14",
    rows=DOUBLE,
    across=DOUBLE_OF_HUMAN,
    reason="触发规则R63重复享受：近{window}天有{value}次两种医保同日或交替享受（含同一证件号的其他编号），或联网与手工重复报销",
    innocent="参保关系转换补录（N33）、退费后改手工（N32）",
)

declare(
    COMMON,
    name="rule_r63_status",
    rule="R63",
    label="困难身份不实",
    kind="lead",
    scheme="T26",
    told_of={"person": OF_HOLDER},
    needs=("persons.psn_idet_type", "settlements.maf_pay_fen"),
    exempt=("N33",),
    source="3.15 5.6",
    rows=ASSISTED,
    reason="触发规则R63身份不实：近{window}天未登记困难身份享受医疗救助{value}次",
    innocent="身份认定补录（N33）、年度内待遇延续（N26）",
)

declare(
    COMMON,
    name="rule_r66",
    rule="R66",
    label=setting("R66", "name"),
    kind="lead",
    family="cap",
    scheme="T31",
    grain="person",
    needs=("policy_params",),
    exempt=("N01", "N02"),
    source="5.17",
    rows=f"""
        WITH s AS (
            SELECT
                s.psn_no, s.setl_id, s.fixmedins_code, s.happened_at, s.insutype,
                coalesce(s.fund_pay_sumamt_fen, 0) AS fen,
                extract(year FROM s.happened_at) AS year,
                s.visit_class = 'dialysis'
                    OR {diagnosed("coalesce(t.dx, s.opt_diag_code)", "dialysis")}
                    OR {diagnosed("coalesce(t.dx, s.opt_diag_code)", "chemo")} AS course
            FROM settlements s
            LEFT JOIN stays t USING (mdtrt_id)
        ),
        p AS (
            SELECT y.year, k.key, max(try_cast(k.value AS DOUBLE)) AS cap
            FROM policy_params k
            JOIN (
                SELECT DISTINCT year, least(make_date(year, 12, 31), (SELECT d FROM main.asof)) AS day
                FROM s
            ) y ON coalesce(k.begndate, y.day) <= y.day AND coalesce(k.enddate, y.day) >= y.day
            WHERE k.key LIKE 'fund_cap%'
            GROUP BY ALL
            HAVING count(DISTINCT k.value) = 1
        ),
        t AS (
            SELECT
                s.*,
                sum(s.fen) OVER one AS used,
                coalesce(sum(s.fen) FILTER (s.course) OVER one, 0) AS of_course,
                coalesce(k.cap, g.cap) AS cap
            FROM s
            LEFT JOIN p k ON k.key = 'fund_cap_' || s.insutype AND k.year = s.year
            LEFT JOIN p g ON g.key = 'fund_cap' AND g.year = s.year
            WINDOW one AS (PARTITION BY s.psn_no, s.year)
        )
        SELECT
            psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, fixmedins_code,
            used, cap, fen
        FROM t
        WHERE cap > 0
            AND used >= {setting("R66", "cap_share")} * cap * 100
            AND of_course < {setting("R66", "course_share")} * used
    """,
    amount=None,
    reason="触发规则R66冲顶消费：年度基金支付已达封顶线九成，涉及{value}次结算",
    innocent="器官移植、罕见病等重病；费用过半为透析、放化疗的已剔除（N01、N02）",
)
