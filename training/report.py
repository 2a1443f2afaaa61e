"""Evaluation and gate figures as text people read: Markdown tables, with "cannot say yet" where that is the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {
    "random": "随机", "largest": "金额最大优先", "rules": "仅规则", "isolation": "孤立森林", "graph": "仅图",
    "unlabelled": "规则+离群+图", "plain_lightgbm": "普通 LightGBM（简单汇总）", "full": "全模型",
}  # fmt: skip


def evaluation_text(result: Mapping[str, Any]) -> str:
    """Markdown of `evaluate`'s result."""
    lines = [
        f"# 评估（{'对照真值' if result['mode'] == 'truth' else '对照此后的核查结论'}）",
        "",
        f"名单日期：{'、'.join(result['dates'])}",
    ]
    for grain, part in result["grains"].items():
        lines += ["", f"## {grain}", ""]
        if "table" not in part or not part["table"]:
            lines.append(str(part.get("note", "暂不能下结论")))
            continue
        lines += _truth(part) if result["mode"] == "truth" else _later(part)
    return "\n".join(lines) + "\n"


def _truth(part: Mapping[str, Any]) -> list[str]:
    lines = [
        f"对象 {part['n']}，其中有问题 {part['guilty']}（{part['base_rate']:.2%}）；{'有' if part['ranker'] else '无'}排序模型",
        "",
    ]
    lines += [
        "| 方法 | k | 命中/列出 | 精确率（95%区间） | 对随机 | 对金额最大（95%区间） |",
        "|---|---|---|---|---|---|",
    ]
    for r in part["table"]:
        lines.append(
            f"| {NAMES.get(r['scorer'], r['scorer'])} | {r['k']} | {r['hits']}/{r['listed']} | {r['precision']:.2f}（{r['low']:.2f}–{r['high']:.2f}） "
            f"| {r['lift_random']:.1f}× | {_times(r, 'lift_largest')} |"
        )
    if part["schemes"]:
        lines += ["", "| 骗保类型 | 有问题 | 前 k 名 | 前一成 |", "|---|---|---|---|"]
        for scheme, row in part["schemes"].items():
            lines.append(f"| {scheme} | " + " | ".join(str(v) for v in row.values()) + " |")
    if part["innocents"]:
        lines += ["", "| 正常相似情形 | 数量 | 误列 | 误列率（95%区间） |", "|---|---|---|---|"]
        for kind, row in part["innocents"].items():
            lines.append(
                f"| {kind} | {row['n']} | {row['flagged']} | {row['rate']:.2%}（{row['low']:.2%}–{row['high']:.2%}） |"
            )
    for leak in part["leaks"]:
        lines.append(f"**泄漏警报**：列 {leak['column']} 单独即可区分（AUC {leak['auc']:.3f}）。")
    return lines


def _later(part: Mapping[str, Any]) -> list[str]:
    rate = part["random_rate"]
    lines = [
        f"此后有结论 {part['later']}，其中在名单内 {part['in_list']}（查实 {part['confirmed']}）；随机抽查 {part['random_drawn']}（查实 {part['random_confirmed']}）",
        f"随机抽查查实率：{_figure(rate)}",
        "",
        "| 方法 | AUC（全部结论，有选择偏差） | AUC（随机抽查，无偏） |",
        "|---|---|---|",
    ]
    for r in part["table"]:
        lines.append(
            f"| {NAMES.get(r['scorer'], r['scorer'])} | {_figure(r['auc_all'])} | {_figure(r['auc_random'])} |"
        )
    return lines


def gate_text(report: Mapping[str, Any]) -> str:
    """Markdown of the gate's report."""
    lines = [f"# 模型对比 {report['as_of']}", "", f"挑战者 {report['challenger'][:12]}"]
    for grain, part in report["grains"].items():
        diff = part["diff"]
        lines += [
            "",
            f"## {grain}",
            "",
            f"现用：{part['champion'].get('reason', '')}",
            f"挑战者：{part['challenger'].get('reason', '')}",
        ]
        lines.append(
            f"前 {diff['top']} 名：保留 {diff['kept']}，新入 {len(diff['entered'])}，退出 {len(diff['left'])}，理由翻转 {len(diff['flipped'])}"
        )
        for word, rows in (("新入", diff["entered"]), ("退出", diff["left"])):
            for row in rows[:10]:
                lines.append(
                    f"- {word} {row['entity_id']}：{row['rank_before']} → {row['rank_after']}，{'、'.join(row['reasons_after'])}"
                )
    return "\n".join(lines) + "\n"


def _figure(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return f"暂不能下结论（{figure['note']}）"
    return f"{figure['value']:.3f}（{figure['low']:.3f}–{figure['high']:.3f}，n={figure['n']}）"


def _times(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if value != value:
        return "—"
    return f"{value:.1f}×（{row[key + '_low']:.1f}–{row[key + '_high']:.1f}）"
