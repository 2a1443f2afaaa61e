"""检查前简报 of every unit, made with the week it is published in: what the lists say of the unit, in sentences whose numbers can be counted again, and what to do there
(inspection/brief.py, inspection/tasks.py). Page and document print it as it stands here; personal numbers are masked already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from claims.shown_text import mask
from claims.store.files import SEAL
from claims.store.warehouse import Warehouse
from features.grains import SCHEMES
from inspection.brief import DAYS, RECEIPT_DAYS, Facts, load_facts, unit_facts
from inspection.normal import Gap
from inspection.tasks import Task, tasks_of
from serving.lists.plain import plain
from serving.lists.prepare import Prepared
from serving.lists.schema import DISCLAIMER, NAMES

LEADS, ASKED, RULED_OUT, LOOKED_AT, PAPERS, COMPARED = 4, 5, 4, 3, 3, 8
"""At most so many of each: a brief is two pages."""
LONGEST, SHORT = 110, 40
"""Characters of a question or an innocent explanation, and of what it rests on."""
SAME: Final = (
    "次数、人数和金额的口径：本地已结算、冲正对冲后的净额；住院按出院日，门诊和购药按结算日，手工报销不计；人数按月去重"
)


def briefs_of(warehouse: Path, as_of: date, made: Mapping[str, Prepared], units: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:  # fmt: skip
    """A brief a unit, by code, as plain values."""
    facts = load_facts(warehouse, as_of)
    seed = f"{as_of.isoformat()}-{Warehouse.open(warehouse).manifest[SEAL][:12]}"
    found = _leads_by_unit(made)
    return {code: plain(brief(code, unit, facts, found.get(code, []), seed)) for code, unit in units.items()}


def _leads_by_unit(made: Mapping[str, Prepared]) -> dict[str, list[dict[str, Any]]]:
    """Unit → rows of this week about it (list, its dossier beside), its own first and then by amount. Tonight's bed check tells of beds, not of the unit."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, one in made.items():
        if name == "bedcheck":
            continue
        for row in one.worklist.rows.to_dict(orient="records"):
            entity = str(row["entity_id"])
            for code in {str(row.get("fixmedins_code") or ""), entity if name == "institution" else ""} - {""}:
                told = {str(k): v for k, v in row.items()} | {"list": name, "dossier": one.dossiers.get(entity, {})}
                found.setdefault(code, []).append(told)
    return {
        code: sorted(rows, key=lambda r: (r["list"] != "institution", -float(r["amount_at_risk_yuan"]), r["lead"]))
        for code, rows in found.items()
    }


def brief(code: str, unit: Mapping[str, Any], facts: Facts, leads: list[dict[str, Any]], seed: str) -> dict[str, Any]:
    """One unit's. unit: as serving/lists/units.py has it."""
    mine = unit_facts(facts, code, seed)
    tasks = list(_tasks(leads))
    return {
        "code": code,
        **{k: unit.get(k) for k in ("name", "kind", "level", "area", "beds", "peer_group")},
        "as_of": facts.as_of.isoformat(),
        "disclaimer": DISCLAIMER,
        "story": [_money_story(unit.get("gap") or {}), _lead_story(leads), _stay_story(mine)],
        "compared": _compared(unit, mine, leads)[:COMPARED],
        "leads": [_lead(r) for r in leads[:LEADS]],
        "leads_in_all": len(leads),
        "ask": _said(tasks, "ask", ASKED),
        "innocent": _said(tasks, "innocent", RULED_OUT),
        "equipment": _said(tasks, "equipment", LOOKED_AT),
        "papers": _said(tasks, "papers", PAPERS),
        **{k: mine[k] for k in ("charts", "shelves", "months", "fields")},
        "same": SAME,
        "unevaluated": facts.unevaluated,
    }


def _tasks(leads: Iterable[Mapping[str, Any]]) -> Iterable[Task]:
    """What the unit's own lead asks for, then the dearest of its stays and doctors; persons are asked at home."""
    for row in leads:
        if row["list"] != "person" and row["list"] != "ring":
            for task in tasks_of(row["dossier"]):
                whom = {"doctor": f"医师 {row['entity_id']}", "admission": f"住院 {row['entity_id']} 的主管医师与当班护士"}.get(row["list"])  # fmt: skip
                named = f"问{whom}：{task.text.partition('：')[2]}" if whom and task.kind == "ask" else task.text
                yield replace(task, text=named)


def _said(tasks: Iterable[Task], kind: str, most: int) -> list[dict[str, str]]:
    """Text and basis, each once; a basis that the text repeats is left out."""
    found: dict[str, dict[str, str]] = {}
    for task in tasks:
        if task.kind == kind:
            again = task.basis.partition(" ")[2] or task.basis
            basis = "" if again in task.text or task.basis in task.text else _short(task.basis, SHORT)
            found.setdefault(task.text, {"text": _short(task.text, LONGEST), "basis": basis})
    return list(found.values())[:most]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _lead(row: Mapping[str, Any]) -> dict[str, Any]:
    entity = str(row["entity_id"])
    return {
        "list": row["list"],
        "list_zh": NAMES.get(row["list"], row["list"]),
        "lead": int(row["lead"]),
        "entity": mask(entity) if row["list"] == "person" else ("" if row["list"] == "ring" else entity),
        "scheme": SCHEMES.get(str(row.get("scheme") or ""), ""),
        "amount_yuan": row["amount_at_risk_yuan"],
        "reason": row["reason_1"] or "",
    }


NORMAL = "xiezhi normal 可重算；推算，非认定"
"""Source of the sentence that compares a hospital's stays with those of its level by age, diagnosis and operation."""


def adjusted(brief: Mapping[str, Any]) -> str:
    """That sentence of a published brief; '' where there is none."""
    return next((str(s["text"]) for s in brief["story"] if s["source"] == NORMAL), "")


def _money_story(gap: Mapping[str, Any]) -> dict[str, str]:
    source = "本机构近 12 个自然月的结算（住院按出院日），就诊类别未归类的除外，逐笔相加"
    if not gap:
        return {"text": "近 12 个月没有可比的就诊。", "source": source}
    text = f"近 12 个月就诊 {gap['visits']:,} 次，基金和个人账户支付 {gap['own_yuan']:,.2f} 元"
    if gap.get("normal_yuan") is None:
        return {"text": f"{text}；同类只有 {gap.get('n', 0)} 家，样本不足，不作比较。", "source": source}
    more = "多" if gap["gap_yuan"] >= 0 else "少"
    text += f"；同样的就诊按同类中位机构应为 {gap['normal_yuan']:,.2f} 元，{more} {abs(gap['gap_yuan']):,.2f} 元（同类 {gap['n']} 家）。"
    return {"text": text, "source": source}


def _lead_story(leads: list[dict[str, Any]]) -> dict[str, str]:
    if not leads:
        return {"text": "本期名单上没有本机构的线索；此次检查出于抽查、覆盖或举报。", "source": "本期各名单"}
    first = leads[0]
    money = first["amount_at_risk_yuan"]
    if first["list"] == "institution":
        certain = f"（其中明确可追 {first['certain_yuan']:,.2f} 元）" if first["certain_yuan"] else ""
        much = f"疑点金额 {money:,.2f} 元{certain}" if money else "疑点金额未作估计"
        text = f"本期机构名单第 {first['lead']} 号，{much}：{first['reason_1'] or '无突出理由'}；证据 {first['evidence_rows']} 行。"
        return {"text": text, "source": f"机构名单第 {first['lead']} 号的证据行，逐行相加"}
    kinds = "、".join(f"{NAMES.get(g, g)} {sum(r['list'] == g for r in leads)} 条" for g in dict.fromkeys(r["list"] for r in leads))  # fmt: skip
    most = f"其中疑点金额最大的 {money:,.2f} 元" if money else "都未作金额估计，其中第一条"
    text = (
        f"本期名单上有本机构的{kinds}，{most}：{first['reason_1'] or '无突出理由'}；证据 {first['evidence_rows']} 行。"
    )
    return {"text": text, "source": f"{NAMES.get(first['list'], '')}名单第 {first['lead']} 号的证据行，逐行相加"}


def _stay_story(mine: Mapping[str, Any]) -> dict[str, str]:
    normal, shelf = mine["normal"], (mine["shelves"]["rows"] or [None])[0]
    if normal and normal["cost"]:
        c, parts = Gap(**normal["cost"]), normal["parts"]
        text = f"近 {DAYS} 天 {normal['stays']} 例可比住院费用 {c.actual:,.2f} 元，同级 {normal['peers']} 家医院同龄、同病、同术预期 {c.expected:,.2f} 元，相差 {c.gap:+,.0f} 元（80% 区间 {c.low:,.0f} 至 {c.high:,.0f}，{c.sure}），住院日占 {parts['longer']:+,.0f} 元、日均费用占 {parts['dearer']:+,.0f} 元"
        if normal["jump"]:
            j = Gap(**normal["jump"])
            text += f"；与本院此前相比 {j.gap:+,.0f} 元（{j.low:,.0f} 至 {j.high:,.0f}）"
        return {"text": text + "。", "source": NORMAL}
    if mine["charts"]["of"] and mine["charts"]["kind"] == "病历":
        told = (normal or {}).get("text") or "样本不足"
        return {"text": f"近 {DAYS} 天住院 {mine['charts']['of']} 例、费用 {mine['charts']['yuan']:,.2f} 元；{told}。", "source": "本机构已结算住院，逐例相加"}  # fmt: skip
    if shelf:
        usual = "" if shelf["usual"] is None else f"（同类中位 {shelf['usual']:.1%}）"
        text = f"近 {DAYS} 天药品耗材中“{shelf['name']}”金额最突出：结算 {shelf['yuan']:,.2f} 元，占 {shelf['share']:.1%}{usual}。"
        return {"text": text, "source": "本机构该编码的费用明细，逐行相加"}
    return {"text": f"近 {RECEIPT_DAYS} 天有收费 {mine['charts']['of']} 笔、{mine['charts']['yuan']:,.2f} 元。", "source": "本机构结算，逐笔相加"}  # fmt: skip


def _compared(unit: Mapping[str, Any], mine: Mapping[str, Any], leads: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What, own figure, that of peers, and how many they are; of fewer than ten peers a lead says 样本不足."""
    rows = []
    gap, normal = unit.get("gap") or {}, mine["normal"] or {}
    if gap.get("normal_yuan") is not None:
        rows.append(("基金和账户支付（元，12 个月）", f"{gap['own_yuan']:,.0f}", f"{gap['normal_yuan']:,.0f}（中间一半 {gap['low_yuan']:,.0f} 至 {gap['high_yuan']:,.0f}）", f"{gap['n']} 家"))  # fmt: skip
    if normal.get("cost"):
        n, peers = normal["stays"], f"同级 {normal['peers']} 家"
        c, d, a = (Gap(**normal[k]) for k in ("cost", "nights", "admissions"))
        rows += [
            ("次均住院费用（元）", f"{c.actual / n:,.0f}", f"{c.expected / n:,.0f}（同病种预期）", peers),
            ("平均住院日", f"{d.actual / n:.1f}", f"{d.expected / n:.1f}（同病种预期）", peers),
            ("住院例数（按服务人数）", f"{a.actual:,.0f}", f"{a.expected:,.0f}（80% 区间差 {a.low:+,.0f} 至 {a.high:+,.0f}）", peers),
            ("病情结构（越大越重）", f"{normal['severity']:.2f}", "1.00（同级平均）", peers),
        ]  # fmt: skip
    own: Mapping[str, Any] = next((r["dossier"] for r in leads if r["list"] == "institution"), {})
    for p in own.get("peers") or []:
        usual = "样本不足" if p.get("median") is None else _figure(p["median"], p["unit"])
        rows.append((str(p["label"]), _figure(p["value"], p["unit"]), usual, f"{p['n']} 家"))
    return [dict(zip(("what", "own", "usual", "peers"), row, strict=True)) for row in rows]


def _figure(value: Any, unit: str) -> str:
    if value is None:
        return "—"
    return f"{value:.1%}" if unit == "%" else f"{value:,.4g}{unit}" if abs(value) < 1e4 else f"{value:,.0f}{unit}"
