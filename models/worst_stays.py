"""A matrix of persons with the risk of each one's worst stay, where a model learnt about stays (models/company.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from features.matrix import Matrix, load_matrix
from models.bundle import Bundle
from models.company import with_stays
from models.ensemble import raw_risk
from models.score import model_for


def with_worst_stays(matrix: Matrix, root: Path, bundle: Bundle | None) -> Matrix:
    """The matrix as this bundle's list of persons is made of; of any other grain, or where nothing was learnt about stays, as it is."""
    if matrix.grain != "person" or bundle is None or "admission" not in bundle.grains:
        return matrix
    if bundle.grains["admission"].ranker is None:
        return matrix
    stays = load_matrix(root, matrix.as_of, "admission")
    if stays.X.empty:
        return matrix
    risk = raw_risk(model_for(stays, bundle), stays)
    return replace(matrix, entities=with_stays(matrix.entities, stays.entities, risk))
