"""Frauds of the ward: ghost beds (T01), fictitious stays (T02), borrowed names (T03), split stays (T04), and their kin T05, T06, T17, T18, T28, T29.

How they hide. A crooked unit is mostly an honest one: its frauds begin as honest stays, dressed by `stays.dress` for that very unit, and each then shows
a *random subset* of its scheme's traces, some of them faint. Every single trace is commoner among the innocents in absolute number; only several
together, and the company a stay keeps (same doctor, same village, same template, same weeks), point at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import stays as s_
from simulator import visits as v_
from simulator.population import CLINIC, DAY, GENERAL, PHARMACY, PRIVATE, REHAB, TCM, TOWNSHIP, Array, World
from simulator.stays import Stays
from simulator.visits import Visits

SHARE = {
    "T01": 0.34,
    "T02": 0.22,
    "T04": 0.17,
    "T03": 0.05,
    "T05": 0.06,
    "T06": 0.03,
    "T17": 0.04,
    "T18": 0.03,
    "T28": 0.04,
    "T29": 0.04,
}
MILD = ("I67.800", "M51.200", "E11.700", "K29.500", "I69.300", "I10.x00", "M54.500")


def plant(world: World, honest: Stays) -> tuple[Stays, list[Visits]]:
    """Fraudulent stays (about 1.6 % of all at severity 1, 2.1 % in a small county) and the visits that betray some of them."""
    rng = world.rng("schemes_beds")
    n = len(honest["person"])
    # a small county has a little more in proportion, so that its inspectors find enough to learn from
    total = max(0.0155 * n, min(82.0, 0.0215 * n)) * min(3.0, world.severity**0.7) * world.abundance
    count = {k: max(2, round(share * total)) for k, share in SHARE.items()}
    units = _crooked(rng, world)
    made = [
        _ghost(rng, world, units["T01"], count["T01"]), _fiction(rng, world, units["T02"], count["T02"], "T02"), _fiction(rng, world, units["T29"], count["T29"], "T29"),
        _split(rng, world, honest, units["T04"], count["T04"]), _borrowed(rng, world, count["T03"]), _easy(rng, world, units["T05"], count["T05"]), _blocked(rng, world, count["T06"]),
        _invented(rng, world, count["T17"]), _injury(rng, world, count["T18"]), _upcoded(rng, world, units["T28"], count["T28"]),
    ]  # fmt: skip
    frauds = s_.join(made)
    frauds = s_.take(frauds, frauds["scheme"] != "")
    dead = (
        (world.p["death"][frauds["person"]] >= 0)
        & (frauds["end"] // DAY > world.p["death"][frauds["person"]])
        & (frauds["scheme"] != "T03")
    )
    frauds = s_.take(frauds, ~dead)
    return frauds, _swipes(rng, world, frauds)


def _crooked(rng: np.random.Generator, world: World) -> dict[str, Array]:
    """A few units per scheme, of the kinds that also have many honest twins."""
    small = rng.permutation(world.of_kind(PRIVATE, TCM, REHAB, TOWNSHIP))
    large = rng.permutation(world.of_kind(GENERAL, TCM, TOWNSHIP, PRIVATE))
    n = max(2, round(0.24 * len(small)))
    units = {"T01": small[:n], "T02": np.unique(np.concatenate([small[:1], small[n : n + max(1, n // 2)]])), "T29": small[-max(1, n // 3) :], "T04": large[: max(2, n // 2 + 1)],
             "T05": small[1 : 1 + max(1, n // 2)], "T28": large[-1:]}  # fmt: skip
    # a ward of a large hospital does it too: the guilty units are no class of their own
    units["T01"] = np.unique(np.append(units["T01"][1:], rng.choice(world.of_kind(GENERAL))))
    for scheme, ids in units.items():
        for unit in ids:
            world.tell("institutions", int(unit), scheme, float(rng.beta(2, 2)))
    return units


def _severity(rng: np.random.Generator, world: World, n: int) -> Array:
    return np.asarray((rng.beta(2, 2.2, n) * world.severity**0.5).clip(0.05, 1.0), np.float64)


def _trace(rng: np.random.Generator, sev: Array, p: float) -> Array:
    """Whether each stay shows a trace: likelier when the fraud is bold."""
    return np.asarray(rng.random(len(sev)) < p * (0.55 + 0.9 * sev))


def _doctors(rng: np.random.Generator, world: World, inst: Array, faithful: Array) -> Array:
    """One or two doctors of the unit sign for most; -1 leaves the choice to the ward."""
    first, count = world.i["doc_first"][inst], world.i["doc_count"][inst]
    favourite = first + (inst * 13 + (rng.random(len(inst)) < 0.15)) % count
    return np.where(faithful, favourite, -1)


def _ghost(rng: np.random.Generator, world: World, units: Array, n: int) -> Stays:
    """T01: the bed is billed, the patient sleeps at home. Regulars come again; some villages are favoured."""
    weight = rng.gamma(2, 1, len(units))
    lone = rng.random(n) < 0.1  # single doctors elsewhere do it too
    everywhere = world.of_kind(PRIVATE, TCM, REHAB, TOWNSHIP, GENERAL)
    inst = np.where(lone, rng.choice(everywhere, n), rng.choice(units, n, p=weight / weight.sum()))
    sev = _severity(rng, world, n)
    person = _recruits(rng, world, inst, sev, again=0.4)
    dx = s_.pick_dx(rng, world, person, np.array([world.dx[c] for c in MILD]))
    other = s_.pick_dx(rng, world, person, np.flatnonzero(world.dx.weight > 3))
    dx = np.where(rng.random(n) < 0.72, dx, other)
    adm = s_.admit(rng, world, n, growth=1.2)
    nights = np.maximum(3, np.round(world.dx.los[dx] * rng.lognormal(0.0, 0.36, n))).astype(int)
    t = s_.stays(
        n,
        person=person,
        inst=inst,
        dx=dx,
        adm=adm,
        end=s_.leave(rng, adm, nights),
        scheme="T01",
        severity=sev,
        doctor=_doctors(rng, world, inst, _trace(rng, sev, 0.9)),
    )
    s_.dress(rng, world, t)
    quiet = _trace(rng, sev, 0.55)
    start = 1 + (rng.random(n) * np.maximum(1, nights * 0.5)).astype(int)
    t["quiet_a"] = np.where(quiet, start, t["quiet_a"])
    t["quiet_b"] = np.where(quiet, start + np.maximum(2, np.round(nights * rng.uniform(0.2, 0.6, n))), t["quiet_b"])
    oral = _trace(rng, sev, 0.5)
    t["oral"] = np.where(oral, rng.uniform(0.55, 0.97, n), t["oral"])
    t["drug"] = np.where(oral, t["drug"] * rng.uniform(0.7, 1.15, n), t["drug"])
    few = _trace(rng, sev, 0.45)
    t["lab"] = np.where(few, t["lab"] * 0.15, t["lab"])
    t["exam"] = np.where(few, 0, t["exam"])
    t["treat"] = np.where(_trace(rng, sev, 0.35), t["treat"] * rng.uniform(0.2, 0.6, n), t["treat"])
    t["nurse"] = np.where(_trace(rng, sev, 0.35), 3, t["nurse"])
    # the bill is padded back to an ordinary one: what was not examined is medicated
    t["drug"] = np.where(few | quiet, t["drug"] * rng.uniform(1.1, 1.7, n), t["drug"])
    copied = _trace(rng, sev, 0.65)
    t["same"] = np.where(copied, 500_000 + inst * 8 + rng.integers(0, 3, n), -1)
    t["sim"] = np.where(copied, rng.uniform(0.4, 0.8, n), 0)
    t["minute"] = np.where(_trace(rng, sev, 0.4), 480 + (inst * 37) % 170, t["minute"])
    t["shared_bed"] = _trace(rng, sev, 0.25)
    t["waived"] |= _trace(rng, sev, 0.15)
    return t


def _recruits(rng: np.random.Generator, world: World, inst: Array, sev: Array, again: float) -> Array:
    """Patients of crooked stays: regulars, people of a few villages near the unit, or anybody around."""
    p, n = world.p, len(inst)
    person = np.zeros(n, np.int64)
    adults = np.flatnonzero((p["age"] > 42) & np.isin(p["special"], (0, 7)) & ~p["cadre"])
    order = adults[np.argsort(p["village"][adults], kind="stable")]
    starts = np.searchsorted(p["village"][order], np.arange(len(world.villages["weight"]) + 1))
    near: dict[int, Array] = {}
    past: dict[int, list[int]] = {}
    for j, unit in enumerate(inst):
        unit = int(unit)
        if unit not in near:
            gap = np.hypot(world.villages["x"] - world.i["x"][unit], world.villages["y"] - world.i["y"][unit])
            order_v = np.argsort(gap)[: max(6, len(gap) // 5)]
            near[unit] = order_v[np.isin(order_v, np.flatnonzero(np.diff(starts) > 0))]
            past[unit] = []
        if past[unit] and rng.random() < again * (0.6 + 0.8 * sev[j]):
            person[j] = past[unit][int(rng.integers(0, len(past[unit])))]
            continue
        village = (
            near[unit][int(rng.integers(0, 3))]
            if rng.random() < 0.5
            else near[unit][int(rng.integers(0, len(near[unit])))]
        )
        two = order[rng.integers(starts[village], starts[village + 1], 2)]  # of two neighbours, mostly the sicklier
        person[j] = two[int(p["frail"][two[1]] > p["frail"][two[0]])] if rng.random() < 0.6 else two[0]
        past[unit].append(int(person[j]))
    return person


def _fiction(rng: np.random.Generator, world: World, units: Array, n: int, scheme: str) -> Stays:
    """T02: batches of borrowed cards, one order set. T29: real but lured patients, fetched by bus, nothing to pay."""
    p, span = world.p, world.span
    parts: list[Stays] = []
    made, serial = 0, 0
    while made < n:
        serial += 1
        unit = int(rng.choice(units))
        k = min(int(rng.integers(2, 8)), max(2, n - made))
        made += k
        sev = np.repeat(_severity(rng, world, 1), k)
        by_work = rng.random() < 0.25
        anchor = _recruits(rng, world, np.array([unit]), sev[:1], 0.0)[0]
        pool = (
            np.flatnonzero((p["emp"] == p["emp"][anchor]) & (p["emp"] >= 0))
            if by_work and p["emp"][anchor] >= 0
            else np.flatnonzero(p["village"] == p["village"][anchor])
        )
        pool = pool[(p["age"][pool] > 40) & np.isin(p["special"][pool], (0, 7)) & ~p["cadre"][pool]]
        if scheme == "T02" and rng.random() < 0.6:  # people who hardly ever see a doctor
            pool = pool[np.argsort(p["frail"][pool])][: max(12, len(pool) // 2)]
        person = rng.permutation(pool)[:k] if len(pool) >= k else np.concatenate([pool, [anchor] * (k - len(pool))])
        person = np.where(rng.random(k) < 0.15, _recruits(rng, world, np.full(k, unit), sev, 0.0), person)
        dx = np.where(
            rng.random(k) < 0.7,
            world.dx[str(rng.choice(MILD))],
            s_.pick_dx(rng, world, person, np.array([world.dx[c] for c in MILD])),
        )
        start = int(span.days * rng.beta(1.1, 1.0))
        spread = 0 if rng.random() < 0.55 else 9  # careful ones spread the batch over days
        day = start + (rng.integers(0, spread + 1, k) if spread else rng.choice([0, 0, 1], k))
        adm = span.start + day * DAY + (rng.normal(9.8, 1.4, k).clip(7.5, 17) * 3600).astype(np.int64)
        nights = np.maximum(2, rng.integers(5, 11) + rng.choice([0, 0, 1, -1, 2], k))
        t = s_.stays(
            k,
            person=person,
            inst=unit,
            dx=dx,
            adm=adm,
            end=s_.leave(rng, adm, nights),
            scheme=scheme,
            severity=sev,
            doctor=_doctors(rng, world, np.full(k, unit), _trace(rng, sev, 0.85)),
            group=serial,
        )
        s_.dress(rng, world, t)
        template = _trace(rng, sev, 0.9)
        t["same"] = np.where(template, 600_000 + unit * 8 + serial % 5, -1)
        t["sim"] = np.where(template, rng.uniform(0.35, 0.9, k), 0)
        t["exam0"] = np.where(_trace(rng, sev, 0.35), t["exam0"] * 0.3, t["exam0"])
        t["waived"] |= _trace(rng, sev, 0.4 if scheme == "T02" else 0.7)
        t["minute"] = np.where(_trace(rng, sev, 0.4), 500 + (unit * 37) % 170, t["minute"])
        t["treat"] = np.where(_trace(rng, sev, 0.4), t["treat"] * 1.5, t["treat"])
        t["away"][:] = scheme == "T02"
        parts.append(t)
    return s_.join(parts)


def _split(rng: np.random.Generator, world: World, honest: Stays, units: Array, n: int) -> Stays:
    """T04: an honest-looking stay at a unit under quota gets a second half days later. Both halves are the fraud."""
    span = world.span
    nights = honest["end"] // DAY - honest["adm"] // DAY
    open_to = (
        np.isin(honest["inst"], units)
        & (honest["innocent"] == "")
        & (nights >= 5)
        & (honest["end"] < span.stop)
        & (honest["adm"] > span.start)
        & np.isin(honest["med"], ("21", "22"))
    )
    pool = np.flatnonzero(open_to)
    share = ((honest["adm"][pool] - span.start) / (span.days * DAY)).clip(
        0.02
    ) ** 0.25  # somewhat more of them later on
    first = pool[np.argsort(np.log(rng.random(len(pool))) / share)[::-1]][: max(2, n // 2)]
    k = len(first)
    sev = _severity(rng, world, k)
    gap = np.where(
        _trace(rng, sev, 0.3), 0, np.where(rng.random(k) < 0.7, rng.integers(1, 9, k), rng.integers(9, 20, k))
    )
    honest["way"][first] = "1"
    adm = (honest["end"][first] // DAY + gap) * DAY + (
        rng.normal(10.5 + 3.5 * (gap == 0), 1.5, k).clip(8, 20) * 3600
    ).astype(np.int64)
    adm = np.maximum(adm, honest["end"][first] + 1800)
    dx = np.where(
        rng.random(k) < 0.75,
        honest["dx"][first],
        s_.pick_dx(
            rng, world, honest["person"][first], np.array([world.dx[c] for c in ("I67.800", "J18.900", "I25.100")])
        ),
    )
    length = np.maximum(3, np.round(nights[first] * rng.uniform(0.6, 1.15, k))).astype(int)
    t = s_.stays(k, person=honest["person"][first], inst=honest["inst"][first], dx=dx, adm=adm, end=s_.leave(rng, adm, length), scheme="T04", severity=sev,
                 doctor=np.where(rng.random(k) < 0.75, honest["doctor"][first], -1))  # fmt: skip
    s_.dress(rng, world, t)
    same_plan = _trace(rng, sev, 0.6)
    tag = 400_000 + np.arange(k)
    honest["same"][first[same_plan]] = tag[same_plan]
    honest["sim"][first[same_plan]] = 0.5
    t["same"], t["sim"] = np.where(same_plan, tag, -1), np.where(same_plan, rng.uniform(0.3, 0.7, k), 0)
    t["lab0"] = np.where(_trace(rng, sev, 0.5), t["lab0"] * 0.4, t["lab0"])
    t["surgery"][:] = -1
    t["material"][:] = -1
    t["follow"] = first
    honest["scheme"][first], honest["severity"][first] = "T04", sev
    return t


def _borrowed(rng: np.random.Generator, world: World, n: int) -> Stays:
    """T03: another person lies in the bed. Wrong sex or age, a new disease, the holder alive and shopping far away, or dead."""
    p, span = world.p, world.span
    person = rng.choice(np.flatnonzero(np.isin(p["special"], (0,)) & (p["age"] > 20) & ~p["cadre"]), n)
    dead = np.flatnonzero((p["death"] >= 0) & (p["death"] < span.stop // DAY - 30))
    sev = _severity(rng, world, n)
    use_dead = (rng.random(n) < 0.08) & (len(dead) > 0)
    person = np.where(use_dead, rng.choice(dead, n) if len(dead) else person, person)
    pool = np.flatnonzero((world.dx.weight > 0) & np.array(["i" in k for k in world.dx.kind]))
    dx = np.where(
        rng.random(n) < 0.82,
        s_.pick_dx(rng, world, person, pool),
        rng.choice(pool, n, p=world.dx.weight[pool] / world.dx.weight[pool].sum()),
    )
    inst = s_.pick_inst(rng, world, person, s_.HEAVY)
    adm = s_.admit(rng, world, n, growth=1.2)
    after = np.maximum(p["death"][person] * DAY, span.start) + rng.integers(2, 25, n) * DAY + 9 * 3600
    adm = np.where(use_dead, np.minimum(after, span.stop - 3 * DAY), adm)
    nights = np.maximum(2, np.round(world.dx.los[dx] * rng.lognormal(-0.05, 0.4, n))).astype(int)
    t = s_.stays(
        n, person=person, inst=inst, dx=dx, adm=adm, end=s_.leave(rng, adm, nights), scheme="T03", severity=sev
    )
    return s_.dress(rng, world, t)


def _easy(rng: np.random.Generator, world: World, units: Array, n: int) -> Stays:
    """T05: an outpatient case or a check-up gets a bed."""
    inst = rng.choice(units, n)
    sev = _severity(rng, world, n)
    person = _recruits(rng, world, inst, sev, again=0.35)
    dx = s_.pick_dx(rng, world, person, np.array([world.dx[c] for c in (*MILD, "K52.900", "J20.900")]))
    adm = s_.admit(rng, world, n, growth=1.2)
    t = s_.stays(
        n,
        person=person,
        inst=inst,
        dx=dx,
        adm=adm,
        end=s_.leave(rng, adm, rng.integers(4, 11, n)),
        scheme="T05",
        severity=sev,
    )
    s_.dress(rng, world, t)
    t["drug"] *= np.where(_trace(rng, sev, 0.6), rng.uniform(0.75, 1.0, n), 1)
    t["inflate"] = rng.uniform(0.0, 0.8, n)
    t["lab0"] *= np.where(_trace(rng, sev, 0.7), rng.uniform(1.1, 1.6, n), 1)
    t["exam0"] *= np.where(_trace(rng, sev, 0.7), rng.uniform(1.1, 1.7, n), 1)
    return t


def _blocked(rng: np.random.Generator, world: World, n: int) -> Stays:
    """T06: cured, and still in bed."""
    person = rng.choice(np.flatnonzero((world.p["age"] > 55) & np.isin(world.p["special"], (0, 7))), n)
    dx = s_.pick_dx(
        rng, world, person, np.array([world.dx[c] for c in ("I69.300", "Z50.100", "I63.900", "S72.000", "J44.100")])
    )
    inst = s_.pick_inst(rng, world, person, {REHAB: 0.4, TOWNSHIP: 0.3, GENERAL: 0.2, PRIVATE: 0.1})
    sev = _severity(rng, world, n)
    adm = s_.admit(rng, world, n, growth=1.2)
    nights = np.round(world.dx.los[dx] * rng.uniform(1.5, 2.8, n)).astype(int)
    t = s_.stays(
        n, person=person, inst=inst, dx=dx, adm=adm, end=s_.leave(rng, adm, nights), scheme="T06", severity=sev
    )
    s_.dress(rng, world, t)
    t["quiet_a"] = np.where(_trace(rng, sev, 0.6), (nights * 0.6).astype(int), t["quiet_a"])
    t["quiet_b"] = np.where(t["quiet_a"] < 999, nights, t["quiet_b"])
    return t


def _invented(rng: np.random.Generator, world: World, n: int) -> Stays:
    """T17: true patients, services that never were: examinations and treatments written in."""
    person = rng.choice(np.flatnonzero((world.p["age"] > 35) & (world.p["special"] == 0)), n)
    dx = s_.pick_dx(rng, world, person, np.flatnonzero(world.dx.weight > 4))
    inst = s_.pick_inst(rng, world, person, {PRIVATE: 0.5, TOWNSHIP: 0.25, TCM: 0.25})
    sev = _severity(rng, world, n)
    adm = s_.admit(rng, world, n, growth=1.2)
    nights = np.maximum(3, np.round(world.dx.los[dx] * rng.lognormal(-0.05, 0.35, n))).astype(int)
    t = s_.stays(
        n,
        person=person,
        inst=inst,
        dx=dx,
        adm=adm,
        end=s_.leave(rng, adm, nights),
        scheme="T17",
        severity=sev,
        doctor=_doctors(rng, world, inst, _trace(rng, sev, 0.6)),
    )
    s_.dress(rng, world, t)
    t["inflate"] = np.where(_trace(rng, sev, 0.7), rng.uniform(0.8, 3, n), 0.4)
    t["treat"] *= np.where(_trace(rng, sev, 0.6), rng.uniform(1.4, 2.6, n), 1)
    t["refund"] = _trace(rng, sev, 0.12)
    return t


def _injury(rng: np.random.Generator, world: World, n: int) -> Stays:
    """T18: a traffic or work injury told as a fall at home."""
    person = rng.choice(np.flatnonzero((world.p["age"] > 18) & (world.p["age"] < 68) & (world.p["special"] == 0)), n)
    dx = s_.pick_dx(rng, world, person, np.array([world.dx[c] for c in ("S82.200", "S06.000", "T14.900")]))
    inst = s_.pick_inst(rng, world, person, s_.HEAVY)
    sev = _severity(rng, world, n)
    hour = np.where(_trace(rng, sev, 0.5), rng.uniform(18, 30, n), rng.uniform(8, 18, n))
    adm = s_.admit(rng, world, n, growth=1.2) // DAY * DAY + (hour * 3600).astype(np.int64)
    nights = np.maximum(2, np.round(world.dx.los[dx] * rng.lognormal(0.05, 0.4, n))).astype(int)
    t = s_.stays(
        n,
        person=person,
        inst=inst,
        dx=dx,
        adm=adm,
        end=s_.leave(rng, adm, nights),
        med=np.where(rng.random(n) < 0.6, "22", "21"),
        scheme="T18",
        severity=sev,
    )
    s_.dress(rng, world, t)
    t["adm_way"] = np.where(rng.random(n) < 0.7, "2", "1")
    return t


def _upcoded(rng: np.random.Generator, world: World, units: Array, n: int) -> Stays:
    """T28: a grave diagnosis, light care."""
    person = rng.choice(np.flatnonzero((world.p["age"] > 50) & (world.p["special"] == 0)), n)
    dx = s_.pick_dx(rng, world, person, np.array([world.dx[c] for c in ("I63.900", "I50.900", "J44.100", "J18.900")]))
    sev = _severity(rng, world, n)
    adm = s_.admit(rng, world, n, growth=1.2)
    t = s_.stays(
        n,
        person=person,
        inst=rng.choice(units, n),
        dx=dx,
        adm=adm,
        end=s_.leave(rng, adm, rng.integers(3, 8, n)),
        scheme="T28",
        severity=sev,
    )
    s_.dress(rng, world, t)
    for column in ("drug", "lab0", "exam0"):
        t[column] *= np.where(_trace(rng, sev, 0.6), rng.uniform(0.4, 0.8, n), 1)
    return t


def _swipes(rng: np.random.Generator, world: World, t: Stays) -> list[Visits]:
    """The patient who is not in the ward is seen elsewhere: pharmacy, village doctor, outpatient desk, a ring's till."""
    out: list[Visits] = []
    chance = {"T01": 0.75, "T02": 0.65, "T03": 0.7, "T06": 0.15, "T29": 0.1, "T05": 0.12}
    for scheme, p in chance.items():
        rows = np.flatnonzero(t["scheme"] == scheme)
        shown = rows[_trace(rng, t["severity"][rows].astype(float), p)]
        times = rng.choice([1, 2, 3], len(shown), p=[0.62, 0.28, 0.1])
        k = np.repeat(shown, times)
        first, last = t["adm"][k] // DAY + 1, np.minimum(t["end"][k], world.span.stop) // DAY - 1
        good = last >= first
        k, first, last = k[good], first[good], last[good]
        m = len(k)
        when = (first + (rng.random(m) * (last - first + 1)).astype(int)) * DAY + v_.hours(rng, m, "shop")
        shop = rng.random(m) < 0.7
        person = t["person"][k].astype(np.int64)
        clinic = world.near[CLINIC][world.p["village"][person], rng.integers(0, 3, m)]
        inst = np.where(shop, v_.usual_unit(rng, world, person, PHARMACY, 0.5), clinic)
        out.append(v_.visits(m, person=person, inst=inst, kind=np.where(shop, v_.PH, v_.OP), dx=np.where(shop, -1, world.dx["J06.900"]), begin=when, n=1 + rng.poisson(1.2, m),
                             menu=np.where(rng.random(m) < 0.5, world.menus["shop"], world.menus["cardio"]), acct=world.p["employee"][person], doctor=np.where(shop, -1, v_.doctor_of(rng, world, person, inst))))  # fmt: skip
    return out


def absences(rng: np.random.Generator, world: World, t: Stays) -> dict[str, Array]:
    """When the bed is empty without excuse: T02 always; T01 from an afternoon on, with visits by day."""
    rows: list[tuple[int, int, int]] = []
    for k in np.flatnonzero(np.isin(t["scheme"], ("T01", "T02"))).tolist():
        adm, end, sev = int(t["adm"][k]), int(min(t["end"][k], world.span.stop)), float(t["severity"][k])
        if t["scheme"][k] == "T02":
            rows.append((k, adm + 1800, end))
            continue
        for d in range(adm // DAY, end // DAY + 1):
            if (
                rng.random() < 0.72 + 0.28 * sev
            ):  # gone from mid-afternoon until the morning round, often the whole next day
                begin, until = (
                    d * DAY + int(rng.uniform(11.5, 17) * 3600),
                    (d + 1) * DAY + int((rng.uniform(8, 9.5) if rng.random() < 0.5 else rng.uniform(12, 24)) * 3600),
                )
                begin, until = max(begin, adm + 3600), min(until, end)
                if until > begin:
                    if rows and rows[-1][0] == k and rows[-1][2] >= begin:
                        rows[-1] = (k, rows[-1][1], max(until, rows[-1][2]))
                    else:
                        rows.append((k, begin, until))
    table: Any = np.array(rows, np.int64).reshape(-1, 3)
    return {"stay": table[:, 0], "begin": table[:, 1], "end": table[:, 2]}
