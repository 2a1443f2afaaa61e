"""The workbook of a published list, made from the run itself, so that it says what the pages say."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from features.grains import SCHEMES, spec_of
from serving.desk import feedback
from serving.desk.database import now
from serving.desk.people import Person
from serving.lists.export import workbook
from serving.lists.publish import Run
from serving.lists.schema import EXTRA, ROW_MONEY, TABLES, Note, WorkList, mask


def workbook_of(
    run: Run,
    grain: str,
    who: Person | None = None,
    head: str = "",
    filed: Mapping[int, Mapping[str, Any]] | None = None,
) -> bytes:
    """疑点线索清单.xlsx of one list of a run, masked, as somebody takes it: only rows of his area; his name, the time and the head of the log in
    each footer; with 核查反馈 for the cases of `filed` (lead number → case_id, number, state, version). Raises UserError if the run has no such list."""
    document = run.worklist(grain)
    if who is not None:
        document = {**document, "rows": [r for r in document["rows"] if who.sees(str(r["area"] or ""))]}
    worklist = WorkList(
        grain=document["grain"],
        as_of=date.fromisoformat(document["as_of"]),
        rows=pd.DataFrame(document["rows"], columns=None if document["rows"] else [*document["columns"], *EXTRA]),
        explained=pd.DataFrame(document["explained"]),
        notes=tuple(Note(**note) for note in document["notes"]),
        facts=document["facts"],
        at=datetime.fromisoformat(document["at"]) if document["at"] else None,
    )
    leads = {row["entity_id"]: int(row["lead"]) for row in document["rows"]}

    def rows_of(entity_id: str) -> pd.DataFrame:
        return evidence_table(run.lead(grain, leads[entity_id]))

    mark = f"{who.shown} {now() + timedelta(hours=8):%Y-%m-%d %H:%M} 日志 {head[:12]}" if who is not None else ""
    hidden = spec_of(worklist.grain).personal
    back = [
        {
            **filed[int(row["lead"])],
            "label": mask(row["entity_id"]) if hidden else row["label"] or row["entity_id"],
            "scheme": SCHEMES.get(row["scheme"], ""),
        }
        for row in sorted(document["rows"], key=lambda r: int(r["lead"]))
        if filed and int(row["lead"]) in filed
    ]

    def more(book: Any, style: Mapping[str, Any]) -> None:
        if back:
            feedback.add_sheets(book, back, style, run.name)

    return workbook(worklist, rows_of, masked=True, mark=mark, more=more)


def evidence_table(dossier: dict[str, Any]) -> pd.DataFrame:
    """The claim rows of a dossier as a table: which reason, which record, when, how much."""
    rows = [
        {
            "理由": f"理由{i}",
            "数据表": TABLES.get(str(row.get("row_table")), row.get("row_table")),
            "记录号": row.get("row_id"),
            "发生时间": row.get("happened_at"),
            ROW_MONEY: row.get("yuan"),
        }
        for i, reason in enumerate(dossier["reasons"], start=1)
        for row in reason["evidence"]["rows"]
    ]
    return pd.DataFrame(rows)
