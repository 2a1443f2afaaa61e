"""Who looks the same without guilt (codes.md), as far as the data shows it: the marks by which officers tell an
innocent.

How it works: the sick return, the old collect drugs, families share cards. Each mark is 1 where the bureau's own data
explains what would otherwise be suspicious; it never raises a risk, it only lowers it (`worse` = low), and the list
prints it as the honest explanation.
What it leaves: a diagnosis of dialysis or chemotherapy, a ward of long care, a filed leave or home bed, a shared
account, a registry, a status, a transfer.
Honest cases: these are the honest cases (N01–N34). A mark is no proof: a unit writes its own diagnoses and
planned-readmission flags.
"""

from features.catalog.drugs import FILLS
from features.catalog.fake_stay_company import VILLAGE
from features.catalog.ghost_bed_away import OF_STAY, OUTSIDE
from features.catalog.stay_rows import LONG_CARE
from features.codes import HOME_CARE, LEAVE, MATERNITY_STAY, SINGLE_DISEASE, TRANSFERRED, retired_cadre
from features.declare import Feature, declare
from features.knowledge import counts_of, diagnosed

#: One row a stay with a boolean per innocent.
STAY_MARKS = f"""
    SELECT
        s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.dx,
        s.visit_class,
        {diagnosed("s.dx", "dialysis")} AS n01,
        {diagnosed("s.dx", "chemo")} AS n02,
        {LONG_CARE} AS n03, coalesce(o.family, false) AS n05, coalesce(o.tests, false) AS n09,
        s.day_surgery AS n10, s.planned AS n11,
        {diagnosed("s.dx", "delivery")} OR s.med_type = {MATERNITY_STAY} AS n12,
        coalesce(s.med_type = {SINGLE_DISEASE}, false) AS n13,
        coalesce(s.dscg_way = {TRANSFERRED}, false)
            OR coalesce(t.mdtrt_id IS NOT NULL, false)
            OR coalesce(f.sent, false) AS n16,
        coalesce(o.usual, false) AS n18, coalesce(f.leave, false) AS n19,
        {retired_cadre("s")} AS n27,
        coalesce(f.home, false) AS n34
    FROM stays s
    LEFT JOIN (
        SELECT entity_id, bool_and(family) AS family, bool_and(referred) AS tests, bool_and(usual OR family) AS usual
        FROM ({OUTSIDE})
        GROUP BY 1
    ) o ON o.entity_id = s.mdtrt_id
    LEFT JOIN (
        SELECT DISTINCT s.mdtrt_id
        FROM stays s
        JOIN stays b
            ON b.psn_no = s.psn_no
            AND b.mdtrt_id <> s.mdtrt_id
            AND b.dscg_way = {TRANSFERRED}
            AND abs(date_diff('day', b.end_date, s.adm_date)) <= 1
    ) t ON t.mdtrt_id = s.mdtrt_id
    LEFT JOIN (
        SELECT
            s.mdtrt_id, bool_or(g.kind = {LEAVE}) AS leave, bool_or(g.kind IN {HOME_CARE}) AS home,
            bool_or(g.kind = '转诊') AS sent
        FROM stays s
        JOIN main.filings g
            ON g.psn_no = s.psn_no AND g.begndate <= s.end_date AND coalesce(g.enddate, s.end_date) >= s.adm_date
        GROUP BY 1
    ) f ON f.mdtrt_id = s.mdtrt_id
"""

stay = Feature(
    told_of={"admission": OF_STAY},
    by="person",
    reversed="kept",
    windows=(0,),
    rows=STAY_MARKS,
    worse="low",
    family="innocent",
    unit="次",
)
_MARKED = "数据中有此正常情形的记录，风险应下调"
for _code, _scheme, _name, _told in (
    ("N01", "T02", "透析", "透析住院，同日同班、反复入院属正常"),
    ("N02", "T04", "放化疗", "放化疗疗程，短期反复入院属正常"),
    ("N03", "T01", "长期住院", "精神、康复、护理或按床日付费的病区，收费稀疏属正常"),
    ("N05", "T01", "共济代购", "住院期间的院外刷卡都由共济账户支付"),
    ("N09", "T01", "外院检查", "住院期间的院外刷卡都是上级机构的检查"),
    ("N10", "T02", "日间手术", "日间手术，当日进出属正常"),
    ("N11", "T04", "计划再入院", "登记为计划内再入院（机构自报，须核对）"),
    ("N12", "T02", "产科新生儿", "分娩或新生儿住院，套餐相同属正常"),
    ("N13", "T02", "单病种", "按病种付费的路径住院，项目相同属正常"),
    ("N16", "T04", "转院", "转院衔接的住院"),
    ("N18", "T01", "代取慢病药", "住院期间的院外刷卡都在患者常去的药店"),
    ("N19", "T01", "请假离院", "住院期间有请假备案"),
    ("N27", "T06", "离休待遇", "离休人员的住院待遇"),
    ("N34", "T01", "家庭病床", "家庭病床或居家护理备案"),
):
    declare(
        stay,
        name=f"stay_like_{_code.lower()}",
        label=_name,
        scheme=_scheme,
        measure=f"max({_code.lower()}::INT)",
        excuses=_code,
        reason=f"{_told}（{{value}}，同类中位{{peer}}）",
        innocent=f"{_MARKED}（{_code}）",
    )

declare(
    name="stay_like_n14",
    label="聚集疫情",
    unit="次",
    grain="admission",
    scheme="T29",
    by="institution",
    windows=(0,),
    rows=VILLAGE,
    worse="low",
    family="innocent",
    measure="(count(DISTINCT psn_no) FILTER (other AND near AND outbreak) >= 2)::INT",
    excuses="N14",
    needs=("persons.curr_addr_code",),
    reason="同村同期另有两人以上患同一传染性疾病住院，成批入院属正常（{value}，同类中位{peer}）",
    innocent=f"{_MARKED}（N14）",
)

#: One row a card and mark: why its habits are what they are.
PERSON_MARKS = f"""
    WITH s AS (
        SELECT
            psn_no, happened_at, setl_id, mdtrt_id, visit_class, is_inpatient, acct_mulaid_pay_fen,
            manual_flag, out_flag, insutype, psn_type, opt_diag_code, medfee_sumamt_fen, touched_
        FROM (
            SELECT x.*, r.setl_id IS NOT NULL AS touched_
            FROM settlements x
            LEFT JOIN (SELECT DISTINCT setl_id FROM refunds WHERE gap_minutes > 10) r USING (setl_id)
        )
    )
    SELECT
        s.psn_no AS entity_id, s.happened_at, 'settlements' AS row_table, s.setl_id AS row_id,
        s.visit_class,
        s.visit_class = 'dialysis'
            OR {diagnosed("coalesce(s.opt_diag_code, t.dx)", "dialysis")} AS n01,
        {diagnosed("coalesce(t.dx, s.opt_diag_code)", "chemo")} AS n02,
        coalesce(t.long_care, false) AS n03,
        coalesce(s.acct_mulaid_pay_fen > 0, false) AS n05,
        coalesce(s.out_flag = '1', false)
            OR EXISTS (
                FROM main.filings f
                WHERE f.psn_no = s.psn_no
                    AND f.kind LIKE '异地%'
                    AND f.begndate <= s.happened_at::DATE
                    AND coalesce(f.enddate, s.happened_at::DATE) >= s.happened_at::DATE
            ) AS n20,
        p.psn_idet_type IS NOT NULL AS n26,
        {retired_cadre("s")} AS n27,
        s.touched_ AS n31,
        coalesce(s.manual_flag = '1', false) AS n32,
        coalesce(c.since BETWEEN s.happened_at::DATE AND s.happened_at::DATE + 30, false) AS n33
    FROM s
    LEFT JOIN main.persons p ON p.psn_no = s.psn_no
    LEFT JOIN (SELECT s.mdtrt_id, s.dx, {LONG_CARE} AS long_care FROM stays s) t ON t.mdtrt_id = s.mdtrt_id
    LEFT JOIN (SELECT psn_no, min(opsp_begndate) AS since FROM main.chronic_registry GROUP BY 1) c
        ON c.psn_no = s.psn_no
"""

person = Feature(
    grain="person",
    by="person",
    reversed="kept",
    windows=(365,),
    rows=PERSON_MARKS,
    worse="low",
    family="innocent",
    unit="次",
)
for _code, _scheme, _name, _told in (
    ("N01", "T30", "透析", "规律透析，就医频繁属正常"),
    ("N02", "T30", "放化疗", "放化疗疗程，就医频繁属正常"),
    ("N03", "T30", "长期住院", "在精神、康复、护理病区住院"),
    ("N05", "T08", "家庭共济", "有共济账户支付，代购属正常"),
    ("N20", "T30", "异地居住", "有异地备案或异地就医，机构分散属正常"),
    ("N26", "T26", "困难身份", "登记有困难身份，低自付属正常"),
    ("N27", "T25", "离休待遇", "离休人员待遇"),
    ("N31", "T32", "更正重结", "有当场以后才办的退费更正"),
    ("N32", "T27", "手工报销", "有中心手工报销"),
    ("N33", "T24", "备案补录", "就诊后30天内补录慢特病备案"),
):
    declare(
        person,
        name=f"card_like_{_code.lower()}",
        label=_name,
        scheme=_scheme,
        measure=f"max({_code.lower()}::INT)",
        excuses=_code,
        reason=f"近{{window}}天{_told}（{{value}}，同类中位{{peer}}）",
        innocent=f"{_MARKED}（{_code}）",
    )

#: What the fills of a card tell, taken back ones left out.
_CALM = "coalesce(avg(early::INT), 0) < 0.2"
_STEADY = f"""len(list_filter({counts_of("drug", "date_trunc('month', day)", "age >= 65")}, lambda n: n >= 4)) >= 3"""
for _code, _scheme, _name, _told, _measure in (
    (
        "N08",
        "T13",
        "长处方",
        "有慢特病备案，开具超过30天的长处方，且不提前续方",
        f"any_value(registered) AND bool_or(days > 30) AND {_CALM}",
    ),
    (
        "N28",
        "T31",
        "慢病续方",
        "有慢特病备案，续方间隔与用量相称",
        f"any_value(registered) AND bool_or(days > 0) AND {_CALM}",
    ),
    (
        "N29",
        "T30",
        "多病老人",
        "65岁以上、三种以上药物长期服用，且不提前续方",
        f"any_value(age) >= 65 AND bool_or(days > 0) AND {_CALM} AND {_STEADY}",
    ),
):
    declare(
        person,
        name=f"card_like_{_code.lower()}",
        label=_name,
        scheme=_scheme,
        rows=FILLS,
        reversed="net",
        needs=("fee_details.prd_days",),
        measure=f"(coalesce({_measure}, false))::INT",
        excuses=_code,
        reason=f"近{{window}}天{_told}（{{value}}，同类中位{{peer}}）",
        innocent=f"{_MARKED}（{_code}）",
    )

#: One row a settlement of a unit: what its own register and its clock say of it.
UNIT_MARKS = """
    SELECT
        w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table,
        w.setl_id AS row_id, w.psn_no, coalesce(w.clock_collapsed, false) AS n07,
        coalesce(i.level = 3, false) AS n21,
        coalesce(i.open_24h_flag = '1', false) AS n23,
        coalesce(i.sp_drugstore_flag = '1', false) AS n30
    FROM settlements w
    JOIN institutions i USING (fixmedins_code)
"""

unit = Feature(
    grain="institution",
    by="institution",
    reversed="kept",
    windows=(180,),
    rows=UNIT_MARKS,
    worse="low",
    family="innocent",
    unit="家",
)
for _code, _scheme, _name, _told, _measure in (
    ("N07", "T09", "批量上传", "半数以上结算为整日集中上传，时间不说明先后", "(avg(n07::INT) >= 0.5)::INT"),
    ("N21", "T21", "区域医疗中心", "三级医院，收治重症，费用和检查较多属正常", "max(n21::INT)"),
    ("N23", "T08", "24小时药店", "登记为24小时营业，夜间刷卡属正常", "max(n23::INT)"),
    ("N30", "T08", "双通道药店", "登记为特药（双通道）药店，单价高、品种集中属正常", "max(n30::INT)"),
):
    declare(
        unit,
        name=f"unit_like_{_code.lower()}",
        label=_name,
        scheme=_scheme,
        measure=_measure,
        excuses=_code,
        reason=f"{_told}（{{value}}，同类中位{{peer}}）",
        innocent=f"{_MARKED}（{_code}）",
    )
