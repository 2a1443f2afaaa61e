"""T01 挂床住院 ghost bed: the patient is elsewhere.

How it works: a unit admits a mild or willing patient; the bed is billed daily, the patient sleeps at home and lives his
life.
What it leaves: card use elsewhere on inner days of the stay, in person or far away.
Honest cases: families who fetch the usual tablets with the patient's card (N05, N18), an MRI at the bigger hospital
(N09), approved leave (N19).
"""

from features.codes import (
    AWAY_WITH_LEAVE,
    PHARMACY,
    TESTS_AND_VISIT_FEES,
    kilometres_flat,
    paid,
)
from features.declare import Feature, Of, declare

#: Where somebody bought within so many days before the stay is where the family goes on buying (N18).
USUAL_DAYS = 180

#: A drug the ward may send out for: at a dual-channel pharmacy as a special drug, or on a prescription in circulation.
REMEDY = """(
            coalesce(i.sp_drugstore_flag = '1', false)
            AND (p.visit_class = 'special_drug' OR coalesce(k.circulated, false))
        )"""
ONLINE = "(coalesce(k.online, false) OR coalesce(i.fixmedins_name LIKE '%互联网%', false))"

#: Card use elsewhere on inner days. `usual`: a shop used before; `referred`: nothing but tests at a higher unit
#: (N09); `remedy`: a prescription carried out to a dual-channel pharmacy; `online`: a visit over the internet, made
#: from the bed; `km` away; `hit`: none of these, no shared account, no leave.
OUTSIDE = f"""
    WITH pairs_ AS (
        SELECT
            s.mdtrt_id AS stay_id, s.fixmedins_code AS ward_unit, s.atddr_no, s.begntime AS stay_begin,
            s.fund_fen AS stay_fund_fen, s.level AS ward_level, s.nights, s.bed_days, w.setl_id,
            w.mdtrt_id AS swipe_visit, w.psn_no, w.fixmedins_code, w.happened_at, w.visit_class,
            w.level AS swipe_level,
            coalesce(w.acct_mulaid_pay_fen, 0) > 0 AS family,
            {paid("w")} AS fen, w.medfee_sumamt_fen
        FROM stays s
        JOIN swipes w
            ON w.psn_no = s.psn_no
            AND w.happened_at::DATE > s.adm_date
            AND w.happened_at::DATE < CASE WHEN s."open" THEN s.end_date + 1 ELSE s.end_date END
            AND w.fixmedins_code <> s.fixmedins_code
        WHERE NOT s.day_surgery
    ),
    kinds_ AS (
        SELECT
            mdtrt_id AS swipe_visit,
            bool_and(med_chrgitm_type IN {TESTS_AND_VISIT_FEES}) AS tests,
            bool_or(rx_circ_flag = '1') AS circulated,
            bool_or(hilist_name LIKE '%互联网%') AS online
        FROM lines
        SEMI JOIN (SELECT swipe_visit AS mdtrt_id FROM pairs_) USING (mdtrt_id)
        GROUP BY 1
    ),
    before_ AS (
        SELECT p.stay_id, p.setl_id, max(e.happened_at) AS last_there
        FROM pairs_ p
        JOIN swipes e
            ON e.psn_no = p.psn_no
            AND e.fixmedins_code = p.fixmedins_code
            AND e.happened_at < p.stay_begin
            AND e.happened_at > p.stay_begin - INTERVAL {USUAL_DAYS} DAY
        GROUP BY 1, 2
    ),
    excused_ AS (
        SELECT DISTINCT p.setl_id
        FROM pairs_ p
        JOIN main.filings f
            ON f.psn_no = p.psn_no
            AND f.kind IN {AWAY_WITH_LEAVE}
            AND p.happened_at::DATE BETWEEN f.begndate AND coalesce(f.enddate, p.happened_at::DATE)
    )
    SELECT
        $entity AS entity_id, 'settlements' AS row_table, p.setl_id AS row_id, p.*,
        p.happened_at::DATE AS day, p.visit_class IN {PHARMACY} AS shop,
        b.last_there IS NOT NULL AND p.visit_class IN {PHARMACY} AS usual,
        coalesce(k.tests, false) AND p.swipe_level > p.ward_level AS referred,
        extract(hour FROM p.happened_at) AS hour,
        {REMEDY} AS remedy,
        {ONLINE} AS online,
        {kilometres_flat("i.lnt", "i.lat", "h.lnt", "h.lat")} AS km,
        NOT (
            p.family
            OR {REMEDY}
            OR {ONLINE}
            OR (b.last_there IS NOT NULL AND p.visit_class IN {PHARMACY})
            OR (coalesce(k.tests, false) AND p.swipe_level > p.ward_level)
            OR x.setl_id IS NOT NULL
        ) AS hit
    FROM pairs_ p
    LEFT JOIN kinds_ k USING (swipe_visit)
    LEFT JOIN before_ b ON b.stay_id = p.stay_id AND b.setl_id = p.setl_id
    LEFT JOIN excused_ x ON x.setl_id = p.setl_id
    LEFT JOIN main.institutions i ON i.fixmedins_code = p.fixmedins_code
    LEFT JOIN main.institutions h ON h.fixmedins_code = p.ward_unit
"""

OF_STAY, OF_PATIENT = Of("p.stay_id"), Of("p.psn_no")

outside = Feature(
    told_of={"admission": OF_STAY}, scheme="T01", by="person", reversed="kept", windows=(0,), rows=OUTSIDE
)

_FAMILY = "家属持卡代取常用药、经批准外出检查或请假离院（N05、N09、N18、N19）"

declare(
    outside,
    name="outside_swipe_days",
    label="住院期间院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="住院期间有{value}天在院外刷卡（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_FAMILY,
)

declare(
    outside,
    name="outside_swipes",
    label="住院期间院外刷卡次数",
    unit="次",
    measure="count(*)",
    reason="住院期间在院外刷卡{value}次（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_FAMILY,
)

declare(
    outside,
    name="outside_unexplained_days",
    also=("T02", "T03"),
    label="住院期间无合理缘由的院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day) FILTER (hit)",
    reason="剔除共济账户、常去药店取药和上级医院检查后，住院期间仍有{value}天在院外刷卡（同类中位{peer}天）",
    innocent="请假离院，或家属首次到别的药店代购",
)

declare(
    outside,
    name="outside_visit_days",
    also=("T02", "T03"),
    label="住院期间院外门诊天数",
    unit="天",
    measure="count(DISTINCT day) FILTER (NOT shop AND NOT referred)",
    reason="住院期间有{value}天在别的医疗机构门诊就诊，须本人到场（同类中位{peer}天，高于{percentile}的同类）",
    innocent="本院无相应科室，经同意到外院门诊",
)

declare(
    outside,
    name="outside_units",
    label="住院期间院外刷卡机构数",
    unit="家",
    measure="count(DISTINCT fixmedins_code)",
    reason="住院期间在{value}家其他定点机构刷卡（同类中位{peer}家，高于{percentile}的同类）",
    innocent=_FAMILY,
)

declare(
    outside,
    name="outside_money",
    label="住院期间院外医保支付",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="住院期间院外刷卡由统筹和账户支付{value}元（同类中位{peer}元）",
    innocent=_FAMILY,
)

declare(
    outside,
    name="outside_farthest_km",
    label="住院期间院外刷卡最远距离",
    unit="公里",
    measure="max(km)",
    needs=("institutions.lnt", "institutions.lat"),
    reason="住院期间曾在距病房{value}公里处刷卡（同类中位{peer}公里，高于{percentile}的同类）",
    innocent="家属在居住地附近代购，或转上级医院检查",
)

declare(
    outside,
    name="outside_day_share",
    label="住院天数中院外刷卡占比",
    unit="%",
    measure="count(DISTINCT day) / greatest(1, max(bed_days))",
    reason="住院天数中有{value}的日子在院外刷卡（同类中位{peer}，高于{percentile}的同类）",
    innocent=_FAMILY,
)

person = Feature(
    told_of={"person": OF_PATIENT},
    scheme="T01",
    by="person",
    reversed="kept",
    windows=(365,),
    rows=OUTSIDE,
)

declare(
    person,
    name="person_outside_days",
    label="历次住院期间院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="近{window}天历次住院期间有{value}天在院外刷卡（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_FAMILY,
)

declare(
    person,
    name="person_outside_stays",
    label="有院外刷卡的住院次数",
    unit="次",
    measure="count(DISTINCT stay_id) FILTER (hit)",
    reason="近{window}天有{value}次住院期间在院外刷卡且缘由不明（同类中位{peer}次）",
    innocent="家属首次到别的药店代购，或请假离院",
)
