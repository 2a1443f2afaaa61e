"""The bed-check sheet as a workbook to fill: results by a drop-down list, every cell text, one A4 page wide."""

from __future__ import annotations

import io

import pandas as pd
import xlsxwriter

from claims.shown_text import visible
from inspection.bedsheet import RESULTS

WIDTHS = {"医院": 16, "诊断": 18, "询问要点": 34, "备注": 18, "就诊号": 20, "核查时间": 16}


def as_workbook(sheet: pd.DataFrame, at: str) -> bytes:
    """One sheet 查床单 whose first row is the head; what comes from data is text (no formula, no lost digit)."""
    out = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, plain)
    page = book.add_worksheet("查床单")
    head = book.add_format({"bold": True, "text_wrap": True, "border": 1, "bg_color": "#eeeeee"})
    cell = book.add_format({"text_wrap": True, "border": 1, "valign": "top", "num_format": "@"})
    for j, name in enumerate(sheet.columns):
        page.set_column(j, j, WIDTHS.get(str(name), 8), cell)
        page.write_string(0, j, str(name), head)
    for i, row in enumerate(sheet.itertuples(index=False), start=1):
        for j, value in enumerate(row):
            page.write_string(i, j, visible(str(value)), cell)
    j = list(sheet.columns).index("结果")
    wrong = {"error_title": "结果", "error_message": f"请填 {'、'.join(RESULTS)}"}
    page.data_validation(1, j, max(len(sheet), 1), j, {"validate": "list", "source": list(RESULTS), **wrong})
    page.freeze_panes(1, 0)
    page.repeat_rows(0)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.set_header(f"&C查床单 {at}　疑点线索，非违规结论")
    page.set_footer("&R第 &P 页 共 &N 页")
    book.close()
    return out.getvalue()
