"""Rows that could not be taken in: kept verbatim with file, line, column and reason, listed, exported, retried
(contract.md §5)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.store.sql import one_of, paths_sql
from claims.store.warehouse import Warehouse

REASONS: dict[str, tuple[str, str]] = {
    "Q01": ("缺少必填键", "a required key is missing"),
    "Q02": ("日期无法解析", "the date cannot be read"),
    "Q03": ("数值无法解析", "the number cannot be read"),
    "Q04": ("科学计数法损坏编号", "the code was destroyed by scientific notation"),
    "Q05": ("编码不合法或乱码", "the text is not validly encoded"),
    "Q06": ("列数不符/引号未闭合/截断", "wrong number of columns, unclosed quote or truncated line"),
    "Q07": ("逻辑矛盾", "the dates contradict each other"),
    "Q08": ("孤立冲销", "the refund's original is not here yet or is ambiguous; retried at each intake"),
    "Q09": ("孤立明细", "the line's visit is not here yet; retried at each intake"),
    "Q10": ("单位存疑", "the amount looks 100 times too large or too small"),
    "Q11": ("控制字符/NUL", "control characters"),
    "Q12": ("键冲突", "the same key belongs to another person or institution"),
    "Q13": ("已作废行", "the row is marked invalid (vali_flag)"),
}
RETRIED = ("Q08", "Q09")
COLUMNS = (
    "row_id",
    "table",
    "file",
    "line",
    "column",
    "reason_code",
    "reason_zh",
    "reason_en",
    "raw",
    "batch",
    "mapping",
)


@dataclass(frozen=True)
class Rejected:
    """One quarantined row before it is written."""

    table: str
    file: str
    line: int
    column: str
    code: str
    raw: str
    detail: str = ""


def frame(rows: list[Rejected], batch: str, mapping: str) -> pd.DataFrame:
    """The rows as the quarantine file keeps them."""
    ordered = sorted(rows, key=lambda r: (r.table, r.file, r.line, r.column, r.raw))
    body = [
        (
            f"{batch}-{i}",
            r.table,
            r.file,
            r.line,
            r.column,
            r.code,
            REASONS[r.code][0] + (f"：{r.detail}" if r.detail else ""),
            REASONS[r.code][1],
            r.raw,
            batch,
            mapping,
        )
        for i, r in enumerate(ordered)
    ]
    return pd.DataFrame(body, columns=list(COLUMNS)).astype({"line": "int64"})


def pending(warehouse: Warehouse, codes: tuple[str, ...] = ()) -> pd.DataFrame:
    """Quarantined rows not resolved by a later intake or readmission, optionally of some reasons only."""
    entries = warehouse.manifest.get("quarantine", [])
    kept = [warehouse.root / e["path"] for e in entries if e["kind"] == "rows"]
    done = [warehouse.root / e["path"] for e in entries if e["kind"] == "resolved"]
    if not kept:
        return pd.DataFrame(columns=list(COLUMNS))
    warehouse.verify([*kept, *done])
    with duckdb.connect() as con:
        where = "true"
        if done:
            where = f"row_id NOT IN (SELECT row_id FROM read_parquet({paths_sql(done)}))"
        if codes:
            where += f" AND reason_code IN {one_of(codes)}"
        return con.execute(
            f"""
                SELECT *
                FROM read_parquet({paths_sql(kept)})
                WHERE {where}
                ORDER BY "table", file, line, row_id
            """
        ).df()


def list_quarantine(
    warehouse: Warehouse | Path | str, table: str | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Rows still in quarantine: row_id, table, file, line, column, reason_code, reason_zh, reason_en, raw, batch,
    mapping."""
    house = warehouse if isinstance(warehouse, Warehouse) else Warehouse.open(warehouse)
    rows = pending(house)
    if table:
        rows = rows[rows["table"] == table]
    return rows.head(limit) if limit is not None else rows


OVERVIEW, ROW_ID = "隔离", "编号"
#: What the mending sheets say besides the row's own cells.
ADDED = ("隔离原因", "问题列")


def export_quarantine(warehouse: Warehouse | Path | str, out: Path | str) -> int:
    """Write the quarantine to an .xlsx for the sender to mend; returns the number of rows. Texts are never formulas.

    The first sheet lists all rows with their reasons; then comes one sheet a table with the rows' own cells, to be
    mended in place and given back to `claims.intake.readmit.readmit`.
    """
    import xlsxwriter

    rows = list_quarantine(warehouse)
    path = Path(out)
    if path.suffix.lower() != ".xlsx":
        raise UserError(f"{path.name}: the quarantine is exported to .xlsx only")
    heads = {
        "row_id": ROW_ID,
        "table": "表",
        "file": "文件",
        "line": "行号",
        "column": "列",
        "reason_code": "原因代码",
        "reason_zh": "原因",
        "reason_en": "reason",
        "raw": "原文",
    }
    try:
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            _sheet(book, OVERVIEW, list(heads.values()), rows[list(heads)].itertuples(index=False))
            for table, group in rows.groupby("table", sort=True):
                held = [(r, json.loads(str(r.raw))) for r in group.itertuples() if str(r.raw).startswith("{")]
                columns = list(dict.fromkeys(c for _, cells in held for c in cells))
                body = [(r.row_id, r.reason_zh, r.column, *(cells.get(c) or "" for c in columns)) for r, cells in held]
                if body:
                    _sheet(book, str(table), [ROW_ID, *ADDED, *columns], body)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise UserError(f"cannot write {path}: {error}") from None
    return len(rows)


def _sheet(book: Any, title: str, heads: list[str], rows: Iterable[Any]) -> None:
    sheet = book.add_worksheet(title[:31])
    sheet.freeze_panes(1, 1)
    sheet.write_row(0, 0, heads)
    for i, row in enumerate(rows, start=1):
        for j, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(i, j, "".join(c for c in value if c.isprintable() or c in "\n\t")[:32000])
            else:
                sheet.write_number(i, j, value)


def summary(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Counts by table and reason, for reports."""
    rows = pending(warehouse)
    counted = rows.groupby(["table", "reason_code", "reason_zh"], as_index=False).size()
    return [{str(k): v for k, v in r.items()} for r in counted.to_dict("records")]
