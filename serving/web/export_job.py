"""One file, made in a process of its own (serving/web/exports.py): the job comes as JSON on the input, the file leaves on the output.

python -m serving.web.export_job < job.json > 疑点线索清单.xlsx
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError
from serving.desk.sent import given
from serving.lists.publish import open_run
from serving.lists.sheets import Mark
from serving.web.exports import DAMAGED, REFUSED
from serving.web.workbook import Taken, workbook_of

NICER = 10


def job_of(taken: Taken, mark: Mark) -> dict[str, Any]:
    """The job of a workbook, JSON-ready."""
    return {
        "root": str(taken.run.root),
        "grain": taken.grain,
        "leads": [int(r["lead"]) for r in taken.document["rows"]],
        "cases": {str(k): dict(v) for k, v in taken.cases.items()},
        "covered": sorted(taken.covered),
        "mark": {"who": mark.who, "when": mark.when, "head": mark.head},
    }


def body_of(job: Mapping[str, Any]) -> bytes:
    """The workbook of a job: of a list, or one sent down given back (serving/desk/sent.py). Raises UserError where what it is made of is gone or damaged."""
    if "sent" in job:
        return given(job["sent"])[0]
    cases, covered = {int(k): v for k, v in job["cases"].items()}, frozenset(job["covered"])
    taken = Taken.of(open_run(Path(job["root"])), job["grain"], None, cases, covered)
    wanted = set(job["leads"])
    rows = [r for r in taken.document["rows"] if int(r["lead"]) in wanted]
    return workbook_of(replace(taken, document={**taken.document, "rows": rows}), Mark(**job["mark"]))


def main() -> int:
    os.nice(NICER)
    try:
        body = body_of(json.load(sys.stdin))
    except Damaged as error:
        print(error, file=sys.stderr)
        return DAMAGED
    except UserError as error:
        print(error, file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
