"""What our care costs beside bare LightGBM. CPU seconds: the machine is shared, wall time says little.

    python -m benchmarks.training --warehouse W --as-of 2026-09-25 --out docs/figures/training.md

fit: all grains of a warehouse whose features are built, over the LightGBM calls made inside it (training and predicting, timed where they happen).
explanations: 1,000 suspects over `pred_contrib`, and their largest difference from shap.TreeExplainer. scores: a million entities over `Booster.predict`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.ranker import Ranker
from training import fit as fitting

LIMITS = {"fit": 5.0, "explanations": 1.2, "scores": 1.5, "difference": 1e-6}


def timed(work: Callable[[], Any], times: int = 3) -> float:
    """Best CPU seconds of a few runs."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


@contextmanager
def watched(owner: Any, names: tuple[str, ...], spent: dict[str, float]) -> Iterator[None]:
    """Add up the CPU seconds spent inside some functions of a module or class while the block runs; nested calls count once."""
    kept = {n: getattr(owner, n) for n in names}
    depth = [0]

    def around(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **words: Any) -> Any:
            depth[0] += 1
            start = time.process_time()
            try:
                return work(*args, **words)
            finally:
                depth[0] -= 1
                if depth[0] == 0:
                    spent[name] = spent.get(name, 0.0) + time.process_time() - start

        return call

    for name, work in kept.items():
        setattr(owner, name, around(name, work))
    try:
        yield
    finally:
        for name, work in kept.items():
            setattr(owner, name, work)


def whole_fit(warehouse: Path, as_of: date) -> dict[str, Any]:
    """Seconds of `fit` for all grains, of the LightGBM calls inside it, and of reading the matrices."""
    spent: dict[str, float] = {}
    read: dict[str, float] = {}
    from training import dataset as rows

    with (
        watched(lgb, ("train",), spent),
        watched(lgb.Booster, ("predict",), spent),
        watched(fitting, ("load_matrix",), read),
        watched(rows, ("load_matrix",), read),
    ):
        start = time.process_time()
        summary = fitting.fit(warehouse, as_of, promote=False, log=False, threads=1)
        total = time.process_time() - start
    rankers = sorted(g for g, s in summary.grains.items() if s.ranker)
    return {"total": total, "lightgbm": sum(spent.values()), "matrices": sum(read.values()), "rankers": rankers}


def pieces(rows: int, columns: int) -> dict[str, float]:
    """Scoring and explaining beside the bare calls on random numbers of a matrix's shape."""
    r = np.random.default_rng(0)
    names = [f"f{i:03d}" for i in range(columns)]
    few = pd.DataFrame(r.normal(size=(3000, columns)), columns=names, index=[f"t{i:05d}" for i in range(3000)])
    y = pd.Series((r.random(3000) < 1 / (1 + np.exp(3 - few["f000"] - few["f001"]))).astype(float), index=few.index)
    ranker = Ranker(trees=300, leaves=15, threads=1).fit(few, y)
    thousand = few.iloc[:1000]
    array = thousand.to_numpy()
    out = {"bare_explain": timed(lambda: ranker.booster_.predict(array, pred_contrib=True, num_threads=1))}
    out["explain"] = timed(lambda: ranker.contributions(thousand))
    X = pd.DataFrame(r.normal(size=(rows, columns)), columns=names)
    values = X.to_numpy()
    out["bare_score"] = timed(lambda: ranker.booster_.predict(values, raw_score=True, num_threads=1), 1)
    twin = Ranker(**ranker.get_params())
    twin.columns_, twin.booster_, twin.threads = ranker.columns_, ranker.booster_, 1
    out["score"] = timed(lambda: twin.raw(X), 1)
    out["difference"] = shap_difference(ranker, thousand)
    return out


def shap_difference(ranker: Ranker, X: pd.DataFrame) -> float:
    """Largest absolute difference between our contributions and shap.TreeExplainer's own walk of the trees (left alone, shap would ask LightGBM itself)."""
    import shap

    explainer = shap.TreeExplainer(ranker.booster_)
    explainer.model.model_type = "internal"
    theirs = np.asarray(explainer.shap_values(X.to_numpy(), check_additivity=False))
    ours = ranker.contributions(X)[ranker.columns_].to_numpy()
    return float(np.abs(ours - theirs.reshape(ours.shape)).max())


def page(whole: dict[str, Any], parts: dict[str, float], rows: int, columns: int, command: str) -> str:
    """The figures as Markdown, misses named."""
    ratios = {
        "fit": (whole["total"] / whole["lightgbm"], f"{whole['total']:.1f} s over {whole['lightgbm']:.1f} s; {whole['matrices']:.1f} s of it reading matrices (peers, z)"),
        "explanations": (parts["explain"] / parts["bare_explain"], f"{parts['explain']:.3f} s over {parts['bare_explain']:.3f} s, 1,000 suspects"),
        "scores": (parts["score"] / parts["bare_score"], f"{parts['score']:.2f} s over {parts['bare_score']:.2f} s, {rows:,} × {columns}"),
        "difference": (parts["difference"], "largest absolute difference from shap.TreeExplainer's own walk of the trees, 1,000 suspects"),
    }  # fmt: skip
    lines = [
        "# What our care costs beside bare LightGBM",
        "",
        f"    {command}",
        "",
        "CPU seconds of one thread; features already built.",
        "",
    ]
    lines += ["| figure | ours over bare | limit | |", "|---|---:|---:|---|"]
    for name, (value, detail) in ratios.items():
        said = f"{value:.1e}" if name == "difference" else f"{value:.2f}×"
        missed = "" if value <= LIMITS[name] else " **missed**"
        lines.append(f"| {name} | {said}{missed} | {LIMITS[name]:g} | {detail} |")
    lines += ["", f"Grains with a ranker in this fit: {', '.join(whole['rankers']) or 'none'}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=60)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    parts, whole = pieces(given.rows, given.columns), whole_fit(given.warehouse, given.as_of)
    print(json.dumps({**parts, **whole}, indent=1))
    if given.out:
        command = f"python -m benchmarks.training --warehouse W --as-of {given.as_of} --rows {given.rows} --columns {given.columns} --out docs/figures/training.md"
        given.out.write_text(page(whole, parts, given.rows, given.columns, command), "utf-8")


if __name__ == "__main__":
    main()
