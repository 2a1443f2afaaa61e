"""A claim as a till hands it over: one settlement and its fee lines, in JSON or CSV; and the answers as text.

JSON: an object of official column names with its lines under `lines` (or `fee_details`), or `{"settlement": {…},
"lines": […]}`; lines may lie in a file of their own. CSV: a header of official names and one row (of lines: many).
Codes are text; amounts are yuan.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from claims.errors import UserError
from features.checking.check_claim import RuleAnswer
from features.checking.describe import KIND_ZH
from features.grains import GRAINS

Row = dict[str, Any]


def read_claim(claim: Path, lines: Path | None = None) -> tuple[Row, list[Row]]:
    """The settlement and its lines. Raises UserError naming the file where something is missing or cannot be read."""
    found = _read(claim)
    billed: list[Row] = []
    if isinstance(found, dict):
        body = dict(found)
        for key in ("lines", "fee_details"):
            billed += _rows(body.pop(key, []), claim)
        settlement = body.pop("settlement", body)
    else:
        rows = _rows(found, claim)
        if len(rows) != 1:
            raise UserError(f"{claim} holds {len(rows)} settlements; --claim takes one")
        settlement = rows[0]
    if not isinstance(settlement, dict):
        raise UserError(f"{claim}: the settlement is no object of column names and values")
    if lines is not None:
        billed = _rows(_read(lines), lines)
    return settlement, [row for row in billed if _of_claim(row, settlement)]


def _of_claim(line: Row, settlement: Row) -> bool:
    """A file of lines may hold other claims' too."""
    return line.get("mdtrt_id") in (None, "", settlement.get("mdtrt_id"))


def _read(path: Path) -> Any:
    kind = path.suffix.lower()
    if kind not in (".json", ".csv"):
        raise UserError(f"{path}: a claim is a .json or .csv file")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text("gb18030", errors="replace")
    if kind == ".csv":
        return [dict(row) for row in csv.DictReader(text.splitlines())]
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); export it again") from None


def _rows(found: Any, path: Path) -> list[Row]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise UserError(f"{path}: expected a list of rows, each an object of column names and values")
    return found


def moment_of_claim(settlement: Mapping[str, Any]) -> datetime:
    """When the claim was settled, else when the visit ended or began. Raises UserError where no time is told."""
    for column in ("setl_time", "endtime", "begntime"):
        if text := settlement.get(column):
            try:
                return datetime.fromisoformat(str(text))
            except ValueError:
                raise UserError(
                    f'{column} {text!r} of the claim is not a time; write it as "YYYY-MM-DD HH:MM:SS"'
                ) from None
    raise UserError("the settlement has no setl_time, endtime or begntime; a claim at the counter needs one")


def answers_text(answers: Sequence[RuleAnswer]) -> str:
    """Hits with their rows and amounts; what was clear is counted, what could not be judged says why."""
    lines = []
    for a in (a for a in answers if a.status == "hit"):
        lines += [
            f"{a.rule} {a.name}（{GRAINS[a.grain].label}，{KIND_ZH[a.kind]}）  疑点金额 {a.amount_fen / 100:,.2f} 元",
            f"  {a.reason}",
            f"  可能的正常解释：{a.innocent}",
        ]
        lines += [
            f"    {r.happened_at[:16]}  {r.row_table} {r.row_id}"
            + ("" if r.fen is None else f"  {r.fen / 100:,.2f} 元")
            for r in a.rows
        ]
    clear = sum(a.status == "clear" for a in answers)
    missing = [a for a in answers if a.status == "not_evaluable"]
    lines.append(
        f"命中 {sum(a.status == 'hit' for a in answers)} 条，未命中 {clear} 条，不可评估 {len(missing)} 条。"
        "疑点线索，非违规结论"
    )
    lines += [f"  不可评估 {a.rule}（{GRAINS[a.grain].label}）：{a.missing}" for a in missing]
    return "\n".join(lines)
