"""Bonds: who goes with whom over the whole county, and whose unit or doctor such company meets at.

How it works: one person carries many cards. They are swiped one after the other, at the same tills, on the same days;
the drugs go to a dealer.
What it leaves: pairs of cards that meet more often than the load of the tills explains, circles in which everybody
goes with everybody, a unit where such circles gather, a doctor who signs for them, and the way from known cases along
such pairs. A bond is a surprising pair that no honest reason explains; the ring search (features/networks/) measures
it over all cards, the numbers lie beside the ring partition.
Honest cases: family, one village on market day, a dialysis shift (N01, N04, N07, N15); their pairs are left out before
anything is measured.
"""

from features.declare import CountyGraph, Feature, declare
from features.wording import above

_TOGETHER = "家庭、同村、透析班次等正常结伴就医（已识别的不计入）"
_NEAR = "与被查实者同住、同路，本人未参与"
_MARKET = "机构位于集市、车站旁，结伴者自带而来"
_ONLY_DOCTOR = "当地唯一医师，结伴者只能找他"
_ONLY_SHOP = "当地只有一家药店"

PERSON = Feature(
    grain="person",
    by="county",
    reversed="net",
    windows=(0,),
    worse="high",
    family="bond",
    rows="SELECT psn_no AS entity_id, * FROM meetings",
)
UNIT = Feature(
    grain="institution",
    by="county",
    reversed="net",
    windows=(0,),
    worse="high",
    family="bond",
    rows="SELECT fixmedins_code AS entity_id, * FROM meetings",
)
DOCTOR = Feature(
    grain="doctor",
    by="county",
    reversed="net",
    windows=(0,),
    worse="high",
    family="bond",
    rows="SELECT dr_codg AS entity_id, * FROM meetings",
)

declare(
    PERSON,
    name="bond_partners",
    label="多次与本人同时同地结算、超出巧合的人数",
    unit="人",
    scheme="T09",
    innocent=_TOGETHER,
    measure=CountyGraph("bond_partners"),
    reason="与{value}人多次同时同地结算，超出巧合" + above("人"),
)
declare(
    PERSON,
    name="bond_surprise",
    label="与最紧密同伴同行纯属巧合的可能性（负对数）",
    unit="",
    scheme="T09",
    innocent=_TOGETHER,
    measure=CountyGraph("bond_surprise"),
    reason="与最紧密同伴同行纯属巧合的可能性极小（负对数{value}）" + above(),
)
declare(
    PERSON,
    name="bond_core",
    label="所在结伴圈的核数（圈内人人至少与这么多人结伴）",
    unit="",
    scheme="T09",
    innocent=_TOGETHER,
    measure=CountyGraph("bond_core"),
    reason="所在结伴圈内人人至少与{value}人结伴" + above(),
)
declare(
    PERSON,
    name="bond_tightness",
    label="同伴之间也互相结伴的程度",
    unit="",
    scheme="T09",
    innocent=_TOGETHER,
    measure=CountyGraph("bond_tightness"),
    reason="同伴之间也互相结伴（程度{value}）" + above(),
)
declare(
    PERSON,
    name="bond_block",
    label="处于全县结伴最密集人群中",
    unit="",
    scheme="T15",
    also=("T09",),
    innocent=_TOGETHER,
    measure=CountyGraph("bond_block"),
    reason="处于全县结伴最密集人群中（{value}）" + above(),
)
declare(
    PERSON,
    name="bond_ring_members",
    label="所在结伴刷卡群组人数",
    unit="人",
    scheme="T15",
    also=("T09",),
    innocent=_TOGETHER,
    measure=CountyGraph("bond_ring_members"),
    reason="所在结伴刷卡群组{value}人" + above("人"),
)
declare(
    PERSON,
    name="bond_ring_days",
    label="随群组结伴刷卡天数",
    unit="天",
    scheme="T15",
    also=("T09",),
    innocent=_TOGETHER,
    measure=CountyGraph("bond_ring_days"),
    reason="随群组结伴刷卡{value}天" + above("天"),
)
declare(
    PERSON,
    name="bond_ring_yuan",
    label="随群组结伴时的结算金额",
    unit="元",
    scheme="T15",
    also=("T09",),
    innocent=_TOGETHER,
    measure=CountyGraph("bond_ring_yuan"),
    reason="随群组结伴时结算{value}元" + above("元"),
)
declare(
    PERSON,
    name="bond_cases",
    label="经结伴关系与已查实人员的接近程度",
    unit="倍",
    scheme="T15",
    also=("T09",),
    innocent=_NEAR,
    measure=CountyGraph("bond_cases"),
    reason="经结伴关系与已查实人员接近，为常人的{value}倍" + above("倍"),
)

declare(
    UNIT,
    name="bond_visitors",
    label="在本机构结伴刷卡的群组成员数",
    unit="人",
    scheme="T15",
    innocent=_MARKET,
    measure=CountyGraph("bond_visitors"),
    reason="有{value}名群组成员在本机构结伴刷卡" + above("人"),
)
declare(
    UNIT,
    name="bond_share",
    label="群组结伴结算占本机构门诊结算金额",
    unit="%",
    scheme="T15",
    innocent=_MARKET,
    measure=CountyGraph("bond_share"),
    reason="群组结伴结算占本机构门诊结算金额的{value}" + above(),
)
declare(
    UNIT,
    name="bond_residual",
    label="按刷卡人数推算，门诊结算金额高出同类机构的程度",
    unit="",
    scheme="T08",
    innocent="经营高价药、双通道药店、慢特病定点",
    measure=CountyGraph("bond_residual"),
    empty=None,
    reason="按刷卡人数推算，门诊结算金额高出同类机构，为同类离散程度的{value}倍" + above("倍"),
)
declare(
    UNIT,
    name="bond_near",
    label="经共同就诊者与已查实人员的接近程度（不计本机构自身案件）",
    unit="倍",
    scheme="T15",
    innocent="规模大、就诊者多的机构自然与各类人有交集",
    measure=CountyGraph("bond_near"),
    reason="经共同就诊者与已查实人员接近，为应有的{value}倍（不计本机构自身案件）" + above("倍"),
)
declare(
    UNIT,
    name="bond_one_doctor",
    label="购药者来自同一医师的占比",
    unit="%",
    scheme="T14",
    also=("T15",),
    innocent="院内或院门口药店、当地只有一名医师",
    measure=CountyGraph("bond_one_doctor"),
    reason="{value}的购药者来自同一医师" + above(),
)

declare(
    DOCTOR,
    name="bond_patients",
    label="结伴刷卡时由其开方的群组成员数",
    unit="人",
    scheme="T15",
    innocent=_ONLY_DOCTOR,
    measure=CountyGraph("bond_patients"),
    reason="有{value}名群组成员结伴刷卡时由其开方" + above("人"),
)
declare(
    DOCTOR,
    name="bond_share_doctor",
    label="群组结伴结算占其门诊结算金额",
    unit="%",
    scheme="T15",
    innocent=_ONLY_DOCTOR,
    measure=CountyGraph("bond_share"),
    reason="群组结伴结算占其门诊结算金额的{value}" + above(),
)
declare(
    DOCTOR,
    name="bond_one_shop",
    label="其患者一日内流向同一药店的占比",
    unit="%",
    scheme="T14",
    also=("T15",),
    innocent=_ONLY_SHOP,
    measure=CountyGraph("bond_one_shop"),
    reason="{value}的患者一日内流向同一药店" + above(),
)
declare(
    DOCTOR,
    name="bond_shop_lift",
    label="其患者流向该药店的倍数（对全县平均）",
    unit="倍",
    scheme="T14",
    also=("T15",),
    innocent=_ONLY_SHOP,
    measure=CountyGraph("bond_shop_lift"),
    reason="患者流向该药店为全县平均的{value}倍" + above("倍"),
)
