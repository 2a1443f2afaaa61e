"""Personalised PageRank from confirmed cases over cards × institutions, exactly.

With few institutions the cards are eliminated: p_c = (1−α) s_c + α Σ_i W_ci/d_i p_i, put into the institutions'
equation, leaves a system of n_inst unknowns (the Schur complement), factorised once and solved for any number of seed
sets. A card or institution without visits is dangling: its mass returns to the seeds, as in networkx
(`pagerank(personalization=seeds, dangling=None)`), also where the seed itself is isolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
import scipy.linalg as la
import scipy.sparse as sp

from claims.errors import UserError

Floats = npt.NDArray[np.float64]
#: above this many institutions the dense Schur matrix is no longer the cheap way
DENSE_LIMIT = 5000


@nb.njit(cache=True)
def _schur(first, inst, weight, degree, n_inst):  # type: ignore[no-untyped-def]
    """M [n_inst, n_inst] = Σ_c w_ci w_cj / (d_c d_j): two steps institution → card → institution."""
    out = np.zeros((n_inst, n_inst), np.float64)
    for c in range(len(first) - 1):
        total = 0.0
        for e in range(first[c], first[c + 1]):
            total += weight[e]
        if total <= 0:
            continue
        for e in range(first[c], first[c + 1]):
            share = weight[e] / total
            row = inst[e]
            for f in range(first[c], first[c + 1]):
                out[row, inst[f]] += share * weight[f]
    for j in range(n_inst):
        if degree[j] > 0:
            for i in range(n_inst):
                out[i, j] /= degree[j]
    return out


@nb.njit(cache=True)
def _down(first, inst, weight, mass, n_inst):  # type: ignore[no-untyped-def]
    """Mass of the cards handed to their institutions [n_inst, sets]."""
    out = np.zeros((n_inst, mass.shape[1]), np.float64)
    for c in range(len(first) - 1):
        busy = False
        for s in range(mass.shape[1]):
            busy = busy or mass[c, s] != 0
        if not busy:
            continue
        total = 0.0
        for e in range(first[c], first[c + 1]):
            total += weight[e]
        if total > 0:
            for e in range(first[c], first[c + 1]):
                for s in range(mass.shape[1]):
                    out[inst[e], s] += weight[e] / total * mass[c, s]
    return out


@nb.njit(cache=True)
def _up(first, inst, weight, degree, mass):  # type: ignore[no-untyped-def]
    """Mass of the institutions handed to their cards [n_cards, sets]."""
    out = np.zeros((len(first) - 1, mass.shape[1]), np.float64)
    scaled = np.empty_like(mass)
    for i in range(len(mass)):
        for s in range(mass.shape[1]):
            scaled[i, s] = mass[i, s] / degree[i] if degree[i] > 0 else 0.0
    for c in range(len(first) - 1):
        for e in range(first[c], first[c + 1]):
            for s in range(mass.shape[1]):
                out[c, s] += weight[e] * scaled[inst[e], s]
    return out


@dataclass(frozen=True, kw_only=True)
class SchurPageRank:
    """The factorised system of one bipartite graph; `solve` any number of seed sets."""

    first: npt.NDArray[np.int64]
    inst: npt.NDArray[np.int32]
    weight: Floats
    degree: Floats
    alpha: float
    factor: tuple[Floats, npt.NDArray[np.int32]]

    def solve(self, seeds: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Scores of cards [n_cards, sets] and institutions [n_inst, sets], each set summing to 1.

        seeds: float [n_cards, sets] or [n_cards] of non-negative mass on cards. Raises UserError for a seed set of no
        mass.
        """
        mass = np.asarray(seeds, dtype=np.float64)
        mass = mass[:, None] if mass.ndim == 1 else mass
        n_cards, n_inst = len(self.first) - 1, len(self.degree)
        if len(mass) != n_cards or not np.isfinite(mass).all() or (mass < 0).any() or (mass.sum(axis=0) <= 0).any():
            raise UserError(
                f"PageRank seeds must be non-negative mass on {n_cards} cards, at least one card in each set"
            )
        mass = np.ascontiguousarray(mass / mass.sum(axis=0))
        # dangling mass goes back to the seeds, so the answer is the plain one (mass lost at dangling cards) made to
        # sum to 1
        base = (1 - self.alpha) * mass
        institutions = la.lu_solve(self.factor, self.alpha * _down(self.first, self.inst, self.weight, base, n_inst))
        cards = base + self.alpha * _up(
            self.first, self.inst, self.weight, self.degree, np.ascontiguousarray(institutions)
        )
        total = cards.sum(axis=0) + institutions.sum(axis=0)
        return cards / total, institutions / total


def factorise(matrix: sp.csr_matrix, alpha: float = 0.85) -> SchurPageRank:
    """Prepare PageRank on the bipartite graph of `matrix` (cards × institutions, non-negative weights).

    Raises UserError for alpha outside (0, 1), negative or non-finite weights, or more than DENSE_LIMIT institutions
    (use `iterate`).
    """
    if not 0 < alpha < 1:
        raise UserError(f"PageRank needs 0 < alpha < 1, got {alpha}")
    csr = sp.csr_matrix(matrix, dtype=np.float64)
    if csr.nnz and (csr.data.min() < 0 or not np.isfinite(csr.data).all()):
        raise UserError("PageRank weights must be finite and not negative")
    if csr.shape[1] > DENSE_LIMIT:
        raise UserError(
            f"{csr.shape[1]} institutions are too many for the dense form (limit {DENSE_LIMIT}): use iterate()"
        )
    first, inst = csr.indptr.astype(np.int64), csr.indices.astype(np.int32)
    degree = np.bincount(inst, weights=csr.data, minlength=csr.shape[1]).astype(np.float64)
    steps = _schur(first, inst, csr.data, degree, csr.shape[1])
    factor = la.lu_factor(np.eye(csr.shape[1]) - alpha * alpha * steps)
    return SchurPageRank(first=first, inst=inst, weight=csr.data, degree=degree, alpha=alpha, factor=factor)


def iterate(
    matrix: sp.csr_matrix, seeds: npt.ArrayLike, alpha: float = 0.85, tolerance: float = 1e-12
) -> tuple[Floats, Floats]:
    """The same scores by fixed-point iteration on the institutions only, for provinces with tens of thousands of them;
    seeds as in `solve`."""
    csr = sp.csr_matrix(matrix, dtype=np.float64)
    mass = np.asarray(seeds, dtype=np.float64)
    mass = mass[:, None] if mass.ndim == 1 else mass
    if (mass < 0).any() or (mass.sum(axis=0) <= 0).any():
        raise UserError("PageRank seeds must be non-negative mass, at least one card in each set")
    mass = np.ascontiguousarray(mass / mass.sum(axis=0))
    first, inst = csr.indptr.astype(np.int64), csr.indices.astype(np.int32)
    degree = np.bincount(inst, weights=csr.data, minlength=csr.shape[1]).astype(np.float64)
    base = (1 - alpha) * mass
    source = alpha * _down(first, inst, csr.data, base, csr.shape[1])
    institutions = source.copy()
    while True:
        up = alpha * _up(first, inst, csr.data, degree, np.ascontiguousarray(institutions))
        newer = source + alpha * _down(first, inst, csr.data, up, csr.shape[1])
        moved = float(np.abs(newer - institutions).max(initial=0.0))
        institutions = newer
        if moved <= tolerance:
            break
    cards = base + alpha * _up(first, inst, csr.data, degree, np.ascontiguousarray(institutions))
    total = cards.sum(axis=0) + institutions.sum(axis=0)
    return cards / total, institutions / total
