"""Frauds with drugs: over-prescribing (T13), resale by one person (T14), resale rings (T15), chronic-benefit abuse (T24), cadres (T25), frequent visits (T30), year-end draining (T31).

T14. A collector holds a true chronic registration, needs one box, and fetches three at as many units. T15. Organisers bring several such cards to the same doctors and shops,
on the same tours. Their goods are the dear, easily sold drugs, mixed with everything honest. Honest twins: long prescriptions (N08), old people with five diseases (N29), the December refill (N28).
"""

from __future__ import annotations

import numpy as np

from simulator import visits as v_
from simulator.population import DAY, GENERAL, PHARMACY, TCM, TOWNSHIP, Array, World
from simulator.visits import Visits


def plant(world: World) -> list[Visits]:
    return [*_resale(world), *_rings(world), *_over(world), *_benefit(world)]


def _chronics(world: World, name: str, n: int, others: float = 0.0) -> Array:
    """n persons with a chronic disease, about half with a registration, without special honest stories; a share `others` of them is not even ill."""
    rng, p = world.rng("chronics", name), world.p
    pool = np.flatnonzero(
        p["chronic"] & np.isin(p["special"], (0, 7)) & ~p["cadre"] & (p["death"] < 0) & (p["age"] > 38)
    )
    weight = np.where(v_.registered_mask(world)[pool], 1.0, 0.5)
    ill = rng.choice(pool, min(n, len(pool)), replace=False, p=weight / weight.sum())
    well = np.flatnonzero(~p["chronic"] & (p["special"] == 0) & ~p["cadre"] & (p["death"] < 0) & (p["age"] > 32))
    return np.asarray(np.where(rng.random(len(ill)) < others, rng.choice(well, len(ill), replace=False), ill))


def _steady(who: Array, salt: int) -> Array:
    """A person's lasting habit, 0 … 1."""
    mixed = (np.asarray(who, np.uint64) + np.uint64(salt * 1_000_003)) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(40)) % np.uint64(1000)).astype(float) / 1000


def _tour(
    rng: np.random.Generator,
    world: World,
    who: Array,
    days: Array,
    sev: Array,
    units: Array | None = None,
    same: Array | int = -1,
    doctor_first: bool = False,
) -> Visits:
    """Fills of dear drugs, mixed with the own disease's drugs.

    Everybody has a way of his own: the registered mostly on the chronic benefit, others at the outpatient desk or on the account in a shop; some keep
    to one unit, some wander. No single column of purchases, units or sums is therefore common to all of them.
    """
    n, p = len(who), world.p
    paper = v_.registered_mask(world)[who] & (_steady(who, 1) < 0.7)
    shop = ~paper & (_steady(who, 2) < 0.35) & (units is None) & p["employee"][who]
    first = np.where(_steady(who, 3) < 0.4, GENERAL, np.where(_steady(who, 3) < 0.8, TOWNSHIP, TCM))
    wander = rng.random(n) < np.where(_steady(who, 4) < 0.4, 0.45, 0.08)
    kind = np.where(wander, rng.choice([GENERAL, TOWNSHIP, TCM], n), first)
    inst = np.zeros(n, np.int32)
    for k in (GENERAL, TOWNSHIP, TCM):
        sel = kind == k
        inst[sel] = world.near[k][
            p["village"][who[sel]], (who[sel] * 5 + (wander[sel] & (rng.random(int(sel.sum())) < 0.5))) % 4
        ]
    if units is not None:
        inst = np.where(rng.random(n) < 0.65, rng.choice(units, n, p=[0.75, 0.25]), inst).astype(np.int32)
    dx = np.array([world.dx[c] for c in v_.CHRONIC_CODES])[p["dx_chronic"][who]]
    own = np.array([world.menus[m] for m in world.dx.menu])[dx]
    doctor = v_.doctor_of(rng, world, who, inst, 0.6)
    if doctor_first:
        doctor = np.where(rng.random(n) < 0.65, world.i["doc_first"][inst] + 1 % world.i["doc_count"][inst], doctor)
    inst = np.where(shop, p["usual"][who], inst).astype(np.int32)
    goods = np.where(rng.random(n) < 0.04 + 0.16 * sev, world.menus["resale"], own)
    return v_.visits(n, person=who, inst=inst, doctor=np.where(shop, -1, doctor), kind=np.select([paper, shop], [v_.CHRONIC, v_.PH], v_.OP), dx=np.where(shop, -1, dx), begin=world.span.start + days * DAY + v_.hours(rng, n, "clinic"), menu=goods,
                     n=2 + rng.poisson(0.8, n), days=np.where(rng.random(n) < 0.5, 28, 14), qty=2 + (rng.random(n) < 0.15 + 0.2 * sev), same=same, acct=shop)  # fmt: skip


def _resale(world: World) -> list[Visits]:
    rng, span = world.rng("T14"), world.span
    who = _chronics(world, "T14", max(10, round(0.0011 * len(world.p["age"]) * world.severity**0.5)), 0.2)
    out = []
    for person in who:
        sev = float(np.clip(rng.beta(2, 2.2) * world.severity**0.5, 0.05, 1))
        world.tell("persons", int(person), "T14", sev)
        world.p["fill"][person] = 0.4
        begin = int(rng.integers(0, max(1, span.days // 3)))
        step = rng.uniform(22, 58) / (0.6 + 0.6 * sev) / world.abundance
        days = np.arange(begin, span.days, step).astype(np.int64)
        days = np.unique((days + rng.integers(-3, 4, len(days))).clip(0, span.days - 1))
        days = days[rng.random(len(days)) < 0.75]
        if len(days):
            out.append(_tour(rng, world, np.full(len(days), person), days, np.full(len(days), sev)))
    return out


def _rings(world: World) -> list[Visits]:
    rng, span = world.rng("T15"), world.span
    rings = max(2, round(len(world.p["age"]) / 14000 * world.severity**0.5) + 1)
    pool = _chronics(world, "T15", rings * 14, 0.3)
    out, at = [], 0
    for ring in range(rings):
        size = int(rng.integers(5, 13))
        members = pool[at : at + size]
        at += size
        if len(members) < 3:
            break
        sev = float(np.clip(rng.beta(2, 2) * world.severity**0.5, 0.1, 1))
        hospital = rng.choice(world.of_kind(TOWNSHIP, TCM, GENERAL), 2, replace=False)
        doctor = int(world.i["doc_first"][hospital[0]] + 1 % world.i["doc_count"][hospital[0]])
        world.tell("doctors", doctor, "T15", sev)
        world.tell("institutions", int(hospital[0]), "T15", sev)
        for m in members:
            world.tell("rings", f"D{ring:03d}", int(m), "T15")
            world.tell("persons", int(m), "T15", sev)
            world.p["fill"][m] = 0.4
        step = rng.uniform(24, 52) / world.abundance
        for day in np.arange(rng.uniform(0, 40), span.days, step).astype(int):
            there = members[rng.random(len(members)) < rng.uniform(0.4, 0.85)]
            if len(there) == 0:
                continue
            spread = rng.integers(0, 2 if rng.random() < 0.5 else 4, len(there))
            days = np.minimum(day + spread, span.days - 1)
            same = 4_000_000 + ring if rng.random() < 0.4 else -1
            t = _tour(rng, world, there, days, np.full(len(there), sev), hospital, same, True)
            out.append(t)
            if rng.random() < 0.3:  # the prescriptions go on to one shop the same day
                shop = world.near[PHARMACY][world.i["village"][hospital[0]], 0]
                k = len(there)
                out.append(
                    v_.visits(
                        k,
                        person=there,
                        inst=shop,
                        kind=v_.PH,
                        begin=t["begin"] + rng.integers(1800, 3 * 3600, k),
                        menu=np.where(rng.random(k) < 0.3, world.menus["resale"], world.menus["cardio"]),
                        n=1 + rng.integers(0, 2, k),
                        acct=world.p["employee"][there],
                    )
                )
    return out


def _over(world: World) -> list[Visits]:
    """T13: doctors who write more kinds and more boxes than the days ask for; the whole family's drugs on one card."""
    rng, span, p = world.rng("T13"), world.span, world.p
    out = []
    doctors = rng.choice(len(world.d["inst"]), max(2, len(world.d["inst"]) // 90), replace=False)
    doctors = doctors[np.isin(world.i["kind"][world.d["inst"][doctors]], (0, 1, 5, 6, 7))]
    for doctor in doctors:
        world.tell("doctors", int(doctor), "T13", 0.5)
        inst = int(world.d["inst"][doctor])
        gap = np.hypot(world.villages["x"] - world.i["x"][inst], world.villages["y"] - world.i["y"][inst])
        local = np.flatnonzero(np.isin(p["village"], np.argsort(gap)[: max(4, len(gap) // 8)]) & p["chronic"])
        if len(local) == 0:
            continue
        k = rng.poisson(55 * span.years * world.severity)
        who = rng.choice(local, k)
        dx = np.array([world.dx[c] for c in v_.CHRONIC_CODES])[p["dx_chronic"][who]]
        out.append(v_.visits(k, person=who, inst=inst, doctor=int(doctor), kind=v_.OP, dx=dx, begin=span.start + v_.pick_days(rng, world, k, "flu") * DAY + v_.hours(rng, k, "clinic"), menu=np.array([world.menus[m] for m in world.dx.menu])[dx],
                             n=3 + rng.poisson(2.0, k), days=7, qty=np.where(rng.random(k) < 0.5, 3, 2)))  # fmt: skip
    for person in _chronics(world, "T13", max(4, round(0.0004 * len(p["age"]))), 0.35):
        world.tell("persons", int(person), "T13", 0.5)
        k = int(rng.integers(2, 7) * span.years) + 1
        paper = bool(v_.registered_mask(world)[person])
        menu = rng.choice([world.menus[m] for m in ("resp", "gyn", "uro", "pain", "cardio", "diabetes", "neuro")], k)
        units = v_.usual_unit(rng, world, np.full(k, person), TOWNSHIP, 0.5)
        out.append(
            v_.visits(
                k,
                person=person,
                inst=units,
                doctor=v_.doctor_of(rng, world, np.full(k, person), units),
                kind=v_.CHRONIC if paper else v_.OP,
                dx=world.dx["I10.x00"],
                begin=span.start + rng.integers(0, span.days, k) * DAY + v_.hours(rng, k, "clinic"),
                menu=menu,
                n=3,
                qty=2,
                days=14,
            )
        )
    return out


def _benefit(world: World) -> list[Visits]:
    """T24 benefit without valid registration or need, T25 cadres' family drugs, T30 very frequent visits, T31 the limit drained in December."""
    rng, span, p = world.rng("T24"), world.span, world.p
    out = []
    pool = np.flatnonzero(~v_.registered_mask(world) & (p["age"] > 40) & (p["special"] == 0) & ~p["cadre"])
    favoured = rng.choice(pool, max(4, round(0.0005 * len(p["age"]))), replace=False)
    for person in favoured:
        world.tell("persons", int(person), "T24", 0.5)
    got = favoured[rng.random(len(favoured)) < 0.55]  # registered by favour: nothing is missing on paper
    v_.registered_mask(world)[got] = True
    p["chronic"][got] = True
    for person in np.concatenate([favoured, _chronics(world, "T24", max(3, len(p["age"]) // 6000))]):
        k = 1 + int(rng.poisson(3 * span.years * world.abundance))
        length = max(30, int(span.days * rng.uniform(0.3, 1.0)))  # a favour lasts a while, not for ever
        days = rng.integers(0, max(1, span.days - length), 1) + rng.integers(0, length, k)
        days = np.minimum(days, span.days - 1)
        fills = _tour(rng, world, np.full(k, person), days, np.full(k, 0.3))
        fills["kind"][fills["kind"] == v_.OP] = v_.CHRONIC  # the benefit pays, registered or not
        out.append(fills)
    cadres = np.flatnonzero(p["cadre"])
    for person in cadres[: max(1, len(cadres) // 4)]:
        world.tell("persons", int(person), "T25", 0.6)
        k = max(3, int(30 * span.years))
        out.append(_tour(rng, world, np.full(k, person), rng.integers(0, span.days, k), np.full(k, 0.6)))
    for person in _chronics(world, "T30", max(3, round(0.0004 * len(p["age"]))), 0.5):
        world.tell("persons", int(person), "T30", 0.5)
        k = int(rng.integers(4, 14) * span.years) + 3
        units = v_.usual_unit(rng, world, np.full(k, person), [GENERAL, TOWNSHIP, TCM][int(rng.integers(0, 3))], 0.4)
        out.append(
            v_.visits(
                k,
                person=person,
                inst=units,
                doctor=v_.doctor_of(rng, world, np.full(k, person), units, 0.55),
                kind=v_.OP,
                dx=world.dx["I10.x00"],
                begin=span.start + rng.integers(0, span.days, k) * DAY + v_.hours(rng, k, "clinic"),
                menu=world.menus["cardio"],
                n=3,
            )
        )
    december = np.flatnonzero(world.calendar["month"] == 12)
    if len(december):
        for person in _chronics(world, "T31", max(3, round(0.0005 * len(p["age"])))):
            world.tell("persons", int(person), "T31", 0.5)
            k = int(rng.integers(2, 6))
            out.append(_tour(rng, world, np.full(k, person), rng.choice(december, k), np.full(k, 0.2)))
    return out
