"""What each part of the product's list would list by itself, from a warehouse whose features are built: no second pass, nobody explained.

python -m benchmarks.accuracy_parts --warehouse W --as-of 2025-07-01 --out parts.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

import xiezhi
from models.bundle import Bundle
from models.ensemble import RANKER, UNLABELLED
from models.score import in_order, model_for, standing
from serving.lists.source import undecided

GRAINS: Final = ("admission", "person", "institution", "doctor")
KEPT: Final = 300


def lists_by_part(county: xiezhi.County, day: str) -> dict[str, dict[str, list[str]]]:
    """{grain: {part: entity ids, worst first}} of those who have no finding: as `County.order(…, by=part)`, the matrix of a grain loaded once."""
    bundle = county.model()
    found = {}
    for grain in GRAINS:
        matrix = county.features(grain, day)
        if matrix.X.empty:
            continue
        free = undecided(county.root, matrix)
        found[grain] = {
            part: [str(e) for e in in_order(standing(matrix, model_for(matrix, bundle, part)).loc[free])[:KEPT]]
            for part in parts_of(bundle, grain)
        }
    return found


def parts_of(bundle: Bundle | None, grain: str) -> list[str]:
    """Names of the parts of a grain's model, `unlabelled` (all but what findings taught) first; that alone where no model is in force."""
    model = bundle.grains.get(grain) if bundle is not None else None
    if model is None:
        return [UNLABELLED]
    return [UNLABELLED, *model.scorers, *([RANKER] if model.ranker is not None else [])]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.write_text(json.dumps(lists_by_part(xiezhi.open(given.warehouse), given.as_of)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
