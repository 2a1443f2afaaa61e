"""The socket: every unlabelled scorer by name, in the order of their columns. A new one is one file and one entry here."""

from __future__ import annotations

import pandas as pd

from models.outliers import Isolation, NetworkSum, RobustSum
from models.ring_risk import RingRisk
from models.rules import Rules
from models.scorer import Population, Scorer, named

SCORERS = named(Rules, Isolation, RobustSum, NetworkSum, RingRisk)


def shown() -> list[str]:
    """Columns of a list's scorer table; several scorers may count in one."""
    return list(dict.fromkeys(s.shown for s in SCORERS.values()))


def fitted(population: Population, y: pd.Series | None = None) -> dict[str, Scorer]:
    """The scorers of the population's grain, fitted; one that finds no column to read is left out."""
    grain = population.matrix.grain
    made = {}
    for name, scorer in SCORERS.items():
        X = population.read(scorer.reads)
        if scorer.serves(grain) and (X.shape[1] or scorer.reads != "network"):
            made[name] = scorer.of(population).fit(X, y)
    return made
