"""T13 超量重复搭车开药, T14 药品倒卖, T15 倒卖团伙 (doctor's side), T22 超限定范围用药.

How it works: a collector draws chronic drugs from several units beyond what anyone can swallow and sells them; a
doctor writes the same bag for card after card; the family's drugs go on one card; drugs are billed outside their paid
limits.
What it leaves: days of supply on hand that only grow, one drug from several units, tours of two or more units in a
day, many doctors, dear drugs, prescriptions with many kinds, one bag for many patients a day, drugs the holder's sex
or age forbids.
Honest cases: family purchase (N05), long prescriptions of up to 12 weeks (N08), nursing homes (N04), people living
elsewhere (N20), emergency windows (N25), year-end refills (N28), old people with many diseases (N29), dual-channel
pharmacies (N30).
"""

from features.codes import DRUGS, PACKED_DRUGS
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import (
    LINE_ID,
    OFF_LIMIT,
    VERSIONS,
    age_at,
    counts_of,
    diagnosed,
    in_emergency,
    in_force,
    most_of,
    unfit,
)
from features.wording import above

#: More days of supply than a long prescription may give twice over (12 weeks, N08) are cut.
MOST_DAYS = 180
#: A fill is early before this share of the last one's days has passed.
EARLY_SHARE = 0.6
#: A drug is dear from this price a unit on.
DEAR_YUAN = 200

#: Outpatient drug lines with the days of supply the person already held: on hand = Σ days so far, run down day by
#: day. With S the running sum of days, the end of supply after fill k is S_k + max_j(day_j − S_{j−1}). Days of 0 are
#: unknown.
FILLS = f"""
    WITH l AS (
        SELECT
            l.psn_no, l.mdtrt_id, l.feedetl_sn, l.happened_at, l.day, l.fixmedins_code, l.dr_codg, l.fen,
            l.cnt, l.pric, l.hilist_name,
            coalesce(c.generic_code, l.med_list_codg) AS drug,
            c.resale_risk_flag = '1' AS resale,
            least({MOST_DAYS}, coalesce(l.prd_days, 0)) AS days,
            date_diff('day', DATE '2000-01-01', l.day) AS n
        FROM lines l
        LEFT JOIN {VERSIONS} c ON {in_force("c")}
        WHERE NOT l.is_inpatient AND l.med_chrgitm_type IN {PACKED_DRUGS}
    ),
    s AS (
        SELECT
            *, sum(days) OVER p AS supplied, lag(fixmedins_code) OVER p AS last_unit,
            n - lag(n) OVER p AS gap, lag(days) OVER p AS last_days
        FROM l
        WINDOW p AS (PARTITION BY psn_no, drug ORDER BY happened_at, mdtrt_id, feedetl_sn ROWS UNBOUNDED PRECEDING)
    ),
    h AS (
        SELECT
            *,
            greatest(
                0,
                supplied
                    - days
                    + max(n - (supplied - days)) OVER (
                        PARTITION BY psn_no, drug
                        ORDER BY happened_at, mdtrt_id, feedetl_sn
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) - n
            ) AS held
        FROM s
    )
    SELECT
        l.psn_no AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.fixmedins_code, l.dr_codg, l.drug, l.hilist_name, l.cnt, l.pric, l.fen, l.day, l.days,
        coalesce(l.held, 0) AS held,
        least(l.days, coalesce(l.held, 0)) AS overlap,
        coalesce(l.last_unit <> l.fixmedins_code, false) AS elsewhere,
        coalesce(l.resale, false) AS resale,
        CASE WHEN l.days > 0 AND l.last_days > 0 THEN l.gap < {EARLY_SHARE} * l.last_days END AS early,
        r.psn_no IS NOT NULL AS registered, p.age
    FROM h l
    LEFT JOIN (SELECT DISTINCT psn_no FROM main.chronic_registry) r USING (psn_no)
    LEFT JOIN main.persons p USING (psn_no)
"""

#: Outpatient prescriptions: one row a doctor, visit and prescription number; `same_bag` counts the patients of his day
#: who got exactly the same.
_RX = once(
    "prescriptions",
    f"""
        SELECT *, count(*) OVER (PARTITION BY dr_codg, fixmedins_code, day, bag) AS same_bag
        FROM (
            SELECT
                l.dr_codg,
                any_value(l.fixmedins_code) AS fixmedins_code,
                any_value(l.psn_no) AS psn_no, l.mdtrt_id, min(l.happened_at) AS happened_at,
                min(l.day) AS day, sum(l.fen)::BIGINT AS fen,
                count(DISTINCT l.med_list_codg) FILTER (WHERE l.med_chrgitm_type IN {PACKED_DRUGS}) AS kinds,
                max(l.prd_days) AS days,
                sum(l.cnt) FILTER (WHERE l.prd_days > 0) AS packs,
                sum(l.prd_days) AS supply,
                sum(hash(l.med_list_codg, l.cnt))::VARCHAR AS bag,
                coalesce(sum(l.fen) FILTER (WHERE c.resale_risk_flag = '1'), 0)::BIGINT AS resale_fen
            FROM lines l
            LEFT JOIN {VERSIONS} c ON {in_force("c")}
            WHERE NOT l.is_inpatient AND l.dr_codg IS NOT NULL AND l.med_chrgitm_type IN {DRUGS}
            GROUP BY l.dr_codg, l.mdtrt_id, coalesce(l.rxno, '')
        )
    """,
)
RX = f"""
    SELECT
        $entity AS entity_id, r.dr_codg, r.fixmedins_code, r.happened_at, 'visits' AS row_table, r.mdtrt_id AS row_id,
        r.psn_no, r.fen, r.kinds, r.days, r.packs, r.supply, r.day, r.bag, r.resale_fen, r.same_bag
    FROM {_RX} r
"""
OF_DOCTOR, OF_UNIT = Of("r.dr_codg"), Of("r.fixmedins_code")

MOTHER_OR_CHILD = f"""
    coalesce(
        {age_at("p.brdy", "l.day")} < 1 OR (p.gend = '2' AND {age_at("p.brdy", "l.day")} BETWEEN 15 AND 50),
        false
    )
"""
#: In an emergency (N25) the limits are lifted for those who have its disease.
RELAXED = f"({diagnosed('l.dx3', 'epidemic')} AND {in_emergency('l.day')})"
#: Lines outside their paid limits: `unfit` by sex or age of the holder, drugs also `off_limit` by level of the unit or
#: kind of the visit. An item on the number of an infant, or of a woman of 15–50, may be that of mother or child (N12).
_LIMITED = once(
    "off_limit",
    f"""
        SELECT *
        FROM (
            SELECT
                l.mdtrt_id, l.feedetl_sn, l.psn_no, l.fixmedins_code, l.dr_codg, l.happened_at,
                l.is_inpatient, l.hilist_name, l.scope_fen AS fen,
                l.med_chrgitm_type IN {DRUGS} AS drug,
                {unfit("p.gend", "p.brdy", "l.day")} AND (drug OR NOT {MOTHER_OR_CHILD}) AS unfit,
                drug AND {OFF_LIMIT} AND NOT {RELAXED} AS off_limit
            FROM lines l
            JOIN (
                SELECT *
                FROM {VERSIONS}
                WHERE coalesce(lmt_gend, lmt_hosp_lv, lmt_med_type) IS NOT NULL
                    OR coalesce(lmt_age_min, lmt_age_max) IS NOT NULL
            ) c
                ON {in_force("c")}
            JOIN persons p USING (psn_no)
            LEFT JOIN institutions i ON i.fixmedins_code = l.fixmedins_code
        )
        WHERE unfit OR off_limit
    """,
)


_LIMITED_OF = f"""
    SELECT
        $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.psn_no, l.fixmedins_code, l.is_inpatient, l.hilist_name, l.fen, l.unfit, l.off_limit, l.drug
    FROM {_LIMITED} l
    WHERE $entity IS NOT NULL
"""
LIMITED = f"SELECT * FROM ({_LIMITED_OF}) WHERE drug"
UNFIT = f"SELECT * FROM ({LIMITED}) WHERE unfit"
UNFIT_ITEMS = f"SELECT * FROM ({_LIMITED_OF}) WHERE unfit"

STAY_DRUGS = f"""
    SELECT
        l.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.med_list_codg, l.hilist_name, l.cnt, l.fen, l.day, l.prd_days,
        l.dscg_tkdrug_flag = '1' AS taken_home
    FROM lines l
    WHERE l.is_inpatient AND l.med_chrgitm_type IN {DRUGS}
"""

_UNITS_OF_TOP_DRUG = most_of("drug", "fixmedins_code")
_DAYS_WITH_TWO_UNITS = f"len(list_filter({counts_of('day', 'fixmedins_code')}, lambda n: n >= 2))"

person = Feature(
    scheme="T14",
    by="person",
    family="drug",
    source="3.8 3.9",
    rows=FILLS,
    needs=("fee_details",),
)
doctor = Feature(
    told_of={"doctor": OF_DOCTOR},
    scheme="T13",
    by="institution",
    family="drug",
    source="3.8",
    rows=RX,
    needs=("fee_details.bilg_dr_codg",),
)
unit = Feature(
    told_of={"institution": OF_UNIT},
    scheme="T13",
    by="institution",
    family="drug",
    source="3.8",
    rows=RX,
    needs=("fee_details",),
)
stay = Feature(
    scheme="T13",
    by="person",
    family="drug",
    source="3.8",
    windows=(0,),
    rows=STAY_DRUGS,
    needs=("fee_details",),
)

declare(
    person,
    grain="person",
    name="supply_held_days",
    label="手头存药最多天数",
    unit="天",
    windows=(90, 365),
    measure="max(held)",
    needs=("fee_details.prd_days",),
    scheme="T13",
    reason="近{window}天取药时手头同一种药还够吃{value}天" + above("天"),
    innocent="长处方一次最多可开12周（N08）；节前续方（N28）",
)
declare(
    person,
    grain="person",
    name="supply_overlap_days",
    label="用药天数重叠",
    unit="天",
    windows=(30, 90, 180, 365),
    measure="sum(overlap)",
    needs=("fee_details.prd_days",),
    scheme="T13",
    reason="近{window}天重复取药，同药用药天数重叠合计{value}天" + above("天"),
    innocent="提前续方、长处方（N08、N28）；用药天数填报为默认值",
)
declare(
    person,
    grain="person",
    name="drug_packs_per_day",
    label="每个用药日的取药盒数",
    unit="盒",
    windows=(90, 365),
    measure="CASE WHEN count(*) FILTER (WHERE days > 0) >= 3 THEN sum(cnt) FILTER (WHERE days > 0) / sum(days) END",
    needs=("fee_details.prd_days",),
    scheme="T13",
    also=("T14",),
    empty=None,
    reason="近{window}天每个用药日平均取药{value}盒" + above("盒"),
    innocent="小包装药品、一日多次大剂量用药；长处方一次取足（N08）",
)
declare(
    person,
    grain="person",
    name="supply_overlap_elsewhere_days",
    label="跨机构用药天数重叠",
    unit="天",
    windows=(90, 180, 365),
    measure="sum(overlap) FILTER (WHERE elsewhere)",
    needs=("fee_details.prd_days",),
    reason="近{window}天上一次的药还没吃完就到另一家机构再取，重叠合计{value}天" + above("天"),
    innocent="外出居住换机构取药（N20）、原机构断药",
)
declare(
    person,
    grain="person",
    name="drug_same_units",
    also=("T13", "T15"),
    label="同一种药的取药机构数",
    unit="家",
    windows=(90, 180),
    measure=_UNITS_OF_TOP_DRUG,
    reason="近{window}天同一种药从{value}家机构取得" + above("家"),
    innocent="多病老人就近购药（N29）、异地居住（N20）",
)
declare(
    person,
    grain="person",
    name="drug_same_fills",
    label="同一种药取药次数",
    unit="次",
    windows=(30, 90),
    measure="list_max(map_values(histogram(hash(drug))))",
    reason="近{window}天同一种药取了{value}次" + above("次"),
    innocent="按周取药的精神类、抗凝药物",
)
declare(
    person,
    grain="person",
    name="drug_tour_days",
    also=("T15",),
    label="一日多家机构取药天数",
    unit="天",
    windows=(90, 365),
    measure=_DAYS_WITH_TWO_UNITS,
    reason="近{window}天有{value}天在两家以上机构取药" + above("天"),
    innocent="首家缺药转往他店、外配处方",
)
declare(
    person,
    grain="person",
    name="drug_doctors",
    label="开药医师数",
    unit="人",
    windows=(90, 180),
    measure="count(DISTINCT dr_codg)",
    needs=("fee_details.bilg_dr_codg",),
    reason="近{window}天有{value}名医师为其开药" + above("人"),
    innocent="多病共存看多个专科（N29）",
)
declare(
    person,
    grain="person",
    name="drug_units",
    also=("T30",),
    label="取药机构数",
    unit="家",
    windows=(30, 90),
    measure="count(DISTINCT fixmedins_code)",
    reason="近{window}天在{value}家机构取药" + above("家"),
    innocent="多病老人、居住地变动（N20、N29）",
)
declare(
    person,
    grain="person",
    name="drug_kinds",
    label="取药品种数",
    unit="种",
    windows=(30, 90),
    measure="count(DISTINCT drug)",
    scheme="T13",
    reason="近{window}天取得{value}种不同的药" + above("种"),
    innocent="多病共存老人（N29）、家庭共济（N05）",
)
declare(
    person,
    grain="person",
    name="drug_yuan",
    label="门诊药店药费",
    unit="元",
    windows=(30, 90, 365),
    measure="sum(fen) / 100.0",
    reason="近{window}天门诊和药店药费{value}元" + above("元"),
    innocent="特药、双通道药品（N30）、多病共存（N29）",
)
declare(
    person,
    grain="person",
    name="drug_dear_yuan",
    label="高单价药品支出",
    unit="元",
    windows=(90, 365),
    measure=f"sum(fen) FILTER (WHERE pric >= {DEAR_YUAN}) / 100.0",
    reason="近{window}天单价200元以上的药品支出{value}元" + above("元"),
    innocent="谈判药、特病用药（N30）",
)
declare(
    person,
    grain="person",
    name="resale_yuan",
    also=("T15",),
    label="易倒卖药品支出",
    unit="元",
    windows=(90, 180, 365),
    measure="sum(fen) FILTER (WHERE resale) / 100.0",
    needs=("catalog.resale_risk_flag",),
    reason="近{window}天易倒卖药品支出{value}元" + above("元"),
    innocent="确需长期服用且病历、检验支持（N29）",
)
declare(
    person,
    grain="person",
    name="resale_units",
    also=("T15",),
    label="易倒卖药品取药机构数",
    unit="家",
    windows=(90, 180),
    measure="count(DISTINCT fixmedins_code) FILTER (WHERE resale)",
    needs=("catalog.resale_risk_flag",),
    reason="近{window}天从{value}家机构取得易倒卖药品" + above("家"),
    innocent="异地居住（N20）",
)
declare(
    person,
    told_of={"person": Of("l.psn_no")},
    name="drug_unfit_yuan",
    label="与性别年龄不符药费",
    unit="元",
    windows=(180, 365),
    rows=UNFIT,
    measure="sum(fen) / 100.0",
    needs=("catalog.lmt_gend",),
    scheme="T13",
    reason="近{window}天与本人性别或年龄不符的药费{value}元" + above("元"),
    innocent="家庭共济代购（N05）、妇幼同号（N12）",
)
declare(
    person,
    told_of={"person": Of("l.psn_no")},
    name="off_limit_person_yuan",
    label="超限定支付药费",
    unit="元",
    windows=(180,),
    rows=LIMITED,
    measure="sum(fen) / 100.0",
    needs=("catalog.lmt_hosp_lv",),
    scheme="T22",
    source="3.10",
    reason="近{window}天超出限定支付范围的药费{value}元" + above("元"),
    innocent="疫情应急政策放宽（N25）",
)

declare(
    doctor,
    name="rx_kinds_mean",
    label="平均每张处方药品种数",
    unit="种",
    windows=(90, 180),
    measure="avg(kinds)",
    empty=None,
    reason="近{window}天平均每次门诊开{value}种药" + above("种"),
    innocent="老年科、中医科多病同治（N29）",
)
declare(
    doctor,
    name="rx_many_share",
    label="五种以上处方占比",
    unit="%",
    windows=(90, 180),
    measure="CASE WHEN count(*) >= 10 THEN avg((kinds > 5)::INT) END",
    empty=None,
    reason="近{window}天一次开5种以上药的处方占{value}" + above(),
    innocent="多病共存老人集中的科室（N29）",
)
declare(
    doctor,
    name="rx_same_bag_most",
    label="同日同方最多人数",
    unit="人",
    windows=(30, 90, 180),
    measure="max(same_bag) FILTER (WHERE kinds >= 2)",
    scheme="T15",
    reason="近{window}天同一天给最多{value}名患者开了完全相同的两种以上药品" + above("人"),
    innocent="流感季（N14）、养老机构集中配药（N04）",
)
declare(
    doctor,
    name="rx_same_bag_share",
    label="同日同方处方占比",
    unit="%",
    windows=(90, 180),
    measure="CASE WHEN count(*) >= 20 THEN avg((same_bag >= 2 AND kinds >= 2)::INT) END",
    scheme="T15",
    empty=None,
    reason="近{window}天有{value}的处方与当天另一名患者完全相同" + above(),
    innocent="单病种门诊、协定处方（N13）",
)
declare(
    doctor,
    name="rx_long_share",
    label="超30天处方占比",
    unit="%",
    windows=(90, 180),
    scheme="T14",
    measure="CASE WHEN count(days) >= 10 THEN avg((days > 30)::INT) END",
    needs=("fee_details.prd_days",),
    empty=None,
    reason="近{window}天用药超过30天的处方占{value}" + above(),
    innocent="长期处方、慢病门诊（N08）",
)
declare(
    doctor,
    name="rx_packs_per_day",
    label="每个用药日的开药盒数",
    unit="盒",
    windows=(90, 180),
    measure="CASE WHEN count(supply) >= 10 THEN sum(packs) / nullif(sum(supply), 0) END",
    needs=("fee_details.prd_days",),
    empty=None,
    reason="近{window}天所开药品平均每个用药日{value}盒" + above("盒"),
    innocent="小包装药品、大剂量用药的专科（N22）",
)
declare(
    doctor,
    name="rx_mean_yuan",
    label="平均每张处方金额",
    unit="元",
    windows=(90, 180),
    measure="avg(fen) / 100.0",
    empty=None,
    reason="近{window}天平均每次门诊药费{value}元" + above("元"),
    innocent="肿瘤、肾病等专科用药昂贵（N22）",
)
declare(
    doctor,
    name="rx_busiest_day",
    label="单日最多开方患者数",
    unit="人",
    windows=(90,),
    measure="list_max(map_values(histogram(day)))",
    scheme="T15",
    reason="近{window}天单日最多为{value}名患者开药" + above("人"),
    innocent="义诊、集中随访日（N15）",
)
declare(
    doctor,
    name="rx_repeat_patients",
    label="单个患者最多开方次数",
    unit="次",
    windows=(90,),
    measure="list_max(map_values(histogram(hash(psn_no))))",
    scheme="T15",
    reason="近{window}天为同一患者开药最多{value}次" + above("次"),
    innocent="按周复诊的慢病、精神科患者",
)
declare(
    doctor,
    name="rx_resale_share",
    label="易倒卖药品金额占比",
    unit="%",
    windows=(90, 180),
    measure="sum(resale_fen) / nullif(sum(fen), 0)",
    needs=("catalog.resale_risk_flag",),
    scheme="T15",
    empty=None,
    reason="近{window}天处方金额中易倒卖药品占{value}" + above(),
    innocent="专科用药结构使然（N22）",
)
declare(
    unit,
    name="rx_unit_many_share",
    label="五种以上处方占比",
    unit="%",
    windows=(90, 180),
    measure="CASE WHEN count(*) >= 20 THEN avg((kinds > 5)::INT) END",
    empty=None,
    reason="近{window}天一次开5种以上药的处方占{value}" + above(),
    innocent="老年患者为主（N29）",
)
declare(
    unit,
    name="rx_unit_same_bag_share",
    label="同医师同日同方占比",
    unit="%",
    windows=(90, 180),
    measure="CASE WHEN count(*) >= 20 THEN avg((same_bag >= 3 AND kinds >= 2)::INT) END",
    scheme="T15",
    empty=None,
    reason="近{window}天有{value}的处方与同医师当天另两名以上患者完全相同" + above(),
    innocent="流感季、养老机构配药（N04、N14）",
)
declare(
    unit,
    name="rx_unit_long_share",
    label="超30天处方占比",
    unit="%",
    windows=(90, 180),
    scheme="T14",
    measure="CASE WHEN count(days) >= 20 THEN avg((days > 30)::INT) END",
    needs=("fee_details.prd_days",),
    empty=None,
    reason="近{window}天用药超过30天的处方占{value}" + above(),
    innocent="慢病长处方（N08）",
)
declare(
    unit,
    name="rx_unit_mean_yuan",
    label="平均每张处方金额",
    unit="元",
    windows=(90, 180),
    measure="avg(fen) / 100.0",
    empty=None,
    reason="近{window}天平均每张门诊处方{value}元" + above("元"),
    innocent="专科机构用药昂贵（N22）",
)
declare(
    unit,
    name="rx_unit_resale_share",
    also=("T15",),
    label="易倒卖药品金额占比",
    unit="%",
    windows=(90, 180),
    measure="sum(resale_fen) / nullif(sum(fen), 0)",
    needs=("catalog.resale_risk_flag",),
    scheme="T14",
    empty=None,
    reason="近{window}天处方金额中易倒卖药品占{value}" + above(),
    innocent="专科机构用药结构（N22）",
)
declare(
    unit,
    name="off_limit_unit_yuan",
    label="超限定支付药费",
    unit="元",
    windows=(90, 180),
    told_of={"institution": Of("l.fixmedins_code")},
    rows=LIMITED,
    measure="sum(fen) / 100.0",
    needs=("catalog.lmt_hosp_lv",),
    scheme="T22",
    source="3.10",
    reason="近{window}天超出限定等级、就医方式、性别或年龄的药费{value}元" + above("元"),
    innocent="疫情应急政策放宽（N25）、家庭共济（N05）",
)
declare(
    stay,
    grain="admission",
    name="stay_takehome_yuan",
    label="出院带药金额",
    unit="元",
    measure="sum(fen) FILTER (WHERE taken_home) / 100.0",
    needs=("fee_details.dscg_tkdrug_flag",),
    reason="本次住院出院带药{value}元" + above("元"),
    innocent="术后、慢病出院需继续用药（N08）",
)
declare(
    stay,
    grain="admission",
    name="stay_takehome_days",
    label="出院带药最长天数",
    unit="天",
    measure="max(prd_days) FILTER (WHERE taken_home)",
    needs=("fee_details.dscg_tkdrug_flag", "fee_details.prd_days"),
    reason="本次住院出院带药最长{value}天" + above("天"),
    innocent="慢病长处方（N08）",
)
declare(
    stay,
    grain="admission",
    name="stay_drug_kinds",
    label="住院用药品种数",
    unit="种",
    measure="count(DISTINCT med_list_codg)",
    reason="本次住院用药{value}种" + above("种"),
    innocent="重症、多病共存（N29）",
)
declare(
    stay,
    told_of={"admission": Of("l.mdtrt_id")},
    name="stay_off_limit_yuan",
    label="住院超限定药费",
    unit="元",
    rows=f"SELECT * FROM ({LIMITED}) WHERE is_inpatient",
    measure="sum(fen) / 100.0",
    needs=("catalog.lmt_hosp_lv",),
    scheme="T22",
    source="3.10",
    reason="本次住院超出限定支付范围的药费{value}元" + above("元"),
    innocent="疫情应急政策放宽（N25）",
)
