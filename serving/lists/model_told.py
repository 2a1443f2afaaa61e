"""What the model page shows, written down when lists are published: what each list goes by, on what it was measured, which signals move it, who was in force."""

from pathlib import Path
from typing import Any, Final

import pandas as pd

from features.grains import GRAINS
from features.matrix import Matrix
from models.ensemble import part_label
from models.explain import grouped
from models.in_force import active_table, load_active
from models.scorer import BASE
from serving.lists.plain import plain

STRONGEST: Final = 20
ACTS: Final = {
    "first": "首次启用",
    "fit": "拟合并启用",
    "challenger": "拟合备选",
    "compare": "比较",
    "promote": "投入使用",
    "rollback": "退回前一个",
}
"""What the history of models in force calls an act, in words."""


def signals_of(matrix: Matrix, contributions: pd.DataFrame) -> list[dict[str, Any]]:
    """The signals that move the raw risk of everybody ranked most: mean absolute contribution, share of entities raised, the column that names it."""
    by_signal = grouped(contributions, matrix.columns).drop(columns=[BASE], errors="ignore")
    strength = by_signal.abs().mean().sort_values(ascending=False, kind="stable").head(STRONGEST)
    own = contributions.drop(columns=[BASE], errors="ignore").abs().mean()
    names = pd.Series({c: matrix.columns[str(c)].signal for c in own.index})
    out = []
    for signal, value in strength.items():
        if not value > 0:  # NaN: a list of nobody
            break
        column = matrix.columns[str(own[names == signal].idxmax())]
        whose = f"所属{GRAINS[column.about].label}：" if column.parent else ""
        raised = float((by_signal[signal] > 0).mean())
        out.append({"label": whose + column.label, "mean": round(float(value), 6), "raised": round(raised, 4)})
    return out


def model_told(warehouse: Path) -> dict[str, Any]:
    """Per grain what is in force and how it was measured, and everything that ever was; without a model, that there is none."""
    bundle = load_active(warehouse)
    grains = {}
    for grain, model in (bundle.grains if bundle is not None else {}).items():
        facts, said = model.facts, model.calibration
        grains[grain] = {
            "label": model.label,
            "columns": len(model.columns),
            "reason": facts.get("reason", ""),
            "confirmed": facts.get("confirmed"),
            "refuted": facts.get("refuted"),
            "figures": facts.get("figures", {}),
            "weights": {part_label(name): weight for name, weight in model.weights.items()},
            "settings": facts.get("settings", {}),
            "calibration": said.reason or f"由 {said.n} 例结论（查实 {said.positives}）校准",
            "told": {k: list(v) for k, v in said.told.items()},
        }
    history = active_table(warehouse / "models")["history"]
    hash_, day = (bundle.hash, bundle.as_of) if bundle is not None else ("", "")
    told: dict[str, Any] = plain({"hash": hash_, "as_of": day, "grains": grains, "history": history})
    return told
