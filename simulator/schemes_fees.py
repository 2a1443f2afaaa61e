"""How units bill: dual price (T12), substitution (T16), duplicate charges (T19), over-price (T20), one panel for all (T21), off-limit drugs (T22), implants (T23), too few beds (T07); and false or double status of persons (T26, T27).

A billing fraud is a habit of a unit since a date. It adds little to each bill. Honest twins: every unit books something twice now and then, central buying moves prices (N24), referral centres test more (N21).
"""

from __future__ import annotations

import numpy as np

from simulator.population import CLINIC, PHARMACY, Array, World
from simulator.stays import Stays


def plant(world: World) -> None:
    """Set the billing habits of a few units (before stays are dressed)."""
    rng, i = world.rng("schemes_fees"), world.i
    hospitals = rng.permutation(np.flatnonzero(i["kind"] < CLINIC))
    shops = rng.permutation(world.of_kind(PHARMACY))
    # honest sloppiness first: a few units slip often or keep old tariffs, some test everybody
    n_all = len(i["kind"])
    ward = i["kind"] < CLINIC
    i["dup"] = np.where(ward & (rng.random(n_all) < 0.01), rng.beta(3, 18, n_all), i["dup"])
    i["slack"] = np.where(rng.random(n_all) < 0.01, rng.beta(3, 14, n_all), i["slack"])
    i["panel"] = np.where(ward & (rng.random(n_all) < 0.15), rng.uniform(0.3, 0.8, n_all), i["panel"])
    i["swap"] = np.where(ward & (rng.random(n_all) < 0.3), rng.beta(2, 30, n_all), 0.0)  # N24 wrong mapping (对码)
    first, days = world.span.start // 86400, world.span.days
    n = max(2, round(0.12 * len(hospitals)))

    def some(pool: Array, k: int, scheme: str) -> Array:
        for unit in pool[:k]:
            world.tell("institutions", int(unit), scheme, float(rng.beta(2, 2)))
        return pool[:k]

    for unit in some(hospitals, n, "T19"):
        i["dup"][unit] = rng.uniform(0.05, 0.19) * min(1.5, world.severity)
        i["since"][unit] = first + int(rng.integers(0, max(1, days // 2)))
    for unit in some(hospitals[n - 1 :], n, "T20"):
        i["over"][unit] = 1 + rng.uniform(0.08, 0.24) * min(1.5, world.severity)
        i["over_from"][unit] = first + int(rng.integers(0, max(1, days // 2)))
    for unit in some(hospitals[2 * n :], n, "T21"):
        i["panel"][unit] = rng.uniform(0.3, 0.75)
        i["lean"][unit] *= 0.5
    for unit in some(shops, max(1, len(shops) // 16), "T12"):
        i["over"][unit] = 1 + rng.uniform(0.08, 0.26)
    for unit in some(hospitals[3 * n :], max(1, n // 2), "T16"):
        i["swap"][unit] = rng.uniform(0.15, 0.5)
    some(hospitals[-max(1, n // 2) :], max(1, n // 2), "T07")
    i["crowded"] = np.zeros(len(i["kind"]), bool)
    i["crowded"][hospitals[-max(1, n // 2) :]] = True
    i["barred"] = np.zeros(n_all, bool)
    i["barred"][some(hospitals[i["level"][hospitals] == 1], 1, "T22")] = True


def persons(world: World, s: Stays) -> None:
    """T26 a status that does not hold, T27 one human under two numbers; and the stays of T22, T23. Half of T26 no claim shows: the register itself is false."""
    rng, p = world.rng("status"), world.p
    n = len(p["age"])
    p["unlisted"], p["idet_until"] = np.zeros(n, bool), np.full(n, 1 << 40)
    # N26: a status that ended within the year stands in no register any more, and was paid for while it held
    ended = np.flatnonzero((p["idet"] != "") & (rng.random(n) < 0.06))
    p["unlisted"][ended] = True
    p["idet_until"][ended] = rng.integers(world.span.start, world.span.stop, len(ended))
    s["waived"] &= s["adm"] < p["idet_until"][s["person"]]
    # who gains by it: the sick, of the ages of those who hold one
    sick = np.flatnonzero((p["insutype"] == "390") & (p["idet"] == "") & p["chronic"])
    ages = p["age"][rng.choice(np.flatnonzero(p["idet"] != ""), max(3, n // 4000))]
    near = [sick[np.abs(p["age"][sick] - age) <= 5] for age in ages]
    false_poor = np.unique([rng.choice(pool if len(pool) else sick) for pool in near])
    for person in false_poor:
        world.tell("persons", int(person), "T26", 0.5)
        p["idet"][person] = "低保"
    p["unlisted"][false_poor[::2]] = True
    twins = rng.choice(np.flatnonzero((p["insutype"] == "310") & (p["age"] < 60)), max(3, n // 8000), replace=False)
    p["twin"] = np.full(n, -1)
    others = rng.choice(np.flatnonzero(p["insutype"] == "390"), len(twins), replace=False)
    for a, b in zip(twins, others, strict=True):
        world.tell("persons", int(a), "T27", 0.5)
        p["twin"][b] = a
        p["sex"][b], p["brdy"][b] = p["sex"][a], p["brdy"][a]
    _implants(world, s)
    _barred(world, s)


def _implants(world: World, s: Stays) -> None:
    """T23: an implant without any operation, or more of them than fit. N22: bones on both sides, and interventions that stand among treatments."""
    rng, items = world.rng("implants"), world.items
    knives = [items["骨折内固定术"], items["髋关节置换术"]]
    plates = np.flatnonzero((s["material"] >= 0) & (s["scheme"] == "") & np.isin(s["surgery"], knives))
    plates = plates[(s["adm"][plates] > world.span.start) & (s["end"][plates] < world.span.stop)]
    plates = rng.permutation(plates)
    k = max(1, rng.poisson(0.06 * len(plates)))
    guilty, honest = plates[:k], plates[k:]
    s["scheme"][guilty], s["severity"][guilty] = "T23", rng.beta(2, 2, len(guilty))
    s["surgery"][guilty[::2]] = -1
    s["implants"][guilty[1::2]] = rng.integers(3, 7, len(guilty[1::2]))
    u = rng.random(len(honest))
    both, beside = honest[u < 0.08], honest[u > 0.94]
    s["implants"][both] = 2
    s["surgery"][beside] = items["经血管介入治疗"]
    for rows in (both, beside):
        s["innocent"][rows] = np.where(s["innocent"][rows] == "", "N22", s["innocent"][rows])


def _barred(world: World, s: Stays) -> None:
    """T22: drugs paid from level 2 upwards only, given at a unit below it (one such unit does so often); or a diagnosis written to fit the drug, which no
    single claim shows."""
    rng, i, dx = world.rng("barred"), world.i, world.dx
    free = (s["scheme"] == "") & (s["innocent"] == "")
    wards = ("neuro", "cardio", "pain", "diabetes", "trauma", "rehab")
    drugs = np.flatnonzero(free & np.isin(dx.menu[s["dx"]], wards) & (i["level"][s["inst"]] == 1))
    given = drugs[rng.random(len(drugs)) < np.where(i["barred"][s["inst"][drugs]], 0.12, 0.005)]
    stomachs = np.flatnonzero(free & (dx.menu[s["dx"]] == "gut"))
    fitted = stomachs[rng.random(len(stomachs)) < 0.012]
    s["dx"][fitted] = dx["J18.900"]
    for rows in (given, fitted):
        s["scheme"][rows], s["severity"][rows] = "T22", rng.beta(2, 2, len(rows))
