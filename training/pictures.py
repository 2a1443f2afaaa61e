"""Pictures of a fitted ranker: SHAP beeswarm, dependence of the strongest columns, calibration, lift. Matplotlib on files, no display.

Calibration and lift use the held-out raw risk of each decided row (`rows.info["held_out"]`, made by training.fit_ranker), never the fitted one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Column, matrix_columns
from features.grains import GRAINS
from features.intervals import wilson
from models.ensemble import OWN, GrainModel, Z
from training.dataset import Rows
from training.fit_ranker import hard
from training.metrics import MIN_CASES

CHINESE = re.compile(r"cjk|sourcehan|wqy|simhei|simsun|msyh|yahei", re.IGNORECASE)
"""What the file of a font with Chinese letters is called."""
FONTS = ("Noto Sans CJK SC", "Noto Serif CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "SimHei")
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

    plt.rcParams["font.family"] = fonts(font_manager) or ["sans-serif"]
    plt.rcParams["axes.unicode_minus"] = False
    sample = rows.X.iloc[:: max(1, len(rows.X) // MOST_ROWS)]
    parts = model.ranker.contributions(sample).drop(columns="base")
    out = []
    known = matrix_columns(model.grain)  # type: ignore[arg-type]
    labels = [picture_label(c, known) for c in sample.columns]
    explanation = shap.Explanation(values=parts.to_numpy(), data=sample.to_numpy(), feature_names=labels)
    shap.plots.beeswarm(explanation, max_display=15, show=False, color_bar_label="列的取值")
    panel = plt.gca()
    panel.set_xlabel("对风险的贡献（对数几率）")
    bar = plt.gcf().axes[-1]
    bar.set_yticklabels(["低", "高"])
    panel.set_yticklabels(
        ["其余各列之和" if "other features" in t.get_text() else t.get_text() for t in panel.get_yticklabels()]
    )
    out.append(_save(plt, folder / "shap_beeswarm.png"))
    out.append(_dependence(plt, sample, parts, labels, folder))
    y, raw, random = held_out(rows)
    out.append(_calibration(plt, model, raw, y, folder))
    out.append(_lift(plt, raw, y, random, folder))
    return out


def picture_label(column: str, known: Mapping[str, Column]) -> str:
    """A column as pictures name it: whom it is about where that is a parent, its label, its window; peer-z columns are marked."""
    told = known.get(column.removeprefix(Z))
    if told is None:
        return column
    whose = f"{GRAINS[told.about].label}：" if told.parent else ""
    window = f"，近{told.window}天" if told.window else ""
    return f"{whose}{told.label}{window}{'（同类偏离）' if column.startswith(Z) else ''}"


def fonts(font_manager: Any) -> list[str]:
    """Installed fonts with Chinese letters, those of `FONTS` first: matplotlib keeps a list made when it ran first, so fonts installed since are looked for on disk."""
    if not (found := named(font_manager)):
        for path in sorted(font_manager.findSystemFonts()):
            if CHINESE.search(Path(path).name):
                font_manager.fontManager.addfont(path)
        found = named(font_manager)
    return found


def named(font_manager: Any) -> list[str]:
    """Of the fonts matplotlib knows, those with Chinese letters."""
    installed = {f.name for f in font_manager.fontManager.ttflist if CHINESE.search(Path(f.fname).name)}
    return [*(f for f in FONTS if f in installed), *sorted(installed - set(FONTS))]


def held_out(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(y, held-out raw risk, drawn by chance) of the decided rows that have one."""
    raw = rows.info["held_out"].to_numpy(dtype=float) if "held_out" in rows.info else np.full(len(rows.info), np.nan)
    mask = hard(rows) & np.isfinite(raw)
    return rows.info["y"].to_numpy()[mask], raw[mask], rows.info["random"].to_numpy(dtype=bool)[mask]


def _dependence(plt: Any, sample: pd.DataFrame, parts: pd.DataFrame, labels: list[str], folder: Path) -> Path:
    """The three strongest columns, value against contribution."""
    top = np.argsort(-np.abs(parts.to_numpy()).mean(axis=0), kind="stable")[:3]
    _, panels = plt.subplots(1, len(top), figsize=(4.2 * len(top), 3.6), squeeze=False)
    for panel, j in zip(panels[0], top, strict=True):
        panel.scatter(sample.iloc[:, j], parts.iloc[:, j], s=8, alpha=0.5)
        panel.axhline(0, color="grey", linewidth=0.8)
        panel.set_xlabel(labels[j], fontsize=8)
    panels[0][0].set_ylabel("SHAP 贡献（对数几率）")
    return _save(plt, folder / "shap_dependence.png")


def _calibration(plt: Any, model: GrainModel, raw: np.ndarray, y: np.ndarray, folder: Path) -> Path:
    """Said probability against what was found, in eight equal parts, with 95 % bars."""
    p = model.calibration.probability(model.tails[OWN].at(raw))
    plt.figure(figsize=(4.6, 4.2))
    if np.isfinite(p).any():
        bins = [b for b in np.array_split(np.argsort(p, kind="stable"), 8) if len(b)]
        x, found = np.array([p[b].mean() for b in bins]), np.array([y[b].mean() for b in bins])
        ends = np.array([wilson(float(y[b].sum()), len(b)) for b in bins])
        plt.errorbar(x, found, yerr=np.abs(ends.T - found), fmt="o-", capsize=3)
        top = float(max(x.max(), ends.max())) * 1.05
        plt.plot([0, top], [0, top], "--", color="grey")
        plt.title("校准：留出的核查结论（含有选择偏差者）")
    else:
        plt.title(model.calibration.reason, fontsize=9)
    plt.xlabel("预测概率")
    plt.ylabel("查实比例（95%区间）")
    return _save(plt, folder / "calibration.png")


def _lift(plt: Any, raw: np.ndarray, y: np.ndarray, random: np.ndarray, folder: Path) -> Path:
    """Share confirmed among the first k of the held-out cases over that among all, k = 10 to all, with a 95 % band; the random draw alone beside it."""
    plt.figure(figsize=(5.2, 4.0))
    for name, part in (("全部结论", np.ones(len(y), dtype=bool)), ("仅随机抽查", random)):
        found = y[part][np.argsort(-raw[part], kind="stable")]
        if len(found) < MIN_CASES or found.sum() < 5:
            continue
        k = np.unique(np.geomspace(10, len(found), 40).astype(int))
        hits = np.cumsum(found)[k - 1]
        ends = np.array([wilson(float(h), int(n)) for h, n in zip(hits, k, strict=True)]) / found.mean()
        line = plt.plot(k, hits / k / found.mean(), label=f"{name}（{len(found)}例，查实{int(found.sum())}）")[0]
        plt.fill_between(k, ends[:, 0], ends[:, 1], alpha=0.15, color=line.get_color())
        plt.xscale("log")
        plt.legend(frameon=False)
    plt.axhline(1, color="grey", linestyle="--")
    plt.xlabel("按风险取前 k 个")
    plt.ylabel("查实率 ÷ 平均查实率（95%区间）")
    return _save(plt, folder / "lift.png")


def _save(plt: Any, path: Path) -> Path:
    plt.tight_layout()
    plt.savefig(path, dpi=90, bbox_inches="tight")
    plt.close("all")
    return path
