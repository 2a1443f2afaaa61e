"""T19 重复分解收费, T20 超标准收费, T21 过度检查诊疗, T23 高值耗材违规, T16 串换药品项目: what a unit bills, stay for
stay.

How it works: what is one line on one bill (features/catalog/fees_of_stays.py) is a habit of the unit: every patient
gets the same panel, one test follows the other, an uncovered thing is billed under a covered code.
What it leaves: excess over the cap on many days, repeated items and daily fees, one panel in most stays, implants
without surgery. What one article costs is in features/catalog/prices.py.
Honest cases: repeated tests of the severely ill (N21), dialysis (N01), specialist hospitals (N22), price regimes (N24),
emergency windows (N25), corrections (N31), clinical pathways (N13), box and tablet units.
"""

from dataclasses import replace

from features.catalog.fees_of_stays import IMPLANT_YUAN, OF_UNIT, OVER_CAP, TWIN_SECONDS
from features.codes import (
    DAILY_FEES,
    EXAM,
    LAB,
    MATERIAL,
    OTHER_FEE,
    SERVICES,
    SURGERY,
    TESTS,
)
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID
from features.wording import above

#: Service items billed again on the same day within one visit, at a unit.
REPEATED = f"""
    WITH l AS (
        SELECT
            l.*, row_number() OVER same AS nth,
            date_diff('second', lag(l.happened_at) OVER same, l.happened_at) AS after_seconds
        FROM lines l
        SEMI JOIN (
            SELECT mdtrt_id, med_list_codg, day
            FROM lines
            WHERE med_chrgitm_type IN {SERVICES}
            GROUP BY ALL
            HAVING count(*) > 1
        ) m USING (mdtrt_id, med_list_codg, day)
        WHERE l.med_chrgitm_type IN {SERVICES}
        WINDOW same AS (PARTITION BY l.mdtrt_id, l.med_list_codg, l.day ORDER BY l.happened_at, l.feedetl_sn)
    )
    SELECT
        l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
        {LINE_ID} AS row_id, l.psn_no, l.mdtrt_id, l.med_list_codg, l.hilist_name,
        l.med_chrgitm_type AS kind, l.fen,
        l.after_seconds < {TWIN_SECONDS} AND NOT l.clock_collapsed AS twin
    FROM l
    WHERE l.nth >= 2
"""

#: Bed and nursing fees of a ward: due once a day, whatever the disease. `twice`: the same one again that day, or two
#: days' worth on one.
DAILY = f"""
    SELECT
        l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
        {LINE_ID} AS row_id, l.psn_no, l.mdtrt_id, l.hilist_name, l.cnt, l.fen,
        row_number() OVER (PARTITION BY l.mdtrt_id, l.med_list_codg, l.day ORDER BY l.happened_at, l.feedetl_sn) > 1
            OR l.cnt > 1 AS twice
    FROM lines l
    WHERE l.is_inpatient AND l.med_chrgitm_type IN {DAILY_FEES} AND coalesce(l.hilist_name, '') NOT LIKE '%小时%'
"""

#: One row a stay: its fee by kind, its laboratory panel of the first two days.
_PANEL = f"""
    SELECT
        any_value(l.fixmedins_code) AS fixmedins_code,
        l.mdtrt_id, min(l.psn_no) AS psn_no, max(l.happened_at) AS happened_at,
        sum(l.fen)::BIGINT AS fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {TESTS}), 0)::BIGINT AS test_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {MATERIAL}), 0)::BIGINT AS material_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {OTHER_FEE}), 0)::BIGINT AS other_fen,
        max(l.fen) FILTER (WHERE l.med_chrgitm_type = {MATERIAL} AND l.pric >= {IMPLANT_YUAN}) AS implant_fen,
        count(*) FILTER (WHERE l.med_chrgitm_type = {SURGERY}) AS surgery,
        sum(DISTINCT hash(l.med_list_codg)) FILTER (
            WHERE l.med_chrgitm_type IN {TESTS} AND l.day <= l.adm_date + 1
        )::VARCHAR AS panel,
        count(DISTINCT l.med_list_codg) FILTER (WHERE l.med_chrgitm_type IN {TESTS}) AS tests,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {LAB}), 0)::BIGINT AS lab_fen,
        count(*) FILTER (
            WHERE l.med_chrgitm_type = {EXAM}
            AND regexp_matches(upper(coalesce(l.hilist_name, '')), 'CT|MR|磁共振|断层')
        ) AS scans
    FROM lines l
    WHERE l.is_inpatient
    GROUP BY l.mdtrt_id
"""

PANELS = f"""
    SELECT
        p.fixmedins_code AS entity_id, p.happened_at, 'visits' AS row_table, p.mdtrt_id AS row_id,
        p.psn_no, p.fen, p.test_fen, p.material_fen, p.other_fen, p.implant_fen, p.surgery, p.tests,
        p.lab_fen, p.scans,
        CASE WHEN p.tests >= 3 THEN p.panel END AS panel
    FROM ({_PANEL}) p
"""

#: The same examination within so many days is one too many, unless the disease asks for it.
AGAIN_DAYS = 7

#: Exams and tests of one person, each with the days since the same one at the same unit.
_AGAIN = once(
    "tests",
    f"""
        SELECT
            l.mdtrt_id, l.feedetl_sn, l.psn_no, l.fixmedins_code, l.dr_codg, l.happened_at,
            l.hilist_name, l.med_chrgitm_type AS kind, l.fen,
            date_diff(
                'day',
                lag(l.day) OVER (
                    PARTITION BY l.psn_no, l.med_list_codg, l.fixmedins_code
                    ORDER BY l.happened_at, l.mdtrt_id, l.feedetl_sn
                ),
                l.day
            ) AS after_days
        FROM lines l
        WHERE l.med_chrgitm_type IN {TESTS}
    """,
)

AGAIN = f"""
    SELECT
        $entity AS entity_id, l.fixmedins_code, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.psn_no, l.hilist_name, l.kind, l.fen, l.after_days,
        coalesce(l.after_days BETWEEN 0 AND {AGAIN_DAYS}, false) AS again
    FROM {_AGAIN} l
    WHERE $entity IS NOT NULL
"""

unit = Feature(
    by="institution",
    family="charge",
    needs=("fee_details",),
    source="3.10",
)

declare(
    unit,
    told_of={"institution": OF_UNIT},
    name="over_cap_yuan",
    also=("T12",),
    label="超最高限价金额",
    unit="元",
    windows=(30, 90, 365),
    scheme="T20",
    rows=OVER_CAP,
    measure="sum(excess_fen) / 100.0",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="近{window}天收费超出最高限价合计{value}元" + above("元"),
    innocent="调价当日目录未同步（N24）；应急期临时价（N25）",
)

declare(
    unit,
    told_of={"institution": OF_UNIT},
    name="over_cap_lines",
    also=("T12",),
    label="超最高限价明细条数",
    unit="条",
    windows=(90,),
    scheme="T20",
    rows=OVER_CAP,
    measure="count(*)",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="近{window}天有{value}条明细单价高于最高限价" + above("条"),
    innocent="调价当日目录未同步（N24）",
)

declare(
    unit,
    told_of={"institution": OF_UNIT},
    name="over_cap_codes",
    also=("T12",),
    label="超限价项目种数",
    unit="种",
    windows=(90,),
    scheme="T20",
    rows=OVER_CAP,
    measure="count(DISTINCT med_list_codg)",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="近{window}天有{value}种项目按高于最高限价收费" + above("种"),
    innocent="机构等级登记有误致限价对错档",
)

declare(
    unit,
    told_of={"institution": OF_UNIT},
    name="over_cap_steady_days",
    label="超限价收费天数",
    unit="天",
    windows=(90,),
    scheme="T20",
    rows=OVER_CAP,
    measure="count(DISTINCT day)",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    reason="近{window}天有{value}天存在超限价收费，疑为收费系统设置" + above("天"),
    innocent="收费系统未及时更新价格（N24）",
)

declare(
    unit,
    grain="institution",
    name="repeat_lines",
    label="同日同项目重复收费条数",
    unit="条",
    windows=(30, 90),
    scheme="T19",
    rows=REPEATED,
    measure="count(*)",
    reason="近{window}天同一就诊同一天重复收取同一检查治疗项目{value}条" + above("条"),
    innocent="一日多次治疗、病情复查（N21）",
)

declare(
    unit,
    grain="institution",
    name="repeat_yuan",
    label="同日同项目重复收费金额",
    unit="元",
    windows=(90, 365),
    scheme="T19",
    rows=REPEATED,
    measure="sum(fen) / 100.0",
    reason="近{window}天同日同项目重复收费{value}元" + above("元"),
    innocent="一日多次治疗、病情复查（N21）",
)

declare(
    unit,
    grain="institution",
    name="repeat_twin_lines",
    label="一分钟内重复收费条数",
    unit="条",
    windows=(90,),
    scheme="T19",
    rows=REPEATED,
    measure="count(*) FILTER (WHERE twin)",
    reason="近{window}天同一项目一分钟内重复收取{value}条" + above("条"),
    innocent="双侧部位分别计价、批量记账（N07）",
)

daily = replace(unit, grain="institution", windows=(180, 365), rows=DAILY, scheme="T19", empty=None)

_ADDED = "专项护理另计、转科当日两科各计一次、补记前日费用（N31）"

declare(
    daily,
    name="daily_fee_twice_per_stay",
    label="每例住院重复收取床位护理费天次",
    unit="次",
    measure="CASE WHEN count(DISTINCT mdtrt_id) >= 10 THEN count(*) FILTER (twice) / count(DISTINCT mdtrt_id) END",
    reason="近{window}天平均每例住院有{value}次同一天重复收取同一床位或护理费" + above("次"),
    innocent=_ADDED,
)

declare(
    daily,
    name="daily_fee_twice_times",
    label="同日重复收取床位护理费次数",
    unit="次",
    measure="count(*) FILTER (twice)",
    reason="近{window}天有{value}次同一天重复收取同一床位或护理费" + above("次"),
    innocent=_ADDED,
)

declare(
    unit,
    grain="institution",
    name="panel_same_share",
    label="入院检查组合雷同占比",
    unit="%",
    windows=(90, 180),
    scheme="T21",
    rows=PANELS,
    empty=None,
    measure="""
        CASE
            WHEN count(panel) >= 10
                THEN list_max(map_values(histogram(panel) FILTER (WHERE panel IS NOT NULL))) / count(panel)
        END
    """,
    reason="近{window}天有{value}的住院入院两日内检查化验组合完全相同" + above(),
    innocent="单病种临床路径（N13）、专科（N22）",
)

declare(
    unit,
    grain="institution",
    name="panel_test_share",
    label="住院检查化验占比",
    unit="%",
    windows=(90, 180),
    scheme="T21",
    rows=PANELS,
    empty=None,
    measure="CASE WHEN count(*) >= 5 THEN sum(test_fen) / nullif(sum(fen), 0) END",
    reason="近{window}天住院费用中检查化验占{value}" + above(),
    innocent="区域医疗中心病情复杂（N21）",
)

declare(
    unit,
    grain="institution",
    name="panel_tests_mean",
    label="每例住院检查化验种数",
    unit="种",
    windows=(90, 180),
    scheme="T21",
    rows=PANELS,
    empty=None,
    measure="avg(tests)",
    reason="近{window}天每例住院平均做{value}种检查化验" + above("种"),
    innocent="区域医疗中心病情复杂（N21）",
)

declare(
    unit,
    grain="institution",
    name="panel_material_share",
    label="住院材料费占比",
    unit="%",
    windows=(90, 180),
    scheme="T23",
    source="2.16",
    rows=PANELS,
    empty=None,
    measure="CASE WHEN count(*) >= 5 THEN sum(material_fen) / nullif(sum(fen), 0) END",
    reason="近{window}天住院费用中材料占{value}" + above(),
    innocent="骨科、心内介入专科（N22）",
)

declare(
    unit,
    grain="institution",
    name="implant_alone_stays",
    label="无手术使用高值耗材例数",
    unit="例",
    windows=(180, 365),
    scheme="T23",
    source="2.16",
    rows=PANELS,
    measure="count(*) FILTER (WHERE implant_fen > 0 AND surgery = 0)",
    reason="近{window}天有{value}例住院无手术收费却使用单价千元以上耗材" + above("例"),
    innocent="介入操作记在治疗费（N22）",
)

declare(
    unit,
    grain="institution",
    name="panel_other_share",
    label="住院“其他费”占比",
    unit="%",
    windows=(90,),
    scheme="T16",
    source="3.8",
    rows=PANELS,
    empty=None,
    measure="CASE WHEN count(*) >= 5 THEN sum(other_fen) / nullif(sum(fen), 0) END",
    reason="近{window}天住院费用归入“其他费”的占{value}" + above(),
    innocent="本地项目归类习惯",
)

declare(
    unit,
    told_of={
        "institution": OF_UNIT,
        "doctor": Of(
            "l.dr_codg",
            name="doctor_test_again_share",
            needs=("fee_details.bilg_dr_codg",),
            reason="近{window}天所开检查化验有{value}是同一人七日内重复" + above(),
            innocent="重症、透析科室常规监测（N01、N21）",
        ),
    },
    name="test_again_share",
    label="七日内重复检查化验占比",
    unit="%",
    windows=(90, 180),
    scheme="T21",
    rows=AGAIN,
    empty=None,
    measure="CASE WHEN count(*) >= 30 THEN avg(again::INT) END",
    reason="近{window}天检查化验有{value}是同一人七日内重复同一项目" + above(),
    innocent="住院动态监测（N21）、透析常规检验（N01）",
)

declare(
    unit,
    told_of={"institution": OF_UNIT},
    name="test_again_yuan",
    label="七日内重复检查化验金额",
    unit="元",
    windows=(90,),
    scheme="T21",
    rows=AGAIN,
    measure="sum(fen) FILTER (WHERE again) / 100.0",
    reason="近{window}天同一人七日内重复检查化验{value}元" + above("元"),
    innocent="住院动态监测（N21）",
)
