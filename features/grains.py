"""Whom a number can be about (codes.md §14) and the columns that name the entity."""

from dataclasses import dataclass
from typing import Literal, get_args

Grain = Literal["admission", "person", "institution", "doctor", "ring"]
Layout = Literal["person", "institution", "judged", "county"]
Reversed = Literal["net", "kept", "pairs"]
Worse = Literal["high", "low", "either"]

GRAINS: tuple[Grain, ...] = get_args(Grain)

#: The key column of an entity, and its official name on pages.
KEY: dict[Grain, str] = {
    "admission": "mdtrt_id",
    "person": "psn_no",
    "institution": "fixmedins_code",
    "doctor": "dr_codg",
    "ring": "ring_id",
}
LABEL: dict[Grain, str] = {
    "admission": "住院",
    "person": "参保人",
    "institution": "定点机构",
    "doctor": "医保医师",
    "ring": "团伙",
}
#: Entities active in the last so many days are ranked, unless the command says otherwise.
WINDOW_DAYS: dict[Grain, int] = {"admission": 90, "person": 90, "institution": 180, "doctor": 180, "ring": 180}


@dataclass(frozen=True)
class Parent:
    """Somebody an entity belongs to: the entity column `key` names him, his columns stand in its matrix as `prefix__…`."""

    grain: Grain
    key: str
    prefix: str


#: Whose columns an entity sees beside its own.
PARENTS: dict[Grain, tuple[Parent, ...]] = {
    "admission": (
        Parent("institution", "fixmedins_code", "inst"),
        Parent("person", "psn_no", "person"),
        Parent("doctor", "dr_codg", "doctor"),
    ),
    "person": (),
    "institution": (),
    "doctor": (Parent("institution", "fixmedins_code", "inst"),),
    "ring": (),
}

SCHEMES: dict[str, str] = {
    "T01": "挂床住院",
    "T02": "虚假住院",
    "T03": "冒名就医",
    "T04": "分解住院",
    "T05": "低标准入院",
    "T06": "长期占床",
    "T07": "超床位/超次均费用",
    "T08": "个人账户套现",
    "T09": "空刷套刷",
    "T10": "代非定点结算",
    "T11": "销售非医保物品",
    "T12": "同药不同价",
    "T13": "超量重复开药",
    "T14": "药品倒卖",
    "T15": "倒卖团伙",
    "T16": "串换药品项目",
    "T17": "虚构服务",
    "T18": "第三方责任外伤",
    "T19": "重复分解收费",
    "T20": "超标准收费",
    "T21": "过度检查诊疗",
    "T22": "超限定范围用药",
    "T23": "高值耗材违规",
    "T24": "门诊慢特病滥用",
    "T25": "离休人员超常使用",
    "T26": "虚假享受优惠身份",
    "T27": "重复参保重复享受",
    "T28": "高套分组",
    "T29": "诱导住院",
    "T30": "频繁就医购药",
    "T31": "冲顶消费",
    "T32": "冲正退费异常",
}
