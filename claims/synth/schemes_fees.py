"""How units bill: dual price (T12), substitution (T16), duplicate charges (T19), over-price (T20), one panel for all (T21), off-limit drugs (T22), implants (T23), too few beds (T07); and false or double status of persons (T26, T27).

A billing fraud is a habit of a unit since a date. It adds little to each bill. Honest twins: every unit books something twice now and then, central buying moves prices (N24), referral centres test more (N21).
"""

from __future__ import annotations

import numpy as np

from claims.synth.stays import Stays
from claims.synth.world import CLINIC, PHARMACY, PRIVATE, TCM, VILLAGE, Array, World


def plant(world: World) -> None:
    """Set the billing habits of a few units (before stays are dressed)."""
    rng, i = world.rng("schemes_fees"), world.i
    hospitals = rng.permutation(np.flatnonzero(i["kind"] < CLINIC))
    shops = rng.permutation(world.of_kind(PHARMACY))
    # honest sloppiness first: some units slip often, some keep old tariffs, some test everybody
    n_all = len(i["kind"])
    ward = i["kind"] < CLINIC
    i["dup"] = np.where(ward & (rng.random(n_all) < 0.25), rng.beta(3, 18, n_all), i["dup"])
    i["slack"] = np.where(rng.random(n_all) < 0.22, rng.beta(3, 14, n_all), i["slack"])
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
    some(world.of_kind(VILLAGE, TCM, PRIVATE), 1, "T22")


def persons(world: World, s: Stays) -> None:
    """T26 a status that does not hold, T27 one human under two numbers; both told by registers, hardly by claims. T22, T23 mark stays."""
    rng, p = world.rng("status"), world.p
    n = len(p["age"])
    false_poor = rng.choice(
        np.flatnonzero((p["insutype"] == "390") & (p["idet"] == "")), max(3, n // 8000), replace=False
    )
    for person in false_poor:
        world.tell("persons", int(person), "T26", 0.5)
        p["idet"][person] = "低保"
    twins = rng.choice(np.flatnonzero((p["insutype"] == "310") & (p["age"] < 60)), max(3, n // 8000), replace=False)
    p["twin"] = np.full(n, -1)
    others = rng.choice(np.flatnonzero(p["insutype"] == "390"), len(twins), replace=False)
    for a, b in zip(twins, others, strict=True):
        world.tell("persons", int(a), "T27", 0.5)
        p["twin"][b] = a
        p["sex"][b], p["brdy"][b] = p["sex"][a], p["brdy"][a]
    plates = np.flatnonzero(
        (s["material"] >= 0)
        & (s["scheme"] == "")
        & np.isin(
            s["surgery"], [world.items["骨折内固定术"], world.items["经皮冠脉支架植入"], world.items["髋关节置换术"]]
        )
    )
    plates = plates[(s["adm"][plates] > world.span.start) & (s["end"][plates] < world.span.stop)]
    for row in rng.permutation(plates)[: max(1, rng.poisson(0.03 * len(plates)))]:
        s["scheme"][row], s["severity"][row] = "T23", rng.beta(2, 2)
        s["surgery"][row] = -1  # the implant is billed, no operation is
    drugs = np.flatnonzero((s["scheme"] == "") & (s["innocent"] == "") & (world.dx.menu[s["dx"]] == "gut"))
    for row in drugs[rng.random(len(drugs)) < 0.012]:
        s["scheme"][row], s["severity"][row] = "T22", rng.beta(2, 2)
        s["dx"][row] = world.dx["J18.900"]
