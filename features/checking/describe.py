"""A rule as an officer reads it: text, thresholds, exemptions, SQL of each grain."""

from inspect import cleandoc

from features.checking.hits import rules_of
from features.declare import CountyGraph, GraphMeasure, PeerTest
from features.grains import GRAINS
from features.thresholds import setting, settings, thresholds

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


def show_rule(number: str) -> str:
    """A rule as text: name, thresholds, exemptions, amount basis, SQL of each grain. Raises UserError if unknown."""
    number = number.upper()
    found = rules_of([number])
    first = found[0]
    basis = setting(number, "amount")
    lines = [
        f"{number} {setting(number, 'name')}",
        f"类别：{KIND_ZH[first.kind]}（{first.kind}）  骗保类型：{first.scheme}  规则族：{first.family}",
        f"两库：{setting(number, 'library') or '无对应条目'}",
        "阈值：" + ("；".join(f"{k} = {v}" for k, v in thresholds(number).items()) or "无"),
        "豁免：" + (" ".join(dict.fromkeys(e for f in found for e in f.exempt)) or "无"),
        f"金额口径：{basis} {AMOUNT_ZH.get(basis, '')}",
        f"可能的正常解释：{first.innocent}",
    ]
    if unseen := settings()[number].get("unseen"):
        lines.append(f"看不到的部分：{unseen}")
    for f in found:
        windows = ", ".join("全部" if w == 0 else f"{w} 天" for w in f.windows)
        lines += [
            "",
            f"—— {GRAINS[f.grain].label}（{f.name}，{READ_ZH[f.by]}，窗口 {windows}）",
            f"理由：{f.reason}",
            f"需要：{', '.join(f.needs) or '核心表'}",
            f"计数：{_measured(f.measure)}",
            f"金额：{_measured(f.amount) if f.amount else '不计'}",
        ]
        lines += [f"同类比较：{peers_zh(f.peers)}"] if f.peers else []
        lines += ["SQL：", cleandoc(f.rows)]
        lines += ["各桶合并后：", cleandoc(f.across)] if f.across else []
    return "\n".join(lines)


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
