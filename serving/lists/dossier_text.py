"""A dossier in words, for the terminal; a published one is told without what makes one (serving/lists/dossier.py)."""

from collections.abc import Mapping
from typing import Any

from serving.lists.schema import DISCLAIMER, TABLES


def finding_text(found: Mapping[str, Any]) -> str:
    """What a dossier says of an earlier conclusive finding: that newer activity brought the suspect back, or that nothing did."""
    if not found.get("finding"):
        return ""
    if found.get("returning"):
        return f"复现：{found['finding']}；以下只计检查期之后的情况"
    return f"已有结论：{found['finding']}；此后没有新的情况，不列入名单"


def money_text(found: Mapping[str, Any]) -> str:
    """How much, in words: the sum, its three parts, which money, from when to when."""
    if not found["amount_yuan"]:
        return "；".join(filter(None, ("疑点金额：—", found["amount_note"])))
    parts = (("明确可追", "certain_yuan"), ("需核实", "check_yuan"), ("推算", "estimate_yuan"))
    told = "，".join(f"{name} {found[key]:,.2f}" for name, key in parts if found[key])
    where = "，".join(filter(None, (found["amount_basis"], found["amount_period"], found["amount_note"])))
    return f"疑点金额：{found['amount_yuan']:,.2f} 元（{told}" + (f"；{where}）" if where else "）")


def explain_text(found: Mapping[str, Any]) -> str:
    """A dossier as plain text for the terminal: who, what, how much, why, the claim rows, what could clear them, and the score last."""
    lines = [
        f"{found['grain_zh']} {found['entity_id']}　数据截至 {found['as_of']}　{DISCLAIMER}",
        f"疑点类型：{found['scheme_zh'] or '—'}　{money_text(found)}",
    ]
    why_not = found.get("why_not", [])
    said = [*why_not, "" if why_not and not found.get("returning") else finding_text(found)]
    lines += filter(None, [*said, found.get("listed_for", ""), found.get("earlier_findings", "")])
    for i, r in enumerate(found["reasons"], start=1):
        evidence = r["evidence"]
        lines += [
            "",
            f"{i}. {r['text']}",
            f"   贡献 {r['contribution']:+.4f}　可能的合理解释：{r['innocent']}",
            f"   记录 {evidence['total']} 行",
        ]
        lines += [
            "   "
            + "　".join(
                f"{row[c]:,.2f}元" if c == "yuan" else TABLES.get(str(row[c]), str(row[c]))
                for c in ("happened_at", "row_table", "row_id", "yuan")
                if row.get(c) is not None
            )
            for row in evidence["rows"][:20]
        ]
        if evidence["total"] > 20:
            lines.append(f"   …… 另有 {evidence['total'] - 20} 行，见 --json 或工作簿")
    total = found["base"] + sum(c["contribution"] for c in found["contributions"])
    lines += [
        "",
        f"贡献合计：基线 {found['base']:+.4f} + {len(found['contributions'])} 项 = {total:.6f}（原始分 {found['raw']:.6f}）",
    ]
    lines += [f"   {c['contribution']:+.4f}　{c['label']}（{c['column']}）" for c in found["contributions"][:12]]
    lines += [f"数据质量：{n['text']}" for n in found["notes"]]
    return "\n".join(lines)
