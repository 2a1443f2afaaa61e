"""A list as a file: CSV, JSON or workbook (serving/lists/sheets.py); written beside its place and renamed, so that it is there whole or not at all."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.shown_text import harmless
from claims.store.files import PRIVATE, put
from serving.lists.plain import plain, records
from serving.lists.schema import DISCLAIMER, EXTRA, WorkList
from serving.lists.sheets import Evidence, workbook


def as_json(worklist: WorkList) -> dict[str, Any]:
    """The list as a JSON document: rows with COLUMNS and EXTRA, the explained, notes and facts."""
    names = [*worklist.columns(), *(c for c in EXTRA if c in worklist.rows.columns)]
    return {
        "grain": worklist.grain,
        "as_of": worklist.as_of.isoformat(),
        "at": plain(worklist.at),
        "disclaimer": DISCLAIMER,
        "facts": plain(worklist.facts),
        "notes": [{"text": n.text, "severity": n.severity, "rows": n.rows} for n in worklist.notes],
        "columns": worklist.columns(),
        "rows": records(worklist.rows[names]),
        "explained": records(worklist.explained),
    }


def as_csv(worklist: WorkList) -> str:
    """The list as CSV text, columns exactly as in docs/design.md §7."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    columns = worklist.columns()
    writer.writerow(columns)
    for row in worklist.rows[columns].to_dict(orient="records"):
        writer.writerow([_cell(row[c]) for c in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else str(value)


def write(worklist: WorkList, out: Path, evidence: Evidence | None = None) -> Path:
    """Write the list to `out` as its suffix says: .csv, .xlsx or .json. Raises UserError for another suffix or a missing folder.

    `evidence(entity_id)` gives the claim rows for the workbook's evidence sheets; the list's own, unless given.
    """
    evidence = evidence or worklist.claim_rows
    suffix = out.suffix.lower()
    if suffix == ".csv":
        body: bytes = as_csv(worklist).encode("utf-8-sig")
    elif suffix == ".json":
        body = (json.dumps(as_json(worklist), ensure_ascii=False, indent=1) + "\n").encode()
    elif suffix == ".xlsx":
        body = workbook(worklist, evidence)
    else:
        raise UserError(
            f"{out.name}: a list is written as .csv, .xlsx or .json, not as {suffix or 'a file without suffix'}."
        )
    put(out, body, PRIVATE)
    return out
