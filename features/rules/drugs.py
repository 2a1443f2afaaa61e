"""R38–R48 药品: thresholds from settings.toml, hits with their rows and the amount at risk.

Rules whose knowledge is not there (resale list, trace codes, household links, stock moves, registry) are 不可评估, never zero. No table says which drugs
belong to a disease: of R44 only the drug that its holder cannot take is judged, of R45 only the missing registry, not the scope (`drug_set_id`).
"""

from functools import partial
from typing import Any

from features.catalog.chronic import CHRONIC, CHRONIC_UNIT
from features.catalog.drugs import RX_DOCTOR, UNFIT, limited
from features.declare import Feature, PeerTest, declare
from features.knowledge import CATALOG, DRUG, LINE_ID
from features.thresholds import setting

_NORMAL_DAYS = setting("R38", "window_days") * setting("R38", "factor")
#: N08: a chronic settlement may carry twelve weeks; N25 is a matter of the bureau's windows. Within an institution only its own fills are summed.
_R38_ROWS = f"""WITH l AS (SELECT l.*, coalesce(c.generic_code, l.med_list_codg) AS drug, least(180, l.prd_days) AS days,
        CASE WHEN l.visit_class IN ('chronic', 'pharmacy_chronic', 'two_disease') THEN {setting("R38", "long_prescription_days")} ELSE {_NORMAL_DAYS} END AS most
        FROM lines l LEFT JOIN {CATALOG} c USING (med_list_codg) WHERE NOT l.is_inpatient AND l.med_chrgitm_type IN ('09', '11') AND l.prd_days > 0),
    s AS (SELECT *, sum(days) OVER (PARTITION BY psn_no, drug @unit ORDER BY happened_at RANGE BETWEEN INTERVAL {setting("R38", "window_days")} DAY PRECEDING AND CURRENT ROW) AS supplied FROM l)
    SELECT l.@entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no, l.fixmedins_code, l.drug, l.hilist_name, l.days, l.supplied, l.most,
        (l.scope_fen * least(1, (l.supplied - l.most) / l.days))::BIGINT AS excess_fen FROM s l WHERE l.supplied > l.most"""

R39 = f"""WITH l AS (SELECT l.*, coalesce(c.generic_code, l.med_list_codg) AS drug FROM lines l JOIN {CATALOG} c USING (med_list_codg) CROSS JOIN main.asof a
        WHERE NOT l.is_inpatient AND c.resale_risk_flag = '1' AND l.happened_at > a.t - INTERVAL {setting("R39", "window_days")} DAY),
    g AS (SELECT psn_no, drug, count(DISTINCT fixmedins_code) AS units, sum(cnt) AS packs FROM l GROUP BY ALL HAVING count(DISTINCT fixmedins_code) >= {setting("R39", "min_units")} AND sum(cnt) > {setting("R39", "min_packs")})
    SELECT l.psn_no AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.fixmedins_code, l.drug, l.hilist_name, l.cnt, g.units, g.packs, l.scope_fen AS fen
    FROM l JOIN g USING (psn_no, drug)"""

#: Split packs (a count below one) share a code honestly; refunds are gone in this reading.
_R40_ROWS = f"""WITH l AS (SELECT l.*, trim(code) AS code FROM (SELECT *, unnest(regexp_split_to_array(drug_trac_codg, '[,;|]')) AS code FROM lines WHERE drug_trac_codg IS NOT NULL AND cnt >= 1) l),
    g AS (SELECT @entity, code, count(DISTINCT setl_id) AS times FROM l WHERE length(code) >= 10 GROUP BY ALL HAVING count(DISTINCT setl_id) >= {setting("R40", "min_settlements")})
    SELECT l.@entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no, l.fixmedins_code, l.code, g.times, l.scope_fen AS fen FROM l JOIN g USING (@entity, code)"""

_MOST_KINDS = setting("R43", "max_kinds")
R43 = f"SELECT *, (fen * (kinds - {_MOST_KINDS}) / kinds)::BIGINT AS excess_fen FROM ({RX_DOCTOR}) WHERE kinds > {_MOST_KINDS}"
#: Told of the person: only visits with that many lines are counted at all.
R43_PERSON = f"""SELECT *, (fen * (kinds - {_MOST_KINDS}) / kinds)::BIGINT AS excess_fen FROM (
    SELECT any_value(l.psn_no) AS entity_id, l.dr_codg, any_value(l.fixmedins_code) AS fixmedins_code, min(l.happened_at) AS happened_at, 'visits' AS row_table, l.mdtrt_id AS row_id, sum(l.fen)::BIGINT AS fen,
        count(DISTINCT l.med_list_codg) FILTER (WHERE l.med_chrgitm_type IN ('09', '11')) AS kinds
    FROM lines l SEMI JOIN (SELECT mdtrt_id FROM lines WHERE NOT is_inpatient GROUP BY 1 HAVING count(*) > {_MOST_KINDS}) m USING (mdtrt_id)
    WHERE NOT l.is_inpatient AND l.dr_codg IS NOT NULL AND {DRUG} GROUP BY l.dr_codg, l.mdtrt_id) WHERE kinds > {_MOST_KINDS}"""

#: A drug that does not fit the holder while somebody of the household could take it.
_R44 = "NOT l.is_inpatient AND l.unfit AND l.psn_no IN (SELECT psn_no FROM household_links)"

#: N33: a registry entered up to 30 days after the visit heals it; the two diseases need none.
_LATE = "SELECT c.* FROM ({rows}) c LEFT JOIN (SELECT psn_no AS holder, min(opsp_begndate) AS since FROM chronic_registry GROUP BY 1) r ON r.holder = c.{holder} WHERE NOT c.registered AND (r.since IS NULL OR c.day + 30 < r.since OR c.day > r.since)"
R45 = _LATE.format(rows=CHRONIC, holder="entity_id")
R45_UNIT = _LATE.format(rows=CHRONIC_UNIT, holder="psn_no")

_R46_ROWS = f"""WITH c AS (SELECT *, extract(year FROM happened_at) AS year FROM ({{rows}}) WHERE limit_fen > 0),
    y AS (SELECT *, sum(fen) OVER one AS used, coalesce(sum(fen) FILTER (WHERE year_end) OVER one, 0) AS late FROM c WINDOW one AS (PARTITION BY {{holder}}, year))
    SELECT * FROM y WHERE year_end AND used >= {setting("R46", "used_share")} * limit_fen AND late >= {setting("R46", "last_months_share")} * used"""
R46 = _R46_ROWS.format(rows=CHRONIC, holder="entity_id")
R46_UNIT = _R46_ROWS.format(rows=CHRONIC_UNIT, holder="entity_id, psn_no")

R47 = f"SELECT * FROM ({RX_DOCTOR}) WHERE same_bag >= {setting('R47', 'patients_a_day')} AND kinds >= 2"

#: Settled beyond what was ever there, by code; a unit that never sent a move of a code is not judged on it (unit of measure: DQ).
R48 = f"""WITH m AS (SELECT fixmedins_code, med_list_codg, sum(CASE WHEN move_type IN ('open', 'buy', 'adjust', 'sell_return') THEN cnt_e4 WHEN move_type = 'buy_return' THEN -abs(cnt_e4) ELSE 0 END) / 1e4 AS had
        FROM stock_moves WHERE move_time <= (SELECT t FROM main.asof) GROUP BY ALL),
    s AS (SELECT fixmedins_code, med_list_codg, sum(cnt) AS settled FROM lines GROUP BY ALL)
    SELECT l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, m.had, s.settled,
        (l.scope_fen * (s.settled - m.had) / s.settled)::BIGINT AS excess_fen
    FROM lines l JOIN m USING (fixmedins_code, med_list_codg) JOIN s USING (fixmedins_code, med_list_codg) WHERE m.had > 0 AND s.settled > m.had * {1 + setting("R48", "tolerance")}"""

_common: dict[str, Any] = {
    "reversed": "net",
    "family": "drug",
    "worse": "high",
    "unit": "条",
    "measure": "count(*)",
    "source": "3.8 3.9 3.10",
}
person = partial(Feature, grain="person", by="person", windows=(365,), kind="lead", amount="sum(fen)", **_common)
doctor = partial(Feature, grain="doctor", by="institution", windows=(365,), kind="lead", amount="sum(fen)", **_common)
unit = partial(
    Feature, grain="institution", by="institution", windows=(365,), kind="lead", amount="sum(fen)", **_common
)
stay = partial(Feature, grain="admission", by="person", windows=(0,), kind="lead", amount="sum(fen)", **_common)

declare(person(
    name="rule_r38", rule="R38", label=setting("R38", "name"), scheme="T13", rows=_R38_ROWS.replace("@entity", "psn_no").replace("@unit", ""), amount="sum(excess_fen)",
    needs=("fee_details.prd_days",), exempt=("N08", "N25", "N28"),
    reason="触发规则R38超量开药：近{window}天有{value}条取药使30天内同药供应超过45天（慢病长处方84天）",
    innocent="长处方（N08）、节前续方（N28）、应急期放宽（N25）",
))  # fmt: skip
declare(doctor(
    name="rule_r38_doctor", rule="R38", label=setting("R38", "name"), scheme="T13", rows=_R38_ROWS.replace("@entity", "dr_codg").replace("@unit", ", fixmedins_code").replace("prd_days > 0", "prd_days > 0 AND l.dr_codg IS NOT NULL"),
    amount="sum(excess_fen)", needs=("fee_details.prd_days", "fee_details.bilg_dr_codg"), exempt=("N08", "N25", "N28"),
    reason="触发规则R38超量开药：近{window}天有{value}条处方使患者30天内同药供应超量",
    innocent="长处方（N08）、节前续方（N28）",
))  # fmt: skip
declare(person(
    name="rule_r39", rule="R39", label=setting("R39", "name"), scheme="T14", rows=R39, windows=(setting("R39", "window_days"),), needs=("catalog.resale_risk_flag",), exempt=("N08", "N20", "N29"),
    reason="触发规则R39多机构同药：近{window}天从三家以上机构取得同一易倒卖药品，共{value}条明细",
    innocent="异地居住（N20）、多病长期用药（N29）",
))  # fmt: skip
declare(person(
    name="rule_r40", rule="R40", label=setting("R40", "name"), scheme="T14", kind="hard", rows=_R40_ROWS.replace("@entity", "psn_no"), needs=("fee_details.drug_trac_codg",), exempt=("N31",),
    reason="触发规则R40追溯码重复结算：近{window}天有{value}条明细的药品追溯码重复结算",
    innocent="拆零共码（已剔除不足一盒）、退费重结（N31）",
))  # fmt: skip
declare(unit(
    name="rule_r40_inst", rule="R40", label=setting("R40", "name"), scheme="T15", kind="hard", rows=_R40_ROWS.replace("@entity", "fixmedins_code"), needs=("fee_details.drug_trac_codg",), exempt=("N31",),
    reason="触发规则R40追溯码重复结算：近{window}天有{value}条明细的药品追溯码在本机构重复结算",
    innocent="拆零共码、退费重结（N31）",
))  # fmt: skip
declare(stay(
    name="rule_r41", rule="R41", label=setting("R41", "name"), scheme="T22", kind="hard", rows=limited("mdtrt_id", "l.is_inpatient AND l.unfit"), needs=("catalog.lmt_gend",), exempt=("N12",),
    reason="触发规则R41药品与性别年龄不符：本次住院{value}条",
    innocent="新生儿用药记在母亲名下（N12）",
))  # fmt: skip
declare(person(
    name="rule_r41_person", rule="R41", label=setting("R41", "name"), scheme="T13", kind="hard", rows=UNFIT, needs=("catalog.lmt_gend",), exempt=("N12",),
    reason="触发规则R41药品与性别年龄不符：近{window}天{value}条",
    innocent="家庭共济代购（N05）、母婴同号（N12）",
))  # fmt: skip
declare(doctor(
    name="rule_r41_doctor", rule="R41", label=setting("R41", "name"), scheme="T13", kind="hard", rows=limited("dr_codg", "l.unfit"), needs=("catalog.lmt_gend", "fee_details.bilg_dr_codg"), exempt=("N12",),
    reason="触发规则R41药品与性别年龄不符：近{window}天所开{value}条",
    innocent="母婴同号（N12）",
))  # fmt: skip
declare(stay(
    name="rule_r42", rule="R42", label=setting("R42", "name"), scheme="T22", kind="hard", rows=limited("mdtrt_id", "l.is_inpatient AND NOT l.unfit"), needs=("catalog.lmt_hosp_lv",), exempt=("N25",),
    reason="触发规则R42超限定支付范围用药：本次住院{value}条",
    innocent="疫情应急政策放宽（N25）",
))  # fmt: skip
declare(doctor(
    name="rule_r42_doctor", rule="R42", label=setting("R42", "name"), scheme="T22", kind="hard", rows=limited("dr_codg", "l.off_limit"), needs=("catalog.lmt_hosp_lv", "fee_details.bilg_dr_codg"), exempt=("N25",),
    reason="触发规则R42超限定支付范围用药：近{window}天所开{value}条",
    innocent="疫情应急政策放宽（N25）",
))  # fmt: skip
declare(unit(
    name="rule_r42_inst", rule="R42", label=setting("R42", "name"), scheme="T22", kind="hard", rows=limited("fixmedins_code", "NOT l.unfit"), needs=("catalog.lmt_hosp_lv",), exempt=("N25",),
    reason="触发规则R42超限定支付范围用药：近{window}天{value}条",
    innocent="疫情应急政策放宽（N25）",
))  # fmt: skip
declare(doctor(
    name="rule_r43", rule="R43", label=setting("R43", "name"), scheme="T13", rows=R43, amount="sum(excess_fen)", unit="张", needs=("fee_details.bilg_dr_codg",), exempt=("N29",),
    reason="触发规则R43药品种类超标：近{window}天有{value}张门诊处方超过5种药品",
    innocent="多病共存老人（N29）",
))  # fmt: skip
declare(person(
    name="rule_r43_person", rule="R43", label=setting("R43", "name"), scheme="T13", rows=R43_PERSON, amount="sum(excess_fen)", unit="张", needs=("fee_details.bilg_dr_codg",), exempt=("N29",),
    reason="触发规则R43药品种类超标：近{window}天有{value}张门诊处方超过5种药品",
    innocent="多病共存老人（N29）",
))  # fmt: skip
declare(person(
    name="rule_r44", rule="R44", label=setting("R44", "name"), scheme="T13", rows=limited("psn_no", _R44), needs=("household_links", "catalog.lmt_gend"), exempt=("N05",),
    reason="触发规则R44搭车开药：近{window}天有{value}条本人不宜而家庭成员可用的药品",
    innocent="家庭共济代购（N05）",
))  # fmt: skip
declare(doctor(
    name="rule_r44_doctor", rule="R44", label=setting("R44", "name"), scheme="T13", rows=limited("dr_codg", _R44), needs=("household_links", "catalog.lmt_gend", "fee_details.bilg_dr_codg"), exempt=("N05",),
    reason="触发规则R44搭车开药：近{window}天所开{value}条为患者本人不宜的药品",
    innocent="家庭共济代购（N05）",
))  # fmt: skip
declare(person(
    name="rule_r45", rule="R45", label=setting("R45", "name"), scheme="T24", family="chronic", kind="hard", rows=R45, unit="次", needs=("chronic_registry",), exempt=("N33",),
    reason="触发规则R45慢特病无备案：近{window}天无有效备案享受慢特病待遇{value}次",
    innocent="资格在30天后才补录（N33）；参保地外认定",
))  # fmt: skip
declare(unit(
    name="rule_r45_inst", rule="R45", label=setting("R45", "name"), scheme="T24", family="chronic", kind="hard", rows=R45_UNIT, unit="次", needs=("chronic_registry",), exempt=("N33",),
    reason="触发规则R45慢特病无备案：近{window}天为无有效备案人员按慢特病结算{value}次",
    innocent="资格补录（N33）",
))  # fmt: skip
declare(person(
    name="rule_r46", rule="R46", label=setting("R46", "name"), scheme="T31", also=("T24",), family="chronic", rows=R46, unit="次", needs=("chronic_registry.annual_limit_fen",), exempt=("N08", "N28"),
    reason="触发规则R46慢病限额年底突击：限额用足且11、12月结算{value}次、占比过高",
    innocent="年末续方（N28）、长处方（N08）",
))  # fmt: skip
declare(unit(
    name="rule_r46_inst", rule="R46", label=setting("R46", "name"), scheme="T31", family="chronic", rows=R46_UNIT, unit="人", measure="count(DISTINCT psn_no)", needs=("chronic_registry.annual_limit_fen",), exempt=("N08", "N28"),
    reason="触发规则R46慢病限额年底突击：有{value}名患者在本机构年底集中用足限额",
    innocent="年末续方（N28）、长处方（N08）",
))  # fmt: skip
declare(doctor(
    name="rule_r47", rule="R47", label=setting("R47", "name"), scheme="T15", rows=R47, unit="张", needs=("fee_details.bilg_dr_codg",), exempt=("N01", "N04", "N13", "N14"),
    reason="触发规则R47医师集中开药：近{window}天有{value}张处方与同日另7名以上患者完全相同",
    innocent="流感季（N14）、养老机构集中配药（N04）、协定处方（N13）",
))  # fmt: skip
declare(doctor(
    name="rule_r47_share", rule="R47", label="易倒卖药占比异常", scheme="T15", rows=RX_DOCTOR, windows=(180,), unit="张", measure="count(*) FILTER (WHERE resale_fen > 0)", amount="sum(resale_fen)",
    needs=("fee_details.bilg_dr_codg", "catalog.resale_risk_flag"), exempt=("N01", "N04", "N13", "N14"), peers=PeerTest(statistic="CASE WHEN count(*) >= 20 THEN sum(resale_fen) / nullif(sum(fen), 0)::DOUBLE END", side="high", z=setting("R47", "z")),
    reason="触发规则R47医师集中开倒卖药：近{window}天{value}张处方含易倒卖药品，金额占比远高于同科同级医师",
    innocent="专科用药结构使然（N22）、透析中心（N01）",
))  # fmt: skip
declare(unit(
    name="rule_r48", rule="R48", label=setting("R48", "name"), scheme="T11", kind="hard", family="stock", rows=R48, amount="sum(excess_fen)", unit="种", measure="count(DISTINCT med_list_codg)", needs=("stock_moves",),
    reason="触发规则R48进销存不符：有{value}种药品耗材结算数量超过购进库存",
    innocent="盒、片等计量单位不一致（转数据质量核对）",
))  # fmt: skip
