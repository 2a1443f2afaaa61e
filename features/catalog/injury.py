"""T18 意外伤害 third-party injury, T17 虚构服务 invented service (as it shows in a stay), T25 离休 cadre over-use.

How they work: a traffic or work injury is told as a fall at home, so that the fund pays for the liable party; services
are written that nobody gave, before the patient came or after he left; a retired cadre's full cover pays for the
family's drugs and for comfort.
What they leave: an injury code, at night, in working hours, with a helper from the roadside; lines outside the stay,
operations without anaesthesia or material, everything in one minute; drugs of two people, stays beyond twenty days.
Honest cases: most falls are falls; tests before a planned operation are billed before admission (er_flag 2);
corrections (N31); a cadre's zero self-pay is his right (N27); old people with many diseases (N29).
"""

from features.catalog.stay_rows import HOSPITAL, STAY
from features.codes import MATERIAL, SURGERY, paid, retired_cadre
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, diagnosed

_INJURY = f"""
    (
        s.visit_class = 'injury_ip'
        OR {diagnosed("s.dx", "injury")}
        OR s.trum_flag = '1'
        OR s.traf_dept_flag = '1'
    )
"""
#: Visits whose injury was looked into and found to be the fund's own.
COVERED = """
    (
        SELECT DISTINCT mdtrt_id
        FROM main.injury_cases
        WHERE verdict IS NOT NULL AND coalesce(third_party, '0') <> '1'
    )
"""
#: Injury stays, with when they began and whether a case was closed for them as the fund's
#: own: where a third party is liable the money is to be recovered.
INJURIES = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.dx,
        s.dx3, s.begntime, extract(hour FROM s.begntime) AS hour, isodow(s.adm_date) AS dow,
        coalesce(s.fund_fen, 0) AS fen, s.traf_dept_flag = '1' AS third_party, a.age,
        c.mdtrt_id IS NOT NULL AS closed, s.visit_class, s.level
    FROM stays s
    LEFT JOIN main.persons a ON a.psn_no = s.psn_no
    LEFT JOIN {COVERED} c ON c.mdtrt_id = s.mdtrt_id
    WHERE {_INJURY}
"""
injury = Feature(
    told_of={"admission": Of(STAY)},
    scheme="T18",
    by="institution",
    windows=(0,),
    rows=INJURIES,
)
_FALL = "多数外伤确系自行跌伤，须逐案询问"
declare(
    injury,
    name="injury_stay",
    label="外伤住院",
    unit="次",
    measure="count(*) FILTER (NOT closed)",
    reason="外伤类住院{value}次，受伤原因待查（同类中位{peer}）",
    innocent=_FALL,
)
declare(
    injury,
    name="injury_at_night",
    label="夜间外伤入院",
    unit="次",
    measure="count(*) FILTER (hour >= 18 OR hour < 6)",
    reason="夜间十八时至次日六时因外伤入院{value}次，须排除交通事故（同类中位{peer}）",
    innocent=_FALL,
)
declare(
    injury,
    name="injury_at_work",
    label="工作日工时外伤入院",
    unit="次",
    measure="count(*) FILTER (hour BETWEEN 8 AND 17 AND dow < 6 AND age BETWEEN 18 AND 60)",
    reason="劳动年龄人员工作日白天因外伤入院{value}次，须排除工伤（同类中位{peer}）",
    innocent=_FALL,
)
declare(
    injury,
    name="injury_fund_yuan",
    label="外伤住院基金支付",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="外伤住院由基金支付{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent=_FALL,
)
#: Injuries treated without a bed: visits of the class, or with a diagnosis of injury.
INJURIES_OF_CLINIC = f"""
    SELECT
        w.psn_no AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.fixmedins_code,
        w.opt_diag_code AS dx, {paid("w")} AS fen, c.mdtrt_id IS NOT NULL AS closed
    FROM swipes w
    LEFT JOIN {COVERED} c ON c.mdtrt_id = w.mdtrt_id
    WHERE w.visit_class = 'injury_op' OR {diagnosed("w.opt_diag_code", "injury")}
"""
inst = Feature(
    told_of={"institution": Of(HOSPITAL)},
    scheme="T18",
    by="institution",
    windows=(180,),
    rows=INJURIES,
)
declare(
    inst,
    name="inst_injury_stays",
    label="外伤住院人次",
    unit="人次",
    measure="count(*)",
    reason="近{window}天外伤住院{value}人次（同类中位{peer}人次，高于{percentile}的同类）",
    innocent="骨科、急诊较强的医院（N22）",
)

#: Lines billed outside the stay (a day of grace), and lines of one item entered twice in one minute.
OUT_OF_STAY = f"""
    SELECT
        l.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.fen, l.scope_fen, l.hilist_name, l.day < s.adm_date - 1 AS before,
        l.day > s.end_date + 1 AS after,
        NOT (l.day < s.adm_date - 1 AND coalesce(s.er_flag, '') = '2') AS hit
    FROM lines l
    JOIN stays s ON s.mdtrt_id = l.mdtrt_id
    WHERE l.is_inpatient AND (l.day < s.adm_date - 1 OR (l.day > s.end_date + 1 AND NOT s."open"))
"""
out = Feature(
    grain="admission",
    scheme="T17",
    by="institution",
    windows=(0,),
    rows=OUT_OF_STAY,
)
declare(
    out,
    name="lines_outside_stay",
    label="住院日期之外的收费条数",
    unit="条",
    measure="count(*)",
    reason="有{value}条收费发生在入院前或出院后一天以外（同类中位{peer}条）",
    innocent="术前门诊检查并入住院、补记账（N31）",
)
declare(
    out,
    name="fee_outside_stay",
    label="住院日期之外的收费金额",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="住院日期之外收费{value}元（同类中位{peer}元）",
    innocent="术前门诊检查并入住院、补记账（N31）",
)

#: Operation lines of a stay beside whether anaesthesia, material and a record go with them.
OPERATIONS = f"""
    SELECT
        s.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.fen, l.hilist_name,
        coalesce(e.anaesthesia, false) AS anaesthesia,
        coalesce(e.material, false) AS material, s.oprn_oprt_code IS NOT NULL AS recorded,
        NOT coalesce(e.anaesthesia, false) AND NOT coalesce(e.material, false) AS hit
    FROM lines l
    JOIN stays s ON s.mdtrt_id = l.mdtrt_id
    LEFT JOIN (
        SELECT
            mdtrt_id,
            bool_or(regexp_matches(coalesce(hilist_name, ''), '麻醉|镇痛')) AS anaesthesia,
            bool_or(
                med_chrgitm_type = {MATERIAL} AND NOT regexp_matches(coalesce(hilist_name, ''), '输液器|留置针')
            ) AS material
        FROM lines
        WHERE is_inpatient
        GROUP BY 1
    ) e ON e.mdtrt_id = s.mdtrt_id
    WHERE l.is_inpatient AND l.med_chrgitm_type = {SURGERY}
"""
declare(
    name="operations_without_trace",
    label="无麻醉无耗材的手术",
    unit="条",
    grain="admission",
    scheme="T17",
    by="institution",
    windows=(0,),
    rows=OPERATIONS,
    measure="count(*) FILTER (hit)",
    reason="有{value}条手术收费既无麻醉也无手术耗材（同类中位{peer}条）",
    innocent="体表小手术，耗材含在手术费中",
)

CADRE_STAYS = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
        s.nights, s.bed_days, coalesce(s.fund_fen, 0) AS fen
    FROM stays s
    WHERE {retired_cadre("s")}
"""
declare(
    name="cadre_stay_nights",
    label="离休人员住院夜数",
    unit="夜",
    told_of={"admission": Of(STAY)},
    scheme="T25",
    by="person",
    windows=(0,),
    rows=CADRE_STAYS,
    measure="sum(nights)",
    reason="离休人员本次住院{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="高龄多病；零自付是离休待遇（N03、N27）",
)
declare(
    told_of={"person": Of("s.psn_no")},
    scheme="T25",
    by="person",
    windows=(365,),
    name="cadre_nights",
    label="离休人员一年住院夜数",
    unit="夜",
    rows=CADRE_STAYS,
    measure="sum(nights)",
    reason="离休人员近{window}天住院共{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="高龄多病（N03、N27）",
)
CADRE_MONEY = f"""
    SELECT
        s.psn_no AS entity_id, s.happened_at, 'settlements' AS row_table, s.setl_id AS row_id,
        {paid("s")} AS fen, s.is_inpatient, date_trunc('month', s.happened_at) AS month
    FROM settlements s
    WHERE {retired_cadre("s")}
"""
cadre = Feature(grain="person", scheme="T25", by="person", windows=(365,), rows=CADRE_MONEY)
declare(
    cadre,
    name="cadre_fund_yuan",
    label="离休人员一年基金支付",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="离休人员近{window}天由基金支付{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent="高龄多病、全额保障（N27、N29）",
)
declare(
    cadre,
    name="cadre_outpatient_yuan",
    label="离休人员一年门诊购药支付",
    unit="元",
    measure="coalesce(sum(fen) FILTER (NOT is_inpatient), 0) / 100.0",
    reason="离休人员近{window}天门诊和购药由基金支付{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent="高龄多病、常年服药（N29）",
)
