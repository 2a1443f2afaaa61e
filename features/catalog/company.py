"""T09 空刷套刷 and T15 倒卖团伙 at the card: who else was at the till, and who else got the same bag.

How it works: a runner empties many cards at one till in a row; an organiser sends many cards to one doctor for the
same prescription. A card alone looks honest; its neighbours in time do not.
What it leaves: swipes with several other cards minutes before and after, on several days; prescriptions that other
cards got the same day from the same doctor, item for item.
Honest cases: nursing homes and families (N04, N05: one address does not count, shared accounts are left out), pension
days (N06), village uploads (N07: collapsed clocks are left out), influenza (N14), screening days (N15), clinical
packages (N13), the only shop of a town (N30).
"""

from features.catalog.drugs import RX
from features.catalog.swiping import BASKET
from features.codes import DRUGSTORE, paid
from features.declare import Feature, Of, declare
from features.wording import above

#: Cards this close at a till came together, or one hand held them.
CLOSE = "INTERVAL 3 MINUTE"
AROUND = f"RANGE BETWEEN {CLOSE} PRECEDING AND {CLOSE} FOLLOWING"
#: A card's swipes with at least two cards of other addresses within three minutes at the same till: a home, a family,
#: a village on its screening day share an address, collected cards do not (N04, N05, N15). The rows lie with the
#: unit; a card is told of all of them. Whoever was alone at the till is left out first.
CROWDED = f"""
    WITH w AS (
        SELECT
            w.psn_no, w.happened_at, w.setl_id, w.fixmedins_code,
            w.fixmedins_type = {DRUGSTORE} AS pharmacy, {paid("w")} AS fen,
            coalesce(p.curr_addr_code, w.psn_no) AS address
        FROM swipes w
        LEFT JOIN persons p USING (psn_no)
        WHERE NOT w.clock_collapsed AND w.visit_class <> 'dialysis' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
    ),
    near AS (
        SELECT *
        FROM w
        WINDOW one AS (PARTITION BY fixmedins_code ORDER BY happened_at)
        QUALIFY happened_at - lag(happened_at) OVER one <= {CLOSE}
            OR lead(happened_at) OVER one - happened_at <= {CLOSE}
    ),
    n AS (
        SELECT *, count(DISTINCT psn_no) OVER till - count(DISTINCT psn_no) OVER home AS others
        FROM near
        WINDOW
            till AS (PARTITION BY fixmedins_code ORDER BY happened_at {AROUND}),
            home AS (PARTITION BY fixmedins_code, address ORDER BY happened_at {AROUND})
    )
    SELECT
        psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id,
        fixmedins_code, happened_at::DATE AS day, others, pharmacy, fen
    FROM n
    WHERE others >= 2
"""
till = Feature(
    grain="person",
    scheme="T09",
    by="institution",
    reversed="kept",
    family="swipe",
    windows=(90, 365),
    rows=CROWDED,
    source="3.4",
)
_CROWD = "高峰时段排队、集中到账日、义诊（N06、N15、N30）"
declare(
    till,
    name="card_crowded_times",
    label="与多人接连刷卡次数",
    unit="次",
    measure="count(*)",
    reason="近{window}天有{value}次与不同住址的另两人以上在三分钟内接连刷卡" + above("次"),
    innocent=_CROWD,
)
declare(
    till,
    name="card_crowded_days",
    label="与多人接连刷卡天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="近{window}天有{value}天与不同住址的另两人以上在三分钟内接连刷卡" + above("天"),
    innocent=_CROWD,
)
declare(
    till,
    name="card_crowded_yuan",
    label="与多人接连刷卡金额",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="近{window}天与不同住址的另两人以上接连刷卡合计{value}元" + above("元"),
    innocent=_CROWD,
)
declare(
    till,
    name="card_crowd_most",
    label="接连刷卡最多人数",
    unit="人",
    measure="max(others)",
    reason="近{window}天最多有{value}名不同住址者与其在三分钟内接连刷卡" + above("人"),
    innocent=_CROWD,
)


#: Prescriptions that cards of other addresses got the same day from the same doctor, item for item.
SAME_BAG = f"""
    SELECT x.$entity AS entity_id, x.* EXCLUDE ($entity)
    FROM (
        SELECT
            r.psn_no, r.fixmedins_code, r.dr_codg, r.happened_at, r.row_table, r.row_id,
            r.day, r.kinds, r.fen, r.resale_fen,
            r.same_bag
                - count(*) OVER (
                    PARTITION BY r.fixmedins_code, r.dr_codg, r.day, r.bag, coalesce(p.curr_addr_code, r.psn_no)
                ) AS others
        FROM ({RX}) r
        LEFT JOIN persons p USING (psn_no)
        WHERE r.same_bag >= 2 AND r.kinds >= 2
    ) x
    WHERE x.others >= 1
"""
bag = Feature(
    told_of={"person": Of("psn_no")},
    scheme="T15",
    by="institution",
    family="drug",
    windows=(90, 365),
    rows=SAME_BAG,
    needs=("fee_details.bilg_dr_codg",),
    source="3.9",
)
_SAME = "养老机构集中配药、流感季、协定处方（N04、N13、N14）"
declare(
    bag,
    name="card_same_bag_times",
    label="与他人同日同方次数",
    unit="次",
    measure="count(*)",
    reason="近{window}天有{value}张处方与同一医师当天开给不同住址者的完全相同" + above("次"),
    innocent=_SAME,
)
declare(
    bag,
    name="card_same_bag_days",
    label="与他人同日同方天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="近{window}天有{value}天取得与不同住址者完全相同的处方" + above("天"),
    innocent=_SAME,
)
declare(
    bag,
    name="card_same_bag_resale_yuan",
    label="同日同方中的易倒卖药",
    unit="元",
    measure="sum(resale_fen) / 100.0",
    reason="近{window}天与不同住址者完全相同的处方中含易倒卖药品{value}元" + above("元"),
    innocent=_SAME,
)

declare(
    bag,
    told_of={
        "institution": Of("fixmedins_code", name="unit_same_bag_cards"),
        "doctor": Of("dr_codg", name="doctor_same_bag_cards"),
    },
    label="与他人同日同方的参保人数",
    unit="人",
    measure="count(DISTINCT psn_no)",
    reason="近{window}天有{value}名参保人与不同住址者同日从同一医师取得完全相同的处方" + above("人"),
    innocent=_SAME,
)
declare(
    bag,
    told_of={
        "institution": Of("fixmedins_code", name="unit_same_bag_resale_yuan"),
        "doctor": Of("dr_codg", name="doctor_same_bag_resale_yuan"),
    },
    label="同日同方中的易倒卖药",
    unit="元",
    measure="sum(resale_fen) / 100.0",
    needs=("fee_details.bilg_dr_codg", "catalog.resale_risk_flag"),
    reason="近{window}天不同住址者同日同方的处方中含易倒卖药品{value}元" + above("元"),
    innocent=_SAME,
)

#: A card's swipe whose basket equals, article for article, that of the card of another address before or after it at
#: the till.
COPIED = f"""
    SELECT
        b.psn_no AS entity_id, b.happened_at, b.row_table, b.row_id, b.entity_id AS fixmedins_code,
        b.happened_at::DATE AS day, b.kinds, b.fen
    FROM ({BASKET}) b
    LEFT JOIN persons p ON p.psn_no = b.psn_no
    LEFT JOIN persons x ON x.psn_no = b.before
    LEFT JOIN persons y ON y.psn_no = b.after
    WHERE (b.copied AND coalesce(p.curr_addr_code, b.psn_no) <> coalesce(x.curr_addr_code, b.before))
        OR (b.copied_next AND coalesce(p.curr_addr_code, b.psn_no) <> coalesce(y.curr_addr_code, b.after))
"""
basket = Feature(
    grain="person",
    scheme="T09",
    by="institution",
    reversed="kept",
    family="swipe",
    windows=(90, 365),
    rows=COPIED,
    needs=("fee_details",),
    source="3.4",
)
_ONE_GOOD = "单一热销商品、促销套餐（N30）；家人同址已剔除"
declare(
    basket,
    name="card_basket_copied_times",
    label="与前后顾客所购完全相同次数",
    unit="次",
    measure="count(*)",
    reason="近{window}天有{value}次刷卡与紧邻的不同住址顾客所购商品和数量完全相同" + above("次"),
    innocent=_ONE_GOOD,
)
declare(
    basket,
    name="card_basket_copied_yuan",
    label="与前后顾客所购完全相同金额",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="近{window}天与紧邻的不同住址顾客所购完全相同的刷卡合计{value}元" + above("元"),
    innocent=_ONE_GOOD,
)
