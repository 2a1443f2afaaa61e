"""Visits become fee lines: what was ordered, when, at which price. Vectorised; no loop over visits or lines."""

from __future__ import annotations

import numpy as np

from simulator import visits as v_
from simulator.population import DAY, PHARMACY, REHAB, TCM, TOWNSHIP, VILLAGE, Array, World
from simulator.price_catalog import INSTEAD, SEX
from simulator.stays import Stays
from simulator.visits import Visits

Lines = dict[
    str, Array
]  # visit (row of the chunk), item, cnt, pric (fen), time, prd (days, -1 none), take (discharge drug)


def price_table(world: World) -> Array:
    """[64 price books, items] in fen; every unit uses one book. Honest books stay under the limit (see `limits`)."""
    rng = world.rng("prices")
    factor = rng.normal(1.0, 0.035, (64, 1)) + rng.normal(0, 0.025, (64, len(world.items.price)))
    return np.asarray(np.maximum(1, np.round(world.items.price * factor.clip(0.86, 1.1))), np.int64)


def limits(world: World) -> Array:
    """Price limit per item in fen: 12 % above the county's list price."""
    return np.asarray(np.round(world.items.price * 1.12 + 1), np.int64)


def _mix(a: Array, b: Array) -> Array:
    """A cheap deterministic hash to 0 … 255: the same template orders the same thing."""
    x = a.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + b.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    x ^= x >> np.uint64(29)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray((x >> np.uint64(40)) & np.uint64(255)).astype(np.int64)


def _prices(world: World, book: Array, inst: Array, item: Array, when: Array, factor: Array) -> Array:
    items, i = world.items, world.i
    pric = book[i["price"][inst], item] * factor
    pric = np.where(items.cut[item] & (when // DAY >= world.cut_day + i["cut_lag"][inst]), pric * 0.46, pric)  # N24
    guilty = (i["over"][inst] > 1) & (when // DAY >= i["over_from"][inst]) & ((item * 13 + inst) % 6 < 1)
    loose = (
        _mix(np.asarray(inst, np.int64) * 1009 + 5, np.asarray(item)) < 256 * i["slack"][inst]
    )  # wrong mapping, old tariffs: honest, and over the limit
    pric = np.where(loose, pric * 1.16, pric)
    pric = np.where(guilty, pric * i["over"][inst], pric)  # T20, T12
    return np.maximum(1, np.round(pric)).astype(np.int64)


def _swapped(rng: np.random.Generator, world: World, inst: Array, item: Array) -> Array:
    """T16: what was handed out stays unnamed; a dearer covered article of the same kind is booked for it. Honest units do so by wrong mapping (对码)."""
    items = world.items
    other = np.arange(len(items.price))
    for group in (9, 10, 11):
        ids = np.flatnonzero((items.charge == group) & (items.days > 1))
        ids = ids[np.argsort(items.price[ids], kind="stable")]
        other[ids] = ids[np.minimum(np.arange(len(ids)) + 1 + len(ids) // 4, len(ids) - 1)]
    # a unit swaps the same few articles again and again
    chosen = _mix(np.asarray(inst, np.int64) * 31 + 7, np.asarray(item, np.int64)) < 110
    hit = chosen & (rng.random(len(item)) < world.i["swap"][inst] * 0.8)
    return np.where(hit, other[item], item)


def _fitting(world: World, item: Array, sex: Array) -> Array:
    """What only the other sex is given is exchanged for the next article of its kind and price that anybody is."""
    items = world.items
    of_sex = np.zeros(len(items.price), np.int64)
    for name, who in SEX.items():
        of_sex[items[name]] = who
    other = np.arange(len(items.price))
    for one in np.flatnonzero(of_sex):
        alike = np.flatnonzero((items.charge == items.charge[one]) & (of_sex == 0))
        other[one] = alike[np.argmin(np.abs(items.price[alike] - items.price[one]))]
    return np.where((of_sex[item] > 0) & (of_sex[item] != sex), other[item], item)


def visit_lines(rng: np.random.Generator, world: World, book: Array, v: Visits, rows: Array) -> Lines:
    """Lines of outpatient and pharmacy visits `rows` of v."""
    menus, items, i = world.menus, world.items, world.i
    plain = rows[v["bag"][rows] < 0]
    count = v["n"][plain].astype(np.int64).clip(1)
    visit = np.repeat(plain, count)
    seq = np.arange(len(visit)) - np.repeat(np.cumsum(count) - count, count)
    kind, inst = v["kind"][visit], v["inst"][visit]
    menu = v["menu"][visit].astype(np.int64)
    clinic = kind != v_.PH
    rural = np.isin(i["kind"][inst], (VILLAGE, TOWNSHIP))
    menu = np.where(
        clinic & (seq == 0) & (kind != v_.CHRONIC), np.where(rural, menus["village"], menus["opvisit"]), menu
    )
    test = clinic & (seq > 0) & (rng.random(len(visit)) < 0.14 + 0.07 * i["level"][inst]) & (kind != v_.CHRONIC)
    test |= (kind == v_.CHRONIC) & (seq > 1) & (rng.random(len(visit)) < 0.25)
    menu = np.where(test, np.where(kind == v_.INJURY, menus["injury"], menus["optest"]), menu)
    menu = np.where(
        clinic & (seq > 1) & ~test & (i["kind"][inst] == TCM) & (rng.random(len(visit)) < 0.5), menus["herbs"], menu
    )
    slot = rng.integers(0, 256, len(visit))
    same = v["same"][visit]
    slot = np.where(same >= 0, _mix(same, seq + 1), slot)
    item = menus.slots[menu, slot].astype(np.int64)
    item = _fitting(world, _swapped(rng, world, inst, item), world.p["sex"][v["person"][visit]])
    drug = items.days[item] > 0
    cnt = np.where(drug, 1 + (rng.random(len(visit)) < 0.34) + (rng.random(len(visit)) < 0.1), 1)
    cnt = np.where(
        drug & (v["qty"][visit] > 0), np.maximum(1, v["qty"][visit] - (same < 0) * rng.integers(0, 2, len(visit))), cnt
    )
    cnt = np.where((items.charge[item] == 10) & (items.price[item] < 3000), cnt * 7, cnt)
    if world.bags:
        bagged = rows[v["bag"][rows] >= 0]
        size = np.array([len(b) for b in world.bags])[v["bag"][bagged]]
        bvisit = np.repeat(bagged, size)
        start = np.cumsum([0] + [len(b) for b in world.bags])[:-1]
        flat = np.array([x for b in world.bags for x in b], np.int64).reshape(-1, 2)
        at = start[v["bag"][bvisit]] + np.arange(len(bvisit)) - np.repeat(np.cumsum(size) - size, size)
        visit, item = np.concatenate([visit, bvisit]), np.concatenate([item, flat[at, 0]])
        cnt = np.concatenate([cnt, flat[at, 1]])
    drug = items.days[item] > 0
    when = v["begin"][visit] + np.where(v["kind"][visit] == v_.PH, 0, rng.integers(0, 1500, len(visit)))
    when = np.where(i["batch_upload"][v["inst"][visit]], v["begin"][visit], when)
    pric = _prices(world, book, v["inst"][visit], item, when, v["price"][visit])
    asked = v["days"][visit]
    prd = np.where(drug, np.where(asked > 0, asked, (items.days[item] * cnt).clip(1, 30)), -1)
    prd = np.where(
        (v["kind"][visit] == v_.PH) & (v["dx"][visit] < 0), -1, prd
    )  # nobody prescribes what is bought off the shelf
    lines = {
        "visit": visit,
        "item": item,
        "cnt": cnt,
        "pric": pric,
        "time": when,
        "prd": prd,
        "take": np.zeros(len(visit), bool),
    }
    # a till that shows a given sum: one article, priced to fit
    aim = np.flatnonzero(v["target"][visit] > 0)
    if len(aim):
        first = aim[np.unique(visit[aim], return_index=True)[1]]
        keep = np.ones(len(visit), bool)
        keep[aim] = False
        keep[first] = True
        target = v["target"][visit[first]]
        cnt[first] = np.maximum(1, np.ceil(target / pric[first]))  # never dearer than its own price
        even = np.round(target / cnt[first]).astype(np.int64)
        pric[first] = np.maximum(1, even)
        lines = {k: a[keep] for k, a in lines.items()}
    return lines


def stay_lines(rng: np.random.Generator, world: World, book: Array, v: Visits, rows: Array, s: Stays) -> Lines:
    """Lines of the stays behind visits `rows`, day by day until discharge or the extract's moment."""
    items, menus, i, stop = world.items, world.menus, world.i, world.span.stop
    k = v["stay"][rows]
    adm, end = s["adm"][k], np.minimum(s["end"][k], stop)
    first = adm // DAY
    days = np.maximum(1, np.minimum(s["end"][k] // DAY, stop // DAY + 1) - first)
    x = np.repeat(np.arange(len(rows)), days)  # stay-days
    day = np.arange(len(x)) - np.repeat(np.cumsum(days) - days, days)
    sk = k[x]
    inst = s["inst"][sk]
    level = i["level"][inst]
    quiet = (day >= s["quiet_a"][sk]) & (day < s["quiet_b"][sk])
    home = s["home"][sk]
    rehab = np.isin(i["kind"][inst], (REHAB, TCM))
    midnight = (first[x] + day) * DAY
    out: list[tuple[Array, Array, Array, Array, Array]] = []  # (stay-day, item, cnt, second, flag)

    def add(where: Array, item: Array | int, cnt: Array | int, second: Array, flag: int = 0) -> None:
        out.append(
            (
                where,
                np.broadcast_to(item, len(where)),
                np.broadcast_to(cnt, len(where)),
                second,
                np.full(len(where), flag),
            )
        )

    every = np.arange(len(x))
    auto = 300 + (inst * 61) % 900
    bed = np.where(home, items["家庭病床建床费"], np.where(level >= 3, items["三人间床位费"], items["普通床位费"]))
    add(every, bed, 1 + ((day == 0) & (rng.random(len(x)) < i["dup"][inst])), auto)
    nurse = np.array([items["特级护理"], items["一级护理"], items["二级护理"], items["三级护理"]])[s["nurse"][sk]]
    nurse = np.where((s["nurse"][sk] == 1) & (day > 3), items["二级护理"], nurse)
    add(every, np.where(home, items["家庭巡诊护理"], nurse), 1, auto + 5)
    add(every, items["住院诊察费"], 1, auto + 9)
    # overcharging units book some things twice (T19); an honest slip does so now and then
    twice = np.flatnonzero(rng.random(len(x)) < i["dup"][inst] * (midnight // DAY >= i["since"][inst]) * 0.5)
    add(
        twice,
        np.where(rng.random(len(twice)) < 0.5, nurse[twice], items["静脉输液"]),
        1,
        auto[twice] + 5 + 60 * rng.integers(0, 3, len(twice)),
    )

    def orders(rate: Array, menu: Array, salt: int, flag: int = 0) -> None:
        """Poisson many orders a stay-day from a menu; template stays repeat their template's orders."""
        same, sim = s["same"][sk], s["sim"][sk]
        copy = (same >= 0) & (rng.random(len(x)) < sim)
        lam = np.maximum(rate, 0)
        u = np.where(copy, (_mix(same.clip(0) + salt * 7919, day) + 0.5) / 256, rng.random(len(x)))
        many = np.where(copy, np.floor(lam + u), _poisson(u, lam)).astype(np.int64)
        many = np.where(quiet, 0, many)
        d = np.repeat(every, many)
        if not len(d):
            return
        seq = np.arange(len(d)) - np.repeat(np.cumsum(many) - many, many)
        slot = np.where(copy[d], _mix(same[d].clip(0) + salt * 104729 + day[d] * 31, seq), rng.integers(0, 256, len(d)))
        item = menus.slots[menu[d], slot].astype(np.int64)
        cnt = np.where(
            items.infusion[item] & (items.price[item] < 20_000),
            1 + (rng.random(len(d)) * (3.2 + 1.6 * level[d])).astype(np.int64),
            1,
        )
        minute = s["minute"][sk[d]]
        second = np.where(
            (minute >= 0) & (rng.random(len(d)) < 0.85),
            minute * 60 + salt,
            (rng.normal(9.4 + 0.1 * salt, 1.2, len(d)).clip(6.5, 17) * 3600).astype(np.int64),
        )
        second = np.where(day[d] == 0, np.maximum(second, adm[x[d]] % DAY + 600 + 900 * seq), second)
        add(d, item, cnt, second, flag)

    names = world.dx.menu[s["dx"]]
    oral_menu = np.array([menus[n] for n in names])[sk]
    ward_menu = np.array([menus["ward:" + n] for n in names])[sk]
    drug, oral = s["drug"][sk], s["oral"][sk]
    settle = np.where(day == 0, 1.3, np.where(day > 6, 0.8, 1.0))
    orders(drug * (1 - oral) * settle, ward_menu, 1)
    orders(drug * oral * settle * np.where(day % 4 == 0, 1.7, 0.35), oral_menu, 2)
    treat_menu = np.where(rehab, menus["rehabcare"], menus["treat"])
    treat_menu = np.where(np.isin(names, ("psych",))[sk], menus["mind"], treat_menu)
    orders(s["treat"][sk] * 0.8, np.where(rng.random(len(x)) < 0.55, treat_menu, menus["care"]), 3)
    orders((1 - oral) * np.minimum(drug, 2.5) * 0.5, np.full(len(x), menus["care"]), 4)
    orders((1 - oral) * 0.6, np.full(len(x), menus["supply"]), 5)
    orders(
        np.where(day == 0, s["lab0"][sk] * 0.6, np.where(day == 1, s["lab0"][sk] * 0.4, s["lab"][sk])),
        np.full(len(x), menus["lab"]),
        6,
    )
    orders(
        np.where(day == 0, s["exam0"][sk] * 0.6, np.where(day == 1, s["exam0"][sk] * 0.4, s["exam"][sk])),
        np.full(len(x), menus["exam"]),
        7,
    )
    orders(np.where(day == 1, s["inflate"][sk], 0.0), np.full(len(x), menus["bigexam"]), 8)
    knife = np.flatnonzero((s["surgery"][sk] >= 0) & (day == np.minimum(2, days[x] - 1)))
    if len(knife):
        second = (rng.normal(11, 2, len(knife)).clip(8, 17) * 3600).astype(np.int64)
        add(knife, s["surgery"][sk[knife]].astype(np.int64), 1, second)
        small = s["surgery"][sk[knife]] == items["白内障超声乳化"]
        asleep = np.where(
            small,
            items["局部浸润麻醉"],
            np.where(rng.random(len(knife)) < 0.5, items["全身麻醉"], items["椎管内麻醉"]),
        )
        cut = items.charge[s["surgery"][sk[knife]]] == 6
        add(knife[cut], asleep[cut], 1, second[cut] - 900)
    # T23 bills the implant whether or not anybody operated
    bone = np.flatnonzero((s["material"][sk] >= 0) & (day == np.minimum(2, days[x] - 1)))
    if len(bone):
        second = (rng.normal(11, 2, len(bone)).clip(8, 17) * 3600).astype(np.int64) + 600
        add(bone, s["material"][sk[bone]].astype(np.int64), s["implants"][sk[bone]].astype(np.int64), second)
    closed = s["end"][k] <= stop
    last = np.flatnonzero((day == days[x] - 1) & closed[x] & (rng.random(len(x)) < 0.55))
    if len(last):  # drugs to take home
        item = menus.slots[oral_menu[last], rng.integers(0, 256, len(last))].astype(np.int64)
        add(last, item, 2, end[x[last]] % DAY - 900, 1)

    d, item, cnt, second, flag = (np.concatenate(c) for c in zip(*out, strict=True))
    item = _fitting(world, _swapped(rng, world, s["inst"][sk[d]], item), world.p["sex"][s["person"][sk[d]]])
    # what is not paid there is rarely given there (N25), but for T22
    barred = items.limited[item] & (level[d] < 2) & (s["scheme"][sk[d]] != "T22")
    item = np.where(barred & (_mix(sk[d].astype(np.int64), item) >= 6), items[INSTEAD], item)
    when = midnight[d] + second
    when = np.maximum(when, adm[x[d]] + 60)
    when = np.minimum(when, np.where(closed[x[d]], s["end"][k][x[d]] - 60, when))
    pric = _prices(world, book, s["inst"][sk[d]], item, when, s["price"][sk[d]])
    prd = np.where(items.days[item] > 0, np.where(flag == 1, 7, 1), -1)
    lines = {
        "visit": rows[x[d]],
        "item": item,
        "cnt": cnt.astype(np.int64),
        "pric": pric,
        "time": when,
        "prd": prd,
        "take": flag == 1,
    }
    keep = when <= stop
    return {c: a[keep] for c, a in lines.items()}


def _poisson(u: Array, lam: Array) -> Array:
    """Poisson by inversion from given uniforms (lam up to ~20)."""
    k = np.zeros(len(u), np.int64)
    p = np.exp(-lam)
    cum = p.copy()
    for j in range(1, 24):
        more = u > cum
        if not more.any():
            break
        k += more
        p = p * lam / j
        cum = cum + p
    return k


__all__ = ["PHARMACY", "limits", "price_table", "stay_lines", "visit_lines"]
