"""A model of MLflow's registry, scored: `mlflow.pyfunc.load_model(…).predict(matrix.table())`, where `matrix` is what `load_matrix` (`County.features`) returns.

What it predicts is what the bundle knows of each row by itself: company (who else is suspect at the same place, docs/design.md §14) needs the whole county, and
chances are read off the curve common to all groups; both are as on the lists by `County.order` and the lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claims.errors import UserError
from features.columns import Column, matrix_columns
from features.declarations import load_catalog
from features.matrix import PEERS, PLACE
from models.bundle import Bundle, inputs_of, load_bundle
from models.ensemble import OWN, tails, weighed

GRAIN = "grain.txt"
"""File beside the bundle that says which of its grains is meant."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table as scorers read them."""

    grain: str
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    columns: dict[str, Column]
    told: pd.DataFrame

    def places(self, columns: Sequence[str]) -> pd.DataFrame:
        """Places among all, as the table tells them."""
        return self.told[list(columns)]


class Served:
    """A grain's model of a bundle, as MLflow calls it."""

    def __init__(self, bundle: Bundle, grain: str) -> None:
        load_catalog()
        self.bundle, self.grain = bundle, grain

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """raw, suspicion [0, 1] and probability (NaN = cannot be said) per row of `Matrix.table()`. UserError where columns of the model are not in it."""
        model = self.bundle.grains[self.grain]
        known = matrix_columns(self.grain)  # type: ignore[arg-type]
        if absent := [c for c in inputs_of(self.grain, model.columns) if c not in table]:
            raise UserError(
                f"{len(absent)} columns of the model are not in the table ({absent[0]} first); give `matrix.table()` of what load_matrix returns for {self.grain}"
            )
        X = table[model.columns].astype("float64")
        z = table[[PEERS + c for c in model.columns]].astype("float64").set_axis(model.columns, axis=1)
        told = table[[c for c in table.columns if c.startswith(PLACE)]].rename(columns=lambda c: c.removeprefix(PLACE))
        rows = Rows(self.grain, pd.DataFrame(index=X.index), X, z, z, {c: known[c] for c in model.columns}, told)
        raw = weighed(model, tails(model, rows)).to_numpy()
        found = {
            "raw": raw,
            "suspicion": -np.expm1(-model.tails[OWN].at(raw)),
            "probability": model.calibration.probability(model.tails[OWN].at(raw)),
        }
        return pd.DataFrame(found, index=table.index)


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls: `path` holds one bundle folder, its name its hash, and `grain.txt`."""
    folder = Path(path)
    (bundle,) = (p for p in folder.iterdir() if p.is_dir())
    return Served(load_bundle(bundle), (folder / GRAIN).read_text("utf-8").strip())
