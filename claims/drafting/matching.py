"""Which local column is which official one: names, values and relations weighed together, each column given once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from claims.drafting.evidence import judged, named
from claims.drafting.profile import Dataset
from claims.schema.mapping import Mapping as MappingFile
from claims.schema.table import Column, Table
from claims.schema.tables import SOURCE, happened_in
from claims.sources.naming import table_of

#: Below this a pair is no candidate; a line is told without a mark from SURE on; two candidates as near as TIE are one
#: too many.
LEAST, SURE, TIE = 0.3, 0.72, 0.06
#: What a name of ours says by itself: two of these do not change places.
KNOWN = 0.95
#: How far behind the second choice of either must be for a pair to gain by it.
ALONE, HALF = 0.2, 0.55

#: Columns of no table of ours by which the draft understands another: table → (name, Chinese name, other names).
HINTS: dict[str, tuple[Column, ...]] = {
    "presence_checks": (Column("in_bed", "在床", "code", aliases=("是否在床", "在床标志", "在床情况")),),
    "inspections": (Column("finding", "结论", "code", aliases=("核查结果", "认定结果", "检查结果", "检查结论")),),
}


@dataclass(frozen=True)
class Relation:
    """What a relation between columns says: how strongly (below 0: against), and in words."""

    weight: float
    why: str


@dataclass(frozen=True)
class Pair:
    """A local column as an official one: how sure, why, and whether another candidate is as good."""

    official: str
    local: str
    sure: float
    why: str
    tied: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.sure < SURE or bool(self.tied)


@dataclass
class Matched:
    """A data set as a table of ours."""

    dataset: Dataset
    table: Table
    sure: float
    pairs: dict[str, Pair] = field(default_factory=dict)

    def local(self, official: str) -> str | None:
        """The local column of an official one."""
        return self.pairs[official].local if official in self.pairs else None


Relations = Mapping[tuple[str, str], Iterable[Relation]]


def columns_of(table: Table) -> tuple[Column, ...]:
    """The columns of a table, and those by which the draft understands others."""
    return (*table.columns, *HINTS.get(table.name, ()))


def weigh(dataset: Dataset, table: Table, relations: Relations | None = None) -> tuple[np.ndarray, list[list[str]]]:
    """How sure each pair of a local column (rows) and an official one (columns of the matrix) is, and why."""
    officials = columns_of(table)
    sure = np.zeros((len(dataset.columns), len(officials)))
    whys: list[list[str]] = []
    for i, (local, held) in enumerate(dataset.columns.items()):
        row = []
        for j, column in enumerate(officials):
            name, how = named(local, column)
            related = list((relations or {}).get((local, column.name), ()))
            if name < 0.2 and not related:
                found = judged(column, held, False) if name or held.values else None
                if found is None or found.tells < 0.3:
                    row.append("")
                    continue
            found = judged(column, held, table.key == (column.name,))
            doubt = (1 - name) * (1 - found.tells)
            reasons = [how] if name > 0.3 else []
            reasons += [found.why] if found.why and found.tells > 0.05 else []
            against = 1.0
            for relation in related:
                if relation.weight > 0:
                    doubt *= 1 - relation.weight
                else:
                    against *= 1 + relation.weight
                reasons.append(relation.why)
            fits = found.fits if found.fits < 0.9 else 1.0
            if name == 1.0:
                fits = max(fits, 0.6)
            sure[i, j] = min(0.99, (1 - doubt) * fits**1.5 * against) if name < 1 or fits < 1 else against
            row.append("; ".join(filter(None, reasons)))
        whys.append(row)
    return sure, whys


def assign(dataset: Dataset, table: Table, relations: Relations | None = None) -> dict[str, Pair]:
    """The best whole: each local and each official column at most once."""
    officials = columns_of(table)
    sure, whys = weigh(dataset, table, relations)
    if not sure.size:
        return {}
    # what must be there is looked for before what may be
    wanted = np.array([0.15 if c.needed else 0.05 if c.required else 0.0 for c in officials])
    rows, chosen = linear_sum_assignment(np.where(sure >= LEAST, sure + wanted, 0.0), maximize=True)
    pairs = {}
    locals_ = list(dataset.columns)
    for i, j in zip(rows, chosen, strict=True):
        if sure[i, j] < LEAST:
            continue
        found = float(sure[i, j])
        tied = _tied(sure, int(i), int(j), locals_, officials, set(zip(rows.tolist(), chosen.tolist(), strict=True)))
        rival = max(np.delete(sure[i], j).max(initial=0), np.delete(sure[:, j], i).max(initial=0))
        if found > HALF and rival < found - ALONE:
            found = 1 - 0.6 * (1 - found)  # each the other's first choice by far
        pairs[officials[j].name] = Pair(officials[j].name, locals_[i], round(found, 2), whys[i][j], tied)
    order = [c.name for c in officials]
    return dict(sorted(pairs.items(), key=lambda p: order.index(p[0])))


def _tied(
    sure: np.ndarray, i: int, j: int, locals_: list[str], officials: tuple[Column, ...], taken: set[tuple[int, int]]
) -> str:
    """What might stand in the pair's place nearly as well: a column nobody else takes, or one that could change places
    with it (jssj is 结束时间 and 结算时间)."""
    mine = sure[i, j]
    pairs = [(r, c) for r, c in taken if sure[r, c] >= LEAST]
    used_rows, used_columns = {r for r, _ in pairs}, {c for _, c in pairs}
    rivals = [(sure[r, j], locals_[r]) for r in range(len(locals_)) if r != i and r not in used_rows]
    rivals += [(sure[i, c], officials[c].name) for c in range(len(officials)) if c != j and c not in used_columns]
    rivals += [
        (sure[i, c] + sure[r, j] - sure[r, c], officials[c].name)
        for r, c in pairs
        if (r, c) != (i, j) and min(sure[i, c], sure[r, j]) >= LEAST and min(mine, sure[r, c]) < KNOWN
    ]
    best = max(rivals, default=(0.0, ""))
    return best[1] if best[0] >= LEAST and mine - best[0] < TIE else ""


def recognise(dataset: Dataset) -> list[tuple[float, Table, dict[str, Pair]]]:
    """The tables a data set might be, the likeliest first: by its name, by how much of it fits and by what must be
    there."""
    found = []
    none = MappingFile()
    named_as = {table_of(stem, none) for stem in dataset.stems}
    for table in SOURCE.values():
        pairs = assign(dataset, table)
        needed = [c.name for c in table.columns if c.needed or c.name in (table.key[0], happened_in(table))]
        kept = sum(pairs[c].sure for c in needed if c in pairs) / max(len(needed), 1)
        whole = sum(p.sure for p in pairs.values()) / max(len(dataset.columns), 1)
        required = [c.name for c in table.columns if c.required]
        there = sum(pairs[c].sure for c in required if c in pairs) / max(len(required), 1)
        score = 0.4 * whole + 0.35 * kept + 0.25 * there + (0.25 if table.name in named_as else 0.0)
        found.append((min(0.99, score), table, pairs))
    return sorted(found, key=lambda f: -f[0])
