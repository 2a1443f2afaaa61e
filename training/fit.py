"""Labels known by a date → a model bundle for every grain, put in force and logged.

From its first confirmed case on a grain learns from findings; without any it goes by rules + outliers + graph, and says so. What was learnt is put in force where
no model is, unless it would have placed the confirmed cases lower than the list without it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from claims.errors import UserError
from features.grains import GRAINS, Grain
from features.matrix import Matrix, load_matrix
from models.amount import amounts, fund_at_stake
from models.bundle import Bundle, declarations, mismatch, write_bundle
from models.company import with_stays
from models.decided import closed_at
from models.ensemble import FALLBACK, RANKER, GrainModel, among, explained, ranker_input, raw_risk, settled, unlabelled
from models.in_force import activate, active_table, load_active, record
from models.reference_distribution import tail_of
from models.scheme import SAMPLE, often_confirmed, usual_evidence
from models.score import suspicion_of
from models.settings import SETTINGS
from models.shift import spreads
from models.worst_stays import taught_risk
from training.dataset import Rows, read_labels, training_rows
from training.fit_ranker import hard, no_calibration, parts_line, teaching, tried, with_ranker
from training.labels import decided
from training.settings import Learning, compared_cells
from training.tracking import log_fit

FITTED: Final[tuple[Grain, ...]] = tuple(g for g in GRAINS if SETTINGS[g].fitted)
"""Rings are found anew at every as-of and carry no lasting id, so nothing is fitted for them."""
GOLDEN_ROWS = 16
AS_CHOSEN: Final = Learning()
"""The settings chosen on other counties (docs/design.md §14)."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class GrainSummary:
    """What fit did for one grain: ranker or not and why, label counts, held-out figures; tried: those of each combination of settings, the best first."""

    grain: str
    ranker: bool
    confirmed: int
    refuted: int
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
    tried: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class FitSummary:
    """bundle: hash of the model written; active: whether it is in force now, for all its grains or for those `in_force`; held_back: {grain: why it is not}; run_id:
    MLflow's run, None when logging failed (see warning); standing: what is to be done before what waits serves, '' where nothing does."""

    as_of: str
    seed: int
    bundle: str
    active: bool
    grains: dict[str, GrainSummary]
    run_id: str | None = None
    warning: str = ""
    standing: str = ""
    in_force: list[str] = field(default_factory=list)
    held_back: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self)


def fit(
    warehouse: Path | str,
    as_of: date,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    threads: int = 2,
    promote: bool | None = None,
    log: bool = True,
    entered_by: str = "",
    learning: Learning = AS_CHOSEN,
) -> FitSummary:
    """Fit every grain on what was known by the end of `as_of`, and write the bundle.

    A grain of it is put in force where nothing usable is (no model yet, a damaged one, one fitted on other feature declarations: such a model makes no list) and
    its held-out figures are not worse than those of the list without findings; else it waits at the gate (training.promotion), and its list goes by the model
    in force or by no findings. promote = True or False overrides this. entered_by: whose account, for the history. learning: settings of an own file
    (training/settings.py). An MLflow failure leaves the bundle untouched
    and comes back as `warning`. UserError: no such date.
    """
    root = Path(warehouse)
    labels = read_labels(root, as_of)
    grains: dict[str, GrainModel] = {}
    golden: dict[str, pd.DataFrame] = {}
    said: dict[str, GrainSummary] = {}
    kept: dict[str, Rows] = {}
    champion = _champion(root)
    unusable: dict[str, str] = {}
    stays: tuple[pd.DataFrame, pd.Series] | None = None
    for i, grain in enumerate(FITTED):
        if progress is not None:
            progress(f"训练 {grain}", i / len(FITTED))
        matrix = load_matrix(root, as_of, grain)
        if matrix.X.empty:
            continue
        served = champion.grains.get(grain) if champion is not None else None
        if served is not None and (changed := mismatch(served, matrix)):
            unusable[grain] = changed
        if grain == "person" and stays is not None:
            matrix = replace(matrix, entities=with_stays(matrix.entities, *stays))
        model, summary, rows = fit_grain(
            root, as_of, grain, matrix, labels, seed=seed, threads=threads, progress=progress, learning=learning
        )
        grains[grain], said[grain] = model, summary
        if grain == "admission" and model.beds is not None:
            stays = (matrix.entities, taught_risk(model.beds, matrix))
        if rows is not None:
            kept[grain] = rows
            golden[grain] = rows.X.iloc[np.linspace(0, len(rows.X) - 1, min(GOLDEN_ROWS, len(rows.X))).astype(int)]
    bundle = write_bundle(root / "models", grains, golden, as_of=f"{as_of:%Y-%m-%d}", seed=seed)
    usable = set(champion.grains) - set(unusable) if champion is not None else set()
    vacant = set(said) - usable
    held_back = {} if promote else {g: worse for g in sorted(vacant) if (worse := worse_than_without(said[g]))}
    serving = [] if promote is False else sorted(said) if promote else sorted(vacant - set(held_back))
    note = f"{bundle.hash}，数据截至 {as_of:%Y-%m-%d}，种子 {seed}"
    if gone := "; ".join(f"{g}: {why}" for g, why in unusable.items()):
        note += f"; replaces a model that cannot score: {gone}"
    retired = [g for g in held_back if g in active_table(root / "models")["grains"]]
    if serving:
        first = not active_table(root / "models")["grains"]
        action = "first" if first else "fit"
        activate(
            root / "models",
            bundle.hash,
            grains=serving,
            retired=retired,
            action=action,
            entered_by=entered_by,
            note=note,
        )
    else:
        record(root / "models", "challenger", dict.fromkeys(retired, ""), entered_by=entered_by, note=note)
    summary_all = FitSummary(
        f"{as_of:%Y-%m-%d}",
        seed,
        bundle.hash,
        bool(serving),
        said,
        standing=_standing(root, as_of, bundle.hash, sorted(set(said) - set(serving)), held_back),
        in_force=serving,
        held_back=held_back,
    )
    if not log:
        return summary_all
    run_id, warning = log_fit(root, bundle, summary_all.to_json(), kept)
    if progress is not None:
        progress("训练完成", 1.0)
    return replace(summary_all, run_id=run_id, warning=warning)


def worse_than_without(said: GrainSummary) -> str:
    """Why a grain's list is better made without what findings taught, '' where the held-out cases do not say so."""
    gain = said.figures.get("gain")
    if not said.ranker or gain is None or gain >= 0.0:
        return ""
    return f"留出的{said.figures['held_out_n']}例查实，{below_line(said.figures)}：学得的名单不如不用查处结果的名单"


def below_line(figures: Mapping[str, Any]) -> str:
    """Where the held-out confirmed cases stand, by both lists."""
    return f"按学得的名单高于全体{figures['below']:.1%}，不用查处结果则{figures['fallback_below']:.1%}"


def _standing(root: Path, as_of: date, name: str, waiting: list[str], held_back: Mapping[str, str]) -> str:
    """What is not in force and why, with the two lines that put it there, as they are typed."""
    if not waiting:
        return ""
    lines = [f"{g}：未启用，{why}；名单仍按{FALLBACK}" for g, why in held_back.items()]
    compare = f"xiezhi models compare {name[:12]} --as-of {as_of:%Y-%m-%d} --warehouse {root}"
    promote = f"xiezhi models promote {name[:12]} --signed-by 甲 --signed-by 乙 --warehouse {root}"
    waits = f"挑战者，尚未启用（{'、'.join(waiting)}）：先比较，再由两人签名启用"
    return "\n".join([*lines, waits, f"  {compare}", f"  {promote}"])


def _champion(root: Path) -> Bundle | None:
    """The model in force; None where there is none or it fails its checks."""
    try:
        return load_active(root)
    except UserError:
        return None


def fit_grain(
    root: Path,
    as_of: date,
    grain: Grain,
    matrix: Matrix,
    labels: pd.DataFrame,
    *,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
    load: Callable[..., Matrix] | None = None,
    learning: Learning = AS_CHOSEN,
) -> tuple[GrainModel, GrainSummary, Rows | None]:
    """(model, summary, training rows or None) of one grain; `matrix` is its matrix at `as_of`. load: see training_rows. learning: settings of an own file."""
    known = decided(labels, grain).set_index("entity_id")["y"]
    model = replace(unlabelled(matrix, seed=seed, without=learning.without), declared=declarations(matrix))
    compared: list[dict[str, Any]] = []
    confirmed, refuted = int((known == 1).sum()), int((known == 0).sum())
    rows: Rows | None = None
    figures: dict[str, Any] = {}
    reason = f"已查实{confirmed}例、排除{refuted}例"
    if confirmed:
        rows = training_rows(root, as_of, grain, labels, model, seed=seed, progress=progress, load=load)
        inside = int((rows.info["y"][hard(rows)] == 1).sum()) if len(rows.info) else 0
        try:
            how, compared = chosen(model, rows, learning.tried(grain), seed=seed, threads=threads)
            model, figures, held_out = with_ranker(model, rows, seed=seed, threads=threads, how=how)
        except ValueError:
            reason += f"，但各快照内仅能对上查实{inside}例，无从学习：{FALLBACK}"
            rows = None
        else:
            rows = replace(rows, info=rows.info.assign(held_out=held_out))
            assert model.ranker is not None  # with_ranker has just made it
            spread = model.ranker.raw(ranker_input(matrix)).to_numpy()
            model = replace(model, tails={**model.tails, RANKER: tail_of(spread)})
            reason += f"：已从查处结果学习；{figures_line(figures)}；{parts_line(figures['parts'])}"
    else:
        reason += f"：{FALLBACK}"
    if rows is None:
        model = replace(model, calibration=no_calibration(f"已查实{confirmed}例，结论太少，暂不能给出概率"))
    figures = {k: _plain(v) for k, v in figures.items()}
    facts = {"confirmed": confirmed, "refuted": refuted, "reason": reason, "figures": figures}
    if model.ranker is not None:
        facts |= {"settings": model.ranker.settings(), "tried": compared}
    model = among(model, matrix)
    raw = raw_risk(model, matrix)
    # whoever is decided already stands on no list, so their places must not be taken from the others
    free = ~matrix.X.index.isin(closed_at(root, as_of, grain, matrix.entities).index)
    model = settled(model, matrix.entities[free], raw[free])
    some, contributions = sampled(model, matrix)
    facts["spread"] = {"as_of": f"{as_of:%Y-%m-%d}"} | spreads(
        matrix.only(list(matrix.X.index[free])), raw[free], contributions
    )
    model = replace(model, money_scale=scale_of(model, matrix, raw), facts=facts)
    if rows is not None:
        sure = rows.info.loc[teaching(rows) & (rows.info["y"] == 1).to_numpy(), "scheme"]
        model = replace(model, often=often_confirmed(sure, matrix.columns, SETTINGS[grain].by_confirmed))
    if SETTINGS[grain].by_usual:
        model = replace(model, usual=usual_evidence(contributions, some.X, some.percentile, some.columns))
    return model, GrainSummary(grain, rows is not None, confirmed, refuted, reason, figures, compared), rows


def chosen(
    model: GrainModel, rows: Rows, settings: list[dict[str, Any]], *, seed: int, threads: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(the settings to learn with, what each combination would have foretold; nothing where there is one). Raises ValueError where nothing can be learnt."""
    if len(settings) == 1:
        return settings[0], []
    compared = [{k: _plain(v) for k, v in r.items()} for r in tried(model, rows, settings, seed=seed, threads=threads)]
    return {k: compared[0][k] for k in settings[0]}, compared


def sampled(model: GrainModel, matrix: Matrix) -> tuple[Matrix, pd.DataFrame]:
    """Every n-th entity, `SAMPLE` of them at most, and what explains their raw risk."""
    some = matrix.only(list(matrix.X.index.sort_values()[:: max(1, -(-len(matrix.X) // SAMPLE))]))
    return some, explained(model, some)[0]


def scale_of(model: GrainModel, matrix: Matrix, raw: pd.Series) -> float:
    """The amount at which chance × amount counts half: the 95th percentile of the population's suspicion × amount, so lists spread over [0, 1)."""
    chance = suspicion_of(model, raw.to_numpy())
    money = amounts(model.amount, matrix.X, fund_at_stake(matrix.entities), matrix.columns)["amount_fen"].to_numpy()
    return round(float(max(np.quantile(chance * money, 0.95), 1.0)), 2) if len(money) else 1.0


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 6)
    return value


def figures_line(figures: Mapping[str, Any]) -> str:
    """What the held-out test says of a grain's list, beside the list without findings."""
    if not figures["held_out_n"]:
        return "查实太少，尚无留出检验"
    how = "晚于所见" if figures["held_out"] == "out of time" else "分组交叉"
    said = f"留出检验（{how}，{figures['held_out_n']}例查实）{below_line(figures)}"
    for name, key in (("AUC", "auc_all"), ("AP", "ap_all")):
        if np.isfinite([figures[key], figures[f"fallback_{key}"]]).all():
            said += f"，{name} {figures[key]:.3f} 对 {figures[f'fallback_{key}']:.3f}"
    return said


def summary_lines(summary: FitSummary | Mapping[str, Any]) -> list[str]:
    """One Chinese line per grain for the terminal."""
    values = summary.to_json() if isinstance(summary, FitSummary) else dict(summary)
    lines = []
    for grain, said in values["grains"].items():
        lines += [f"{grain}：{said['reason']}", *tried_lines(said["tried"])]
    return lines


def tried_lines(found: list[dict[str, Any]]) -> list[str]:
    """Combinations of settings as a table, the best first; nothing where one was given."""
    return ["  | " + " | ".join(f"{c:>8}" for c in row) + " |" for row in compared_cells(found)]
