"""A rule as an officer reads it: text, law, questions, thresholds with their source, state, SQL of each grain."""

from collections.abc import Sequence
from datetime import date
from inspect import cleandoc
from pathlib import Path
from typing import Any

from features.checking.cases import cases_of
from features.checking.hits import rules_of
from features.checking.review import Record, track_records
from features.declare import CountyGraph, Feature, GraphMeasure, PeerTest
from features.grains import GRAINS, SCHEMES
from features.office import STATE_ZH, Office, read_office
from features.reasons import in_words
from features.rule_texts import GUESS, HOW, law_of, library, named, questions, source_of
from features.thresholds import setting, settings, thresholds, tuned

KIND_ZH = {
    "hard": "明确违规（仍须两人复核）",
    "lead": "疑点线索",
    "KPI": "机构指标",
    "DQ": "数据质量",
    "feature": "特征",
}
AMOUNT_ZH = {
    "M-LINE": "命中明细的政策范围内金额",
    "M-EXC": "超出部分的金额",
    "M-STAY": "该次住院的基金支付",
    "M-SETL": "命中结算的基金与账户支付",
    "M-ACCT": "命中结算的账户支付",
    "M-GAP": "超出预期的部分（推算）",
    "M-0": "不计金额",
}
READ_ZH = {"person": "按人读取", "institution": "按机构读取", "judged": "由住院判定汇总", "county": "由全县图计算"}
SHIPPED = "随系统发布，未经本局另行决定"


def rule_card(number: str, office: Office, day: date, record: Record | None = None) -> dict[str, Any]:
    """All that is told of a rule without its SQL, as plain values: what `rules show` and the page /rules print.

    Raises UserError for an unknown rule.
    """
    number = number.upper()
    found = rules_of([number])
    first = found[0]
    ask, clears = questions(number)
    cap, guessed = office.cap(number, first.kind, day)
    state, said = office.state(number, day), office.said("state", number, day)
    basis = str(setting(number, "amount"))
    return {
        "rule": number,
        "name": setting(number, "name"),
        "kind": KIND_ZH[first.kind],
        "family": first.family,
        "schemes": list(dict.fromkeys(f"{SCHEMES[f.scheme]}" for f in found)),
        "about": list(dict.fromkeys(GRAINS[f.grain].label for f in found)),
        "state": STATE_ZH[state],
        "state_since": said.since if said else "",
        "state_reason": said.reason if said else SHIPPED,
        "state_by": list(said.by) if said else [],
        "law": law_of(first.scheme).lines() if first.kind != "DQ" else ["数据质量规则，不作违规建议"],
        "clause": office.clause(number, day) or "本局未填写（xiezhi rules clause）",
        "official": [f"{o.seq} {o.name}（{HOW[o.how]}）" for o in library() if number in o.rules],
        "amount": AMOUNT_ZH.get(basis, basis),
        "ask": ask,
        "clears": clears,
        "innocent": list(dict.fromkeys(in_words(f.innocent) for f in found)),
        "widely": list(dict.fromkeys(f.widely for f in found if f.widely)),
        "exempt": list(dict.fromkeys(e for f in found for e in f.exempt)),
        "unseen": settings()[number].get("unseen", ""),
        "thresholds": [threshold_card(number, key) for key in thresholds(number)],
        "cap": f"{cap:.0%}" + (f"（{GUESS}）" if guessed else ""),
        "precision": record.text() if record else "没有已下结论的命中",
    }


def all_cards(root: Path | str, day: date) -> list[dict[str, Any]]:
    """The card of every rule as it stands in an office on a day."""
    office = read_office(root)
    records = track_records(root, day, office)
    numbers = dict.fromkeys(str(f.rule) for f in rules_of())
    return [rule_card(number, office, day, records.get(number)) for number in numbers]


def threshold_card(rule: str, key: str) -> dict[str, Any]:
    """One threshold: its value, from when to when, and where it comes from."""
    told = tuned(rule, key)
    said = {"key": key, "name": named(rule, key), "value": setting(rule, key)}
    if told is None:
        unsaid = dict.fromkeys(("since", "until", "area"), "")
        return {**said, **unsaid, "source": source_of(rule, key)}
    return {
        **said,
        "since": told.since,
        "until": told.until,
        "area": told.area,
        "source": f"{told.source}（{'、'.join(told.by)}）",
    }


def show_rule(number: str, office: Office, day: date, record: Record | None = None) -> str:
    """A rule as text: its card, then reason, needs, measures and SQL of each grain. Raises UserError if unknown."""
    card = rule_card(number, office, day, record)
    state = f"{card['state']}" + (
        f"，自 {card['state_since']}，{'、'.join(card['state_by'])}" if card["state_since"] else ""
    )
    lines = [
        f"{card['rule']} {card['name']}",
        f"类别：{card['kind']}  规则族：{card['family']}",
        f"骗保类型：{'、'.join(card['schemes'])}  对象：{'、'.join(card['about'])}",
        f"状态：{state}（{card['state_reason']}）",
        *card["law"],
        f"服务协议条款：{card['clause']}",
        f"两库：{'；'.join(card['official']) or '无对应条目'}",
        f"金额口径：{setting(card['rule'], 'amount')} {card['amount']}",
        f"核查要问：{card['ask']}",
        f"通常可澄清：{card['clears']}",
        f"可能的正常解释：{'；'.join(card['innocent'])}",
        f"豁免：{' '.join(card['exempt']) or '无'}",
        *([f"为何命中较多：{'；'.join(card['widely'])}"] if card["widely"] else []),
        "阈值：" + ("" if card["thresholds"] else "无"),
        *(f"  {threshold_text(t)}" for t in card["thresholds"]),
        f"误报率上限：{card['cap']}",
        f"检查结果：{card['precision']}",
    ]
    if card["unseen"]:
        lines.append(f"看不到的部分：{card['unseen']}")
    lines += ["对照案例：", *(f"  {c.text()}" for c in cases_of(card["rule"]))]
    for f in rules_of([number]):
        lines += ["", *declaration_lines(f)]
    if len(office.history(card["rule"])):
        lines += ["", "本局的决定：", *history_lines(office, card["rule"])]
    return "\n".join(lines)


def threshold_text(card: dict[str, Any]) -> str:
    """A threshold on one line."""
    time = f"（{card['since']} 至 {card['until'] or '另行决定'}）" if card["since"] else ""
    area = f" 区划 {card['area']}" if card["area"] else ""
    return f"{card['key']} = {card['value']}{time}{area}  {card['name']}；出处：{card['source']}"


def history_lines(office: Office, rule: str) -> Sequence[str]:
    """Every decision of the office about a rule, in the order of writing."""
    kinds = {"state": "状态", "threshold": "阈值", "clause": "协议条款", "cap": "误报率上限"}
    return [
        f"  {e.since} {kinds[e.kind]}{' ' + e.key if e.key else ''} → {STATE_ZH.get(e.value, e.value)}"
        f"；{'、'.join(e.by)}；{e.reason}（记于 {e.at}）"
        for e in office.history(rule)
    ]


def declaration_lines(f: Feature) -> list[str]:
    """What a rule says of one grain, with its SQL."""
    windows = ", ".join("全部" if w == 0 else f"{w} 天" for w in f.windows)
    lines = [
        f"—— {GRAINS[f.grain].label}（{f.name}，{READ_ZH[f.by]}，窗口 {windows}）",
        f"理由：{f.reason}",
        f"需要：{', '.join(f.needs) or '核心表'}",
        f"计数：{_measured(f.measure)}",
        f"金额：{_measured(f.amount) if f.amount else '不计'}",
    ]
    lines += [f"同类比较：{peers_zh(f.peers)}"] if f.peers else []
    lines += ["SQL：", cleandoc(f.rows)]
    return lines + (["各桶合并后：", cleandoc(f.across)] if f.across else [])


def peers_zh(test: PeerTest) -> str:
    """The limit peers set, in words."""
    beyond = "高于" if test.side == "high" else "低于"
    if test.quantile is not None:
        limit = f"同类第 {test.quantile * 100:g} 百分位"
    elif test.times is not None:
        limit = f"同类中位数的 {test.times:g} 倍"
    else:
        limit = f"同类中位数 {'加' if test.side == 'high' else '减'} {test.z:g} 个稳健标准差"
    amount = f"；金额只计超过第 {test.excess * 100:g} 百分位的部分" if test.excess is not None else ""
    return f"{test.statistic} {beyond}{limit}（同类不足 {test.least} 个时用更大的组，仍不足则不判）{amount}"


def _measured(measure: str | GraphMeasure | CountyGraph | None) -> str:
    if isinstance(measure, CountyGraph):
        return f"全县图:{measure.column}"
    return f"{measure.function.__name__}:{measure.column}" if isinstance(measure, GraphMeasure) else str(measure)
