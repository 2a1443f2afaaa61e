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
EXAM_DX = ("Z00", "Z01", "Z02", "Z10", "Z11", "Z12", "Z13")
CHEMO_DX = ("Z51.0", "Z51.1", "Z51.2", "Z51.8", "Z51.9")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What is known of one group.

    `people`: one row a member (psn_no, age, curr_addr_code, address_size, address_age, household, dialysis); `sessions`: the members' events inside meetings
    as `mark_traces` gives them; `alike`: share of members who were billed the group's most common drug or good (0 where lines are not known).
    """

    people: pd.DataFrame
    sessions: pd.DataFrame
    alike: float = 0.0

    @property
    def days(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(np.sort(self.sessions["day"].unique()))

    @property
    def busy(self) -> float:
        """How many times its usual day a place saw on the meeting days (median)."""
        return float((self.sessions["day_cards"] / self.sessions["usual_cards"].clip(lower=1)).median())

    @property
    def yuan(self) -> float:
        """Median settlement."""
        return float(self.sessions["fen"].median()) / 100


def mark_traces(sessions: pd.DataFrame, events: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """(sessions with dx3, chemo, exam, medins_type, fixmedins_type; cards with a dialysis diagnosis in any of `events`). One pass over all groups."""
    dx = sessions["dx"].astype("str").fillna("")
    marked = sessions.assign(
        dx3=dx.str[:3], chemo=dx.str.startswith(CHEMO_DX), exam=dx.str.startswith(EXAM_DX),
        medins_type=sessions["fixmedins_code"].map(places["medins_type"]).fillna(""),
        fixmedins_type=sessions["fixmedins_code"].map(places["fixmedins_type"]).fillna(""),
    )  # fmt: skip
    sick = events["dx"].astype("str").fillna("").str.startswith(DIALYSIS_DX)
    sick |= events["dise_codg"].astype("str").fillna("").str.startswith(DIALYSIS_DISEASE)
    return marked, set(events.loc[sick, "psn_no"])


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


def _regular(days: pd.DatetimeIndex) -> float:
    """How far the meeting days follow a calendar: share on the usual day of the month, on one weekday, or at one interval (± 1 day, a week at least)."""
    if len(days) < 4:
        return 0.0
    weekday = float(np.bincount(np.asarray(days.day_of_week)).max()) / len(days)
    gaps = np.diff(days.to_numpy()).astype("timedelta64[D]").astype(int)
    usual = float(np.median(gaps))
    interval = float(np.mean(np.abs(gaps - usual) <= 1)) if usual >= 6 else 0.0
    return max(_monthly(days), weekday, interval)


def dialysis(trace: Trace) -> Explanation | None:
    share = trace.people["dialysis"].mean()
    days = trace.days
    gap = float(np.median(np.diff(days).astype("timedelta64[D]").astype(int))) if len(days) > 2 else np.inf
    if share >= 0.6 and gap <= 4:
        return "N01", f"{share:.0%}的成员有透析诊断或透析项目，相邻同行日中位间隔{gap:.0f}天，符合固定透析班次"
    return None


def chemotherapy(trace: Trace) -> Explanation | None:
    share = trace.people["psn_no"].isin(trace.sessions.loc[trace.sessions["chemo"], "psn_no"]).mean()
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
    dx3, share = _top_share(trace.sessions["dx3"])
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
    pharmacy = float((trace.sessions["fixmedins_type"] == "2").mean())
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
    exam = float(trace.sessions["exam"].mean())
    busy = trace.busy
    if len(days) <= 3 and (exam >= 0.6 or busy >= 4):
        why = f"{exam:.0%}为体检筛查诊断" if exam >= 0.6 else f"当天就诊人数是该机构平日的{busy:.1f}倍"
        return "N15", f"同行只有{len(days)}天，{why}，符合义诊或集中筛查"
    return None


def village_day(trace: Trace) -> Explanation | None:
    address, share = _top_share(trace.people["curr_addr_code"])
    if address is None or share < 0.8:
        return None
    place, at_place = _top_share(trace.sessions["fixmedins_code"])
    local = trace.sessions["medins_type"].isin(VILLAGE_PLACES)
    regular = _regular(trace.days)
    if at_place >= 0.7 and local.mean() >= 0.7 and trace.yuan <= 300 and regular >= 0.6:
        kind = trace.sessions.loc[trace.sessions["fixmedins_code"] == place, "medins_type"].iloc[0]
        return (
            "N07",
            f"{share:.0%}的成员同村，{at_place:.0%}的同行结算在同一{kind}，{regular:.0%}的同行日循固定日历，单次中位{trace.yuan:.0f}元，符合村级集中发药或巡诊日",
        )
    return None


def shared_ride(trace: Trace) -> Explanation | None:
    """One village going to town together (bus, market day): one address, a fixed calendar, everyone for his own illness."""
    address, share = _top_share(trace.people["curr_addr_code"])
    _, same = _top_share(trace.sessions["dx3"])
    _, one_doctor = _top_share(trace.sessions["dr_codg"])
    if address is None or share < 0.8 or same >= 0.5 or one_doctor >= 0.5 or bool(trace.sessions["ward"].any()):
        return None
    regular = _regular(trace.days)
    if regular >= 0.6 and trace.yuan <= 400 and trace.alike < 0.5:
        places = trace.sessions["fixmedins_code"].nunique()
        return (
            "N15",
            f"{share:.0%}的成员同村，{regular:.0%}的同行日为固定赶集日或班车日，去{places}处机构，诊断、医师、药品各不相同，符合结伴进城看病",
        )
    return None


RULES: tuple[Callable[[Trace], Explanation | None], ...] = (
    nursing_home, family, dialysis, chemotherapy, batch_upload, outbreak, pension_day, screening, village_day, shared_ride,
)  # fmt: skip


def explain(trace: Trace) -> Explanation | None:
    """(innocent code, Chinese sentence) of the first rule whose trace is present, or None: the group stays unexplained.

    Two honest groups at one place and hour can look like one. Where the whole has no explanation, the members of each address are asked for on their own; if
    those explained make up at least 80 % of the members, the answers stand together under the code of the largest part.
    """
    for rule in RULES:
        found = rule(trace)
        if found is not None:
            return found
    counts = trace.people["curr_addr_code"].value_counts()
    large = [address for address, number in counts.items() if number >= 3]
    if len(large) < 2 or counts.loc[large].sum() < 0.8 * len(trace.people):  # type: ignore[index]
        return None
    answers, covered = [], 0
    for address in large:
        people = trace.people[trace.people["curr_addr_code"] == address]
        sessions = trace.sessions[trace.sessions["psn_no"].isin(people["psn_no"])]
        part = Trace(people=people, sessions=sessions, alike=trace.alike)
        answer = next((found for rule in RULES if (found := rule(part)) is not None), None)
        if answer is not None:
            answers.append(answer)
            covered += len(people)
    if covered < 0.8 * len(trace.people):
        return None
    return answers[0][0], "两处人群同时同地：" + "；".join(sentence for _, sentence in answers)
