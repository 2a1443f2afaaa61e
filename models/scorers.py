"""The socket: every unlabelled scorer by name, in the order of their columns. A new one is one file and one entry here."""

from __future__ import annotations

from importlib.metadata import entry_points

import pandas as pd

from claims.errors import DeclarationError
from models.outliers import Isolation, NetworkSum, RobustSum
from models.ring_risk import RingRisk
from models.rules import Rules
from models.scorer import Population, Scorer, named
from models.unlike_acts import UnlikeActs

ENTRY_POINT = "xiezhi.scorers"
"""Under which an installed package names scorers of its own: they join every list and bundle by their name. A bundle that needs one not installed is refused."""


def installed() -> list[type[Scorer]]:
    """Scorers of other installed packages, by name. DeclarationError for what is no `Scorer`."""
    found = []
    for point in sorted(entry_points(group=ENTRY_POINT), key=lambda p: p.name):
        made = point.load()
        if not (isinstance(made, type) and issubclass(made, Scorer)):
            raise DeclarationError(
                f"entry point {ENTRY_POINT} {point.name} = {point.value}: it is no models.scorer.Scorer"
            )
        found.append(made)
    return found


SCORERS = named(Rules, Isolation, RobustSum, NetworkSum, UnlikeActs, RingRisk, *installed())


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
