"""T08 个人账户套现, T32 冲正退费异常 at the till.

How it works: a pharmacy rings up a round sum, or one dear article as cover, on the personal account and hands back
cash less a cut; or it settles, pays out and refunds later. A careful shop avoids round sums, so their unnatural
absence tells as much as their excess.
What it leaves: sums in whole hundreds or just below, one sum or one article again and again, night swipes, e-vouchers
of strangers, accounts emptied at its till, settlements refunded within minutes and rung up anew.
Honest cases: family sharing and proxy purchase (N05), pension days (N06), 24-hour shops (N23), price cuts (N24), the
only shop of a town or a dual-channel pharmacy with dear drugs (N30), corrections at the till (N31).
"""

from features.codes import E_VOUCHER, paid
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID
from features.wording import above

#: Round sums in fen: whole fifties, whole tens, and the last five yuan below a whole hundred, from ninety yuan on.
FIFTY, TEN, HUNDRED, NEAR_HUNDRED, FROM_NINETY = 5000, 1000, 10000, 9500, 9000

#: An account emptied by one swipe: five yuan left at most, two hundred paid at least, four fifths of what was there.
LEFT_FEN, PAID_FEN, EMPTIED_SHARE = 500, 20000, 0.8

#: Personal-account swipes with what cash-out shows. A balance is what was left after the swipe; before = after + paid.
SWIPE = f"""
    w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
    w.acct_pay_fen AS fen, w.medfee_sumamt_fen AS medfee_fen, w.balc_fen,
    w.acct_pay_fen >= {FIFTY} AND w.acct_pay_fen % {FIFTY} = 0 AS round50,
    w.acct_pay_fen % {TEN} = 0 AS round10,
    w.acct_pay_fen >= {FROM_NINETY} AND (w.acct_pay_fen % {HUNDRED}) >= {NEAR_HUNDRED} AS just_below,
    CASE WHEN NOT w.clock_collapsed THEN extract(hour FROM w.happened_at) NOT BETWEEN 6 AND 21 END AS night,
    w.balc_fen <= {LEFT_FEN}
        AND w.acct_pay_fen >= {PAID_FEN}
        AND w.acct_pay_fen >= {EMPTIED_SHARE} * (w.balc_fen + w.acct_pay_fen) AS emptied,
    w.mdtrt_cert_type = {E_VOUCHER} AS voucher,
    date_diff('day', w.happened_at::DATE, a.d) AS days_ago
"""

#: The swipes at a till; `newcomer`: the first time of a person there.
SHOP = f"""
    SELECT
        w.fixmedins_code AS entity_id, w.psn_no,
        row_number() OVER (PARTITION BY w.fixmedins_code, w.psn_no ORDER BY w.happened_at, w.setl_id) = 1 AS newcomer,
        {SWIPE}
    FROM swipes w
    CROSS JOIN main.asof a
    WHERE w.acct_pay_fen > 0
"""

#: Every original settlement with its refund, if any, and the next settlement of the same person at the same till.
#: `quick`: taken back within ten minutes; `rung_again`: the next one within the hour; `stay_reversed`: nine tenths of
#: a stay.
TILL = """
    SELECT
        $entity AS entity_id, s.psn_no, s.fixmedins_code, s.happened_at,
        'settlements' AS row_table, s.setl_id AS row_id,
        o.setl_id IS NOT NULL AS refunded,
        coalesce(o.gap_minutes <= 10, false) AS quick,
        coalesce(o.fen, 0) AS refund_fen, s.medfee_sumamt_fen AS fen,
        o.setl_id IS NOT NULL AND n.next_at - s.setl_time < INTERVAL 60 MINUTE AS rung_again,
        coalesce(o.fen >= 0.9 * s.medfee_sumamt_fen AND s.is_inpatient, false) AS stay_reversed
    FROM settlements s
    LEFT JOIN (
        SELECT setl_id, min(gap_minutes) AS gap_minutes, sum(fen)::BIGINT AS fen
        FROM refunds
        GROUP BY 1
    ) o USING (setl_id)
    LEFT JOIN (
        SELECT
            setl_id,
            lead(setl_time) OVER (PARTITION BY psn_no, fixmedins_code ORDER BY setl_time, setl_id) AS next_at
        FROM settlements
        SEMI JOIN refunds r USING (psn_no, fixmedins_code)
    ) n USING (setl_id)
"""

OF_TILL, OF_HOLDER = Of("s.fixmedins_code"), Of("s.psn_no")

#: A month of a unit says something from 1,000 yuan on. An article of it stands out with a tenth of the money, or with
#: three times its usual packs (three months known) and three hundredths of the money.
MONTH_FEN, ARTICLE_SHARE, SURGE_FACTOR, SURGE_SHARE = 100000, 0.1, 3, 0.03

#: One article of a month at one unit: its share of the month's swipe money (what fund and account paid, not the cash
#: beside it) and its surge over the unit's own usual month. Only articles that stand out are kept.
ARTICLE = once(
    "articles_of_month",
    f"""
        WITH l AS (
            SELECT l.* REPLACE ((l.fen * coalesce(w.on_card, 1))::BIGINT AS fen), date_trunc('month', l.day) AS month
            FROM lines l
            LEFT JOIN (
                SELECT mdtrt_id, least(1, sum({paid()}) / nullif(sum(medfee_sumamt_fen), 0)::DOUBLE) AS on_card
                FROM swipes
                GROUP BY 1
            ) w ON w.mdtrt_id = l.mdtrt_id
            WHERE NOT l.is_inpatient AND coalesce(w.on_card, 1) > 0
        ),
        m AS (
            SELECT fixmedins_code, med_list_codg, month, sum(fen)::BIGINT AS article_fen, sum(cnt) AS packs
            FROM l
            GROUP BY ALL
        ),
        u AS (
            SELECT fixmedins_code, month, sum(article_fen)::BIGINT AS month_fen
            FROM m
            GROUP BY ALL
        ),
        own AS (
            SELECT fixmedins_code, med_list_codg, median(packs) AS usual, count(*) AS months
            FROM m
            GROUP BY ALL
        ),
        j AS (
            SELECT m.*, u.month_fen, own.usual, own.months
            FROM m
            JOIN u USING (fixmedins_code, month)
            JOIN own USING (fixmedins_code, med_list_codg)
            WHERE u.month_fen >= {MONTH_FEN}
                AND (
                    m.article_fen >= {ARTICLE_SHARE} * u.month_fen
                    OR (
                        m.packs >= {SURGE_FACTOR} * own.usual
                        AND own.months >= 3
                        AND m.article_fen >= {SURGE_SHARE} * u.month_fen
                    )
                )
        )
        SELECT
            l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table,
            {LINE_ID} AS row_id, l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, l.fen,
            j.article_fen,
            j.article_fen / j.month_fen AS share,
            CASE WHEN j.months >= 3 THEN j.packs / j.usual END AS surge
        FROM l
        JOIN j USING (fixmedins_code, med_list_codg, month)
    """,
)

shop = Feature(
    grain="institution",
    scheme="T08",
    by="institution",
    family="account",
    source="3.4 3.9",
    empty=None,
)

till = Feature(
    told_of={"institution": OF_TILL},
    scheme="T32",
    by="institution",
    reversed="pairs",
    family="account",
    source="3.4",
    rows=TILL,
)

declare(
    shop,
    name="account_round_share",
    label="整五十元刷账户占比",
    unit="%",
    windows=(30, 90),
    rows=SHOP,
    measure="CASE WHEN count(*) >= 10 THEN avg(round50::INT) END",
    reason="近{window}天个人账户刷卡金额为50元整数倍的占{value}" + above(),
    innocent="商品定价为整数、挂号等固定收费；唯一药店品种少（N30）",
)

declare(
    shop,
    name="account_whole_ten_share",
    label="整十元刷账户占比（过低疑刻意回避，过高疑凑整）",
    unit="%",
    windows=(90, 180),
    rows=SHOP,
    worse="either",
    measure="CASE WHEN count(*) >= 50 THEN avg(round10::INT) END",
    reason="近{window}天个人账户刷卡金额为10元整数倍的占{value}" + above(),
    innocent="以称重饮片、拆零销售为主，金额自然零散",
)

declare(
    shop,
    name="account_just_below_share",
    label="刚低于整百元刷账户占比",
    unit="%",
    windows=(90,),
    rows=SHOP,
    measure="CASE WHEN count(*) >= 20 THEN avg(just_below::INT) END",
    reason="近{window}天账户刷卡金额刚低于整百元（差5元以内）的占{value}" + above(),
    innocent="商品以198、299等尾数定价",
)

declare(
    shop,
    name="account_same_sum_share",
    also=("T11",),
    label="最常见刷卡金额占比",
    unit="%",
    windows=(30, 90),
    rows=SHOP,
    measure="CASE WHEN count(*) >= 20 THEN list_max(map_values(histogram(fen))) / count(*) END",
    reason="近{window}天账户刷卡中同一金额反复出现，占{value}" + above(),
    innocent="固定收费项目（如一般诊疗费）或单一规格商品热销（N30）",
)

declare(
    shop,
    name="account_night_share",
    label="夜间刷账户占比",
    unit="%",
    windows=(30, 90),
    rows=SHOP,
    measure="CASE WHEN count(night) >= 20 THEN avg(night::INT) END",
    reason="近{window}天账户刷卡发生在22时至6时的占{value}" + above(),
    innocent="24小时药店或夜间急诊（N23）；批量上传已剔除（N07）",
)

declare(
    shop,
    name="account_emptied_share",
    label="顾客账户被刷空占比",
    unit="%",
    windows=(90, 180),
    rows=SHOP,
    measure="CASE WHEN count(*) >= 20 THEN avg(coalesce(emptied, false)::INT) END",
    needs=("settlements.balc_fen",),
    reason="近{window}天在该机构刷账户后余额不足5元（且一次刷去200元以上）的占{value}" + above(),
    innocent="顾客账户本就不多、自费补足差额；家庭共济代购（N05）",
)

declare(
    shop,
    name="account_emptied_people",
    label="账户在此刷空的人数",
    unit="人",
    windows=(90, 180),
    rows=SHOP,
    empty=0.0,
    measure="count(DISTINCT psn_no) FILTER (WHERE emptied)",
    needs=("settlements.balc_fen",),
    reason="近{window}天有{value}人的个人账户在该机构一次刷空" + above("人"),
    innocent="位置唯一或客流大的药店，买贵重药一次用完余额（N30）",
)

declare(
    shop,
    name="account_voucher_change",
    label="电子凭证刷卡占比变化",
    unit="%",
    windows=(180,),
    rows=SHOP,
    measure="""
        CASE
            WHEN count(*) FILTER (WHERE days_ago < 30) >= 20 AND count(*) FILTER (WHERE days_ago >= 30) >= 20
                THEN avg(voucher::INT) FILTER (WHERE days_ago < 30) - avg(voucher::INT) FILTER (WHERE days_ago >= 30)
        END
    """,
    needs=("settlements.mdtrt_cert_type",),
    reason="近30天凭医保电子凭证刷账户的占比较此前5个月上升{value}" + above(),
    innocent="本地推广电子凭证、更换读卡设备，应为全县同步变化",
)

declare(
    shop,
    name="account_newcomer_money_share",
    label="新顾客账户支出占比",
    unit="%",
    windows=(30,),
    rows=SHOP,
    measure="CASE WHEN count(*) >= 20 THEN sum(fen) FILTER (WHERE newcomer) / sum(fen) END",
    reason="近{window}天个人账户支出中首次来店的顾客占{value}" + above(),
    innocent="新开业、搬迁，邻近药店停业后客流自然转来（N30）",
)

declare(
    shop,
    name="account_mean_fen",
    label="单次刷账户均额",
    unit="元",
    windows=(30, 90),
    rows=SHOP,
    measure="avg(fen) / 100.0",
    reason="近{window}天每次刷账户平均{value}元" + above("元"),
    innocent="双通道药店或院边店以贵重药品为主（N30）",
)

declare(
    shop,
    name="account_surge",
    label="账户支出近月比此前月均",
    unit="倍",
    windows=(180,),
    rows=SHOP,
    measure="""
        CASE
            WHEN sum(fen) FILTER (WHERE days_ago >= 30) >= 100000
                THEN 5.0 * sum(fen) FILTER (WHERE days_ago < 30) / sum(fen) FILTER (WHERE days_ago >= 30)
        END
    """,
    reason="近30天个人账户支出为此前月均的{value}倍" + above("倍"),
    innocent="流感季、账户集中划拨（N06）或邻店停业（N30）",
)

declare(
    shop,
    name="account_article_share",
    also=("T11",),
    label="单品占月刷卡额最高比重",
    unit="%",
    windows=(90, 180),
    rows=f"FROM {ARTICLE}",
    empty=0.0,
    measure="max(share)",
    needs=("fee_details",),
    reason="近{window}天有一种商品占到当月刷卡金额的{value}" + above(),
    innocent="双通道单一高价药（N30）、流感季或应急期热销（N14、N25）",
)

declare(
    shop,
    name="account_article_surge",
    label="单品销量较自身常态",
    unit="倍",
    windows=(90,),
    rows=f"FROM {ARTICLE}",
    empty=0.0,
    measure="max(surge)",
    needs=("fee_details",),
    reason="近{window}天有一种商品的月销量达到本店平常月份的{value}倍" + above("倍"),
    innocent="集采降价后销量放大（N24）、流感季（N14）",
)

declare(
    till,
    name="refund_rate",
    label="退费率",
    unit="%",
    windows=(90, 180),
    empty=None,
    measure="CASE WHEN count(*) >= 20 THEN avg(refunded::INT) END",
    reason="近{window}天结算后又退费的占{value}" + above(),
    innocent="系统切换、类别或险种录错后更正重结（N31）",
)

declare(
    till,
    name="refund_quick_times",
    also=("T08",),
    label="十分钟内秒退次数",
    unit="次",
    windows=(30, 90),
    measure="count(*) FILTER (WHERE quick)",
    reason="近{window}天结算后10分钟内退费{value}次" + above("次"),
    innocent="收费员当场发现录错并更正（N31）",
)

declare(
    till,
    name="refund_loop_times",
    also=("T08",),
    label="结算—退费—再结算次数",
    unit="次",
    windows=(90, 180),
    measure="count(*) FILTER (WHERE rung_again)",
    reason="近{window}天同一人结算、退费后一小时内又结算{value}次" + above("次"),
    innocent="改医疗类别或险种后重结，金额相近（N31）",
)

declare(
    till,
    name="refund_money_share",
    label="退费金额占比",
    unit="%",
    windows=(180,),
    empty=None,
    measure="CASE WHEN count(*) >= 20 THEN sum(refund_fen) / nullif(sum(fen), 0) END",
    reason="近{window}天退费金额占结算金额的{value}" + above(),
    innocent="个别大额住院更正（N31）",
)

declare(
    till,
    name="refund_stays_times",
    label="住院整单冲销数",
    unit="例",
    windows=(180, 365),
    measure="count(*) FILTER (WHERE stay_reversed)",
    reason="近{window}天整单冲销住院结算{value}例" + above("例"),
    innocent="出院诊断或险种更正后重新结算（N31）",
)
