"""The workbook of a published list, made from the run itself, so that it says what the pages say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from claims.schema.sensitive import ALL
from features.grains import SCHEMES
from serving.desk.diagnoses import hidden
from serving.desk.feedback_sheet import BASE, SHEET, Base, Row, add_sheets
from serving.desk.people import Person
from serving.desk.states import STATES
from serving.lists.plain import safe_cell
from serving.lists.publish import Run
from serving.lists.published import listed
from serving.lists.schema import ROW_MONEY, TABLES, WorkList
from serving.lists.sheets import LIST, Mark, sheet_names, shown, workbook
from serving.web.column_titles import COLUMN_TITLES
from serving.web.evidence_rows import counted
from serving.web.masking import masked
from serving.web.render import cell

BESIDE = frozenset({"row_table", "row_id", "happened_at", "yuan", "day"})
"""Columns of evidence that have a place of their own on a suspect's sheet, or say the same as one that has."""


@dataclass(frozen=True)
class Taken:
    """One list as somebody may take it: rows of his area, the cases about them (lead number → number, state, version), and the groups of diagnoses
    covered from him where a case is not investigated yet."""

    run: Run
    grain: str
    document: Mapping[str, Any]
    cases: Mapping[int, Mapping[str, Any]]
    covered: frozenset[str] = ALL

    @classmethod
    def of(
        cls,
        run: Run,
        grain: str,
        who: Person | None,
        cases: Mapping[int, Mapping[str, Any]],
        covered: frozenset[str] = ALL,
    ) -> "Taken":
        """Raises UserError if the run has no such list."""
        document = run.worklist(grain)
        rows = sorted(document["rows"], key=lambda r: int(r["lead"]))
        seen = [r for r in rows if who is None or who.sees(str(r["area"] or ""))]
        held = {int(r["lead"]): cases[int(r["lead"])] for r in seen if int(r["lead"]) in cases}
        return cls(run, grain, {**document, "rows": seen}, held, covered)

    @property
    def worklist(self) -> WorkList:
        whole = listed(self.run, self.grain)
        leads = [int(r["lead"]) for r in self.document["rows"]]
        return replace(whole, rows=whole.rows[whole.rows["lead"].isin(leads)])

    @property
    def base(self) -> Base:
        """What 核查反馈 begins from; its digest is for the log, which answers with the head to print."""
        rows = []
        for r in self.document["rows"]:
            if (case := self.cases.get(int(r["lead"]))) is not None:
                who = "　".join(shown(self.document["grain"], r, masked=True))
                told = (case["number"], str(r["lead"]), who, SCHEMES.get(r["scheme"], ""), STATES[case["state"]])
                rows.append(Row(case["number"], int(case["version"]), tuple(safe_cell(t).strip() for t in told)))
        return Base(self.run.name, self.grain, "", tuple(rows))


def workbook_of(taken: Taken, mark: Mark | None = None) -> bytes:
    """疑点线索清单.xlsx, masked; with 核查反馈 where its rows are cases. mark.head: SEQ:HASH of the log's row about it."""
    mark = replace(mark or Mark(), run=taken.run.name, cases={k: str(c["number"]) for k, c in taken.cases.items()})
    worklist, base = taken.worklist, taken.base
    names = sheet_names(worklist)
    base = replace(base, head=mark.head.rpartition(":")[2], sheets=(LIST, SHEET, BASE, *names[1:]))
    leads = {row["entity_id"]: int(row["lead"]) for row in taken.document["rows"]}

    def rows_of(entity_id: str) -> pd.DataFrame:
        lead = leads[entity_id]
        covered = hidden(taken.covered, frozenset(), taken.cases.get(lead))
        return evidence_table(masked(taken.run.lead(taken.grain, lead), taken.grain, covered))

    def more(book: Any, style: Mapping[str, Any]) -> None:
        if base.rows:
            add_sheets(book, base, style)

    return workbook(worklist, rows_of, masked=True, mark=mark, more=more)


def evidence_table(dossier: Mapping[str, Any]) -> pd.DataFrame:
    """The claim rows of a dossier as a table: which reason, which record, when, what, how much."""
    rows = [
        {
            "理由": f"理由{i}",
            "数据表": TABLES.get(str(row.get("row_table")), row.get("row_table")),
            "记录号": row.get("row_id"),
            "发生时间": row.get("happened_at"),
            "内容": content(row),
            ROW_MONEY: counted(row),
        }
        for i, reason in enumerate(dossier["reasons"], start=1)
        for row in reason["evidence"]["rows"]
    ]
    frame = pd.DataFrame(rows)
    left_out = {
        f"理由{i}": reason["evidence"]["total"] - len(reason["evidence"]["rows"])
        for i, reason in enumerate(dossier["reasons"], start=1)
    }
    frame.attrs["left_out"] = {k: n for k, n in left_out.items() if n > 0}
    return frame


def content(row: Mapping[str, Any]) -> str:
    """What else a row of evidence says, as a page shows it: 项目名称 床位费；数量 1."""
    told = []
    for column, value in row.items():
        money = column.endswith("_yuan")
        if column in BESIDE or column not in COLUMN_TITLES or value in (None, "") or (money and not value):
            continue
        text = f"{value:,.2f}" if money and isinstance(value, int | float) else cell(value, column)
        told.append(f"{COLUMN_TITLES[column]} {text}")
    return "；".join(told)
