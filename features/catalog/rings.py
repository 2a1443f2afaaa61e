"""Rings: groups of cards in lockstep, each measured as a whole.

How it works: a dealer collects cards and goes round the tills with them, or a whole group lies in hospital together on
paper.
What it leaves: the same people at the same places within minutes, again and again, with the same bag of drugs that
sell well, signed by the same doctor, though they live apart. The ring search (features/networks/rings/) finds the
groups; every number here is one of a group's own.
Honest cases: family, dialysis shifts, chemotherapy courses, nursing homes, village rounds, schools in an epidemic
(N01, N02, N04, N05, N07, N15): a group that one of them explains is shown with it, not ranked. The weights are
declared because rings have few peers and hardly any outcomes: size, repetition, money and tightness share the score
(ranking by surprise alone puts dialysis and villages first, measured), and an honest explanation outweighs them all.
"""

from features.declare import CountyGraph, Feature, declare
from features.wording import above, below

RING = Feature(
    grain="ring",
    scheme="T15",
    by="county",
    reversed="net",
    windows=(0,),
    family="ring",
    worse="high",
    empty=None,
    rows="SELECT * FROM ring_meetings",
    innocent="家庭、透析班次、村医巡诊、养老机构、学校传染病等正常结伴就医",
)

declare(
    RING,
    name="ring_members",
    label="结伴人数",
    unit="人",
    measure=CountyGraph("ring_members", 1.0, log=True),
    reason="结伴{value}人" + above("人"),
)
declare(
    RING,
    name="ring_days",
    label="结伴天数",
    unit="天",
    measure=CountyGraph("ring_days", 1.0, log=True),
    reason="结伴{value}天" + above("天"),
)
declare(
    RING,
    name="ring_meetings",
    label="结伴次数",
    unit="次",
    measure=CountyGraph("ring_meetings"),
    reason="结伴{value}次" + above("次"),
)
declare(
    RING,
    name="ring_places",
    label="同组机构数",
    unit="家",
    worse="either",
    measure=CountyGraph("ring_places"),
    reason="结伴去过{value}家机构（同类中位{peer}家）",
)
declare(
    RING,
    name="ring_surprise",
    label="结伴巧合的意外程度",
    unit="",
    measure=CountyGraph("ring_surprise", 0.02),
    reason="结伴纯属巧合的可能性极小（意外程度{value}）" + above(),
)
declare(
    RING,
    name="ring_density",
    label="组内两两结伴占比",
    unit="%",
    measure=CountyGraph("ring_density", 1.0),
    reason="组内{value}的两两组合有结伴" + above(),
)
declare(
    RING,
    name="ring_attendance",
    label="成员平均到场率",
    unit="%",
    measure=CountyGraph("ring_attendance", 1.0),
    reason="成员平均到场率{value}" + above(),
)
declare(
    RING,
    name="ring_width",
    label="每次结伴的时间跨度",
    unit="分钟",
    worse="low",
    measure=CountyGraph("ring_width", -0.2, log=True),
    reason="每次结伴的时间跨度仅{value}分钟" + below("分钟"),
)
declare(
    RING,
    name="ring_gap",
    label="前后两卡间隔中位",
    unit="分钟",
    worse="low",
    measure=CountyGraph("ring_gap"),
    reason="前后两卡间隔中位{value}分钟" + below("分钟"),
)
declare(
    RING,
    name="ring_fen",
    label="结伴结算金额",
    unit="元",
    measure=CountyGraph("ring_fen", 0.3, log=True),
    reason="结伴时共结算{value}元" + above("元"),
)
declare(
    RING,
    name="ring_fund_share",
    label="统筹基金支付占比",
    unit="%",
    measure=CountyGraph("ring_fund_share"),
    reason="统筹基金支付占结伴金额的{value}" + above(),
)
declare(
    RING,
    name="ring_amount_share",
    label="结伴金额占成员同期总额",
    unit="%",
    measure=CountyGraph("ring_amount_share", 1.0),
    reason="结伴金额占成员同期总额的{value}" + above(),
)
declare(
    RING,
    name="ring_same_bag",
    label="成员共同药品占比",
    unit="%",
    measure=CountyGraph("ring_same_bag", 0.5),
    reason="{value}的成员买了同一种药" + above(),
)
declare(
    RING,
    name="ring_resale_share",
    label="易倒卖药品金额占比",
    unit="%",
    measure=CountyGraph("ring_resale_share", 2.0),
    reason="结伴时{value}的金额为易倒卖药品" + above(),
)
declare(
    RING,
    name="ring_one_doctor",
    label="同一医师结算占比",
    unit="%",
    measure=CountyGraph("ring_one_doctor"),
    reason="结伴时{value}的结算由同一医师开具" + above(),
)
declare(
    RING,
    name="ring_places_day",
    label="同日走访机构数",
    unit="家",
    measure=CountyGraph("ring_places_day"),
    reason="同日走访{value}家机构" + above("家"),
)
declare(
    RING,
    name="ring_addresses",
    label="成员住址数",
    unit="个",
    measure=CountyGraph("ring_addresses"),
    reason="成员分住{value}处" + above("处"),
)
declare(
    RING,
    name="ring_households",
    label="成员家庭数",
    unit="户",
    measure=CountyGraph("ring_households"),
    reason="成员分属{value}户" + above("户"),
)
declare(
    RING,
    name="ring_period",
    label="结伴间隔中位",
    unit="天",
    worse="either",
    measure=CountyGraph("ring_period"),
    reason="结伴间隔中位{value}天（同类中位{peer}天）",
)
declare(
    RING,
    name="ring_first_seen",
    label="首次结伴距今",
    unit="天",
    worse="either",
    measure=CountyGraph("ring_first_seen"),
    reason="首次结伴在{value}天前（同类中位{peer}天）",
)
declare(
    RING,
    name="ring_last_seen",
    label="最近结伴距今",
    unit="天",
    worse="low",
    measure=CountyGraph("ring_last_seen"),
    reason="最近一次结伴在{value}天前" + below("天"),
)
declare(
    RING,
    name="ring_explained",
    label="有正常解释",
    unit="",
    worse="low",
    measure=CountyGraph("ring_explained", -8.0),
    reason="是否有正常解释：{value}（同类中位{peer}）",
)
