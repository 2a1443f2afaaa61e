"""Lockstep that has an honest reason. Each kind is known by its own trace, never by the graph: graph scores cannot
tell them apart (research note, lesson 4).

A rule looks at the traits of one group and answers with a sentence that holds the numbers it saw, or None. The first
answer wins; the order goes from the hardest trace (a procedure code) to the softest (one village, one place). Codes
N.. are those of the house list of innocents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from features.networks.rings.traits import Floats, Traits, measure_traits

Explanation = tuple[str, str]

#: an address shared by at most this many insured is a household, a dormitory or a home; above it is a village or a
#: street
SMALL_ADDRESS = 200


def dialysis(t: Traits) -> Explanation | None:
    if t.dialysis >= 0.6 and t.day_gap <= 4:
        return (
            "N01",
            f"{t.dialysis:.0%}的成员有透析诊断或透析项目，相邻同行日中位间隔{t.day_gap:.0f}天，符合固定透析班次",
        )
    return None


def chemotherapy(t: Traits) -> Explanation | None:
    if t.chemo >= 0.6:
        return "N02", f"{t.chemo:.0%}的成员同行就诊的诊断为放化疗周期治疗"
    return None


def family(t: Traits) -> Explanation | None:
    if t.related >= 0.75 and t.members <= 4 * max(t.homes, 1) + 4:
        return (
            "N05",
            f"{t.related:.0%}的成员与组内他人同户、共用电话或共济账户（{t.homes}个家庭，{t.mutual_aid:.0%}的同行结算用共济支付）",
        )
    return None


def nursing_home(t: Traits) -> Explanation | None:
    if t.address >= 0.8 and t.address_size <= SMALL_ADDRESS and t.address_age >= 65 and t.age >= 60:
        return (
            "N04",
            f"{t.address:.0%}的成员住同一地址（该址{int(t.address_size)}名参保人，年龄中位{t.address_age:.0f}岁），符合养老机构集中就诊",
        )
    return None


def batch_upload(t: Traits) -> Explanation | None:
    if t.collapsed >= 0.6:
        return "N07", f"{t.collapsed:.0%}的同行结算落在整日集中上传的机构日，时间不能说明同行"
    return None


def outbreak(t: Traits) -> Explanation | None:
    young = t.age <= 18
    if t.span <= 21 and t.dx3_share >= 0.6 and (young or t.address >= 0.8):
        who = f"年龄中位{t.age:.0f}岁" if young else f"{t.address:.0%}住同一地址"
        return "N14", f"全部同行发生在{t.span}天内，{t.dx3_share:.0%}为同一诊断{t.dx3}，{who}，符合短期聚集性疾病"
    return None


def pension_day(t: Traits) -> Explanation | None:
    calendar = t.months >= 3 and t.monthly >= 0.75 and t.days <= 1.7 * t.months
    if calendar and t.pharmacy >= 0.8 and t.old >= 0.7 and t.minutes_apart >= 2:
        return (
            "N06",
            f"{t.monthly:.0%}的同行日在每月同一日前后，{t.old:.0%}的成员50岁以上，都在药店，前后相隔中位{t.minutes_apart:.0f}分钟，符合养老金或个账到账日",
        )
    return None


def screening(t: Traits) -> Explanation | None:
    if t.days <= 3 and (t.exam >= 0.6 or t.busy >= 4):
        why = f"{t.exam:.0%}为体检筛查诊断" if t.exam >= 0.6 else f"当天就诊人数是该机构平日的{t.busy:.1f}倍"
        return "N15", f"同行只有{t.days}天，{why}，符合义诊或集中筛查"
    return None


def village_day(t: Traits) -> Explanation | None:
    if t.address >= 0.8 and t.place >= 0.7 and t.local >= 0.7 and t.yuan <= 300 and t.regular >= 0.6:
        return (
            "N07",
            f"{t.address:.0%}的成员同村，{t.place:.0%}的同行结算在同一{t.place_kind}，{t.regular:.0%}的同行日循固定日历，单次中位{t.yuan:.0f}元，符合村级集中发药或巡诊日",
        )
    return None


def shared_ride(t: Traits) -> Explanation | None:
    """One village going to town together (bus, market day): one address, a fixed calendar, everyone for his own
    illness."""
    own_illness = t.dx3_share < 0.5 and t.doctor < 0.5 and t.alike < 0.5 and not t.ward
    if t.address >= 0.8 and own_illness and t.regular >= 0.6 and t.yuan <= 400:
        return (
            "N15",
            f"{t.address:.0%}的成员同村，{t.regular:.0%}的同行日为固定赶集日或班车日，去{t.places}处机构，诊断、医师、药品各不相同，符合结伴进城看病",
        )
    return None


RULES: tuple[Callable[[Traits], Explanation | None], ...] = (
    nursing_home,
    family,
    dialysis,
    chemotherapy,
    batch_upload,
    outbreak,
    pension_day,
    screening,
    village_day,
    shared_ride,
)


def explain(traits: Traits) -> Explanation | None:
    """(innocent code, Chinese sentence) of the first rule whose trace is present, or None: the group stays
    unexplained."""
    return next((found for rule in RULES if (found := rule(traits)) is not None), None)


def explain_all(people: pd.DataFrame, sessions: pd.DataFrame, alike: Floats) -> list[Explanation | None]:
    """The explanation of each group 0…n−1; arguments as `measure_traits`.

    Two honest groups at one place and hour can look like one. Where the whole has no explanation, the members of each
    address are asked for on their own; if those explained make up at least 80 % of the members, the answers stand
    together under the code of the largest part.
    """
    traits = measure_traits(people, sessions, alike)
    found = [explain(t) for t in traits]
    part = _addresses(people, np.array([f is None for f in found]))
    if part.empty:
        return found
    who, met = (
        f.drop(columns="group").merge(part[["psn_no", "part"]], on="psn_no").rename(columns={"part": "group"})
        for f in (people, sessions)
    )
    of = part.drop_duplicates("part").set_index("part")["group"].sort_index().to_numpy()
    parts = measure_traits(who, met, alike[of])
    for group in np.unique(of):
        answers = [(explain(parts[p]), parts[p].members) for p in np.flatnonzero(of == group)]
        good = [(a, members) for a, members in answers if a is not None]
        if sum(members for _, members in good) >= 0.8 * traits[group].members:
            found[group] = good[0][0][0], "两处人群同时同地：" + "；".join(a[1] for a, _ in good)
    return found


def _addresses(people: pd.DataFrame, wanted: Sequence[bool] | np.ndarray) -> pd.DataFrame:
    """psn_no, group, part (0…: group and address, the largest of a group first) of the members of addresses with three
    and more, in the wanted groups that have two such addresses holding 80 % of the members."""
    mine = people.loc[
        np.asarray(wanted)[people["group"]] & people["curr_addr_code"].notna().to_numpy(),
        ["psn_no", "group", "curr_addr_code"],
    ]
    size = mine.groupby(["group", "curr_addr_code"], sort=False).size()
    size = (
        size[size >= 3]
        .sort_values(ascending=False, kind="stable")
        .sort_index(level="group", sort_remaining=False, kind="stable")
    )
    members = people.groupby("group").size()
    large = size.groupby(level="group").agg(["size", "sum"])
    split = large.index[(large["size"] >= 2) & (large["sum"] >= 0.8 * members.reindex(large.index))]
    size = size[size.index.get_level_values("group").isin(split)]
    part = pd.Series(range(len(size)), index=size.index, name="part", dtype="int64")
    return mine.join(part, on=["group", "curr_addr_code"], how="inner")
