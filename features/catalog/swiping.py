"""T09 空刷套刷, T10 代非定点结算, T11 销售非医保物品.

How it works: a runner collects cards or e-vouchers in villages and empties them at one till in a row (T09); a
designated shop settles for one that has no agreement or lost it (T10); rice, cosmetics and health food are booked as
medicine (T11).
What it leaves: many persons within minutes, the same basket person after person, cards with no life elsewhere, more
settlements than the pharmacists can serve, two peaks a day, a jump of strangers; a few codes at one price in odd
quantities, health goods and devices far above peers.
Honest cases: dialysis shifts (N01), nursing homes (N04), families (N05), pension days (N06), batch upload of village
rooms (N07: removed by `clock_collapsed`), screening days (N15), the only or the dual-channel shop (N30).
"""

from features.codes import DRUGS, DRUGSTORE, HERBS, SELF_PAID, paid
from features.common_subqueries import once
from features.declare import Feature, declare
from features.knowledge import LINE_ID, counts_of, most_of
from features.wording import above

#: A crowd: five people and more within five minutes, more than the hour usually brings: z of the normal distribution
#: at 99 %, for counts whose variance is their mean.
CROWD, FIVE_MINUTES, Z99 = 5, "INTERVAL 5 MINUTE", 2.33
#: Sooner after the one before than a till serves a customer.
RIGHT_BEHIND_SECONDS = 90
#: Baskets are compared with those of the last and the next so many minutes.
SAME_QUEUE = "INTERVAL 30 MINUTE"
#: Articles of one kind that nobody needs at once; herbs are counted in grams.
MANY = 10

#: Swipes with a believable clock, beside whoever was at the same till before.
BURST = f"""
    WITH w AS (
        SELECT
            fixmedins_code, psn_no, happened_at, setl_id, {paid()} AS fen, happened_at::DATE AS day,
            extract(hour FROM happened_at) AS hour
        FROM swipes
        WHERE NOT clock_collapsed
    ),
    usual AS (
        SELECT fixmedins_code, hour, count(*) / 12.0 / greatest(1, count(DISTINCT day)) AS per_five
        FROM w
        GROUP BY ALL
    ),
    b AS MATERIALIZED (
        SELECT
            *, lag(psn_no) OVER till AS before,
            date_diff('second', lag(happened_at) OVER till, happened_at) AS gap_seconds,
            coalesce(
                happened_at - lag(happened_at) OVER till <= {FIVE_MINUTES}
                    OR lead(happened_at) OVER till - happened_at <= {FIVE_MINUTES},
                false
            ) AS near
        FROM w
        WINDOW till AS (PARTITION BY fixmedins_code ORDER BY happened_at, setl_id)
    ),
    n AS (
        SELECT *, 1 AS persons
        FROM b
        WHERE NOT near
        UNION ALL
        SELECT
            *,
            count(DISTINCT psn_no) OVER (
                PARTITION BY fixmedins_code
                ORDER BY happened_at
                RANGE BETWEEN {FIVE_MINUTES} PRECEDING AND CURRENT ROW
            )
        FROM b
        WHERE near
    )
    SELECT
        n.fixmedins_code AS entity_id, n.happened_at, 'settlements' AS row_table,
        n.setl_id AS row_id, n.psn_no, n.fen, n.day, n.hour, n.persons,
        coalesce(n.gap_seconds < {RIGHT_BEHIND_SECONDS} AND n.before <> n.psn_no, false) AS right_behind,
        n.persons >= {CROWD} AND n.persons > u.per_five + {Z99} * sqrt(u.per_five) + 1 AS crowd,
        coalesce(n.persons - u.per_five, 0) AS excess
    FROM n
    JOIN usual u USING (fixmedins_code, hour)
"""

_BASKETS = once(
    "baskets",
    f"""
        WITH l AS (
            SELECT
                any_value(fixmedins_code) AS fixmedins_code, setl_id, min(psn_no) AS psn_no,
                min(happened_at) AS happened_at, sum(fen)::BIGINT AS fen, count(*) AS kinds,
                sum(hash(med_list_codg, cnt))::VARCHAR AS basket
            FROM lines
            WHERE NOT is_inpatient AND setl_id IS NOT NULL AND NOT clock_collapsed
            GROUP BY setl_id
        ),
        n AS (
            SELECT
                *, lag(basket) OVER till AS last_basket, lag(psn_no) OVER till AS before,
                lag(happened_at) OVER till AS last_at, lead(basket) OVER till AS next_basket,
                lead(psn_no) OVER till AS after, lead(happened_at) OVER till AS next_at
            FROM l
            WINDOW till AS (PARTITION BY fixmedins_code ORDER BY happened_at, setl_id)
        )
        SELECT
            fixmedins_code, setl_id, psn_no, happened_at, fen, kinds, basket, before, after,
            coalesce(
                basket = last_basket AND before <> psn_no AND happened_at - last_at < {SAME_QUEUE},
                false
            ) AS copied,
            coalesce(
                basket = next_basket AND after <> psn_no AND next_at - happened_at < {SAME_QUEUE},
                false
            ) AS copied_next
        FROM n
    """,
)
#: One row a swipe with its basket, beside the ones before and after at the same till.
BASKET = f"""
    SELECT
        fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id,
        psn_no, fen, kinds, basket, before, after, copied, copied_next
    FROM {_BASKETS}
"""

#: All swipes of a unit by day, with its staff and its customers' homes.
TRADE = """
    SELECT
        w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table,
        w.setl_id AS row_id, w.psn_no, w.medfee_sumamt_fen AS fen, w.happened_at::DATE AS day,
        i.phar_psncnt, p.curr_addr_code,
        date_diff('day', w.happened_at::DATE, a.d) AS days_ago,
        CASE WHEN NOT w.clock_collapsed THEN extract(hour FROM w.happened_at) END AS hour,
        row_number() OVER (PARTITION BY w.fixmedins_code, w.psn_no ORDER BY w.happened_at, w.setl_id) = 1 AS newcomer
    FROM swipes w
    CROSS JOIN main.asof a
    LEFT JOIN institutions i USING (fixmedins_code)
    LEFT JOIN persons p USING (psn_no)
"""

#: Pharmacy lines as goods: health food and devices, odd quantities, the same price again and again.
GOODS = f"""
    SELECT
        l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
        {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, l.fen, l.day,
        coalesce(l.list_type, '') NOT LIKE '10%' AND l.med_chrgitm_type NOT IN {DRUGS} AS no_drug,
        l.chrgitm_lv = {SELF_PAID} OR coalesce(l.fulamt_ownpay_amt_fen, 0) >= l.fen AS outside,
        l.cnt >= {MANY} AND l.med_chrgitm_type <> {HERBS} AS many,
        l.rxno IS NULL AS no_prescription
    FROM lines l
    JOIN institutions i USING (fixmedins_code)
    WHERE NOT l.is_inpatient AND i.fixmedins_type = {DRUGSTORE}
"""

#: All a card does outside the ward, beside what else happened at its side within two minutes is not visible here:
#: only its own life is.
CARD = f"""
    SELECT
        w.psn_no AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.fixmedins_code, {paid("w")} AS fen, w.happened_at::DATE AS day,
        w.fixmedins_type = {DRUGSTORE} AS pharmacy, w.mdtrt_cert_type,
        i.admdvs IS DISTINCT FROM p.insuplc_admdvs AND i.admdvs IS NOT NULL AND p.insuplc_admdvs IS NOT NULL AS away
    FROM swipes w
    LEFT JOIN institutions i USING (fixmedins_code)
    LEFT JOIN persons p USING (psn_no)
"""

unit = Feature(grain="institution", scheme="T09", by="institution", reversed="kept", family="swipe", source="3.4 3.9")
card = Feature(grain="person", scheme="T09", by="person", reversed="kept", family="swipe", source="3.4 3.9")

declare(
    unit,
    name="burst_most_persons",
    label="五分钟内最多刷卡人数",
    unit="人",
    windows=(30, 90),
    rows=BURST,
    measure="max(persons)",
    reason="近{window}天五分钟内最多有{value}个不同的人在该机构刷卡" + above("人"),
    innocent="账户到账日高峰（N06）、透析班次（N01）、集体义诊（N15）；客流集中的唯一药店（N30），整日集中上传（N07）",
)
declare(
    unit,
    name="burst_crowded_days",
    label="集中刷卡天数",
    unit="天",
    windows=(90, 180),
    rows=BURST,
    measure="count(DISTINCT day) FILTER (WHERE crowd)",
    reason="近{window}天有{value}天出现五分钟内至少5人刷卡且超出本机构同时段常态" + above("天"),
    innocent="养老机构批量就诊（N04）、到账日高峰（N06）；客流集中的唯一药店（N30），整日集中上传（N07）",
)
declare(
    unit,
    name="burst_crowd_share",
    label="集中刷卡占比",
    unit="%",
    windows=(90, 180),
    rows=BURST,
    empty=None,
    measure="CASE WHEN count(*) >= 20 THEN avg(crowd::INT) END",
    reason="近{window}天的刷卡有{value}落在异常密集的五分钟内" + above(),
    innocent="客流集中的院边店、接种或义诊日（N15、N30）；整日集中上传（N07）",
)
declare(
    unit,
    name="burst_right_behind_share",
    label="紧接前一人刷卡占比",
    unit="%",
    windows=(30, 90),
    rows=BURST,
    empty=None,
    measure="CASE WHEN count(*) >= 20 THEN avg(right_behind::INT) END",
    reason="近{window}天有{value}的刷卡在前一人之后90秒内完成" + above(),
    innocent="多窗口大机构客流本就密集；客流集中的唯一药店（N30），整日集中上传（N07）",
)
declare(
    unit,
    name="burst_money_share",
    label="集中刷卡金额占比",
    unit="%",
    windows=(90,),
    rows=BURST,
    empty=None,
    measure="CASE WHEN count(*) >= 20 THEN sum(fen) FILTER (WHERE crowd) / nullif(sum(fen), 0) END",
    reason="近{window}天基金和账户支出有{value}发生在异常密集的五分钟内" + above(),
    innocent="到账日集中购药（N06）；客流集中的唯一药店（N30），整日集中上传（N07）",
)
declare(
    unit,
    name="burst_only_people",
    label="只在集中时段出现的人数",
    unit="人",
    windows=(180,),
    rows=BURST,
    measure="""
        count(DISTINCT psn_no) FILTER (WHERE crowd)
        - len(
            list_intersect(list(DISTINCT psn_no) FILTER (WHERE crowd), list(DISTINCT psn_no) FILTER (WHERE NOT crowd))
        )
    """,
    reason="近{window}天有{value}人在该机构的刷卡全部落在异常密集时段" + above("人"),
    innocent="养老机构、单位集体就诊（N04、N15）；客流集中的唯一药店（N30），整日集中上传（N07）",
)
declare(
    unit,
    name="basket_copied_times",
    label="相邻顾客购物篮完全相同次数",
    unit="次",
    windows=(30, 90),
    rows=BASKET,
    needs=("fee_details",),
    measure="count(*) FILTER (WHERE copied)",
    reason="近{window}天相邻两位不同的人在半小时内所刷项目与数量完全相同，共{value}次" + above("次"),
    innocent="固定收费的一般诊疗、流感季同方（N14）、养老机构统一配药（N04）；整日集中上传，次序不说明先后（N07）",
)
declare(
    unit,
    name="basket_copied_share",
    label="相邻顾客购物篮相同占比",
    unit="%",
    windows=(90,),
    rows=BASKET,
    empty=None,
    needs=("fee_details",),
    measure="CASE WHEN count(*) >= 20 THEN avg(copied::INT) END",
    reason="近{window}天有{value}的刷卡与前一位顾客的项目和数量完全相同" + above(),
    innocent="只有一两种收费项目的小诊所；整日集中上传，次序不说明先后（N07）",
)
declare(
    unit,
    name="basket_rich_copied_yuan",
    label="相同购物篮（两种以上）金额",
    unit="元",
    windows=(90, 180),
    rows=BASKET,
    needs=("fee_details",),
    measure="sum(fen) FILTER (WHERE copied AND kinds >= 2) / 100.0",
    reason="近{window}天相邻顾客刷出同样的两种以上商品，金额合计{value}元" + above("元"),
    innocent="养老机构统一配药（N04）；整日集中上传，次序不说明先后（N07）",
)
declare(
    unit,
    name="trade_busiest_day",
    label="单日最多刷卡次数",
    unit="次",
    windows=(30, 90),
    rows=TRADE,
    scheme="T10",
    source="3.9",
    measure="list_max(map_values(histogram(day)))",
    reason="近{window}天单日最多刷卡{value}次" + above("次"),
    innocent="到账日高峰（N06）、唯一药店（N30）",
)
declare(
    unit,
    name="trade_per_pharmacist",
    label="每名药师单日最多服务次数",
    unit="次",
    windows=(90,),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="list_max(map_values(histogram(day))) / nullif(any_value(phar_psncnt), 0)",
    needs=("institutions.phar_psncnt",),
    reason="近{window}天最忙一日平均每名药师要服务{value}次刷卡" + above("次"),
    innocent="药师人数登记未更新；到账日高峰（N06）",
)
declare(
    unit,
    name="trade_uneven_days",
    label="单日刷卡峰值比日均",
    unit="倍",
    windows=(90,),
    rows=TRADE,
    empty=None,
    source="3.4",
    measure="CASE WHEN count(*) >= 50 THEN list_max(map_values(histogram(day))) / (count(*) / count(DISTINCT day)) END",
    reason="近{window}天最忙一日的刷卡量为日均的{value}倍" + above("倍"),
    innocent="义诊、赶集日、账户划拨日（N06、N15）",
)
declare(
    unit,
    name="trade_newcomers",
    label="首次来店人数占比",
    unit="%",
    windows=(30, 90),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(DISTINCT psn_no) >= 20 THEN count(*) FILTER (WHERE newcomer) / count(DISTINCT psn_no) END",
    reason="近{window}天的刷卡人中首次来该机构的占{value}" + above(),
    innocent="新开业或邻店停业（N30）",
)
declare(
    unit,
    name="trade_growth",
    label="刷卡量近月比此前月均",
    unit="倍",
    windows=(180,),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="""
        CASE
            WHEN count(*) FILTER (WHERE days_ago >= 30) >= 50
                THEN 5.0 * count(*) FILTER (WHERE days_ago < 30) / count(*) FILTER (WHERE days_ago >= 30)
        END
    """,
    reason="近30天刷卡次数为此前月均的{value}倍" + above("倍"),
    innocent="季节性疾病、邻店停业（N14、N30）",
)
declare(
    unit,
    name="trade_night_share",
    label="夜间刷卡占比",
    unit="%",
    windows=(30, 90),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(hour) >= 20 THEN avg((hour NOT BETWEEN 6 AND 21)::INT) END",
    reason="近{window}天22时至6时的刷卡占{value}" + above(),
    innocent="24小时药店、夜间急诊（N23）",
)
declare(
    unit,
    name="trade_peak_month",
    label="最忙月刷卡量与月中位之比",
    unit="倍",
    windows=(365,),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="""
        CASE
            WHEN count(*) >= 100
                THEN list_max(map_values(histogram(date_trunc('month', day))))
                    / list_aggregate(map_values(histogram(date_trunc('month', day))), 'median')
        END
    """,
    reason="近{window}天最忙一月的刷卡次数为各月中位的{value}倍" + above("倍"),
    innocent="流感季、邻店停业后客流自然转来（N14、N30）",
)
declare(
    unit,
    name="trade_evening_share",
    label="傍晚刷卡占比",
    unit="%",
    windows=(90, 365),
    rows=TRADE,
    scheme="T10",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(hour) >= 50 THEN avg((hour BETWEEN 19 AND 21)::INT) END",
    reason="近{window}天19时至22时的刷卡占{value}，与白天另成一峰" + above(),
    innocent="居民区药店下班后客流集中、24小时药店（N23）",
)
declare(
    unit,
    name="trade_address_entropy",
    label="顾客住址分散度",
    unit="",
    windows=(90,),
    rows=TRADE,
    worse="either",
    scheme="T10",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(*) >= 20 THEN entropy(curr_addr_code) END",
    needs=("persons.curr_addr_code",),
    reason="近{window}天顾客住址的分散指数为{value}" + above(),
    innocent="位于商圈或车站，顾客来自各处",
)
declare(
    unit,
    name="goods_no_drug_share",
    reversed="net",
    label="药店非药品金额占比",
    unit="%",
    windows=(90, 180),
    rows=GOODS,
    scheme="T11",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(*) >= 20 THEN sum(fen) FILTER (WHERE no_drug) / sum(fen) END",
    needs=("fee_details",),
    reason="近{window}天非药品（器械、耗材等）占刷卡金额的{value}" + above(),
    innocent="经营范围含家用医疗器械且已纳入目录",
)
declare(
    unit,
    name="goods_outside_share",
    reversed="net",
    label="药店目录外金额占比",
    unit="%",
    windows=(90, 180),
    rows=GOODS,
    scheme="T11",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(*) >= 20 THEN sum(fen) FILTER (WHERE outside) / sum(fen) END",
    needs=("fee_details",),
    reason="近{window}天丙类或全自费商品占刷卡金额的{value}" + above(),
    innocent="本地政策允许账户购买部分目录外商品",
)
declare(
    unit,
    name="goods_many_share",
    reversed="net",
    label="一次十件以上占比",
    unit="%",
    windows=(90,),
    rows=GOODS,
    scheme="T11",
    empty=None,
    source="3.9",
    measure="CASE WHEN count(*) >= 20 THEN avg(many::INT) END",
    needs=("fee_details",),
    reason="近{window}天一次购买10件以上的占{value}" + above(),
    innocent="计量单位为片、支而非盒",
)
declare(
    card,
    name="card_days_at_main",
    label="同一机构刷卡天数",
    unit="天",
    windows=(90, 365),
    rows=CARD,
    scheme="T30",
    measure=most_of("fixmedins_code", "day"),
    reason="近{window}天在同一家机构刷卡{value}天" + above("天"),
    innocent="透析、理疗等固定治疗（N01）；住家旁唯一机构（N30）",
)
declare(
    card,
    name="card_only_shop",
    label="仅在一家药店有活动",
    unit="次",
    windows=(365,),
    rows=CARD,
    measure="CASE WHEN count(DISTINCT fixmedins_code) = 1 AND bool_and(pharmacy) THEN count(*) ELSE 0 END",
    reason="近{window}天全部{value}次刷卡都在同一家药店，没有任何其他就医" + above("次"),
    innocent="身体健康的参保人只在楼下药店购药（N30）",
)
declare(
    card,
    name="card_away_share",
    label="参保地以外刷卡占比",
    unit="%",
    windows=(365,),
    rows=CARD,
    empty=None,
    measure="CASE WHEN count(*) >= 5 THEN avg(away::INT) END",
    reason="近{window}天有{value}的刷卡在参保地以外" + above(),
    innocent="异地居住、务工（N20）",
)
declare(
    card,
    name="card_cert_switches",
    label="刷卡凭证切换次数",
    unit="次",
    windows=(180,),
    rows=CARD,
    scheme="T03",
    measure="""
        CASE
            WHEN count(DISTINCT mdtrt_cert_type) < 2 THEN 0
            ELSE count(*) - list_max(map_values(histogram(mdtrt_cert_type)))
        END
    """,
    needs=("settlements.mdtrt_cert_type",),
    reason="近{window}天有{value}次未使用本人最常用的就诊凭证" + above("次"),
    innocent="电子凭证与社保卡混用属常见",
)
declare(
    card,
    name="card_same_day_shops",
    label="一日多家药店刷卡天数",
    unit="天",
    windows=(90, 365),
    rows=CARD,
    measure=f"len(list_filter({counts_of('day', 'fixmedins_code', 'pharmacy')}, lambda n: n >= 2))",
    reason="近{window}天有{value}天在两家以上药店刷卡" + above("天"),
    innocent="首家缺货转往他店",
)
