"""`simulate`: make a county, write its tables and, beside them, its truth; publish all or nothing.

Memory stays bounded: persons, units and stays are global arrays (a few hundred bytes a person); visits and fee lines exist for one chunk of
persons at a time and leave as one Parquet part.
"""

from __future__ import annotations

import heapq
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from claims.errors import UserError
from simulator import (
    dimensions,
    fee_lines,
    inspections,
    lookalikes,
    payments,
    schemes_beds,
    schemes_cards,
    schemes_drugs,
    schemes_fees,
)
from simulator import stays as s_
from simulator import visits as v_
from simulator import writing as w
from simulator.population import DAY, Array, World, make_world
from simulator.stays import Stays
from simulator.visits import Visits

END = date(2026, 9, 27)
CHUNK = 20_000
VERSION = 5


@dataclass(frozen=True)
class SimulateSummary:
    """Rows per table, and planted cases per scheme and per innocent (grain:code → number)."""

    out: Path
    tables: dict[str, int]
    schemes: dict[str, int]
    innocents: dict[str, int]
    already: bool = False


def simulate(
    out: Path,
    persons: int,
    months: int,
    seed: int,
    *,
    severity: float = 1.0,
    abundance: float = 1.0,
    skill: float = 1.0,
    dirty: bool = False,
    end: date = END,
    progress: Callable[[str, float], None] | None = None,
) -> SimulateSummary:
    """Write `out/claims/TABLE.parquet` (or TABLE/part-*.parquet) and `out/truth/*.parquet`.

    abundance multiplies the guilty stays and the acts of guilty persons; skill, how well inspectors choose and how often they see what is there.
    The same (persons, months, seed, severity, abundance, skill, end) gives the same bytes. Raises UserError on bad arguments, or when `out` holds anything but this very county.
    """
    out = Path(out)
    for name, value, low, high in (("--persons", persons, 500, 3_000_000), ("--months", months, 3, 60)):
        if not low <= value <= high:
            raise UserError(f"{name} is {value}; give a number from {low} to {high}.")
    if seed < 0:
        raise UserError(f"--seed is {seed}; give a number from 0 upwards.")
    for name, share, least, most in (
        ("--severity", severity, 0.2, 3),
        ("--abundance", abundance, 0.2, 6),
        ("--skill", skill, 0, 1),
    ):
        if not least <= share <= most:
            raise UserError(f"{name} is {share}; give a number from {least} to {most} (1 is the usual county).")
    recipe = {
        "version": VERSION,
        "persons": persons,
        "months": months,
        "seed": seed,
        "severity": severity,
        "abundance": abundance,
        "skill": skill,
        "dirty": dirty,
        "end": end.isoformat(),
    }
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        done = out / "county.json"
        if out.is_dir() and done.is_file():
            stored = json.loads(done.read_text())
            if stored.get("recipe") == recipe:
                return SimulateSummary(out, stored["tables"], stored["schemes"], stored["innocents"], already=True)
        raise UserError(
            f"{out} is not empty and holds something else than this county; choose a new folder or empty it first."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        world = make_world(persons, months, seed, severity, end, abundance=abundance, skill=skill)
        summary = _make(stage, world, progress or (lambda text, share: None))
        if dirty:
            from simulator.legacy_export import soil

            soil(stage, seed)
        (stage / "county.json").write_text(
            json.dumps(
                {
                    "recipe": recipe,
                    "tables": summary.tables,
                    "schemes": summary.schemes,
                    "innocents": summary.innocents,
                },
                ensure_ascii=False,
                indent=1,
                sort_keys=True,
            )
        )
        if out.exists():
            out.rmdir()
        os.chmod(stage, 0o755)
        os.replace(stage, out)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    return SimulateSummary(out, summary.tables, summary.schemes, summary.innocents)


def _make(
    stage: Path,
    world: World,
    progress: Callable[[str, float], None],
) -> SimulateSummary:
    it, persons = world.items, len(world.p["age"])
    world.bags.append([(it["血液透析"], 1), (it["透析器"], 1), (it["低分子肝素注射液"], 1), (it["静脉注射"], 1)])
    schemes_fees.plant(world)
    honest = s_.honest(world)
    frauds, betraying = schemes_beds.plant(world, honest)
    s = s_.join([honest, frauds])
    schemes_fees.persons(world, s)
    inside = (s["end"] > world.span.start) & (s["adm"] < world.span.stop)
    inside &= s["end"] >= world.span.start + DAY // 4
    keep = np.flatnonzero(inside)
    new_index = np.full(len(inside), -1)
    s = s_.take(s, keep)
    new_index[keep] = np.arange(len(keep))
    s["follow"] = np.where(s["follow"] >= 0, new_index[s["follow"].clip(0)], -1).astype(np.int32)
    bed, bed_table = _beds(world, s)
    planned = v_.join(
        [*betraying, *schemes_cards.plant(world), *schemes_drugs.plant(world), *lookalikes.plant(world, s)]
    )
    ok = (planned["begin"] >= world.span.start) & (planned["begin"] < world.span.stop)
    dead = world.p["death"][planned["person"]]
    planned = v_.take(planned, ok & ~((dead >= 0) & (planned["begin"] // DAY > dead)))
    planned = v_.take(planned, np.argsort(planned["person"], kind="stable"))
    lookalikes.people(world, s)
    progress("stays and schemes", 0.1)

    claims = stage / "claims"
    chunks = [(a, min(a + CHUNK, persons)) for a in range(0, persons, CHUNK)]
    counters = {"visit": 1, "setl": 1}
    number, fund = np.full(len(s["person"]), -1, np.int64), np.zeros(len(s["person"]), np.int64)
    spent = np.zeros(persons, np.int64)
    outside = np.zeros(len(s["person"]), np.int32)
    counts = {"settlements": 0, "fee_details": 0}
    order = np.argsort(s["person"], kind="stable")
    book, cap = fee_lines.price_table(world), fee_lines.limits(world)
    for c, (first, last) in enumerate(chunks):
        mine = order[np.searchsorted(s["person"][order], first) : np.searchsorted(s["person"][order], last)]
        some = v_.take(
            planned, np.arange(np.searchsorted(planned["person"], first), np.searchsorted(planned["person"], last))
        )
        got = _chunk(world, v_.background(world, first, last, c), some, s, mine, bed, counters, book, cap, c)
        number[mine], fund[mine] = got["number"], got["fund"]
        spent[first:last] = got["spent"][first:last]
        outside[mine] = got["outside"]
        for name in counts:
            path = claims / (f"{name}.parquet" if len(chunks) == 1 else f"{name}/part-{c:04d}.parquet")
            counts[name] += w.write(got[name], path)
        progress(f"{last} persons", 0.1 + 0.85 * (c + 1) / len(chunks))
    absent = schemes_beds.absences(world.rng("absences"), world, s)
    tables = dict(counts)
    tables |= dimensions.write_all(world, s, bed_table, claims)
    tables["inspections"] = w.write(
        inspections.inspect(world, s, number, fund, spent, outside), claims / "inspections.parquet"
    )
    tables["presence_checks"] = w.write(
        inspections.check_beds(world, s, number, absent), claims / "presence_checks.parquet"
    )
    schemes, innocent = _truth(world, s, number, fund, absent, stage / "truth")
    progress("done", 1.0)
    return SimulateSummary(stage, dict(sorted(tables.items())), schemes, innocent)


def _chunk(
    world: World,
    background: Visits,
    planned: Visits,
    s: Stays,
    mine: Array,
    bed: Array,
    counters: dict[str, int],
    book: Array,
    cap: Array,
    chunk: int,
) -> dict[str, Any]:
    """Visits, lines and settlements of one chunk of persons."""
    rng, stop = world.rng("lines", chunk), world.span.stop
    settle_lag = np.where(
        rng.random(len(mine)) < 0.8, rng.integers(600, 5 * 3600, len(mine)), rng.integers(1, 9, len(mine)) * DAY
    )
    ward = v_.visits(len(mine), person=s["person"][mine], inst=s["inst"][mine], doctor=s["doctor"][mine], kind=v_.STAY, dx=s["dx"][mine], begin=s["adm"][mine], setl=s["end"][mine] + settle_lag, stay=mine,
                     refund=np.where(s["refund"][mine], 1, np.where(rng.random(len(mine)) < 0.006, 3, 0)), refund_gap=rng.integers(DAY // 8, 20 * DAY, len(mine)))  # fmt: skip
    v = v_.join([background, planned, ward])
    v = v_.take(v, np.lexsort((v["inst"], v["begin"], v["person"])))
    rows = np.arange(len(v["person"]))
    is_stay = v["kind"] == v_.STAY
    parts = [
        fee_lines.visit_lines(rng, world, book, v, rows[~is_stay]),
        fee_lines.stay_lines(rng, world, book, v, rows[is_stay], s),
    ]
    line = {k: np.concatenate([a[k] for a in parts]) for k in parts[0]}
    by = np.argsort(line["visit"] * (1 << 34) + (line["time"] - world.span.start + 40 * DAY), kind="stable")
    line = {k: a[by] for k, a in line.items()}
    n = len(rows)
    total = np.bincount(line["visit"], weights=line["cnt"] * line["pric"], minlength=n).astype(np.int64)
    scope = np.bincount(line["visit"], weights=w.line_scope(world, line, cap), minlength=n).astype(np.int64)
    paid = payments.settle(rng, world, v, s, total, scope)
    setl_time = np.where(
        v["setl"] >= 0,
        v["setl"],
        v["begin"] + rng.integers(5, 240, n) + (v["kind"] != v_.PH) * rng.integers(300, 2400, n),
    )
    settled = setl_time <= stop
    # refund rows and corrected settlements follow their originals
    whole = np.flatnonzero(np.isin(v["refund"], (1, 3)) & settled & (setl_time + v["refund_gap"] <= stop) & (total > 0))
    part = np.flatnonzero((v["refund"] == 2) & settled & (setl_time + v["refund_gap"] <= stop) & (total > 0))
    again = whole[v["refund"][whole] == 3]
    seq_first = np.concatenate([[True], line["visit"][1:] != line["visit"][:-1]])
    seq = np.arange(len(line["visit"])) - np.flatnonzero(seq_first)[np.cumsum(seq_first) - 1]
    start = np.searchsorted(line["visit"], np.arange(n + 1))
    last_line = start[part + 1] - 1
    cut = line["cnt"][last_line] * line["pric"][last_line]
    ratio = cut / total[part]
    for person in np.unique(v["person"][again]):
        world.tell("innocents", "P", int(person), "N31")
    columns = list(paid)
    money_all = {
        k: [paid[k], -paid[k][whole], -np.round(paid[k][part] * ratio).astype(np.int64), paid[k][again]]
        for k in columns
    }
    money_all["medfee_sumamt"][2] = -cut
    fund_part = sum(
        money_all[k][2] for k in ("hifp_pay", "hifob_pay", "hifmi_pay", "maf_pay", "cvlserv_pay", "oth_pay")
    )
    money_all["fund_pay_sumamt"][2] = np.asarray(fund_part)
    money_all["psn_cash_pay"][2] = -cut - np.asarray(fund_part) - money_all["acct_pay"][2]
    money_all["balc"] = [
        paid["balc"],
        paid["balc"][whole] + paid["acct_pay"][whole],
        paid["balc"][part] - money_all["acct_pay"][2],
        paid["balc"][again],
    ]
    ledger = {k: np.concatenate(x) for k, x in money_all.items()}
    copy = np.concatenate([rows, whole, part, again])
    kind = np.repeat(np.arange(4), [n, len(whole), len(part), len(again)])
    refund_of = np.where((kind == 1) | (kind == 2), copy, -1)
    everything = v_.take(v, copy)
    moment = setl_time[copy] + np.where(kind > 0, v["refund_gap"][copy], 0) + np.where(kind == 3, 90, 0)
    done = moment <= stop
    m = len(copy)
    number = np.arange(counters["visit"], counters["visit"] + m)
    number[kind == 2] = number[copy[kind == 2]]  # a partial refund stays under its visit
    counters["visit"] += m
    setl = np.where(done, np.arange(counters["setl"], counters["setl"] + m), -1)
    counters["setl"] += m
    # lines of refunds (negative, pointing to their originals) and of corrected settlements (copied)
    where = {1: whole, 2: part, 3: again}
    extra = []
    base = n
    for k in (1, 2, 3):
        src = where[k]
        if k == 2:
            idx, owner = last_line, base + np.arange(len(src))
        else:
            size = start[src + 1] - start[src]
            idx = np.repeat(start[src], size) + np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
            owner = np.repeat(base + np.arange(len(src)), size)
        piece = {c: a[idx] for c, a in line.items()}
        piece["init"] = seq[idx] if k < 3 else np.full(len(idx), -1)
        piece["visit"] = owner
        if k < 3:
            piece["cnt"] = -piece["cnt"]
            piece["time"] = moment[owner]
        extra.append(piece)
        base += len(src)
    line["init"] = np.full(len(line["visit"]), -1)
    full = {c: np.concatenate([line[c], *(e[c] for e in extra)]) for c in line}
    offset = np.where(
        kind == 2, (start[1:] - start[:-1])[copy], 0
    )  # a partial refund's line carries on its visit's numbering
    table = w.settlements_table(world, everything, s, ledger, number, setl, moment, bed, refund_of)
    ftable = w.lines_table(world, everything, full, number, setl, cap, offset)
    slot = np.full(len(s["person"]), -1)
    slot[mine] = np.arange(len(mine))
    pos = slot[v["stay"][is_stay]]
    got_number, got_fund = np.zeros(len(mine), np.int64), np.zeros(len(mine), np.int64)
    got_number[pos], got_fund[pos] = number[:n][is_stay], paid["fund_pay_sumamt"][is_stay]
    resettled = np.flatnonzero(
        (kind == 3) & (everything["kind"] == v_.STAY)
    )  # the corrected visit is the one that counts
    got_number[slot[everything["stay"][resettled]]] = number[resettled]
    spent = np.bincount(
        v["person"], weights=(paid["fund_pay_sumamt"] + paid["acct_pay"]) * ~is_stay, minlength=len(world.p["age"])
    ).astype(np.int64)
    return {
        "settlements": table,
        "fee_details": ftable,
        "number": got_number,
        "fund": got_fund,
        "spent": spent,
        "outside": _outside(v, is_stay, s, mine),
    }


def _outside(v: Visits, is_stay: Array, s: Stays, mine: Array) -> Array:
    """Visits elsewhere on inner days of each stay: the crude signal every bureau looks at."""
    key = v["person"].astype(np.int64) * (1 << 36) + v["begin"]
    other = np.sort(key[~is_stay])
    base = s["person"][mine].astype(np.int64) * (1 << 36)
    low, high = (s["adm"][mine] // DAY + 1) * DAY, s["end"][mine] // DAY * DAY
    return np.asarray(np.maximum(0, np.searchsorted(other, base + high) - np.searchsorted(other, base + low))).astype(
        np.int32
    )


def _beds(world: World, s: Stays) -> tuple[Array, dict[str, Array]]:
    """Give every stay a bed (lowest free number); licence the units; crowded units (T07) get too few beds and improvised ones."""
    rng = world.rng("beds")
    order = np.argsort(s["adm"], kind="stable")
    n_inst = len(world.i["kind"])
    free: list[list[int]] = [[] for _ in range(n_inst)]
    busy: list[list[tuple[int, int]]] = [[] for _ in range(n_inst)]
    top = np.zeros(n_inst, np.int64)
    bed = np.zeros(len(order), np.int64)
    for k in order:
        unit, now = int(s["inst"][k]), int(s["adm"][k])
        while busy[unit] and busy[unit][0][0] <= now:
            heapq.heappush(free[unit], heapq.heappop(busy[unit])[1])
        if s["shared_bed"][k] and busy[unit]:
            bed[k] = busy[unit][int(rng.integers(0, len(busy[unit])))][1]
            continue
        if free[unit]:
            bed[k] = heapq.heappop(free[unit])
        else:
            top[unit] += 1
            bed[k] = top[unit]
        heapq.heappush(busy[unit], (int(s["end"][k]), int(bed[k])))
    room = np.ceil(top * rng.uniform(1.0, 1.35, n_inst)).astype(np.int64)
    room = np.where(world.i["crowded"], np.ceil(top * rng.uniform(0.74, 0.95, n_inst)), room).astype(np.int64)
    world.i["beds"] = np.where(world.i["kind"] < 7, np.maximum(room, 6), 0)
    text = np.where(
        bed > world.i["beds"][s["inst"]],
        "加" + (bed - world.i["beds"][s["inst"]]).astype("U4").astype(object),
        bed.astype("U6").astype(object),
    ).astype("U8")
    inst = np.repeat(np.arange(n_inst), world.i["beds"])
    number = np.arange(len(inst)) - np.repeat(np.cumsum(world.i["beds"]) - world.i["beds"], world.i["beds"]) + 1
    return text, {"inst": inst, "number": number}


def _truth(
    world: World, s: Stays, number: Array, fund: Array, absent: dict[str, Array], folder: Path
) -> tuple[dict[str, int], dict[str, int]]:
    p, i, d = world.p, world.i, world.d
    bad = np.flatnonzero((s["scheme"] != "") & (number >= 0))
    schemes: dict[str, int] = {}
    stay_ids = np.asarray(w.visit_key(world, number.clip(0)).to_pylist(), object)
    share = np.where(np.isin(s["scheme"][bad], ("T01", "T02", "T03", "T18", "T29")), 1.0, 0.45)
    w.write(
        pa.table(
            {
                "mdtrt_id": pa.array(stay_ids[bad], pa.string()),
                "scheme": pa.array(s["scheme"][bad], pa.string()),
                "severity": pa.array(s["severity"][bad].astype(float)),
                "amount_fen": pa.array(np.round(fund[bad] * share).astype(np.int64)),
            }
        ),
        folder / "admissions.parquet",
    )
    for scheme in s["scheme"][bad]:
        schemes[f"A:{scheme}"] = schemes.get(f"A:{scheme}", 0) + 1
    for table, column, codes, grain in (
        ("persons", "psn_no", p["psn_no"], "P"),
        ("institutions", "fixmedins_code", i["code"], "I"),
        ("doctors", "dr_codg", d["code"], "D"),
    ):
        rows = sorted(set(world.truth.get(table, [])))
        w.write(
            pa.table(
                {
                    column: pa.array([codes[r[0]] for r in rows], pa.string()),
                    "scheme": pa.array([r[1] for r in rows], pa.string()),
                    "severity": pa.array([float(r[2]) for r in rows], pa.float64()),
                }
            ),
            folder / f"{table}.parquet",
        )
        for r in rows:
            schemes[f"{grain}:{r[1]}"] = schemes.get(f"{grain}:{r[1]}", 0) + 1
    rings = world.truth.get("rings", [])
    w.write(
        pa.table(
            {
                "ring_id": pa.array([r[0] for r in rings], pa.string()),
                "psn_no": pa.array([p["psn_no"][r[1]] for r in rings], pa.string()),
                "scheme": pa.array([r[2] for r in rings], pa.string()),
            }
        ),
        folder / "rings.parquet",
    )
    for _, scheme in sorted({(r[0], r[2]) for r in rings}):
        schemes[f"R:{scheme}"] = schemes.get(f"R:{scheme}", 0) + 1
    names = {"A": stay_ids, "P": p["psn_no"], "I": i["code"]}
    rows = sorted(set(world.truth.get("innocents", [])))
    w.write(
        pa.table(
            {
                "grain": pa.array(
                    [{"A": "admission", "P": "person", "I": "institution"}[r[0]] for r in rows], pa.string()
                ),
                "entity_id": pa.array([names[r[0]][r[1]] for r in rows], pa.string()),
                "innocent": pa.array([r[2] for r in rows], pa.string()),
            }
        ),
        folder / "innocents.parquet",
    )
    innocent: dict[str, int] = {}
    for r in rows:
        innocent[r[2]] = innocent.get(r[2], 0) + 1
    ok = number[absent["stay"]] >= 0 if len(absent["stay"]) else np.zeros(0, bool)
    w.write(
        pa.table(
            {
                "mdtrt_id": pa.array(stay_ids[absent["stay"][ok]], pa.string()),
                "begin": w.moment(absent["begin"][ok]),
                "end": w.moment(absent["end"][ok]),
            }
        ),
        folder / "absences.parquet",
    )
    return dict(sorted(schemes.items())), dict(sorted(innocent.items()))
