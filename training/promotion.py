"""A challenger replaces the champion only with a report that two people signed; going back takes one command.

The report lays the two models' lists of the same as-of date side by side: who enters, who leaves, whose scheme changed, whose reasons flipped.
Signatures name people; the trainer of a model may not approve it. Where no model is in force, a challenger is held against the list that goes by no findings.
Fitting, comparing, promoting and going back leave one entry each in models/ACTIVE.json, of the same fields: when, what, which grains, who signed, whose account, why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from claims.errors import Damaged, UserError
from claims.store.files import PRIVATE, put, read_sealed, sealed
from features.grains import GRAINS, Grain
from features.matrix import Matrix, load_matrix
from models.bundle import Bundle, load_bundle
from models.decided import closed_at
from models.ensemble import FALLBACK
from models.explain import strongest
from models.in_force import activate, active_table, load_active, probe, record
from models.score import Order, Scored, places, score_list
from models.worst_stays import with_worst_stays
from training.evaluation.side_by_side import figures
from training.evaluation.truth import load_truth
from training.metrics import best
from training.tracking import drop_alias, move_alias

SIGNATURES: Final = 2
NONE: Final = Bundle("", "", 0)
"""What a challenger is held against where no model is in force: rules, outliers and graph without findings."""
AGAIN: Final = "run `xiezhi models compare` again"
REASONS: Final = 3
FLIP: Final = 2
"""A lead's reasons flipped when at least this many of its three strongest signals are new."""


@dataclass(frozen=True)
class ListDiff:
    """Two lists of one grain at one as-of. entered, left: entity ids in order of risk; kept: in both; flipped: kept with other reasons."""

    grain: str
    as_of: str
    top: int
    entered: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0
    flipped: list[dict[str, Any]] = field(default_factory=list)
    rescheduled: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def list_diff(before: Scored, after: Scored, matrix: Matrix, as_of: str, top: int = 50) -> ListDiff:
    """Who enters, who leaves and why (rank and strongest signals in both models), whose reasons and schemes changed."""
    rank_old, rank_new = (len(s.frame) + 1 - places(s.frame) for s in (before, after))
    old, new = best(-rank_old, top), best(-rank_new, top)

    def row(entity: str) -> dict[str, Any]:
        return {
            "entity_id": entity,
            "rank_before": int(rank_old[entity]) if entity in rank_old else None,
            "rank_after": int(rank_new[entity]) if entity in rank_new else None,
            "reasons_before": _signals(before, matrix, entity),
            "reasons_after": _signals(after, matrix, entity),
        }

    kept = [e for e in new if e in set(old)]
    flipped, moved = [], []
    for entity in kept:
        told = row(entity)
        if len(set(told["reasons_after"]) - set(told["reasons_before"])) >= FLIP:
            flipped.append(told)
        schemes = (before.frame.loc[entity, "scheme"], after.frame.loc[entity, "scheme"])
        if schemes[0] != schemes[1]:
            moved.append({"entity_id": entity, "before": schemes[0], "after": schemes[1]})
    return ListDiff(
        matrix.grain,
        as_of,
        top,
        [row(e) for e in new if e not in set(old)],
        [row(e) for e in old if e not in set(new)],
        len(kept),
        flipped,
        moved,
    )


def _signals(scored: Scored, matrix: Matrix, entity: str) -> list[str]:
    if entity not in scored.contributions.index:
        return []
    named = [matrix.columns[str(c)] for c in strongest(scored.contributions, matrix.columns, entity, REASONS)["column"]]
    return [f"所属{GRAINS[c.about].label}：{c.label}" if c.parent else c.label for c in named]


def compare(
    root: Path | str,
    challenger: str,
    as_of: date,
    *,
    top: int = 50,
    order: Order = "probability",
    truth: Path | str | None = None,
    entered_by: str = "",
) -> dict[str, Any]:
    """The gate's report: per grain the label counts and out-of-fold figures of both models, both models' lists of the same dates held against what
    neither had seen (training/evaluation/side_by_side.py), and the diff of their lists as of `as_of`.

    Written to models/reports/CHAMPION-CHALLENGER.json (short hashes), sealed, and returned; the history notes that it was made. entered_by: by whose account.
    """
    root = Path(root)
    champion, other = load_active(root) or NONE, load_bundle(root / "models" / full_name(root, challenger))
    report: dict[str, Any] = {
        "as_of": f"{as_of}",
        "champion": active_table(root / "models")["grains"],
        "champion_as_of": champion.as_of,
        "challenger": other.hash,
        "challenger_as_of": other.as_of,
        "grains": {},
    }
    facts = load_truth(truth) if truth is not None else None
    for grain in sorted(other.grains):
        matrix = load_matrix(root, as_of, _grain(grain))
        held = closed_at(root, as_of, grain, matrix.entities)
        before, after = (
            score_list(with_worst_stays(matrix, root, b), b, held, order=order)[1] for b in (champion, other)
        )
        report["grains"][grain] = {
            "champion": champion.grains[grain].facts if grain in champion.grains else {"reason": FALLBACK},
            "challenger": other.grains[grain].facts,
            "figures": figures(root, champion, other, _grain(grain), as_of, order=order, truth=facts),
            "diff": list_diff(before, after, matrix, f"{as_of}", top).to_json(),
        }
    path = _report(root, champion.hash, other.hash)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, sealed(report), PRIVATE)
    against = champion.hash[:12] or "未用查处结果的名单"
    record(root / "models", "compare", entered_by=entered_by, note=f"{other.hash[:12]} 对 {against}，数据截至 {as_of}")
    return report


def _report(root: Path, champion: str, challenger: str) -> Path:
    return root / "models" / "reports" / f"{champion[:12] or 'none'}-{challenger[:12]}.json"


def challenger_bundle(root: Path | str, challenger: str) -> Bundle:
    """A challenger, verified, for a shadow list: the list it would make while the champion keeps serving."""
    return load_bundle(Path(root) / "models" / full_name(Path(root), challenger))


def promote(
    root: Path | str,
    challenger: str,
    signatures: Sequence[str],
    *,
    trainer: str = "",
    grains: list[str] | None = None,
    entered_by: str = "",
    note: str = "",
) -> str:
    """Put a challenger in force. Returns MLflow's warning, '' when its aliases moved too. entered_by: whose account typed the signatures in. note: why.

    Needs the report of `compare` against the present champion and two different signatures, neither of them the trainer's.
    """
    root = Path(root)
    name = full_name(root, challenger)
    people = signed(signatures, "启用模型")
    trainer = trainer or _trained_by(root, name)
    if trainer and trainer.strip() in people:
        raise UserError(f"审批人“{trainer}”是该模型的训练人，不能审批自己训练的模型；请换人签名。")
    champion = load_active(root) or NONE
    path = _report(root, champion.hash, name)
    if not path.exists():
        raise UserError(f"没有模型 {name[:12]} 与现用模型的对比报告；请先生成对比报告（名单差异）再审批。")
    if read_sealed(path, AGAIN)["challenger"] != name:
        raise Damaged(f"{path} is the report of another model; {AGAIN}")
    before = active_table(root / "models")["grains"]
    why = "；".join(filter(None, [f"取代 {champion.hash[:12] or '未用查处结果的名单'}", note]))
    activate(root / "models", name, grains=grains, action="promote", by=people, entered_by=entered_by, note=why)
    return _aliases(root, before)


def signed(signatures: Sequence[str], what: str) -> list[str]:
    """The names of those who sign; what: what they sign, in Chinese. UserError unless they are two different ones."""
    people = sorted({s.strip() for s in signatures if s.strip()})
    if len(people) < SIGNATURES:
        raise UserError(f"{what}需要{SIGNATURES}位不同的审批人签名，现有{len(people)}位；请补足后重试。")
    return people


def rollback(
    root: Path | str, signatures: Sequence[str], *, entered_by: str = "", note: str = ""
) -> tuple[dict[str, str], str]:
    """Put back what was in force before the last change, signed as a promotion is. Returns ({grain: hash; '' = no model}, MLflow's warning). UserError when there is
    nothing to go back to."""
    root = Path(root)
    people = signed(signatures, "退回模型")
    table = active_table(root / "models")
    previous = _before(table["history"])
    if previous is None:
        raise UserError("没有更早的模型可以退回；现用模型保持不变。")
    for name in sorted({n for n in previous.values() if n}):
        probe(root / "models" / name)
        load_bundle(root / "models" / name)
    before = table["grains"]
    changes = {g: previous.get(g, "") for g in sorted({*before, *previous})}
    record(root / "models", "rollback", changes, by=people, entered_by=entered_by, note=note)
    return changes, _aliases(root, before)


def _before(history: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """State before the last change that was not itself undone: history is replayed with rollbacks popping what they undid."""
    states: list[dict[str, str]] = [{}]
    for entry in history:
        if entry["action"] == "rollback":
            states = states[:-1] if len(states) > 1 else states
        elif entry["grains"]:
            states.append({**states[-1], **entry["grains"]})
    return {g: n for g, n in states[-2].items() if n} if len(states) > 2 else None


def _trained_by(root: Path, name: str) -> str:
    """Whose account fitted a challenger, '' where the history does not say."""
    fits = (e for e in active_table(root / "models")["history"] if e["action"] == "challenger" and name in e["note"])
    return next((str(e["entered_by"]) for e in fits), "")


def bundles(root: Path | str) -> list[dict[str, Any]]:
    """Every model on disk, newest data first: hash, as_of, seed, grains with 'ranker' or 'fallback', in_force (grains it serves), state
    ('champion', 'challenger' = fitted on later data than what is in force, 'former', 'damaged: …')."""
    root = Path(root)
    table = active_table(root / "models")
    served: set[str] = {n for entry in table["history"] for n in entry["grains"].values() if n}
    out = []
    for folder in sorted((root / "models").glob("?" * 64)):
        in_force = sorted(g for g, n in table["grains"].items() if n == folder.name)
        row: dict[str, Any] = {"hash": folder.name, "as_of": "", "seed": None, "grains": {}, "in_force": in_force}
        try:
            bundle = load_bundle(folder)
        except UserError as error:
            out.append({**row, "state": f"damaged: {error}"})
            continue
        kinds = {g: "ranker" if m.ranker is not None else "fallback" for g, m in bundle.grains.items()}
        state = "champion" if in_force else "former" if folder.name in served else "challenger"
        out.append({**row, "as_of": bundle.as_of, "seed": bundle.seed, "grains": kinds, "state": state})
    return sorted(out, key=lambda r: (r["as_of"], r["hash"]), reverse=True)


def history(root: Path | str) -> list[dict[str, Any]]:
    """Who was in force when: one entry per change, oldest first ({"at", "action", "grains", "by", "entered_by", "note"}). Only ever appended to."""
    return list(active_table(Path(root) / "models")["history"])


def full_name(root: Path, short: str) -> str:
    """The one bundle whose hash begins with `short`. UserError when none or several do."""
    found = (
        [p.name for p in (root / "models").glob(f"{short}*") if p.is_dir() and len(p.name) == 64]
        if len(short) >= 6
        else []
    )
    if len(found) != 1:
        raise UserError(f"没有唯一以“{short}”开头的模型（至少给 6 位）；可在 models 文件夹或 ACTIVE.json 中查看名称。")
    return found[0]


def _grain(name: str) -> Grain:
    return name  # type: ignore[return-value]


def _aliases(root: Path, before: Mapping[str, str]) -> str:
    """Move MLflow's alias champion where the model in force changed and has a ranker; a challenger that won is challenger no more."""
    warnings = []
    for grain, name in active_table(root / "models")["grains"].items():
        if before.get(grain) != name and load_bundle(root / "models" / name).grains[grain].ranker is not None:
            warnings += [move_alias(root, grain, name, "champion"), drop_alias(root, grain, name, "challenger")]
    return " ".join(w for w in warnings if w)
