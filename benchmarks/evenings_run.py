"""All open stays of many evenings as `xiezhi bedcheck` ranks them, in one process: without starting Python and reading caches each time, and without reasons and claim rows.

python -m benchmarks.evenings_run WAREHOUSE FOLDER "YYYY-MM-DD HH:MM" …        FOLDER/YYYY-MM-DD.json of each; what is there is not done again
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.accuracy_product import commit
from claims.errors import UserError
from models.score import in_order
from serving.lists.bedcheck import rank_beds


def ranked(warehouse: Path, moment: datetime) -> dict[str, Any]:
    """stays: [{id, chance, unseen: the chance before the looks of the last days}] of a moment, emptiest first; looked: how many beds were looked at; way: of models/beds.py."""
    night = rank_beds(warehouse, moment)
    frame, before = night.beds.frame, night.unseen.frame
    stays = [
        {"id": str(i), "chance": float(frame.at[i, "risk"]), "unseen": float(before.at[i, "risk"])}  # type: ignore[arg-type]
        for i in in_order(frame)
    ]
    return {"looked": night.looked, "way": str(frame["model"].iloc[0]), "stays": stays}


def main() -> None:
    """The command line. A moment that the product refuses is kept with its sentence."""
    warehouse, folder, *moments = sys.argv[1:]
    for moment in moments:
        out = Path(folder) / f"{moment[:10]}.json"
        if out.exists():
            continue
        try:
            told = ranked(Path(warehouse), datetime.fromisoformat(moment))
        except UserError as refused:
            told = {"refused": str(refused), "stays": []}
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_suffix(".part")
        part.write_text(json.dumps({"at": moment, "commit": commit()} | told, ensure_ascii=False) + "\n", "utf-8")
        part.rename(out)
        print(moment, len(told["stays"]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
