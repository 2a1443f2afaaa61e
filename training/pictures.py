"""Pictures of a fitted ranker: SHAP beeswarm, dependence of the strongest column, calibration. Matplotlib on files, no display."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.ensemble import GrainModel
from training.learn import hard, linear
from training.rows import Rows

FONTS = ("Noto Sans CJK SC", "Noto Serif CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "SimHei", "DejaVu Sans")
MOST_ROWS = 500


def ranker_pictures(model: GrainModel, rows: Rows, folder: Path) -> list[Path]:
    """Write the pictures of one grain into `folder` and return their paths; [] without a ranker."""
    if model.ranker is None:
        return []
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import shap
    from matplotlib import font_manager

    installed = {f.name for f in font_manager.fontManager.ttflist}
    plt.rcParams["font.family"] = [f for f in FONTS if f in installed] or ["sans-serif"]
    plt.rcParams["axes.unicode_minus"] = False
    sample = rows.X.iloc[:: max(1, len(rows.X) // MOST_ROWS)]
    parts = model.ranker.contributions(sample).drop(columns="base")
    out = []
    explanation = shap.Explanation(values=parts.to_numpy(), data=sample.to_numpy(), feature_names=list(sample.columns))
    shap.plots.beeswarm(explanation, max_display=15, show=False)
    out.append(_save(plt, folder / "shap_beeswarm.png"))
    top = int(np.abs(parts.to_numpy()).mean(axis=0).argmax())
    plt.figure()
    plt.scatter(sample.iloc[:, top], parts.iloc[:, top], s=8, alpha=0.5)
    plt.xlabel(str(sample.columns[top]))
    plt.ylabel("SHAP 贡献（对数几率）")
    out.append(_save(plt, folder / "shap_dependence.png"))
    out.append(_calibration(plt, model, rows, folder))
    return out


def _calibration(plt: object, model: GrainModel, rows: Rows, folder: Path) -> Path:
    assert model.ranker is not None
    raw = linear(rows.tails, model.slopes, model.intercept) + model.ranker.raw(rows.X).to_numpy()
    mask = hard(rows)
    p = model.calibration.probability(raw[mask])
    plt.figure()  # type: ignore[attr-defined]
    if np.isfinite(p).any():
        y = rows.info["y"].to_numpy()[mask]
        bins = np.array_split(np.argsort(p, kind="stable"), 8)
        plt.plot([p[b].mean() for b in bins if len(b)], [y[b].mean() for b in bins if len(b)], "o-")  # type: ignore[attr-defined]
        plt.plot([0, 1], [0, 1], "--", color="grey")  # type: ignore[attr-defined]
    plt.title("校准（训练内，仅示意）" if np.isfinite(p).any() else model.calibration.reason)  # type: ignore[attr-defined]
    plt.xlabel("预测概率")  # type: ignore[attr-defined]
    plt.ylabel("查实比例")  # type: ignore[attr-defined]
    return _save(plt, folder / "calibration.png")


def _save(plt: object, path: Path) -> Path:
    plt.tight_layout()  # type: ignore[attr-defined]
    plt.savefig(path, dpi=90)  # type: ignore[attr-defined]
    plt.close("all")  # type: ignore[attr-defined]
    return path
