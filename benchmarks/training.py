"""What our care costs beside bare LightGBM. `python benchmarks/training.py [--rows 100000] [--columns 60]`

Ratios on random numbers of a matrix's shape: fit of a grain (columns chosen, offset, trees, five folds) over the bare lgb.train calls of the same
rows, explanations of 1,000 suspects over pred_contrib, scoring of all rows over Booster.predict.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from models.ranker import Ranker
from training.learn import learn, out_of_fold
from training.rows import Rows


def timed(work: Callable[[], Any], times: int = 3) -> float:
    """Best CPU seconds of a few runs (the machine is shared, wall time says little)."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main(rows: int, columns: int) -> dict[str, float]:
    """CPU ratios, and the seconds they come from."""
    r = np.random.default_rng(0)
    X = pd.DataFrame(
        r.normal(size=(rows, columns)),
        columns=[f"f{i}" for i in range(columns)],
        index=[f"e{i:07d}" for i in range(rows)],
    )
    few = X.iloc[:3000]
    y = pd.Series((r.random(3000) < 1 / (1 + np.exp(3 - few["f0"] - few["f1"]))).astype(float), index=few.index)
    info = pd.DataFrame(
        {
            "y": y,
            "weight": 1.0,
            "soft": False,
            "random": r.random(3000) < 0.3,
            "group": [f"g{i % 40}" for i in range(3000)],
        }
    )
    part = Rows("admission", few, pd.DataFrame({"rules": r.exponential(size=3000)}, index=few.index), info)
    learned = learn(part, {}, variant="labelled", threads=1)
    twin = Ranker(**learned.ranker.get_params())
    bare_fit = timed(lambda: twin.fit(few[learned.ranker.columns_], y))
    ours_fit = timed(
        lambda: (learn(part, {}, variant="labelled", threads=1), out_of_fold(part, {}, variant="labelled", threads=1)),
        1,
    )
    booster, used = learned.ranker.booster_, learned.ranker.columns_
    values, thousand = X[used].to_numpy(), X.iloc[:1000]
    bare_score = timed(lambda: booster.predict(values, raw_score=True, num_threads=2))
    bare_explain = timed(lambda: booster.predict(values[:1000], pred_contrib=True, num_threads=1))
    return {
        "fit_over_six_bare_fits": round(ours_fit / (6 * bare_fit), 2),
        "score_over_predict": round(timed(lambda: learned.ranker.raw(X)) / bare_score, 2),
        "explain_1000_over_pred_contrib": round(
            timed(lambda: learned.ranker.contributions(thousand)) / bare_explain, 2
        ),
        "bare_fit_s": round(bare_fit, 3),
        "bare_score_s": round(bare_score, 3),
        "bare_explain_s": round(bare_explain, 3),
        "rows": rows,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=60)
    given = parser.parse_args()
    print(json.dumps(main(given.rows, given.columns), indent=1))
