"""What the explanations of lockstep look at, measured for all groups at once: one pass over arrays instead of one data
frame a group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

VILLAGE_PLACES = ("村卫生室", "卫生室", "卫生所", "卫生院", "诊所", "卫生服务站", "门诊部")
DIALYSIS_DX = ("Z49", "N18", "Z99.2")
DIALYSIS_DISEASE = ("M07800", "M0780")
EXAM_DX = ("Z00", "Z01", "Z02", "Z10", "Z11", "Z12", "Z13")
CHEMO_DX = ("Z51.0", "Z51.1", "Z51.2", "Z51.8", "Z51.9")

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One group in numbers. Shares lie in 0…1; "top" is the commonest value and its share of all rows; days are
    meeting days."""

    members: int
    dialysis: float  #: members with a dialysis diagnosis or item
    chemo: float  #: members met under a chemo- or radiotherapy diagnosis
    related: float  #: members of a household with another member
    homes: int  #: such households
    mutual_aid: float  #: settlements paid from a shared account
    address: float  #: members at the commonest address
    address_size: float  #: all insured there
    address_age: float  #: their median age
    age: float  #: median
    old: float  #: members of 50 and more
    days: int
    span: int  #: days from the first to the last meeting, both counted
    months: int
    day_gap: float  #: median days from one meeting day to the next; inf below three days
    monthly: float  #: meeting days within one day of the usual day of the month
    regular: float  #: meeting days that follow a calendar: day of the month, weekday or interval
    minutes_apart: float  #: median minutes from one member to the next within a meeting
    collapsed: float  #: settlements on days the unit uploaded in one go
    exam: float  #: settlements under an examination diagnosis
    busy: float  #: how many times its usual day the place saw (median)
    yuan: float  #: median settlement
    dx3: str
    dx3_share: float
    doctor: float  #: settlements by the commonest doctor
    place: float  #: settlements at the commonest place
    place_kind: str
    places: int
    pharmacy: float  #: settlements at pharmacies
    local: float  #: settlements at village rooms, township centres, clinics
    ward: bool
    alike: float  #: members billed the group's commonest drug or good


def mark_sessions(sessions: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Sessions with what their diagnosis and place say: dx3, chemo, exam, medins_type, fixmedins_type."""
    dx = sessions["dx"].astype("str").fillna("")
    return sessions.assign(
        dx3=dx.str[:3],
        chemo=dx.str.startswith(CHEMO_DX),
        exam=dx.str.startswith(EXAM_DX),
        medins_type=sessions["fixmedins_code"].map(places["medins_type"]).fillna(""),
        fixmedins_type=sessions["fixmedins_code"].map(places["fixmedins_type"]).fillna(""),
    )


def dialysis_patients(events: pd.DataFrame) -> set[str]:
    """Cards with a dialysis diagnosis in any of `events`."""
    sick = events["dx"].astype("str").fillna("").str.startswith(DIALYSIS_DX)
    sick |= events["dise_codg"].astype("str").fillna("").str.startswith(DIALYSIS_DISEASE)
    return set(events.loc[sick, "psn_no"])


def top_values(group: Codes, values: pd.Series, n: int) -> tuple[list[object], Floats]:
    """(commonest known value, its share of all rows) of each group 0…n−1; the earlier one on a tie; blank and missing
    are not known."""
    code, names = pd.factorize(values)
    blank = np.append(np.asarray(names.astype("str") == "", dtype=bool), True)  # the last for −1, missing
    known = ~blank[code]
    table = pd.DataFrame({"group": group[known], "code": code[known]}).groupby(["group", "code"], sort=False).size()
    first = table.sort_values(ascending=False, kind="stable").reset_index(name="rows").drop_duplicates("group")
    top: list[object] = [None] * n
    share, rows = np.zeros(n), np.bincount(group, minlength=n)
    for g, c, count in first.itertuples(index=False, name=None):
        top[g], share[g] = names[c], count / rows[g]
    return top, share


def _share(group: Codes, flag: pd.Series | npt.NDArray[np.bool_], n: int) -> Floats:
    """Mean of a flag in each group; 0 for a group without rows."""
    rows = np.bincount(group, minlength=n)
    return np.asarray(np.bincount(group, weights=np.asarray(flag, dtype=np.float64), minlength=n) / np.maximum(rows, 1))


def _median(group: Codes, values: pd.Series | Floats, n: int, empty: float = 0.0) -> Floats:
    found = pd.Series(np.asarray(values, dtype=np.float64)).groupby(group).median()
    return np.asarray(found.reindex(range(n)).fillna(empty).to_numpy(dtype=np.float64))


def _calendar(group: Codes, day: pd.Series, n: int) -> dict[str, npt.NDArray[np.generic]]:
    """days, span, months, day_gap, monthly and regular of each group's distinct meeting days."""
    number = day.to_numpy().astype("datetime64[D]").astype(np.int64)
    table = pd.DataFrame({"group": group, "day": number}).drop_duplicates().sort_values(["group", "day"])
    g, d = table["group"].to_numpy(), table["day"].to_numpy()
    days = np.bincount(g, minlength=n)
    first, last = (table.groupby("group")["day"].agg(how).reindex(range(n)).to_numpy() for how in ("min", "max"))
    date = pd.DatetimeIndex(d.astype("datetime64[D]"))
    months = table.assign(month=date.year * 12 + date.month).groupby("group")["month"].nunique().reindex(range(n))
    ends = (np.asarray(date.day)[:, None] - np.arange(1, 31)) % 30
    near = pd.DataFrame(np.minimum(ends, -ends % 30) <= 1).groupby(g).mean().max(axis=1).reindex(range(n))
    weekday = pd.crosstab(g, np.asarray(date.day_of_week)).max(axis=1).reindex(range(n)).to_numpy() / np.maximum(
        days, 1
    )
    gap, of = np.diff(d)[np.diff(g) == 0], g[1:][np.diff(g) == 0]
    usual = _median(of, gap, n)
    steady = np.where(usual >= 6, _share(of, np.abs(gap - usual[of]) <= 1, n), 0.0)
    monthly = near.to_numpy()
    return {
        "days": days,
        "span": (last - first + 1).astype(np.int64),
        "months": months.to_numpy(dtype=np.int64),
        "monthly": monthly,
        "day_gap": np.where(days > 2, usual, np.inf),
        "regular": np.where(days < 4, 0.0, np.maximum(np.maximum(monthly, weekday), steady)),
    }


def _people(group: Codes, people: pd.DataFrame, met_chemo: pd.Series, n: int) -> dict[str, object]:
    """dialysis, chemo, related, homes, address…, age, old."""
    home = pd.DataFrame({"group": group, "home": people["household"].to_numpy()})
    size = home.groupby(["group", "home"])["home"].transform("size").to_numpy()
    shared = ((home["home"] >= 0) & (size >= 2)).to_numpy()
    homes = np.bincount(home[shared].drop_duplicates()["group"], minlength=n)
    top, share = top_values(group, people["curr_addr_code"], n)
    lives = pd.Series(top, dtype="object").take(group).to_numpy() == people["curr_addr_code"].to_numpy(dtype="object")
    at = people[lives].assign(group=group[lives]).drop_duplicates("group").set_index("group").reindex(range(n))
    return {
        "dialysis": _share(group, people["dialysis"], n),
        "chemo": _share(group, met_chemo, n),
        "related": _share(group, shared, n),
        "homes": homes,
        "address": share,
        "address_size": at["address_size"].to_numpy(dtype=np.float64),
        "address_age": at["address_age"].to_numpy(dtype=np.float64),
        "age": _median(group, people["age"], n, np.nan),
        "old": _share(group, people["age"] >= 50, n),
    }


def measure_traits(people: pd.DataFrame, sessions: pd.DataFrame, alike: Floats) -> list[Traits]:
    """Traits of the groups 0…n−1 (column `group` of both frames, every group in both); `alike`: float [n].

    people: group, psn_no, age, curr_addr_code, address_size, address_age, household, dialysis. sessions: as
    `mark_sessions` gives them.
    """
    n, who, met = len(alike), people["group"].to_numpy(), sessions["group"].to_numpy()
    treated = set(sessions.loc[sessions["chemo"], "psn_no"])
    columns: dict[str, object] = {"members": np.bincount(who, minlength=n), "alike": alike}
    columns |= _people(who, people, people["psn_no"].isin(treated), n) | _calendar(met, sessions["day"], n)
    came = sessions.sort_values(["group", "session", "happened_at"], kind="stable").drop_duplicates(
        ["session", "psn_no"]
    )
    apart = came.groupby(["group", "session"])["happened_at"].diff().dt.total_seconds() / 60
    known = apart.notna().to_numpy()
    place, at_place = top_values(met, sessions["fixmedins_code"], n)
    kind = sessions.drop_duplicates("fixmedins_code").set_index("fixmedins_code")["medins_type"]
    dx3, same_dx = top_values(met, sessions["dx3"], n)
    columns |= {
        "minutes_apart": _median(came["group"].to_numpy()[known], apart[known], n),
        "mutual_aid": _share(met, sessions["mulaid_fen"] > 0, n),
        "collapsed": _share(met, sessions["collapsed"], n),
        "exam": _share(met, sessions["exam"], n),
        "busy": _median(met, sessions["day_cards"] / sessions["usual_cards"].clip(lower=1), n),
        "yuan": _median(met, sessions["fen"], n) / 100,
        "dx3": [str(x or "") for x in dx3],
        "dx3_share": same_dx,
        "doctor": top_values(met, sessions["dr_codg"], n)[1],
        "place": at_place,
        "place_kind": [str(kind.get(str(p), "")) for p in place],
        "places": sessions.groupby("group")["fixmedins_code"].nunique().to_numpy(),
        "pharmacy": _share(met, sessions["fixmedins_type"] == "2", n),
        "local": _share(met, sessions["medins_type"].isin(VILLAGE_PLACES), n),
        "ward": _share(met, sessions["ward"].astype(bool), n) > 0,
    }
    names = list(columns)
    rows = zip(*(np.asarray(columns[name]).tolist() for name in names), strict=True)
    return [Traits(**dict(zip(names, row, strict=True))) for row in rows]
