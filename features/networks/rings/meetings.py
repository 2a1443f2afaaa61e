"""Events in the ring search's shape, and the meetings of groups: who was where together. Everything here runs over all
groups at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from claims.errors import UserError
from features.networks.pairs.events import DAY, Codes, Ints

#: a meeting needs this many members: a chain of couples is no ring
MEETING = 3
#: days a member must have met on
MIN_DAYS = 2
EVENT_COLUMNS = {
    "setl_id": "",
    "med_type": "",
    "dr_codg": "",
    "dx": "",
    "dise_codg": "",
    "fen": 0,
    "fund_fen": 0,
    "acct_fen": 0,
    "mulaid_fen": 0,
}
ALIASES = {
    "fen": ("medfee_sumamt_fen", "medfee_fen"),
    "fund_fen": ("fund_pay_sumamt_fen",),
    "acct_fen": ("acct_pay_fen",),
    "mulaid_fen": ("acct_mulaid_pay_fen",),
    "dr_codg": ("atddr_no",),
    "dx": ("opt_diag_code", "dscg_maindiag_code"),
}


def _check_columns(events: pd.DataFrame) -> None:
    missing = {"psn_no", "fixmedins_code"} - set(events.columns)
    if missing or not {"minute", "happened_at"} & set(events.columns):
        raise UserError(
            "ring search needs psn_no, fixmedins_code and happened_at (or minute); missing: "
            f"{sorted(missing) or 'a time column'}"
        )


def _happened(events: pd.DataFrame) -> pd.Series:
    if "happened_at" in events:
        return pd.to_datetime(events["happened_at"]).astype("datetime64[s]")
    return (events["minute"].astype("int64") * 60).astype("datetime64[s]")


def read_events(events: pd.DataFrame, as_of: datetime | pd.Timestamp | None) -> pd.DataFrame:
    """Events with every column of EVENT_COLUMNS, `happened_at`, `minute`, `day`, sorted by place and time.

    Rows without card, place or time, after `as_of`, or repeated (same settlement) are left out. Raises UserError where
    a needed column is absent.
    """
    _check_columns(events)
    out = pd.DataFrame({"psn_no": events["psn_no"], "fixmedins_code": events["fixmedins_code"]})
    out["happened_at"] = _happened(events)
    for column, empty in EVENT_COLUMNS.items():
        source = next((name for name in (column, *ALIASES.get(column, ())) if name in events), None)
        if source is None:
            out[column] = empty  # type: ignore[call-overload]
        elif isinstance(empty, int):
            out[column] = events[source].fillna(0).astype("int64")
        else:
            out[column] = events[source]
    out = out[out["psn_no"].notna() & out["fixmedins_code"].notna() & out["happened_at"].notna()]
    if as_of is not None:
        out = out[out["happened_at"] <= pd.Timestamp(as_of)]
    if len(out) and (out["setl_id"].fillna("") != "").any():
        out = out.drop_duplicates(["setl_id", "psn_no", "fixmedins_code", "happened_at"])
    out = out.sort_values(["fixmedins_code", "happened_at", "psn_no", "setl_id"], kind="stable").reset_index(drop=True)
    out["minute"] = out["happened_at"].astype("int64") // 60
    out["day"] = out["happened_at"].dt.normalize()
    return out


@dataclass(frozen=True, kw_only=True)
class EventIndex:
    """All events as codes, without the columns only a ring's members need. `row`: position in the frame; `card`,
    `place`: positions in `cards`, `places` (both in name order); `minute`: since the epoch; int32 [n] all."""

    row: Codes
    card: Codes
    place: Codes
    minute: Codes
    cards: pd.Index
    places: pd.Index


def index_events(events: pd.DataFrame, as_of: datetime | pd.Timestamp | None) -> EventIndex:
    """The rows that `read_events` would keep, of frames of any size. Raises UserError where a needed column is
    absent."""
    _check_columns(events)
    second = (
        _happened(events).to_numpy().astype("datetime64[s]").astype(np.int64)
    )  # a missing time is the least integer
    card, cards = pd.factorize(events["psn_no"], sort=True)
    place, places = pd.factorize(events["fixmedins_code"], sort=True)
    keep = (card >= 0) & (place >= 0) & (second != np.iinfo(np.int64).min)
    if as_of is not None:
        keep &= second <= pd.Timestamp(as_of).timestamp()
    if "setl_id" in events and len(events):
        keep &= ~_repeated(events["setl_id"], card, place, second, keep)
    row = np.flatnonzero(keep)
    return EventIndex(
        row=row.astype(np.int32),
        card=card[row].astype(np.int32),
        place=place[row].astype(np.int32),
        minute=(second[row] // 60).astype(np.int32),
        cards=pd.Index(cards),
        places=pd.Index(places),
    )


def _repeated(
    setl_id: pd.Series, card: Ints, place: Ints, second: Ints, known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Rows that repeat a settlement already seen: same id, card, place and time. Ids are compared only where the rest
    is equal, which is rare."""
    out = np.zeros(len(card), bool)
    span = int(second[known].max() - second[known].min()) + 1 if known.any() else 1
    if span * (int(place.max()) + 1) * (int(card.max()) + 1) >= 1 << 63:
        suspects = np.arange(len(card))
    else:
        key = (
            (place.astype(np.int64) * (card.max() + 1) + card) * span
            + second
            - (second[known].min() if known.any() else 0)
        )
        ordered = np.sort(key)
        suspects = np.flatnonzero(np.isin(key, ordered[1:][ordered[1:] == ordered[:-1]]) & known)
    ids = setl_id.iloc[suspects].fillna("")
    if len(suspects) and (setl_id.fillna("") != "").any():
        table = pd.DataFrame(
            {"id": ids.to_numpy(), "card": card[suspects], "place": place[suspects], "second": second[suspects]}
        )
        out[suspects] = table.duplicated().to_numpy()
    return out


def mark_days(events: pd.DataFrame, index: EventIndex) -> pd.DataFrame:
    """Per row of `events`: `collapsed` (the unit uploaded that day in one go, rule D08), `day_cards` (cards there that
    day), `usual_cards` (median day).

    Days are measured on all events of the index.
    """
    place, minute = index.place.astype(np.int64), index.minute.astype(np.int64)
    first = int(minute.min()) // DAY * DAY if len(minute) else 0
    days = int(minute.max() - first) // DAY + 1 if len(minute) else 1
    moment = np.sort(place * days * DAY + minute - first)
    new = np.r_[True, moment[1:] != moment[:-1]] if len(moment) else np.zeros(0, bool)
    at = np.flatnonzero(new)
    day, of = np.unique(moment[at] // DAY, return_inverse=True)
    number = np.diff(np.r_[at, len(moment)])
    rows = np.bincount(of, weights=number, minlength=len(day))
    busiest = np.zeros(len(day))
    np.maximum.at(busiest, of, number)
    came = np.sort((place * days + (minute - first) // DAY) * max(len(index.cards), 1) + index.card)
    came = came[np.r_[True, came[1:] != came[:-1]]] if len(came) else came
    cards = np.bincount(np.searchsorted(day, came // max(len(index.cards), 1)), minlength=len(day))
    usual = pd.Series(cards).groupby(day // days).median()
    here = index.places.get_indexer(pd.Index(events["fixmedins_code"]))
    mine = np.searchsorted(day, here * days + (events["minute"].to_numpy() - first) // DAY)
    return events.assign(
        collapsed=((rows >= 5) & (busiest >= 0.8 * rows))[mine],
        day_cards=cards[mine],
        usual_cards=usual.reindex(here).to_numpy(),
    )


def stay_events(stays: pd.DataFrame) -> pd.DataFrame:
    """Stays as events: `happened_at` = admission day, `setl_id` = mdtrt_id, plus `end_day`."""
    named = stays.drop(columns="setl_id", errors="ignore").rename(columns={"mdtrt_id": "setl_id"})
    ends = dict(zip(named["setl_id"], pd.to_datetime(stays["end_date"]), strict=True))
    out = read_events(named.assign(happened_at=pd.to_datetime(stays["adm_date"])), None)
    return out.assign(end_day=out["setl_id"].map(ends), collapsed=False, day_cards=0, usual_cards=0)


def find_meetings(
    events: pd.DataFrame, wards: pd.DataFrame | None, group_of: pd.Series, dt_of: pd.Series, min_members: int
) -> pd.DataFrame:
    """The members' events inside meetings, with `group` and `session`, and only of members who came on at least
    MIN_DAYS days.

    group_of: psn_no → group; dt_of: group → minutes (−1: wards only; −2: swipes and no wards are coded by `dt_of` ≥
    0). A meeting of swipes is a chain of gaps ≤ dt at one place on one day; a meeting of stays has one admission and
    one discharge day. Members who drop out may end a meeting, so this repeats to rest.
    """
    swipes = _members(events, group_of)
    swipes = swipes[swipes["group"].map(dt_of["swipe"]).ge(0)].assign(ward=False, row_table="settlements")
    frames = [swipes]
    if wards is not None:
        mine = _members(wards, group_of)
        frames.append(mine[mine["group"].map(dt_of["ward"])].assign(ward=True, row_table="stays"))
    while True:
        met = _sessions(frames, dt_of["swipe"])
        if met.empty:
            return met
        days = met.drop_duplicates(["group", "psn_no", "day"]).groupby(["group", "psn_no"]).size()
        stay = days[days >= MIN_DAYS].reset_index()
        stay = stay[stay.groupby("group")["psn_no"].transform("size") >= min_members]
        if len(stay) == len(days):
            return met
        kept = set(stay["psn_no"])
        frames = [f[f["psn_no"].isin(kept)] for f in frames]


def _members(events: pd.DataFrame, group_of: pd.Series) -> pd.DataFrame:
    mine = events[events["psn_no"].isin(group_of.index)]
    return mine.assign(group=mine["psn_no"].map(group_of).astype("int64"))


def _sessions(frames: list[pd.DataFrame], dt: pd.Series) -> pd.DataFrame:
    parts = []
    swipes = frames[0].sort_values(["group", "fixmedins_code", "minute", "psn_no", "setl_id"], kind="stable")
    if len(swipes):
        same = (swipes["group"] == swipes["group"].shift()) & (
            swipes["fixmedins_code"] == swipes["fixmedins_code"].shift()
        )
        same &= (swipes["day"] == swipes["day"].shift()) & (swipes["minute"].diff() <= swipes["group"].map(dt))
        parts.append(swipes.assign(session=(~same).cumsum()))
    for stays in frames[1:]:
        if len(stays):
            ordered = stays.sort_values(
                ["group", "fixmedins_code", "day", "end_day", "psn_no", "setl_id"], kind="stable"
            )
            code = ordered.groupby(["group", "fixmedins_code", "day", "end_day"], sort=False).ngroup() + 10**9
            parts.append(ordered.assign(session=code))
    if not parts:
        return pd.DataFrame()
    met = pd.concat(parts, ignore_index=True)
    came = met.drop_duplicates(["session", "psn_no"]).groupby("session").size()
    met = met[met["session"].map(came) >= MEETING]
    if met.empty:
        return met
    # places are compared within a group only, so names do not decide the order of meetings on different days
    session = met.groupby(["group", "day", "session"], sort=True).ngroup()
    return (
        met.assign(session=session)
        .sort_values(["session", "happened_at", "psn_no"], kind="stable")
        .reset_index(drop=True)
    )
