"""T02 虚假住院 fictitious admission: nobody is treated, the papers are.

How it works: a broker brings cards from a village, a factory or a nursing home; the unit writes two to eight days with a chronic diagnosis, copies one
order set, invents a few thousand yuan each. Some of the "patients" are the unit's own staff.
What it leaves: bags of items nearly identical to other stays of the unit; admitted and discharged in step with others; orders entered in minutes; no
self-payment; a patient never seen before and never seen again, living far away; wards that do not empty over the Spring Festival; one village or
employer behind a large share of admissions.
Honest cases: dialysis and chemotherapy (N01, N02: same bag, same day), nursing-home rounds (N04), day surgery and packages (N10, N12), clinical
pathways (N13), influenza season (N14), free clinics (N15). Camouflage varies the items, so likeness is a matter of degree.
"""

import re
from functools import partial

from features.catalog.stay_rows import COURSE, HOLIDAYS, LONG_CARE, STAY_DAYS, WAIVED, profile_rows, stay_rows
from features.common_subqueries import once
from features.declare import Feature, declare
from features.thresholds import family_of_diagnoses, setting

_COMMON = setting("R09", "common_share")
_DAYS = setting("R09", "window_days")
_ROWS, _BANDS = 3, 14


def _each(told: str) -> str:
    """`told` once for each of the hashes, whose number stands for {k}."""
    return ", ".join(told.format(k=k) for k in range(_ROWS * _BANDS))


_KEYS = ", ".join(f"hash({', '.join(f'h{k}' for k in range(_ROWS * b, _ROWS * b + _ROWS))})" for b in range(_BANDS))

#: Other stays of the unit within 30 days whose bag of items is alike (Jaccard ≥ 0.7 of the item sets, items in > 80 % of its stays dropped). Candidates come from
#: min-hash bands of three rows, so no pair of the unit is compared without cause; a pair at 0.7 is found with 1−(1−0.343)^14 > 99.7 %. `fee_gap` is the relative gap of totals.
_PAIRS = once(
    "twins",
    f"""WITH items_ AS (SELECT DISTINCT l.mdtrt_id, l.fixmedins_code, l.med_list_codg AS code FROM lines l JOIN stays s ON s.mdtrt_id = l.mdtrt_id
        WHERE l.is_inpatient AND NOT s.day_surgery AND l.med_chrgitm_type NOT IN ('01', '02', '07', '12', '13')),
codes_ AS (SELECT code, (row_number() OVER (ORDER BY code))::INTEGER AS id FROM (SELECT DISTINCT code FROM items_)),
stays_ AS (SELECT fixmedins_code, count(DISTINCT mdtrt_id) AS n FROM items_ GROUP BY 1),
common_ AS (SELECT fixmedins_code, code FROM items_ JOIN stays_ USING (fixmedins_code) GROUP BY fixmedins_code, code, n HAVING count(*) > {_COMMON} * n AND n >= 10),
rare_ AS (SELECT i.mdtrt_id, c.id FROM items_ i JOIN codes_ c USING (code) ANTI JOIN common_ x ON x.fixmedins_code = i.fixmedins_code AND x.code = i.code),
bags_ AS (SELECT r.mdtrt_id, list(id ORDER BY id) AS bag, any_value(s.fixmedins_code) AS fixmedins_code, any_value(s.adm_date) AS adm_date, any_value(s.psn_no) AS psn_no,
        any_value(coalesce(s.medfee_fen, s.lines_fen)) AS fee_fen, any_value(coalesce(s.fund_fen, 0)) AS fund_fen, any_value(s.happened_at) AS happened_at,
        any_value(s.dx3) AS dx3, any_value(s.nights) AS nights, any_value(s.atddr_no) AS atddr_no
    FROM rare_ r JOIN stays s USING (mdtrt_id) GROUP BY 1 HAVING count(*) >= 5),
hashes_ AS (SELECT id, {_each("(md5_number_lower(code || '|{k}') % 2147483647)::INTEGER AS h{k}")} FROM codes_),
sketch_ AS (SELECT mdtrt_id, {_each("min(h{k}) AS h{k}")} FROM rare_ JOIN hashes_ USING (id) GROUP BY 1),
bands_ AS (SELECT b.fixmedins_code, b.adm_date, mdtrt_id, unnest(range({_BANDS})) AS band, unnest([{_KEYS}]) AS key FROM sketch_ JOIN bags_ b USING (mdtrt_id)),
pairs_ AS (SELECT DISTINCT a.mdtrt_id AS a, b.mdtrt_id AS b FROM bands_ a JOIN bands_ b ON a.fixmedins_code = b.fixmedins_code AND a.band = b.band AND a.key = b.key
    AND a.mdtrt_id <> b.mdtrt_id AND abs(date_diff('day', a.adm_date, b.adm_date)) <= {_DAYS}),
alike_ AS (SELECT p.a, p.b, len(list_intersect(x.bag, y.bag)) AS shared FROM pairs_ p JOIN bags_ x ON x.mdtrt_id = p.a JOIN bags_ y ON y.mdtrt_id = p.b
    WHERE p.a < p.b AND x.psn_no <> y.psn_no AND 10 * least(len(x.bag), len(y.bag)) >= 7 * greatest(len(x.bag), len(y.bag))),
close_ AS (SELECT x.fixmedins_code, x.mdtrt_id AS a, y.mdtrt_id AS b, x.fund_fen AS own_fund_fen, y.fund_fen AS fen, x.happened_at AS own_at, y.happened_at, x.atddr_no,
        x.dx3 = y.dx3 AS same_dx3, x.nights = y.nights AS same_nights, len(x.bag) AS codes, len(y.bag) AS other_codes, p.shared,
        abs(x.fee_fen - y.fee_fen) / nullif(greatest(x.fee_fen, y.fee_fen), 0) AS fee_gap
    FROM (SELECT a, b, shared FROM alike_ UNION ALL SELECT b, a, shared FROM alike_) p JOIN bags_ x ON x.mdtrt_id = p.a JOIN bags_ y ON y.mdtrt_id = p.b)
SELECT *, shared / (codes + other_codes - shared)::DOUBLE AS likeness FROM close_ WHERE shared / (codes + other_codes - shared)::DOUBLE >= 0.7""",
)
TWINS = f"SELECT a AS entity_id, 'visits' AS row_table, b AS row_id, *, likeness >= 0.8 AS hit FROM {_PAIRS}"


def twin_rows(grain: str) -> str:
    """The pairs told of the hospital or the doctor; `twins` counts how many equals a stay has by rule R09, `first` marks one row per stay."""
    key = "fixmedins_code" if grain == "institution" else "atddr_no"
    alike = f"count(*) FILTER (likeness >= {setting('R09', 'similarity')} AND codes >= {setting('R09', 'min_codes')}) OVER (PARTITION BY a)"
    five = f"likeness >= {setting('R09', 'similarity')} AND codes >= {setting('R09', 'min_codes')} AND {alike} >= {setting('R09', 'min_stays') - 1}"
    return f"""SELECT * REPLACE (own_at AS happened_at, {five} AS hit), {alike} AS twins, row_number() OVER (PARTITION BY a ORDER BY b) = 1 AS first FROM ({TWINS.replace("a AS entity_id, 'visits' AS row_table, b AS row_id", f"{key} AS entity_id, 'visits' AS row_table, a AS row_id")}) WHERE {key} IS NOT NULL"""


_twin = partial(
    Feature, grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,), rows=TWINS, worse="high"
)
_PATH = "同病种临床路径、日间手术或透析放化疗本来同项（N01、N02、N10、N13）"
declare(_twin(name="bag_likeness", label="与本院其他住院的项目重合度", unit="%", measure="max(likeness)",
    reason="收费项目与本院三十天内另一次住院重合{value}（同类中位{peer}，高于{percentile}的同类）", innocent=_PATH))  # fmt: skip
declare(_twin(name="near_twins", label="项目雷同的住院数", unit="次", measure="count(*) FILTER (likeness >= 0.8)",
    reason="本院三十天内有{value}次住院与其收费项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）", innocent=_PATH))  # fmt: skip
declare(_twin(name="twin_same_fee", label="项目与总额都雷同的住院数", unit="次", measure="count(*) FILTER (likeness >= 0.7 AND fee_gap <= 0.05)",
    reason="有{value}次他人住院不仅项目相近，总费用也只差百分之五以内（同类中位{peer}次）", innocent="按病种包干或固定套餐（N12、N13）"))  # fmt: skip
declare(_twin(name="twin_other_diagnosis", label="诊断不同而项目雷同的住院数", unit="次", measure="count(*) FILTER (likeness >= 0.7 AND NOT coalesce(same_dx3, true))",
    reason="有{value}次诊断不同的他人住院，收费项目却与其基本相同（同类中位{peer}次）", innocent="入院常规检查加同类输液，病情相近"))  # fmt: skip

#: Others admitted and discharged on the same two days at the same unit.
IN_STEP = """SELECT s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table, o.mdtrt_id AS row_id, o.psn_no, coalesce(o.fund_fen, 0) AS fen, s.fund_fen AS own_fund_fen,
    o.dx3 = s.dx3 AS same_dx3, o.atddr_no = s.atddr_no AS same_doctor, p.curr_addr_code IS NOT NULL AND p.curr_addr_code = q.curr_addr_code AS same_village,
    coalesce(coalesce(p.emp_no, p.emp_name) = coalesce(q.emp_no, q.emp_name), false) AS same_employer,
    abs(date_diff('minute', o.begntime, s.begntime)) AS minutes_apart, o.end_date = s.end_date AND NOT s."open" AND NOT o."open" AS together
FROM stays s JOIN stays o ON o.fixmedins_code = s.fixmedins_code AND o.adm_date = s.adm_date AND o.psn_no <> s.psn_no
LEFT JOIN main.persons p ON p.psn_no = s.psn_no LEFT JOIN main.persons q ON q.psn_no = o.psn_no WHERE NOT s.day_surgery AND NOT o.day_surgery"""

_step = partial(
    Feature, grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,), rows=IN_STEP, worse="high"
)
_BATCH = "透析、放化疗、养老机构批量或义诊转入（N01、N02、N04、N15）"
declare(_step(name="same_day_admissions", also=("T29",), label="同日入院人数", unit="人", measure="count(*)",
    reason="同日同院另有{value}人入院（同类中位{peer}人，高于{percentile}的同类）", innocent=_BATCH))  # fmt: skip
declare(_step(name="in_step_persons", also=("T29",), label="同进同出人数", unit="人", measure="count(*) FILTER (together)",
    reason="与{value}人同日入院、同日出院（同类中位{peer}人，高于{percentile}的同类）", innocent=_BATCH))  # fmt: skip
declare(_step(name="in_step_same_origin", also=("T29",), label="同村同单位的同进人数", unit="人", measure="count(*) FILTER (same_village OR same_employer)",
    reason="同日入院者中{value}人与其同村或同单位（同类中位{peer}人，高于{percentile}的同类）", innocent="家庭成员同病、养老机构批量就诊、义诊（N04、N14、N15）"))  # fmt: skip
declare(_step(name="in_step_same_doctor", label="同医师同日收治人数", unit="人", measure="count(*) FILTER (same_doctor)",
    reason="其主治医师当日在本院另收治{value}人（同类中位{peer}人，高于{percentile}的同类）", innocent="当日值班医师集中收治"))  # fmt: skip
declare(_step(name="admitted_within_half_hour", label="半小时内同院入院人数", unit="人", measure="count(*) FILTER (minutes_apart <= 30)",
    reason="前后半小时内本院另有{value}人办理入院（同类中位{peer}人，高于{percentile}的同类）", innocent="上午集中办理入院"))  # fmt: skip

#: Same village, same unit, admitted within nine days (the stay itself among them): a bus on its round. `near`: within three; `let_off`: no deductible though one
#: was due; `outbreak`: the same notifiable disease.
_OTHERS = partial(re.sub, r"\bs\.", "o.")
VILLAGE = f"""SELECT s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table, o.mdtrt_id AS row_id, o.psn_no, o.dx3, coalesce(o.fund_fen, 0) AS fen, o.psn_no <> s.psn_no AS other,
    abs(date_diff('day', s.adm_date, o.adm_date)) <= 3 AS near, o.dx3 = s.dx3 AND regexp_matches(coalesce(s.dx, ''), {family_of_diagnoses("epidemic")}) AS outbreak,
    coalesce(o.dedc_fen = 0 AND o.medfee_fen > 0, false) AND o.visit_class <> 'maternity_ip' AND NOT ({_OTHERS(WAIVED.replace("p.", "q."))}) AND NOT ({_OTHERS(COURSE)}) AND NOT {_OTHERS(LONG_CARE)} AS let_off
FROM stays s JOIN main.persons p ON p.psn_no = s.psn_no JOIN stays o ON o.fixmedins_code = s.fixmedins_code
JOIN main.persons q ON q.psn_no = o.psn_no AND q.curr_addr_code = p.curr_addr_code
WHERE abs(date_diff('day', s.adm_date, o.adm_date)) <= 9 AND NOT s.day_surgery AND NOT o.day_surgery"""
_wave = partial(
    Feature, grain="admission", by="institution", reversed="net", windows=(0,), rows=VILLAGE, worse="high", needs=("persons.curr_addr_code",)
)  # fmt: skip
declare(_wave(name="village_wave", scheme="T02", also=("T29",), label="同村三日内同院入院人数", unit="人", measure="count(DISTINCT psn_no) FILTER (other AND near)",
    reason="前后三天同村有{value}人在同一医院入院（同类中位{peer}人，高于{percentile}的同类）", innocent="就近就医的大村、流感季或义诊（N14、N15）"))  # fmt: skip
declare(_wave(name="wave_waived", scheme="T29", also=("T02",), label="同村同批免收起付线人数", unit="人", measure="count(DISTINCT psn_no) FILTER (let_off)", needs=("persons.curr_addr_code", "settlements.act_pay_dedc_fen"),
    reason="前后九天同村在同一医院住院者（含本人）有{value}人应付而未付起付线（同类中位{peer}人，高于{percentile}的同类）", innocent="转院连续计算起付线（N16）、救助身份未录入（N26）"))  # fmt: skip

_day = partial(
    Feature, grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,), rows=STAY_DAYS, empty=None
)
declare(_day(name="repeated_day_share", label="逐日项目完全相同占比", unit="%", measure="1 - count(DISTINCT bag) / count(*)::DOUBLE", worse="high",
    reason="有收费的住院日中{value}与另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）", innocent="长期医嘱平稳执行，康复或精神科（N03）"))  # fmt: skip
declare(_day(name="entry_minutes", label="每日记账时间跨度", unit="分钟", measure="median(span_minutes) FILTER (n >= 3 AND NOT collapsed)", worse="low",
    reason="每天的收费都在{value}分钟内记完（同类中位{peer}分钟，低于{percentile}的同类）", innocent="机构按日集中上传（N07）"))  # fmt: skip
declare(_day(name="entry_clock_spread", label="每日记账时刻波动", unit="小时", measure="stddev_pop(clock_hour) FILTER (NOT collapsed)", worse="low",
    reason="每天第一笔收费的时刻只差{value}小时（同类中位{peer}小时，低于{percentile}的同类）", innocent="信息系统每日定时记账（N07）"))  # fmt: skip
declare(_day(name="night_entry_share", label="夜间记账的住院日占比", unit="%", measure="count(*) FILTER (clock_hour >= 20 AND NOT collapsed) / count(*)::DOUBLE", worse="high",
    reason="{value}的住院日当天第一笔收费在晚八点以后（同类中位{peer}，高于{percentile}的同类）", innocent="机构按日集中上传（N07）"))  # fmt: skip

STAYS = stay_rows("s.mdtrt_id")
_stay = partial(Feature, grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,), rows=STAYS)
declare(_stay(name="admitted_at_night", label="夜间入院", unit="次", measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6)", worse="high",
    reason="夜间二十时至次日六时入院{value}次（同类中位{peer}）", innocent="急诊转住院、分娩（N12、N17）"))  # fmt: skip
declare(_stay(name="admitted_on_weekend", label="周末入院", unit="次", measure="count(*) FILTER (adm_dow >= 6)", worse="high",
    reason="周末入院{value}次（同类中位{peer}）", innocent="急症不分时日"))  # fmt: skip
declare(_stay(name="admitted_on_holiday", label="长假入院", unit="次", measure="count(*) FILTER (adm_holiday)", worse="high",
    reason="春节或国庆长假当中入院{value}次（同类中位{peer}）", innocent="急症不分时日（N14）"))  # fmt: skip
declare(_stay(name="discharged_late", label="出院时刻", unit="时", measure="max(extract(hour FROM happened_at)) FILTER (NOT \"open\")", worse="either", empty=None,
    reason="出院登记在{value}时（同类中位{peer}时）", innocent="医院集中办理出院"))  # fmt: skip

#: Earlier contacts of the patient with the same unit within a year before the stay.
PRIOR_HERE = """SELECT s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.visit_class, w.is_inpatient, w.medfee_sumamt_fen AS fen
FROM stays s JOIN settlements w ON w.psn_no = s.psn_no AND w.fixmedins_code = s.fixmedins_code AND w.mdtrt_id <> s.mdtrt_id
    AND w.happened_at < s.begntime - INTERVAL 1 DAY AND w.happened_at > s.begntime - INTERVAL 365 DAY WHERE NOT s.day_surgery"""
declare(Feature(name="earlier_contacts_here", also=("T29",), label="入院前一年在本院就诊次数", unit="次", grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,),
    rows=PRIOR_HERE, measure="count(*)", worse="low",
    reason="入院前一年只在本院就诊过{value}次（同类中位{peer}次）", innocent="首次患病、转诊或急诊"))  # fmt: skip

#: What the person did in the half year before and the month after: disease trace, home ground, follow-up.
AROUND = """SELECT s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.fixmedins_code, w.medfee_sumamt_fen AS fen,
    w.happened_at < s.begntime AS before, w.happened_at > s.end_at AND NOT s."open" AS after, w.happened_at > s.end_at - INTERVAL 1 DAY AND w.happened_at <= s.end_at + INTERVAL 30 DAY AS month_after,
    substr(w.opt_diag_code, 1, 3) = s.dx3 AS same_disease, i.lnt, i.lat, h.lnt AS ward_lnt, h.lat AS ward_lat
FROM stays s JOIN swipes w ON w.psn_no = s.psn_no AND w.happened_at > s.begntime - INTERVAL 180 DAY AND w.happened_at < s.end_at + INTERVAL 30 DAY
    AND (w.happened_at < s.begntime - INTERVAL 1 DAY OR (w.happened_at > s.end_at AND NOT s."open"))
LEFT JOIN main.institutions i ON i.fixmedins_code = w.fixmedins_code LEFT JOIN main.institutions h ON h.fixmedins_code = s.fixmedins_code WHERE NOT s.day_surgery"""
_around = partial(Feature, grain="admission", scheme="T02", by="person", reversed="net", windows=(0,), rows=AROUND)
declare(_around(name="visits_before", also=("T29",), label="入院前半年门诊购药次数", unit="次", measure="count(*) FILTER (before)", worse="low",
    reason="入院前半年门诊和购药只有{value}次（同类中位{peer}次，低于{percentile}的同类）", innocent="平素健康，突发疾病"))  # fmt: skip
declare(_around(name="disease_trace_before", label="入院前半年同病就诊次数", unit="次", measure="count(*) FILTER (before AND same_disease)", worse="low",
    reason="入院前半年因同一疾病就诊{value}次（同类中位{peer}次）", innocent="首次发病或急症"))  # fmt: skip
declare(_around(name="follow_up_month", label="出院后三十天内门诊购药次数", unit="次", measure="count(*) FILTER (after)", worse="low",
    reason="出院后三十天内门诊和购药{value}次（同类中位{peer}次）", innocent="带药出院、痊愈，或出院不足三十天"))  # fmt: skip
declare(_around(name="home_to_ward_km", label="常去机构到病房距离", unit="公里", worse="high", empty=None, needs=("institutions.lnt", "institutions.lat"),
    measure="111.2 * sqrt(pow(median(lat) - max(ward_lat), 2) + pow((median(lnt) - max(ward_lnt)) * cos(radians(max(ward_lat))), 2))",
    reason="病房距其平时就诊购药地点{value}公里（同类中位{peer}公里，高于{percentile}的同类）", innocent="转上级医院，或随子女异地居住（N16、N20、N21）"))  # fmt: skip

#: The patient is on the unit's own list of doctors.
STAFF = """SELECT {entity} AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, d.dr_codg, coalesce(s.fund_fen, 0) AS fen
FROM stays s JOIN main.persons p ON p.psn_no = s.psn_no JOIN (SELECT DISTINCT certno, fixmedins_code, dr_codg FROM main.doctors WHERE certno IS NOT NULL) d
    ON d.certno = p.certno AND d.fixmedins_code = s.fixmedins_code"""
declare(Feature(name="staff_as_patient", label="本院职工住院", unit="次", grain="admission", scheme="T02", by="institution", reversed="net", windows=(0,), rows=STAFF.format(entity="s.mdtrt_id"),
    measure="count(*)", worse="high", needs=("doctors.certno", "persons.certno"),
    reason="患者是本院登记的医师，命中{value}条（同类中位{peer}）", innocent="职工确实患病在本院治疗（N31）"))  # fmt: skip
declare(Feature(name="inst_staff_patients", label="本院职工住院次数", unit="次", grain="institution", scheme="T02", by="institution", reversed="net", windows=(365,),
    rows=STAFF.format(entity="s.fixmedins_code"), measure="count(DISTINCT row_id)", worse="high", needs=("doctors.certno", "persons.certno"),
    reason="近{window}天有{value}次住院的患者是本院医师（同类中位{peer}次）", innocent="职工就近在本院看病（N31）"))  # fmt: skip

INST_STAYS = stay_rows("s.fixmedins_code")
#: A stay of the unit beside how many of its stays came from the same village and employer in the window of a year.
ORIGIN = f"""SELECT *, count(*) OVER (PARTITION BY entity_id, village) AS of_village, count(*) OVER (PARTITION BY entity_id, employer) AS of_employer FROM ({INST_STAYS})
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY"""
_inst = partial(
    Feature,
    grain="institution",
    scheme="T02",
    by="institution",
    reversed="net",
    windows=(365,),
    rows=ORIGIN,
    empty=None,
)
declare(_inst(name="inst_village_concentration", label="住院患者同村集中度", unit="%", measure="sum(CASE WHEN village IS NOT NULL THEN of_village END) / pow(count(village), 2)", worse="high",
    needs=("persons.curr_addr_code",),
    reason="近{window}天任取两名住院患者来自同一村的机会为{value}（同类中位{peer}，高于{percentile}的同类）", innocent="乡镇卫生院本来只服务几个村"))  # fmt: skip
declare(_inst(name="inst_employer_concentration", label="住院患者同单位集中度", unit="%", measure="sum(CASE WHEN employer IS NOT NULL THEN of_employer END) / nullif(pow(count(employer), 2), 0)", worse="high",
    reason="近{window}天任取两名有单位的住院患者属同一单位的机会为{value}（同类中位{peer}，高于{percentile}的同类）", innocent="企业职工医院、厂区附近唯一医院"))  # fmt: skip
declare(_inst(name="inst_night_admission_share", scheme="T18", label="夜间入院占比", unit="%", measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6) / count(*)::DOUBLE", worse="high",
    reason="近{window}天住院中{value}是夜间办理入院（同类中位{peer}，高于{percentile}的同类）", innocent="有急诊、产科的医院（N17）"))  # fmt: skip
declare(_inst(name="inst_holiday_admission_share", label="长假入院占比", unit="%", measure="count(*) FILTER (adm_holiday) / count(*)::DOUBLE", worse="high",
    reason="近{window}天住院中{value}在春节国庆长假入院（同类中位{peer}，高于{percentile}的同类）", innocent="急诊量大的医院、流感季（N14）"))  # fmt: skip

for _grain, _entity, _prefix, _who in (
    ("institution", "s.fixmedins_code", "inst", "本院"),
    ("doctor", "s.atddr_no", "dr", "该医师"),
):
    _alike = partial(
        Feature,
        grain=_grain,  # type: ignore[arg-type]
        scheme="T02",
        by="institution",
        reversed="net",
        windows=(180,),
        worse="high",
        rows=twin_rows(_grain),
    )  # type: ignore[arg-type]
    declare(_alike(name=f"{_prefix}_twin_stays", label="项目雷同的住院数", unit="次", measure="count(DISTINCT a) FILTER (likeness >= 0.8)",
        reason=_who + "近{window}天有{value}次住院与同院他人项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）", innocent=_PATH))  # fmt: skip
    _template = partial(
        Feature,
        grain=_grain,  # type: ignore[arg-type]
        scheme="T02",
        by="institution",
        reversed="net",
        windows=(180,),
        rows=profile_rows(_entity),
        empty=None,
    )  # type: ignore[arg-type]
    declare(_template(name=f"{_prefix}_repeated_day_share", label="逐日项目相同占比", unit="%", measure="1 - sum(bags) / nullif(sum(billed_days), 0)::DOUBLE", worse="high",
        reason=_who + "近{window}天住院日中{value}与同次住院另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）", innocent="长期医嘱平稳执行（N03）"))  # fmt: skip
    _origin = partial(Feature, grain=_grain, scheme="T02", by="institution", reversed="net", windows=(180,), rows=IN_STEP.replace("SELECT s.mdtrt_id AS entity_id", f"SELECT {_entity} AS entity_id, s.mdtrt_id AS stay_id")  # type: ignore[arg-type]
        .replace("o.begntime AS happened_at", "s.begntime AS happened_at") + (" AND s.atddr_no IS NOT NULL" if _grain == "doctor" else ""))  # type: ignore[arg-type]  # fmt: skip
    declare(_origin(name=f"{_prefix}_in_step_stays", label="同进同出住院数", unit="次", measure="count(DISTINCT stay_id) FILTER (together AND (same_village OR same_employer))", worse="high",
        reason=_who + "近{window}天有{value}次住院与同村或同单位的人同日进、同日出（同类中位{peer}次，高于{percentile}的同类）", innocent=_BATCH))  # fmt: skip

#: The unit's in-house nights over the core of a long holiday and the 14 days before it.
HOLIDAY_NIGHTS = f"""SELECT s.fixmedins_code AS entity_id, h.day::TIMESTAMP AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, h.phase, h.feast, h.day,
    coalesce(s.fund_fen, 0) / greatest(1, s.bed_days) AS fen, s.level
FROM (SELECT *, unnest(generate_series(adm_date, greatest(adm_date, end_date - 1), INTERVAL 1 DAY))::DATE AS night FROM stays) s JOIN {HOLIDAYS} h ON h.day = s.night
WHERE NOT s.day_surgery AND h.day <= (SELECT d FROM main.asof)"""
declare(Feature(name="inst_holiday_ratio", label="长假在院人数与节前之比", unit="倍", grain="institution", scheme="T02", by="institution", reversed="net", windows=(365,), rows=HOLIDAY_NIGHTS, worse="high",
    measure="(count(*) FILTER (phase = 'core') / nullif(count(DISTINCT day) FILTER (phase = 'core'), 0)) / nullif(count(*) FILTER (phase = 'before') / nullif(count(DISTINCT day) FILTER (phase = 'before'), 0), 0)", empty=None,
    reason="长假期间日均在院人数是节前两周的{value}倍（同类中位{peer}倍，高于{percentile}的同类）", innocent="精神康复护理病区不放假，或节日流感高发（N03、N14）"))  # fmt: skip
