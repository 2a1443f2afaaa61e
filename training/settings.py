"""How findings are learnt from: what an office or a data scientist sets in a file of their own, and the small grid it may hold.

    without = ["isolation"]            # scorers that no list goes by

    [taught]                           # all grains; [taught.person] for one
    ridge = [10.0, 30.0, 100.0]        # a list is tried, value by value
    worth = [20.0, 1e9]                # confirmed cases at which trees take half their step; 1e9 = the line alone
    leaves = 7

Values are those of models/taught.py. Combinations are judged by cases that were confirmed later than the model knew (training/fit_ranker.py), never by those it learnt
from. A bundle holds text and plain arrays, so an estimator of another kind is a `models.scorer.Scorer` with `state` and `restore` in an installed package that names it
under the entry point `xiezhi.scorers` (models/scorers.py), not a class path in this file: a file must not say what code is run.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from claims.errors import UserError
from models.scorers import SCORERS
from models.settings import SETTINGS

MOST: Final = 12
"""Combinations tried for one grain: with a dozen cases held out, the best of many is the luckiest."""
BOUNDS: Final[dict[str, tuple[type, float, float]]] = {
    "ridge": (float, 1e-3, 1e9),
    "trees": (int, 1, 300),
    "leaves": (int, 2, 63),
    "rate": (float, 1e-4, 1.0),
    "min_leaf": (int, 1, 10_000),
    "l2": (float, 0.0, 1e6),
    "columns_share": (float, 0.01, 1.0),
    "worth": (float, 0.0, 1e12),
}
"""{setting: (kind, least, most)}."""
FIGURES: Final = {
    "held_out_n": "查实",
    "below": "高于全体",
    "fallback_below": "不用查处结果",
    "gain": "增益",
    "auc_all": "AUC",
    "ap_all": "AP",
}
"""What is said of a combination, and what a table calls it."""


@dataclass(frozen=True)
class Learning:
    """common, of_grain: {setting: values to try}; what is not named keeps its default. without: scorers left out."""

    common: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    of_grain: Mapping[str, Mapping[str, tuple[Any, ...]]] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def tried(self, grain: str) -> list[dict[str, Any]]:
        """Every combination for a grain, the first values first."""
        values = {**self.common, **self.of_grain.get(grain, {})}
        return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def compared_cells(found: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Combinations as a table, head first: the settings, then `FIGURES`; nothing where none were compared."""
    if not found:
        return []
    keys = [*sorted(set(found[0]) - set(FIGURES)), *FIGURES]
    return [
        [FIGURES.get(k, k) for k in keys],
        *([f"{r[k]:.4g}" if r[k] is not None else "—" for k in keys] for r in found),
    ]


def read_learning(path: Path | str) -> Learning:
    """The settings of a TOML file. UserError naming the file, the key and what it may be."""
    try:
        told = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"--settings {path}: it cannot be read as TOML ({error})") from None
    if unknown := sorted(set(told) - {"taught", "without"}):
        raise UserError(f"--settings {path}: there is no {unknown[0]!r}; it may hold `without` and [taught]")
    without = told.get("without", [])
    if not isinstance(without, list) or (strange := [w for w in without if w not in SCORERS]):
        raise UserError(
            f"--settings {path}: without names {strange[0] if isinstance(without, list) else without!r}; scorers are {', '.join(SCORERS)}"
        )
    for grain in SETTINGS:
        if not any(s.serves(grain) and s.reads != "network" for n, s in SCORERS.items() if n not in without):
            raise UserError(
                f"--settings {path}: without leaves {grain} no scorer; a list before the first finding needs one"
            )
    taught = told.get("taught", {})
    if not isinstance(taught, dict):
        raise UserError(f"--settings {path}: taught is a table, [taught]")
    grains = {g: v for g, v in taught.items() if g in SETTINGS}
    made = Learning(
        _values(path, "taught", {k: v for k, v in taught.items() if k not in SETTINGS}),
        {g: _values(path, f"taught.{g}", v) for g, v in grains.items()},
        tuple(without),
    )
    for grain in SETTINGS:
        if (n := len(made.tried(grain))) > MOST:
            raise UserError(f"--settings {path}: {n} combinations for {grain}; at most {MOST} are tried")
    return made


def _values(path: Path | str, table: str, told: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(told, dict):
        raise UserError(f"--settings {path}: {table} is a table, [{table}]")
    found = {}
    for key, value in told.items():
        if key not in BOUNDS:
            raise UserError(
                f"--settings {path}: [{table}] has no {key!r}; it may hold {', '.join(BOUNDS)}, or a table of a grain ({', '.join(SETTINGS)})"
            )
        kind, least, most = BOUNDS[key]
        values = value if isinstance(value, list) else [value]
        for one in values:
            right = (
                isinstance(one, int | float) and not isinstance(one, bool) and (kind is float or isinstance(one, int))
            )
            if not right or not least <= one <= most:
                word = "a whole number" if kind is int else "a number"
                raise UserError(
                    f"--settings {path}: [{table}] {key} = {one!r}; it is {word} from {least:g} to {most:g}"
                )
        if not values:
            raise UserError(f"--settings {path}: [{table}] {key} is an empty list; give a value, or several to try")
        found[key] = tuple(kind(one) for one in values)
    return found
