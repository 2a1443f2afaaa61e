"""The list sent back in the form it came in: its result columns filled, those it lacks said in 核查情况, or five columns appended where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inspection.fill import Place, Value, choices_of, filled
from inspection.sent import Sent, Table
from inspection.sent_cells import unit_of
from inspection.sent_columns import BY_NAME, RESULTS

VERDICTS: Final = {"yes": "属实", "partly": "部分属实", "no": "不属实", "unsure": "存疑"}
"""是否属实 as the desk keeps it, and how it is said."""
_WORDS: Final = {
    "yes": ("属实", "是", "存在", "违规", "确认"),
    "partly": ("部分属实", "部分", "部分违规", "属实", "是"),
    "no": ("不属实", "否", "不存在", "未违规", "不违规", "排除"),
    "unsure": ("存疑", "无法核实", "无法核查", "待查", "其他"),
}


@dataclass(frozen=True)
class Result:
    """What came out of one row. verdict: of VERDICTS, '' = not answered yet; amounts in fen."""

    verdict: str = ""
    situation: str = ""
    wrong_fen: int | None = None
    recovered_fen: int | None = None
    disposition: str = ""


@dataclass(frozen=True)
class Counted:
    """Rows that came, of these answered; cells that were filled already and stay as they were."""

    came: int
    answered: int
    kept: tuple[str, ...]


def returned(body: bytes, sent: Sent, results: Mapping[tuple[str, int], Result]) -> tuple[bytes, Counted]:
    """(workbook, counts). results: (sheet, line) → what came out; a row without one leaves as it came. UserError as `filled`."""
    words = choices_of(body)
    cells: dict[str, dict[Place, Value]] = {}
    heads: dict[str, Place] = {}
    kept: list[str] = []
    came = answered = 0
    for table in sent.tables:
        sheet = table.listed.sheet
        places, titles = _places(table)
        here: dict[Place, Value] = dict(titles)
        for line, row in zip(table.listed.lines, table.listed.rows, strict=True):
            if line in table.foot:
                continue
            came += 1
            result = results.get((sheet, line), Result())
            answered += bool(result.verdict)
            said = _said(result, places, table, words.get(sheet, {}))
            for name, value in said.items():
                column = places[name]
                if column < len(row) and row[column] is not None:
                    kept.append(f"{sheet} 第{line}行 {BY_NAME[name].zh}")
                else:
                    here[line, column] = value
        if here:
            cells[sheet], heads[sheet] = here, (table.listed.line, _last(table))
    return filled(body, sent.name, cells, heads), Counted(came, answered, tuple(kept))


def _last(table: Table) -> int:
    return max((j for j, t in enumerate(table.listed.titles) if t), default=0)


def _places(table: Table) -> tuple[dict[str, int], dict[Place, Value]]:
    """(result field → column, titles to write): where the list has none in which words can stand, what it lacks of the five behind its last column."""
    own = {name: j for name in RESULTS if (j := table.column(name)) is not None}
    if own.keys() & {"situation", "true", "disposition"}:
        return own, {}
    first = max(_last(table) + 1, len(table.listed.titles))
    places = {name: first + k for k, name in enumerate(n for n in RESULTS if n not in own)}
    return own | places, {
        (table.listed.line, j): BY_NAME[name].zh + ("（元）" if BY_NAME[name].kind == "money" else "")
        for name, j in places.items()
    }


def _said(
    result: Result, places: Mapping[str, int], table: Table, words: Mapping[int, Sequence[str]]
) -> dict[str, Value]:
    """Field → what its cell says; what has no cell of its own is said in 核查情况 (or in the last text cell there is)."""
    verdict = _word(result.verdict, table, places.get("true"), words)
    whole = {"true": verdict, "disposition": result.disposition, "situation": result.situation}
    said: dict[str, Value] = {name: text for name, text in whole.items() if name in places and text}
    for name, fen in (("wrong", result.wrong_fen), ("recovered", result.recovered_fen)):
        if name in places and fen is not None:
            title = table.listed.titles[places[name]] if places[name] < len(table.listed.titles) else ""
            said[name] = fen / {"yuan": 100, "wan": 1_000_000, "fen": 1}[unit_of(title, BY_NAME[name])]
    left_over = [
        f"{BY_NAME[name].zh}：{text}"
        for name, text in (
            ("true", VERDICTS.get(result.verdict, "")), ("wrong", _yuan(result.wrong_fen)), ("recovered", _yuan(result.recovered_fen)),
            ("disposition", result.disposition), ("situation", result.situation),
        )
        if text and name not in places
    ]  # fmt: skip
    last = next((n for n in ("situation", "disposition", "true") if n in places), "")
    if left_over and last:
        said[last] = "；".join([*([str(said[last])] if last in said else []), *left_over])
    return said


def _yuan(fen: int | None) -> str:
    return "" if fen is None else f"{fen / 100:,.2f} 元"


def _word(verdict: str, table: Table, column: int | None, words: Mapping[int, Sequence[str]]) -> str:
    """The verdict in the list's own words: of its drop-down, else 是 or 否 under a title that asks so."""
    if not verdict or column is None:
        return ""
    own = words.get(column, ())
    for word in _WORDS[verdict]:
        if word in own:
            return word
    if own:
        return VERDICTS[verdict]
    title = table.listed.titles[column] if column < len(table.listed.titles) else ""
    return {"yes": "是", "no": "否"}.get(verdict, VERDICTS[verdict]) if title.startswith("是否") else VERDICTS[verdict]
