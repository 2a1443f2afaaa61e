"""Peer pictures against their sentences: what is said of the peers must be what the picture shows.

    python -m benchmarks.pictures --warehouse DIR --as-of DATE [--first 40]

Of each listed suspect's reasons the sentence and the picture's figures are read off the published shape (serving/lists/dossier.py), and held against each
other by arithmetic of their own: the median that is named, the share of peers left behind against the quantiles, the side, and that nothing is said of fewer
than ten peers. Exit 1 where any contradicts.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from features.reasons import number
from serving.lists.prepare import prepare

GRAINS = ("admission", "person", "institution")


def contradictions(text: str, shown: dict[str, Any]) -> Iterator[str]:
    """Sentences on what a picture's figures say otherwise than `text`."""
    few = shown["n"] < 10
    if few != ("样本不足" in text) and "同类" in text:
        yield f"{shown['n']} peers"
    if few:
        if any(shown.get(k) is not None for k in ("median", "p05", "p25", "p75", "p95")):
            yield "a picture of fewer than ten peers"
        return
    if (told := re.search(r"同类中位([\d.,%]+|无)", text)) and told[1].rstrip("%") != number(
        shown["median"], shown["unit"]
    ).rstrip("%"):
        yield f"median {told[1]} beside {number(shown['median'], shown['unit'])}"
    for side, percent in re.findall(r"(高于|低于)([\d.]+)%的同类", text):
        behind, value = float(percent), shown["value"]
        quantiles = {5: shown["p05"], 25: shown["p25"], 75: shown["p75"], 95: shown["p95"]}
        for q, at in quantiles.items():
            # strictly beyond the quantile that q percent do not exceed, at least q percent are left behind; strictly short of it, at most q
            beyond, short = (value > at, value < at) if side == "高于" else (value < at, value > at)
            least = q if side == "高于" else 100 - q
            slack = 100 / shown["n"] + 0.1
            if beyond and behind < least - slack:
                yield f"{side}{percent}% with the value beyond p{q:02d}"
            if short and behind > least + slack:
                yield f"{side}{percent}% with the value short of p{q:02d}"


def main() -> int:
    """The comparison, a line a contradiction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--first", type=int, default=40, help="suspects of each list")
    asked = parser.parse_args()
    pictures, wrong = 0, 0
    for grain in GRAINS:
        made = prepare(asked.warehouse, asked.as_of, grain, asked.first)
        for entity, dossier in made.dossiers.items():
            for reason, shown in zip(dossier["reasons"], dossier["peers"], strict=True):
                pictures += 1
                for told in contradictions(reason["text"], shown):
                    wrong += 1
                    print(f"{grain} {entity}: {reason['text']} — {told}")
    print(f"{pictures} pictures, {wrong} contradictions")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
