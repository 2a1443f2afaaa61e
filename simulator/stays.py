"""Stays in hospital as arrays: the honest ones, and what an honest stay looks like from day to day.

Most guilty-looking innocents of the wards live here: chemotherapy cycles (N02), long psychiatric and rehabilitation stays (N03),
nursing-home batches (N04), day surgery (N10), planned returns (N11), births (N12), clinical pathways (N13), flu and food poisoning (N14),
transfers (N16), emergencies (N17), home beds (N34), thrifty little hospitals whose weekends are quiet. They outnumber the frauds by far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.population import DAY, GENERAL, PRIVATE, PSYCH, REHAB, SPECIAL, TCM, TOWNSHIP, Array, World

Stays = dict[str, Array]
COLUMNS: dict[str, tuple[Any, Any]] = {
    "person": (np.int32, -1), "inst": (np.int32, -1), "doctor": (np.int32, -1), "dx": (np.int16, -1), "med": ("U4", "21"), "adm": (np.int64, 0), "end": (np.int64, 0),
    "drug": (np.float32, 3.0), "oral": (np.float32, 0.3), "treat": (np.float32, 1.2), "lab0": (np.float32, 5.0), "lab": (np.float32, 0.3), "exam0": (np.float32, 1.5),
    "exam": (np.float32, 0.08), "nurse": (np.int8, 2), "quiet_a": (np.int16, 999), "quiet_b": (np.int16, 999), "surgery": (np.int16, -1), "material": (np.int16, -1), "implants": (np.int8, 1),
    "same": (np.int32, -1), "sim": (np.float32, 0.0), "price": (np.float32, 1.0), "way": ("U1", "1"), "planned": (np.bool_, False), "adm_way": ("U1", "1"), "waived": (np.bool_, False),
    "home": (np.bool_, False), "minute": (np.int16, -1), "shared_bed": (np.bool_, False), "scheme": ("U3", ""), "severity": (np.float32, 0.0), "innocent": ("U3", ""),
    "follow": (np.int32, -1),  # the stay this one continues (chemotherapy, split stays, transfers)
    "refund": (np.bool_, False), "inflate": (np.float32, 0.0), "group": (np.int32, -1), "away": (np.bool_, False),
}  # fmt: skip


def stays(n: int, **given: Any) -> Stays:
    out: Stays = {}
    for name, (kind, default) in COLUMNS.items():
        value = given.pop(name, default)
        out[name] = (
            np.broadcast_to(np.asarray(value, kind), n).copy() if np.ndim(value) == 0 else np.array(value).astype(kind)
        )
        assert len(out[name]) == n, name
    assert not given, given
    return out


def join(tables: list[Stays]) -> Stays:
    return {
        c: np.concatenate([t[c] for t in tables]).astype(COLUMNS[c][0]) if tables else np.zeros(0, COLUMNS[c][0])
        for c in COLUMNS
    }


def take(table: Stays, where: Array) -> Stays:
    return {c: a[where] for c, a in table.items()}


def pick_inst(rng: np.random.Generator, world: World, person: Array, shares: dict[int, float]) -> Array:
    """A hospital by kind shares, mostly near home."""
    kinds = list(shares)
    which = rng.choice(len(kinds), len(person), p=np.array([shares[k] for k in kinds]) / sum(shares.values()))
    rank = np.minimum(rng.geometric(0.42, len(person)) - 1, 5)
    village = world.p["village"][person]
    out = np.zeros(len(person), np.int32)
    for j, kind in enumerate(kinds):
        sel = which == j
        out[sel] = world.near[kind][village[sel], rank[sel]]
    return out


def pick_dx(rng: np.random.Generator, world: World, person: Array, pool: Array) -> Array:
    """Diagnoses from the pool that fit age and sex (a few tries, then the first of the pool)."""
    dx = world.dx
    weight = dx.weight[pool] / dx.weight[pool].sum()
    code = rng.choice(pool, len(person), p=weight)
    for _ in range(12):
        bad = unfit(world, person, code)
        if not bad.any():
            break
        code[bad] = rng.choice(pool, int(bad.sum()), p=weight)
    return np.where(unfit(world, person, code), dx["J18.900"], code)


def unfit(world: World, person: Array, code: Array) -> Array:
    dx, age, sex = world.dx, world.p["age"][person], world.p["sex"][person]
    return np.asarray(
        (age < dx.age_min[code]) | (age > dx.age_max[code]) | ((dx.sex[code] > 0) & (dx.sex[code] != sex))
    )


def admit(rng: np.random.Generator, world: World, n: int, growth: float = 1.0) -> Array:
    """Admission seconds over the span (and the weeks before it, so that day one is not empty). growth > 1: more of them later on."""
    span = world.span
    day = np.floor((span.days + 25) * rng.random(n) ** (1 / growth)).astype(np.int64) - 25
    calendar = world.calendar
    quiet = np.where(
        day >= 0, (calendar["weekday"][day.clip(0)] >= 5) * 0.4 + calendar["holiday"][day.clip(0)] * 0.4, 0.0
    )
    day = day + (rng.random(n) < quiet) * rng.integers(1, 4, n)
    hour = np.where(rng.random(n) < 0.78, rng.normal(10.2, 1.6, n).clip(7.5, 17.5), rng.random(n) * 24)
    return np.asarray(span.start + day * DAY + (hour * 3600).astype(np.int64))


def leave(rng: np.random.Generator, adm: Array, nights: Array) -> Array:
    hour = rng.normal(10.6, 1.4, len(adm)).clip(8, 17)
    end = adm // DAY * DAY + np.asarray(nights, np.int64) * DAY + (hour * 3600).astype(np.int64)
    return np.asarray(np.maximum(end, adm + 3 * 3600))


def dress(rng: np.random.Generator, world: World, s: Stays) -> Stays:
    """Fill the day-to-day style of honest stays from diagnosis, unit and chance."""
    n, dx, i = len(s["person"]), world.dx, world.i
    level, lean, kind = i["level"][s["inst"]], i["lean"][s["inst"]], i["kind"][s["inst"]]
    heavy = dx.intensity[s["dx"]] * rng.gamma(9, 1 / 9, n)
    frugal = (1 - lean) * rng.uniform(0.75, 1.25, n)
    s["drug"] = (
        (3.6 + 1.7 * level) * np.where(world.p["employee"][s["person"]], 1.25, 1.0) * heavy * (0.5 + 0.5 * frugal)
    )
    s["oral"] = (0.2 + 0.25 * (heavy < 0.9) + 0.35 * lean * rng.random(n) + 0.15 * rng.random(n)).clip(0, 0.95)
    s["treat"] = np.select(
        [np.isin(kind, (REHAB, TCM)), kind == PRIVATE, kind == PSYCH], [2.2, 1.4, 0.7], 0.8
    ) * rng.gamma(4, 0.25, n)
    s["lab0"] = (
        (3.0 + 3.0 * level) * (0.35 + 0.65 * frugal) * rng.gamma(6, 1 / 6, n) * (1 + 0.8 * i["panel"][s["inst"]])
    )
    s["lab"] = 0.17 * level * heavy * (0.3 + 0.7 * frugal)
    s["exam0"] = (0.8 + 1.0 * level) * (0.35 + 0.65 * frugal)
    s["exam"] = 0.07 * level * heavy * frugal.clip(0.1)
    s["nurse"] = np.where(
        rng.random(n) < 0.16 * heavy, 1, np.where(rng.random(n) < 0.3 + 0.4 * lean - 0.1 * level, 3, 2)
    )
    nights = ((s["end"] // DAY) - (s["adm"] // DAY)).clip(0)
    idle = (rng.random(n) < 0.05 + 0.34 * lean) & (nights > 3)
    begin = (1 + rng.random(n) * (nights - 2).clip(1)).astype(int)
    s["quiet_a"] = np.where(idle, begin, 999)
    s["quiet_b"] = np.where(idle, begin + rng.choice([1, 2, 3, 4], n, p=[0.3, 0.4, 0.2, 0.1]), 999)
    minute = 60 * 8 + (s["inst"] * 37) % 170
    s["minute"] = np.where(i["autocharge"][s["inst"]] | (rng.random(n) < 0.04), minute, -1)
    s["price"] = rng.normal(1, 0.04, n).clip(0.85, 1.15)
    s["way"] = np.where(rng.random(n) < 0.035, "4", np.where(rng.random(n) < 0.008, "2", "1"))
    s["adm_way"] = np.where(rng.random(n) < 0.18 * (level >= 2) + 0.06, "2", "1")
    items = world.items
    for code, op, material in _SURGERY:
        sel = (s["dx"] == dx[code]) & (rng.random(n) < 0.85) & (level >= 1)
        s["surgery"][sel] = items[op]
        s["material"][sel] = items[material] if material else -1
    free = s["doctor"] < 0
    count = i["doc_count"][s["inst"]]
    # the ward's chiefs sign for more patients than the others
    pick = (rng.random(n) ** 1.7 * count).astype(np.int64)
    s["doctor"] = np.where(free, i["doc_first"][s["inst"]] + pick, s["doctor"]).astype(np.int32)
    return s


_SURGERY = (
    ("K80.200", "腹腔镜胆囊切除术", "腹腔镜套件"), ("K35.800", "阑尾切除术", "止血材料"), ("K40.900", "疝修补术", "疝补片"), ("S72.000", "髋关节置换术", "髋关节假体"),
    ("S82.200", "骨折内固定术", "钢板螺钉"), ("H25.900", "白内障超声乳化", "人工晶体"), ("D25.900", "子宫肌瘤剔除术", "止血材料"), ("O80.x00", "阴道分娩", ""), ("O82.x00", "剖宫产术", "止血材料"),
    ("Z47.000", "内固定取出术", "敷料"), ("I20.000", "经皮冠脉支架植入", "冠脉支架"),
)  # fmt: skip
HEAVY = {GENERAL: 0.74, TCM: 0.09, SPECIAL: 0.06, PRIVATE: 0.06, TOWNSHIP: 0.05}
MILD = {TOWNSHIP: 0.38, PRIVATE: 0.17, TCM: 0.15, GENERAL: 0.23, REHAB: 0.07}


def honest(world: World) -> Stays:
    """All honest stays of the county, ordered by construction (callers sort by person)."""
    rng, p, dx, span = world.rng("stays"), world.p, world.dx, world.span
    n = len(p["age"])
    years = (span.days + 25) / 365.25
    parts: list[Stays] = []
    rate = (
        0.088
        * years
        * (0.25 + 0.75 * p["frail"])
        * rng.gamma(2.5, 0.4, n)
        * np.where(p["special"] == 4, 1.7, 1.0)
        * np.where(p["special"] == 7, 1.8, 1.0)
    )
    who = np.repeat(np.arange(n), rng.poisson(rate))
    m = len(who)
    pool = np.flatnonzero(
        (dx.weight > 0) & np.array([("i" in k) or ("m" in k and "o" not in k) or k == "cm" for k in dx.kind])
    )
    code = pick_dx(rng, world, who, pool)
    mild = dx.intensity[code] < 1.0
    inst = np.where(mild, pick_inst(rng, world, who, MILD), pick_inst(rng, world, who, HEAVY))
    adm = admit(rng, world, m)
    nights = _los(rng, world, code, inst)
    main = stays(m, person=who, inst=inst, dx=code, adm=adm, end=leave(rng, adm, nights))
    main["med"][(dx.menu[code] == "trauma") & (rng.random(m) < 0.6)] = "22"
    main["med"][dx.menu[code] == "birth"] = "52"
    main["innocent"][main["med"] == "52"] = "N12"
    parts.append(main)
    parts += [
        _returns(rng, world, main),
        _transfers(rng, world, main),
        *_specials(rng, world),
        *_clusters(rng, world),
        _seasonal(rng, world),
        _day_surgery(rng, world),
        _pathways(rng, world, main),
    ]
    everyone = join(parts)
    dress(rng, world, everyone)
    _soften(rng, world, everyone)
    dead = (p["death"][everyone["person"]] >= 0) & (everyone["end"] // DAY > p["death"][everyone["person"]])
    return take(everyone, ~dead)


def _los(rng: np.random.Generator, world: World, code: Array, inst: Array) -> Array:
    mean = (
        world.dx.los[code]
        * np.where(world.i["kind"][inst] == TOWNSHIP, 0.85, 1.0)
        * np.where(np.isin(world.i["kind"][inst], (REHAB, TCM)), 1.2, 1.0)
    )
    return np.maximum(1, np.round(mean * rng.lognormal(-0.09, 0.42, len(code)))).astype(np.int64)


def _returns(rng: np.random.Generator, world: World, main: Stays) -> Stays:
    """Honest second stays: heart failure and lungs come back (unplanned), fixation and the second eye are planned (N11)."""
    m = len(main["person"])
    again = np.flatnonzero(rng.random(m) < 0.045)
    planned = np.flatnonzero(
        np.isin(main["dx"], [world.dx[c] for c in ("S82.200", "H25.900", "S72.000")]) & (rng.random(m) < 0.2)
    )
    both = np.concatenate([again, planned])
    is_planned = np.arange(len(both)) >= len(again)
    gap = np.where(is_planned, rng.integers(3, 20, len(both)), rng.integers(0, 24, len(both)))
    adm = (
        (main["end"][both] // DAY + gap) * DAY
        + rng.integers(8 * 3600, 17 * 3600, len(both))
        + np.where(gap == 0, 4 * 3600, 0)
    )
    code = np.where(
        rng.random(len(both)) < np.where(is_planned, 1.0, 0.8), main["dx"][both].astype(np.int64), world.dx["J18.900"]
    )
    code = np.where(is_planned & (main["dx"][both].astype(np.int64) != world.dx["H25.900"]), world.dx["Z47.000"], code)
    nights = _los(rng, world, code, main["inst"][both])
    return stays(len(both), person=main["person"][both], inst=main["inst"][both], dx=code, adm=adm, end=leave(rng, adm, nights),
                 planned=is_planned & (rng.random(len(both)) < 0.85), innocent=np.where(is_planned, "N11", ""))  # fmt: skip


def _transfers(rng: np.random.Generator, world: World, main: Stays) -> Stays:
    """N16: sent up the same day, hours overlapping; a quarter are sent down again to recover."""
    low = np.flatnonzero((world.i["level"][main["inst"]] <= 2) & (rng.random(len(main["person"])) < 0.018))
    main["way"][low] = "2"
    person = main["person"][low]
    inst = world.near[GENERAL][world.p["village"][person], rng.integers(0, 2, len(low))]
    adm = main["end"][low] + rng.integers(-5400, 3 * 3600, len(low))
    nights = np.maximum(2, rng.gamma(3, 3.2, len(low))).astype(int)
    return stays(
        len(low), person=person, inst=inst, dx=main["dx"][low], adm=adm, end=leave(rng, adm, nights), innocent="N16"
    )


def _specials(rng: np.random.Generator, world: World) -> list[Stays]:
    p, span, dx = world.p, world.span, world.dx
    out = []
    chemo = np.flatnonzero(p["special"] == 2)  # N02
    cycle = rng.choice([14, 21, 28], len(chemo), p=[0.25, 0.55, 0.2])
    count = np.minimum((span.days / cycle * rng.uniform(0.2, 0.8, len(chemo))).astype(int) + 1, 14)
    who = np.repeat(np.arange(len(chemo)), count)
    step = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    first = rng.integers(-10, max(1, span.days // 2), len(chemo))
    day = first[who] + step * cycle[who] + rng.integers(-1, 3, len(who))
    adm = span.start + day * DAY + rng.integers(8 * 3600, 11 * 3600, len(who))
    inst = world.near[GENERAL][p["village"][chemo], rng.integers(0, 2, len(chemo))][who]
    out.append(
        stays(
            len(who),
            person=chemo[who],
            inst=inst,
            dx=dx["Z51.102"],
            adm=adm,
            end=leave(rng, adm, rng.integers(1, 5, len(who))),
            planned=rng.random(len(who)) < 0.7,
            innocent="N02",
        )
    )
    for special, kind, code, low, high in ((3, PSYCH, "F20.900", 40, 160), (6, REHAB, "Z50.100", 24, 75)):  # N03
        ids = np.flatnonzero(p["special"] == special)
        day = rng.integers(-30, 40, len(ids))
        for _ in range(9):
            nights = rng.integers(low, high, len(ids))
            adm = span.start + day * DAY + rng.integers(8 * 3600, 16 * 3600, len(ids))
            go = day < span.days
            if not go.any():
                break
            inst = world.near[kind][p["village"][ids], (ids * 7) % 3]
            table = stays(
                len(ids),
                person=ids,
                inst=inst,
                dx=dx[code],
                adm=adm,
                end=leave(rng, adm, nights),
                med="2105",
                innocent="N03",
            )
            out.append(take(table, go))
            day = day + nights + rng.choice([0, 1, 3, 20, 60], len(ids))
    home = np.flatnonzero(p["special"] == 5)  # N34
    day = rng.integers(0, max(1, span.days - 40), len(home))
    adm = span.start + day * DAY + 9 * 3600 + rng.integers(0, 3600, len(home))
    inst = world.near[TOWNSHIP][p["village"][home], 0]
    out.append(
        stays(
            len(home),
            person=home,
            inst=inst,
            dx=dx["I69.300"],
            adm=adm,
            end=leave(rng, adm, rng.integers(20, 60, len(home))),
            home=True,
            innocent="N34",
        )
    )
    cadre = np.flatnonzero(p["cadre"])  # N27: long and costly, and lawful
    k = rng.poisson(1.8 * span.years, len(cadre))
    who = np.repeat(cadre, k)
    adm = admit(rng, world, len(who))
    inst = world.near[GENERAL][p["village"][who], 0]
    out.append(stays(len(who), person=who, inst=inst, dx=pick_dx(rng, world, who, np.array([dx["I25.100"], dx["J44.100"], dx["I67.800"]])), adm=adm,
                     end=leave(rng, adm, rng.integers(9, 34, len(who))), innocent="N27"))  # fmt: skip
    return out


def _clusters(rng: np.random.Generator, world: World) -> list[Stays]:
    """N04 nursing-home batches, N14 food poisoning and flu weeks, N15 villages sent in after a screening: many at once, none guilty."""
    p, span, dx = world.p, world.span, world.dx
    out: list[Stays] = []
    serial = 0
    n = len(p["age"])
    for home in np.unique(p["village"][p["special"] == 4]):
        members = np.flatnonzero((p["village"] == home) & (p["special"] == 4))
        inst = int(world.near[REHAB if rng.random() < 0.4 else PRIVATE if rng.random() < 0.5 else TOWNSHIP][home, 0])
        for _ in range(rng.poisson(2.6 * span.years)):
            serial += 1
            pick = rng.permutation(members)[: rng.integers(3, 9)]
            k = len(pick)
            adm = (
                span.start
                + int(rng.integers(0, span.days)) * DAY
                + rng.integers(8 * 3600, 11 * 3600, k)
                + rng.choice([0, 0, 0, 1], k) * DAY
            )
            nights = rng.integers(5, 13) + rng.choice([0, 0, 0, 1, -1], k)
            out.append(stays(k, person=pick, inst=inst, dx=rng.choice([dx["I67.800"], dx["J44.100"], dx["I25.100"]], k), adm=adm, end=leave(rng, adm, nights), same=900_000 + serial,
                             sim=rng.uniform(0.2, 0.6), innocent="N04"))  # fmt: skip
    events = [("N14", "A05.900", 4, 14), ("N14", "J10.100", 4, 10), ("N15", "M51.200", 3, 9), ("N15", "I67.800", 3, 9)]
    for name, code, low, high in events:
        for _ in range(rng.poisson(n / 9000 * span.years) + 1):
            serial += 1
            village = int(rng.choice(len(world.villages["weight"]), p=world.villages["weight"]))
            local = np.flatnonzero((p["village"] == village) & (p["special"] == 0))
            local = local[~unfit(world, local, np.full(len(local), dx[code]))]
            pick = rng.permutation(local)[: rng.integers(low, high)]
            k = len(pick)
            kind = [TOWNSHIP, PRIVATE, TCM][int(rng.integers(0, 3))]
            adm = (
                span.start
                + int(rng.integers(0, span.days)) * DAY
                + rng.integers(7 * 3600, 20 * 3600, k)
                + rng.choice([0, 0, 1, 2], k) * DAY
            )
            nights = np.maximum(1, rng.normal(world.dx.los[dx[code]], 1.0, k)).astype(int)
            out.append(
                stays(
                    k,
                    person=pick,
                    inst=int(world.near[kind][village, 0]),
                    dx=dx[code],
                    adm=adm,
                    end=leave(rng, adm, nights),
                    same=900_000 + serial,
                    sim=rng.uniform(0.2, 0.7),
                    innocent=name,
                )
            )
    return out


def _seasonal(rng: np.random.Generator, world: World) -> Stays:
    """N29: old people who come every season to the small unit they trust, to its chief, for the same complaint and much the same bag."""
    p, span, dx = world.p, world.span, world.dx
    pool = np.flatnonzero((p["age"] > 50) & np.isin(p["special"], (0, 7)) & ~p["cadre"])
    who = rng.permutation(pool)[: round(0.009 * len(p["age"]))]
    mild = np.array([dx[c] for c in ("I67.800", "M51.200", "E11.700", "K29.500", "I69.300", "I10.x00", "M54.500")])
    code, inst = (
        pick_dx(rng, world, who, mild),
        pick_inst(rng, world, who, {TOWNSHIP: 0.4, PRIVATE: 0.25, TCM: 0.2, REHAB: 0.15}),
    )
    count = rng.poisson(1.9 * span.years, len(who))
    k = np.repeat(np.arange(len(who)), count)
    adm = admit(rng, world, len(k))
    chief = world.i["doc_first"][inst] + (rng.random(len(who)) ** 2 * world.i["doc_count"][inst]).astype(np.int64)
    packet = rng.random(len(k)) < 0.2
    return stays(len(k), person=who[k], inst=inst[k], dx=code[k], adm=adm, end=leave(rng, adm, _los(rng, world, code[k], inst[k])), doctor=np.where(rng.random(len(k)) < 0.75, chief[k], -1),
                 same=np.where(packet, 870_000 + inst[k] * 64 + code[k] % 64, -1), sim=np.where(packet, rng.uniform(0.2, 0.6, len(k)), 0), innocent="N29")  # fmt: skip


def _day_surgery(rng: np.random.Generator, world: World) -> Stays:
    p, dx = world.p, world.dx
    n = rng.poisson(0.006 * len(p["age"]) * world.span.years)
    who = rng.permutation(np.flatnonzero(p["age"] > 45))[:n]
    code = pick_dx(rng, world, who, np.array([dx["H25.900"], dx["K40.900"], dx["N20.000"]]))
    adm = admit(rng, world, len(who)) // DAY * DAY + rng.integers(8 * 3600, 10 * 3600, len(who))
    inst = pick_inst(rng, world, who, {GENERAL: 0.6, SPECIAL: 0.4})
    nights = (rng.random(len(who)) < 0.35).astype(int)
    return stays(
        len(who),
        person=who,
        inst=inst,
        dx=code,
        adm=adm,
        end=np.maximum(leave(rng, adm, nights), adm + 6 * 3600),
        med="28",
        same=700_000 + code.astype(np.int64),
        sim=0.75,
        innocent="N10",
    )


def _pathways(rng: np.random.Generator, world: World, main: Stays) -> Stays:
    """N13: hospitals with a clinical pathway treat the same disease with the same bag. Changes `main` in place."""
    units = world.of_kind(GENERAL, TCM, SPECIAL, TOWNSHIP)
    for code in ("K40.900", "O80.x00", "H25.900", "M51.200", "J18.900"):
        chosen = rng.permutation(units)[: max(1, len(units) // 4)]
        sel = np.isin(main["inst"], chosen) & (main["dx"] == world.dx[code])
        main["same"][sel] = 800_000 + main["inst"][sel] * 64 + world.dx[code]
        main["sim"][sel] = rng.uniform(0.4, 0.85, int(sel.sum()))
        main["innocent"][sel] = "N13"
        main["med"][sel & (main["med"] == "21") & (rng.random(len(sel)) < 0.5)] = "26"
    return join([])


def _soften(rng: np.random.Generator, world: World, s: Stays) -> None:
    """What special honest stays look like in the ward: flat psychiatric months, nurse visits at home, short chemo bags."""
    long = s["innocent"] == "N03"
    s["drug"][long] *= 0.55
    s["oral"][long] = rng.uniform(0.6, 0.95, int(long.sum()))
    s["lab"][long] *= 0.12
    s["exam"][long] *= 0.1
    s["treat"][long] = rng.uniform(0.6, 1.6, int(long.sum()))
    s["nurse"][long] = 3
    home = s["home"]
    s["drug"][home] *= 0.3
    s["oral"][home] = 0.9
    s["lab"][home] *= 0.1
    s["exam0"][home] *= 0.3
    batch = np.isin(s["innocent"], ("N04", "N15"))
    s["drug"][batch] *= rng.uniform(0.6, 1.0, int(batch.sum()))
    s["oral"][batch] = (s["oral"][batch] + 0.2).clip(0, 0.95)
    poor = np.isin(world.p["idet"][s["person"]], ("特困", "低保"))
    s["waived"] = poor & (rng.random(len(poor)) < 0.6)
