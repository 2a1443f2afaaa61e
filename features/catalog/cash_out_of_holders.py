"""T08 个人账户套现, T32 冲正退费异常: the holder of the account.

How it works: the holder sells what is on his account for cash, at the shop that pays it out
(features/catalog/cash_out_at_tills.py).
What it leaves: an account emptied at the first use after each deposit, most of it at one shop, in round sums, at night,
with nothing else bought; settlements taken back and rung up anew.
Honest cases: family sharing and proxy purchase (N05), chronic drugs that just use up the month's deposit (N28), the
only shop of a town (N30), corrections at the till (N31).
"""

from features.catalog.cash_out_at_tills import OF_HOLDER, SWIPE, TILL
from features.codes import DRUGSTORE
from features.declare import Feature, declare
from features.wording import above

#: A balance of more than so many times the last one was topped up in between; interest and roundings stay below.
TOPPED_UP = 1.02

#: The swipes of a person, each beside the one before it.
HOLDER = f"""
    SELECT
        w.psn_no AS entity_id, w.fixmedins_code, w.fixmedins_type = {DRUGSTORE} AS pharmacy,
        coalesce(w.balc_fen + w.acct_pay_fen > {TOPPED_UP} * lag(w.balc_fen) OVER own, false) AS topped_up,
        w.happened_at - lag(w.happened_at) OVER own < INTERVAL 24 HOUR AS again_in_a_day,
        {SWIPE}
    FROM swipes w
    CROSS JOIN main.asof a
    WHERE w.acct_pay_fen > 0
    WINDOW own AS (PARTITION BY w.psn_no ORDER BY w.happened_at, w.setl_id)
"""

holder = Feature(grain="person", scheme="T08", by="person", family="account", source="3.4 3.9")

refunder = Feature(
    told_of={"person": OF_HOLDER},
    scheme="T32",
    by="person",
    reversed="pairs",
    family="account",
    source="3.4 3.9",
    windows=(180, 365),
    rows=TILL,
)

declare(
    holder,
    name="account_drained_times",
    also=("T09",),
    label="账户被刷空次数",
    unit="次",
    windows=(180, 365),
    rows=HOLDER,
    measure="count(*) FILTER (WHERE emptied)",
    needs=("settlements.balc_fen",),
    reason="近{window}天个人账户被一次刷空{value}次" + above("次"),
    innocent="慢性病续方花费大、账户划入少；家属代购（N05）",
)

declare(
    holder,
    name="account_drained_first_use",
    label="到账后首次使用即刷空次数",
    unit="次",
    windows=(180, 365),
    rows=HOLDER,
    measure="count(*) FILTER (WHERE emptied AND topped_up)",
    needs=("settlements.balc_fen",),
    reason="近{window}天账户每次到账后第一次使用即被刷空，共{value}次" + above("次"),
    innocent="每月固定购买慢病药正好用完当月划入（N28、N30）",
)

declare(
    holder,
    name="account_drained_months",
    label="账户刷空月数",
    unit="个月",
    windows=(365,),
    rows=HOLDER,
    measure="count(DISTINCT date_trunc('month', happened_at)) FILTER (WHERE emptied)",
    needs=("settlements.balc_fen",),
    reason="近{window}天有{value}个月把个人账户刷空" + above("个月"),
    innocent="账户划入额低于日常药费",
)

declare(
    holder,
    name="account_pharmacy_yuan",
    also=("T09",),
    label="药店账户支出",
    unit="元",
    windows=(30, 90, 365),
    rows=HOLDER,
    measure="sum(fen) FILTER (WHERE pharmacy) / 100.0",
    reason="近{window}天在药店刷个人账户{value}元" + above("元"),
    innocent="慢性病长期用药、家庭共济账户（N05）",
)

declare(
    holder,
    name="account_one_shop_share",
    also=("T09",),
    label="账户刷卡集中于一家的比例",
    unit="%",
    windows=(180, 365),
    rows=HOLDER,
    empty=None,
    measure="CASE WHEN count(*) >= 6 THEN list_max(map_values(histogram(hash(fixmedins_code)))) / count(*) END",
    reason="近{window}天个人账户刷卡有{value}在同一家机构" + above(),
    innocent="住家附近只有一家药店（N30）",
)

declare(
    holder,
    name="account_holder_round_share",
    label="本人整五十元刷账户占比",
    unit="%",
    windows=(180, 365),
    rows=HOLDER,
    empty=None,
    measure="CASE WHEN count(*) >= 5 THEN avg(round50::INT) END",
    reason="近{window}天个人账户刷卡为50元整数倍的占{value}" + above(),
    innocent="常购商品为整数定价",
)

declare(
    holder,
    name="account_holder_round_yuan",
    label="本人整五十元刷账户金额",
    unit="元",
    windows=(90, 365),
    rows=HOLDER,
    measure="sum(fen) FILTER (WHERE round50) / 100.0",
    reason="近{window}天以50元整数倍刷个人账户合计{value}元" + above("元"),
    innocent="常购商品为整数定价",
)

declare(
    holder,
    name="account_holder_night_times",
    label="本人夜间药店刷账户次数",
    unit="次",
    windows=(90, 365),
    rows=HOLDER,
    measure="count(*) FILTER (WHERE night AND pharmacy)",
    reason="近{window}天夜间（22时至6时）在药店刷账户{value}次" + above("次"),
    innocent="夜间急用药、24小时药店（N23）",
)

declare(
    holder,
    name="account_holder_repeat_day",
    label="一日内连续刷账户次数",
    unit="次",
    windows=(90, 365),
    rows=HOLDER,
    measure="count(*) FILTER (WHERE again_in_a_day)",
    reason="近{window}天24小时内接连刷账户{value}次" + above("次"),
    innocent="先就诊后外配购药、忘拿药返回",
)

declare(
    holder,
    name="account_holder_max_yuan",
    label="单笔最高刷账户",
    unit="元",
    windows=(90, 365),
    rows=HOLDER,
    measure="max(fen) / 100.0",
    reason="近{window}天单笔最高刷个人账户{value}元" + above("元"),
    innocent="双通道谈判药、医疗器械或一次配足长处方（N08、N30）",
)

declare(
    refunder,
    name="refund_holder_times",
    label="本人退费次数",
    unit="次",
    measure="count(*) FILTER (WHERE refunded)",
    reason="近{window}天本人结算后退费{value}次" + above("次"),
    innocent="收费差错更正（N31）",
)

declare(
    refunder,
    name="refund_holder_loops",
    label="本人结算—退费—再结算次数",
    unit="次",
    measure="count(*) FILTER (WHERE rung_again OR quick)",
    reason="近{window}天本人结算后10分钟内退费、或退费后一小时内再结算{value}次" + above("次"),
    innocent="改医疗类别后重结（N31）",
)
