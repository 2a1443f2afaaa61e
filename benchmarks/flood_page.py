"""The flood table as Markdown, and its check: who hits more innocents than a rule may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from features.checking.hits import rules_of
from features.declare import Feature

Record = dict[str, Any]
GRAIN: Final = {"admission": "stay", "person": "person", "institution": "unit", "doctor": "doctor"}
SHARE: Final = {"admission": 0.02, "person": 0.02, "institution": 0.10, "doctor": 0.10}
"""Largest share of innocents that a rule may hit."""
HARD: Final = 0.005


def limit(f: Feature, innocents: int) -> int:
    """How many of so many innocents the rule may hit; one is no share of a few."""
    return max(1, int((HARD if f.kind == "hard" else SHARE[f.grain]) * innocents))


def above(f: Feature, record: Record) -> bool:
    """Whether the rule hits more innocents of that world than it may."""
    found = record["rules"].get(f.name)
    return found is not None and found["innocent"] > limit(f, record["grains"][f.grain]["innocent"])


def too_wide(records: Sequence[Record]) -> list[str]:
    """A sentence for each rule and world above the limit whose declaration does not say why."""
    said = []
    for f in rules_of():
        for r in records:
            if above(f, r) and not f.widely:
                hit, all_ = r["rules"][f.name]["innocent"], r["grains"][f.grain]["innocent"]
                said.append(
                    f"{f.rule} {f.name} ({f.kind}) hits {hit} of {all_} innocents of grain {f.grain} in {r['world']}"
                )
    return said


def page(records: Sequence[Record]) -> str:
    """The whole page, a line a rule declaration, grain by grain."""
    lines = [
        "# Whom the rules hit",
        "",
        "    python -m benchmarks.flood --shared SHARED",
        "",
        f"Commit {', '.join(dict.fromkeys(r['commit'] for r in records))}. Hits among guilty and innocent, by a truth that is opened for counting only; guilty is whoever took part in",
        "anything up to the evening; stays of guilty persons, stays and doctors of guilty units are theirs. *Innocent* is innocent of all schemes: a rule that finds a breach in the letter (a price above its cap) finds it with them too.",
        "Limits: 2 % of innocent persons and stays, 10 % of innocent units and doctors, 0.5 % for a hard rule (明确违规); one hit is never too many.",
        "**Bold** is above the limit; the reason stands beside it. – : 不可评估 there (a table or column is missing).",
        "",
    ]
    lines += [f"{r['world']} {r['date']}: " + ", ".join(_of(r, g) for g in r["grains"]) + "." + "\n" for r in records]
    worlds = [r["world"] for r in records]
    for grain, name in GRAIN.items():
        lines += [
            f"## {name.capitalize()}s",
            "",
            f"| rule | kind | {' | '.join(worlds)} | why so many |",
            "|---" * (3 + len(worlds)) + "|",
        ]
        for f in (f for f in rules_of() if f.grain == grain and f.by != "county"):
            cells = [_cell(f, r) for r in records]
            why = f.widely if any(above(f, r) for r in records) else ""
            lines.append(
                f"| {f.rule} {f.label.removeprefix(f'{f.rule} ')} `{f.name}` | {f.kind} | {' | '.join(cells)} | {why} |"
            )
        lines.append("")
    return "\n".join(lines) + "\n"


def _of(record: Record, grain: str) -> str:
    found = record["grains"][grain]
    return f"{found['innocent']:,} innocent and {found['guilty']:,} guilty {GRAIN[grain]}s"


def _cell(f: Feature, record: Record) -> str:
    found = record["rules"].get(f.name)
    if found is None:
        return "–"
    innocents = record["grains"][f.grain]["innocent"]
    share = f" ({100 * found['innocent'] / innocents:.1f} %)" if found["innocent"] and innocents else ""
    said = f"{found['guilty']} + {found['innocent']}{share}"
    return f"**{said}**" if above(f, record) else said
