"""Who lives in the county and who treats them: villages, households, insured persons, institutions, doctors.

Nothing here is fraud. `institutions.crooked` and the like are chosen by the scheme modules, so that honest twins of every
crooked unit exist with the same type, size and place. Mix of units after seeds.md §7 (139 pharmacies, 30 clinics, 41 hospitals,
50 village rooms in one county of 439,000) and the pilot export.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from simulator.price_catalog import Diagnoses, Items, Menus, make_diagnoses, make_items, make_menus

Array = npt.NDArray[Any]
DAY = 86400
EPOCH = date(1970, 1, 1)
# kinds of institution
GENERAL, TCM, PSYCH, REHAB, SPECIAL, PRIVATE, TOWNSHIP, CLINIC, VILLAGE, PHARMACY = range(10)
KIND_NAME = [
    "综合医院",
    "中医医院",
    "精神病医院",
    "康复医院",
    "专科医院",
    "民营医院",
    "卫生院",
    "诊所",
    "村卫生室",
    "药店",
]
DEPTS = ["A03", "A04", "A05", "A07", "A10", "A11", "A12", "A13", "A15", "A16", "A19", "A21"]


def stream(seed: int, *names: object) -> np.random.Generator:
    """An independent random stream for one stage, so that stages can change without disturbing each other."""
    return np.random.default_rng([seed & 0xFFFFFFFF, *(crc32(str(n).encode()) for n in names)])


def day_number(d: date) -> int:
    return (d - EPOCH).days


@dataclass(frozen=True)
class Span:
    """The months simulated. `start`/`stop` are seconds since 1970 local; `stop` is the extract's moment (20:00 of the last day)."""

    first: date
    last: date

    @property
    def start(self) -> int:
        return day_number(self.first) * DAY

    @property
    def stop(self) -> int:
        return day_number(self.last) * DAY + 20 * 3600

    @property
    def days(self) -> int:
        return day_number(self.last) - day_number(self.first) + 1

    @property
    def years(self) -> float:
        return self.days / 365.25


def make_span(end: date, months: int) -> Span:
    month = end.year * 12 + end.month - 1 - (months - 1)
    return Span(date(month // 12, month % 12 + 1, 1), end)


@dataclass
class World:
    seed: int
    severity: float
    span: Span
    items: Items
    dx: Diagnoses
    menus: Menus
    villages: dict[str, Array]
    p: dict[str, Array]  # persons, one array a column
    i: dict[str, Array]  # institutions
    d: dict[str, Array]  # doctors
    near: dict[int, Array]  # kind → [village, 6] nearest institutions
    calendar: dict[str, Array]
    truth: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    filings: list[dict[str, Any]] = field(default_factory=list)
    cut_day: int = 0
    abundance: float = 1.0
    skill: float = 1.0
    bags: list[list[tuple[int, int]]] = field(
        default_factory=list
    )  # fixed shopping bags: (item, count); bag 0 is a dialysis session

    def rng(self, *names: object) -> np.random.Generator:
        return stream(self.seed, *names)

    def tell(self, table: str, *row: Any) -> None:
        """Write a row of truth (never part of the input tables)."""
        self.truth.setdefault(table, []).append(row)

    def of_kind(self, *kinds: int) -> Array:
        return np.flatnonzero(np.isin(self.i["kind"], kinds))


def make_world(
    persons: int, months: int, seed: int, severity: float, end: date, *, abundance: float = 1.0, skill: float = 1.0
) -> World:
    span = make_span(end, months)
    rng = stream(seed, "world")
    items = make_items()
    villages = _villages(rng, persons)
    world = World(seed, severity, span, items, make_diagnoses(), make_menus(items), villages, {}, {}, {}, {}, {})
    world.abundance, world.skill = abundance, skill
    world.p = _persons(rng, persons, villages, span)
    world.i = _institutions(rng, persons, villages)
    world.d = _doctors(rng, world.i)
    world.calendar = _calendar(rng, span)
    world.cut_day = day_number(span.first) + int(span.days * rng.uniform(0.35, 0.6))
    for kind in range(10):
        world.near[kind] = _nearest(villages, world.i, kind)
    # chance of each unit's kind for the person's habits: a small, steady set of places
    n = persons
    world.p["habit"] = rng.integers(0, 6, n).astype(np.int8)
    world.p["usual"] = world.near[PHARMACY][world.p["village"], np.minimum(rng.geometric(0.45, n) - 1, 5)].astype(
        np.int32
    )
    return world


def _villages(rng: np.random.Generator, persons: int) -> dict[str, Array]:
    towns = int(np.clip(round(persons**0.5 / 18), 3, 36))
    n = max(15, persons // 320)
    centre = rng.uniform(-28, 28, (towns, 2))
    town = np.concatenate([np.arange(towns), rng.choice(towns, n - towns, p=_norm(rng.gamma(2, size=towns)))])
    xy = centre[town] + rng.normal(0, 3.5, (n, 2))
    xy[:towns] = centre
    weight = rng.gamma(2.0, size=n)
    weight[:towns] *= rng.uniform(3, 9, towns)  # the market town itself
    return {"town": town, "x": xy[:, 0], "y": xy[:, 1], "weight": _norm(weight), "urban": np.arange(n) < towns,
            "code": np.array([f"429004{t + 101:03d}{v:03d}" for v, t in enumerate(town)], object)}  # fmt: skip


def _norm(w: Array) -> Array:
    out: Array = w / w.sum()
    return out


def _persons(rng: np.random.Generator, n: int, villages: dict[str, Array], span: Span) -> dict[str, Array]:
    sizes = rng.choice([1, 2, 3, 4, 5, 6], n, p=[0.13, 0.27, 0.26, 0.19, 0.1, 0.05])
    house = np.repeat(np.arange(n), sizes)[:n]
    house_village = rng.choice(len(villages["weight"]), n, p=villages["weight"])
    village = house_village[house]
    urban = villages["urban"][village]
    band = rng.choice(7, n, p=[0.05, 0.11, 0.10, 0.24, 0.27, 0.16, 0.07])
    low, high = np.array([0, 6, 18, 30, 48, 62, 76])[band], np.array([6, 18, 30, 48, 62, 76, 97])[band]
    age = low + rng.random(n) * (high - low)
    brdy = day_number(span.last) - (age * 365.25).astype(np.int64)
    sex = rng.integers(1, 3, n)
    employee = (age > 21) & (rng.random(n) < np.where(urban, 0.46, 0.16) * np.where(age > 75, 0.8, 1.25))
    cadre = np.zeros(n, bool)
    old = np.flatnonzero(employee & (age > 84))
    cadre[rng.permutation(old)[: max(2, n // 4500)]] = True
    psn_type = np.select(
        [cadre, employee & (age >= 60), employee, age < 1, age < 6, age < 18, age < 60],
        ["1300", "1201", "1101", "1401", "1402", "1403", "1501"], "16")  # fmt: skip
    insutype = np.where(cadre, "340", np.where(employee, "310", "390"))
    chronic = rng.random(n) < 0.62 / (1 + np.exp(-(age - 66) / 8))
    frail = (
        rng.gamma(1.5, 1 / 1.5, n)
        * (0.45 + 0.5 * (age < 6) + np.clip(age - 25, 0, 60) / 42)
        * np.where(chronic, 1.35, 0.9)
    )
    frail /= frail.mean()
    emp = np.where(employee, rng.zipf(1.6, n).clip(0, max(6, n // 150)), -1)
    poor = rng.random(n)
    idet = np.select(
        [poor < 0.006, poor < 0.046, poor < 0.062, poor < 0.07], ["特困", "低保", "脱贫不稳定户", "重残"], ""
    )
    idet = np.where(employee, "", idet)
    death = np.full(n, -1, np.int64)
    dying = np.flatnonzero(rng.random(n) < span.years * 0.0012 * np.exp((age - 50) / 14).clip(0.05, 30))
    death[dying] = day_number(span.first) + rng.integers(20, max(21, span.days - 5), len(dying))
    dx_chronic = rng.choice(9, n, p=[0.36, 0.2, 0.17, 0.07, 0.07, 0.03, 0.02, 0.03, 0.05])
    special = np.zeros(
        n, np.int8
    )  # 1 dialysis 2 chemo 3 psychiatric 4 nursing home 5 home bed 6 long-term rehab 7 collector-like multimorbid
    order = rng.permutation(np.flatnonzero((age > 30) & ~cadre & (death < 0)))
    at = 0
    for code, share in ((1, 0.0011), (2, 0.0024), (3, 0.0016), (5, 0.0005), (6, 0.0008)):
        k = max(1, round(share * n))
        special[order[at : at + k]] = code
        at += k
    older = rng.permutation(np.flatnonzero((age > 70) & (special == 0) & ~cadre & (death < 0)))
    special[older[: max(4, n // 260)]] = 4
    multi = rng.permutation(np.flatnonzero((age > 60) & chronic & (special == 0) & ~cadre))
    special[multi[: max(5, n // 60)]] = 7
    number = (np.arange(n, dtype=np.int64) * 48_271_337 + int(rng.integers(1, 10**9))) % 9_999_999_967
    home = np.where(special == 4, -1, village)
    nursing = np.flatnonzero(special == 4)
    homes = rng.choice(len(villages["weight"]), max(2, len(nursing) // 28), p=villages["weight"])
    home[nursing] = homes[rng.integers(0, len(homes), len(nursing))]
    mulaid = (rng.random(n) < 0.35)[house] & (rng.random(n) < 0.85)
    return {
        "psn_no": np.array([f"429{x:011d}" for x in number], object), "house": house, "village": home, "sex": sex, "brdy": brdy, "age": age,
        "employee": employee | cadre, "cadre": cadre, "psn_type": psn_type, "insutype": insutype, "chronic": chronic | (special == 1), "dx_chronic": dx_chronic, "frail": frail,
        "emp": emp, "idet": idet, "death": death, "special": special, "mulaid": mulaid, "urban": urban, "away": (rng.random(n) < 0.03) & (special == 0),
        "evoucher": rng.random(n) < np.where(age > 65, 0.25, 0.6), "balance": np.where(employee & ~cadre, rng.gamma(1.2, 900, n), 0.0),
        "topup": np.where(employee & ~cadre, np.where(age >= 60, 95, 60 + rng.gamma(3, 45, n)), 0.0), "civil": employee & (rng.random(n) < 0.12),
        "fill": np.ones(n),  # how much of the registered refills a person still fetches in the ordinary way
    }  # fmt: skip


def _institutions(rng: np.random.Generator, persons: int, villages: dict[str, Array]) -> dict[str, Array]:
    total = max(30, round(83 * (persons / 24000) ** 0.6))
    hospitals = max(11, round(0.21 * total))
    kinds = (
        [GENERAL] * (2 + hospitals // 9)
        + [TCM] * (1 + hospitals // 12)
        + [PSYCH] * (1 + hospitals // 30)
        + [REHAB] * (1 + hospitals // 14)
    )
    kinds += [SPECIAL] * (1 + hospitals // 14) + [PRIVATE] * (1 + hospitals // 5)
    kinds += [TOWNSHIP] * max(3, hospitals - len(kinds))
    kinds += (
        [CLINIC] * max(4, round(0.12 * total))
        + [VILLAGE] * max(6, round(0.19 * total))
        + [PHARMACY] * max(10, round(0.48 * total))
    )
    kind = np.array(kinds)
    n = len(kind)
    v = len(villages["weight"])
    village = rng.choice(v, n, p=villages["weight"])
    big = np.isin(kind, (GENERAL, TCM, PSYCH, REHAB, SPECIAL, PRIVATE))
    town_count = int(villages["urban"].sum())
    village[big] = rng.choice(min(4, town_count), int(big.sum()))  # the county seat and the biggest towns
    township = kind == TOWNSHIP
    village[township] = np.arange(int(township.sum())) % town_count
    rural = np.flatnonzero(~villages["urban"])
    village[kind == VILLAGE] = rng.choice(rural, int((kind == VILLAGE).sum()))
    level = np.where(
        kind == GENERAL,
        2,
        np.where(np.isin(kind, (TCM, PSYCH, REHAB, SPECIAL)), 2, np.where(np.isin(kind, (PRIVATE, TOWNSHIP)), 1, 0)),
    )
    generals = np.flatnonzero(kind == GENERAL)
    level[generals[: 1 + len(generals) // 4]] = 3
    level[kind == PRIVATE] = rng.choice([1, 2], int((kind == PRIVATE).sum()), p=[0.6, 0.4])
    hosp_lv = np.select(
        [level == 3, level == 2, level == 1],
        [
            "02",
            np.array(["05", "06"], object)[rng.integers(0, 2, n)],
            np.array(["09", "10"], object)[rng.integers(0, 2, n)],
        ],
        "11",
    )
    size = rng.gamma(4, 0.25, n) * np.select(
        [level == 3, kind == GENERAL, kind == PRIVATE, kind == TOWNSHIP], [2.6, 1.9, 0.9, 0.75], 1.0
    )
    number = (np.arange(n, dtype=np.int64) * 7_368_787 + int(rng.integers(1, 10**7))) % 99_999_989
    private = np.isin(kind, (PRIVATE, CLINIC, PHARMACY)) | (np.isin(kind, (REHAB, SPECIAL)) & (rng.random(n) < 0.6))
    shops = np.flatnonzero(kind == PHARMACY)
    dual, late = (kind == PHARMACY) & (rng.random(n) < 0.06), (kind == PHARMACY) & (rng.random(n) < 0.12)
    dual[shops[0]], late[shops[1]] = True, True
    blank = (kind <= CLINIC) & (rng.random(n) < 0.12)
    blank[np.flatnonzero(kind == TOWNSHIP)[0]] = True
    owner = np.where(private, rng.integers(0, max(4, int(n * 0.6)), n), 10**6 + np.arange(n))
    return {
        "code": np.array([("P" if k == PHARMACY else "H") + f"4290{x:08d}" for k, x in zip(kind, number, strict=True)], object),
        "name": np.array([f"{KIND_NAME[k]}{j:03d}" for j, k in enumerate(kind)], object), "kind": kind, "level": level, "hosp_lv": hosp_lv, "village": village, "size": size,
        "x": villages["x"][village] + rng.normal(0, 0.6, n), "y": villages["y"][village] + rng.normal(0, 0.6, n), "private": private, "owner": owner,
        "price": rng.integers(0, 64, n), "open24": late, "batch_upload": (kind == VILLAGE) & (rng.random(n) < 0.6),
        "blank_doctor": blank, "dual": dual,
        "lean": np.where(kind < CLINIC, rng.beta(2, 5, n), 0.0),  # honest thrift: few tests, flat bills, quiet weekends
        "autocharge": (kind < CLINIC) & (rng.random(n) < 0.4),  # drug lines all booked at one hour
        "round_shop": (kind == PHARMACY) & (rng.random(n) < 0.25),  # honest packages at round prices
        "promo": np.where(kind == PHARMACY, rng.beta(1.2, 6, n), 0.0), "crooked": np.zeros(n, np.int32), "beds": np.zeros(n, np.int64),
        "panel": np.where(kind < CLINIC, rng.beta(1.5, 8, n), 0.0), "bulk": rng.beta(1.5, 10, n),
        # how an overcharging unit bills; zero for all but the guilty (set by schemes_fees), tiny for honest error
        "dup": _few(rng.beta(1, 60, n), 0.08), "over": np.ones(n), "over_from": np.zeros(n, np.int64), "swap": np.zeros(n), "slack": _few(rng.beta(0.7, 14, n), 0.3), "cut_lag": _few(rng.gamma(1.0, 18, n), 90).astype(np.int64), "since": np.zeros(n, np.int64), "dual_price": np.ones(n),
    }  # fmt: skip


def _few(habit: Array, least: float) -> Array:
    """Most units have no such habit: only what reaches `least` is kept."""
    return np.where(habit >= least, habit, 0.0)


def _doctors(rng: np.random.Generator, inst: dict[str, Array]) -> dict[str, Array]:
    count = np.select([inst["level"] == 3, inst["kind"] == GENERAL, inst["kind"] < PRIVATE, inst["kind"] == PRIVATE, inst["kind"] == TOWNSHIP, inst["kind"] == CLINIC,
                       inst["kind"] == VILLAGE], [34, 24, 12, 9, 8, 2, 1], 2)  # fmt: skip
    count = np.maximum(1, np.round(count * rng.uniform(0.8, 1.3, len(count)))).astype(np.int64)
    owner = np.repeat(np.arange(len(count)), count)
    n = len(owner)
    number = (np.arange(n, dtype=np.int64) * 15_485_863 + int(rng.integers(1, 10**9))) % 9_999_999_967
    inst["doc_first"], inst["doc_count"] = np.concatenate([[0], np.cumsum(count)[:-1]]), count
    return {
        "code": np.array([f"D429{x:010d}" for x in number], object), "inst": owner, "dept": np.array(DEPTS, object)[rng.integers(0, len(DEPTS), n)],
        "duty": np.array(["医师", "主治医师", "副主任医师", "主任医师"], object)[rng.choice(4, n, p=[0.35, 0.35, 0.2, 0.1])], "multi": rng.random(n) < 0.05,
    }  # fmt: skip


def _nearest(villages: dict[str, Array], inst: dict[str, Array], kind: int) -> Array:
    ids = np.flatnonzero(inst["kind"] == kind)
    dist = np.hypot(villages["x"][:, None] - inst["x"][ids], villages["y"][:, None] - inst["y"][ids])
    order = ids[np.argsort(dist / inst["size"][ids] ** 0.3, axis=1)]
    return np.concatenate([order] * (6 // len(ids) + 1), axis=1)[:, :6] if len(ids) < 6 else order[:, :6]


_HOLIDAYS = ((1, 1, 1), (2, 17, 8), (4, 5, 1), (5, 1, 4), (6, 19, 1), (10, 1, 7))


def _calendar(rng: np.random.Generator, span: Span) -> dict[str, Array]:
    days = [span.first + timedelta(k) for k in range(span.days)]
    holiday = np.array([any(0 <= (d - date(d.year, m, a)).days < n for m, a, n in _HOLIDAYS) for d in days])
    flu = np.array([np.exp(-0.5 * (((d - date(d.year + (d.month > 7), 1, 8)).days) / 22) ** 2) for d in days])
    cutover = np.zeros(span.days, bool)
    cutover[int(rng.integers(30, max(31, span.days - 30)))] = True
    week = np.array([d.weekday() for d in days])
    return {"day": np.arange(span.days) + day_number(span.first), "holiday": holiday, "flu": flu, "topup": np.array([d.day in (8, 9) for d in days]),
            "pension": np.array([d.day in (15, 16) for d in days]), "cutover": cutover, "weekday": week, "month": np.array([d.month for d in days])}  # fmt: skip


def to_datetime(seconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=int(seconds))
