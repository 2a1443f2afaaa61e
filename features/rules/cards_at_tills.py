"""R27–R29: accounts turned into cash at the till: round sums, emptied balances, refunds within minutes."""

from features.catalog.cash_out_at_tills import OF_TILL, TILL
from features.codes import paid
from features.declare import Feature, Of, PeerTest, declare
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    family="account",
    by="institution",
    windows=(365,),
    source="3.4 3.9",
)

declare(
    COMMON,
    name="rule_r27",
    rule="R27",
    label=setting("R27", "name"),
    scheme="T08",
    told_of={
        "institution": Of("fixmedins_code"),
        "person": Of(
            "psn_no",
            name="rule_r27_person",
            by="person",
            source="3.3 3.4",
            peers=None,
            reason="触发规则R27整额刷卡：近{window}天有{value}笔整50元刷账户（当月占比六成以上）",
            innocent="常购商品定价为整数（N30）",
        ),
    },
    exempt=("N30",),
    rows=f"""
        WITH w AS (
            SELECT
                w.*,
                w.acct_pay_fen % {setting("R27", "multiple_yuan") * 100} = 0 AS round_sum,
                date_trunc('month', w.happened_at) AS month
            FROM swipes w
            WHERE w.acct_pay_fen > 0
        ),
        m AS (
            SELECT *, count(*) OVER one AS n, avg(round_sum::INT) OVER one AS share
            FROM w
            WINDOW one AS (PARTITION BY $entity, month)
        )
        SELECT
            $entity AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no,
            fixmedins_code, month, acct_pay_fen AS fen, share, round_sum,
            round_sum AND n >= {setting("R27", "min_settlements")} AND share >= {setting("R27", "share")} AS hit
        FROM m
    """,
    measure="count(*) FILTER (WHERE hit)",
    amount="sum(fen) FILTER (WHERE hit)",
    peers=PeerTest(
        statistic=f"CASE WHEN count(*) >= {setting('R27', 'min_settlements')} THEN avg(round_sum::INT) END",
        side="high",
        z=setting("R27", "z"),
    ),
    unit="笔",
    reason="触发规则R27整额刷卡：近{window}天有{value}笔整50元刷账户（当月占比六成以上，且远高于同类机构）",
    innocent="商品定价为整数、品种单一（N30）",
)

ENOUGH = f"count(*) >= {setting('R28', 'times_a_year')}"

declare(
    COMMON,
    name="rule_r28",
    rule="R28",
    label=setting("R28", "name"),
    scheme="T08",
    grain="person",
    by="person",
    needs=("settlements.balc_fen",),
    exempt=("N05", "N30"),
    source="3.3 3.4",
    rows=f"""
        SELECT
            w.psn_no AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
            w.fixmedins_code, w.balc_fen, w.acct_pay_fen AS fen
        FROM swipes w
        WHERE w.balc_fen <= {setting("R28", "balance_after_yuan") * 100}
            AND w.acct_pay_fen >= {setting("R28", "min_pay_yuan") * 100}
            AND w.acct_pay_fen >= {setting("R28", "share_of_balance")} * (w.balc_fen + w.acct_pay_fen)
            AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
            AND coalesce(w.psn_cash_pay_fen, 0) = 0
    """,
    measure=f"CASE WHEN {ENOUGH} THEN count(*) ELSE 0 END",
    amount=f"CASE WHEN {ENOUGH} THEN sum(fen) ELSE 0 END",
    unit="次",
    reason="触发规则R28余额清空：近{window}天个人账户被一次刷空{value}次",
    innocent="余额恰好等于药费（N30）；补差现金与共济支付已剔除（N05）",
)

declare(
    COMMON,
    name="rule_r29",
    rule="R29",
    label=setting("R29", "name"),
    scheme="T32",
    told_of={
        "institution": Of("fixmedins_code"),
        "person": Of(
            "psn_no",
            name="rule_r29_person",
            scheme="T08",
            by="person",
            source="3.3 3.4",
            reason="触发规则R29结算后秒退：近{window}天本人有{value}笔结算后10分钟内退费（当月三笔以上）",
            innocent="录入差错当场更正（N31）",
        ),
    },
    reversed="pairs",
    exempt=("N31",),
    rows=f"""
        WITH r AS (
            SELECT
                r.*,
                round(({paid("s")}) * least(1, r.fen / nullif(s.medfee_sumamt_fen, 0)))::BIGINT AS paid_fen,
                count(*) OVER (PARTITION BY r.$entity, date_trunc('month', r.happened_at)) AS times
            FROM refunds r
            JOIN settlements s ON s.setl_id = r.setl_id
            WHERE r.gap_minutes <= {setting("R29", "within_minutes")}
        )
        SELECT
            $entity AS entity_id, happened_at, 'settlements' AS row_table, refund_setl_id AS row_id, setl_id,
            psn_no, fixmedins_code, gap_minutes, paid_fen AS fen
        FROM r
        WHERE times >= {setting("R29", "times_a_month")}
    """,
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
    reason="触发规则R29结算后秒退：近{window}天有{value}笔结算后10分钟内退费（当月三笔以上）",
    innocent="录入差错当场更正、系统切换日（N31）",
)

# The rate of refunds against peers, by the settlements and refunds the features see.
declare(
    COMMON,
    name="rule_r29_rate",
    rule="R29",
    label="退费率异常",
    scheme="T32",
    told_of={"institution": OF_TILL},
    reversed="pairs",
    windows=(180,),
    exempt=("N31",),
    rows=TILL,
    measure="count(*) FILTER (WHERE refunded)",
    amount="sum(refund_fen)",
    peers=PeerTest(
        statistic=f"CASE WHEN count(*) >= {setting('R29', 'min_settlements')} THEN avg(refunded::INT) END",
        side="high",
        z=setting("R29", "z"),
    ),
    unit="笔",
    reason="触发规则R29退费率异常：近{window}天退费{value}笔，退费率远高于同类机构",
    innocent="系统切换、类别录错后更正重结（N31）",
)
