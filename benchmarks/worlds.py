"""Worlds with planted rings and guilty-looking innocents, for the accuracy of ring search only. Not the demo county: this one has truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Kind = Literal["county", "hard", "dependent"]
DAYS = 540
START = pd.Timestamp("2024-01-01")
KINDS = ("综合医院", "卫生院", "村卫生室", "诊所", "药店")
DX = np.array([f"{c}{n:02d}.900" for c in "AEGIJKLMNR" for n in range(10, 30, 2)])
DRUGS = np.array([f"药品{n:03d}" for n in range(200)])


@dataclass(frozen=True, kw_only=True)
class World:
    """events, persons, institutions, lines as `find_rings` takes them; truth: psn_no, kind (ring or an innocent kind), group."""

    events: pd.DataFrame
    persons: pd.DataFrame
    institutions: pd.DataFrame
    lines: pd.DataFrame
    truth: pd.DataFrame


class Builder:
    """Collects events as arrays; groups take cards that no other group uses."""

    def __init__(self, seed: int, cards: int, kind: Kind) -> None:
        self.rng = np.random.default_rng([seed, cards, ("county", "hard", "dependent").index(kind)])
        self.n, self.kind, self.scale = cards, kind, cards / 400_000
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.truth: list[tuple[int, str, int]] = []
        self.groups = 0
        n_inst = max(40, int(300 * self.scale**0.7))
        counts = (3, n_inst // 15, n_inst // 3, n_inst // 6)
        kinds = np.repeat(np.arange(5), [*counts, n_inst - sum(counts)])
        self.inst_kind = kinds
        self.village = self.rng.integers(0, counts[2] * 4, cards)  # four villages share one village room
        self.village_room = np.flatnonzero(kinds == 2)[np.arange(counts[2] * 4) % counts[2]]
        self.age = np.clip(self.rng.normal(45, 22, cards), 0, 95)
        self.tel = np.arange(cards) + 10**6
        self.mulaid = np.full(cards, -1)
        self.address = self.village.copy()
        self.free = list(self.rng.permutation(cards))

    def take(self, number: int, village: int | None = None) -> np.ndarray:
        """Cards not yet in any group, of one village where asked."""
        if village is None:
            out = [self.free.pop() for _ in range(number)]
        else:
            out = [c for c in np.flatnonzero(self.village == village) if c in self.free_set][:number]
            gone = set(out)
            self.free = [c for c in self.free if c not in gone]
        self.free_set = getattr(self, "free_set", set()) - set(out)
        return np.array(out, dtype=np.int64)

    def add(
        self,
        card: np.ndarray,
        inst: np.ndarray,
        minute: np.ndarray,
        dx: np.ndarray,
        drug: np.ndarray,
        fen: np.ndarray,
        doctor: np.ndarray,
    ) -> None:
        self.parts.append(
            tuple(
                np.broadcast_to(np.asarray(x), card.shape).copy() for x in (card, inst, minute, dx, drug, fen, doctor)
            )
        )

    def name(self, cards: np.ndarray, kind: str) -> None:
        self.groups += 1
        self.truth += [(int(c), kind, self.groups) for c in cards]

    def own(self, n: int) -> tuple[np.ndarray, ...]:
        """dx, drug, fen, doctor of an ordinary visit."""
        r = self.rng
        return (
            r.integers(0, len(DX), n),
            r.integers(0, len(DRUGS), n),
            np.exp(r.normal(9.3, 0.8, n)).astype(np.int64),
            r.integers(0, 2000, n),
        )

    def normal(self) -> None:
        """Everybody's own visits: two to four favourite places, opening hours with two peaks, fewer on Sundays."""
        r = self.rng
        rate = r.gamma(1.6, 13.2 / 1.6, self.n)
        visits = r.poisson(rate)
        card = np.repeat(np.arange(self.n), visits)
        n = len(card)
        hospital = np.array([0, 1, 2])[r.choice(3, self.n, p=[0.5, 0.3, 0.2])]
        town = r.choice(np.flatnonzero(self.inst_kind == 1), self.n)
        shop = r.choice(np.flatnonzero(self.inst_kind == 4), (self.n, 2))
        clinic = r.choice(np.flatnonzero(self.inst_kind == 3), self.n)
        choice = np.stack([hospital, town, self.village_room[self.village], clinic, shop[:, 0], shop[:, 1]])
        pick = r.choice(6, n, p=[0.288, 0.09, 0.172, 0.1, 0.25, 0.1])
        inst = choice[pick, card]
        weekday = np.array([1.15, 1.0, 1.0, 1.0, 1.0, 0.9, 0.7])
        day_weight = weekday[np.arange(DAYS) % 7]
        if self.kind == "dependent":  # epidemics: three waves in which everybody goes more often
            for peak in r.integers(30, DAYS - 30, 3):
                day_weight = day_weight * (1 + 1.5 * np.exp(-0.5 * ((np.arange(DAYS) - peak) / 8) ** 2))
        day = r.choice(DAYS, n, p=day_weight / day_weight.sum())
        morning = r.random(n) < 0.6
        minute = np.where(morning, r.normal(570, 60, n), r.normal(940, 80, n)).clip(420, 1260).astype(np.int64)
        self.add(card, inst, day * 1440 + minute, *self.own(n))

    def meetings(
        self, cards: np.ndarray, days: np.ndarray, places: np.ndarray, width: float, attendance: float, hour: float | None = None, alike: bool = False,
        dx: int | None = None, fen: float | None = None, doctor: int | None = None, after: int | None = None,
    ) -> None:  # fmt: skip
        """The group at one place per day, within `width` minutes; `after`: the same cards at a second place an hour later."""
        r = self.rng
        bag = r.integers(0, len(DRUGS), 2)
        for day, place in zip(days, places, strict=True):
            came = cards[r.random(len(cards)) < attendance]
            begin = int(day) * 1440 + (r.integers(480, 1000) if hour is None else hour + r.normal(0, 10))
            minute = (begin + r.random(len(came)) * width).astype(np.int64)
            own = self.own(len(came))
            self.add(
                came, np.full(len(came), place), minute, own[0] if dx is None else np.full(len(came), dx),
                r.choice(bag, len(came)) if alike else own[1], own[2] if fen is None else np.full(len(came), int(fen)) + r.integers(0, 2000, len(came)),
                own[3] if doctor is None else np.full(len(came), doctor),
            )  # fmt: skip
            if after is not None:
                later = minute + 45 + (r.random(len(came)) * 10).astype(np.int64)
                self.add(came, np.full(len(came), after), later, own[0], r.choice(bag, len(came)), own[2], own[3])

    def rings(self, number: int = 30) -> None:
        """Half recruited in one village, half all over; one to four places; a third goes from the clinic to a pharmacy."""
        r = self.rng
        hard = self.kind == "hard"
        outpatient = np.flatnonzero(self.inst_kind >= 1)
        for ring in range(number):
            size = int(r.integers(10, 38))
            cards = self.take(size, int(r.integers(0, len(self.village_room))) if ring % 2 else None)
            self.age[cards] = np.clip(r.normal(58, 12, len(cards)), 20, 90)
            count = int(r.integers(4, 8)) if hard else int(r.integers(6, 25))
            days = np.sort(r.choice(DAYS, count, replace=False))
            places = r.choice(r.choice(outpatient, int(r.integers(1, 5)), replace=False), count)
            width = r.uniform(15, 40) if hard else r.uniform(3, 15)
            attendance = r.uniform(0.55, 0.80) if hard else r.uniform(0.8, 1.0)
            shop = int(r.choice(np.flatnonzero(self.inst_kind == 4))) if ring % 3 == 0 else None
            self.meetings(
                cards,
                days,
                places,
                width,
                attendance,
                alike=True,
                doctor=int(r.integers(0, 2000)),
                fen=r.uniform(2e4, 8e4),
                after=shop,
            )
            self.name(cards, "ring")

    def dialysis(self, number: int) -> None:
        r = self.rng
        for _ in range(number):
            cards = self.take(int(r.integers(14, 23)))
            self.age[cards] = r.normal(60, 10, len(cards)).clip(25, 88)
            week = np.array([0, 2, 4] if r.random() < 0.5 else [1, 3, 5])
            days = np.concatenate([week + 7 * w for w in range(DAYS // 7)])
            place = np.full(len(days), r.integers(0, 3))
            self.meetings(cards, days, place, 30, 0.93, hour=float(r.choice([420, 720, 1020])), dx=-1, fen=40000)
            self.name(cards, "dialysis")

    def families(self, number: int) -> None:
        r = self.rng
        sizes = r.choice(
            [2, 3, 4, 5, 6],
            number,
            p=[0.85, 0.09, 0.04, 0.01, 0.01] if self.kind != "dependent" else [0.5, 0.25, 0.15, 0.06, 0.04],
        )
        cards = self.take(int(sizes.sum()))
        who = np.repeat(np.arange(number), sizes)
        head = cards[np.searchsorted(who, np.arange(number))]
        self.village[cards] = self.village[head][who]
        self.address[cards] = self.village[cards]
        marked = r.random(number)
        self.tel[cards] = np.where(marked[who] < 0.7, who + 10**8, self.tel[cards])
        self.mulaid[cards] = np.where(marked[who] > 0.4, who, -1)
        times = r.integers(3, 14, number)
        event = np.repeat(np.arange(number), times)
        shops = np.flatnonzero(self.inst_kind >= 3)
        place = r.choice(shops, (number, 2))[event, r.integers(0, 2, len(event))]
        begin = r.integers(0, DAYS, len(event)) * 1440 + r.integers(480, 1200, len(event))
        order = np.argsort(who, kind="stable")
        first = np.searchsorted(who, np.arange(number))
        for member in range(6):
            has = sizes[event] > member
            has &= r.random(len(event)) < 0.9
            self.add(
                cards[order][first[event[has]] + member],
                place[has],
                begin[has] + r.integers(0, 4, int(has.sum())),
                *self.own(int(has.sum())),
            )
        self.truth += [(int(c), "family", 10**6 + int(w)) for c, w in zip(cards, who, strict=True)]

    def village_days(self, number: int) -> None:
        r = self.rng
        for village in r.choice(len(self.village_room), min(number, len(self.village_room)), replace=False):
            cards = self.take(60, int(village))
            self.age[cards] = r.normal(66, 8, len(cards)).clip(45, 92)
            days = (np.arange(DAYS // 30) * 30 + r.integers(0, 28)).clip(0, DAYS - 1)
            self.meetings(cards, days, np.full(len(days), self.village_room[village]), 90, 0.7, hour=510, fen=4000)
            self.name(cards, "village_day")

    def dependents(self) -> None:
        """What makes normal visits depend on one another: pension days, buses, nursing homes, school classes, screening, batch uploads, neighbours."""
        r = self.rng
        s = max(self.scale, 0.1)
        shops = np.flatnonzero(self.inst_kind == 4)
        for shop in r.choice(shops, max(3, int(20 * s)), replace=False):
            cards = self.take(int(r.integers(30, 90)))
            self.age[cards] = r.normal(69, 6, len(cards)).clip(55, 92)
            pay = r.integers(8, 16, len(cards))
            for month in range(DAYS // 30):
                for day in np.unique(pay):
                    self.meetings(
                        cards[pay == day],
                        np.array([(START + pd.DateOffset(months=month, day=int(day)) - START).days]),
                        np.array([shop]),
                        70,
                        0.6,
                        hour=450,
                    )
            for day in np.unique(pay):
                self.name(cards[pay == day], "pension")
        for _ in range(max(5, int(40 * s))):
            cards = self.take(int(r.integers(8, 25)), int(r.integers(0, len(self.village_room))))
            day = int(r.integers(0, 7))
            days = np.arange(day, DAYS, 14)
            targets = r.choice(np.flatnonzero((self.inst_kind <= 1) | (self.inst_kind == 4)), 4, replace=False)
            for d in days:  # off the bus at one time, then each to the own place
                came = cards[r.random(len(cards)) < 0.5]
                begin = d * 1440 + int(r.normal(530, 8))
                where = targets[(came + r.integers(0, 2, len(came))) % len(targets)]
                self.add(came, where, begin + r.integers(0, 35, len(came)), *self.own(len(came)))
            self.name(cards, "bus")
        for home in range(max(3, int(15 * s))):
            cards = self.take(int(r.integers(12, 35)))
            self.age[cards] = r.normal(80, 6, len(cards)).clip(62, 98)
            self.address[cards] = 10**6 + home
            days = np.arange(int(r.integers(0, 28)), DAYS, int(r.choice([14, 28])))
            self.meetings(
                cards,
                days,
                np.full(len(days), r.choice(np.flatnonzero(self.inst_kind == 1))),
                50,
                0.85,
                hour=560,
                alike=True,
                fen=9000,
                doctor=int(r.integers(0, 2000)),
            )
            self.name(cards, "nursing_home")
        for _ in range(max(3, int(25 * s))):
            cards = self.take(int(r.integers(8, 30)))
            self.age[cards] = r.integers(6, 15, len(cards))
            begin = int(r.integers(20, DAYS - 20))
            days = begin + np.array([0, 2, 5])
            self.meetings(
                cards,
                days,
                np.full(3, r.choice(np.flatnonzero(self.inst_kind == 1))),
                60,
                0.8,
                dx=int(r.integers(0, len(DX))),
            )
            self.name(cards, "outbreak")
        for village in r.choice(len(self.village_room), max(3, int(15 * s)), replace=False):
            cards = self.take(60, int(village))
            begin = int(r.integers(20, DAYS - 40))
            self.meetings(
                cards,
                np.array([begin, begin + 14]),
                np.full(2, r.choice(np.flatnonzero(self.inst_kind == 1))),
                120,
                0.85,
                dx=-2,
                fen=5000,
            )
            self.name(cards, "screening")
        for _ in range(int(400 * s)):  # neighbours who go together now and then, nothing in the register ties them
            village = int(r.integers(0, len(self.village_room)))
            cards = self.take(int(r.integers(2, 4)), village)
            days = r.choice(DAYS, int(r.integers(3, 8)), replace=False)
            self.meetings(cards, days, np.full(len(days), r.choice(shops)), 8, 0.9)
            self.name(cards, "neighbours")

    def finish(self) -> World:
        card, inst, minute, dx, drug, fen, doctor = (np.concatenate(x) for x in zip(*self.parts, strict=True))
        if self.kind == "dependent":  # a fifth of the village rooms upload the day at 17:30
            batch = self.rng.choice(
                np.flatnonzero(self.inst_kind == 2), max(1, int((self.inst_kind == 2).sum() / 5)), replace=False
            )
            minute = np.where(np.isin(inst, batch), minute // 1440 * 1440 + 1050, minute)
        psn = pd.Index([f"C{n:07d}" for n in range(self.n)])
        code = pd.Index([f"{'P' if k == 4 else 'H'}{i:04d}" for i, k in enumerate(self.inst_kind)])
        names = np.concatenate([DX, ["Z13.900", "Z49.100"]])  # −1 dialysis, −2 screening
        setl = pd.Series(np.arange(len(card))).astype("str")
        grouped = np.zeros(self.n, bool)
        grouped[[c for c, _, _ in self.truth]] = True
        keep = grouped[card]
        events = pd.DataFrame(
            {
                "psn_no": psn.take(card), "fixmedins_code": code.take(inst), "minute": minute + int(START.value // 60_000_000_000), "setl_id": setl,
                "fen": fen, "fund_fen": fen // 2, "dx": pd.Categorical.from_codes(dx % len(names), names),
                "dr_codg": pd.Index([f"D{n:04d}" for n in range(2000)]).take(doctor),
            }
        )  # fmt: skip
        events["dr_codg"] = events["dr_codg"].where(self.inst_kind[inst] != 4, "")
        lines = pd.DataFrame(
            {
                "setl_id": setl[keep],
                "med_list_codg": drug[keep],
                "hilist_name": DRUGS[drug[keep]],
                "list_type": "101",
                "fen": fen[keep],
            }
        )
        persons = pd.DataFrame(
            {
                "psn_no": psn, "age": self.age, "curr_addr_code": pd.Series(self.address).astype("str"), "tel_hash": pd.Series(self.tel).astype("str"),
                "mulaid_grp_id": pd.Series(self.mulaid).astype("str").where(self.mulaid >= 0),
            }
        )  # fmt: skip
        institutions = pd.DataFrame(
            {
                "fixmedins_code": code,
                "medins_type": [KINDS[k] for k in self.inst_kind],
                "fixmedins_type": np.where(self.inst_kind == 4, "2", "1"),
            }
        )
        truth = pd.DataFrame(self.truth, columns=["card", "kind", "group"])
        truth["psn_no"] = psn.take(truth["card"])
        return World(events=events, persons=persons, institutions=institutions, lines=lines, truth=truth)


def build_world(kind: Kind, seed: int, cards: int = 400_000) -> World:
    """county: meetings 3–15 min wide, 6–24 of them. hard: 15–40 min, 4–7 of them, attendance 55–80 %. dependent: normal visits depend on one another."""
    b = Builder(seed, cards, kind)
    b.free_set = set(b.free)
    b.rings()
    b.dialysis(max(4, int(36 * b.scale)))
    b.village_days(max(6, int(60 * b.scale)))
    if kind == "dependent":
        b.dependents()
    b.families(int(12_000 * b.scale))
    b.normal()
    return b.finish()
