"""R49–R51, R53–R59 收费: thresholds from settings.toml, hits with their rows and the amount at risk.

Time words are read literally (D16): 每日 = per day across visits of the person, no time word = the same visit. Knowledge that is not there makes a rule
不可评估. R53(b) gathers the prices of all units before it knows the area's month median. R50 judges days and visits; intervals of
several days are judged where `freq_window_days` says so, by the same person's last time anywhere.
"""

from functools import partial
from typing import Any

from features.catalog.fees import IMPLANTS, OVER_CAP_STAY, OVER_CAP_UNIT, PANELS
from features.catalog.institutions import MIX
from features.common_subqueries import once
from features.declare import Feature, PeerTest, declare
from features.knowledge import CAPS, CATALOG, LINE_ID
from features.thresholds import setting

_LINE = f"l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no, l.mdtrt_id, l.med_list_codg, l.hilist_name, l.cnt"
#: What of a line a shared fragment keeps, so that hits can be told of the stay, the person, the unit or the doctor.
_KEPT = "l.feedetl_sn, l.fixmedins_code, l.is_inpatient, l.happened_at, l.psn_no, l.mdtrt_id, l.med_list_codg, l.hilist_name, l.cnt"

#: Item B beside the item A that includes it, same visit and day; of an exclusive group all but the dearest.
_TWICE = once("charged_twice", f"""WITH k AS (SELECT med_list_codg, mutex_group, trim(unnest(regexp_split_to_array(coalesce(includes_item, ''), '[,;|]'))) AS part FROM {CATALOG}),
    l AS MATERIALIZED (SELECT {_KEPT}, l.day, l.pric, l.scope_fen FROM lines l
        WHERE l.med_list_codg IN (SELECT med_list_codg FROM k WHERE part <> '' OR mutex_group IS NOT NULL UNION SELECT part FROM k)
        AND (coalesce(l.list_type, '2') LIKE '2%' OR l.list_type LIKE '3%')),
    inc AS (SELECT DISTINCT b.mdtrt_id, b.feedetl_sn FROM l a JOIN k ON k.med_list_codg = a.med_list_codg AND k.part <> ''
        JOIN l b ON b.mdtrt_id = a.mdtrt_id AND b.day = a.day AND b.med_list_codg = k.part AND b.med_list_codg <> a.med_list_codg),
    mut AS (SELECT mdtrt_id, feedetl_sn FROM (SELECT l.mdtrt_id, l.feedetl_sn, l.med_list_codg, dense_rank() OVER (PARTITION BY l.mdtrt_id, l.day, m.mutex_group ORDER BY l.pric DESC, l.med_list_codg) AS place
        FROM l JOIN (SELECT DISTINCT med_list_codg, mutex_group FROM k WHERE mutex_group IS NOT NULL) m USING (med_list_codg)) WHERE place > 1)
    SELECT {_KEPT}, l.scope_fen AS fen FROM l SEMI JOIN (FROM inc UNION FROM mut) x USING (mdtrt_id, feedetl_sn)""")  # fmt: skip
_R49_ROWS = f"SELECT l.@entity AS entity_id, {_LINE}, l.fen FROM {_TWICE} l WHERE @where"

#: Σ cnt beyond the limit of the day (freq_window_days 1) or visit (none); over more days, anything sooner than allowed after the last day.
_R50_HITS = {
    unit: once(name, f"""WITH l AS (SELECT l.*, c.max_freq, coalesce(c.freq_window_days, 0) AS span FROM lines l JOIN {CATALOG} c USING (med_list_codg) WHERE c.max_freq > 0),
    d AS (SELECT psn_no, med_list_codg, day{unit}, sum(cnt) AS total FROM l WHERE span = 1 GROUP BY ALL HAVING sum(cnt) > min(max_freq)),
    v AS (SELECT mdtrt_id, med_list_codg, sum(cnt) AS total FROM l WHERE span = 0 GROUP BY ALL HAVING sum(cnt) > min(max_freq)),
    s AS (SELECT *, date_diff('day', lag(day) OVER (PARTITION BY psn_no, med_list_codg{unit} ORDER BY happened_at, mdtrt_id, feedetl_sn), day) AS after_days FROM l WHERE span > 1)
    SELECT {_KEPT}, l.max_freq, d.total, NULL::BIGINT AS after_days, (l.scope_fen * (d.total - l.max_freq) / d.total)::BIGINT AS excess_fen
        FROM l JOIN d USING (psn_no, med_list_codg, day{unit}) WHERE l.span = 1
    UNION ALL SELECT {_KEPT}, l.max_freq, v.total, NULL, (l.scope_fen * (v.total - l.max_freq) / v.total)::BIGINT FROM l JOIN v USING (mdtrt_id, med_list_codg) WHERE l.span = 0
    UNION ALL SELECT {_KEPT}, l.max_freq, NULL, l.after_days, l.scope_fen FROM s l WHERE l.after_days BETWEEN 1 AND l.span / l.max_freq - 1""")
    for unit, name in (("", "too_often"), (", fixmedins_code", "too_often_at_unit"))
}  # fmt: skip
_R50_ROWS = (
    f"SELECT l.@entity AS entity_id, {_LINE}, l.max_freq, l.total, l.after_days, l.excess_fen FROM @hits l WHERE @where"
)

#: The second and later operations of a day above p/q of the cap.
R51 = f"""WITH l AS (SELECT l.*, k.discount_p / coalesce(nullif(k.discount_q, 0), 1) AS part, c.cap_e6 / 1e6 AS cap, row_number() OVER (PARTITION BY l.mdtrt_id, l.day ORDER BY l.pric DESC, l.feedetl_sn) AS place
        FROM lines l JOIN {CATALOG} k USING (med_list_codg) JOIN {CAPS} c ON c.med_list_codg = l.med_list_codg AND l.day >= c.since AND l.day < c.until
        WHERE l.is_inpatient AND l.med_chrgitm_type = '06' AND k.discount_p > 0)
    SELECT l.mdtrt_id AS entity_id, {_LINE}, l.pric, l.cap, l.part, (l.fen * (1 - l.part * l.cap / l.pric))::BIGINT AS excess_fen FROM l
    WHERE l.place > 1 AND l.pric > l.part * l.cap AND l.fen * (1 - l.part * l.cap / l.pric) > {setting("R51", "tolerance_fen")}"""

#: (b) of R53: one row a unit, month, drug and price, with how often it was charged; the area's median of the month is known when all units are together.
R53_PRICES = f"""SELECT l.fixmedins_code AS entity_id, max(l.happened_at) AS happened_at, 'fee_details' AS row_table, min({LINE_ID}) AS row_id, coalesce(any_value(i.area), '') AS area,
        date_trunc('month', l.day) AS month, l.med_list_codg, any_value(l.hilist_name) AS hilist_name, l.pric, count(*) AS n, sum(l.fen)::BIGINT AS fen
    FROM lines l LEFT JOIN institutions i ON i.fixmedins_code = l.fixmedins_code WHERE l.med_chrgitm_type IN ('09', '10', '11') AND l.pric > 0
    GROUP BY l.fixmedins_code, date_trunc('month', l.day), l.med_list_codg, l.pric"""
R53_ACROSS = f"""WITH p AS (SELECT *, sum(n) OVER (PARTITION BY area, month, med_list_codg) AS lines, sum(n) OVER (PARTITION BY area, month, med_list_codg ORDER BY pric) AS upto,
        count(DISTINCT entity_id) OVER (PARTITION BY area, month, med_list_codg) AS units FROM gathered),
    m AS (SELECT area, month, med_list_codg, min(pric) AS usual FROM p WHERE upto >= lines / 2.0 AND lines >= {setting("R53", "min_lines")} AND units >= {setting("R53", "min_units")} GROUP BY ALL)
    SELECT p.*, m.usual, (p.fen * (1 - m.usual / p.pric))::BIGINT AS above_fen FROM p JOIN m USING (area, month, med_list_codg) WHERE p.pric > {setting("R53", "over_median")} * m.usual"""

#: Closed stays only; the tolerance of one day covers both ways of counting (D17: parts are merged). One row per line of a charge that went over.
_R54_HITS = once("too_many_days", f"""WITH l AS (SELECT l.*, CASE WHEN l.med_chrgitm_type IN ('01', '07') THEN l.med_chrgitm_type ELSE 'h' END AS what FROM lines l JOIN stays s USING (mdtrt_id)
        WHERE NOT s."open" AND (l.med_chrgitm_type = '01' OR (l.med_chrgitm_type = '07' AND coalesce(l.hilist_name, '') NOT LIKE '%小时%') OR l.hilist_name LIKE '%小时%')),
    k AS (SELECT *, CASE WHEN what = 'h' THEN med_list_codg ELSE '' END AS code, CASE WHEN what = 'h' THEN day ELSE DATE '1900-01-01' END AS of_day FROM l),
    t AS (SELECT mdtrt_id, what, code, of_day, sum(cnt) AS total, CASE what WHEN 'h' THEN {setting("R54", "hours_a_day")}
             WHEN '01' THEN greatest(1, date_diff('day', any_value(adm_date), any_value(end_date))) + {setting("R54", "bed_days_over")}
             ELSE greatest(1, date_diff('day', any_value(adm_date), any_value(end_date))) + {setting("R54", "nursing_days_over")} END AS most FROM k GROUP BY mdtrt_id, what, code, of_day)
    SELECT {_KEPT}, l.what, t.total, t.most, (l.scope_fen * (t.total - t.most) / t.total)::BIGINT AS excess_fen
    FROM k l JOIN (FROM t WHERE total > most) t USING (mdtrt_id, what, code, of_day)""")  # fmt: skip
_R54_ROWS = f"SELECT l.@entity AS entity_id, {_LINE}, l.what, l.total, l.most, l.excess_fen FROM {_R54_HITS} l"

#: N10: day surgery is left out. An operation row, anaesthesia or surgical material each count as evidence.
_R55_ROWS = f"""WITH k AS (SELECT mdtrt_id, bool_or(hilist_name LIKE '%麻醉%') AS asleep, bool_or(med_chrgitm_type = '08') AS material, bool_or(med_chrgitm_type = '06') AS surgery
        FROM lines WHERE is_inpatient GROUP BY 1)
    SELECT l.@entity AS entity_id, {_LINE}, l.scope_fen AS fen FROM lines l JOIN k USING (mdtrt_id) ANTI JOIN operations o ON o.mdtrt_id = l.mdtrt_id
    WHERE l.is_inpatient AND l.med_chrgitm_type = '06' AND l.visit_class <> 'day_surgery' AND k.surgery AND NOT coalesce(k.asleep, false) AND NOT coalesce(k.material, false)"""

#: Over the hours of a day at one unit; a blank doctor is nobody (N35), collapsed days are left out (N07), registered multi-site doctors are counted per unit.
_R56_HITS = once("too_many_hours", f"""WITH l AS (SELECT l.*, c.std_minutes * l.cnt / 60.0 AS hours FROM lines l JOIN {CATALOG} c USING (med_list_codg) WHERE l.dr_codg IS NOT NULL AND c.std_minutes > 0 AND NOT l.clock_collapsed),
    t AS (SELECT dr_codg, fixmedins_code, day, sum(hours) AS total FROM l GROUP BY ALL HAVING sum(hours) > {setting("R56", "hours")})
    SELECT {_KEPT}, l.dr_codg, l.day, t.total, (l.scope_fen * (t.total - {setting("R56", "hours")}) / t.total)::BIGINT AS excess_fen FROM l JOIN t USING (dr_codg, fixmedins_code, day)""")  # fmt: skip
_R56_ROWS = f"SELECT l.@entity AS entity_id, {_LINE}, l.dr_codg, l.day, l.total, l.excess_fen FROM {_R56_HITS} l"

R57 = f"SELECT * FROM ({IMPLANTS}) WHERE NOT surgery AND pric >= {setting('R57', 'min_price_yuan')}"
R57_COUNT = f"SELECT *, (fen * (n - {setting('R57', 'max_count')}) / n)::BIGINT AS excess_fen FROM (SELECT *, sum(cnt) OVER (PARTITION BY entity_id) AS n FROM ({IMPLANTS})) WHERE n > {setting('R57', 'max_count')}"
R57_UNIT = R57.replace("l.mdtrt_id AS entity_id", "l.fixmedins_code AS entity_id, l.psn_no")
R57_DOCTOR = R57.replace("l.mdtrt_id AS entity_id", "l.dr_codg AS entity_id, l.psn_no") + " AND entity_id IS NOT NULL"

_PANEL = f"count(panel) >= {setting('R58', 'min_stays')} AND list_max(map_values(histogram(panel) FILTER (WHERE panel IS NOT NULL))) >= {setting('R58', 'panel_share')} * count(panel)"

#: z of R58 and R59: the unit's rate or share beside its peers'.
_R58 = f"CASE WHEN count(*) >= {setting('R58', 'min_stays')} THEN {{rate}} END"
_R59 = f"CASE WHEN count(*) >= {setting('R59', 'min_settlements')} THEN sum({{part}}) / nullif(sum(fen), 0)::DOUBLE END"

_N = setting("R59", "min_settlements")
_JUMPED = " + ".join(
    f"coalesce((abs(sum({c}) FILTER (WHERE recent) / nullif(sum(fen) FILTER (WHERE recent), 0) - sum({c}) FILTER (WHERE NOT recent) / nullif(sum(fen) FILTER (WHERE NOT recent), 0)) > {setting('R59', 'jump_points')})::INT, 0)"
    for c in ("drug_fen", "test_fen", "material_fen", "care_fen")
)

_common: dict[str, Any] = {
    "reversed": "net",
    "family": "charge",
    "worse": "high",
    "unit": "条",
    "measure": "count(*)",
    "source": "1.5 3.10",
    "kind": "hard",
}
stay = partial(Feature, grain="admission", by="person", windows=(0,), **_common)
unit = partial(Feature, grain="institution", by="institution", windows=(365,), **_common)
person = partial(Feature, grain="person", by="person", windows=(365,), **_common)
doctor = partial(Feature, grain="doctor", by="institution", windows=(365,), **_common)

declare(stay(
    name="rule_r49", rule="R49", label=setting("R49", "name"), scheme="T19", rows=_R49_ROWS.replace("@entity", "mdtrt_id").replace("@where", "l.is_inpatient"), amount="sum(fen)", needs=("catalog.includes_item",), exempt=("N31",),
    reason="触发规则R49重复/分解收费：本次住院有{value}条与已含或互斥项目同时收取",
    innocent="更正重记（N31，退费已冲减）",
))  # fmt: skip
declare(unit(
    name="rule_r49_inst", rule="R49", label=setting("R49", "name"), scheme="T19", rows=_R49_ROWS.replace("@entity", "fixmedins_code").replace("@where", "true"), amount="sum(fen)", needs=("catalog.includes_item",), exempt=("N31",),
    reason="触发规则R49重复/分解收费：近{window}天有{value}条与已含或互斥项目同时收取",
    innocent="更正重记（N31，退费已冲减）",
))  # fmt: skip
declare(stay(
    name="rule_r50", rule="R50", label=setting("R50", "name"), scheme="T19", rows=_R50_ROWS.replace("@entity", "mdtrt_id").replace("@hits", _R50_HITS[""]).replace("@where", "l.is_inpatient"), amount="sum(excess_fen)",
    needs=("catalog.max_freq",), reason="触发规则R50超频次：本次住院有{value}条超过限定频次", innocent="病情需要并有医嘱记录（N21）",
))  # fmt: skip
declare(person(
    name="rule_r50_person", rule="R50", label=setting("R50", "name"), scheme="T19", rows=_R50_ROWS.replace("@entity", "psn_no").replace("@hits", _R50_HITS[""]).replace("@where", "true"), amount="sum(excess_fen)",
    needs=("catalog.max_freq",), reason="触发规则R50超频次：近{window}天有{value}条超过限定频次", innocent="病情需要并有医嘱记录（N21）",
))  # fmt: skip
declare(unit(
    name="rule_r50_inst", rule="R50", label=setting("R50", "name"), scheme="T19", rows=_R50_ROWS.replace("@entity", "fixmedins_code").replace("@hits", _R50_HITS[", fixmedins_code"]).replace("@where", "true"), amount="sum(excess_fen)",
    needs=("catalog.max_freq",), reason="触发规则R50超频次：近{window}天有{value}条超过限定频次", innocent="病情需要并有医嘱记录（N21）",
))  # fmt: skip
declare(stay(
    name="rule_r51", rule="R51", label=setting("R51", "name"), scheme="T20", rows=R51, amount="sum(excess_fen)", needs=("catalog.discount_p",),
    reason="触发规则R51手术未折价：本次住院有{value}条同日第二及以后手术未按规定折价", innocent="不同切口、不同日手术可不折价",
))  # fmt: skip
declare(stay(
    name="rule_r53", rule="R53", label=setting("R53", "name"), scheme="T20", rows=OVER_CAP_STAY, amount="sum(excess_fen)", needs=("fee_details", "catalog.pric_uplmt_amt_e6"), exempt=("N24", "N25"),
    reason="触发规则R53超限价：本次住院有{value}条明细单价超过当日最高限价", innocent="调价当日目录未同步（N24，限价按日期取）；应急期临时价（N25）",
))  # fmt: skip
declare(unit(
    name="rule_r53_inst", rule="R53", label=setting("R53", "name"), scheme="T20", rows=OVER_CAP_UNIT, amount="sum(excess_fen)", needs=("fee_details", "catalog.pric_uplmt_amt_e6"), exempt=("N24", "N25"),
    reason="触发规则R53超限价：近{window}天有{value}条明细单价超过当日最高限价", innocent="调价当日目录未同步（N24）；机构等级登记有误",
))  # fmt: skip
declare(unit(
    name="rule_r53_dual", rule="R53", label="同药不同价", scheme="T12", kind="lead", rows=R53_PRICES, across=R53_ACROSS, measure="sum(n)", amount="sum(above_fen)", needs=("fee_details",), exempt=("N24", "N25"), source="3.9",
    reason="触发规则R53同药不同价：近{window}天有{value}条药品单价高于本地同月同药中位价20%以上", innocent="月中调价、规格或厂牌不同（N24）、应急期（N25）",
))  # fmt: skip
declare(stay(
    name="rule_r54", rule="R54", label=setting("R54", "name"), scheme="T20", rows=_R54_ROWS.replace("@entity", "mdtrt_id"), amount="sum(excess_fen)", needs=("fee_details",),
    reason="触发规则R54超天数：本次住院有{value}条床位、护理或计时收费超出应计天数或24小时", innocent="母婴同室、补记前日费用；在院病例不判",
))  # fmt: skip
declare(unit(
    name="rule_r54_inst", rule="R54", label=setting("R54", "name"), scheme="T20", rows=_R54_ROWS.replace("@entity", "fixmedins_code"), amount="sum(excess_fen)", needs=("fee_details",), unit="例", measure="count(DISTINCT mdtrt_id)",
    reason="触发规则R54超天数：近{window}天有{value}例住院床位、护理或计时收费超出应计", innocent="母婴同室、补记前日费用",
))  # fmt: skip
declare(stay(
    name="rule_r55", rule="R55", label=setting("R55", "name"), scheme="T17", kind="lead", rows=_R55_ROWS.replace("@entity", "mdtrt_id"), amount="sum(fen)", needs=("fee_details.hilist_name",), exempt=("N10",),
    reason="触发规则R55手术证据链缺失：本次住院有{value}条手术收费无麻醉、无材料、无手术记录", innocent="局麻小手术材料打包计价；日间手术已剔除（N10）",
))  # fmt: skip
declare(unit(
    name="rule_r55_inst", rule="R55", label=setting("R55", "name"), scheme="T17", kind="lead", rows=_R55_ROWS.replace("@entity", "fixmedins_code"), amount="sum(fen)", needs=("fee_details.hilist_name",), exempt=("N10",),
    reason="触发规则R55手术证据链缺失：近{window}天有{value}条手术收费无麻醉、无材料、无手术记录", innocent="局麻小手术材料打包计价；日间手术已剔除（N10）",
))  # fmt: skip
declare(doctor(
    name="rule_r56", rule="R56", label=setting("R56", "name"), scheme="T17", kind="lead", family="doctor", rows=_R56_ROWS.replace("@entity", "dr_codg"), amount="sum(excess_fen)", unit="天", measure="count(DISTINCT day)",
    needs=("catalog.std_minutes", "fee_details.bilg_dr_codg"), exempt=("N07", "N35"), reason="触发规则R56医师工时超限：近{window}天有{value}天标准工时合计超过16小时", innocent="多人共用工号（N35）；批量上传已剔除（N07）",
))  # fmt: skip
declare(unit(
    name="rule_r56_inst", rule="R56", label=setting("R56", "name"), scheme="T17", kind="lead", family="doctor", rows=_R56_ROWS.replace("@entity", "fixmedins_code"), amount="sum(excess_fen)", unit="人天",
    measure="count(DISTINCT dr_codg || day::VARCHAR)", needs=("catalog.std_minutes", "fee_details.bilg_dr_codg"), exempt=("N07", "N35"),
    reason="触发规则R56医师工时超限：近{window}天有{value}个医师工作日标准工时超过16小时", innocent="多人共用工号（N35）",
))  # fmt: skip
declare(stay(
    name="rule_r57", rule="R57", label=setting("R57", "name"), scheme="T23", rows=R57, amount="sum(fen)", needs=("fee_details",), exempt=("N22",), source="2.16",
    reason="触发规则R57高值耗材不符：本次住院有{value}条千元以上耗材无对应手术收费", innocent="介入操作记在治疗费（N22）",
))  # fmt: skip
declare(stay(
    name="rule_r57_count", rule="R57", label="高值耗材数量超标", scheme="T23", kind="lead", rows=R57_COUNT, amount="sum(excess_fen)", needs=("fee_details",), exempt=("N22",), source="2.16",
    reason="触发规则R57高值耗材数量超标：本次住院有{value}条千元以上耗材，件数超过常规", innocent="多节段、双侧手术（N22）",
))  # fmt: skip
declare(unit(
    name="rule_r57_inst", rule="R57", label=setting("R57", "name"), scheme="T23", rows=R57_UNIT, amount="sum(fen)", needs=("fee_details",), exempt=("N22",), source="2.16",
    reason="触发规则R57高值耗材不符：近{window}天有{value}条千元以上耗材无对应手术收费", innocent="介入操作记在治疗费（N22）",
))  # fmt: skip
declare(doctor(
    name="rule_r57_doctor", rule="R57", label=setting("R57", "name"), scheme="T23", rows=R57_DOCTOR, amount="sum(fen)", needs=("fee_details.bilg_dr_codg",), exempt=("N22",), source="2.16",
    reason="触发规则R57高值耗材不符：近{window}天所开{value}条千元以上耗材无对应手术收费", innocent="介入操作记在治疗费（N22）",
))  # fmt: skip
declare(unit(
    name="rule_r58", rule="R58", label=setting("R58", "name"), scheme="T21", kind="KPI", family="structure", rows=PANELS, unit="例", measure=f"CASE WHEN {_PANEL} THEN count(panel) ELSE 0 END",
    amount=f"CASE WHEN {_PANEL} THEN sum(test_fen) ELSE 0 END", needs=("fee_details",), exempt=("N13", "N21", "N22"),
    reason="触发规则R58检查检验过度：近{window}天{value}例住院中八成以上入院检查组合完全相同", innocent="单病种路径、专科医院（N13、N22）",
))  # fmt: skip
for _what, _name, _hit in (("ct", "CT、磁共振", "scans > 0"), ("lab", "化验", "lab_fen > 0")):
    declare(unit(
        name=f"rule_r58_{_what}", rule="R58", label=f"{_name}过度", scheme="T21", kind="KPI", family="structure", rows=PANELS, windows=(180,), unit="例", measure=f"count(*) FILTER (WHERE {_hit})", amount="sum(test_fen)", needs=("fee_details",),
        exempt=("N13", "N21", "N22"), peers=PeerTest(statistic=_R58.format(rate="avg(scans)" if _what == "ct" else "avg(lab_fen / nullif(fen, 0)::DOUBLE)"), side="high", z=setting("R58", "z"), excess=0.5),
        reason=f"触发规则R58检查检验过度：近{{window}}天{{value}}例住院有{_name}，每次住院的用量远高于同级同类机构", innocent="转诊中心、专科医院（N21、N22）",
    ))  # fmt: skip
for _part, _name in (("drug", "药"), ("test", "检查检验"), ("material", "耗材"), ("care", "治疗")):
    declare(unit(
        name=f"rule_r59_{_part}", rule="R59", label=f"{_name}占比异常", scheme="T16" if _part in ("drug", "material") else "T21", kind="KPI", family="structure", rows=MIX, windows=(180,), unit="例", measure=f"count(*) FILTER (WHERE {_part}_fen > 0)",
        needs=("fee_details",), exempt=("N21", "N22", "N24"), peers=PeerTest(statistic=_R59.format(part=f"{_part}_fen"), side="high", z=setting("R59", "z")),
        reason=f"触发规则R59费用结构异常：近{{window}}天{_name}占比远高于同级同类机构（涉及{{value}}例就诊）", innocent="专科机构、转诊中心（N21、N22）",
    ))  # fmt: skip
declare(unit(
    name="rule_r59", rule="R59", label=setting("R59", "name"), scheme="T16", kind="KPI", family="structure", rows=MIX, windows=(180,), unit="项",
    measure=f"CASE WHEN count(*) FILTER (WHERE recent) >= {_N} AND count(*) FILTER (WHERE NOT recent) >= {_N} THEN {_JUMPED} ELSE 0 END", needs=("fee_details",), exempt=("N21", "N22", "N24"),
    reason="触发规则R59费用结构异常：近30天有{value}项费用占比较此前5个月变化超过15个百分点", innocent="集采调价（N24）、新设科室（N22）",
))  # fmt: skip
