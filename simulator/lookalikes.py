"""People who only look guilty, among the visits: purchases for a sick relative, screening days, nursing-home rounds, paper claims.

Told apart by something that lies in the data: a filing, a household link, a higher unit's single examination, the usual shop at the usual interval.
N01, N06, N07, N08, N23, N28–N31 live in `visits.background`, the ward's innocents in `stays`, prices (N24) in `lines`, windows (N25) in the calendar.
"""

from __future__ import annotations

import numpy as np

from simulator import visits as v_
from simulator.population import CLINIC, DAY, GENERAL, PHARMACY, TOWNSHIP, VILLAGE, Array, World
from simulator.stays import Stays
from simulator.visits import Visits


def plant(world: World, s: Stays) -> list[Visits]:
    honest = np.flatnonzero((s["scheme"] == "") & (s["end"] - s["adm"] > 2.5 * DAY))
    return [*_errands(world, s, honest), *_households(world), *_rounds(world), *_screenings(world), *_paper(world)]


def _inner(rng: np.random.Generator, world: World, s: Stays, k: Array) -> tuple[Array, Array]:
    first, last = s["adm"][k] // DAY + 1, np.minimum(s["end"][k], world.span.stop) // DAY - 1
    good = (last >= first) & (first * DAY > world.span.start)
    return k[good], (first[good] + (rng.random(int(good.sum())) * (last[good] - first[good] + 1)).astype(int)) * DAY


def _errands(world: World, s: Stays, honest: Array) -> list[Visits]:
    """During honest stays: N18 relatives fetch chronic drugs, N05 the card buys for the family, N09 an examination at a higher unit, N19 leave."""
    rng, p = world.rng("errands"), world.p
    out: list[Visits] = []
    u = rng.random(len(honest))
    weight = (s["end"][honest] - s["adm"][honest]) / DAY / 8.5
    chronic = p["chronic"][s["person"][honest]]
    pickup = honest[u < (0.035 + 0.05 * chronic) * weight.clip(0.4, 2.5)]
    k, day = _inner(rng, world, s, np.repeat(pickup, rng.choice([1, 2, 3], len(pickup), p=[0.78, 0.18, 0.04])))
    person = s["person"][k].astype(np.int64)
    m = len(k)
    menus = np.array([world.menus[world.dx.menu[world.dx[c]]] for c in v_.CHRONIC_CODES])[p["dx_chronic"][person]]
    out.append(v_.visits(m, person=person, inst=np.where(rng.random(m) < 0.8, p["usual"][person], v_.usual_unit(rng, world, person, PHARMACY, 0.3)), kind=v_.PH, begin=day + v_.hours(rng, m, "shop"),
                         menu=np.where(p["chronic"][person], menus, world.menus["shop"]), n=1 + rng.poisson(1.1, m), acct=p["employee"][person]))  # fmt: skip
    for row in np.unique(k):
        world.tell("innocents", "A", int(row), "N18" if p["chronic"][s["person"][row]] else "N05")
    clinic = honest[(u > 0.9) & (u < 0.9 + 0.012 * weight.clip(0.4, 2.5))]
    k, day = _inner(rng, world, s, clinic)
    person = s["person"][k].astype(np.int64)
    inst = world.near[CLINIC][p["village"][person], rng.integers(0, 3, len(k))]
    out.append(
        v_.visits(
            len(k),
            person=person,
            inst=inst,
            kind=v_.OP,
            dx=world.dx["J06.900"],
            begin=day + v_.hours(rng, len(k), "clinic"),
            menu=world.menus["resp"],
            n=3,
            doctor=v_.doctor_of(rng, world, person, inst),
        )
    )
    low = honest[(world.i["level"][s["inst"][honest]] <= 2) & (rng.random(len(honest)) < 0.02)]  # N09
    k, day = _inner(rng, world, s, low)
    person = s["person"][k].astype(np.int64)
    inst = world.near[GENERAL][p["village"][person], 0]
    out.append(
        v_.visits(
            len(k),
            person=person,
            inst=inst,
            kind=v_.OP,
            dx=s["dx"][k],
            begin=day + v_.hours(rng, len(k), "clinic"),
            menu=world.menus["bigexam"],
            n=2,
            doctor=v_.doctor_of(rng, world, person, inst),
        )
    )
    for row, d in zip(k, day, strict=True):
        world.tell("innocents", "A", int(row), "N09")
        world.tell("away", int(row), int(d) + 8 * 3600, int(d) + 16 * 3600, "B2_IN_HOUSE")
        if rng.random() < 0.5:
            world.filings.append(
                {"person": int(s["person"][row]), "kind": "外院检查", "begin": int(d) // DAY, "end": int(d) // DAY}
            )
    away = honest[rng.random(len(honest)) < 0.014 * weight.clip(0.5, 3)]  # N19: a night or two at home with leave
    k, day = _inner(rng, world, s, away)
    for row, d in zip(k, day, strict=True):
        nights = int(rng.integers(1, 3))
        world.tell("innocents", "A", int(row), "N19")
        world.tell("away", int(row), int(d) + 14 * 3600, int(d) + nights * DAY + 9 * 3600, "B3_LEAVE_OK")
        world.filings.append(
            {"person": int(s["person"][row]), "kind": "请假", "begin": int(d) // DAY, "end": int(d) // DAY + nights}
        )
    take = rng.random(len(k)) < 0.35
    person = s["person"][k[take]].astype(np.int64)
    m = len(person)
    out.append(
        v_.visits(
            m,
            person=person,
            inst=p["usual"][person],
            kind=v_.PH,
            begin=day[take] + 17 * 3600 + rng.integers(0, 3 * 3600, m),
            menu=world.menus["shop"],
            n=2,
            acct=p["employee"][person],
        )
    )
    return out


def _households(world: World) -> list[Visits]:
    """N05: one errand, two to four cards of the family in as many minutes, often the same goods."""
    rng, p = world.rng("households"), world.p
    house = p["house"]
    size = np.bincount(house)
    big = np.flatnonzero(size >= 2)
    n = rng.poisson(0.28 * len(big) * world.span.years)
    pick = rng.choice(big, n)
    first = np.searchsorted(house, pick)
    k = np.minimum(size[pick], rng.choice([2, 3, 4], n, p=[0.66, 0.26, 0.08]))
    e = np.repeat(np.arange(n), k)
    seq = np.arange(len(e)) - np.repeat(np.cumsum(k) - k, k)
    person = first[e] + seq
    day = v_.pick_days(rng, world, n, "shop")
    begin = (world.span.start + day * DAY + v_.hours(rng, n, "shop"))[e] + seq * rng.integers(15, 100, len(e))
    alike = np.where(rng.random(n) < 0.5, 2_000_000 + np.arange(n), -1)
    inst = p["usual"][first][e]
    ok = begin < world.span.stop
    t = v_.visits(
        len(e),
        person=person,
        inst=inst,
        kind=v_.PH,
        begin=begin,
        menu=world.menus["shop"],
        n=1 + rng.poisson(1.0, n)[e],
        acct=p["employee"][person],
        mulaid=p["mulaid"][person],
        same=alike[e],
    )
    for h in np.unique(pick)[: max(50, len(big) // 10)]:
        world.tell("innocents", "P", int(np.searchsorted(house, h)), "N05")
    return [v_.take(t, ok)]


def _rounds(world: World) -> list[Visits]:
    """N04: the doctor calls at the nursing home; twenty people, one morning, one bag."""
    rng, p = world.rng("rounds"), world.p
    out = []
    for home in np.unique(p["village"][p["special"] == 4]):
        members = np.flatnonzero((p["village"] == home) & (p["special"] == 4))
        for m in members:
            world.tell("innocents", "P", int(m), "N04")
        kind = TOWNSHIP if rng.random() < 0.5 else CLINIC if rng.random() < 0.6 else VILLAGE
        inst = int(world.near[kind][home, 0])
        doctor = int(world.i["doc_first"][inst])
        step = int(rng.integers(14, 30))
        hour = rng.uniform(8, 10)
        for d in range(int(rng.integers(0, step)), world.span.days, step):
            there = members[rng.random(len(members)) < 0.8]
            begin = world.span.start + d * DAY + int(hour * 3600) + np.cumsum(rng.integers(20, 240, len(there)))
            out.append(
                v_.visits(
                    len(there),
                    person=there,
                    inst=inst,
                    doctor=doctor,
                    kind=v_.OP,
                    dx=world.dx["I10.x00"],
                    begin=begin,
                    menu=world.menus["cardio"],
                    n=4,
                    same=1_500_000 + int(home),
                )
            )
    return out


def _screenings(world: World) -> list[Visits]:
    """N15: a campaign day, one village, one unit, mixed results."""
    rng, p = world.rng("screenings"), world.p
    out = []
    for _ in range(3 + len(p["age"]) // 6000):
        village = int(rng.choice(len(world.villages["weight"]), p=world.villages["weight"]))
        people = rng.permutation(np.flatnonzero((p["village"] == village) & (p["age"] > 35)))[: rng.integers(12, 70)]
        inst = int(world.near[TOWNSHIP][village, 0])
        day = int(rng.integers(0, world.span.days))
        begin = world.span.start + day * DAY + 8 * 3600 + np.cumsum(rng.integers(30, 200, len(people)))
        out.append(v_.visits(len(people), person=people, inst=inst, kind=v_.OP, dx=world.dx["Z00.000"], begin=begin, menu=world.menus["optest"], n=3 + rng.integers(0, 2, len(people)),
                             doctor=v_.doctor_of(rng, world, people, np.full(len(people), inst)), same=np.where(rng.random(len(people)) < 0.7, 1_800_000 + day, -1)))  # fmt: skip
        for who in people:
            world.tell("innocents", "P", int(who), "N15")
    return out


def _paper(world: World) -> list[Visits]:
    """N32: bills handed in at the counter weeks later (23 a thousand a year); N20: people who live elsewhere, steadily."""
    rng, p = world.rng("paper"), world.p
    n = rng.poisson(0.022 * len(p["age"]) * world.span.years)
    who = rng.integers(0, len(p["age"]), n)
    begin = world.span.start + rng.integers(0, world.span.days, n) * DAY
    inst = rng.choice(world.of_kind(GENERAL), n)
    setl = begin + rng.integers(20, 150, n) * DAY + rng.integers(9 * 3600, 17 * 3600, n)
    ok = setl < world.span.stop
    paper = v_.visits(
        n,
        person=who,
        inst=inst,
        kind=v_.MANUAL,
        dx=world.dx["J18.900"],
        begin=begin,
        setl=setl,
        menu=world.menus["exam"],
        n=1,
        qty=1,
        price=rng.gamma(2, 2.5, n).clip(1, 40),
    )
    for a in who[ok]:
        world.tell("innocents", "P", int(a), "N32")
    away = np.flatnonzero(p["away"])
    for a in away:
        world.filings.append(
            {
                "person": int(a),
                "kind": "异地就医",
                "begin": world.span.start // DAY - 200,
                "end": world.span.stop // DAY + 200,
            }
        )
        world.tell("innocents", "P", int(a), "N20")
    k = rng.poisson(3.5 * world.span.years, len(away))
    who = np.repeat(away, k)
    m = len(who)
    begin = world.span.start + v_.pick_days(rng, world, m, "flu") * DAY + v_.hours(rng, m, "clinic")
    generals = world.of_kind(GENERAL)
    remote = v_.visits(
        m,
        person=who,
        inst=generals[who % len(generals)],
        kind=v_.OP,
        dx=world.dx["J06.900"],
        begin=begin,
        menu=world.menus["resp"],
        n=3,
        remote=True,
    )
    return [v_.take(paper, ok), remote]


def people(world: World, s: Stays) -> None:
    """Truth of those innocents that are a property of the person, the unit or the stay."""
    p, i = world.p, world.i
    for code, where in (
        ("N01", p["special"] == 1),
        ("N02", p["special"] == 2),
        ("N03", np.isin(p["special"], (3, 6))),
        ("N27", p["cadre"]),
        ("N29", p["special"] == 7),
        ("N34", p["special"] == 5),
    ):
        for row in np.flatnonzero(where):
            world.tell("innocents", "P", int(row), code)
    registered = np.flatnonzero(v_.registered_mask(world))
    for row in registered[::5]:
        world.tell("innocents", "P", int(row), "N08" if row % 2 else "N28")
    for row in np.flatnonzero(np.isin(p["idet"], ("特困", "低保"))):
        world.tell("innocents", "P", int(row), "N26")
    for row in registered[::23]:
        world.tell("innocents", "P", int(row), "N33")
    kinds = i["kind"]
    for code, where in (("N06", i["promo"] >= min(0.3, i["promo"].max())), ("N07", i["batch_upload"]), ("N13", (kinds == GENERAL) & (i["panel"] > 0.2)), ("N21", i["level"] == 3), ("N22", kinds == 4), ("N23", i["open24"]), ("N24", i["kind"] == GENERAL),
                        ("N25", i["round_shop"]), ("N30", i["dual"]), ("N35", i["blank_doctor"])):  # fmt: skip
        for row in np.flatnonzero(where):
            world.tell("innocents", "I", int(row), code)
    for row in np.flatnonzero((s["innocent"] != "") & (s["scheme"] == "")):
        world.tell("innocents", "A", int(row), str(s["innocent"][row]))
    for row in np.flatnonzero((s["adm_way"] == "2") & (s["scheme"] == ""))[::3]:
        world.tell("innocents", "A", int(row), "N17")
