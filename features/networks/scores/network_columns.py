"""What the graph scorers say of a person, an institution, a doctor: the columns of features/networks/scores/network_scores.py, their names, sides and honest readings."""

from dataclasses import dataclass

import numpy as np

from features.grains import Grain


@dataclass(frozen=True, kw_only=True)
class BondColumn:
    """Label (as the reason names it), unit, scheme, which side is worse, what an honest case looks like, and the value where nothing is known."""

    label: str
    unit: str
    scheme: str
    innocent: str
    worse: str = "high"
    empty: float = 0.0
    also: tuple[str, ...] = ()

    @property
    def schemes(self) -> tuple[str, ...]:
        """Every scheme it is a trace of, its own first."""
        return (self.scheme, *self.also)


_TOGETHER = "家庭、同村、透析班次等正常结伴就医（已识别的不计入）"
_NEAR = "与被查实者同住、同路，本人未参与"
BOND_COLUMNS: dict[Grain, dict[str, BondColumn]] = {
    "person": {
        "bond_partners": BondColumn(label="多次与本人同时同地结算、超出巧合的人数", unit="人", scheme="T09", innocent=_TOGETHER),
        "bond_surprise": BondColumn(label="与最紧密同伴同行纯属巧合的可能性（负对数）", unit="", scheme="T09", innocent=_TOGETHER),
        "bond_core": BondColumn(label="所在结伴圈的核数（圈内人人至少与这么多人结伴）", unit="", scheme="T09", innocent=_TOGETHER),
        "bond_tightness": BondColumn(label="同伴之间也互相结伴的程度", unit="", scheme="T09", innocent=_TOGETHER),
        "bond_block": BondColumn(label="处于全县结伴最密集人群中", unit="", scheme="T15", also=("T09",), innocent=_TOGETHER),
        "bond_ring_members": BondColumn(label="所在结伙刷卡团伙人数", unit="人", scheme="T15", also=("T09",), innocent=_TOGETHER),
        "bond_ring_days": BondColumn(label="随团伙结伴刷卡天数", unit="天", scheme="T15", also=("T09",), innocent=_TOGETHER),
        "bond_ring_yuan": BondColumn(label="随团伙结伴时的结算金额", unit="元", scheme="T15", also=("T09",), innocent=_TOGETHER),
        "bond_cases": BondColumn(label="经结伴关系与已查实人员的接近程度", unit="倍", scheme="T15", also=("T09",), innocent=_NEAR),
    },
    "institution": {
        "bond_visitors": BondColumn(label="在本机构结伴刷卡的团伙成员数", unit="人", scheme="T15", innocent="机构位于集市、车站旁，结伴者自带而来"),
        "bond_share": BondColumn(label="团伙结伴结算占本机构门诊结算金额", unit="%", scheme="T15", innocent="机构位于集市、车站旁，结伴者自带而来"),
        "bond_residual": BondColumn(label="按刷卡人数推算，门诊结算金额高出同类机构的程度", unit="", scheme="T08", innocent="经营高价药、双通道药店、慢特病定点", empty=np.nan),
        "bond_near": BondColumn(label="经共同就诊者与已查实人员的接近程度（不计本机构自身案件）", unit="倍", scheme="T15", innocent="规模大、就诊者多的机构自然与各类人有交集"),
        "bond_one_doctor": BondColumn(label="购药者来自同一医师的占比", unit="%", scheme="T14", also=("T15",), innocent="院内或院门口药店、当地只有一名医师"),
    },
    "doctor": {
        "bond_patients": BondColumn(label="结伴刷卡时由其开方的团伙成员数", unit="人", scheme="T15", innocent="当地唯一医师，结伴者只能找他"),
        "bond_share": BondColumn(label="团伙结伴结算占其门诊结算金额", unit="%", scheme="T15", innocent="当地唯一医师，结伴者只能找他"),
        "bond_one_shop": BondColumn(label="其患者一日内流向同一药店的占比", unit="%", scheme="T14", also=("T15",), innocent="当地只有一家药店"),
        "bond_shop_lift": BondColumn(label="其患者流向该药店的倍数（对全县平均）", unit="倍", scheme="T14", also=("T15",), innocent="当地只有一家药店"),
    },
}  # fmt: skip
