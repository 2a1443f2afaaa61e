"""R24–R37 刷卡与个人账户: thresholds from settings.toml, hits with their rows and the amount at risk.

The ring half of R24 and R25 lies at the ring grain. R33(b) follows the customers of a suspended unit through the person layout and is judged once they are
all together. Exemptions are filters where the data can show them, each named where it stands.
"""

from functools import partial
from statistics import NormalDist

from features.catalog.cash_out import ARTICLE, TILL
from features.catalog.identity import MOVES, after_death
from features.declare import Feature, PeerTest, declare
from features.thresholds import setting

_FEN = "coalesce(w.fund_pay_sumamt_fen, 0) + coalesce(w.acct_pay_fen, 0) AS fen"
_R24, _R26, _R27, _R28, _R29 = (partial(setting, r) for r in ("R24", "R26", "R27", "R28", "R29"))
_R30, _R31, _R32, _R36, _R37 = (partial(setting, r) for r in ("R30", "R31", "R32", "R36", "R37"))

#: Days on which everybody comes (N06): pensions and account top-ups, where the bureau keeps a calendar.
_ORDINARY_DAY = "NOT EXISTS (FROM calendar k WHERE k.date = w.happened_at::DATE AND (k.pension_day_flag = '1' OR k.account_topup_day_flag = '1'))"
_MONTH = "date_trunc('month', happened_at)"

#: N06 calendar days, N07 collapsed clocks, N01 dialysis and N05 shared accounts are left out before counting.
R24 = f"""WITH w AS (SELECT w.fixmedins_code, w.psn_no, w.happened_at, w.setl_id, {_FEN}, w.happened_at::DATE AS day, extract(hour FROM w.happened_at) AS hour FROM swipes w
        WHERE NOT w.clock_collapsed AND w.visit_class <> 'dialysis' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0 AND {_ORDINARY_DAY}),
    usual AS (SELECT fixmedins_code, hour, count(*) * {_R24("within_minutes")} / 60.0 / greatest(1, count(DISTINCT day)) AS rate FROM w GROUP BY ALL),
    near AS (SELECT * FROM w WINDOW one AS (PARTITION BY fixmedins_code ORDER BY happened_at) QUALIFY happened_at - lag(happened_at) OVER one <= INTERVAL {_R24("within_minutes")} MINUTE
        OR lead(happened_at) OVER one - happened_at <= INTERVAL {_R24("within_minutes")} MINUTE),
    n AS (SELECT *, count(DISTINCT psn_no) OVER (PARTITION BY fixmedins_code ORDER BY happened_at
        RANGE BETWEEN INTERVAL {_R24("within_minutes")} MINUTE PRECEDING AND CURRENT ROW) AS persons FROM near),
    c AS (SELECT n.*, n.persons >= {_R24("min_persons")} AND n.persons > u.rate + {NormalDist().inv_cdf(_R24("quantile")):.4f} * sqrt(u.rate) + 1 AS crowd FROM n JOIN usual u USING (fixmedins_code, hour)),
    b AS (SELECT *, crowd AND NOT coalesce(lag(crowd) OVER till AND happened_at - lag(happened_at) OVER till <= INTERVAL {_R24("within_minutes")} MINUTE, false) AS begins
        FROM c WINDOW till AS (PARTITION BY fixmedins_code ORDER BY happened_at, setl_id)),
    m AS (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY fixmedins_code, {_MONTH}) AS bursts FROM b)
    SELECT fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no, persons, begins, fen FROM m WHERE crowd AND bursts >= {_R24("bursts_a_month")}"""

#: The neighbour's door does not count (N30): a known distance of one kilometre or less is left out; shared accounts (N05) already are.
R26 = f"SELECT * FROM {MOVES} WHERE (minutes < {_R26('within_minutes')} AND coalesce(km, 99) > 1) OR kmh > {_R26('speed_kmh')}"

_R27_ROWS = f"""WITH w AS (SELECT w.*, w.acct_pay_fen % {_R27("multiple_yuan") * 100} = 0 AS round_sum, date_trunc('month', w.happened_at) AS month FROM swipes w WHERE w.acct_pay_fen > 0),
    m AS (SELECT *, count(*) OVER one AS n, avg(round_sum::INT) OVER one AS share FROM w WINDOW one AS (PARTITION BY @entity, month))
    SELECT @entity AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no, fixmedins_code, month, acct_pay_fen AS fen, share, round_sum,
        round_sum AND n >= {_R27("min_settlements")} AND share >= {_R27("share")} AS hit FROM m"""

R28 = f"""SELECT w.psn_no AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.fixmedins_code, w.balc_fen, w.acct_pay_fen AS fen FROM swipes w
    WHERE w.balc_fen <= {_R28("balance_after_yuan") * 100} AND w.acct_pay_fen >= {_R28("min_pay_yuan") * 100} AND w.acct_pay_fen >= {_R28("share_of_balance")} * (w.balc_fen + w.acct_pay_fen)
    AND coalesce(w.acct_mulaid_pay_fen, 0) = 0"""
_R28_ENOUGH = f"CASE WHEN count(*) >= {_R28('times_a_year')} THEN"

_R29_ROWS = f"""WITH r AS (SELECT r.*, coalesce(s.fund_pay_sumamt_fen, 0) + coalesce(s.acct_pay_fen, 0) AS paid_fen,
        count(*) OVER (PARTITION BY r.@entity, date_trunc('month', r.happened_at)) AS times FROM refunds r JOIN settlements s ON s.setl_id = r.setl_id WHERE r.gap_minutes <= {_R29("within_minutes")})
    SELECT @entity AS entity_id, happened_at, 'settlements' AS row_table, refund_setl_id AS row_id, setl_id, psn_no, fixmedins_code, gap_minutes, paid_fen AS fen
    FROM r WHERE times >= {_R29("times_a_month")}"""

#: Rate of refunds against peers, by the settlements and refunds the features see.
_R29_RATE = f"CASE WHEN count(*) >= {_R29('min_settlements')} THEN avg(refunded::INT) END"

#: Pharmacies without the dual-channel mark (N30).
R30 = f"""SELECT a.* FROM {ARTICLE} a JOIN institutions i ON i.fixmedins_code = a.entity_id WHERE i.fixmedins_type = '2' AND coalesce(i.sp_drugstore_flag, '0') <> '1'
    AND (a.share > {_R30("share")} OR a.surge > {_R30("month_factor")})"""

#: N23: emergency visits, wards' houses and shops open around the clock are left out; N07: collapsed clocks.
R31 = f"""WITH w AS (SELECT w.fixmedins_code, w.psn_no, w.setl_id, w.happened_at, {_FEN}, extract(hour FROM w.happened_at) >= {_R31("from_hour")} OR extract(hour FROM w.happened_at) < {_R31("to_hour")} AS night
        FROM swipes w JOIN institutions i USING (fixmedins_code) WHERE NOT w.clock_collapsed AND w.visit_class <> 'emergency'
        AND coalesce(i.open_24h_flag, '0') <> '1' AND i.level = 0 AND coalesce(i.aprv_bed_cnt, 0) = 0),
    d AS (SELECT *, avg(night::INT) OVER (PARTITION BY fixmedins_code, happened_at::DATE) AS share FROM w),
    m AS (SELECT *, count(DISTINCT happened_at::DATE) FILTER (WHERE share > {_R31("share")}) OVER (PARTITION BY fixmedins_code, {_MONTH}) AS days FROM d)
    SELECT fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no, share, fen FROM m
    WHERE night AND share > {_R31("share")} AND days >= {_R31("days_a_month")}"""

R32 = f"""WITH w AS (SELECT w.fixmedins_code, w.psn_no, w.setl_id, w.happened_at, w.clock_collapsed, {_FEN}, i.phar_psncnt FROM swipes w JOIN institutions i USING (fixmedins_code)
        WHERE i.fixmedins_type = '2' AND i.phar_psncnt > 0 AND {_ORDINARY_DAY}),
    n AS (SELECT *, count(*) OVER (PARTITION BY fixmedins_code, happened_at::DATE) AS a_day,
        count(*) FILTER (WHERE NOT clock_collapsed) OVER (PARTITION BY fixmedins_code, date_trunc('hour', happened_at)) AS an_hour FROM w)
    SELECT fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no, phar_psncnt, a_day, an_hour, fen,
        (fen * greatest(0, 1 - {_R32("per_pharmacist_day")} * phar_psncnt / a_day, 1 - {60 * _R32("per_pharmacist_minute")} * phar_psncnt / nullif(an_hour, 0)))::BIGINT AS excess_fen
    FROM n WHERE a_day > {_R32("per_pharmacist_day")} * phar_psncnt OR an_hour > {60 * _R32("per_pharmacist_minute")} * phar_psncnt"""

#: Who used a unit in the 30 days before its suspension, and where he went first in the week after it.
_R33_MOVED = f"""WITH g AS (SELECT fixmedins_code, min(begndate) AS since FROM agreement_periods WHERE stas IN ('suspended', 'terminated', '暂停', '解除', '终止') GROUP BY 1),
    c AS (SELECT DISTINCT w.psn_no, g.fixmedins_code AS closed_unit, g.since FROM swipes w JOIN g USING (fixmedins_code) WHERE w.happened_at::DATE >= g.since - 30 AND w.happened_at::DATE < g.since)
    SELECT c.closed_unit, c.psn_no, c.since, w.fixmedins_code AS entity_id, coalesce(w.happened_at, c.since::TIMESTAMP) AS happened_at, 'settlements' AS row_table, w.setl_id AS row_id, {_FEN}
    FROM c LEFT JOIN swipes w ON w.psn_no = c.psn_no AND w.fixmedins_code <> c.closed_unit AND w.happened_at::DATE >= c.since AND w.happened_at::DATE < c.since + {setting("R33", "within_days")}
    QUALIFY row_number() OVER (PARTITION BY c.psn_no, c.closed_unit ORDER BY w.happened_at, w.setl_id) = 1"""
_R33_ACROSS = f"""SELECT * FROM (SELECT *, count(*) OVER (PARTITION BY closed_unit) AS customers, count(*) OVER (PARTITION BY closed_unit, entity_id) AS moved FROM gathered)
    WHERE entity_id IS NOT NULL AND customers >= {setting("R33", "min_customers")} AND moved > {setting("R33", "moved_share")} * customers"""

#: A stay that began before the suspension has its `happened_at` before it (N16).
R33 = f"""SELECT w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.psn_no, g.stas, g.begndate, {_FEN} FROM settlements w
    JOIN (SELECT fixmedins_code, stas, begndate, coalesce(enddate, lead(begndate) OVER (PARTITION BY fixmedins_code ORDER BY begndate) - 1, DATE '9999-12-31') AS enddate FROM agreement_periods) g
    ON g.fixmedins_code = w.fixmedins_code AND w.happened_at::DATE >= g.begndate AND w.happened_at::DATE <= g.enddate
    WHERE g.stas IN ('suspended', 'terminated', '暂停', '解除', '终止') AND coalesce(w.manual_flag, '0') <> '1'"""

_R35_ROWS = f"""SELECT @entity AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.fixmedins_code, s.mdtrt_id AS stay_id, {_FEN} FROM swipes w
    JOIN settlements s ON s.psn_no = w.psn_no AND s.is_inpatient AND s.out_flag = '1' AND coalesce(s.manual_flag, '0') <> '1'
    AND w.happened_at::DATE > s.begntime::DATE AND w.happened_at::DATE < s.endtime::DATE WHERE coalesce(w.out_flag, '0') <> '1' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0"""

#: N01 dialysis and N05 shared accounts are left out. From the fifteenth visit of any thirty days on, each visit is a hit.
R36 = f"""WITH w AS (SELECT w.psn_no, w.fixmedins_code, w.setl_id, w.happened_at, {_FEN}, w.visit_class IN ('pharmacy', 'pharmacy_chronic') AS pharmacy FROM swipes w
        WHERE w.visit_class <> 'dialysis' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0),
    n AS (SELECT *, count(*) OVER (PARTITION BY psn_no, pharmacy ORDER BY happened_at RANGE BETWEEN INTERVAL {_R36("window_days")} DAY PRECEDING AND CURRENT ROW) AS n FROM w)
    SELECT psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, fixmedins_code, pharmacy, n, fen FROM n
    WHERE n >= CASE WHEN pharmacy THEN {_R36("purchases")} ELSE {_R36("visits")} END"""

#: N30: dual-channel pharmacies are left out; N05: shared accounts.
_R37_ROWS = f"""WITH w AS (SELECT w.psn_no, w.fixmedins_code, w.setl_id, w.happened_at, w.medfee_sumamt_fen, {_FEN} FROM swipes w JOIN institutions i USING (fixmedins_code) CROSS JOIN main.asof a
        WHERE i.fixmedins_type = '2' AND coalesce(i.sp_drugstore_flag, '0') <> '1' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0 AND w.happened_at > a.t - INTERVAL 365 DAY),
    g AS (SELECT psn_no, fixmedins_code, count(*) AS n, avg(medfee_sumamt_fen) AS mean_fen, max(medfee_sumamt_fen) AS max_fen FROM w GROUP BY ALL
        HAVING count(*) > {_R37("count_a_year")} OR (count(*) >= {_R37("min_settlements")} AND avg(medfee_sumamt_fen) > {_R37("mean_yuan") * 100}) OR max(medfee_sumamt_fen) > {_R37("max_yuan") * 100})
    SELECT @entity AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.psn_no, w.fixmedins_code, g.n, g.mean_fen / 100 AS mean_yuan, w.fen
    FROM w JOIN g USING (psn_no, fixmedins_code)"""

unit = partial(
    Feature,
    kind="lead",
    grain="institution",
    by="institution",
    reversed="net",
    windows=(365,),
    worse="high",
    unit="次",
    measure="count(*)",
    amount="sum(fen)",
    source="3.4 3.9",
)
person = partial(
    Feature,
    kind="lead",
    grain="person",
    by="person",
    reversed="net",
    windows=(365,),
    worse="high",
    unit="次",
    measure="count(*)",
    amount="sum(fen)",
    source="3.3 3.4",
)

declare(unit(
    name="rule_r24", rule="R24", label=setting("R24", "name"), scheme="T09", family="swipe", rows=R24, reversed="kept", measure="count(*) FILTER (WHERE begins)",
    exempt=("N01", "N04", "N05", "N06", "N07", "N14", "N15", "N25", "N30"),
    reason="触发规则R24集中刷卡：近{window}天有{value}次五分钟内多人集中刷卡且超出本机构常态",
    innocent="养老机构、义诊、唯一药店（N04、N15、N30）；到账日与批量上传已剔除",
))  # fmt: skip
declare(person(
    name="rule_r26", rule="R26", label=setting("R26", "name"), scheme="T03", family="swipe", rows=R26, exempt=("N05", "N07", "N32"),
    reason="触发规则R26两地同时刷卡：近{window}天有{value}次在相距一公里以上的两家机构短时间内先后刷卡",
    innocent="家属持卡代购（N05，共济支付已剔除）",
))  # fmt: skip
declare(unit(
    name="rule_r27", rule="R27", label=setting("R27", "name"), scheme="T08", family="account", rows=_R27_ROWS.replace("@entity", "fixmedins_code"), exempt=("N30",), unit="笔",
    measure="count(*) FILTER (WHERE hit)", amount="sum(fen) FILTER (WHERE hit)",
    peers=PeerTest(statistic=f"CASE WHEN count(*) >= {_R27('min_settlements')} THEN avg(round_sum::INT) END", side="high", z=_R27("z")),
    reason="触发规则R27整额刷卡：近{window}天有{value}笔整50元刷账户（当月占比六成以上，且远高于同类机构）",
    innocent="商品定价为整数、品种单一（N30）",
))  # fmt: skip
declare(person(
    name="rule_r27_person", rule="R27", label=setting("R27", "name"), scheme="T08", family="account", rows=_R27_ROWS.replace("@entity", "psn_no"), exempt=("N30",), unit="笔",
    measure="count(*) FILTER (WHERE hit)", amount="sum(fen) FILTER (WHERE hit)",
    reason="触发规则R27整额刷卡：近{window}天有{value}笔整50元刷账户（当月占比六成以上）",
    innocent="常购商品定价为整数（N30）",
))  # fmt: skip
declare(person(
    name="rule_r28", rule="R28", label=setting("R28", "name"), scheme="T08", family="account", rows=R28, needs=("settlements.balc_fen",), exempt=("N05", "N30"),
    measure=f"{_R28_ENOUGH} count(*) ELSE 0 END", amount=f"{_R28_ENOUGH} sum(fen) ELSE 0 END",
    reason="触发规则R28余额清空：近{window}天个人账户被一次刷空{value}次",
    innocent="药费超过账户余额、补差购买（N30）；共济支付已剔除（N05）",
))  # fmt: skip
declare(unit(
    name="rule_r29", rule="R29", label=setting("R29", "name"), scheme="T32", family="account", rows=_R29_ROWS.replace("@entity", "fixmedins_code"), reversed="pairs", exempt=("N31",),
    reason="触发规则R29结算后秒退：近{window}天有{value}笔结算后10分钟内退费（当月三笔以上）",
    innocent="录入差错当场更正、系统切换日（N31）",
))  # fmt: skip
declare(unit(
    name="rule_r29_rate", rule="R29", label="退费率异常", scheme="T32", family="account", rows=TILL, reversed="pairs", windows=(180,), exempt=("N31",), unit="笔",
    measure="count(*) FILTER (WHERE refunded)", amount="sum(refund_fen)", peers=PeerTest(statistic=_R29_RATE, side="high", z=_R29("z")),
    reason="触发规则R29退费率异常：近{window}天退费{value}笔，退费率远高于同类机构",
    innocent="系统切换、类别录错后更正重结（N31）",
))  # fmt: skip
declare(person(
    name="rule_r29_person", rule="R29", label=setting("R29", "name"), scheme="T08", family="account", rows=_R29_ROWS.replace("@entity", "psn_no"), reversed="pairs", exempt=("N31",),
    reason="触发规则R29结算后秒退：近{window}天本人有{value}笔结算后10分钟内退费（当月三笔以上）",
    innocent="录入差错当场更正（N31）",
))  # fmt: skip
declare(unit(
    name="rule_r30", rule="R30", label=setting("R30", "name"), scheme="T11", family="account", rows=R30, needs=("fee_details",), exempt=("N14", "N24", "N25", "N30"), unit="种",
    measure="count(DISTINCT med_list_codg)",
    reason="触发规则R30单品异常：近{window}天有{value}种商品独占当月刷卡额三成以上或销量达常态十倍",
    innocent="流感季、集采放量、应急期（N14、N24、N25）；双通道药店已剔除（N30）",
))  # fmt: skip
declare(unit(
    name="rule_r31", rule="R31", label=setting("R31", "name"), scheme="T10", family="swipe", rows=R31, exempt=("N07", "N23"), unit="笔",
    reason="触发规则R31夜间刷卡：近{window}天有{value}笔夜间刷卡（当日占比超一成、当月五天以上）",
    innocent="24小时营业未登记（N23）；批量上传已剔除（N07）",
))  # fmt: skip
declare(unit(
    name="rule_r32", rule="R32", label=setting("R32", "name"), scheme="T10", family="swipe", rows=R32, needs=("institutions.phar_psncnt",), exempt=("N06", "N07", "N30"), unit="天",
    measure="count(DISTINCT happened_at::DATE)", amount="sum(excess_fen)",
    reason="触发规则R32超服务能力刷卡：近{window}天有{value}天刷卡量超过药师服务能力",
    innocent="药师登记人数未更新、唯一药店（N30）；到账日已剔除（N06）",
))  # fmt: skip
declare(unit(
    name="rule_r33", rule="R33", label=setting("R33", "name"), scheme="T10", family="agreement", kind="hard", rows=R33, needs=("agreement_periods",), exempt=("N16", "N30"),
    reason="触发规则R33暂停期间结算：近{window}天在协议暂停或解除期间结算{value}笔",
    innocent="暂停前入院的住院（按入院日已剔除，N16）；协议恢复日期登记滞后",
))  # fmt: skip
declare(unit(
    name="rule_r33_moved", rule="R33", label="客流转移", scheme="T10", family="agreement", by="person", rows=_R33_MOVED, across=_R33_ACROSS, unit="人", needs=("agreement_periods",), exempt=("N30",),
    measure="count(DISTINCT psn_no)",
    reason="触发规则R33客流转移：一家机构被暂停协议后一周内，其过半顾客首先转到本机构，共{value}人",
    innocent="附近只剩这一家（N30）",
))  # fmt: skip
_GRACE = setting("R34", "grace_days")
declare(person(
    name="rule_r34", rule="R34", label=setting("R34", "name"), scheme="T03", family="identity", kind="hard", rows=after_death("psn_no", "fixmedins_code", _GRACE), needs=("persons.death_date",),
    reason="触发规则R34死亡后就医：近{window}天在登记死亡日期之后仍就医结算{value}次",
    innocent="死亡日期登记有误（转数据质量核对）",
))  # fmt: skip
declare(unit(
    name="rule_r34_inst", rule="R34", label=setting("R34", "name"), scheme="T03", family="identity", kind="hard", rows=after_death("fixmedins_code", "psn_no", _GRACE), needs=("persons.death_date",),
    reason="触发规则R34死亡后就医：近{window}天为已故人员结算{value}次",
    innocent="死亡日期登记有误（转数据质量核对）",
))  # fmt: skip
declare(person(
    name="rule_r35", rule="R35", label=setting("R35", "name"), scheme="T03", family="identity", rows=_R35_ROWS.replace("@entity", "w.psn_no"), needs=("settlements.out_flag",), exempt=("N05", "N18", "N20", "N32"),
    reason="触发规则R35异地住院同日本地刷卡：近{window}天异地住院期间在本地刷卡{value}次",
    innocent="家属代取慢病药（N18）、异地备案居住（N20）；共济与手工报销已剔除",
))  # fmt: skip
declare(Feature(
    name="rule_r35_admission", rule="R35", label=setting("R35", "name"), scheme="T01", family="stay", kind="lead", grain="admission", by="person", reversed="net", windows=(0,), worse="high", unit="次",
    rows=_R35_ROWS.replace("@entity", "s.mdtrt_id"), measure="count(*)", amount="sum(fen)", needs=("settlements.out_flag",), exempt=("N05", "N18", "N20", "N32"), source="3.3",
    reason="触发规则R35：本次异地住院期间在本地刷卡{value}次",
    innocent="家属代取慢病药（N18）；共济与手工报销已剔除",
))  # fmt: skip
declare(person(
    name="rule_r36", rule="R36", label=setting("R36", "name"), scheme="T30", family="visits", rows=R36, exempt=("N01", "N05", "N29"),
    reason="触发规则R36频繁门诊/购药：近{window}天有{value}次就诊或购药发生在30天内第15次及以后",
    innocent="多病共存老人（N29）；透析与共济支付已剔除（N01、N05）",
))  # fmt: skip
declare(person(
    name="rule_r37", rule="R37", label=setting("R37", "name"), scheme="T14", family="visits", rows=_R37_ROWS.replace("@entity", "w.psn_no"), exempt=("N05", "N29", "N30"), unit="笔",
    reason="触发规则R37单店高频高额：近{window}天在次数、均额或单笔超限的药店合计购药{value}笔",
    innocent="慢病特药长期在一店购买（N29）；双通道药店与共济支付已剔除",
))  # fmt: skip
declare(unit(
    name="rule_r37_inst", rule="R37", label=setting("R37", "name"), scheme="T14", family="visits", rows=_R37_ROWS.replace("@entity", "w.fixmedins_code"), exempt=("N05", "N29", "N30"), unit="人",
    measure="count(DISTINCT psn_no)",
    reason="触发规则R37单店高频高额：近{window}天有{value}名顾客在该店购药次数、均额或单笔超限",
    innocent="以慢病特药为主的药店（N29、N30）",
))  # fmt: skip
