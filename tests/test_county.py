"""`import xiezhi`: what docs/api.md prints runs as printed, and gives what the command gives."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xiezhi
from features.matrix import load_matrix
from serving.lists.prepare import build_worklist
from serving.lists.schema import hits
from tests.features.county import T, built
from tests.worlds import ROOT, Worlds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(worlds: Worlds) -> Path:
    return built(worlds, "plain").warehouse


@pytest.fixture(scope="module")
def county(house: Path) -> xiezhi.County:
    return xiezhi.open(house)


def test_the_page_runs_as_printed(house: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), flags=re.S)
    names: dict[str, Any] = {}
    exec(compile(code.replace('open("W")', f"open({str(house)!r})"), "docs/api.md", "exec"), names)
    assert len(names["settlements"]) > 0
    assert set(names["people"].index) == set(names["rules"].index)
    assert len(hits(names["rows"])) == names["dossier"]["reasons"][0]["evidence"]["total"]


def test_a_table_is_what_was_known_by_then(county: xiezhi.County) -> None:
    late, early = county.table("settlements", T), county.table("settlements", T.replace(month=T.month - 1))
    assert set(early["setl_id"]) < set(late["setl_id"])
    assert early["known_at"].max() < pd.Timestamp(T)
    with pytest.raises(xiezhi.UserError, match="no table 'nothing'; it has"):
        county.table("nothing", T)


def test_the_order_is_that_of_the_list(county: xiezhi.County, house: Path) -> None:
    listed = county.rank("institution", f"{T}", 5).rows
    pd.testing.assert_frame_equal(listed, build_worklist(house, T, "institution", 5).rows)
    ranked = listed.loc[listed["slot"] == "ranked", "entity_id"]
    order = county.order("institution", T)
    assert order["risk"].is_monotonic_decreasing
    assert list(order.index[: len(ranked)]) == list(ranked)
    pd.testing.assert_frame_equal(county.features("institution", T).X, load_matrix(house, T, "institution").X)


def test_one_part_alone(county: xiezhi.County) -> None:
    """A list by one part says so, has no probability, and its reasons are that part's: all contributions of others are nothing."""
    made = county.rank("institution", T, 5, by="rules")
    assert made.facts["model"] == "仅按一项评分：rules"
    assert made.rows["probability"].isna().all()
    who = str(made.rows.sort_values("rank")["entity_id"].iloc[0])
    told = county.explain("institution", T, who, by="rules")
    assert told["raw"] == pytest.approx(told["base"] + sum(c["contribution"] for c in told["contributions"]))
    assert {c["column"].partition("__")[0].startswith("rule") for c in told["contributions"] if c["contribution"]} <= {
        True
    }
    assert list(county.order("institution", T, by="isolation").index) != list(
        county.order("institution", T, by="rules").index
    )
    with pytest.raises(xiezhi.UserError, match="has no part 'ranker'; choose one of unlabelled, rules"):
        county.order("institution", T, by="ranker")


def test_dates_are_read_or_refused_in_one_sentence(county: xiezhi.County, tmp_path: Path) -> None:
    from xiezhi.county import day, moment

    assert moment("2025-09-28") == date(2025, 9, 28)
    assert moment("2025-09-28 20:00") == datetime(2025, 9, 28, 20)
    with pytest.raises(xiezhi.UserError, match="write YYYY-MM-DD"):
        moment("28.9.2025")
    with pytest.raises(xiezhi.UserError, match="give a day"):
        day("2025-09-28 20:00")
    with pytest.raises(xiezhi.UserError, match="xiezhi intake"):
        xiezhi.open(tmp_path)


@pytest.fixture(scope="module")
def fitted(house: Path, tmp_path_factory: pytest.TempPathFactory) -> xiezhi.County:
    """The county with a model, logged to MLflow; put in force whatever its figures are."""
    import shutil

    from training.fit import fit

    root = tmp_path_factory.mktemp("fitted") / "w"
    shutil.copytree(house, root)
    done = fit(root, T, promote=True, threads=1)
    assert (done.warning, bool(done.run_id)) == ("", True)
    assert any(g.ranker for g in done.grains.values())
    return xiezhi.open(root)


def test_the_registered_model_predicts_on_what_load_matrix_returns(fitted: xiezhi.County) -> None:
    import mlflow

    from models.ensemble import tails, weighed
    from training import tracking

    bundle = fitted.model()
    assert bundle is not None
    grain = next(g for g, m in bundle.grains.items() if m.ranker is not None)
    matrix = fitted.features(grain, T)  # type: ignore[arg-type]
    with tracking._quiet():
        _, client = tracking._client(fitted.root)
        served = mlflow.pyfunc.load_model(f"models:/{tracking.registered(grain)}@champion")
        got = served.predict(matrix.table())
        with pytest.raises(Exception, match="missing inputs"):
            served.predict(matrix.X)
    model = bundle.grains[grain]
    assert list(got.index) == list(matrix.X.index)
    np.testing.assert_allclose(got["raw"], weighed(model, tails(model, matrix)), atol=1e-9)
    assert got["suspicion"].between(0, 1).all()
    assert len(served.metadata.signature.inputs) == len(served.metadata.get_input_schema().input_names())
    assert served.input_example.index.size == 2
    version = client.get_model_version_by_alias(tracking.registered(grain), "champion")
    run = client.get_run(version.run_id)
    assert run.data.tags["code_version"] == xiezhi.__version__
    assert [d.dataset.name.partition("-")[0] for d in run.inputs.dataset_inputs]
    assert run.data.params[f"{grain}.ridge"] == "30.0"
    people = set(fitted.features("person", T).X.index)
    texts = [
        p.read_text("utf-8", errors="ignore")
        for p in (fitted.root / "mlflow").rglob("*")
        if p.suffix in (".json", ".md", ".yaml")
    ]
    assert not any(number in text for text in texts for number in list(people)[:50]), "nobody is named"


def test_the_card_says_what_a_grain_goes_by(fitted: xiezhi.County) -> None:
    from training.card import card_text

    bundle = fitted.model()
    assert bundle is not None
    said = card_text(bundle)
    assert said.startswith(f"# 模型卡 {bundle.hash[:12]}")
    assert "不用查处结果的名单" in said
    assert all(f"（{g}）" in said for g in bundle.grains)


def test_the_benchmark_reads_each_part_without_a_second_pass(fitted: xiezhi.County) -> None:
    from benchmarks.accuracy_parts import lists_by_part

    found = lists_by_part(fitted, f"{T}")
    bundle = fitted.model()
    assert bundle is not None
    for grain, lists in found.items():
        taught = ["ranker"] if bundle.grains[grain].ranker is not None else []
        assert list(lists) == ["unlabelled", *bundle.grains[grain].scorers, *taught]
    whole = fitted.order("institution", T, by="isolation").index
    assert found["institution"]["isolation"] == list(whole[:300])
