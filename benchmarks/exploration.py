"""What a random draw beside the list costs, and what it buys when the schemes change.

    python -m benchmarks.exploration --out docs/figures        writes exploration.md, exploration.svg, exploration.json

A light world, not a county: every week 1,500 new stays with 24 standard normal columns (pairwise correlation 0.2), 2 % of them fraudulent, or 10 % in a
second world. Until week 26 frauds stand out in columns 0–3 (by 1.1 on average), from then on four in five of them in columns 10–13 instead, which said
nothing before.
The office checks k stays a week: a share is drawn by chance, the rest ranked by a ridge logistic taught every week with what was found in the last 26
weeks; findings are known after two weeks and one fraud in ten is missed. It begins with 300 random checks. Draws weigh like picks, as in the product's
default. The same seed gives the same stays to every arm, so arms are paired. What the product also has (rules, outliers, graph as an offset) is left out on
purpose: the study asks what learning alone does after a change.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

WEEKS, CHANGE, MEMORY, DELAY = 72, 26, 26, 2
STAYS, COLUMNS, SHIFT, LEFT_OVER = 1500, 24, 1.1, 0.2
SHARES = (0.02, 0.1)
OLD, NEW = slice(0, 4), slice(10, 14)
MISSED, FIRST = 0.1, 300
ARMS = (0.0, 0.05, 0.1, 0.2)
CAPACITIES = (20, 50, 100)
RECOVERED = 0.5
SMOOTH = 4


def stays(rng: np.random.Generator, week: int, share: float, n: int = STAYS) -> tuple[np.ndarray, np.ndarray]:
    """(columns, fraud 0/1) of one week."""
    common = rng.normal(size=(n, 1))
    X = np.sqrt(0.2) * common + np.sqrt(0.8) * rng.normal(size=(n, COLUMNS))
    bad = rng.random(n) < share
    old = (rng.random(n) < LEFT_OVER) | (week < CHANGE)
    shown = SHIFT * 2 * rng.random((n, 4))
    X[:, OLD] += np.where((bad & old)[:, None], shown, 0.0)
    X[:, NEW] += np.where((bad & ~old)[:, None], shown, 0.0)
    return X, bad


def ridge_logistic(X: np.ndarray, y: np.ndarray, ridge: float = 3.0) -> np.ndarray:
    """Slopes and intercept by Newton's method; zeros while only one class was seen."""
    design = np.column_stack([X, np.ones(len(X))])
    beta = np.zeros(design.shape[1])
    if y.min() == y.max():
        return beta
    penalty = np.diag([*np.full(X.shape[1], ridge), 1e-6])
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        slope = design.T @ (y - p) - penalty @ beta
        step = np.linalg.solve(design.T @ (design * (p * (1 - p))[:, None]) + penalty, slope)
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def office(seed: int, share: float, k: int, draw: float) -> np.ndarray:
    """Frauds found per week (by picks and draw together) by one office."""
    world, luck = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1, k, round(draw * 100)])
    X, bad = stays(world, 0, share, FIRST)
    seen = [(-DELAY, X, bad & (world.random(FIRST) >= MISSED))]
    found = np.zeros(WEEKS)
    for week in range(WEEKS):
        X, bad = stays(world, week, share)
        caught = bad & (world.random(STAYS) >= MISSED)
        told = [(x, y) for w, x, y in seen if week - MEMORY <= w <= week - DELAY or (w < 0 and week < MEMORY)]
        beta = ridge_logistic(np.vstack([x for x, _ in told]), np.concatenate([y for _, y in told]).astype(float))
        score = X @ beta[:-1] if beta.any() else luck.random(STAYS)
        drawn = round(k * draw)
        picks = np.argsort(-score, kind="stable")[: k - drawn]
        rest = np.setdiff1d(np.arange(STAYS), picks)
        checked = np.concatenate([picks, luck.choice(rest, drawn, replace=False)])
        found[week] = caught[checked].sum()
        seen.append((week, X[checked], caught[checked]))
    return found


def study(seeds: int) -> dict[tuple[float, int], dict[float, np.ndarray]]:
    """{(share of frauds, capacity): {arm: weekly counts, seeds × weeks}}."""
    return {
        (share, k): {a: np.array([office(s, share, k, a) for s in range(seeds)]) for a in ARMS}
        for share in SHARES
        for k in CAPACITIES
    }


def smooth(weekly: np.ndarray) -> np.ndarray:
    """Mean of the last SMOOTH weeks."""
    sums = np.cumsum(np.pad(weekly, ((0, 0), (SMOOTH, 0))), axis=1)
    return np.asarray((sums[:, SMOOTH:] - sums[:, :-SMOOTH]) / np.minimum(np.arange(1, weekly.shape[1] + 1), SMOOTH))


def recovery(weekly: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Weeks after the change until the smoothed count is back at RECOVERED × level; the rest of the study where it never is (censored)."""
    after = smooth(weekly)[:, CHANGE + SMOOTH :] >= RECOVERED * level[:, None]
    first = np.where(after.any(axis=1), after.argmax(axis=1) + SMOOTH, WEEKS - CHANGE)
    return first.astype(float)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % t interval over seeds."""
    half = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), float(values.mean()) - half, float(values.mean()) + half


def figures(found: dict[tuple[float, int], dict[float, np.ndarray]]) -> list[dict[str, Any]]:
    """One row per capacity and arm, paired with the arm without a draw by seed."""
    rows = []
    for (share, k), arms in found.items():
        none = arms[0.0]
        settled = slice(CHANGE - 12, CHANGE)
        level = none[:, settled].mean(axis=1)
        weeks_none = recovery(none, level)
        for arm, weekly in arms.items():
            weeks = recovery(weekly, level)
            rows.append({
                "share": share, "k": k, "draw": arm, "before": interval(weekly[:, settled].mean(axis=1)),
                "cost": interval(1 - weekly[:, settled].mean(axis=1) / level), "weeks": interval(weeks),
                "sooner": interval(weeks_none - weeks), "never": int((weeks >= WEEKS - CHANGE).sum()),
                "after": interval(weekly[:, CHANGE:].mean(axis=1) / none[:, CHANGE:].mean(axis=1)),
                "total": interval(weekly.sum(axis=1) / none.sum(axis=1)),
            })  # fmt: skip
    return rows


def page(rows: list[dict[str, Any]], seeds: int) -> str:
    """The figures as Markdown."""

    def shown(x: tuple[float, float, float], form: str = ".2f") -> str:
        return f"{x[0]:{form}} ({x[1]:{form}} … {x[2]:{form}})"

    lines = [
        "# What an exploration draw costs, and what it buys", "",
        "    python -m benchmarks.exploration --out docs/figures", "",
        *str(__doc__).split("\n\n", 2)[2].strip().splitlines(), "",
        f"{seeds} seeds. In brackets 95 % t intervals over seeds, arms paired by seed with the arm without a draw. *Cost before*: share of the finds per week lost in the "
        f"twelve weeks before the change. *Weeks to recover*: until the mean of four weeks is back at {RECOVERED:.0%} of the level without a draw before "
        f"the change; {WEEKS - CHANGE} where it never is.", "",
        "| frauds | checks a week | draw | finds a week before | cost before | weeks to recover | weeks sooner than without | never | finds after ÷ without | finds over all ÷ without |",
        "|---:|---:|---:|---|---|---|---|---:|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {r['share']:.0%} | {r['k']} | {r['draw']:.0%} | {shown(r['before'], '.1f')} | {shown(r['cost'])} | {shown(r['weeks'], '.1f')} | {shown(r['sooner'], '.1f')} "
        f"| {r['never']} of {seeds} | {shown(r['after'])} | {shown(r['total'])} |"
        for r in rows
    ]
    lines += ["", "![finds per week, mean and 95 % band over seeds](exploration.svg)", "", *verdict(rows)]
    return "\n".join(lines) + "\n"


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """What the table says, arm by arm: sentences follow the intervals, not our hopes."""
    out = ["What can be said (an interval that holds 0, or 1 for ratios, says nothing):", ""]
    for r in rows:
        if r["draw"] == 0:
            continue
        sooner = (
            "recovers sooner"
            if r["sooner"][1] > 0
            else "recovers later"
            if r["sooner"][2] < 0
            else "no difference in recovery shown"
        )
        total = (
            "gains over all"
            if r["total"][1] > 1
            else "loses over all"
            if r["total"][2] < 1
            else "no difference over all shown"
        )
        cost = "costs before the change" if r["cost"][1] > 0 else "no cost before the change shown"
        out.append(f"- {r['share']:.0%} frauds, {r['k']} checks, {r['draw']:.0%} drawn: {cost}; {sooner}; {total}.")
    return out


def picture(found: dict[tuple[float, int], dict[float, np.ndarray]], path: Path) -> None:
    """One panel per capacity: smoothed finds per week, mean over seeds with a 95 % band."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "xiezhi"
    figure, grid = plt.subplots(len(SHARES), len(CAPACITIES), figsize=(13, 7), constrained_layout=True)
    panels = grid.ravel()
    for panel, ((share, k), arms) in zip(panels, found.items(), strict=True):
        for arm, weekly in arms.items():
            curve = smooth(weekly)
            half = student.ppf(0.975, len(curve) - 1) * curve.std(axis=0, ddof=1) / np.sqrt(len(curve))
            line = panel.plot(curve.mean(axis=0), label=f"{arm:.0%} drawn by chance")[0]
            panel.fill_between(
                range(WEEKS), curve.mean(axis=0) - half, curve.mean(axis=0) + half, alpha=0.15, color=line.get_color()
            )
        panel.axvline(CHANGE, color="grey", linestyle="--")
        panel.set_title(f"{k} checks a week, {share:.0%} frauds")
        panel.set_xlabel("week (dashed: schemes change)")
        panel.set_ylim(bottom=0)
    panels[0].set_ylabel("frauds found a week (mean of four weeks)")
    panels[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    found = study(given.seeds)
    rows = figures(found)
    picture(found, given.out / "exploration.svg")
    (given.out / "exploration.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    (given.out / "exploration.md").write_text(page(rows, given.seeds), "utf-8")


if __name__ == "__main__":
    main()
