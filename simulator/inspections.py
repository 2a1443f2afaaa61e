"""What the bureau's few inspectors looked at, when, and what they found: selective, late, and fallible.

Leads come from crude rules (swipes during a stay, same-unit returns, cost, batches), complaints (a neighbour knows, often wrongly), campaigns at units already suspected,
and a small draw by lot whose exact probability is kept. Inspectors miss 20–35 % of true frauds and wrongly confirm about one honest case in a hundred. A finding is known
weeks to months later; what is concluded after the extract is not in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from claims.schema.outcomes import OUTCOMES
from simulator import writing as w
from simulator.population import DAY, Array, World
from simulator.stays import Stays

SAMPLE = 0.4  # exponent: offices grow more slowly than counties


def inspect(world: World, s: Stays, number: Array, fund: Array, person_fund: Array, outside: Array) -> pa.Table:
    """`number` visit counter per stay, `fund` its fund payment in fen, `person_fund` fund+account per person, `outside` swipes inside the stay."""
    rows = [
        *_stays(world, s, number, fund, outside),
        *_persons(world, person_fund),
        *_institutions(world),
        *_doctors(world),
    ]
    rows = [r for r in rows if r["conclude"] * DAY < world.span.stop]
    rows.sort(key=lambda r: (r["conclude"], r["insp"], r["entity_type"], r["entity_id"]))
    n = len(rows)

    def text(key: str) -> pa.Array:
        return pa.array([r[key] or None for r in rows], pa.string())

    def days(key: str) -> pa.Array:
        return w.moment(np.array([r[key] for r in rows], np.int64) * DAY + 10 * 3600)

    confirmed = np.array([r["amount"] for r in rows], np.int64)
    suspect = np.array([r["suspect"] for r in rows], np.int64)
    return pa.table({
        "insp_id": pa.array([f"JC{(k * 7919 + 13) % 99991:05d}{k:06d}" for k in range(n)], pa.string()), "entity_type": text("entity_type"), "entity_id": text("entity_id"), "finding_no": pa.array(np.ones(n, np.int32)), "period_begin": w.day(np.array([r["begin"] for r in rows])),
        "period_end": w.day(np.array([r["end"] for r in rows])), "insp_time": days("insp"), "conclude_time": days("conclude"), "insp_type": text("insp_type"), "lead_source": text("lead"), "selection_prob": pa.array([r["prob"] for r in rows], pa.float64()),
        "outcome_code": text("outcome"), "typology_code": text("typology"), "violation_class": text("violation"), "amt_suspect": w.yuan(suspect), "amt_confirmed": w.yuan(confirmed), "amt_recovered": w.yuan(np.round(confirmed * 0.83).astype(np.int64)),
        "disposition": text("disposition"), "reason_text": text("reason"),
    })  # fmt: skip


_ILLEGAL = {"T02", "T03", "T08", "T09", "T10", "T14", "T15", "T17", "T18", "T26", "T27", "T29"}
_DISPOSE = {"admission": "RECOVER", "person": "SUSPEND_PERSON", "institution": "RECTIFY", "doctor": "DOCTOR_POINTS"}


def _row(
    world: World,
    rng: np.random.Generator,
    kind: str,
    key: str,
    begin: int,
    end: int,
    insp: int,
    lead: str,
    scheme: str,
    severity: float,
    amount: int,
    prob: float | None,
    innocent: str = "",
) -> dict[str, Any]:
    """One finding. `scheme` is the truth; what is written is what the inspector believed."""
    miss = {"admission": 0.3, "person": 0.24, "institution": 0.3, "doctor": 0.35}[kind] * (1.35 - 0.6 * severity)
    u = rng.random()
    typology, violation, explained = "", "none", ""
    if u < 0.05:
        outcome = "O7_UNABLE" if rng.random() < 0.6 else "O5_INSUFFICIENT"
    elif scheme and rng.random() > miss + (1 - miss) * (1 - world.skill):
        outcome = "O1_FRAUD" if scheme in _ILLEGAL or rng.random() < 0.35 else "O2_IRREGULAR"
        typology, violation = (
            scheme if rng.random() < 0.93 else {"T02": "T01", "T01": "T02"}.get(scheme, scheme),
            "illegal" if outcome == "O1_FRAUD" else "irregular",
        )
    elif not scheme and rng.random() < 0.008:
        outcome, typology, violation = "O2_IRREGULAR", str(rng.choice(["T05", "T19", "T20", "T01"])), "irregular"
    elif not scheme and rng.random() < 0.02:
        outcome = "O4_ERROR"
    elif innocent and rng.random() < 0.5:
        outcome, explained = "O8_EXPLAINED", innocent
    else:
        outcome = "O6_CLEAR"
    hit = OUTCOMES[outcome].klass == "confirmed"
    delay = int(rng.gamma(2.2, 9)) + 3
    return {"entity_type": kind, "entity_id": key, "begin": begin, "end": end, "insp": insp, "conclude": insp + delay, "insp_type": "desk" if rng.random() < 0.6 else "onsite", "lead": lead, "prob": prob, "outcome": outcome,
            "typology": typology, "violation": violation, "suspect": amount, "amount": int(amount * rng.uniform(0.5, 1.0)) if hit else 0, "disposition": _DISPOSE[kind] if hit else "NONE", "reason": f"innocent={explained}" if explained else ""}  # fmt: skip


def _stays(world: World, s: Stays, number: Array, fund: Array, outside: Array) -> list[dict[str, Any]]:
    rng, span = world.rng("inspect stays"), world.span
    persons = len(world.p["age"])
    pool = np.flatnonzero((s["end"] < span.stop - 25 * DAY) & (number >= 0))
    n = len(pool)
    guilty = s["scheme"][pool] != ""
    scale = (persons / 60000) ** SAMPLE * min(1.0, span.days / 450) ** 0.7
    first = span.start // DAY
    crude = (
        1.5 * (outside[pool] > 0)
        + 0.9 * (s["same"][pool] >= 400_000)
        + 0.5 * s["waived"][pool]
        + 0.4 * np.log1p(fund[pool] / 500_000)
        + 0.6 * (s["quiet_a"][pool] < 90)
        + rng.gumbel(0, 1.0, n)
    )
    size = np.bincount(s["inst"][pool], minlength=len(world.i["kind"]))[s["inst"][pool]]
    taken = np.zeros(n, bool)
    out: list[tuple[int, str, float | None]] = []

    def pick(score: Array, k: int, lead: str) -> None:
        score = np.where(taken, -1e9, score)
        for j in np.argsort(-score, kind="stable")[: min(k, n - int(taken.sum()))]:
            taken[j] = True
            out.append((int(j), lead, None))

    draw = min(n, round(130 * scale))  # the lot first, so that its probability is exact
    for j in rng.choice(n, draw, replace=False):
        taken[j] = True
        out.append((int(j), "random", draw / n))
    pick(
        crude + 0.5 * np.log1p(size) * 0.4 + 1.1 * world.skill * guilty * s["severity"][pool],
        round(190 * scale),
        "rule",
    )
    # a neighbour's or nurse's word: right about a third of the time
    pick(
        rng.gumbel(0, 1, n) + 4.6 * world.skill * guilty * (0.5 + s["severity"][pool]), round(230 * scale), "complaint"
    )
    # campaigns: charts of a unit already under suspicion, mostly of the same season
    guilty_units = np.bincount(s["inst"][pool], weights=guilty, minlength=len(world.i["kind"]))
    visible = world.skill * guilty_units + rng.gamma(1.5, 3.0, len(guilty_units))
    target = np.argsort(-visible)[: max(2, round(5 * scale**0.5))]
    pick(
        2.2 * np.isin(s["inst"][pool], target)
        + 0.9 * crude
        + 2.0 * world.skill * guilty * s["severity"][pool]
        + rng.gumbel(0, 0.8, n),
        round(260 * scale),
        "campaign",
    )
    rows = []
    for j, lead, prob in out:
        k = int(pool[j])
        end = int(s["end"][k]) // DAY
        delay = int(rng.gamma(2.0, 22)) + 7
        scheme = str(s["scheme"][k])
        key = w.visit_key(world, number[k : k + 1])[0].as_py()
        rows.append(
            _row(
                world,
                rng,
                "admission",
                key,
                int(s["adm"][k]) // DAY,
                end,
                max(end + delay, first + 20),
                lead,
                scheme,
                float(s["severity"][k]),
                int(fund[k]),
                prob,
                str(s["innocent"][k]),
            )
        )
    return rows


def _truth_of(world: World, table: str) -> dict[int, tuple[str, float]]:
    out: dict[int, tuple[str, float]] = {}
    for row in world.truth.get(table, []):
        if row[0] not in out or row[2] > out[row[0]][1]:
            out[int(row[0])] = (str(row[1]), float(row[2]))
    return out


def _persons(world: World, person_fund: Array) -> list[dict[str, Any]]:
    rng, span, p = world.rng("inspect persons"), world.span, world.p
    n = len(p["age"])
    guilty = _truth_of(world, "persons")
    is_guilty, severity = np.zeros(n, bool), np.zeros(n)
    for person, (_, sev) in guilty.items():
        is_guilty[person], severity[person] = True, sev
    scale = (n / 60000) ** SAMPLE * min(1.0, span.days / 450) ** 0.7
    taken = np.zeros(n, bool)
    rows: list[dict[str, Any]] = []
    spend = np.log1p(person_fund / 100_000)

    def add(person: int, lead: str, prob: float | None) -> None:
        taken[person] = True
        scheme, sev = guilty.get(person, ("", 0.0))
        insp = int(rng.integers(span.start // DAY + min(90, span.days // 2), span.stop // DAY))
        innocent = "N29" if p["special"][person] == 7 else "N01" if p["special"][person] == 1 else ""
        rows.append(
            _row(
                world,
                rng,
                "person",
                str(p["psn_no"][person]),
                max(span.start // DAY, insp - 180),
                insp,
                insp,
                lead,
                scheme,
                sev,
                int(person_fund[person] * rng.uniform(0.1, 0.5)),
                prob,
                innocent,
            )
        )

    # of 24,000 insured some thirty a year and ten thousand, as in the two counties nobody here made (benchmarks/worlds_compare.py)
    draw = min(n, round(25 * scale))
    for person in rng.choice(n, draw, replace=False):
        add(int(person), "random", draw / n)
    for lead, k, score in (
        ("rule", 70, 1.3 * spend + 0.9 * world.skill * is_guilty * severity + rng.gumbel(0, 0.7, n)),
        ("complaint", 32, rng.gumbel(0, 1, n) + 7.0 * is_guilty * (0.5 + severity)),
    ):
        score = np.where(taken, -1e9, score)
        for person in np.argsort(-score, kind="stable")[: min(round(k * scale), n // 6)]:
            add(int(person), lead, None)
    return rows


def _institutions(world: World) -> list[dict[str, Any]]:
    rng, span, i = world.rng("inspect institutions"), world.span, world.i
    guilty = _truth_of(world, "institutions")
    n = len(i["kind"])
    rows = []
    draw = max(2, n // 14)
    lot = set(rng.choice(n, draw, replace=False).tolist())
    for unit in range(n):
        scheme, sev = guilty.get(unit, ("", 0.0))
        chance = 0.35 + 0.25 * (i["kind"][unit] < 7) + 0.1 * world.skill * bool(scheme)
        times = int(rng.random() < chance) + int(rng.random() < chance * 0.3)
        for t in range(times + (unit in lot)):
            lead = (
                "random"
                if unit in lot and t == 0
                else str(rng.choice(["campaign", "complaint", "rule"], p=[0.5, 0.2, 0.3]))
            )
            insp = int(rng.integers(span.start // DAY + min(60, span.days // 3), span.stop // DAY))
            rows.append(
                _row(
                    world,
                    rng,
                    "institution",
                    str(i["code"][unit]),
                    max(span.start // DAY, insp - 180),
                    insp,
                    insp,
                    lead,
                    scheme,
                    sev,
                    int(rng.lognormal(13, 1)) if scheme else int(rng.lognormal(10, 1)),
                    draw / n if lead == "random" else None,
                )
            )
    return rows


def _doctors(world: World) -> list[dict[str, Any]]:
    rng, span, d = world.rng("inspect doctors"), world.span, world.d
    guilty = _truth_of(world, "doctors")
    pool = np.flatnonzero(world.i["kind"][d["inst"]] < 9)
    n = len(pool)
    score = rng.gumbel(0, 1, n) + np.array([2.6 * world.skill if int(x) in guilty else 0.0 for x in pool])
    rows = []
    draw = max(2, n // 50)
    lot = rng.choice(n, draw, replace=False)
    for j, lead in [
        *((int(x), "random") for x in lot),
        *((int(x), "rule") for x in np.argsort(-score)[: max(4, n // 16)]),
    ]:
        scheme, sev = guilty.get(int(pool[j]), ("", 0.0))
        insp = int(rng.integers(span.start // DAY + min(90, span.days // 2), span.stop // DAY))
        rows.append(
            _row(
                world,
                rng,
                "doctor",
                str(d["code"][pool[j]]),
                max(span.start // DAY, insp - 180),
                insp,
                insp,
                lead,
                scheme,
                sev,
                int(rng.lognormal(11, 1)),
                draw / n if lead == "random" else None,
            )
        )
    return rows


def check_beds(world: World, s: Stays, number: Array, absent: dict[str, Array]) -> pa.Table:
    """About four beds an evening on some evenings: a few by lot, the rest where a rule or a caller pointed."""
    rng, span = world.rng("bed checks"), world.span
    nights = max(6, round(70 * (span.days / 455) * min(1.6, (len(world.p["age"]) / 24000) ** 0.3)))
    away: dict[int, list[tuple[int, int, str]]] = {}
    for stay, begin, end, code in world.truth.get("away", []):
        away.setdefault(stay, []).append((begin, end, code))
    gone: dict[int, list[tuple[int, int]]] = {}
    for stay, begin, end in zip(absent["stay"].tolist(), absent["begin"].tolist(), absent["end"].tolist(), strict=True):
        gone.setdefault(stay, []).append((begin, end))
    rows: list[tuple[int, int, str, str | None, str, float | None]] = []
    for _ in range(nights):
        moment = (
            span.start
            + int(rng.integers(3, span.days)) * DAY
            + int((rng.uniform(19.2, 22) if rng.random() < 0.7 else rng.uniform(9, 17)) * 3600)
        )
        moment = min(moment, span.stop - 60)
        here = np.flatnonzero((s["adm"] <= moment) & (s["end"] > moment) & (number >= 0))
        if len(here) < 4:
            continue
        k = int(rng.integers(3, 7))
        lot = max(1, k // 2)
        pick = rng.choice(here, min(lot, len(here)), replace=False)
        seen: list[tuple[int, str, float | None]] = [(int(x), "random", lot / len(here)) for x in pick]
        score = (
            rng.gumbel(0, 1, len(here))
            + 2.1 * s["severity"][here] * (s["scheme"][here] != "")
            + 0.5 * (s["oral"][here] > 0.6)
            + 0.4 * (s["nurse"][here] == 3)
        )
        seen += [
            (int(here[j]), "rule" if rng.random() < 0.7 else "complaint", None)
            for j in np.argsort(-score)[: k - lot]
            if int(here[j]) not in {int(x) for x in pick}
        ]
        for stay, source, prob in seen:
            code, leave = "B1_IN_BED", None
            if s["home"][stay]:
                code = "B9_HOME_BED"
            elif rng.random() < 0.02:
                code = "B8_UNABLE"
            elif any(b <= moment < e for b, e in gone.get(stay, [])):
                code = "B5_NO_SUCH" if s["scheme"][stay] == "T02" and rng.random() < 0.5 else "B4_ABSENT"
                if rng.random() < 0.15:  # the ward produces a leave slip
                    code, leave = "B3_LEAVE_OK", "请假"
            elif any(b <= moment < e for b, e, _ in away.get(stay, [])):
                code = next(c for b, e, c in away[stay] if b <= moment < e)
                leave = "请假" if code == "B3_LEAVE_OK" else "外出检查"
            elif s["scheme"][stay] == "T03" and rng.random() < 0.6:
                code = "B7_ID_MISMATCH"
            elif moment % DAY < 18 * 3600 and rng.random() < 0.08:
                code, leave = "B2_IN_HOUSE", "院内检查"
            rows.append((moment + len(rows) % 5 * 300, stay, code, leave, source, prob))
    rows.sort(key=lambda r: (r[0], r[1]))
    stays = np.array([r[1] for r in rows], np.int64)
    n = len(rows)
    return pa.table({
        "check_id": pa.array([f"CC{k:06d}" for k in range(n)], pa.string()), "mdtrt_id": w.visit_key(world, number[stays]), "fixmedins_code": pa.array(world.i["code"][s["inst"][stays]], pa.string()), "check_time": w.moment(np.array([r[0] for r in rows], np.int64)),
        "check_way": w.constant(n, "onsite"), "result_code": pa.array([r[2] for r in rows], pa.string()), "leave_reason": pa.array([r[3] for r in rows], pa.string()), "checker_1": pa.array([f"K{k % 6:02d}" for k in range(n)], pa.string()), "checker_2": pa.array([f"K{(k + 3) % 7:02d}" for k in range(n)], pa.string()),
        "source": pa.array([r[4] for r in rows], pa.string()), "selection_prob": pa.array([r[5] for r in rows], pa.float64()),
    })  # fmt: skip
