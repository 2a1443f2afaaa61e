"""What a shop or hospital asks for one article: T12 同药不同价, T11 销售非医保物品, T08 套现, T16 串换药品项目.

How it works: card customers pay more than the list says; rice and cosmetics are booked under a tonic's code; a sum is
rung up first and an article's price made to fit it.
What it leaves: articles whose usual price at that shop lies above the cap; the same article at a price of the moment,
one article alone, the sums of other goods; prices far from the code's usual one.
Honest cases: old tariffs and wrong mapping (N24), emergency windows (N25), holiday packages at round prices, boxes
sold apart.
"""

from dataclasses import replace

from features.catalog.fees_of_units import unit
from features.codes import DRUGS, DRUGSTORE, paid
from features.declare import declare
from features.knowledge import CAPS, LINE_ID
from features.wording import above

#: Prices of one code differ from this share on; less is rounding. Five lines make a usual price.
DIFFERS, FEWEST_LINES = 0.02, 5
#: A price is not the shop's own from this share off its usual one.
FITTED = 0.1

#: Price of each line beside the unit's own month median of the code; the dearest and the odd are kept.
PRICES = f"""
    WITH m AS (
        SELECT fixmedins_code, med_list_codg, date_trunc('month', day) AS month, median(pric) AS usual, count(*) AS n
        FROM lines
        WHERE pric > 0
        GROUP BY ALL
        HAVING count(*) >= {FEWEST_LINES} AND max(pric) > {1 + DIFFERS} * min(pric)
    )
    SELECT
        l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
        {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.pric, m.usual, l.fen,
        l.pric / m.usual AS ratio, l.med_chrgitm_type IN {DRUGS} AS drug,
        {paid("s")} > 0 AS insured,
        greatest(0, l.fen * (1 - m.usual / l.pric))::BIGINT AS above_fen
    FROM lines l
    JOIN m
        ON m.fixmedins_code = l.fixmedins_code
        AND m.med_list_codg = l.med_list_codg
        AND m.month = date_trunc('month', l.day)
    LEFT JOIN settlements s ON s.setl_id = l.setl_id
    WHERE abs(l.pric / m.usual - 1) > {DIFFERS}
"""

#: A pharmacy's drug lines beside the cap in force (caps make articles comparable, peers tell what the area charges)
#: and beside the shop's own usual price of the article that quarter: `level` is its usual price to the cap, `fitted`
#: a price of this one sale that is not the shop's: made to fit a sum at the till.
TO_CAP = f"""
    SELECT *, usual / cap AS level, abs(pric / usual - 1) > {FITTED} AS fitted
    FROM (
        SELECT
            l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
            {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, l.pric, l.fen,
            c.cap_e6 / 1e6 AS cap, l.cnt * c.cap_e6 / 1e4 AS cap_fen,
            median(l.pric) OVER (
                PARTITION BY l.fixmedins_code, l.med_list_codg, c.since, date_trunc('quarter', l.day)
            ) AS usual
        FROM lines l
        JOIN institutions i USING (fixmedins_code)
        JOIN {CAPS} c ON c.med_list_codg = l.med_list_codg AND l.day >= c.since AND l.day < c.until
        WHERE NOT l.is_inpatient AND i.fixmedins_type = {DRUGSTORE} AND l.med_chrgitm_type IN {DRUGS} AND l.pric > 0
    )
"""

declare(
    unit,
    grain="institution",
    name="dual_price_lines",
    label="高于常价的药品明细条数",
    unit="条",
    windows=(30, 90),
    scheme="T08",
    rows=PRICES,
    measure="count(*) FILTER (WHERE drug AND ratio > 1.05)",
    source="3.9",
    reason="近{window}天有{value}条药品明细高于本机构同月同码常价5%以上" + above("条"),
    innocent="月中调价、不同批次进价（N24）",
)
declare(
    unit,
    grain="institution",
    name="dual_price_yuan",
    label="高于本机构常价金额",
    unit="元",
    windows=(30, 90, 365),
    scheme="T08",
    rows=PRICES,
    measure="sum(above_fen) FILTER (WHERE insured) / 100.0",
    source="3.9",
    reason="近{window}天医保结算价高于本机构同月同码常价，多收{value}元" + above("元"),
    innocent="月中调价（N24）、拆零与整盒计价",
)
declare(
    unit,
    grain="institution",
    name="drug_price_level",
    label="药价与最高限价之比",
    unit="倍",
    windows=(90, 180),
    scheme="T12",
    rows=TO_CAP,
    source="3.9",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    empty=None,
    measure="CASE WHEN count(*) >= 50 THEN sum(fen) / sum(cap_fen) END",
    reason="近{window}天刷卡药价平均为最高限价的{value}倍" + above("倍"),
    innocent="集采调价未及时同步（N24）、应急期临时价（N25）",
)
shelf = replace(
    unit,
    grain="institution",
    windows=(90, 365),
    rows=TO_CAP,
    source="3.9",
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    empty=None,
)
_TARIFF = "目录价格更新滞后、对码错误（N24），应急期临时价（N25）"
declare(
    shelf,
    name="drug_codes_dear_share",
    label="常价高于最高限价的药品种数占比",
    unit="%",
    scheme="T12",
    measure="""
        CASE
            WHEN count(*) >= 50 THEN count(DISTINCT med_list_codg) FILTER (level > 1) / count(DISTINCT med_list_codg)
        END
    """,
    reason="近{window}天所售药品有{value}的常价（非偶然一笔）高于最高限价" + above(),
    innocent=_TARIFF,
)
declare(
    shelf,
    name="drug_price_top",
    label="最贵一档药价与最高限价之比",
    unit="倍",
    scheme="T12",
    measure="CASE WHEN count(*) >= 50 THEN quantile_cont(level, 0.95) END",
    reason="近{window}天定价最高的一档药品，常价为最高限价的{value}倍" + above("倍"),
    innocent=_TARIFF,
)
_PACKAGE = "节日套餐、礼盒按整数价出售，月中调价（N24），拆零与整盒计价"
declare(
    shelf,
    name="goods_fitted_share",
    also=("T08",),
    label="单价临时凑定的金额占比",
    unit="%",
    scheme="T11",
    measure="CASE WHEN count(*) >= 50 THEN coalesce(sum(fen) FILTER (fitted), 0) / sum(fen) END",
    reason="近{window}天刷卡金额有{value}所用单价偏离本店同期常价一成以上，疑按收款金额凑价" + above(),
    innocent=_PACKAGE,
)
declare(
    shelf,
    name="goods_fitted_one_code",
    label="凑价集中于同一编码的占比",
    unit="%",
    scheme="T11",
    measure="""
        CASE
            WHEN count(*) >= 50
                THEN coalesce(list_max(map_values(histogram(med_list_codg) FILTER (fitted))), 0) / count(*)
        END
    """,
    reason="近{window}天的销售明细有{value}是同一编码以不同于常价的单价售出，疑借码销售他物" + above(),
    innocent=_PACKAGE,
)
declare(
    shelf,
    name="goods_fitted_same_sums",
    label="凑价明细中五个最常见金额占比",
    unit="%",
    scheme="T11",
    measure="""
        CASE
            WHEN count(*) >= 50
                THEN coalesce(
                    list_sum(list_slice(list_reverse_sort(map_values(histogram(fen) FILTER (fitted))), 1, 5)),
                    0
                ) / count(*)
        END
    """,
    reason="近{window}天的销售明细有{value}偏离常价且金额总是那五个数，疑为串售商品的售价" + above(),
    innocent=_PACKAGE,
)
declare(
    unit,
    grain="institution",
    name="dual_price_codes",
    label="同月多价的药品种数",
    unit="种",
    windows=(90,),
    scheme="T08",
    rows=PRICES,
    measure="count(DISTINCT med_list_codg) FILTER (WHERE drug AND ratio > 1.1)",
    source="3.9",
    reason="近{window}天有{value}种药同月内存在高出常价10%以上的结算" + above("种"),
    innocent="同码不同厂牌规格（N24）",
)
declare(
    unit,
    grain="institution",
    name="odd_price_yuan",
    label="价格明显异常明细金额",
    unit="元",
    windows=(90, 365),
    scheme="T16",
    rows=PRICES,
    measure="sum(fen) FILTER (WHERE ratio > 1.5 OR ratio < 0.5) / 100.0",
    source="3.8",
    reason="近{window}天单价偏离同码常价一半以上的明细{value}元，疑似套用编码" + above("元"),
    innocent="盒、片等计价单位不同；对码错误",
)
declare(
    unit,
    grain="institution",
    name="odd_price_codes",
    label="价格明显异常编码数",
    unit="种",
    windows=(90,),
    scheme="T16",
    rows=PRICES,
    measure="count(DISTINCT med_list_codg) FILTER (WHERE ratio > 1.5 OR ratio < 0.5)",
    source="3.8",
    reason="近{window}天有{value}个编码的单价偏离常价一半以上" + above("个"),
    innocent="盒、片等计价单位不同；对码错误",
)
