"""Evaluation and gate figures as text people read: Markdown tables, with "cannot say yet" where that is the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.scorers import SCORERS

NAMES = {
    "random": "随机", "largest": "金额最大优先", **{name: scorer.label for name, scorer in SCORERS.items()},
    "unlabelled": "规则+离群+图", "plain_lightgbm": "普通 LightGBM（简单汇总）", "wide_lightgbm": "普通 LightGBM（更多汇总）", "full": "全模型",
}  # fmt: skip


def evaluation_text(result: Mapping[str, Any]) -> str:
    """Markdown of `evaluate`'s result."""
    lines = [
        f"# 评估（{'对照真值' if result['mode'] == 'truth' else '对照此后的核查结论'}）",
        "",
        f"名单日期：{'、'.join(result['dates'])}",
    ]
    if not result.get("future_blind", True):
        lines += ["", "**泄漏警报**：此后才知道的结论改变了当日的标签。"]
    for grain, part in result["grains"].items():
        lines += ["", f"## {grain}", ""]
        if grain == "ring":
            lines += _rings(part)
            continue
        if "table" not in part or not part["table"]:
            lines.append(str(part.get("note", "尚无法判断")))
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
    lines += _schemes(part) + _innocents(part) + _parts(part) + _beds(part)
    return lines + _alarms(part)


def _schemes(part: Mapping[str, Any]) -> list[str]:
    if not part["schemes"]:
        return []
    lines = ["", f"| 骗保类型 | 有问题 | 前 {part['k']} 名 | 前一成 |", "|---|---|---|---|"]
    lines += [f"| {s} | " + " | ".join(str(v) for v in row.values()) + " |" for s, row in part["schemes"].items()]
    told = part["named"]
    named = f"归入手法：有问题的 {told['guilty']} 个对象（不论是否列出）中 {told['named']} 个归入其所犯手法（{_figure(told['share'])}）"
    if told["plain"] is not None:
        named += f"；不与总体常态相比、只按证据相加则 {told['plain']} 个"
    return [*lines, "", named]


def _innocents(part: Mapping[str, Any]) -> list[str]:
    if not part["innocents"]:
        return []
    lines = ["", "| 正常相似情形 | 数量 | 误列 | 误列率（95%区间） |", "|---|---|---|---|"]
    for kind, row in part["innocents"].items():
        interval = f"{row['low']:.2%}–{row['high']:.2%}"
        lines.append(f"| {kind} | {row['n']} | {row['flagged']} | {row['rate']:.2%}（{interval}） |")
    return lines


def _parts(part: Mapping[str, Any]) -> list[str]:
    """Per area and per hospital level."""
    lines: list[str] = []
    for title, key in (("片区", "areas"), ("机构等级", "levels")):
        if len(part.get(key, {})) < 2:
            continue
        lines += ["", f"| {title} | 对象 | 有问题 | 列出 | 命中 | 精确率 |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {name} | {r['n']} | {r['guilty']} | {r['listed']} | {r['hits']} | {_figure(r['precision'])} |"
            for name, r in part[key].items()
        ]
    return lines


def _beds(part: Mapping[str, Any]) -> list[str]:
    if "beds" not in part:
        return []
    b = part["beds"]
    return [
        "",
        f"查床：在院 {b['open']}，空床 {b['empty']}；查前一成（{b['checked']} 床）查到 {b['found']}，占空床 {_figure(b['share_found'])}",
    ]


def _rings(part: Mapping[str, Any]) -> list[str]:
    return [
        f"真实团伙 {part['planted']}，找到 {part['found']}；列出 {part['listed']}，其中确为团伙 {part['listed_right']}（{_figure(part['precision'])}）；"
        f"有正常解释而未列 {part['explained']}，其中误放过 {part['planted_but_explained_away']}"
    ]


def _alarms(part: Mapping[str, Any]) -> list[str]:
    lines = [f"**泄漏警报**：列 {x['column']} 单独即可区分（AUC {x['auc']:.3f}）。" for x in part.get("leaks", [])]
    if shuffled := part.get("permuted"):
        word = "**泄漏警报**：" if shuffled["alarm"] else ""
        lines.append(f"{word}结论打乱后的 AUC {shuffled['auc']:.3f}（应为 0.5±{3 * shuffled['error']:.3f}）")
    return ["", *lines] if lines else []


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
    return lines + _alarms(part)


SHOWN = 15
"""Rows of a list diff printed per group; the report's JSON holds all."""


def gate_text(report: Mapping[str, Any]) -> str:
    """Markdown of the gate's report."""
    champion = "、".join(sorted({n[:12] for n in report["champion"].values()})) or "无模型（不用查处结果的名单）"
    lines = [
        f"# 模型对比（名单日期 {report['as_of']}）",
        "",
        f"现用 {champion}（数据截至 {report['champion_as_of'] or '—'}）· 挑战者 {report['challenger'][:12]}（数据截至 {report['challenger_as_of']}）",
        "",
        f"    xiezhi models compare {report['challenger'][:12]} --warehouse W --as-of {report['as_of']} [--truth …] --out …",
        "",
        "启用须由两位不同的人签名；训练人不得签名。疑点线索，非违规结论。",
    ]
    for grain, part in report["grains"].items():
        lines += ["", f"## {grain}", "", f"- 现用：{part['champion'].get('reason', '')}"]
        lines += [f"- 挑战者：{part['challenger'].get('reason', '')}", "", *_same_dates(part["figures"])]
        lines += ["", *_moves(part["diff"])]
    return "\n".join(lines) + "\n"


def _same_dates(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Both models on the same list dates, held against what neither had seen."""
    if not records:
        return ["两个模型都未见过的结论：无（挑战者的数据截止日不早于名单日期），暂不能比较效果。"]
    lines = ["| 名单日期 | 此后结论（查实） | 指标 | 现用 | 挑战者 |", "|---|---|---|---|---|"]
    for record in records:
        seen = f"{record['unseen']}（{record['confirmed']}）"
        for name in record["champion"]:
            label = (
                name.replace("true_precision_", "真值精确率@")
                .replace("precision_", "有结论者查实率@")
                .replace("auc", "AUC")
            )
            lines.append(
                f"| {record['day']} | {seen} | {label} | {_figure(record['champion'][name])} | {_figure(record['challenger'][name])} |"
            )
    return lines


def _moves(diff: Mapping[str, Any]) -> list[str]:
    """Who enters, who leaves, whose reasons flipped, each with the signals that did it."""
    counts = f"保留 {diff['kept']}，新入 {len(diff['entered'])}，退出 {len(diff['left'])}，理由翻转 {len(diff['flipped'])}，疑点类型改变 {len(diff['rescheduled'])}"
    lines = [f"前 {diff['top']} 名：{counts}"]
    groups = (("新入", diff["entered"]), ("退出", diff["left"]), ("理由翻转", diff["flipped"]))
    if any(rows for _, rows in groups):
        lines += ["", "| 变化 | 对象 | 原名次 → 新名次 | 原主要信号 | 新主要信号 |", "|---|---|---|---|---|"]
    for word, rows in groups:
        for row in rows[:SHOWN]:
            moved = f"{row['rank_before'] or '—'} → {row['rank_after'] or '—'}"
            lines.append(
                f"| {word} | {row['entity_id']} | {moved} | {'、'.join(row['reasons_before'])} | {'、'.join(row['reasons_after'])} |"
            )
        if len(rows) > SHOWN:
            lines.append(f"| {word} | 其余 {len(rows) - SHOWN} 个见 JSON | | | |")
    return lines


def _figure(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return f"尚无法判断（{figure['note']}）"
    return f"{figure['value']:.3f}（{figure['low']:.3f}–{figure['high']:.3f}，n={figure['n']}）"


def _times(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if value != value:
        return "—"
    return f"{value:.1f}×（{row[key + '_low']:.1f}–{row[key + '_high']:.1f}）"
