"""R60, R61, R63, R66, R67 人员与政策: thresholds from settings.toml, hits with their rows and the amount at risk.

R63(a) is judged within one person number: a twin number lies in another bucket and is counted at units (`desk_twin_people`). R66 reads the cap from
`policy_params`, key `fund_cap` or `fund_cap_<insutype>` in yuan. R67 needs the groups a bureau pays by (drg_weight): the CC/MCC list behind a group is not
among the tables, so the unit's jump is that of its mean weight. R68 knows a person's home by `curr_addr_code`; a catchment is the addresses whose people
use the unit most.
"""

from functools import partial

from features.catalog.identity import CLASH, DESK, SCHEMES_OF_ONE, STAY_CLASH, TWICE, assisted
from features.declare import Feature, PeerTest, declare
from features.knowledge import CATALOG, LINE_ID
from features.thresholds import setting

#: Lines without a national code, or with one the catalogue does not know; a data defect, never a suspicion.
R61 = f"""SELECT l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.fen
    FROM lines l SEMI JOIN (SELECT med_list_codg FROM (SELECT DISTINCT med_list_codg FROM lines) ANTI JOIN {CATALOG} c USING (med_list_codg)) u USING (med_list_codg)"""

_R63_TWICE = TWICE.replace("m.fixmedins_code, s.setl_id AS direct_setl_id,", "m.fixmedins_code,")
R63 = f"SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen FROM ({SCHEMES_OF_ONE}) UNION ALL SELECT entity_id, happened_at, row_table, row_id, fixmedins_code, fen FROM ({_R63_TWICE})"

R66 = f"""WITH s AS (SELECT s.psn_no, s.setl_id, s.fixmedins_code, s.happened_at, s.insutype, coalesce(s.fund_pay_sumamt_fen, 0) AS fen, extract(year FROM s.happened_at) AS year FROM settlements s),
    p AS (SELECT key, max(try_cast(value AS DOUBLE)) AS cap FROM policy_params CROSS JOIN main.asof a WHERE key LIKE 'fund_cap%' AND coalesce(begndate, DATE '1900-01-01') <= a.d AND coalesce(enddate, DATE '9999-12-31') >= a.d GROUP BY 1),
    t AS (SELECT s.*, sum(s.fen) OVER (PARTITION BY s.psn_no, s.year) AS used, coalesce(k.cap, g.cap) AS cap FROM s LEFT JOIN p k ON k.key = 'fund_cap_' || s.insutype LEFT JOIN p g ON g.key = 'fund_cap')
    SELECT psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, fixmedins_code, used, cap, fen FROM t WHERE cap > 0 AND used >= {setting("R66", "cap_share")} * cap * 100"""

#: A heavy group without operation, intensive care or antibiotics.
_R67_ROWS = f"""SELECT s.@entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no, s.dx, d.drg_weight, s.fund_fen AS fen FROM stays s
    JOIN (SELECT mdtrt_id, max(drg_weight) AS drg_weight FROM base.discharges GROUP BY 1) d USING (mdtrt_id)
    LEFT JOIN (SELECT mdtrt_id, bool_or(med_chrgitm_type = '06' OR hilist_name LIKE '%重症%' OR hilist_name LIKE '%监护%' OR regexp_matches(hilist_name, '头孢|西林|沙星|培南|霉素')) AS severe
               FROM lines WHERE is_inpatient GROUP BY 1) l USING (mdtrt_id)
    WHERE NOT s."open" AND d.drg_weight >= {setting("R67", "min_weight")} AND NOT coalesce(l.severe, false)"""

#: Fee per unit of weight of every weighted stay, beside the stays of its kind.
_R67_CHEAP = """SELECT s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no, s.dx, d.drg_weight, s.fund_fen AS fen, s.medfee_fen / d.drg_weight AS per_weight FROM stays s
    JOIN (SELECT mdtrt_id, max(drg_weight) AS drg_weight FROM base.discharges GROUP BY 1) d USING (mdtrt_id) WHERE NOT s."open" AND d.drg_weight > 0 AND s.medfee_fen > 0"""
_R67_JUMP = """SELECT s.fixmedins_code AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no, d.drg_weight, s.happened_at > (SELECT t FROM main.asof) - INTERVAL 180 DAY AS recent FROM stays s
    JOIN (SELECT mdtrt_id, max(drg_weight) AS drg_weight FROM base.discharges GROUP BY 1) d USING (mdtrt_id) WHERE NOT s."open" AND d.drg_weight > 0"""
_HALF = setting("R67", "min_half_year")
_R67_RISE = f"CASE WHEN count(*) FILTER (recent) >= {_HALF} AND count(*) FILTER (NOT recent) >= {_HALF} THEN avg(drg_weight) FILTER (recent) - avg(drg_weight) FILTER (NOT recent) END"

#: Per address and age band: insured, and admissions of a year; per address and unit: visits of a year. Persons without an address are left out.
_R68_ROWS = """WITH p AS (SELECT psn_no, curr_addr_code AS home, CASE WHEN age < 15 THEN 0 WHEN age < 45 THEN 1 WHEN age < 60 THEN 2 WHEN age < 75 THEN 3 ELSE 4 END AS band FROM persons WHERE curr_addr_code IS NOT NULL),
    v AS (SELECT psn_no, fixmedins_code, happened_at, false AS ward FROM swipes UNION ALL SELECT psn_no, fixmedins_code, happened_at, true FROM stays WHERE NOT day_surgery),
    y AS (SELECT v.* FROM v CROSS JOIN main.asof a WHERE v.happened_at > a.t - INTERVAL 365 DAY)
    SELECT NULL::VARCHAR AS entity_id, p.home, p.band, count(*) AS insured, 0 AS admissions, 0 AS visits FROM p GROUP BY ALL
    UNION ALL SELECT y.fixmedins_code, p.home, p.band, 0, count(*) FILTER (WHERE y.ward), count(*) FROM y JOIN p USING (psn_no) GROUP BY ALL"""
#: Only units with beds have a catchment; the area's own rate by age is what admissions are expected from.
_R68_ACROSS = """WITH rate AS (SELECT band, sum(admissions) / nullif(sum(insured), 0)::DOUBLE AS r FROM gathered GROUP BY 1),
    homes AS (SELECT home, sum(insured)::BIGINT AS insured, sum(admissions)::BIGINT AS admissions, sum(insured * coalesce(r, 0)) AS expected FROM gathered JOIN rate USING (band) GROUP BY 1),
    beds AS (SELECT entity_id FROM gathered WHERE entity_id IS NOT NULL GROUP BY 1 HAVING sum(admissions) > 0),
    used AS (SELECT home, g.entity_id, sum(visits) AS visits FROM gathered g SEMI JOIN beds USING (entity_id) GROUP BY ALL),
    main_unit AS (SELECT home, entity_id FROM used QUALIFY row_number() OVER (PARTITION BY home ORDER BY visits DESC, entity_id) = 1)
    SELECT entity_id, (SELECT t FROM main.asof) AS happened_at, 'persons' AS row_table, home AS row_id, h.insured, h.admissions, h.expected FROM main_unit JOIN homes h USING (home)"""
_R68 = f"sum(insured) >= {setting('R68', 'min_insured')} AND sum(admissions) >= {setting('R68', 'min_admissions')} AND sum(admissions) > {setting('R68', 'factor')} * sum(expected)"

person = partial(
    Feature,
    grain="person",
    by="person",
    reversed="net",
    windows=(365,),
    worse="high",
    unit="次",
    measure="count(*)",
    amount="sum(fen)",
    family="identity",
)
unit = partial(
    Feature,
    grain="institution",
    by="institution",
    reversed="net",
    windows=(365,),
    worse="high",
    unit="次",
    measure="count(*)",
    family="identity",
)
stay = partial(
    Feature,
    grain="admission",
    by="person",
    reversed="net",
    windows=(0,),
    worse="high",
    unit="次",
    measure="count(*)",
    family="identity",
)

declare(stay(
    name="rule_r60", amount="sum(fen)", rule="R60", label=setting("R60", "name"), scheme="T03", kind="hard", rows=STAY_CLASH, exempt=("N12",), source="3.3",
    reason="触发规则R60诊断与性别年龄不符：本次住院主诊断与本人性别或年龄矛盾（{value}次）", innocent="母婴同号（N12，15至50岁女性的新生儿诊断已剔除）",
))  # fmt: skip
declare(person(
    name="rule_r60_person", rule="R60", label=setting("R60", "name"), scheme="T03", kind="hard", rows=CLASH, exempt=("N12",), source="3.3",
    reason="触发规则R60诊断与性别年龄不符：近{window}天{value}次", innocent="母婴同号（N12）、编码录错（N35）",
))  # fmt: skip
declare(unit(
    name="rule_r60_inst", rule="R60", label=setting("R60", "name"), scheme="T03", kind="hard", rows=DESK, amount="sum(fen)", exempt=("N12",), source="3.3",
    reason="触发规则R60诊断与性别年龄不符：近{window}天{value}人次", innocent="母婴同号（N12）、编码映射错误（N35）",
))  # fmt: skip
declare(unit(
    name="rule_r61", rule="R61", label=setting("R61", "name"), scheme="T17", kind="DQ", family="quality", rows=R61, unit="条", needs=("fee_details", "catalog"), exempt=("N07", "N32"), source="1.10",
    reason="触发规则R61编码与上传质量：近{window}天有{value}条明细的医疗目录编码不在目录中", innocent="对码未完成、目录版本未更新：属数据质量，不作疑点",
))  # fmt: skip
declare(person(
    name="rule_r63", rule="R63", label=setting("R63", "name"), scheme="T27", kind="hard", rows=R63, exempt=("N20", "N32", "N33"), source="3.14",
    reason="触发规则R63重复享受：近{window}天有{value}次两种医保交替享受或联网与手工重复报销", innocent="参保关系转换补录（N33）、退费后改手工（N32）",
))  # fmt: skip
declare(person(
    name="rule_r63_status", rule="R63", label="困难身份不实", scheme="T26", kind="lead", rows=assisted("psn_no", "fixmedins_code"), needs=("persons.psn_idet_type", "settlements.maf_pay_fen"), exempt=("N33",), source="3.15 5.6",
    reason="触发规则R63身份不实：近{window}天未登记困难身份享受医疗救助{value}次", innocent="身份认定补录（N33）、年度内待遇延续（N26）",
))  # fmt: skip
declare(person(
    name="rule_r66", rule="R66", label=setting("R66", "name"), scheme="T31", kind="lead", family="cap", rows=R66, amount=None, needs=("policy_params",), exempt=("N01", "N02"), source="5.17",
    reason="触发规则R66冲顶消费：年度基金支付已达封顶线九成，涉及{value}次结算", innocent="透析、放化疗等重病（N01、N02）",
))  # fmt: skip
declare(stay(
    name="rule_r67", rule="R67", label=setting("R67", "name"), scheme="T28", kind="lead", family="structure", rows=_R67_ROWS.replace("@entity", "mdtrt_id"), amount="sum(fen)", needs=("discharges.drg_weight",), exempt=("N21",), source="4.8",
    reason="触发规则R67高套分组：本次住院入高权重组而无手术、监护或抗感染治疗（{value}次）", innocent="重症保守治疗、转诊中心（N21）",
))  # fmt: skip
declare(unit(
    name="rule_r67_inst", rule="R67", label=setting("R67", "name"), scheme="T28", kind="lead", family="structure", rows=_R67_ROWS.replace("@entity", "fixmedins_code"), amount="sum(fen)", needs=("discharges.drg_weight",), exempt=("N21",), unit="例", source="4.8",
    reason="触发规则R67高套分组：近{window}天有{value}例入高权重组而无相应重症治疗", innocent="重症保守治疗（N21）",
))  # fmt: skip
declare(stay(
    name="rule_r67_cheap", rule="R67", label="权重费用偏低", scheme="T28", kind="lead", family="structure", rows=_R67_CHEAP, amount="sum(fen)", needs=("discharges.drg_weight",), exempt=("N21",), source="4.8",
    peers=PeerTest(statistic="max(per_weight)", side="low", quantile=setting("R67", "quantile")),
    reason="触发规则R67高套分组：费用与入组权重之比低于同类住院的最低5%（命中{value}）", innocent="病情好转快、执行集采药价（N21、N24）",
))  # fmt: skip
declare(unit(
    name="rule_r67_jump", rule="R67", label="权重突升", scheme="T28", kind="lead", family="structure", rows=_R67_JUMP, amount=None, unit="例", measure="count(*) FILTER (WHERE recent)", needs=("discharges.drg_weight",), exempt=("N21",), source="4.8",
    peers=PeerTest(statistic=_R67_RISE, side="high", z=setting("R67", "z")),
    reason="触发规则R67高套分组：近半年{value}例住院的平均入组权重比前半年升幅远高于同级机构", innocent="编码培训、新设手术科室（N21）",
))  # fmt: skip
declare(unit(
    name="rule_r68", rule="R68", label=setting("R68", "name"), scheme="T05", kind="KPI", family="catchment", by="person", rows=_R68_ROWS, across=_R68_ACROSS, windows=(0,), unit="人次", amount=None, needs=("persons.curr_addr_code",), exempt=("N03", "N21"), source="4.1",
    measure=f"CASE WHEN {_R68} THEN sum(admissions) ELSE 0 END",
    reason="触发规则R68片区住院率偏高：以本院为主的片区一年住院{value}人次，按年龄折算超过全域水平的一半以上", innocent="收治外来重症的区域中心、长期住院病区（N03、N21）",
))  # fmt: skip
