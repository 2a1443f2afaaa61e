"""Frauds at the till: account cash-out (T08), rings of collected cards (T09), proxy settlement (T10), goods that are no drugs (T11), refund games (T32).

T08. The pharmacy rings up a sum and hands back cash. Some sums are round, others carefully odd; some come on the day after the top-up, many do not; the same
people buy their cough syrup there like everyone else. Honest twins: promotion shops with packages at 100 or 200 yuan, pension-day queues, family purchases.
T09. A runner brings five to thirty cards of people who do not know one another and empties them at one till, on several days; never all of them, not always in a row.
Honest twins: nursing-home rounds, screening days, families, village uploads.
"""

from __future__ import annotations

import numpy as np

from simulator import visits as v_
from simulator.population import CLINIC, DAY, PHARMACY, Array, World
from simulator.visits import Visits


def plant(world: World) -> list[Visits]:
    shops = world.rng("shops").permutation(world.of_kind(PHARMACY))
    n = max(2, round(0.09 * len(shops)))
    return [
        *_cash_out(world, shops[:n]),
        *_collected(world, shops[n - 1 : 2 * n]),
        *_proxy(world, shops[2 * n : 2 * n + max(1, n // 3)], shops),
        *_goods(world, shops[3 * n : 3 * n + max(1, n // 2)]),
        *_refunds(world, shops[n : n + max(1, n // 2)]),
    ]


def _sum(rng: np.random.Generator, n: int, low: float, high: float, odd: Array) -> Array:
    """Till sums in fen: round hundreds, or odd ones of the same size."""
    value = np.exp(rng.uniform(np.log(low), np.log(high), n))
    return np.asarray(np.where(odd, np.round(value * 100), np.maximum(50, np.round(value / 50) * 50) * 100)).astype(
        np.int64
    )


def _cash_out(world: World, shops: Array) -> list[Visits]:
    rng, p, span = world.rng("T08"), world.p, world.span
    n = max(12, round(0.0024 * len(p["age"]) * world.severity**0.5))
    pool = np.flatnonzero(
        (p["employee"] | (p["mulaid"] & (rng.random(len(p["age"])) < 0.5)))
        & ~p["cadre"]
        & (p["age"] > 22)
        & (p["death"] < 0)
    )
    who = rng.permutation(pool)[:n]
    sev = (rng.beta(2, 2.2, len(who)) * world.severity**0.5).clip(0.05, 1)
    home_shop = rng.choice(shops, len(who))
    out = []
    topup = np.flatnonzero(world.calendar["topup"])
    for row in range(len(who)):
        world.tell("persons", int(who[row]), "T08", float(sev[row]))
        k = 1 + rng.poisson((0.6 + 2.0 * sev[row] * span.years) * world.abundance)
        day = np.sort(rng.integers(0, span.days, k))
        near = rng.random(k) < 0.2 + 0.4 * sev[row]
        if near.any():
            day[near] = np.minimum(
                rng.choice(topup, int(near.sum())) + rng.integers(0, 6, int(near.sum())), span.days - 1
            )
        second = v_.hours(rng, k, "shop")
        late = rng.random(k) < 0.12 + 0.18 * sev[row]
        second[late] = (rng.uniform(20, 21.9, int(late.sum())) * 3600).astype(np.int64)
        odd = rng.random(k) < rng.choice([0.25, 0.6, 0.95])
        worth = p["topup"][who[row]] * 2.2 + p["balance"][who[row]] * 0.25
        target = _sum(rng, k, 50, max(110.0, min(480.0, 0.8 * worth)), odd)
        inst = np.where(rng.random(k) < 0.85, home_shop[row], rng.choice(shops, k))
        cover = rng.random(k) < 0.5
        loop = np.where(rng.random(k) < 0.05, 3, 0)
        out.append(v_.visits(k, person=who[row], inst=inst, kind=v_.PH, begin=span.start + day * DAY + second, menu=np.where(cover, world.menus["costly"], world.menus["shop"]), n=1, target=np.where(rng.random(k) < 0.8, target, 0),
                             acct=1, mulaid=~p["employee"][who[row]], cert=np.where(rng.random(k) < 0.3, 1, 0), refund=loop, refund_gap=np.where(loop > 0, rng.integers(60, 600, k), 0)))  # fmt: skip
    for shop in shops:
        world.tell("institutions", int(shop), "T08", float(rng.beta(2, 2)))
        world.i["crooked"][shop] |= 1
    return out


def _collected(world: World, shops: Array) -> list[Visits]:
    rng, p, span = world.rng("T09"), world.p, world.span
    out = []
    rings = max(2, round(len(p["age"]) / 11000 * world.severity**0.5) + 1)
    pool = rng.permutation(
        np.flatnonzero(
            (p["age"] > 25)
            & (p["employee"] | (rng.random(len(p["age"])) < 0.15))
            & (p["death"] < 0)
            & np.isin(p["special"], (0, 7))
        )
    )
    clinics = rng.permutation(world.of_kind(CLINIC))[:2]
    at = 0
    for ring in range(rings):
        size = int(rng.integers(6, 24))
        members = pool[at : at + size]
        at += size
        if len(members) < 4:
            break
        sev = float(np.clip(rng.beta(2, 2) * world.severity**0.5, 0.1, 1))
        clinic = rng.random() < 0.25 and len(clinics) > 0
        shop = int(rng.choice(clinics)) if clinic else int(rng.choice(shops))
        world.tell("institutions", shop, "T09", sev)
        for m in members:
            world.tell("rings", f"R{ring:03d}", int(m), "T09")
            world.tell("persons", int(m), "T09", sev)
        for day in np.sort(
            rng.integers(0, span.days, int(rng.integers(4, max(5, int((6 + 8 * sev) * world.abundance)))))
        ):
            there = rng.permutation(members[rng.random(len(members)) < rng.uniform(0.35, 0.9)])
            k = len(there)
            if k < 2:
                continue
            gap = rng.integers(20, 110, k) if rng.random() < 0.25 + 0.25 * sev else rng.integers(120, 1500, k)
            begin = span.start + int(day) * DAY + int(v_.hours(rng, 1, "shop")[0]) + np.cumsum(gap)
            alike = 3_000_000 + ring * 400 + int(day) if rng.random() < 0.5 else -1
            odd = rng.random(k) < 0.6
            out.append(v_.visits(k, person=there, inst=shop, kind=v_.OP if clinic else v_.PH, dx=world.dx["M54.500"] if clinic else -1, begin=begin, menu=world.menus["pain" if clinic else "shop"], n=2 + int(clinic), acct=p["employee"][there],
                                 doctor=int(world.i["doc_first"][shop]) if clinic else -1, same=alike, target=np.where((rng.random(k) < 0.4) & ~clinic, _sum(rng, k, 60, 420, odd), 0), cert=1 if rng.random() < 0.4 else 0))  # fmt: skip
    return out


def _proxy(world: World, shops: Array, all_shops: Array) -> list[Visits]:
    """T10: a suspended neighbour's customers are settled at the next till for some weeks."""
    rng, p, span = world.rng("T10"), world.p, world.span
    out = []
    for shop in shops:
        gap = np.hypot(world.i["x"][all_shops] - world.i["x"][shop], world.i["y"][all_shops] - world.i["y"][shop])
        closed = int(all_shops[np.argsort(gap)[1]])
        begin = int(rng.integers(span.days // 4, max(span.days // 4 + 1, span.days - 70)))
        length = int(rng.integers(40, 120))
        world.tell("institutions", int(shop), "T10", 0.5)
        world.tell(
            "suspended", closed, span.start // DAY + begin, min(span.start // DAY + begin + length, span.stop // DAY)
        )
        customers = np.flatnonzero((p["usual"] == closed) & p["employee"])
        k = rng.poisson(len(customers) * 0.4 * length / 30)
        if len(customers) == 0 or k == 0:
            continue
        who = rng.choice(customers, k)
        day = begin + rng.integers(0, length, k)
        second = np.where(rng.random(k) < 0.6, rng.normal(20.2, 0.7, k), rng.normal(11, 2, k)).clip(7.5, 21.8) * 3600
        ok = day < span.days
        out.append(
            v_.take(
                v_.visits(
                    k,
                    person=who,
                    inst=int(shop),
                    kind=v_.PH,
                    begin=span.start + day * DAY + second.astype(np.int64),
                    menu=world.menus["shop"],
                    n=1 + rng.poisson(1.2, k),
                    acct=1,
                ),
                ok,
            )
        )
    return out


def _goods(world: World, shops: Array) -> list[Visits]:
    """T11: rice and cosmetics, booked as a few tonics at one price."""
    rng, p, span = world.rng("T11"), world.p, world.span
    out = []
    for shop in shops:
        world.tell("institutions", int(shop), "T11", float(rng.beta(2, 2)))
        k = rng.poisson(130 * span.years * world.severity)
        customers = np.flatnonzero((p["usual"] == shop) & p["employee"])
        if len(customers) == 0:
            continue
        who = rng.choice(customers, k)
        begin = span.start + v_.pick_days(rng, world, k, "shop") * DAY + v_.hours(rng, k, "shop")
        target = rng.choice([2980, 4980, 6800, 9900, 12800], k)
        out.append(
            v_.visits(
                k,
                person=who,
                inst=int(shop),
                kind=v_.PH,
                begin=begin,
                menu=world.menus["costly"],
                n=1,
                target=np.where(rng.random(k) < 0.6, target, 0),
                acct=1,
                same=np.where(rng.random(k) < 0.5, 3_900_000 + int(shop), -1),
            )
        )
    return out


def _refunds(world: World, shops: Array) -> list[Visits]:
    """T32: settle, refund, keep the money moving."""
    rng, p, span = world.rng("T32"), world.p, world.span
    out = []
    for shop in shops:
        world.tell("institutions", int(shop), "T32", float(rng.beta(2, 2)))
        k = rng.poisson(26 * span.years * world.severity)
        customers = np.flatnonzero((p["usual"] == shop) & p["employee"])
        if len(customers) == 0:
            continue
        begin = span.start + rng.integers(0, span.days, k) * DAY + v_.hours(rng, k, "shop")
        out.append(
            v_.visits(
                k,
                person=rng.choice(customers, k),
                inst=int(shop),
                kind=v_.PH,
                begin=begin,
                menu=world.menus["shop"],
                n=2,
                acct=1,
                refund=rng.choice([1, 2, 3], k),
                refund_gap=rng.integers(90, 1500, k),
            )
        )
    return out
