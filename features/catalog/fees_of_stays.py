"""T19 重复分解收费, T20 超标准收费, T21 过度检查诊疗, T23 高值耗材违规, T16 串换药品项目: the bill of one stay.

How it works: small sums on many lines. A price sits above its cap, an item is billed twice, bed and nursing days exceed
the nights, implants are billed without the operation. Often it is a template of the billing system: constant,
everywhere, since one day.
What it leaves: excess over the cap in fen, the same code twice in a minute or many times a day, bed days − nights,
exam and lab shares, material without surgery.
Honest cases: intensive care and oxygen by the hour, repeated tests of the severely ill (N21), specialist hospitals
(N22), price regimes (N24), emergency windows (N25), corrections (N31).
"""

from features.codes import (
    BED,
    EXAM,
    LAB,
    MATERIAL,
    NURSING,
    OTHER_FEE,
    PLACEMENT,
    SERVICES,
    SERVICES_AND_NURSING,
    SURGERY,
    TESTS,
    TREATMENT,
    any_of,
)
from features.declare import Feature, Of, declare
from features.knowledge import CAPS, LINE_ID
from features.wording import above

#: Lines priced above the cap in force that day; the cap on the line itself goes before the catalogue's. In millionths
#: of a yuan, of which a fen is the tolerance.
FEN_E6 = 10000

_CAP_E6 = "coalesce(nullif(l.pric_uplmt_amt_e6, 0), c.cap_e6)"

OVER_CAP = f"""
    SELECT
        $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.psn_no, l.is_inpatient, l.med_list_codg, l.hilist_name, l.cnt, l.pric, l.fen, l.day,
        {_CAP_E6} / 1e6 AS cap,
        (l.fen * (1 - {_CAP_E6} / (l.pric * 1e6)))::BIGINT AS excess_fen
    FROM lines l
    LEFT JOIN {CAPS} c ON c.med_list_codg = l.med_list_codg AND l.day >= c.since AND l.day < c.until
    WHERE l.pric * 1000000 > {_CAP_E6} + {FEN_E6}
"""

STAY_OVER_CAP = f"SELECT * FROM ({OVER_CAP}) WHERE is_inpatient"

OF_STAY, OF_UNIT = Of("l.mdtrt_id"), Of("l.fixmedins_code")

#: The same item sooner than anybody can do it twice.
TWIN_SECONDS = 60

#: The lines of a stay with what their codes alone tell; of services `twin`: the same item again within a minute;
#: `nth`: its count that day so far.
STAY = f"""
    WITH served AS (
        SELECT
            *,
            date_diff('second', lag(happened_at) OVER same, happened_at) < {TWIN_SECONDS}
                AND NOT clock_collapsed AS twin,
            row_number() OVER (PARTITION BY mdtrt_id, med_list_codg, day ORDER BY happened_at, feedetl_sn) AS nth
        FROM lines
        WHERE is_inpatient AND med_chrgitm_type IN {SERVICES_AND_NURSING}
        WINDOW same AS (PARTITION BY mdtrt_id, med_list_codg ORDER BY happened_at, feedetl_sn)
    )
    SELECT
        l.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.med_list_codg, l.hilist_name, l.med_chrgitm_type AS kind, l.cnt, l.pric, l.fen, l.day,
        greatest(1, date_diff('day', l.adm_date, l.end_date)) AS bed_days,
        coalesce(l.twin, false) AS twin, l.nth
    FROM (
        SELECT *, false AS twin, NULL AS nth
        FROM lines
        WHERE is_inpatient AND coalesce(med_chrgitm_type, '') NOT IN {SERVICES_AND_NURSING}
        UNION ALL
        FROM served
    ) l
"""

#: Material of this price a piece and more is called high-value 高值耗材 (R57: min_price_yuan).
IMPLANT_YUAN = 1000

#: An operation, or what is placed or opened by a needle and booked as treatment: interventions, catheters (N22).
PLACED = f"""
    (
        l.med_chrgitm_type = {SURGERY}
        OR (l.med_chrgitm_type = {TREATMENT} AND regexp_matches(coalesce(l.hilist_name, ''), {PLACEMENT}))
    )
"""

#: Material from 1,000 yuan a piece; `surgery`: its visit bills an operation.
IMPLANTS = f"""
    WITH l AS (
        SELECT l.*, bool_or({PLACED}) OVER (PARTITION BY l.mdtrt_id) AS surgery
        FROM lines l
        WHERE {PLACED} OR (l.med_chrgitm_type = {MATERIAL} AND l.pric >= {IMPLANT_YUAN})
    )
    SELECT
        $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.psn_no, l.hilist_name, l.cnt, l.pric, l.fen, l.surgery
    FROM l
    WHERE l.med_chrgitm_type = {MATERIAL} AND $entity IS NOT NULL
"""

stay = Feature(
    by="person",
    family="charge",
    windows=(0,),
    rows=STAY,
    needs=("fee_details",),
    source="3.10",
)

declare(
    stay,
    told_of={"admission": OF_STAY},
    name="stay_over_cap_yuan",
    label="超最高限价金额",
    unit="元",
    scheme="T20",
    rows=STAY_OVER_CAP,
    measure="sum(excess_fen) / 100.0",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="本次住院收费超出最高限价合计{value}元" + above("元"),
    innocent="调价当日目录未同步（N24）；应急期临时价（N25）",
)

declare(
    stay,
    told_of={"admission": OF_STAY},
    name="stay_over_cap_lines",
    label="超最高限价明细条数",
    unit="条",
    scheme="T20",
    rows=STAY_OVER_CAP,
    measure="count(*)",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="本次住院有{value}条明细单价高于最高限价" + above("条"),
    innocent="调价当日目录未同步（N24）",
)

declare(
    stay,
    told_of={"admission": OF_STAY},
    name="stay_over_cap_share",
    label="超限价金额占比",
    unit="%",
    scheme="T20",
    rows=STAY_OVER_CAP,
    measure="sum(excess_fen) / nullif(sum(fen), 0)",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="本次住院超限价明细平均高出部分占其金额的{value}" + above(),
    innocent="调价当日目录未同步（N24）",
)

declare(
    stay,
    grain="admission",
    name="stay_bed_days_over",
    label="床位费天数多于住院天数",
    unit="天",
    scheme="T20",
    measure=f"greatest(0, sum(cnt) FILTER (WHERE kind = {BED}) - any_value(bed_days))",
    reason="本次住院收取的床位费比实际住院多{value}天" + above("天"),
    innocent="计入不计出的口径不同（±1天）；母婴同室加床（N12）",
)

declare(
    stay,
    grain="admission",
    name="stay_nursing_days_over",
    label="护理费天数多于住院天数",
    unit="天",
    scheme="T20",
    measure=f"greatest(0, sum(cnt) FILTER (WHERE kind = {NURSING}) - any_value(bed_days))",
    reason="本次住院收取的护理费比实际住院多{value}天" + above("天"),
    innocent="按小时计的特级护理、专项护理另计（N21）",
)

declare(
    stay,
    grain="admission",
    name="stay_hourly_over_days",
    label="按小时项目超24小时的天数",
    unit="天",
    scheme="T20",
    measure="""
        count(DISTINCT day) FILTER (
            WHERE (hilist_name LIKE '%小时%' OR hilist_name LIKE '%监护%' OR hilist_name LIKE '%吸入%') AND cnt > 24
        )
    """,
    needs=("fee_details", "fee_details.hilist_name"),
    reason="本次住院有{value}天某个按时计价项目一次计费超过24" + above("天"),
    innocent="补记多日费用于一天（N31）",
)

declare(
    stay,
    grain="admission",
    name="stay_twin_lines",
    label="一分钟内同项目重复收费",
    unit="条",
    scheme="T19",
    measure="count(*) FILTER (WHERE twin)",
    reason="本次住院有{value}条诊疗项目在一分钟内重复收取" + above("条"),
    innocent="双侧部位分别计价、批量记账（N07、N31）",
)

declare(
    stay,
    grain="admission",
    name="stay_repeat_yuan",
    label="同日同项目重复收费金额",
    unit="元",
    scheme="T19",
    measure=f"sum(fen) FILTER (WHERE nth >= 2 AND kind IN {SERVICES}) / 100.0",
    reason="本次住院同一天同一检查治疗项目第二次及以后收费{value}元" + above("元"),
    innocent="病情需要复查、一日多次治疗（N21）",
)

declare(
    stay,
    grain="admission",
    name="stay_treatments_a_day",
    label="单日同一治疗最多次数",
    unit="次",
    scheme="T19",
    measure=f"max(cnt) FILTER (WHERE kind IN {any_of(EXAM, LAB, TREATMENT)})",
    reason="本次住院单条检查、化验或治疗明细最多计{value}次" + above("次"),
    innocent="吸氧、监护等按小时计价项目",
)

declare(
    stay,
    grain="admission",
    name="stay_test_share",
    label="检查化验占比",
    unit="%",
    scheme="T21",
    measure=f"sum(fen) FILTER (WHERE kind IN {TESTS}) / nullif(sum(fen), 0)",
    empty=None,
    reason="本次住院检查化验费占{value}" + above(),
    innocent="转诊中心疑难病例（N21）、传染病排查",
)

declare(
    stay,
    grain="admission",
    name="stay_test_kinds",
    label="检查化验种数",
    unit="种",
    scheme="T21",
    measure=f"count(DISTINCT med_list_codg) FILTER (WHERE kind IN {TESTS})",
    reason="本次住院做了{value}种检查化验" + above("种"),
    innocent="诊断不明、术前评估（N21）",
)

declare(
    stay,
    grain="admission",
    name="stay_test_yuan_a_day",
    also=("T05",),
    label="日均检查化验费",
    unit="元",
    scheme="T21",
    measure=f"sum(fen) FILTER (WHERE kind IN {TESTS}) / 100.0 / any_value(bed_days)",
    empty=None,
    reason="本次住院日均检查化验费{value}元" + above("元"),
    innocent="短住院术前检查集中（N10）",
)

declare(
    stay,
    grain="admission",
    name="stay_test_repeats",
    label="检查化验重复次数",
    unit="次",
    scheme="T21",
    measure=f"count(*) FILTER (WHERE kind IN {TESTS}) - count(DISTINCT med_list_codg) FILTER (WHERE kind IN {TESTS})",
    reason="本次住院检查化验重复做了{value}次" + above("次"),
    innocent="危重症动态监测（N21）",
)

declare(
    stay,
    grain="admission",
    name="stay_material_share",
    label="材料费占比",
    unit="%",
    scheme="T23",
    source="2.16",
    measure=f"sum(fen) FILTER (WHERE kind = {MATERIAL}) / nullif(sum(fen), 0)",
    empty=None,
    reason="本次住院材料费占{value}" + above(),
    innocent="关节置换、介入等手术本以耗材为主（N22）",
)

declare(
    stay,
    told_of={"admission": OF_STAY},
    name="stay_implant_alone_yuan",
    label="无手术的高值耗材",
    unit="元",
    scheme="T23",
    source="2.16",
    rows=IMPLANTS,
    measure="sum(fen) FILTER (WHERE NOT surgery) / 100.0",
    reason="本次住院没有手术收费却使用单价千元以上耗材{value}元" + above("元"),
    innocent="介入操作记在治疗费（N22）",
)

declare(
    stay,
    told_of={"admission": OF_STAY},
    name="stay_implants",
    label="高值耗材件数",
    unit="件",
    scheme="T23",
    source="2.16",
    rows=IMPLANTS,
    measure="sum(cnt)",
    reason="本次住院使用单价千元以上耗材{value}件" + above("件"),
    innocent="多节段、双侧手术（N22）",
)

declare(
    stay,
    grain="admission",
    name="stay_other_share",
    label="其他费占比",
    unit="%",
    scheme="T16",
    measure=f"sum(fen) FILTER (WHERE kind = {OTHER_FEE}) / nullif(sum(fen), 0)",
    empty=None,
    reason="本次住院归入“其他费”的占{value}" + above(),
    innocent="本地项目归类习惯",
)
