"""Lockstep that has an honest reason. Each kind is known by its own trace, never by the graph: graph scores cannot tell them apart (research note, lesson 4).

A rule looks at one group and answers with a sentence that holds the numbers it saw, or None. The first answer wins; the order goes from the hardest
trace (a procedure code) to the softest (one village, one place). Codes N.. are those of the house list of innocents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Explanation = tuple[str, str]

#: an address shared by at most this many insured is a household, a dormitory or a home; above it is a village or a street
SMALL_ADDRESS = 200
HOUSEHOLD = 12
VILLAGE_PLACES = ("村卫生室", "卫生室", "卫生所", "卫生院", "诊所", "卫生服务站", "门诊部")
DIALYSIS_DX = ("Z49", "N18", "Z99.2")
DIALYSIS_DISEASE = ("M07800", "M0780")
CHEMO_DX = ("Z51.0", "Z51.1", "Z51.2", "Z51.8", "Z51.9")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What is known of one group.

    `people`: one row a member (psn_no, age, curr_addr_code, address_size, address_age, household); `sessions`: the members' events inside meetings
    (psn_no, fixmedins_code, happened_at, day, session, collapsed, dx, dise_codg, med_type, fen, mulaid_fen, dr_codg, day_cards, usual_cards, ward);
    `events`: all events of the members; `places`: fixmedins_code → (medins_type, fixmedins_type); `items`: per member the names billed in meetings.
    """

    people: pd.DataFrame
    sessions: pd.DataFrame
    events: pd.DataFrame
    places: pd.DataFrame
    items: pd.DataFrame | None

    @property
    def days(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(np.sort(self.sessions["day"].unique()))


def _starts(values: pd.Series, prefixes: tuple[str, ...]) -> pd.Series:
    return values.fillna("").astype(str).str.startswith(prefixes)


def _top_share(values: pd.Series) -> tuple[object, float]:
    """Most frequent known value and its share of all rows."""
    counts = values.dropna().value_counts()
    counts = counts[counts.index.astype(str) != ""]
    return (counts.index[0], float(counts.iloc[0]) / len(values)) if len(counts) and len(values) else (None, 0.0)


def _monthly(days: pd.DatetimeIndex) -> float:
    """Share of meeting days that lie within one day of the usual day of the month (circular over 30 days)."""
    if len(days) == 0:
        return 0.0
    dom = np.asarray(days.day)
    return float(max(np.mean(np.minimum((dom - d) % 30, (d - dom) % 30) <= 1) for d in range(1, 31)))


def _place_kind(trace: Trace, column: str) -> pd.Series:
    return trace.sessions["fixmedins_code"].map(trace.places[column]).fillna("").astype(str)


def dialysis(trace: Trace) -> Explanation | None:
    sick = _starts(trace.events["dx"], DIALYSIS_DX) | _starts(trace.events["dise_codg"], DIALYSIS_DISEASE)
    known = set(trace.events.loc[sick, "psn_no"])
    if trace.items is not None and len(trace.items):
        named = trace.items["name"].fillna("").astype(str).str.contains("透析|血滤", regex=True)
        known |= set(trace.items.loc[named, "psn_no"])
    share = trace.people["psn_no"].isin(list(known)).mean()
    days = trace.days
    gap = float(np.median(np.diff(days).astype("timedelta64[D]").astype(int))) if len(days) > 2 else np.inf
    if share >= 0.6 and gap <= 4:
        return "N01", f"{share:.0%}的成员有透析诊断或透析项目，相邻同行日中位间隔{gap:.0f}天，符合固定透析班次"
    return None


def chemotherapy(trace: Trace) -> Explanation | None:
    share = trace.people["psn_no"].isin(trace.sessions.loc[_starts(trace.sessions["dx"], CHEMO_DX), "psn_no"]).mean()
    if share >= 0.6:
        return "N02", f"{share:.0%}的成员同行就诊的诊断为放化疗周期治疗"
    return None


def family(trace: Trace) -> Explanation | None:
    house = trace.people["household"]
    sizes = house[house.ge(0)].value_counts()
    related = house.isin(sizes.index[sizes >= 2]).mean()
    shared = float((trace.sessions["mulaid_fen"] > 0).mean())
    if related >= 0.75 and len(trace.people) <= 4 * max(len(sizes[sizes >= 2]), 1) + 4:
        homes = int((sizes >= 2).sum())
        return (
            "N05",
            f"{related:.0%}的成员与组内他人同户、共用电话或共济账户（{homes}个家庭，{shared:.0%}的同行结算用共济支付）",
        )
    return None


def nursing_home(trace: Trace) -> Explanation | None:
    address, share = _top_share(trace.people["curr_addr_code"])
    if address is None or share < 0.8:
        return None
    at = trace.people[trace.people["curr_addr_code"] == address].iloc[0]
    if at["address_size"] <= SMALL_ADDRESS and at["address_age"] >= 65 and trace.people["age"].median() >= 60:
        return (
            "N04",
            f"{share:.0%}的成员住同一地址（该址{int(at['address_size'])}名参保人，年龄中位{at['address_age']:.0f}岁），符合养老机构集中就诊",
        )
    return None


def batch_upload(trace: Trace) -> Explanation | None:
    share = float(trace.sessions["collapsed"].mean())
    if share >= 0.6:
        return "N07", f"{share:.0%}的同行结算落在整日集中上传的机构日，时间不能说明同行"
    return None


def outbreak(trace: Trace) -> Explanation | None:
    days = trace.days
    span = (days[-1] - days[0]).days + 1
    dx3, share = _top_share(trace.sessions["dx"].fillna("").astype(str).str[:3])
    young = trace.people["age"].median() <= 18
    _, together = _top_share(trace.people["curr_addr_code"])
    if span <= 21 and share >= 0.6 and dx3 and (young or together >= 0.8):
        who = f"年龄中位{trace.people['age'].median():.0f}岁" if young else f"{together:.0%}住同一地址"
        return "N14", f"全部同行发生在{span}天内，{share:.0%}为同一诊断{dx3}，{who}，符合短期聚集性疾病"
    return None


def pension_day(trace: Trace) -> Explanation | None:
    days = trace.days
    months = len(set(zip(days.year, days.month, strict=True)))
    monthly = _monthly(days)
    pharmacy = float((_place_kind(trace, "fixmedins_type") == "2").mean())
    old = float((trace.people["age"] >= 50).mean())
    width = _median_gap(trace.sessions)
    if months >= 3 and monthly >= 0.75 and len(days) <= 1.7 * months and pharmacy >= 0.8 and old >= 0.7 and width >= 2:
        return (
            "N06",
            f"{monthly:.0%}的同行日在每月同一日前后，{old:.0%}的成员50岁以上，都在药店，前后相隔中位{width:.0f}分钟，符合养老金或个账到账日",
        )
    return None


def _median_gap(sessions: pd.DataFrame) -> float:
    """Median minutes between one member and the next within a meeting."""
    ordered = sessions.sort_values(["session", "happened_at"], kind="stable").drop_duplicates(["session", "psn_no"])
    gaps = ordered.groupby("session")["happened_at"].diff().dt.total_seconds().dropna() / 60
    return float(gaps.median()) if len(gaps) else 0.0


def screening(trace: Trace) -> Explanation | None:
    days = trace.days
    exam = float(_starts(trace.sessions["dx"], ("Z00", "Z01", "Z02", "Z10", "Z11", "Z12", "Z13")).mean())
    busy = float((trace.sessions["day_cards"] / trace.sessions["usual_cards"].clip(lower=1)).median())
    if len(days) <= 3 and (exam >= 0.6 or busy >= 4):
        why = f"{exam:.0%}为体检筛查诊断" if exam >= 0.6 else f"当天就诊人数是该机构平日的{busy:.1f}倍"
        return "N15", f"同行只有{len(days)}天，{why}，符合义诊或集中筛查"
    return None


def village_day(trace: Trace) -> Explanation | None:
    address, share = _top_share(trace.people["curr_addr_code"])
    place, at_place = _top_share(trace.sessions["fixmedins_code"])
    kind = str(trace.places["medins_type"].get(place, ""))
    local = float(_place_kind(trace, "medins_type").isin(VILLAGE_PLACES).mean())
    busy = float((trace.sessions["day_cards"] / trace.sessions["usual_cards"].clip(lower=1)).median())
    cheap = float((trace.sessions["fen"] / 100).median())
    if (
        address is not None
        and share >= 0.8
        and at_place >= 0.7
        and local >= 0.7
        and cheap <= 300
        and (busy >= 1.5 or kind in VILLAGE_PLACES[:3])
    ):
        return (
            "N07",
            f"{share:.0%}的成员同村，{at_place:.0%}的同行结算在同一{kind or '基层机构'}，单次中位{cheap:.0f}元，符合村级集中发药或巡诊日",
        )
    return None


def shared_ride(trace: Trace) -> Explanation | None:
    """One village going to town together (bus, market day): one address, few days a month, everyone for his own illness."""
    if bool(trace.sessions["ward"].any()):
        return None
    address, share = _top_share(trace.people["curr_addr_code"])
    dx3, same = _top_share(trace.sessions["dx"].fillna("").astype(str).str[:3])
    if address is None or share < 0.8 or same >= 0.5:
        return None
    places = trace.sessions["fixmedins_code"].nunique()
    doctor, one_doctor = _top_share(trace.sessions["dr_codg"])
    weekday = pd.Series(trace.days.day_of_week).value_counts(normalize=True)
    regular = max(float(weekday.iloc[0]), _monthly(trace.days))
    cheap = float((trace.sessions["fen"] / 100).median())
    if regular >= 0.6 and one_doctor < 0.5 and cheap <= 400 and _alike(trace) < 0.5:
        return (
            "N15",
            f"{share:.0%}的成员同村，{regular:.0%}的同行日为固定赶集日或班车日，去{places}处机构，诊断、医师各不相同，符合结伴进城看病",
        )
    return None


def _alike(trace: Trace) -> float:
    """Share of members who were billed the group's most common item in meetings; 0 where lines are not known."""
    if trace.items is None or not len(trace.items):
        return 0.0
    per_item = trace.items[~trace.items["service"]].groupby("name")["psn_no"].nunique()
    return float(per_item.max()) / len(trace.people) if len(per_item) else 0.0


RULES: tuple[Callable[[Trace], Explanation | None], ...] = (
    dialysis, chemotherapy, family, nursing_home, batch_upload, outbreak, pension_day, screening, village_day, shared_ride,
)  # fmt: skip


def explain(trace: Trace) -> Explanation | None:
    """(innocent code, Chinese sentence) of the first rule whose trace is present, or None: the group stays unexplained."""
    for rule in RULES:
        found = rule(trace)
        if found is not None:
            return found
    return None
