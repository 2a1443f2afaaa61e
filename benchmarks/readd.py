"""Suspects of each list, five unless told, their money added up again from printed files alone; nothing of the list's own sums is used.

    python -m benchmarks.readd --warehouse DIR --as-of DATE [--first 50]

Read are the list and the rows that `rules run` writes, as an officer has them. Each record counts once, by its largest amount. Prints list against
recount; exit 1 if any suspect is listed with more than its rows add up to (less is right: a stay absorbs its lines, and no more counts than was paid),
or with parts that do not add up to the sum.
"""

import argparse
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import pandas as pd

from features.checking.hits import hit_rows
from serving.lists.prepare import build_worklist


def recounted(rows: pd.DataFrame) -> int:
    """Fen of the rows of one suspect: of one record the largest amount that any rule gives it, by plain dictionaries."""
    largest: dict[tuple[str, str], int] = defaultdict(int)
    for table, row, fen in zip(rows["row_table"], rows["row_id"], rows["fen"].fillna(0), strict=True):
        largest[str(table), str(row)] = max(largest[str(table), str(row)], int(fen))
    return sum(largest.values())


def main() -> int:
    """The comparison, a line a suspect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--grains", nargs="+", default=["admission", "person", "institution"])
    parser.add_argument("--first", type=int, default=5, help="suspects of each list that carry money")
    asked = parser.parse_args()
    rows = hit_rows(asked.warehouse, asked.as_of)
    over = 0
    for grain in asked.grains:
        listed = build_worklist(asked.warehouse, asked.as_of, grain, 4 * asked.first).rows
        listed = listed[listed["certain_yuan"] + listed["check_yuan"] > 0].head(asked.first)
        for row in listed.to_dict(orient="records"):
            own = rows[(rows["grain"] == grain) & (rows["entity_id"] == row["entity_id"])]
            fen, told = recounted(own), round(100 * (row["certain_yuan"] + row["check_yuan"]))
            parts = round(100 * (row["certain_yuan"] + row["check_yuan"] + row["estimate_yuan"]))
            wrong = told > fen or parts != round(100 * row["amount_at_risk_yuan"])
            over += wrong
            print(
                f"{'WRONG' if wrong else 'ok'} {grain} no. {row['lead']}: listed {told / 100:,.2f}, rows {fen / 100:,.2f}"
            )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
