"""T02 虚假住院 fictitious admission: nobody is treated, the papers are.

How it works: a broker brings cards from a village, a factory or a nursing home; the unit writes two to eight days with
a chronic diagnosis, copies one order set, invents a few thousand yuan each. Some of the "patients" are the unit's own
staff.
What it leaves: bags of items nearly identical to other stays of the unit; admitted and discharged in step with others;
orders entered in minutes; no self-payment; a patient never seen before and never seen again, living far away; wards
that do not empty over the Spring Festival; one village or employer behind a large share of admissions.
Honest cases: dialysis and chemotherapy (N01, N02: same bag, same day), nursing-home rounds (N04), day surgery and
packages (N10, N12), clinical pathways (N13), influenza season (N14), free clinics (N15). Camouflage varies the items,
so likeness is a matter of degree.
"""

from features.catalog.stay_rows import (
    HOLIDAYS,
    HOSPITAL,
    PROFILES,
    STAY,
    STAY_DAYS,
    STAYS,
    course,
    hospital_and_doctor,
    long_care,
    waived,
)
from features.codes import ROUTINE, kilometres_flat
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import diagnosed
from features.thresholds import setting

_COMMON = setting("R09", "common_share")
_DAYS = setting("R09", "window_days")
#: Two bags are alike from this share of common items on (the Jaccard index), nearly the same from the second on.
LIKE, ALIKE = 0.7, 0.8
#: Min-hash: so many bands of so many rows. A pair at 0.7 shares a band with 1−(1−0.7³)^14 > 99.7 %.
_ROWS, _BANDS = 3, 14
_HASHES = ", ".join(f"(md5_number_lower(code || '|{k}') % 2147483647)::INTEGER AS h{k}" for k in range(_ROWS * _BANDS))
_LEAST = ", ".join(f"min(h{k}) AS h{k}" for k in range(_ROWS * _BANDS))
_KEYS = ", ".join(f"hash({', '.join(f'h{k}' for k in range(_ROWS * b, _ROWS * b + _ROWS))})" for b in range(_BANDS))

#: Other stays of the unit within 30 days whose bag of items is alike (items in most of its stays dropped: R09).
#: Candidates come from the min-hash bands, so no pair of the unit is compared without cause. `fee_gap` is the
#: relative gap of totals.
_PAIRS = once(
    "twins",
    f"""
        WITH items_ AS (
            SELECT DISTINCT l.mdtrt_id, l.fixmedins_code, l.med_list_codg AS code
            FROM lines l
            JOIN stays s ON s.mdtrt_id = l.mdtrt_id
            WHERE l.is_inpatient AND NOT s.day_surgery AND l.med_chrgitm_type NOT IN {ROUTINE}
        ),
        codes_ AS (
            SELECT code, (row_number() OVER (ORDER BY code))::INTEGER AS id
            FROM (SELECT DISTINCT code FROM items_)
        ),
        stays_ AS (
            SELECT fixmedins_code, count(DISTINCT mdtrt_id) AS n FROM items_ GROUP BY 1
        ),
        common_ AS (
            SELECT fixmedins_code, code
            FROM items_
            JOIN stays_ USING (fixmedins_code)
            GROUP BY fixmedins_code, code, n
            HAVING count(*) > {_COMMON} * n AND n >= 10
        ),
        rare_ AS (
            SELECT i.mdtrt_id, c.id
            FROM items_ i
            JOIN codes_ c USING (code)
            ANTI JOIN common_ x ON x.fixmedins_code = i.fixmedins_code AND x.code = i.code
        ),
        bags_ AS (
            SELECT
                r.mdtrt_id,
                list(id ORDER BY id) AS bag,
                any_value(s.fixmedins_code) AS fixmedins_code,
                any_value(s.adm_date) AS adm_date, any_value(s.psn_no) AS psn_no,
                any_value(coalesce(s.medfee_fen, s.lines_fen)) AS fee_fen,
                any_value(coalesce(s.fund_fen, 0)) AS fund_fen,
                any_value(s.happened_at) AS happened_at, any_value(s.dx3) AS dx3,
                any_value(s.nights) AS nights, any_value(s.atddr_no) AS atddr_no
            FROM rare_ r
            JOIN stays s USING (mdtrt_id)
            GROUP BY 1
            HAVING count(*) >= 5
        ),
        hashes_ AS (
            SELECT id, {_HASHES}
            FROM codes_
        ),
        sketch_ AS (
            SELECT mdtrt_id, {_LEAST}
            FROM rare_
            JOIN hashes_ USING (id)
            GROUP BY 1
        ),
        bands_ AS (
            SELECT b.fixmedins_code, b.adm_date, mdtrt_id, unnest(range({_BANDS})) AS band, unnest([{_KEYS}]) AS key
            FROM sketch_
            JOIN bags_ b USING (mdtrt_id)
        ),
        pairs_ AS (
            SELECT DISTINCT a.mdtrt_id AS a, b.mdtrt_id AS b
            FROM bands_ a
            JOIN bands_ b
                ON a.fixmedins_code = b.fixmedins_code
                AND a.band = b.band
                AND a.key = b.key
                AND a.mdtrt_id <> b.mdtrt_id
                AND abs(date_diff('day', a.adm_date, b.adm_date)) <= {_DAYS}
        ),
        alike_ AS (
            SELECT p.a, p.b, len(list_intersect(x.bag, y.bag)) AS shared
            FROM pairs_ p
            JOIN bags_ x ON x.mdtrt_id = p.a
            JOIN bags_ y ON y.mdtrt_id = p.b
            WHERE p.a < p.b
                AND x.psn_no <> y.psn_no
                AND 10 * least(len(x.bag), len(y.bag)) >= {round(10 * LIKE)} * greatest(len(x.bag), len(y.bag))
        ),
        close_ AS (
            SELECT
                x.fixmedins_code, x.mdtrt_id AS a, y.mdtrt_id AS b, x.fund_fen AS own_fund_fen,
                y.fund_fen AS fen, x.happened_at AS own_at, y.happened_at, x.atddr_no,
                x.dx3 = y.dx3 AS same_dx3, x.nights = y.nights AS same_nights, len(x.bag) AS codes,
                len(y.bag) AS other_codes, p.shared,
                abs(x.fee_fen - y.fee_fen) / nullif(greatest(x.fee_fen, y.fee_fen), 0) AS fee_gap
            FROM (
                SELECT a, b, shared
                FROM alike_
                UNION ALL
                SELECT b, a, shared
                FROM alike_
            ) p
            JOIN bags_ x ON x.mdtrt_id = p.a
            JOIN bags_ y ON y.mdtrt_id = p.b
        )
        SELECT *, shared / (codes + other_codes - shared)::DOUBLE AS likeness
        FROM close_
        WHERE shared / (codes + other_codes - shared)::DOUBLE >= {LIKE}
    """,
)
TWINS = f"SELECT a AS entity_id, 'visits' AS row_table, b AS row_id, *, likeness >= {ALIKE} AS hit FROM {_PAIRS}"


_R09 = f"likeness >= {setting('R09', 'similarity')} AND codes >= {setting('R09', 'min_codes')}"
_EQUALS = f"count(*) FILTER ({_R09}) OVER (PARTITION BY a)"
#: The pairs told of the hospital or the doctor; `twins` counts how many equals a stay has by rule R09, `first` marks
#: one row per stay.
UNIT_TWINS = f"""
    SELECT
        $entity AS entity_id, own_at AS happened_at, 'visits' AS row_table, a AS row_id,
        s.* EXCLUDE (happened_at),
        {_R09} AND {_EQUALS} >= {setting("R09", "min_stays") - 1} AS hit,
        {_EQUALS} AS twins,
        row_number() OVER (PARTITION BY a ORDER BY b) = 1 AS first
    FROM {_PAIRS} s
    WHERE $entity IS NOT NULL
"""


twin = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=TWINS)
_PATH = "同病种临床路径、日间手术或透析放化疗本来同项（N01、N02、N10、N13）"
declare(
    twin,
    name="bag_likeness",
    label="与本院其他住院的项目重合度",
    unit="%",
    measure="max(likeness)",
    reason="收费项目与本院三十天内另一次住院重合{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent=_PATH,
)
declare(
    twin,
    name="near_twins",
    label="项目雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {ALIKE})",
    reason="本院三十天内有{value}次住院与其收费项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_PATH,
)
declare(
    twin,
    name="twin_same_fee",
    label="项目与总额都雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {LIKE} AND fee_gap <= 0.05)",
    reason="有{value}次他人住院不仅项目相近，总费用也只差百分之五以内（同类中位{peer}次）",
    innocent="按病种包干或固定套餐（N12、N13）",
)
declare(
    twin,
    name="twin_other_diagnosis",
    label="诊断不同而项目雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {LIKE} AND NOT coalesce(same_dx3, true))",
    reason="有{value}次诊断不同的他人住院，收费项目却与其基本相同（同类中位{peer}次）",
    innocent="入院常规检查加同类输液，病情相近",
)

#: Others admitted and discharged on the same two days at the same unit.
_IN_STEP = """o.mdtrt_id AS row_id, o.psn_no, coalesce(o.fund_fen, 0) AS fen, s.fund_fen AS own_fund_fen,
    o.dx3 = s.dx3 AS same_dx3, o.atddr_no = s.atddr_no AS same_doctor,
    p.curr_addr_code IS NOT NULL AND p.curr_addr_code = q.curr_addr_code AS same_village,
    coalesce(coalesce(p.emp_no, p.emp_name) = coalesce(q.emp_no, q.emp_name), false) AS same_employer,
    abs(date_diff('minute', o.begntime, s.begntime)) AS minutes_apart,
    o.end_date = s.end_date AND NOT s."open" AND NOT o."open" AS together
FROM stays s
JOIN stays o ON o.fixmedins_code = s.fixmedins_code AND o.adm_date = s.adm_date AND o.psn_no <> s.psn_no
LEFT JOIN main.persons p ON p.psn_no = s.psn_no
LEFT JOIN main.persons q ON q.psn_no = o.psn_no
WHERE NOT s.day_surgery AND NOT o.day_surgery"""
IN_STEP = f"""
    SELECT s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table, {_IN_STEP}
"""
#: The same told of the hospital or the doctor of the stay, at its own time.
STAYS_IN_STEP = f"""
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS stay_id, {_IN_STEP}
        AND $entity IS NOT NULL
"""

step = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=IN_STEP)
_BATCH = "透析、放化疗、养老机构批量或义诊转入（N01、N02、N04、N15）"
declare(
    step,
    name="same_day_admissions",
    also=("T29",),
    label="同日入院人数",
    unit="人",
    measure="count(*)",
    reason="同日同院另有{value}人入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent=_BATCH,
)
declare(
    step,
    name="in_step_persons",
    also=("T29",),
    label="同进同出人数",
    unit="人",
    measure="count(*) FILTER (together)",
    reason="与{value}人同日入院、同日出院（同类中位{peer}人，高于{percentile}的同类）",
    innocent=_BATCH,
)
declare(
    step,
    name="in_step_same_origin",
    also=("T29",),
    label="同村同单位的同进人数",
    unit="人",
    measure="count(*) FILTER (same_village OR same_employer)",
    reason="同日入院者中{value}人与其同村或同单位（同类中位{peer}人，高于{percentile}的同类）",
    innocent="家庭成员同病、养老机构批量就诊、义诊（N04、N14、N15）",
)
declare(
    step,
    name="in_step_same_doctor",
    label="同医师同日收治人数",
    unit="人",
    measure="count(*) FILTER (same_doctor)",
    reason="其主治医师当日在本院另收治{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="当日值班医师集中收治",
)
declare(
    step,
    name="admitted_within_half_hour",
    label="半小时内同院入院人数",
    unit="人",
    measure="count(*) FILTER (minutes_apart <= 30)",
    reason="前后半小时内本院另有{value}人办理入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent="上午集中办理入院",
)

#: Same village, same unit, admitted within nine days (the stay itself among them): a bus on its round. `near`: within
#: three; `let_off`: no deductible though one was due; `outbreak`: the same notifiable disease.
VILLAGE = f"""
    SELECT
        s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table,
        o.mdtrt_id AS row_id, o.psn_no, o.dx3, coalesce(o.fund_fen, 0) AS fen,
        o.psn_no <> s.psn_no AS other,
        abs(date_diff('day', s.adm_date, o.adm_date)) <= 3 AS near,
        o.dx3 = s.dx3 AND {diagnosed("s.dx", "epidemic")} AS outbreak,
        coalesce(o.dedc_fen = 0 AND o.medfee_fen > 0, false)
            AND o.visit_class <> 'maternity_ip'
            AND NOT {waived("o", "q")}
            AND NOT {course("o")}
            AND NOT {long_care("o")} AS let_off
    FROM stays s
    JOIN main.persons p ON p.psn_no = s.psn_no
    JOIN stays o ON o.fixmedins_code = s.fixmedins_code
    JOIN main.persons q ON q.psn_no = o.psn_no AND q.curr_addr_code = p.curr_addr_code
    WHERE abs(date_diff('day', s.adm_date, o.adm_date)) <= 9 AND NOT s.day_surgery AND NOT o.day_surgery
"""
wave = Feature(grain="admission", by="institution", windows=(0,), rows=VILLAGE, needs=("persons.curr_addr_code",))
declare(
    wave,
    name="village_wave",
    scheme="T02",
    also=("T29",),
    label="同村三日内同院入院人数",
    unit="人",
    measure="count(DISTINCT psn_no) FILTER (other AND near)",
    reason="前后三天同村有{value}人在同一医院入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent="就近就医的大村、流感季或义诊（N14、N15）",
)
declare(
    wave,
    name="wave_waived",
    scheme="T29",
    also=("T02",),
    label="同村同批免收起付线人数",
    unit="人",
    measure="count(DISTINCT psn_no) FILTER (let_off)",
    needs=("persons.curr_addr_code", "settlements.act_pay_dedc_fen"),
    reason="前后九天同村在同一医院住院者（含本人）有{value}人应付而未付起付线（同类中位{peer}人，高于{percentile}的同类）",
    innocent="转院连续计算起付线（N16）、救助身份未录入（N26）",
)

day = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=STAY_DAYS, empty=None)
declare(
    day,
    name="repeated_day_share",
    label="逐日项目完全相同占比",
    unit="%",
    measure="1 - count(DISTINCT bag) / count(*)::DOUBLE",
    reason="有收费的住院日中{value}与另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）",
    innocent="长期医嘱平稳执行，康复或精神科（N03）",
)
declare(
    day,
    name="entry_minutes",
    label="每日记账时间跨度",
    unit="分钟",
    measure="median(span_minutes) FILTER (n >= 3 AND NOT collapsed)",
    worse="low",
    reason="每天的收费都在{value}分钟内记完（同类中位{peer}分钟，低于{percentile}的同类）",
    innocent="机构按日集中上传（N07）",
)
declare(
    day,
    name="entry_clock_spread",
    label="每日记账时刻波动",
    unit="小时",
    measure="stddev_pop(clock_hour) FILTER (NOT collapsed)",
    worse="low",
    reason="每天第一笔收费的时刻只差{value}小时（同类中位{peer}小时，低于{percentile}的同类）",
    innocent="信息系统每日定时记账（N07）",
)
declare(
    day,
    name="night_entry_share",
    label="夜间记账的住院日占比",
    unit="%",
    measure="count(*) FILTER (clock_hour >= 20 AND NOT collapsed) / count(*)::DOUBLE",
    reason="{value}的住院日当天第一笔收费在晚八点以后（同类中位{peer}，高于{percentile}的同类）",
    innocent="机构按日集中上传（N07）",
)

stay = Feature(told_of={"admission": Of(STAY)}, scheme="T02", by="institution", windows=(0,), rows=STAYS)
declare(
    stay,
    name="admitted_at_night",
    label="夜间入院",
    unit="次",
    measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6)",
    reason="夜间二十时至次日六时入院{value}次（同类中位{peer}）",
    innocent="急诊转住院、分娩（N12、N17）",
)
declare(
    stay,
    name="admitted_on_weekend",
    label="周末入院",
    unit="次",
    measure="count(*) FILTER (adm_dow >= 6)",
    reason="周末入院{value}次（同类中位{peer}）",
    innocent="急症不分时日",
)
declare(
    stay,
    name="admitted_on_holiday",
    label="长假入院",
    unit="次",
    measure="count(*) FILTER (adm_holiday)",
    reason="春节或国庆长假当中入院{value}次（同类中位{peer}）",
    innocent="急症不分时日（N14）",
)
declare(
    stay,
    name="discharged_late",
    label="出院时刻",
    unit="时",
    measure='max(extract(hour FROM happened_at)) FILTER (NOT "open")',
    worse="either",
    empty=None,
    reason="出院登记在{value}时（同类中位{peer}时）",
    innocent="医院集中办理出院",
)

#: Earlier contacts of the patient with the same unit within a year before the stay.
PRIOR_HERE = """
    SELECT
        s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.visit_class, w.is_inpatient, w.medfee_sumamt_fen AS fen
    FROM stays s
    JOIN settlements w
        ON w.psn_no = s.psn_no
        AND w.fixmedins_code = s.fixmedins_code
        AND w.mdtrt_id <> s.mdtrt_id
        AND w.happened_at < s.begntime - INTERVAL 1 DAY
        AND w.happened_at > s.begntime - INTERVAL 365 DAY
    WHERE NOT s.day_surgery
"""
declare(
    name="earlier_contacts_here",
    also=("T29",),
    label="入院前一年在本院就诊次数",
    unit="次",
    grain="admission",
    scheme="T02",
    by="institution",
    windows=(0,),
    rows=PRIOR_HERE,
    measure="count(*)",
    worse="low",
    reason="入院前一年只在本院就诊过{value}次（同类中位{peer}次）",
    innocent="首次患病、转诊或急诊",
)

#: What the person did in the half year before and the month after: disease trace, home ground, follow-up.
AROUND = """
    SELECT
        s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.fixmedins_code, w.medfee_sumamt_fen AS fen, w.happened_at < s.begntime AS before,
        w.happened_at > s.end_at AND NOT s."open" AS after,
        w.happened_at > s.end_at - INTERVAL 1 DAY AND w.happened_at <= s.end_at + INTERVAL 30 DAY AS month_after,
        substr(w.opt_diag_code, 1, 3) = s.dx3 AS same_disease,
        i.lnt, i.lat, h.lnt AS ward_lnt, h.lat AS ward_lat
    FROM stays s
    JOIN swipes w
        ON w.psn_no = s.psn_no
        AND w.happened_at > s.begntime - INTERVAL 180 DAY
        AND w.happened_at < s.end_at + INTERVAL 30 DAY
        AND (w.happened_at < s.begntime - INTERVAL 1 DAY OR (w.happened_at > s.end_at AND NOT s."open"))
    LEFT JOIN main.institutions i ON i.fixmedins_code = w.fixmedins_code
    LEFT JOIN main.institutions h ON h.fixmedins_code = s.fixmedins_code
    WHERE NOT s.day_surgery
"""
around = Feature(grain="admission", scheme="T02", by="person", windows=(0,), rows=AROUND)
declare(
    around,
    name="visits_before",
    also=("T29",),
    label="入院前半年门诊购药次数",
    unit="次",
    measure="count(*) FILTER (before)",
    worse="low",
    reason="入院前半年门诊和购药只有{value}次（同类中位{peer}次，低于{percentile}的同类）",
    innocent="平素健康，突发疾病",
)
declare(
    around,
    name="disease_trace_before",
    label="入院前半年同病就诊次数",
    unit="次",
    measure="count(*) FILTER (before AND same_disease)",
    worse="low",
    reason="入院前半年因同一疾病就诊{value}次（同类中位{peer}次）",
    innocent="首次发病或急症",
)
declare(
    around,
    name="follow_up_month",
    label="出院后三十天内门诊购药次数",
    unit="次",
    measure="count(*) FILTER (after)",
    worse="low",
    reason="出院后三十天内门诊和购药{value}次（同类中位{peer}次）",
    innocent="带药出院、痊愈，或出院不足三十天",
)
declare(
    around,
    name="home_to_ward_km",
    label="常去机构到病房距离",
    unit="公里",
    empty=None,
    needs=("institutions.lnt", "institutions.lat"),
    measure=kilometres_flat("median(lnt)", "median(lat)", "max(ward_lnt)", "max(ward_lat)"),
    reason="病房距其平时就诊购药地点{value}公里（同类中位{peer}公里，高于{percentile}的同类）",
    innocent="转上级医院，或随子女异地居住（N16、N20、N21）",
)

#: The patient is on the unit's own list of doctors.
STAFF = """
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table,
        s.mdtrt_id AS row_id, d.dr_codg, coalesce(s.fund_fen, 0) AS fen
    FROM stays s
    JOIN main.persons p ON p.psn_no = s.psn_no
    JOIN (
        SELECT DISTINCT certno, fixmedins_code, dr_codg
        FROM main.doctors
        WHERE certno IS NOT NULL
    ) d ON d.certno = p.certno AND d.fixmedins_code = s.fixmedins_code
"""
declare(
    told_of={
        "admission": Of(STAY),
        "institution": Of(
            HOSPITAL,
            name="inst_staff_patients",
            label="本院职工住院次数",
            windows=(365,),
            measure="count(DISTINCT row_id)",
            reason="近{window}天有{value}次住院的患者是本院医师（同类中位{peer}次）",
            innocent="职工就近在本院看病（N31）",
        ),
    },
    name="staff_as_patient",
    label="本院职工住院",
    unit="次",
    scheme="T02",
    by="institution",
    windows=(0,),
    rows=STAFF,
    measure="count(*)",
    needs=("doctors.certno", "persons.certno"),
    reason="患者是本院登记的医师，命中{value}条（同类中位{peer}）",
    innocent="职工确实患病在本院治疗（N31）",
)

#: A stay of the unit beside how many of its stays came from the same village and employer in the window of a year.
ORIGIN = f"""
    SELECT
        *,
        count(*) OVER (PARTITION BY entity_id, village) AS of_village,
        count(*) OVER (PARTITION BY entity_id, employer) AS of_employer
    FROM ({STAYS})
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
"""
inst = Feature(
    told_of={"institution": Of(HOSPITAL)},
    scheme="T02",
    by="institution",
    windows=(365,),
    rows=ORIGIN,
    empty=None,
)
declare(
    inst,
    name="inst_village_concentration",
    label="住院患者同村集中度",
    unit="%",
    measure="sum(CASE WHEN village IS NOT NULL THEN of_village END) / pow(count(village), 2)",
    needs=("persons.curr_addr_code",),
    reason="近{window}天任取两名住院患者来自同一村的机会为{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent="乡镇卫生院本来只服务几个村",
)
declare(
    inst,
    name="inst_employer_concentration",
    label="住院患者同单位集中度",
    unit="%",
    measure="sum(CASE WHEN employer IS NOT NULL THEN of_employer END) / nullif(pow(count(employer), 2), 0)",
    reason="近{window}天任取两名有单位的住院患者属同一单位的机会为{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent="企业职工医院、厂区附近唯一医院",
)
declare(
    inst,
    name="inst_night_admission_share",
    scheme="T18",
    label="夜间入院占比",
    unit="%",
    measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6) / count(*)::DOUBLE",
    reason="近{window}天住院中{value}是夜间办理入院（同类中位{peer}，高于{percentile}的同类）",
    innocent="有急诊、产科的医院（N17）",
)
declare(
    inst,
    name="inst_holiday_admission_share",
    label="长假入院占比",
    unit="%",
    measure="count(*) FILTER (adm_holiday) / count(*)::DOUBLE",
    reason="近{window}天住院中{value}在春节国庆长假入院（同类中位{peer}，高于{percentile}的同类）",
    innocent="急诊量大的医院、流感季（N14）",
)

of_unit = Feature(scheme="T02", by="institution", windows=(180,))
declare(
    of_unit,
    rows=UNIT_TWINS,
    told_of=hospital_and_doctor(
        "twin_stays",
        "近{window}天有{value}次住院与同院他人项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）",
    ),
    label="项目雷同的住院数",
    unit="次",
    measure=f"count(DISTINCT a) FILTER (likeness >= {ALIKE})",
    innocent=_PATH,
)
declare(
    of_unit,
    rows=PROFILES,
    empty=None,
    told_of=hospital_and_doctor(
        "repeated_day_share",
        "近{window}天住院日中{value}与同次住院另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）",
    ),
    label="逐日项目相同占比",
    unit="%",
    measure="1 - sum(bags) / nullif(sum(billed_days), 0)::DOUBLE",
    innocent="长期医嘱平稳执行（N03）",
)
declare(
    of_unit,
    rows=STAYS_IN_STEP,
    told_of=hospital_and_doctor(
        "in_step_stays",
        "近{window}天有{value}次住院与同村或同单位的人同日进、同日出（同类中位{peer}次，高于{percentile}的同类）",
    ),
    label="同进同出住院数",
    unit="次",
    measure="count(DISTINCT stay_id) FILTER (together AND (same_village OR same_employer))",
    innocent=_BATCH,
)

#: The unit's in-house nights over the core of a long holiday and the 14 days before it.
HOLIDAY_NIGHTS = f"""
    SELECT
        s.fixmedins_code AS entity_id, h.day::TIMESTAMP AS happened_at, 'visits' AS row_table,
        s.mdtrt_id AS row_id, h.phase, h.feast, h.day,
        coalesce(s.fund_fen, 0) / greatest(1, s.bed_days) AS fen,
        s.level
    FROM (
        SELECT *, unnest(generate_series(adm_date, greatest(adm_date, end_date - 1), INTERVAL 1 DAY))::DATE AS night
        FROM stays
    ) s
    JOIN {HOLIDAYS} h ON h.day = s.night
    WHERE NOT s.day_surgery AND h.day <= (SELECT d FROM main.asof)
"""
declare(
    name="inst_holiday_ratio",
    label="长假在院人数与节前之比",
    unit="倍",
    grain="institution",
    scheme="T02",
    by="institution",
    windows=(365,),
    rows=HOLIDAY_NIGHTS,
    measure="""
        (count(*) FILTER (phase = 'core') / nullif(count(DISTINCT day) FILTER (phase = 'core'), 0))
        / nullif(count(*) FILTER (phase = 'before') / nullif(count(DISTINCT day) FILTER (phase = 'before'), 0), 0)
    """,
    empty=None,
    reason="长假期间日均在院人数是节前两周的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="精神康复护理病区不放假，或节日流感高发（N03、N14）",
)
