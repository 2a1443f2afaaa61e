"""A list as a file: CSV, workbook or JSON; written beside its place and renamed, so that it is there whole or not at all."""

import csv
import io
import json
import math
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from claims.errors import UserError
from claims.store.files import PRIVATE, put
from features.grains import SCHEMES, spec_of
from serving.lists.groups import HEAD, SAID, Group
from serving.lists.schema import DISCLAIMER, EXTRA, HEADERS, MONEY, NAMES, ROW_MONEY, WorkList, mask

#: A spreadsheet takes a cell that begins so for a formula (OWASP CSV injection), full-width forms included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Evidence = Callable[[str], pd.DataFrame]
More = Callable[[Any, Mapping[str, Any]], None]


def harmless(text: str) -> str:
    """Text that no spreadsheet runs: control characters gone, a leading formula sign quoted."""
    clean = "".join(c for c in text if c >= " " or c == "\t").replace("\x7f", "")
    return "'" + clean if clean.startswith(FORMULA) or text.startswith(FORMULA) else clean


def plain(value: Any) -> Any:
    """A value for JSON: NaN and NaT as None, numpy scalars as Python's, moments as ISO text."""
    if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        return plain(value.item())
    return value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as JSON-ready dictionaries."""
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]


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

    `evidence(entity_id)` gives the claim rows for the workbook's second sheet; the list's own, unless given.
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


def workbook(
    worklist: WorkList,
    evidence: Evidence | None = None,
    *,
    masked: bool = False,
    mark: str = "",
    more: More | None = None,
) -> bytes:
    """疑点线索清单: sheets 清单, 证据明细, 人群, 口径说明 (and 已解释, if any), ids as text, no cell a formula.

    masked: personal numbers masked on every sheet, as for whoever downloads it from a page; mark: who took it when, in each footer; more: adds
    sheets of its own to the open workbook.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    # Equal lists give equal bytes: the clock of the writing machine stays out of the file.
    moment = worklist.at or datetime.combine(worklist.as_of, datetime.min.time())
    book.set_properties({"title": f"疑点线索清单 {NAMES.get(worklist.grain, worklist.grain)}", "created": moment})  # type: ignore[call-overload]
    style = {
        "head": book.add_format(
            {"bold": True, "bg_color": "#E9EEF3", "border": 1, "text_wrap": True, "valign": "vcenter"}
        ),
        "text": book.add_format({"num_format": "@", "valign": "top"}),
        "wrap": book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"}),
        "money": book.add_format({"num_format": "#,##0.00", "valign": "top"}),
        "note": book.add_format({"bold": True, "font_color": "#7A4B00"}),
    }
    _sheet_list(book, worklist, style)
    _sheet_evidence(book, worklist, style, evidence, masked)
    if len(worklist.explained):
        explained = worklist.explained
        if masked and "members" in explained:
            explained = explained.assign(members=[_masked_members(m) for m in explained["members"]])
        titles = {c: title for c, (title, _) in HEADERS.items()} | {"members": "成员", "innocent": "解释"}
        _table(book.add_worksheet("已解释"), worklist, style, explained.rename(columns=titles))
    _sheet_groups(book, worklist, style)
    if more is not None:
        more(book, style)
    _sheet_method(book, worklist, style)
    for sheet in book.worksheets():
        sheet.set_footer(f"&L{DISCLAIMER}　{mark}&R第 &P 页 共 &N 页")
    book.close()
    return out.getvalue()


def _stamp(worklist: WorkList) -> str:
    moment = plain(worklist.at) or worklist.as_of.isoformat()
    return f"{DISCLAIMER}　数据截至 {moment}　模型 {worklist.facts.get('model', '—')}"


def _table(
    sheet: Any, worklist: WorkList, style: dict[str, Any], frame: pd.DataFrame, money: Collection[str] = ()
) -> None:
    """A frame under the stamp line: numbers as numbers, those of the columns `money` as yuan, everything else as text."""
    sheet.write_string(0, 0, _stamp(worklist), style["note"])
    for j, column in enumerate(frame.columns):
        sheet.write_string(1, j, str(column), style["head"])
    for i, row in enumerate(records(frame), start=2):
        for j, column in enumerate(frame.columns):
            value = row[str(column)]
            if isinstance(value, bool):
                sheet.write_string(i, j, "是" if value else "否", style["text"])
            elif isinstance(value, int | float):
                sheet.write_number(i, j, value, style["money"] if column in money else None)
            elif value is not None:
                sheet.write_string(
                    i, j, safe_cell(str(value)), style["wrap"] if len(str(value)) > 24 else style["text"]
                )
    sheet.freeze_panes(2, 0)
    sheet.set_column(0, max(len(frame.columns) - 1, 0), 16)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 1)


def safe_cell(text: str) -> str:
    """Text a workbook cell can hold: control characters gone, within Excel's length. A typed string is no formula, so no quote is added."""
    return "".join(c for c in text if c >= " " or c in "\t\n").replace("\x7f", "")[:32_000]


def _sheet_list(book: Any, worklist: WorkList, style: dict[str, Any]) -> None:
    rows = worklist.rows.sort_values("lead") if "lead" in worklist.rows.columns else worklist.rows
    names = [c for c in HEADERS if c in rows.columns]
    grain = spec_of(worklist.grain)
    if grain.group:
        names.append("members")
    frame = rows[names].copy()
    for column in {"scheme", "scheme_2"} & set(names):
        frame[column] = [SCHEMES.get(s, "") for s in frame[column]]
    if "psn_no" in frame:
        frame["psn_no"] = [mask(v or "") for v in frame["psn_no"]]
    if grain.personal:
        frame["entity_id"] = [mask(v) for v in frame["entity_id"]]
    if "members" in frame:
        frame["members"] = [_masked_members(v) for v in frame["members"]]
    frame.columns = pd.Index([HEADERS[c][0] if c in HEADERS else "成员" for c in names])
    sheet = book.add_worksheet("清单")
    _table(sheet, worklist, style, frame, [HEADERS[c][0] for c in MONEY])
    for j, c in enumerate(names):
        sheet.set_column(j, j, 44 if c.startswith("reason") or c == "innocent" else 7 if c == "lead" else 18)


def _masked_members(members: str | None) -> str:
    return "；".join(mask(p) for p in (members or "").split(";"))


def _sheet_evidence(
    book: Any, worklist: WorkList, style: dict[str, Any], evidence: Evidence | None, masked: bool
) -> None:
    hide = masked and spec_of(worklist.grain).personal
    frames: list[pd.DataFrame] = []
    for row in worklist.rows.sort_values("lead").to_dict(orient="records") if evidence is not None else []:
        found = evidence(row["entity_id"]) if evidence is not None else pd.DataFrame()
        if len(found):
            found = found.copy()
            found.insert(0, "序号", row["lead"])
            found.insert(1, "对象编号", mask(row["entity_id"]) if hide else row["entity_id"])
            frames.append(found)
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"序号": [], "对象编号": []})
    _table(book.add_worksheet("证据明细"), worklist, style, frame, [ROW_MONEY])


def _sheet_groups(book: Any, worklist: WorkList, style: dict[str, Any]) -> None:
    """What the list foretells of each group of people, and what became of those listed before."""
    rows = [Group.of(g).row() for g in plain(worklist.facts.get("groups")) or []]
    sheet = book.add_worksheet("人群")
    _table(sheet, worklist, style, pd.DataFrame(rows, columns=list(HEAD)))
    sheet.write_string(len(rows) + 3, 0, SAID, style["wrap"])


def _sheet_method(book: Any, worklist: WorkList, style: dict[str, Any]) -> None:
    lines: list[tuple[str, str]] = [
        ("性质", f"{DISCLAIMER}。线索须经两名以上工作人员核查认定，软件不作结论。"),
        ("数据截至", str(plain(worklist.at) or worklist.as_of.isoformat())),
        *((str(k), str(v)) for k, v in (plain(worklist.facts.get("described")) or {}).items()),
        *((title, meaning) for title, meaning in HEADERS.values()),
        *(("数据质量", note.text) for note in worklist.notes),
    ]
    sheet = book.add_worksheet("口径说明")
    sheet.write_string(0, 0, _stamp(worklist), style["note"])
    for i, (key, text) in enumerate(lines, start=2):
        sheet.write_string(i, 0, safe_cell(key), style["head"])
        sheet.write_string(i, 1, safe_cell(text), style["wrap"])
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
