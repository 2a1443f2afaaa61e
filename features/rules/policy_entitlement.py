"""R60, R61, R63, R66: who may draw benefits: impossible patients, unknown codes, two schemes at once, a used-up cap.

R63(a) is judged within one person number: a twin number lies in another bucket and is counted at units
(`desk_twin_people`). R66 reads the cap of the year from `policy_params`, key `fund_cap` or `fund_cap_<insutype>` in
yuan.
"""

from features.catalog.identity_of_persons import (
    ASSISTED,
    IMPOSSIBLE,
    OF_HOLDER,
    SCHEMES_OF_ONE,
    STAY_IMPOSSIBLE,
    TWICE,
)
from features.declare import Feature, Of, declare
from features.knowledge import CATALOG, LINE_ID
from features.thresholds import setting

COMMON = Feature(
    family="identity",
    by="person",
    windows=(365,),
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
)

declare(
    COMMON,
    name="rule_r60",
    rule="R60",
    label=setting("R60", "name"),
    kind="hard",
    scheme="T03",
    grain="admission",
    windows=(0,),
    exempt=("N12",),
    source="3.3",
    rows=STAY_IMPOSSIBLE,
    reason="触发规则R60诊断、手术与性别年龄不符：本次住院主诊断或手术与本人性别、年龄矛盾（{value}次）",
    innocent="母婴同号（N12，15至50岁女性的新生儿诊断已剔除）",
)

declare(
    COMMON,
    name="rule_r60_person",
    rule="R60",
    label=setting("R60", "name"),
    kind="hard",
    scheme="T03",
    told_of={
        "person": Of("v.psn_no"),
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
    rows=IMPOSSIBLE,
    reason="触发规则R60诊断、手术与性别年龄不符：近{window}天{value}次",
    innocent="母婴同号（N12）、编码录错（N35）",
)

# Lines without a national code, or with one the catalogue does not know; a data defect, never a suspicion.
declare(
    COMMON,
    name="rule_r61",
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
    """,
    amount=None,
    unit="条",
    reason="触发规则R61编码与上传质量：近{window}天有{value}条明细的医疗目录编码不在目录中",
    innocent="对码未完成、目录版本未更新：属数据质量，不作疑点",
)

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
    rows=f"""
        SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
        FROM ({SCHEMES_OF_ONE})
        UNION ALL
        SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen
        FROM ({TWICE})
    """,
    reason="触发规则R63重复享受：近{window}天有{value}次两种医保交替享受或联网与手工重复报销",
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
                extract(year FROM s.happened_at) AS year
            FROM settlements s
        ),
        p AS (
            SELECT y.year, k.key, max(try_cast(k.value AS DOUBLE)) AS cap
            FROM policy_params k
            JOIN (SELECT DISTINCT year FROM s) y
                ON coalesce(extract(year FROM k.begndate), 0) <= y.year
                    AND coalesce(extract(year FROM k.enddate), 9999) >= y.year
            WHERE k.key LIKE 'fund_cap%'
            GROUP BY ALL
        ),
        t AS (
            SELECT s.*, sum(s.fen) OVER (PARTITION BY s.psn_no, s.year) AS used, coalesce(k.cap, g.cap) AS cap
            FROM s
            LEFT JOIN p k ON k.key = 'fund_cap_' || s.insutype AND k.year = s.year
            LEFT JOIN p g ON g.key = 'fund_cap' AND g.year = s.year
        )
        SELECT
            psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, fixmedins_code,
            used, cap, fen
        FROM t
        WHERE cap > 0 AND used >= {setting("R66", "cap_share")} * cap * 100
    """,
    amount=None,
    reason="触发规则R66冲顶消费：年度基金支付已达封顶线九成，涉及{value}次结算",
    innocent="透析、放化疗等重病（N01、N02）",
)
