"""docs/codes.md: every code set the product reads or writes, with its Chinese meaning, from the registries."""

from __future__ import annotations

from collections.abc import Iterable

from claims.intake.quarantine import REASONS
from claims.schema.code_tables import CODE_TABLES, CodeTable
from claims.schema.codes import is_inpatient
from claims.schema.innocents import INNOCENTS
from claims.schema.outcomes import OUTCOMES, PRESENCE, Outcome
from features.declare import Feature
from features.grains import GRAINS, SCHEMES
from features.thresholds import settings

HEAD = """# 编码 codes

Every code set the product reads or writes. Codes are text: a zero in front is kept. A code of no table is kept as it
is, and so is its row; where `med_type`, `med_chrgitm_type` or `hosp_lv` carries codes nobody mapped, the list says so
from 2 % of rows on and is not made from 50 % on. A bureau's own codes go into its mapping
([mapping.md](mapping.md)); "also written" are words `xiezhi mapping suggest` knows.
"""
KINDS = {
    "hard": ("明确违规", "deterministic on the data as given; still looked at by two people"),
    "lead": ("疑点线索", "suspicion only"),
    "KPI": ("指标", "a statistic of a unit: where to look"),
    "DQ": ("数据质量", "a defect of the data: never a suspicion, switches other rules off"),
}
AMOUNTS = {
    "M-LINE": "符合政策范围金额之和（缺则明细总额）of the flagged lines",
    "M-EXC": "the excess share of M-LINE",
    "M-STAY": "fund paid for the stay",
    "M-SETL": "fund and account paid of the flagged settlements",
    "M-ACCT": "account paid",
    "M-GAP": "excess over what peers lead to expect, marked 推算",
    "M-0": "none",
}
TRAINING = {
    "confirmed": "teaches as guilty",
    "refuted": "teaches as clear",
    "error": "its own class",
    "missing": "missing, never negative",
}


def codes_page(registry: Iterable[Feature]) -> str:
    """The page, section by section."""
    parts = [HEAD, "\n## What columns hold\n"]
    parts += [_table(table) for table in CODE_TABLES if table.zh not in ("核查结论", "查床结果")]
    parts.append(
        "\n## Classes of visits: 就诊大类 `visit_class`\n\nMade at intake from `med_type` and `fixmedins_type`.\n"
    )
    parts.append(_classes())
    parts.append("\n## Findings: 核查结论 `outcome_code`\n")
    parts.append(_outcomes(OUTCOMES, "核查结论"))
    parts.append("\n## Bed checks: 查床结果 `result_code`\n")
    parts.append(_outcomes(PRESENCE, "查床结果"))
    parts.append("\n## Grains 粒度\n\n| grain | 中文 |\n|---|---|\n")
    parts[-1] += "\n".join(f"| `{name}` | {grain.label} |" for name, grain in GRAINS.items()) + "\n"
    parts.append(
        "\n## Schemes 骗保类型 `typology_code`\n\n| code | 中文 | rules |\n|---|---|---|\n" + _schemes(registry)
    )
    parts.append(
        "\n## Innocents: who looks guilty and is not\n\n| code | 中文 | looks like | shown by |\n|---|---|---|---|\n"
    )
    parts[-1] += "\n".join(f"| {c} | {' | '.join(told)} |" for c, told in INNOCENTS.items()) + "\n"
    parts.append("\n## Rules: kinds and amounts\n\n| kind | 中文 | meaning |\n|---|---|---|\n")
    parts[-1] += "\n".join(f"| {k} | {zh} | {what} |" for k, (zh, what) in KINDS.items())
    parts[-1] += "\n\n| amount at risk 疑点金额 | what is summed |\n|---|---|\n"
    parts[-1] += "\n".join(f"| {k} | {v} |" for k, v in AMOUNTS.items())
    parts.append(
        "\n\nPeers: stays of one diagnosis (first three characters), level and class of visit; institutions of one "
        "level, type and area. z = (x − median) / (1.4826 · MAD); fewer than ten peers: 样本不足. Rules of one family "
        "count once, with the family's maximum; families are joined by noisy-OR. Inspections speak of a rule's "
        "precision from five decided cases on. Each rule with its SQL: [rules.md](rules.md).\n"
    )
    parts.append("\n## Why a row is set aside 隔离原因\n\n| code | 中文 | meaning |\n|---|---|---|\n")
    parts[-1] += "\n".join(f"| {c} | {zh} | {en} |" for c, (zh, en) in REASONS.items()) + "\n"
    parts.append(
        "\n## Diagnosis families of the rules\n\nICD-10 as regular expressions "
        "(`features/thresholds.toml`, `[sets]`).\n\n"
        "| family | codes |\n|---|---|\n"
    )
    families = {k: v for k, v in settings()["sets"].items() if isinstance(v, str)}
    parts[-1] += "\n".join(f"| {k} | `{v.replace('|', '¦')}` |" for k, v in families.items()) + "\n"
    return "\n".join(parts)


def _table(table: CodeTable) -> str:
    columns = "、".join(f"`{c}`" for c in table.columns)
    head = f"### {table.zh} {columns}\n\n" + (f"{table.note}.\n\n" if table.note else "")
    rows = [f"| {c.code} | {c.zh}{f' → {c.klass}' if c.klass else ''} | {', '.join(c.words)} |\n" for c in table.codes]
    return f"{head}| code | 中文 | also written |\n|---|---|---|\n{''.join(rows)}"


def _classes() -> str:
    med = next(t for t in CODE_TABLES if "med_type" in t.columns)
    of = {klass: [c for c in med.codes if c.klass == klass] for klass in dict.fromkeys(c.klass for c in med.codes)}
    rows = []
    for klass, codes in (of | {"unknown": []}).items():
        zh, stay = codes[0].zh if codes else "未归类", "是" if is_inpatient(klass) else "否"
        rows.append(f"| `{klass}` | {zh} | {stay} | {', '.join(c.code for c in codes)} |")
    return "| class | 中文 | a stay | codes |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _outcomes(outcomes: dict[str, Outcome], title: str) -> str:
    words = {c.code: c.words for t in CODE_TABLES if t.zh == title for c in t.codes}
    return "| code | 中文 | also written | what it teaches |\n|---|---|---|---|\n" + "".join(
        f"| {code} | {o.zh} | {', '.join(words.get(code, ()))} | {TRAINING[o.klass]} |\n"
        for code, o in outcomes.items()
    )


def _schemes(registry: Iterable[Feature]) -> str:
    of: dict[str, set[str]] = {}
    for feature in registry:
        for scheme in feature.schemes:
            if feature.rule:
                of.setdefault(scheme, set()).add(feature.rule)
    return "\n".join(f"| {code} | {zh} | {' '.join(sorted(of.get(code, ())))} |" for code, zh in SCHEMES.items()) + "\n"
