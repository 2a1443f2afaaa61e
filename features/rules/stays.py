"""Rules R01–R23 and R62, R64, R65, R68: how people lie in hospital.

Each is a feature whose rows are the hits (or mark them with `hit`), whose measure counts them and whose amount sums the fund at risk over the same rows.
Thresholds come from settings.toml. Exemptions (`exempt`, innocents N01–N35) are filters in the rows where the data can show them. What rules.md asks of
peers is a `PeerTest`, held against the stays of the last year once all buckets are measured; hospitals and doctors are told the stays so judged.
"""

from features.catalog.capacity import INST_STAYS, NIGHTS
from features.catalog.fake_stay import HOLIDAY_NIGHTS, STAFF, twin_rows
from features.catalog.ghost_bed import GAPS, LEAVES, OUTSIDE, SHARED_BED
from features.catalog.injury import INJURIES, OUT_OF_STAY
from features.catalog.split_stay import BUNCHING, READMISSIONS
from features.catalog.stay_rows import COURSE, LONG_CARE, STAY_DAYS, stay_rows
from features.declare import Feature, Kind, PeerTest, declare
from features.grains import Grain, Layout, Reversed
from features.thresholds import family_of_diagnoses, setting

FAMILY = {
    **dict.fromkeys(("R01", "R02", "R03", "R04", "R20", "R21"), "stay"),
    **dict.fromkeys(("R13", "R14", "R15", "R23"), "split"),
}
#: Beds at home (N34): filed, never in the ward.
_HOME = "SELECT psn_no FROM main.filings WHERE kind IN ('家庭病床', '居家护理')"


def rule(
    number: str, grain: Grain, scheme: str, rows: str, measure: str, *, amount: str | None, reason: str, innocent: str, roll: str = "", by: Layout = "institution",
    kind: Kind = "lead", exempt: str = "", needs: tuple[str, ...] = (), windows: tuple[int, ...] = (0,), mode: Reversed = "net", unit: str = "次",
    peers: PeerTest | None = None, across: str | None = None,
) -> Feature:  # fmt: skip
    """A rule as a feature: `rule_r01`, or `rule_r01_inst` for a roll-up; `amount` is a SQL aggregate in fen over the same rows."""
    return Feature(
        name=f"rule_{number.lower()}" + (f"_{roll}" if roll else ""), label=f"{number} {setting(number, 'name')}", unit=unit, grain=grain, scheme=scheme, by=by,
        reversed=mode, windows=windows, rows=rows, measure=measure, worse="high", reason=reason, innocent=innocent, needs=needs, kind=kind, rule=number,
        family=FAMILY.get(number, number), amount=amount, exempt=tuple(exempt.split()), source="rules.md " + number, peers=peers, across=across,
    )  # fmt: skip


def judged_rows(entity: str, column: str) -> str:
    """The judged stays of a hospital (`fixmedins_code`) or a doctor (`dr_codg`) that break the admission rule `column`."""
    return f"""SELECT {entity} AS entity_id, end_at AS happened_at, 'visits' AS row_table, entity_id AS row_id, psn_no, {column} AS hits, {column}_fen AS fen
    FROM judged WHERE {column} > 0 AND {entity} IS NOT NULL"""


_LEVEL_OF: dict[str, tuple[int, ...]] = {"admission": (0,), "institution": (180,), "doctor": (180,), "person": (0,)}
_WHO = {"admission": "本次住院", "institution": "本院近半年", "doctor": "该医师近半年", "person": "该参保人"}

# R01 — card use elsewhere while in bed
_R01 = "剔除共济账户代付、常去药店取药、上级医院检查和请假后，住院期间院外刷卡{value}次"
declare(rule("R01", "admission", "T01", OUTSIDE, f"CASE WHEN count(*) FILTER (hit) >= {setting('R01', 'min_swipes')} THEN count(*) FILTER (hit) ELSE 0 END",
    amount=f"CASE WHEN count(*) FILTER (hit) >= {setting('R01', 'min_swipes')} THEN max(coalesce(stay_fund_fen, 0)) ELSE 0 END", by="person", mode="kept",
    exempt="N05 N09 N18 N19 N32 N34", reason=_R01, innocent="家属代购、外院检查、请假离院（N05、N09、N18、N19）"))  # fmt: skip
declare(rule("R01", "institution", "T01", judged_rows("fixmedins_code", "rule_r01"), "count(*)", amount="sum(fen)", roll="inst", windows=(180,), by="judged", mode="kept", exempt="N05 N09 N18 N19 N32 N34",
    reason="近{window}天有{value}次住院期间患者在院外刷卡且缘由不明", innocent="家属代购、外院检查、请假离院（N05、N09、N18、N19）"))  # fmt: skip
# R02 — 72 hours without any line but the bed
declare(rule("R02", "admission", "T01", GAPS, "count(*) FILTER (hit)", amount="max(stay_fund_fen) FILTER (hit)", exempt="N03 N07",
    reason=f"住院中出现{{value}}次{setting('R02', 'gap_hours')}小时以上没有任何服务收费", innocent="精神、康复、护理病区或按日集中上传（N03、N07）"))  # fmt: skip

# R03 — no examination, test, treatment, operation or nursing at all
R03_ROWS = f"""SELECT s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights, coalesce(s.fund_fen, 0) AS fen
    FROM stays s ANTI JOIN (SELECT mdtrt_id FROM lines WHERE is_inpatient AND med_chrgitm_type IN ('03', '04', '05', '06', '07')) x ON x.mdtrt_id = s.mdtrt_id
    ANTI JOIN ({_HOME}) h ON h.psn_no = s.psn_no
    WHERE s.nights >= {setting("R03", "min_nights")} AND s.lines > 0 AND NOT s.day_surgery AND NOT {LONG_CARE}"""
declare(rule("R03", "admission", "T01", R03_ROWS, "count(*)", amount="sum(fen)", exempt="N03 N34",
    reason="住院三夜以上没有一条检查、化验、治疗、手术和护理收费（命中{value}）", innocent="护理费按出院日一次记账、家庭病床（N03、N34）"))  # fmt: skip

# R04 — too cheap a day: below the cheapest twentieth of stays of its kind
R04_ROWS = f"""SELECT s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights, coalesce(s.fund_fen, 0) AS fen, f.fee_fen / s.bed_days AS daily_fen,
    s.nights >= {setting("R04", "min_nights")} AS hit
    FROM stays s JOIN (SELECT mdtrt_id, sum(fen) AS fee_fen FROM lines WHERE is_inpatient AND med_chrgitm_type <> '01' GROUP BY 1) f ON f.mdtrt_id = s.mdtrt_id
    ANTI JOIN ({_HOME}) h ON h.psn_no = s.psn_no
    WHERE NOT s."open" AND NOT s.day_surgery AND NOT {LONG_CARE}"""
declare(rule("R04", "admission", "T01", R04_ROWS, "count(*) FILTER (hit)", amount="coalesce(sum(fen) FILTER (hit), 0)", exempt="N03 N34", peers=PeerTest(statistic="max(daily_fen)", side="low", quantile=setting("R04", "quantile")),
    reason="除床位费外日均费用低于同病种同级机构的最低5%（命中{value}）", innocent="病情轻稳、使用集采药，或按床日付费（N03）"))  # fmt: skip

# R05 — two people in one bed
declare(rule("R05", "admission", "T01", SHARED_BED, f"count(DISTINCT psn_no) FILTER (nights_shared >= {setting('R05', 'min_nights')})", unit="人", needs=("visits.adm_bed",),
    amount=f"max(own_fund_fen) FILTER (nights_shared >= {setting('R05', 'min_nights')})", exempt="N12 N35",
    reason="同一科室同一床号同夜还住着{value}人", innocent="换床未登记、加床共用床号（N12、N35）"))  # fmt: skip
declare(rule("R05", "institution", "T07", f"SELECT entity_id_ AS entity_id, max(happened_at) AS happened_at, 'visits' AS row_table, stay_id AS row_id, max(own_fund_fen) AS fen FROM (SELECT u.fixmedins_code AS entity_id_, b.* FROM ({SHARED_BED}) b JOIN stays u ON u.mdtrt_id = b.stay_id) WHERE nights_shared >= {setting('R05', 'min_nights')} GROUP BY 1, 4",
    "count(*)", amount="sum(fen)", roll="inst", windows=(180,), needs=("visits.adm_bed",), exempt="N12 N35",
    reason="近{window}天有{value}次住院与他人同床同夜", innocent="换床未登记、走廊加床、床号复用（N35）"))  # fmt: skip

# R06 — more people than beds, night after night
R06_ROWS = f"""SELECT * FROM (SELECT *, count(DISTINCT night) OVER (PARTITION BY entity_id, date_trunc('month', night)) AS over_nights FROM ({NIGHTS}) WHERE inhouse > beds * {setting("R06", "factor")})
    WHERE over_nights >= {setting("R06", "min_nights")}"""
declare(rule("R06", "institution", "T07", R06_ROWS, "count(DISTINCT night)", amount="sum(fen * (inhouse - beds) / inhouse)", unit="夜", windows=(180,), needs=("institutions.aprv_bed_cnt",), exempt="N10 N25",
    reason="近{window}天有{value}夜在院人数超过批准床位（当月十夜以上）", innocent="疫情扩容、家庭病床、床位变更未备案（N25、N34）"))  # fmt: skip

# R07 — the ward does not empty for the holidays
_CORE = "count(*) FILTER (phase = 'core')"
_RATIO = "(count(*) FILTER (phase = 'core') / nullif(count(DISTINCT day) FILTER (phase = 'core'), 0)) / nullif(count(*) FILTER (phase = 'before') / nullif(count(DISTINCT day) FILTER (phase = 'before'), 0), 0)"
_R07 = f"max(level) <= {setting('R07', 'max_level')} AND coalesce({_RATIO}, 0) >= {setting('R07', 'ratio')} AND count(*) FILTER (phase = 'before') >= {setting('R07', 'min_inhouse')} * count(DISTINCT day) FILTER (phase = 'before')"
declare(rule("R07", "institution", "T02", HOLIDAY_NIGHTS, f"CASE WHEN {_R07} THEN count(DISTINCT feast) ELSE 0 END", windows=(365,), exempt="N03 N14",
    amount=f"CASE WHEN {_R07} THEN sum(fen) FILTER (phase = 'core') * (1 - 1 / nullif({_RATIO}, 0)) ELSE 0 END",
    reason="近一年长假期间在院人数不降反升（涉及{value}个长假）", innocent="精神康复护理病区不放假、节日流感（N03、N14）"))  # fmt: skip

# R08 — five in, five out, three of them neighbours
_STEP = stay_rows("s.fixmedins_code")
R08_ROWS = f"""SELECT * FROM (SELECT *, max(greatest(coalesce(of_village, 0), coalesce(of_employer, 0))) OVER (PARTITION BY entity_id, adm_date, end_date) AS of_origin FROM (
    SELECT *, count(*) OVER (PARTITION BY entity_id, adm_date, end_date) AS in_step,
        CASE WHEN village IS NOT NULL THEN count(*) OVER (PARTITION BY entity_id, adm_date, end_date, village) END AS of_village,
        CASE WHEN employer IS NOT NULL THEN count(*) OVER (PARTITION BY entity_id, adm_date, end_date, employer) END AS of_employer
    FROM ({_STEP}) WHERE NOT "open" AND NOT course AND NOT long_care AND nights > 0))
    WHERE in_step >= {setting("R08", "min_persons")} AND of_origin >= {setting("R08", "min_same_origin")}"""
declare(rule("R08", "institution", "T02", R08_ROWS, "count(DISTINCT (adm_date, end_date))", amount="sum(fen)", unit="批", windows=(365,), exempt="N01 N02 N10",
    reason="近{window}天有{value}批人同日入院又同日出院，且多为同村或同单位", innocent="养老机构批量就诊、义诊、群体事件（N04、N14、N15）"))  # fmt: skip

# R09 — bags alike
_FIVE = f"twins >= {setting('R09', 'min_stays') - 1} AND likeness >= {setting('R09', 'similarity')} AND codes >= {setting('R09', 'min_codes')}"
declare(rule("R09", "institution", "T02", twin_rows("institution"), f"count(DISTINCT a) FILTER ({_FIVE})", amount=f"coalesce(sum(own_fund_fen) FILTER (first AND twins >= {setting('R09', 'min_stays') - 1}), 0)", windows=(180,), exempt="N10",
    reason="近{window}天有{value}次住院各与四次以上他人住院项目雷同", innocent="临床路径、透析放化疗、产科套餐（N01、N02、N12、N13）"))  # fmt: skip

# R10 — the unit's own people in its beds
_STAFF: tuple[tuple[Grain, str, str], ...] = (
    ("admission", "s.mdtrt_id", ""),
    ("doctor", "d.dr_codg", "doctor"),
    ("institution", "s.fixmedins_code", "inst"),
)
for _grain, _entity, _roll in _STAFF:
    declare(rule("R10", _grain, "T02", STAFF.format(entity=_entity), "count(DISTINCT row_id)", amount="sum(fen)" if _grain != "admission" else "max(fen)", roll=_roll, needs=("doctors.certno", "persons.certno"),
        windows=(0,) if _grain == "admission" else (365,), exempt="N31 N35", reason="本院医师在本院住院{value}次", innocent="职工确实患病、就近治疗（N31）"))  # fmt: skip

# R11 — in two hospitals at once
R11_ROWS = f"""SELECT {{entity}} AS entity_id, greatest(s.begntime, o.begntime) AS happened_at, 'visits' AS row_table, o.mdtrt_id AS row_id, s.mdtrt_id AS stay_id, o.fixmedins_code,
    date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date)) AS days,
    CASE WHEN s.nights < o.nights OR (s.nights = o.nights AND s.mdtrt_id < o.mdtrt_id) THEN coalesce(s.fund_fen, 0) ELSE 0 END AS fen
    FROM stays s JOIN stays o ON o.psn_no = s.psn_no AND o.fixmedins_code <> s.fixmedins_code ANTI JOIN ({_HOME}) h ON h.psn_no = s.psn_no
    WHERE date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date)) > {setting("R11", "overlap_days")}
      AND s.dscg_way IS DISTINCT FROM '2' AND o.dscg_way IS DISTINCT FROM '2' AND NOT s.day_surgery AND NOT o.day_surgery"""
_BOTH: tuple[tuple[Grain, str, str], ...] = (("person", "s.psn_no", ""), ("admission", "s.mdtrt_id", "admission"))
for _grain, _entity, _roll in _BOTH:
    declare(rule("R11", _grain, "T02", R11_ROWS.format(entity=_entity), "count(*)" if _grain == "admission" else "count(*) / 2", amount="sum(fen)" if _grain == "person" else "max(fen)", kind="hard", by="person", roll=_roll, exempt="N16 N34",
        windows=(365,) if _grain == "person" else (0,), reason="与另一家医院的住院重叠一天以上（{value}次）", innocent="转院手续滞后、重结更正、家庭病床（N16、N31、N34）"))  # fmt: skip

# R12 — billed outside the stay
declare(rule("R12", "admission", "T17", OUT_OF_STAY, "count(*) FILTER (hit)", amount="sum(scope_fen) FILTER (hit)", kind="hard", unit="条", exempt="N31",
    reason="有{value}条费用发生在住院日期之外", innocent="术前门诊检查并入住院、更正补记（N31）"))  # fmt: skip

# R13, R14 — back again
_R13 = f"same_unit AND hit AND gap_days <= {setting('R13', 'max_gap_days')}"
_R14 = f"same_unit AND gap_days <= {setting('R14', 'max_gap_days')} AND NOT planned AND NOT course"
_LATER = READMISSIONS.format(entity="s.mdtrt_id", moment="o.end_at", row="o.mdtrt_id", same="")
_AGAIN = "病情反复、疗程或计划内再入院（N01、N02、N03、N11）"
declare(rule("R13", "admission", "T04", f"SELECT * FROM ({_LATER}) WHERE {_R13}", "count(*)", amount="max(fen)", by="person", exempt="N01 N02 N03 N11 N16",
    reason=f"在同一医院因同病出院{setting('R13', 'max_gap_days')}天内再入院（{{value}}次），非疗程、非计划、非转院", innocent=_AGAIN))  # fmt: skip
declare(rule("R14", "admission", "T04", f"SELECT * FROM ({_LATER}) WHERE {_R14}", "count(*)", amount="max(fen)", by="person", exempt="N11",
    reason="当日出院、当日又在同一医院入院（{value}次）", innocent="更换医保类型、转科、跨年结算（N31）"))  # fmt: skip
for _number, _test in (("R13", _R13), ("R14", _R14)):
    _rolled = f"SELECT unit AS entity_id, begin_ AS happened_at, 'visits' AS row_table, stay_id AS row_id, max(fen) AS fen, min(gap_days) AS gap_days FROM (SELECT u.fixmedins_code AS unit, u.begntime AS begin_, r.* FROM ({READMISSIONS.format(entity='s.mdtrt_id', moment='o.end_at', row='o.mdtrt_id', same='AND o.fixmedins_code = s.fixmedins_code')}) r JOIN stays u ON u.mdtrt_id = r.stay_id) WHERE {_test} GROUP BY 1, 2, 4"
    declare(rule(_number, "institution", "T04", _rolled, "count(*)", amount="sum(fen)", roll="inst", windows=(180,), exempt="N01 N02 N03 N11 N16",
        reason="近{window}天有{value}次" + ("短期同病再入院" if _number == "R13" else "当日出院当日再入院"), innocent=_AGAIN))  # fmt: skip

# R15 — one length of stay for everybody
R15_ROWS = f"""SELECT * FROM (SELECT *, count(*) OVER (PARTITION BY entity_id) AS in_unit FROM ({BUNCHING}) WHERE NOT course AND NOT long_care AND happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY)
    WHERE in_unit >= {setting("R15", "min_stays")} AND at_q >= 10 AND at_q > {setting("R15", "factor")} * greatest(beside, 1)"""
declare(rule("R15", "institution", "T04", R15_ROWS, "count(DISTINCT nights)", amount="sum(fen * (at_q - beside) / at_q)", unit="个", windows=(365,), exempt="N02 N10",
    reason="近{window}天有{value}个住院天数的人次超过相邻天数三倍", innocent="临床路径、产科套餐天数固定（N12、N13）"))  # fmt: skip

# R16 — always in hospital
R16_ROWS = f"""SELECT s.psn_no AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, coalesce(s.fund_fen, 0) AS fen, row_number() OVER (PARTITION BY s.psn_no ORDER BY s.begntime, s.mdtrt_id) AS ordinal
    FROM stays s WHERE NOT s.day_surgery AND NOT ({COURSE}) AND NOT {LONG_CARE} AND NOT regexp_matches(coalesce(s.dx, ''), {family_of_diagnoses("delivery")})
      AND s.happened_at > (SELECT t FROM main.asof) - INTERVAL {setting("R16", "window_days")} DAY"""
_SIXTH = f"ordinal >= {setting('R16', 'min_stays')}"
declare(rule("R16", "person", "T05", R16_ROWS, f"CASE WHEN count(*) >= {setting('R16', 'min_stays')} THEN count(*) ELSE 0 END", amount=f"coalesce(sum(fen) FILTER ({_SIXTH}), 0)", by="person", exempt="N01 N02 N03 N12",
    reason="一年内住院{value}次，疗程和长期住院除外", innocent="多病共存老人、反复发作的慢病（N29）"))  # fmt: skip


# R17, R18 — a bed for a clinic's case, a bed for a check-up
def low_rows(entity: str) -> str:
    """Stays with what the lines say about need; `r17` and `r18` mark the hits."""
    return f"""SELECT {entity} AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights, coalesce(s.fund_fen, 0) AS fen, f.fee_fen, f.test_fen,
    regexp_matches(coalesce(s.dx, ''), {family_of_diagnoses("outpatient_ok")}) AND NOT f.surgery AND NOT f.infusion AND NOT f.close_nursing
        AND coalesce(s.lv1_nurscare_days, 0) = 0 AND coalesce(s.spga_nurscare_days, 0) = 0 AND NOT {LONG_CARE}
        AND NOT s."open" AS r17, CASE WHEN NOT s."open" THEN coalesce(s.medfee_fen, f.fee_fen) END AS whole_fen,
    f.test_fen >= {setting("R18", "test_share")} * f.fee_fen AND s.nights <= {setting("R18", "max_nights")} AND NOT f.treated AND NOT f.surgery AND NOT s."open"
        AND s.dscg_way IS DISTINCT FROM '2' AND r.psn_no IS NULL AS r18
FROM stays s JOIN (SELECT l.mdtrt_id, sum(l.fen) AS fee_fen, coalesce(sum(l.fen) FILTER (l.med_chrgitm_type IN ('03', '04')), 0) AS test_fen, bool_or(l.med_chrgitm_type = '05') AS treated,
        bool_or(l.med_chrgitm_type = '06') AS surgery, bool_or(coalesce(c.infusion_flag = '1', false) OR regexp_matches(coalesce(l.hilist_name, ''), '注射|输液|滴注|针')) AS infusion,
        bool_or(l.med_chrgitm_type = '07' AND regexp_matches(coalesce(l.hilist_name, ''), '特级|Ⅰ级|一级|I级')) AS close_nursing
    FROM lines l LEFT JOIN (SELECT DISTINCT med_list_codg, infusion_flag FROM main.catalog WHERE infusion_flag = '1') c USING (med_list_codg) WHERE l.is_inpatient GROUP BY 1) f ON f.mdtrt_id = s.mdtrt_id
LEFT JOIN (SELECT DISTINCT g.psn_no, t.mdtrt_id FROM main.filings g JOIN stays t ON t.psn_no = g.psn_no WHERE g.kind = '转诊' AND g.begndate BETWEEN t.adm_date - 30 AND t.end_date) r ON r.mdtrt_id = s.mdtrt_id
WHERE NOT s.day_surgery AND {entity} IS NOT NULL"""


_LOW = "病情确需住院、流行期收治或转诊检查（N14、N16、N21、N29）"
declare(rule("R17", "admission", "T05", low_rows("s.mdtrt_id"), "count(*) FILTER (r17)", amount="coalesce(sum(fen) FILTER (r17), 0)", exempt="N03", peers=PeerTest(statistic="max(whole_fen)", side="low", times=setting("R17", "fee_share")),
    reason="门诊可处理的诊断，无手术、输液和重护理，费用不到同类住院中位数的一半（命中{value}）", innocent=_LOW))  # fmt: skip
_TOLD: tuple[tuple[Grain, str, str], ...] = (("institution", "fixmedins_code", "inst"), ("doctor", "dr_codg", "doctor"))
for _grain, _entity, _roll in _TOLD:
    declare(rule("R17", _grain, "T05", judged_rows(_entity, "rule_r17"), "count(*)", amount="sum(fen)", roll=_roll, windows=(180,), by="judged", exempt="N03",
        reason=_WHO[_grain] + "门诊可处理而收住院，命中{value}次", innocent=_LOW))  # fmt: skip
_CHECKUPS: tuple[tuple[Grain, str, str], ...] = (
    ("admission", "s.mdtrt_id", ""),
    ("institution", "s.fixmedins_code", "inst"),
)
for _grain, _entity, _roll in _CHECKUPS:
    declare(rule("R18", _grain, "T05", f"SELECT * FROM ({low_rows(_entity)}) WHERE r18", "count(*)", amount="sum(fen)", roll=_roll, windows=_LEVEL_OF[_grain], exempt="N16",
        reason=_WHO[_grain] + "检查化验占六成以上的体检式短住院，命中{value}次", innocent=_LOW))  # fmt: skip

# R19 — long after recovery
_TAIL = "coalesce(sum(fen) FILTER (position >= bed_days * 2 / 3.0), 0) / nullif(sum(fen) FILTER (position < bed_days / 3.0), 0)::DOUBLE"
_R19_TAIL = f"NOT max(stay_long) AND max(nights) >= {setting('R19', 'min_nights')} AND coalesce({_TAIL}, 1) < {setting('R19', 'tail_share')}"
R19_ROWS = f"SELECT r.*, {LONG_CARE} AS stay_long, coalesce(s.fund_fen, 0) AS stay_fund_fen FROM ({STAY_DAYS}) r JOIN stays s ON s.mdtrt_id = r.entity_id ANTI JOIN ({_HOME}) h ON h.psn_no = s.psn_no"
declare(rule("R19", "admission", "T06", R19_ROWS, "CASE WHEN NOT max(stay_long) THEN 1 ELSE 0 END", amount="max(stay_fund_fen)", exempt="N03 N34", mode="net",
    peers=PeerTest(statistic="CASE WHEN NOT max(stay_long) THEN max(nights) END", side="high", quantile=setting("R19", "quantile"), excess=setting("R19", "excess_over_quantile"), least=setting("R19", "min_peers")),
    reason="住院天数超过同病种同级机构99%的住院（命中{value}）", innocent="恢复期等待转接、长期护理（N03、N34）"))  # fmt: skip
declare(rule("R19", "admission", "T06", R19_ROWS, f"CASE WHEN {_R19_TAIL} THEN 1 ELSE 0 END", amount=f"CASE WHEN {_R19_TAIL} THEN max(stay_fund_fen) * coalesce(sum(fen) FILTER (position >= bed_days * 2 / 3.0), 0) / nullif(sum(fen), 0) ELSE 0 END", roll="tail", exempt="N03 N34",
    reason="住院半月以上，后段日费用不到前段四分之一（命中{value}）", innocent="恢复期等待转接、长期护理（N03、N34）"))  # fmt: skip

# R20, R21 — what leave books and bed checks say
R20_ROWS = f"SELECT r.*, coalesce(s.fund_fen, 0) AS fund_fen FROM ({LEAVES}) r JOIN stays s ON s.mdtrt_id = r.entity_id"
_R20 = f"count(*) > {setting('R20', 'max_leaves')} OR sum(days) > {setting('R20', 'max_share')} * max(bed_days)"
declare(rule("R20", "admission", "T01", R20_ROWS, f"CASE WHEN {_R20} THEN count(*) ELSE 0 END", amount=f"CASE WHEN {_R20} THEN max(fund_fen) * least(1, sum(days) / max(bed_days)) ELSE 0 END", by="person", kind="hard", needs=("filings",), exempt="N19",
    reason="住院期间请假{value}次，超过规定", innocent="经批准的离院（N19）"))  # fmt: skip
_ABSENT = "c.result_code IN ('B4_ABSENT', 'B5_NO_SUCH')"
R21_ROWS = f"""SELECT {{entity}} AS entity_id, c.check_time AS happened_at, 'presence_checks' AS row_table, coalesce(c.check_id, c.mdtrt_id || '|' || c.check_time) AS row_id, c.result_code, coalesce(s.fund_fen, 0) AS fen, s.level,
    {_ABSENT} AS hit, c.result_code NOT IN ('B8_UNABLE') AS told FROM main.presence_checks c JOIN stays s ON s.mdtrt_id = c.mdtrt_id WHERE c.result_code IS NOT NULL"""
declare(rule("R21", "admission", "T01", R21_ROWS.format(entity="s.mdtrt_id"), "count(*) FILTER (hit)", amount="coalesce(max(fen) FILTER (hit), 0)", kind="hard", needs=("presence_checks",), exempt="N19 N34",
    reason="查床时不在院且无据，{value}次", innocent="请假或外出检查的记录未及时登记（N19）"))  # fmt: skip
_SHARE = f"count(*) FILTER (hit) >= count(*) FILTER (told) * CASE max(level) WHEN 3 THEN {setting('R21', 'absent_share_level_3')} WHEN 2 THEN {setting('R21', 'absent_share_level_2')} ELSE {setting('R21', 'absent_share_level_1')} END"
declare(rule("R21", "institution", "T01", R21_ROWS.format(entity="s.fixmedins_code"), f"CASE WHEN {_SHARE} THEN count(*) FILTER (hit) ELSE 0 END", amount=f"CASE WHEN {_SHARE} THEN coalesce(sum(fen) FILTER (hit), 0) ELSE 0 END", roll="inst", windows=(365,), kind="hard", needs=("presence_checks",), exempt="N19 N34",
    reason="近{window}天查床有{value}人次不在院且无据，比例超过规定", innocent="查床次数少，比例不稳（N19）"))  # fmt: skip

# R22, R23 — the unit's indicators
R22_ROWS = f"SELECT *, happened_at > (SELECT t FROM main.asof) - INTERVAL 180 DAY AS recent FROM ({INST_STAYS}) WHERE settled AND happened_at > (SELECT t FROM main.asof) - INTERVAL 360 DAY"
_RISE = f"avg(medfee_fen) FILTER (recent) - avg(medfee_fen) FILTER (NOT recent) * (1 + {setting('R22', 'growth_cap')})"
_R22 = f"count(*) FILTER (recent) >= {setting('R22', 'min_stays')} AND count(*) FILTER (NOT recent) >= {setting('R22', 'min_stays')} AND coalesce({_RISE}, 0) > 0"
declare(rule("R22", "institution", "T07", R22_ROWS, f"CASE WHEN {_R22} THEN 1 ELSE 0 END", amount=f"CASE WHEN {_R22} THEN ({_RISE}) * count(*) FILTER (recent) ELSE 0 END", kind="KPI", exempt="N21 N24",
    reason="近半年次均住院费用比前半年增长超过控制线（命中{value}）", innocent="病种变重、调价（N21、N24）"))  # fmt: skip
R23_ROWS = f"""SELECT r.*, coalesce(gap_days <= {setting("R23", "window_days")} AND NOT was_planned AND NOT course AND NOT long_care, false) AS hit FROM (SELECT r.*, date_diff('day', max(r.end_date) OVER w, r.adm_date) AS gap_days, coalesce(lag(r.planned) OVER v, false) AS was_planned
    FROM ({INST_STAYS}) r WINDOW w AS (PARTITION BY r.entity_id, r.psn_no ORDER BY r.begntime, r.row_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), v AS (PARTITION BY r.entity_id, r.psn_no ORDER BY r.begntime, r.row_id)) r"""
declare(rule("R23", "institution", "T04", R23_ROWS, "count(*) FILTER (hit)", amount=None, kind="KPI", windows=(180,), exempt="N02 N11",
    peers=PeerTest(statistic=f"CASE WHEN count(*) >= {setting('R23', 'min_stays')} THEN avg(hit::INT) END", side="high", z=setting("R23", "z")),
    reason="近{window}天三十一天内非计划再入院{value}次，再入院率远高于同级同类机构", innocent="收治重症慢病较多（N02、N21）"))  # fmt: skip

# R62 — every injury asked about
declare(rule("R62", "admission", "T18", INJURIES.format(entity="s.mdtrt_id"), "count(*) FILTER (NOT closed)", amount="coalesce(sum(fen) FILTER (NOT closed), 0)",
    reason="外伤住院{value}次，尚无受伤原因调查结论", innocent="多数外伤确系自行跌伤，须逐案询问"))  # fmt: skip

# R64 — nobody pays anything
_DUE = "settled AND NOT waived AND NOT course AND NOT long_care"
_R64 = f"count(*) FILTER ({_DUE}) >= {setting('R64', 'min_stays')} AND count(*) FILTER ({_DUE} AND zero_cash) >= {setting('R64', 'share')} * count(*) FILTER ({_DUE})"
declare(rule("R64", "institution", "T29", f"SELECT *, {_DUE} AND zero_cash AS hit FROM ({INST_STAYS})", f"CASE WHEN {_R64} THEN count(*) FILTER ({_DUE} AND zero_cash) ELSE 0 END", amount=f"CASE WHEN {_R64} THEN sum(fen) FILTER ({_DUE} AND zero_cash) ELSE 0 END", windows=(180,), exempt="N01 N02 N03 N26 N27",
    reason="近{window}天应付起付线的住院几乎都零自付（{value}次）", innocent="个人账户抵付、救助待遇未录入（N26、N27）"))  # fmt: skip

# R65 — retired cadres: a month dearer than 99 % of cadres have, or a stay beyond twenty days
_CADRE = "(s.insutype = '340' OR s.psn_type LIKE '13%')"
R65_STAYS = f"""SELECT s.psn_no AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, coalesce(s.fund_fen, 0) * (s.nights - {setting("R65", "max_nights")}) / s.nights AS fen
    FROM stays s WHERE {_CADRE} AND s.nights > {setting("R65", "max_nights")} AND NOT {LONG_CARE}"""
R65_MONTHS = f"""SELECT entity_id, happened_at, 'settlements' AS row_table, row_id, fen, of_month, of_month = max(of_month) OVER (PARTITION BY entity_id) AS hit FROM (
    SELECT s.psn_no AS entity_id, s.happened_at, s.setl_id AS row_id, coalesce(s.fund_pay_sumamt_fen, 0) AS fen, sum(coalesce(s.fund_pay_sumamt_fen, 0)) OVER (PARTITION BY s.psn_no, date_trunc('month', s.happened_at)) AS of_month
    FROM settlements s WHERE {_CADRE} AND s.happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY)"""
declare(rule("R65", "person", "T25", R65_STAYS, "count(*)", amount="sum(fen)", by="person", windows=(365,), exempt="N03",
    reason=f"离休人员近{{window}}天有{{value}}次住院超过{setting('R65', 'max_nights')}天", innocent="高龄多病；零自付是离休待遇（N03、N27）"))  # fmt: skip
declare(rule("R65", "person", "T25", R65_MONTHS, "count(*) FILTER (hit)", amount="coalesce(sum(fen) FILTER (hit), 0)", by="person", roll="month", windows=(365,), exempt="N03", unit="笔",
    peers=PeerTest(statistic="max(of_month)", side="high", quantile=setting("R65", "quantile"), excess=setting("R65", "quantile")),
    reason="离休人员近{window}天最高一月的基金支付超过99%的离休人员，涉及{value}笔", innocent="高龄多病、手术；零自付是离休待遇（N03、N27）"))  # fmt: skip
