"""Visits as arrays, and the county's ordinary days: outpatient, chronic, emergency, pharmacy.

A *visit table* is a dict of equally long arrays (`COLUMNS`). Background visits are drawn per chunk of persons; schemes and innocents
add planned visits. Rates after seeds.md §7: residents 7.2, employees 20.8 visits a person-year.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.population import CLINIC, DAY, GENERAL, PHARMACY, PRIVATE, SPECIAL, TCM, TOWNSHIP, VILLAGE, Array, World

Visits = dict[str, Array]
PH, OP, ER, CHRONIC, DIALYSIS, MANUAL, INJURY, TCMOP, STAY = 0, 1, 2, 3, 4, 5, 6, 7, 9
COLUMNS: dict[str, tuple[Any, Any]] = {
    "person": (np.int32, -1), "inst": (np.int32, -1), "doctor": (np.int32, -1), "kind": (np.int8, 0), "dx": (np.int16, -1), "begin": (np.int64, 0),
    "setl": (np.int64, -1),  # settlement time; -1 = a minute or so after the beginning
    "menu": (np.int16, 0), "n": (np.int16, 1), "bag": (np.int32, -1),  # bag ≥ 0: lines from world.bags instead of the menu
    "target": (np.int64, 0),  # fen the till shows, 0 = whatever the lines cost
    "acct": (np.int8, 0),  # 1 = all by personal account, whatever is in it
    "cert": (np.int8, 0),  # 0 = by habit, else 1 e-voucher 2 identity card 3 social card
    "refund": (np.int8, 0),  # 1 full, 2 partial, 3 full and settled again
    "refund_gap": (np.int32, 0), "mulaid": (np.bool_, False), "days": (np.int16, 0), "qty": (np.int16, 0), "price": (np.float32, 1.0),
    "stay": (np.int32, -1), "night": (np.bool_, False), "same": (np.int32, -1),  # lines drawn as of this template
    "remote": (np.bool_, False),
}  # fmt: skip


def visits(size: int, /, **given: Any) -> Visits:
    """A visit table of `size` rows; scalars and arrays given by name, the rest by default."""
    out = {}
    for name, (kind, default) in COLUMNS.items():
        value = given.pop(name, default)
        out[name] = (
            np.broadcast_to(np.asarray(value, kind), size).copy()
            if np.ndim(value) == 0
            else np.asarray(value).astype(kind, copy=False)
        )
        assert len(out[name]) == size, name
    assert not given, given
    return out


def join(tables: list[Visits]) -> Visits:
    return {c: np.concatenate([t[c] for t in tables]) if tables else np.zeros(0, COLUMNS[c][0]) for c in COLUMNS}


def take(table: Visits, where: Array) -> Visits:
    return {c: a[where] for c, a in table.items()}


def hours(rng: np.random.Generator, n: int, kind: str) -> Array:
    """Seconds within the day. clinic: two office peaks; shop: to 21:30; round: any hour (emergency, 24-hour shops)."""
    u = rng.random(n)
    if kind == "clinic":
        hour = np.where(
            rng.random(n) < 0.64, rng.normal(9.6, 1.1, n).clip(7.6, 12), rng.normal(15.6, 1.0, n).clip(13.3, 17.8)
        )
    elif kind == "shop":
        hour = np.where(
            u < 0.42, rng.normal(10, 1.3, n), np.where(u < 0.75, rng.normal(16.4, 1.6, n), rng.normal(19.4, 1.0, n))
        ).clip(7.3, 21.7)
    else:
        hour = (rng.normal(19.5, 5.5, n)) % 24
    return (hour * 3600).astype(np.int64)


def pick_days(rng: np.random.Generator, world: World, n: int, flavour: str) -> Array:
    """Day offsets 0 … days-1 with weekly, festive, seasonal and pension-day rhythm."""
    c = world.calendar
    w = np.where(c["weekday"] >= 5, 0.72, 1.0) * np.where(c["holiday"], 0.5, 1.0)
    if flavour == "flu":
        w = w * (0.55 + 1.7 * c["flu"])
    if flavour == "shop":
        w = (
            np.where(c["weekday"] >= 5, 1.12, 1.0)
            * np.where(c["topup"], 1.5, 1.0)
            * np.where(c["pension"], 1.2, 1.0)
            * np.where(c["month"] == 12, 1.12, 1.0)
        )
    cum = np.cumsum(w)
    return np.asarray(np.searchsorted(cum, rng.random(n) * cum[-1]).clip(0, len(w) - 1))


def doctor_of(rng: np.random.Generator, world: World, person: Array, inst: Array, loyal: float = 0.6) -> Array:
    """The usual doctor of the person at that unit, or any other there."""
    first, count = world.i["doc_first"][inst], world.i["doc_count"][inst]
    usual = (person.astype(np.int64) * 31 + inst * 17) % count
    other = (rng.random(len(inst)) * count).astype(np.int64)
    return np.asarray(first + np.where(rng.random(len(inst)) < loyal, usual, other)).astype(np.int32)


def usual_unit(rng: np.random.Generator, world: World, person: Array, kind: int, loyal: float = 0.7) -> Array:
    """A near unit of that kind: the person's habit, else one of the other five."""
    habit = world.p["habit"][person].astype(np.int64) // 2
    rank = np.where(rng.random(len(person)) < loyal, habit, np.minimum(rng.geometric(0.4, len(person)) - 1, 5))
    return np.asarray(world.near[kind][world.p["village"][person], rank]).astype(np.int32)


def background(world: World, first: int, last: int, chunk: int) -> Visits:
    """Ordinary visits of persons first … last-1."""
    rng = world.rng("visits", chunk)
    p = {k: a[first:last] for k, a in world.p.items()}
    n, years, dx, start = last - first, world.span.years, world.dx, world.span.start
    wet = p["frail"] * years * rng.gamma(3, 1 / 3, n)
    emp = p["employee"]
    parts: list[Visits] = []

    # --- pharmacies
    # some fill their cupboard, some hardly go: what an account spends is spread widely among the honest, too
    taste = rng.gamma(1.6, 1 / 1.6, n)
    k = rng.poisson(np.where(emp, 9.6 * taste, 1.75) * (0.45 * years + 0.55 * wet))
    who = np.repeat(np.arange(n), k)
    m = len(who)
    day = pick_days(rng, world, m, "shop")
    inst = np.where(rng.random(m) < 0.72, p["usual"][who], usual_unit(rng, world, who + first, PHARMACY, 0.2)).astype(
        np.int32
    )
    inst = np.where(rng.random(m) < 0.05, rng.choice(world.of_kind(PHARMACY), m), inst)
    second = hours(rng, m, "shop")
    night = world.i["open24"][inst] & (rng.random(m) < 0.18)
    second[night] = hours(rng, int(night.sum()), "round")
    round_sale = emp[who] & (rng.random(m) < np.where(world.i["round_shop"][inst], 0.09, 0.012))
    sick = p["chronic"][who] & (rng.random(m) < 0.45)
    family = world.menus.index
    chronic_menu = np.array([family[dx.menu[dx[c]]] for c in CHRONIC_CODES])[p["dx_chronic"]]
    menu = np.where(sick, chronic_menu[who], family["shop"])
    tonic = emp & (rng.random(n) < 0.06)  # N30: regular buyers of tonics and gift boxes
    dear = rng.random(m) < 0.02 + 0.25 * tonic[who] + 0.06 * world.i["promo"][inst] + np.where(
        world.i["dual"][inst], 0.12, 0
    )
    menu = np.where(dear & emp[who], family["costly"], np.where(dear & world.i["dual"][inst], family["resale"], menu))
    parts.append(visits(m, person=who + first, inst=inst, kind=PH, begin=start + day * DAY + second, menu=menu, n=1 + rng.poisson(1.3, m).clip(0, 9),
                        target=np.where(round_sale, rng.choice([5000, 9900, 10000, 16800, 20000, 30000, 50000, 80000], m, p=[0.2, 0.1, 0.27, 0.1, 0.16, 0.09, 0.05, 0.03]), 0),
                        acct=(emp[who] & (rng.random(m) < 0.86)), mulaid=p["mulaid"][who] & ~emp[who] & (rng.random(m) < 0.6)))  # fmt: skip

    # --- outpatient
    k = rng.poisson(np.where(emp, 7.1, 4.2) * (0.3 * years + 0.7 * wet) * np.where(p["away"], 0.3, 1.0))
    who = np.repeat(np.arange(n), k)
    m = len(who)
    kind_p = np.where(
        p["urban"][who, None],
        [[0.03, 0.24, 0.16, 0.37, 0.12, 0.05, 0.03]],
        [[0.30, 0.10, 0.27, 0.20, 0.07, 0.03, 0.03]],
    )
    u = rng.random(m)[:, None]
    which = (u > np.cumsum(kind_p, 1)).sum(1).clip(0, 6)
    inst = np.zeros(m, np.int32)
    for j, place in enumerate((VILLAGE, CLINIC, TOWNSHIP, GENERAL, TCM, SPECIAL, PRIVATE)):
        sel = which == j
        inst[sel] = usual_unit(rng, world, who[sel] + first, place, 0.75)
    acute = np.flatnonzero([("o" in kd or "m" in kd) and "c" not in kd for kd in dx.kind])
    code = rng.choice(acute, m, p=dx.weight[acute] / dx.weight[acute].sum())
    mine = p["chronic"][who] & (rng.random(m) < 0.4)
    code = np.where(mine, np.array([dx[c] for c in CHRONIC_CODES])[p["dx_chronic"]][who], code)
    wrong = (
        ((dx.sex[code] > 0) & (dx.sex[code] != p["sex"][who]))
        | (p["age"][who] < dx.age_min[code])
        | (p["age"][who] > dx.age_max[code])
    )
    code = np.where(wrong & (rng.random(m) < 0.9997), dx["J06.900"], code)  # the rest are slips of the desk
    day = pick_days(rng, world, m, "flu")
    second = hours(rng, m, "clinic")
    er = (rng.random(m) < 0.035) & (world.i["level"][inst] >= 1)
    second[er] = hours(rng, int(er.sum()), "round")
    injury = er & (rng.random(m) < 0.35)
    code = np.where(injury, dx["T14.900"], code)
    menu = np.array([family[x] for x in dx.menu])[code]
    begin = start + day * DAY + second
    late = world.i["batch_upload"][inst]  # N07: the village room uploads its day at half past five
    begin = np.where(late, start + day * DAY + 17 * 3600 + 1800 + (inst * 7) % 1200, begin)
    kind = np.select([injury & (rng.random(m) < 0.5), er, world.i["kind"][inst] == TCM], [INJURY, ER, TCMOP], OP)
    kind = np.where((kind == TCMOP) & (rng.random(m) < 0.5), OP, kind)
    doctor = doctor_of(rng, world, who + first, inst, 0.4)
    # doctors differ in how much they write down; one in twelve writes half as much again, without any fraud
    style = world.rng("pens").gamma(14, 1 / 14, len(world.d["inst"]))
    style = (style * np.where(world.rng("pens", 2).random(len(style)) < 0.08, 1.5, 1.0))[doctor]
    parts.append(visits(m, person=who + first, inst=inst, kind=kind, dx=code, begin=begin, menu=menu, doctor=doctor,
                        n=2 + rng.poisson((1.9 + (world.i["level"][inst] >= 2) * 1.0) * style)))  # fmt: skip

    # --- chronic benefit: refills every four weeks, or twelve at once for the long prescription (N08)
    registered = p["chronic"] & registered_mask(world)[first:last]
    long = registered & (rng.random(n) < 0.22)
    every = np.where(long, 84, 28)
    k = np.where(
        registered, np.maximum(0, (world.span.days * rng.uniform(0.55, 1.0, n) * p["fill"] / every).astype(int)), 0
    )
    who = np.repeat(np.arange(n), k)
    m = len(who)
    step = np.arange(m) - np.repeat(np.cumsum(k) - k, k)
    day = (rng.integers(0, 28, n)[who] + step * every[who] + rng.normal(0, 2.5, m)).astype(np.int64)
    keep = (day >= 0) & (day < world.span.days)
    who, day = who[keep], day[keep]
    m = len(who)
    code = np.array([dx[c] for c in CHRONIC_CODES])[p["dx_chronic"]][who]
    rural = (p["habit"] % 3 == 0)[who]
    # most keep to one place; a fifth take whatever desk is short today, town or township
    roams = (rng.random(n) < 0.2)[who]
    rural = np.where(roams & (rng.random(m) < 0.5), ~rural, rural)
    loyal = rng.random(m) < np.where(roams, 0.3, 1.0)
    inst = np.where(
        rural,
        usual_unit(rng, world, who + first, TOWNSHIP, 0.75),
        usual_unit(rng, world, who + first, GENERAL, 0.75),
    )
    inst = np.where(loyal, inst, usual_unit(rng, world, who + first, TCM, 0.4)).astype(np.int32)
    multi = p["special"][who] == 7
    parts.append(visits(m, person=who + first, inst=inst, kind=CHRONIC, dx=code, begin=start + day * DAY + hours(rng, m, "clinic"), menu=np.where(rng.random(m) < 0.09, family["resale"], np.array([family[x] for x in dx.menu])[code]),
                        n=2 + rng.poisson(1.0 + 1.6 * multi), doctor=doctor_of(rng, world, who + first, inst, 0.55), days=np.where(long[who], 84, 28), qty=np.where(long[who], 6, 2)))  # fmt: skip

    # --- N29: old people with five diseases collect at several units, lawfully
    old = np.flatnonzero(p["special"] == 7)
    k = rng.poisson(11 * years * rng.gamma(2.5, 0.4, len(old)))
    who = np.repeat(old, k)
    m = len(who)
    code = np.where(
        rng.random(m) < 0.6,
        np.array([dx[c] for c in CHRONIC_CODES])[p["dx_chronic"]][who],
        rng.choice([dx[c] for c in CHRONIC_CODES], m),
    )
    inst = np.where(
        rng.random(m) < 0.5,
        usual_unit(rng, world, who + first, GENERAL, 0.5),
        usual_unit(rng, world, who + first, TCM, 0.5),
    )
    parts.append(visits(m, person=who + first, inst=inst, kind=CHRONIC, dx=code, begin=start + rng.integers(0, world.span.days, m) * DAY + hours(rng, m, "clinic"), doctor=doctor_of(rng, world, who + first, inst, 0.4),
                        menu=np.where(rng.random(m) < 0.22, family["resale"], np.array([family[x] for x in dx.menu])[code]), n=2 + rng.poisson(1.3, m), days=28, qty=2))  # fmt: skip

    # --- N01 dialysis: three times a week, the same days, the same shift
    sick_ids = np.flatnonzero(p["special"] == 1)
    if len(sick_ids):
        pattern = rng.integers(0, 2, len(sick_ids))
        shift = rng.choice([7.5, 12.5, 17.5], len(sick_ids))
        weekday = world.calendar["weekday"]
        grid = (np.isin(weekday, (0, 2, 4))[None, :] & (pattern == 0)[:, None]) | (
            np.isin(weekday, (1, 3, 5))[None, :] & (pattern == 1)[:, None]
        )
        row, day = np.nonzero(grid & (rng.random(grid.shape) < 0.96))
        who = sick_ids[row]
        inst = world.near[GENERAL][p["village"][who], 0]
        begin = start + day * DAY + (shift[row] * 3600).astype(np.int64) + rng.integers(0, 2400, len(row))
        parts.append(
            visits(
                len(row),
                person=who + first,
                inst=inst,
                kind=DIALYSIS,
                dx=dx["Z49.101"],
                begin=begin,
                bag=0,
                doctor=doctor_of(rng, world, who + first, inst, 0.9),
            )
        )
    # --- N29: courses of needles and massage, many visits in few weeks, whichever therapist is free
    who = np.flatnonzero((p["age"] > 38) & (rng.random(n) < 0.05))
    who = np.repeat(who, 1 + rng.poisson(0.7 * years, len(who)))
    sessions = rng.integers(5, 12, len(who))
    course = np.repeat(np.arange(len(who)), sessions)
    m = len(course)
    step = np.arange(m) - np.repeat(np.cumsum(sessions) - sessions, sessions)
    day = rng.integers(0, world.span.days, len(who))[course] + step * rng.integers(1, 4, len(who))[course]
    home = np.where(rng.random(len(who)) < 0.6, TCM, TOWNSHIP)
    where = np.where(
        home == TCM, usual_unit(rng, world, who + first, TCM, 0.7), usual_unit(rng, world, who + first, TOWNSHIP, 0.7)
    )
    inst = where[course].astype(np.int32)
    begin = start + day * DAY + hours(rng, m, "clinic")
    some = np.flatnonzero(day < world.span.days)
    lines = visits(
        m,
        person=who[course] + first,
        inst=inst,
        kind=TCMOP,
        dx=dx["M54.500"],
        begin=begin,
        menu=family["pain"],
        n=2 + rng.poisson(0.8, m),
        doctor=doctor_of(rng, world, who[course] + first, inst, 0.35),
    )
    parts.append(take(lines, some))

    # --- N28: before the year ends some fill up what the benefit still allows
    december = np.flatnonzero(world.calendar["month"] == 12)
    if len(december):
        who = np.flatnonzero(registered & (rng.random(n) < 0.16))
        who = np.repeat(who, rng.choice([1, 2, 3, 4], len(who), p=[0.35, 0.35, 0.2, 0.1]))
        m = len(who)
        code = np.array([dx[c] for c in CHRONIC_CODES])[p["dx_chronic"]][who]
        inst = np.where(
            rng.random(m) < 0.5,
            usual_unit(rng, world, who + first, TOWNSHIP, 0.6),
            usual_unit(rng, world, who + first, GENERAL, 0.6),
        )
        begin = start + rng.choice(december, m) * DAY + hours(rng, m, "clinic")
        menu = np.where(rng.random(m) < 0.12, family["resale"], np.array([family[x] for x in dx.menu])[code])
        doctor = doctor_of(rng, world, who + first, inst, 0.55)
        parts.append(
            visits(
                m,
                person=who + first,
                inst=inst,
                kind=CHRONIC,
                dx=code,
                begin=begin,
                menu=menu,
                n=2 + rng.poisson(1.0, m),
                doctor=doctor,
                days=28,
                qty=2,
            )
        )

    # --- the prescription goes on to the shop the same day (N30): a seventh of the purchases follow a visit
    seen, shop = join(parts[1:]), parts[0]
    order = np.argsort(seen["person"], kind="stable")
    at = np.searchsorted(seen["person"][order], np.arange(first, last + 1))
    own = shop["person"].astype(np.int64) - first
    some = at[own + 1] - at[own]
    follow = np.flatnonzero((some > 0) & (rng.random(len(own)) < 0.14))
    which = order[at[own[follow]] + (rng.random(len(follow)) * some[follow]).astype(np.int64)]
    shop["begin"][follow] = seen["begin"][which] + rng.integers(1200, 3 * 3600, len(follow))

    out = join(parts)
    away = world.p["away"][out["person"]]
    gone = (world.p["death"][out["person"]] >= 0) & (out["begin"] // DAY >= world.p["death"][out["person"]])
    keep = ~gone & (out["begin"] < world.span.stop) & ~(away & (out["kind"] == PH) & (rng.random(len(gone)) < 0.7))
    out = take(out, keep)
    m = len(keep.nonzero()[0])
    # corrections (N31): wrong type or amount, refunded and settled again within the hour; plain refunds
    u = rng.random(m)
    slip = np.where(np.isin(out["begin"] // DAY, world.calendar["day"][world.calendar["cutover"]]), 8.0, 1.0)
    out["refund"] = np.select([u < 0.0022 * slip, u < 0.0038 * slip, u < 0.005 * slip], [3, 1, 2], 0).astype(np.int8)
    out["refund_gap"] = np.where(
        out["refund"] == 3, rng.exponential(1500, m) + 60, rng.exponential(2.5 * DAY, m) + 300
    ).astype(np.int32)
    return out


CHRONIC_CODES = ("I10.x00", "E11.900", "I25.100", "J44.900", "I69.300", "M06.900", "G20.x00", "B18.100", "N18.900")


def registered_mask(world: World) -> Array:
    """Who holds a chronic-benefit registration: a steady 45 % of the chronically ill."""
    if "registered" not in world.p:
        n = len(world.p["age"])
        world.p["registered"] = world.p["chronic"] & (world.rng("registry").random(n) < 0.42)
    return world.p["registered"]
