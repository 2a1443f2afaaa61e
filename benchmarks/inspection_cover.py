"""Whether the draw's intervals hold the truth: rates and amounts of units, stays and persons, a thousand draws a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from benchmarks.accuracy_own import LIKE_OTHERS
from inspection.draw import pivotal, spread
from inspection.estimate import rate, total
from inspection.seed import random_for
from inspection.sites import Site, strata_of
from inspection.undrawn import Everybody

REDRAWS = 1000
KINDS: Mapping[str, tuple[str, float]] = {
    "units": ("units", 0.2),
    "units, half of them": ("units", 0.5),
    "stays": ("stays", 0.1),
    "persons": ("persons", 0.05),
}
"""Who, and the share drawn: a fifth of units, because a tenth of eighty is below the ten that an estimate needs; half of them, as after some months of draws."""
OWN = (8000, 8)
"""Persons and months of an own county; as guilty as `pilot` and `second` are (benchmarks.accuracy_own)."""
ENOUGH = 400
"""Draws with an amount that the issue asks for."""
WIDTHS = 40
"""Redraws whose intervals are made without strata and sizes too."""
_KEYS = {
    "stays": ("admission", "mdtrt_id"),
    "persons": ("person", "psn_no"),
    "units": ("institution", "fixmedins_code"),
}


def own(seed: int, work: Path) -> Path:
    """A county of ours, simulated once."""
    from simulator import simulate

    folder = work / f"own{seed}"
    if not (folder / "truth").exists():
        simulate(folder, *OWN, seed, abundance=LIKE_OTHERS["abundance"], skill=LIKE_OTHERS["skill"])
    return folder


def population(world: Path, kind: str) -> pd.DataFrame:
    """stratum, amount (yuan wrongly paid; 0 = clean), size (yuan billed; of units) of everybody of a kind. Strata are the product's: of units area × kind and level × size, of stays the unit's area.

    The truth of an own county has amounts of stays alone: there a unit or person is guilty of its guilty stays and no other.
    """
    claims, truth = world / "claims", world / "truth"
    ours = (truth / "admissions.parquet").exists()
    name, key = _KEYS[kind]
    units = pd.read_parquet(claims / "institutions.parquet").drop_duplicates("fixmedins_code")
    settled = pd.read_parquet(claims / "settlements.parquet", columns=["mdtrt_id", "psn_no", "fixmedins_code", "med_type", "medfee_sumamt"])  # fmt: skip
    guilty = pd.read_parquet(truth / ("admissions.parquet" if ours else f"truth_{name}.parquet"))
    if ours:
        guilty = guilty.merge(settled.drop_duplicates("mdtrt_id")[["mdtrt_id", "psn_no", "fixmedins_code"]], on="mdtrt_id")  # fmt: skip
    money = guilty["amount_fen"] / 100 if ours else guilty["excess_fund_amt" if name == "admission" else "excess_amt"]
    amount = money.clip(lower=1.0).groupby(guilty[key].astype(str)).sum()
    size = pd.Series(0.0, index=[])
    if kind == "units":
        everybody, stratum = units, _strata(units, settled)
        size = settled.groupby(settled["fixmedins_code"].astype(str))["medfee_sumamt"].sum()
    elif kind == "persons":
        everybody = pd.read_parquet(claims / "persons.parquet").drop_duplicates("psn_no")
        stratum = pd.Series("", index=everybody.index)
    else:
        everybody = settled[settled["med_type"].astype(str).str.startswith("2")].drop_duplicates("mdtrt_id")
        stratum = everybody["fixmedins_code"].astype(str).map(units.set_index(units["fixmedins_code"].astype(str))["admdvs"])  # fmt: skip
    who = everybody[key].astype(str)
    return pd.DataFrame(
        {"stratum": stratum.astype(str).to_numpy(), "amount": amount.reindex(who).fillna(0.0).to_numpy(), "size": size.reindex(who).fillna(0.0).to_numpy(dtype=float)}
    )  # fmt: skip


def _strata(units: pd.DataFrame, settled: pd.DataFrame) -> pd.Series:
    paid = settled.groupby(settled["fixmedins_code"].astype(str))["medfee_sumamt"].sum()
    level = units["medins_lv"] if "medins_lv" in units else pd.Series("0", index=units.index)
    sites = [
        Site(str(code), "", str(kind), int(lv) if str(lv).isdigit() else 0, str(area), fen=int(paid.get(str(code), 0)))
        for code, kind, lv, area in zip(units["fixmedins_code"], units["medins_type"], level, units["admdvs"], strict=True)
    ]  # fmt: skip
    return strata_of(sites)["stratum"].set_axis(units.index)


def cover(world: str, kind: str, people: pd.DataFrame, redraws: int = REDRAWS) -> dict[str, Any]:
    """How often the intervals of `redraws` draws hold the truth, with unequal chances as exploring makes them (a fifth of the strata three times as likely). As in `inspection.ledger`, of units strata and sizes are
    known, of others not.

    attainable: the chance of the redraws' outcomes nearest to the truth, as few as make 95 %: how coarse the outcomes are, not a bound that no other interval could go below.
    """
    amount, n = people["amount"].to_numpy(), len(people)
    strata = pd.factorize(people["stratum"])[0]
    odd, known = strata % 5 == 0, KINDS[kind][0] == "units"
    chance = spread(int(np.ceil(KINDS[kind][1] * n)), np.where(odd & ~odd.all(), 3.0, 1.0))
    true, inside, amounts, values, relative = float((amount > 0).mean()), [], [], [], []
    widths: tuple[list[float], list[float]] = ([], [])
    for i in range(redraws):
        drawn = pivotal(chance, strata, random_for("cover", world, kind, i))
        among = (
            Everybody(people["stratum"].to_numpy(), people["size"].to_numpy(), np.flatnonzero(drawn)) if known else None
        )
        share, sums = rate(amount[drawn] > 0, chance[drawn], n, among=among), total(amount[drawn], chance[drawn], n, among=among)  # fmt: skip
        if among is not None and i < WIDTHS:
            bare = rate(amount[drawn] > 0, chance[drawn], n), total(amount[drawn], chance[drawn], n)
            for known_one, plain, kept in zip((share, sums), bare, widths, strict=True):
                if None not in (known_one.low, known_one.high, plain.low, plain.high) and plain.high > plain.low:  # type: ignore[operator]
                    kept.append((known_one.high - known_one.low) / (plain.high - plain.low))  # type: ignore[operator]
        if share.value is not None and share.low is not None and share.high is not None:
            inside.append(share.low - 1e-9 <= true <= share.high + 1e-9)
            values.append(share.value)
        if sums.value is not None and sums.low is not None and sums.high is not None:
            amounts.append(sums.low <= amount.sum() <= sums.high)
            relative.append(sums.value / amount.sum())
    return {
        "world": world, "kind": kind, "population": n, "guilty": int((amount > 0).sum()), "drawn": round(chance.sum()), "redraws": redraws, "said": len(inside),
        "rate_covered": float(np.mean(inside)) if inside else None, "rate_mean": float(np.mean(values)) if values else None, "rate_true": true, "attainable": attainable(np.array(values), true),
        "amounts": len(amounts), "amount_covered": float(np.mean(amounts)) if amounts else None, "amount_mean": float(np.mean(relative)) if relative else None,
        "rate_width": float(np.median(widths[0])) if widths[0] else None, "amount_width": float(np.median(widths[1])) if widths[1] else None,
    }  # fmt: skip


def attainable(values: np.ndarray, true: float, level: float = 0.95) -> float | None:
    """The chance of the outcomes nearest to the truth, as few as have `level` together."""
    if not len(values):
        return None
    outcome, times = np.unique(np.round(values, 9), return_counts=True)
    nearest = np.cumsum(times[np.argsort(np.abs(outcome - true), kind="stable")]) / len(values)
    return float(nearest[np.searchsorted(nearest, level - 1e-12)])


def counted_out(row: Mapping[str, Any]) -> float:
    """The cover of the rate's interval over every draw of equal chances: no redraws, no luck."""
    n, guilty, drawn = row["population"], row["guilty"], row["drawn"]
    cover = 0.0
    for hits in range(min(guilty, drawn) + 1):
        p = float(hypergeom.pmf(hits, n, guilty, drawn))
        if p > 1e-9:
            said = rate(np.arange(drawn) < hits, np.full(drawn, drawn / n), n)
            cover += p * (said.low is not None and said.high is not None and said.low - 1e-9 <= guilty / n <= said.high + 1e-9)  # fmt: skip
    return cover


def redraws_of(rows: Sequence[Mapping[str, Any]]) -> int:
    """Redraws of all rows."""
    return sum(int(r["redraws"]) for r in rows)


HEAD = [
    "| world | who | population | guilty | drawn | redraws | 95 % intervals of the rate hold it | outcomes nearest the truth that make 95 % | mean rate ÷ true | draws with an amount | 80 % intervals of the amount hold it | mean amount ÷ true | width of the rate's interval ÷ without strata and sizes | of the amount's |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
]


def section(told: Mapping[str, Any], losses: list[str]) -> list[str]:
    """As Markdown; what falls short is added to `losses`. Own counties are pooled: as many redraws of each."""
    rows = [r for k in sorted(told) if k.startswith("cover-") for r in told[k]]
    if not rows:
        return []
    out = ["## The draw's intervals", "", "A fifth of the strata three times as likely as the others (exploring). Wanted: rates 95 ± 2 %, amounts 80 ± 4 % of at least 400 draws; a draw without any amount says none. "
           "Where few are guilty or few are drawn, outcomes are coarse: what the outcomes nearest to the truth have together, as few as make 95 %, stands in its own column. What is above it by more is not explained by that. "
           f"Of units strata and sizes are known; the last columns say how wide the intervals are against those of the same draw without (median of {WIDTHS} draws). Where nearly all units of a kind are guilty or none is, as in own counties, they are still too wide: strata of one or two units "
           "do not show that they are all of one kind.", "", *HEAD]  # fmt: skip
    ours = [r for r in rows if r["world"].startswith("own")]
    for r in (r for r in rows if r not in ours):
        out.append(_line(r["world"], r, [r], losses))
    for kind in dict.fromkeys(r["kind"] for r in ours):
        mine = [r for r in ours if r["kind"] == kind]
        out.append(_line(f"own, {len(mine)} counties", {"kind": kind}, mine, losses))
    out.append("")
    for kind in dict.fromkeys(r["kind"] for r in ours):
        mine = [r for r in ours if r["kind"] == kind and r["rate_covered"] is not None]
        near = sum(0.93 <= r["rate_covered"] <= 0.97 for r in mine)
        sure = sum(0.93 <= r["rate_covered"] <= max(0.97, r["attainable"] + 0.02) for r in mine)
        each = sorted(r["rate_covered"] for r in mine)
        if mine:
            luck = 2 * float(np.sqrt(0.95 * 0.05 / mine[0]["redraws"]))
            out.append(f"- own counties, {kind} ({mine[0]['redraws']} redraws each, so ± {luck:.1%} is luck): rates of each county {each[0]:.1%} to {each[-1]:.1%}, {near} of {len(mine)} within 95 ± 2 %, {sure} within 2 points of 95 % or of what coarse outcomes make")  # fmt: skip
            if near < len(mine):
                losses.append(f"rates of own counties, {kind}: {len(mine) - near} of {len(mine)} are outside 95 ± 2 %, {len(mine) - sure} of them by more than coarse outcomes explain")  # fmt: skip
    return [*out, ""]


def _line(name: str, told: Mapping[str, Any], rows: Sequence[dict[str, Any]], losses: list[str]) -> str:
    kind = told["kind"]

    def pooled(value: str, weight: str) -> float | None:
        known = [r for r in rows if r[value] is not None and r[weight]]
        return sum(r[value] * r[weight] for r in known) / sum(r[weight] for r in known) if known else None

    rates, least, amount = pooled("rate_covered", "said"), pooled("attainable", "said"), pooled("amount_covered", "amounts")  # fmt: skip
    ratio = [r["rate_mean"] / r["rate_true"] for r in rows if r["rate_mean"] is not None and r["rate_true"]]
    spoke, redraws, mean = sum(r["amounts"] for r in rows), sum(r["redraws"] for r in rows), pooled("amount_mean", "amounts")  # fmt: skip
    if rates is None:
        losses.append(f"rates of {name}, {kind}: nothing was said, fewer than ten were drawn")
    elif not 0.93 <= rates <= 0.97:
        why = f"; the outcomes nearest to the truth make {least:.1%}" if least is not None and rates > 0.97 else ""
        if kind == "persons" and len(rows) == 1:
            why += f"; counted out over all draws, which are of equal chances here, it is {counted_out(rows[0]):.1%}: the rest is the luck of {redraws_of(rows):,} redraws"  # fmt: skip
        losses.append(f"rates of {name}, {kind}: {rates:.1%} covered instead of 95 ± 2 %{why}")
    if amount is not None and spoke >= ENOUGH and not 0.76 <= amount <= 0.84:
        losses.append(f"amounts of {name}, {kind}: {amount:.1%} covered instead of 80 ± 4 %")
    if spoke < ENOUGH:
        losses.append(f"amounts of {name}, {kind}: {spoke} of {redraws} draws had an amount; the others said 样本不足")  # fmt: skip
    elif mean is not None and abs(mean - 1) > 0.1:
        losses.append(f"amounts of {name}, {kind}: {mean:.2f} of the true on average, because only draws with an amount speak ({spoke / redraws:.0%} of them)")  # fmt: skip
    size = f"{np.mean([r['population'] for r in rows]):.0f}"
    cells = [name, kind, size, f"{np.mean([r['guilty'] for r in rows]):.0f}", f"{np.mean([r['drawn'] for r in rows]):.0f}", f"{redraws:,}", _share(rates), _share(least), "—" if not ratio else f"{np.mean(ratio):.3f}", f"{spoke:,}", _share(amount), "—" if mean is None else f"{mean:.3f}", *(_times([r.get(w) for r in rows]) for w in ("rate_width", "amount_width"))]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _times(values: Sequence[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{np.mean(known):.2f}" if known else "—"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"
