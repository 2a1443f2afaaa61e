"""The model card of a bundle: what each grain goes by, on what it was measured, what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.columns import matrix_columns
from features.declarations import load_catalog
from features.grains import GRAINS
from models.bundle import Bundle
from models.ensemble import GrainModel, Z
from training.pictures import picture_label
from training.settings import compared_cells

STRONGEST = 12
"""Columns of the line that are shown."""


def card_text(bundle: Bundle) -> str:
    """Markdown of a whole bundle."""
    load_catalog()
    lines = [
        f"# 模型卡 {bundle.hash[:12]}",
        "",
        f"数据截至 {bundle.as_of} · 种子 {bundle.seed} · 疑点线索，非违规结论。",
        "",
        "用途：排出值得人去核查的名单，理由、记录和可能的合理解释随附。不得据以直接处理任何人。",
    ]
    for grain, model in bundle.grains.items():
        lines += ["", f"## {GRAINS[grain].label}（{grain}）", "", *_grain(model)]  # type: ignore[index]
    return "\n".join(lines) + "\n"


def _grain(model: GrainModel) -> list[str]:
    facts: Mapping[str, Any] = model.facts
    figures: Mapping[str, Any] = facts.get("figures", {})
    lines = [f"- 依据：{model.label}；{len(model.columns)} 列", f"- {facts.get('reason', '')}"]
    if figures:
        lines += ["", *_figures(figures), "", *_parts(model, figures)]
    if cells := compared_cells(facts.get("tried", [])):
        head, *rest = (f"| {' | '.join(row)} |" for row in cells)
        lines += ["", "比较过的设置（留出的查实，最好者在前）：", "", head, "|" + "---:|" * len(cells[0]), *rest]
    if facts.get("settings"):
        lines += ["", "设置：" + "，".join(f"`{k} = {v}`" for k, v in facts["settings"].items())]
    said = model.calibration
    lines += ["", f"概率：{said.reason or f'{said.kind}，由 {said.n} 例结论（查实 {said.positives}）校准'}"]
    if model.ranker is not None:
        lines += ["", *_columns(model)]
    return lines


def _figures(figures: Mapping[str, Any]) -> list[str]:
    """Both lists on the cases held out."""
    how = {"out of time": "每例由检查之前已知的结论所得模型评分", "out of fold": "分组交叉，模型未见过该组"}
    lines = [
        f"留出检验（{how.get(str(figures['held_out']), '')}），查实 {figures['held_out_n']} 例：",
        "",
        "| | 学得的名单 | 不用查处结果的名单 |",
        "|---|---:|---:|",
    ]
    rows = {
        "查实者平均高于全体的比例": "below",
        "AUC，有结论者": "auc_all",
        "AP，有结论者": "ap_all",
        "AUC，随机抽查": "auc_random",
        "AP，随机抽查": "ap_random",
    }
    return [
        *lines,
        *(f"| {name} | {_told(figures[k])} | {_told(figures[f'fallback_{k}'])} |" for name, k in rows.items()),
    ]


def _parts(model: GrainModel, figures: Mapping[str, Any]) -> list[str]:
    lines = ["| 部分 | 查实 | 平均高于全体 | 权重 |", "|---|---:|---:|---:|"]
    for name, s in figures["parts"].items():
        weight = model.weights.get(name, 0.0)
        lines.append(f"| {name} | {s['n']} | {_told(s['below'])} | {weight:.3f}{'' if weight else '（未采用）'} |")
    return lines


def _columns(model: GrainModel) -> list[str]:
    """The columns on which the line leans most, and whether more of one speaks for or against: against the declared direction is marked."""
    assert model.ranker is not None
    line = model.ranker.linear_
    pull = line.beta_.sum(axis=0)
    known = matrix_columns(model.grain)  # type: ignore[arg-type]
    lines = ["学得最重的列（多则更可疑 ＋，多则更不可疑 －）：", ""]
    for j in np.argsort(-np.abs(pull), kind="stable")[:STRONGEST]:
        name = str(line.columns_[j])
        column, label = known.get(name.removeprefix(Z)), picture_label(name, known)
        against = column is not None and (column.worse, pull[j] > 0) in (("high", False), ("low", True))
        note = "，与声明方向相反：不作理由" if against else ""
        lines.append(f"- {'＋' if pull[j] > 0 else '－'}{abs(pull[j]):.2f} {label}{note}")
    return lines


def _told(value: Any) -> str:
    return "—" if value is None else f"{value:.3f}"
