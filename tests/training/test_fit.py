"""The road from labels to a model in force, on a tiny county; and what bad input does to it."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models.company import STAY
from models.ensemble import FALLBACK
from models.in_force import active_table, load_active
from models.score import score
from models.worst_stays import with_worst_stays
from serving.lists.model_shift import facts_in_force, shift_of
from tests.training.conftest import County
from training import tracking as register
from training.dataset import Rows, training_rows
from training.evaluation.evaluate import evaluate
from training.evaluation.prospective import _rate
from training.fit import fit, summary_lines
from training.fit_ranker import hard, later_than_seen, learn_beds, measured, out_of_fold


@pytest.fixture
def rows(county: County, root: Path, as_of: date) -> Rows:
    from models.ensemble import unlabelled

    return training_rows(
        root, as_of, "admission", county.labels, unlabelled(county.matrix(root, as_of, "admission")), unlabelled=200
    )


def test_fit_puts_a_model_in_force_and_says_what_it_did(county: County, root: Path, as_of: date) -> None:
    summary = fit(root, as_of, log=False)
    assert summary.grains["admission"].ranker
    assert not summary.grains["person"].ranker, "the labels are about stays"
    assert FALLBACK in summary.grains["person"].reason
    said = summary.grains["admission"]
    assert "权重" in said.reason
    assert "不用查处结果则" in said.reason, "its figures stand beside those of the list without findings"
    assert said.figures["held_out_n"] > 0
    assert said.figures["gain"] > 0
    assert active_table(root / "models")["grains"] == {"admission": summary.bundle, "person": summary.bundle}
    scored = score(county.matrix(root, as_of, "admission"), load_active(root))
    top = scored.frame["suspicion"].nlargest(40).index
    assert county.bad[top].mean() > 0.5
    assert (scored.contributions.sum(axis=1) - scored.frame["raw"]).abs().max() <= 1e-9
    json.dumps(summary.to_json())
    assert len(summary_lines(summary)) == 2
    found = facts_in_force(root, "admission")
    assert found is not None
    shift = shift_of(found, county.matrix(root, as_of, "admission"), scored)
    assert shift["as_of"] == f"{as_of:%Y-%m-%d}"
    assert shift["score"]["said"] == "stable", "the day it was fitted on, but for those decided"
    assert shift["columns"]


def test_empty_beds_alone_teach_the_bed_check(county: County, rows: Rows) -> None:
    confirmed = (rows.info["y"] == 1).to_numpy()

    def found_for(schemes: pd.Series) -> Rows:
        return type(rows)(rows.grain, rows.X, rows.tails, rows.info.assign(scheme=schemes))

    told = rows.info["scheme"]
    one = told.mask(confirmed & (np.cumsum(confirmed) > 1), "T29")
    assert learn_beds(found_for(one)) is not None, "from the first on"
    assert learn_beds(found_for(told.mask(confirmed, "T29"))) is None, (
        "what other findings teach is not said to be about beds"
    )
    assert learn_beds(found_for(told.mask(confirmed, ""))) is not None, "a finding that names no scheme may be of one"


def test_stays_found_for_the_hospitals_doings_say_nothing_of_patients(county: County, root: Path, as_of: date) -> None:
    people = county.matrix(root, as_of, "person")
    for scheme, told in (("T01", True), ("T29", False)):
        county.labels["scheme"] = np.where(county.labels["outcome"] == "confirmed", scheme, "")
        fit(root, as_of, log=False, promote=True)
        bundle = load_active(root)
        assert bundle is not None
        assert bundle.grains["admission"].ranker is not None
        assert (STAY in with_worst_stays(people, root, bundle).entities) == told


def test_same_input_same_bundle_for_any_threads(county: County, root: Path, as_of: date, tmp_path: Path) -> None:
    names = {fit(tmp_path / f"t{i}", as_of, threads=i, log=False, promote=False).bundle for i in (1, 2)}
    assert len(names) == 1
    assert fit(root, as_of, seed=1, log=False, promote=False).bundle not in names


@pytest.mark.parametrize("confirmed", [1, 3])
def test_it_learns_from_the_first_confirmed_case(county: County, root: Path, as_of: date, confirmed: int) -> None:
    """No threshold below which findings are thrown away; and one case does not turn the list upside down."""
    found = (county.labels["outcome"] == "confirmed").cumsum()
    county.labels = county.labels[(county.labels["outcome"] == "refuted") | (found <= confirmed)]
    summary = fit(root, as_of, log=False)
    assert summary.grains["admission"].ranker
    scored = score(county.matrix(root, as_of, "admission"), load_active(root))
    assert county.bad[scored.frame["suspicion"].nlargest(40).index].mean() > 0.5


def test_without_a_confirmed_case_it_falls_back(county: County, root: Path, as_of: date) -> None:
    county.labels = county.labels[county.labels["outcome"] == "refuted"]
    summary = fit(root, as_of, log=False)
    assert not summary.grains["admission"].ranker
    frame = score(county.matrix(root, as_of, "admission"), load_active(root)).frame
    assert frame["probability"].isna().all()


def test_mlflow_failure_does_not_cost_the_model(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OSError("database is locked")

    monkeypatch.setattr(register, "_client", locked)
    summary = fit(root, as_of)
    assert summary.run_id is None
    assert "MLflow" in summary.warning
    assert load_active(root).hash == summary.bundle


@pytest.mark.slow
def test_mlflow_gets_run_alias_and_no_pickle(county: County, root: Path, as_of: date) -> None:
    summary = fit(root, as_of)
    assert summary.warning == ""
    assert summary.run_id
    files = [p for p in (root / "mlflow").rglob("*") if p.is_file()]
    assert not [p for p in files if p.suffix in (".pkl", ".pickle", ".joblib")]
    assert [p for p in files if p.name == "shap_beeswarm.png"]
    _, client = register._client(root)
    version = client.get_model_version_by_alias(register.registered("admission"), "champion")
    assert version.tags["bundle"] == summary.bundle


def test_rows_hold_no_future_label(county: County, root: Path, as_of: date, rows: Rows) -> None:
    assert (
        (rows.info["snapshot"] >= rows.info["inspected_at"].dt.normalize() - pd.Timedelta(days=90))
        .where(rows.info["y"].notna(), True)
        .all()
    )
    assert rows.info.loc[~rows.info["y"].notna(), "weight"].eq(0).all()
    assert rows.X.index.is_unique
    assert rows.X.index.is_monotonic_increasing


def test_held_out_rows_are_told_apart(county: County, rows: Rows) -> None:
    found = out_of_fold(rows)
    assert measured(rows, found.raw)["auc_all"] > 0.75
    confirmed = hard(rows) & (rows.info["y"] == 1).to_numpy()
    assert found.tail[confirmed].mean() > 2, "the confirmed stand high among those nobody inspected"


def test_permuted_labels_teach_nothing(county: County, rows: Rows) -> None:
    """The leakage alarm: with shuffled outcomes the out-of-fold AUC is a coin's."""
    found = []
    for seed in range(3):
        mixed = rows.info.copy()
        known = mixed["y"].notna().to_numpy()
        mixed.loc[known, "y"] = np.random.default_rng(seed).permutation(mixed.loc[known, "y"].to_numpy())
        shuffled = type(rows)(rows.grain, rows.X, rows.tails, mixed)
        found.append(measured(shuffled, out_of_fold(shuffled, seed=seed).raw)["auc_all"])
    assert abs(np.mean(found) - 0.5) < 0.1


def test_later_cases_are_foretold_without_knowing_them(county: County, rows: Rows) -> None:
    """Out of time means out of time: dealing the later outcomes out anew changes no score of the block they are in, nor of earlier ones."""
    order = np.random.default_rng(0).permutation(len(rows.info))
    when = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(order, unit="D"), index=rows.info.index)
    dated = rows.info.assign(inspected_at=when, known_at=when + pd.Timedelta(days=3), snapshot=when)
    own = hard(rows)
    raw = later_than_seen(type(rows)(rows.grain, rows.X, rows.tails, dated)).raw
    confirmed = when[own & (rows.info["y"] == 1).to_numpy()]
    first, start = (confirmed.quantile(q, interpolation="higher") for q in (0.25, 0.75))
    assert np.isnan(raw[own & (when < first).to_numpy()]).all()
    assert measured(type(rows)(rows.grain, rows.X, rows.tails, dated), raw)["auc_all"] > 0.7
    mixed = dated.copy()
    # dealt out anew among themselves, so that the cuts stay where they are
    late = own & (when > start).to_numpy()
    mixed.loc[late, "y"] = np.random.default_rng(1).permutation(mixed.loc[late, "y"].to_numpy())
    again = later_than_seen(type(rows)(rows.grain, rows.X, rows.tails, mixed)).raw
    np.testing.assert_array_equal(raw, again)
    early = own & (when < start).to_numpy()
    mixed.loc[early, "y"] = np.random.default_rng(1).permutation(mixed.loc[early, "y"].to_numpy())
    assert not np.array_equal(
        raw, later_than_seen(type(rows)(rows.grain, rows.X, rows.tails, mixed)).raw, equal_nan=True
    )


def test_drawn_rate_covers_the_truth() -> None:
    """200 counties of 2,000 with 3 % guilty, drawn with unequal known chances: the 95 % interval covers in 95 ± 4 %."""
    r = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        bad = r.random(2000) < 0.03
        chance = r.uniform(0.05, 0.4, 2000)
        drawn = r.random(2000) < chance
        found = _rate(pd.DataFrame({"y": bad[drawn].astype(float), "selection_prob": chance[drawn]}))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= bad.mean() <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def truth_folder(county: County, folder: Path) -> None:
    folder.mkdir(parents=True)
    guilty = county.bad[county.bad > 0].index
    pd.DataFrame({"mdtrt_id": guilty, "scheme": "T01", "severity": 1.0, "amount_fen": 100_000}).to_parquet(
        folder / "admissions.parquet"
    )
    clean = county.bad[county.bad == 0].index[:60]
    pd.DataFrame({"grain": "admission", "entity_id": clean, "innocent": "N05"}).to_parquet(folder / "innocents.parquet")


def test_evaluate_with_truth_shows_everybody_side_by_side(
    county: County, root: Path, as_of: date, tmp_path: Path
) -> None:
    truth_folder(county, tmp_path / "sim" / "truth")
    result = evaluate(root, tmp_path / "sim", as_of=as_of, grains=("admission",))
    part = result["grains"]["admission"]
    names = {r["scorer"] for r in part["table"]}
    assert {"random", "largest", "rules", "isolation", "unlabelled", "plain_lightgbm", "full"} <= names
    at = {r["scorer"]: r for r in part["table"] if r["k"] == 50}
    assert at["full"]["precision"] > at["plain_lightgbm"]["precision"]
    assert at["full"]["low"] <= at["full"]["precision"] <= at["full"]["high"]
    assert part["schemes"]["T01"]["guilty"] == int(county.bad.sum())
    assert part["innocents"]["N05"]["n"] == 60
    assert part["money"]["yuan"]["oracle"] >= part["money"]["yuan"]["full"]
    json.dumps(result)


def test_evaluate_without_truth_says_when_it_cannot_say(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.evaluation import evaluate as module
    from training.evaluation.report import evaluation_text

    later = county.labels.iloc[:12].assign(y=0.0)
    monkeypatch.setattr(module, "outcomes_after", lambda *_: later)
    result = evaluate(root, as_of=as_of, grains=("admission",))
    part = result["grains"]["admission"]
    assert part["random_rate"]["value"] is None
    assert all(r["auc_all"]["value"] is None for r in part["table"])
    assert "尚无法判断" in evaluation_text(result)


def test_missing_truth_is_one_sentence(county: County, root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="真值文件夹"):
        evaluate(root, tmp_path / "nowhere")
