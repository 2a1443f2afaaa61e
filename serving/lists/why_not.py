"""Why somebody is not on a published list, in sentences: for the page that finds people, for `xiezhi explain` and for Python."""

from collections.abc import Mapping
from typing import Any

from models.settings import WORST
from serving.lists.publish import RULES, Run
from serving.lists.standing import BELOW, DECIDED, EXPLAINED, LISTED


def why_not(run: Run, grain: str, entity_id: str) -> list[str]:
    """The sentences about an id as a run's list stood; empty where the run says nothing of it."""
    row = run.standing(grain, entity_id)
    if row is None:
        return []
    return why(row, run.manifest["lists"][grain], rule_names(run), True, cut_of(run, grain))


def rule_names(run: Run) -> dict[str, str]:
    """Number → name of the rules as they stood; empty where the run does not say."""
    return {c["rule"]: c["name"] for c in run.rules()} if RULES in run.manifest["files"] else {}


def cut_of(run: Run, grain: str) -> float | None:
    """The chance of the last one that a list ranks; None where none is said."""
    ranked = [r for r in run.worklist(grain)["rows"] if r["slot"] == "ranked" and not r["returning"]]
    if not ranked:
        return None
    found: float | None = max(ranked, key=lambda r: int(r["rank"]))["probability"]
    return found


def why(
    row: Mapping[str, Any], facts: Mapping[str, Any], cards: Mapping[str, str], score: bool, cut: float | None = None
) -> list[str]:
    """Why somebody is on a list or not: decided, explained, below the cut with his rank and chance, which rules hit, which could not be judged. Of whoever is listed
    nothing more than that, so that nobody tells who was drawn by chance. cut: chance of the last one ranked on the list."""
    state = row["state"]
    if state == LISTED:
        return ["在本期名单上。"]
    told = []
    if state == DECIDED:
        said, p = row["finding"] or "见检查记录", row["probability"]
        if p is not None and p == p:  # scored by what is newer alone, and still below the cut
            told.append(
                f"未列入：已有结论（{said}）；此后另有新情况，但按其排序不在名单前 {facts['ranked']:,}，也不占他人名次。"
            )
        else:
            told.append(f"未列入：已有结论（{said}），此后没有足以重新列入的新情况。")
            told.append(f"重新列入的门槛：只按检查期后的新情况，风险仍须在无结论者中最高的 {1 - WORST:.0%} 之内。")
    elif state == EXPLAINED:
        told.append("未列入：已有合理解释，不参与排序。")
    else:
        told.append(
            f"未列入：在 {facts['population']:,} 个中排第 {row['rank']:,}，名单按核查能力取前 {facts['ranked']:,}。"
        )
        if row["finding"]:
            told.append(f"此前结论：{row['finding']}；只按其后的新情况排序。")
    if score and state != DECIDED:
        p = row["probability"]
        if p is None or p != p:
            told.append("校准概率：样本尚少，暂不能给出。")
        else:
            told.append(f"校准概率 {p:.1%}（80%区间 {row['probability_low']:.1%}～{row['probability_high']:.1%}）。")
            if state == BELOW and cut is not None:
                told.append(f"名单按能力取到的最后一个为 {cut:.1%}。")
    if state != DECIDED:
        hit, unknown = (_rules(row[k], cards) for k in ("hits", "unknown"))
        told.append(f"命中规则：{hit}。" if hit else "没有命中任何在用规则。")
        if unknown:
            told.append(f"不可评估（缺数据、样本不足或规则试运行）：{unknown}。")
    return told


def _rules(numbers: str, cards: Mapping[str, str]) -> str:
    return "、".join(cards.get(n, n) for n in numbers.split())
