"""What every declaration gets for free. A new declaration needs no new test file: `pytest -k NAME` runs all of this for it within seconds.

One small county, taken in as it is, cut at T, shuffled into another number of buckets, renamed, and with reversed claims added; the columns of a
declaration are compared between them. Only what the selected tests speak of is built, and what was built is kept until code changes.
"""

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.assemble import numbers
from features.bucket import evaluate
from features.declarations import load_catalog
from features.declare import REGISTRY, CountyGraph, Feature
from features.evidence import gather_evidence, numerator
from features.grains import GRAINS, Grain, Layout
from features.peers import Standing
from features.reasons import render
from tests.features.county import MOMENT, Built, T, built, only
from tests.worlds import Worlds

load_catalog()
FEATURES = list(REGISTRY.values())
every_feature = pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def twist(request: pytest.FixtureRequest, worlds: Worlds) -> Callable[[str], Built]:
    """A twist of the county by its name, with the features whose tests are selected (all of them where a test of all is)."""
    asked = [getattr(item, "callspec", None) for item in request.session.items if item.path == Path(__file__)]
    names = {spec.params["feature"].name if spec and "feature" in spec.params else None for spec in asked}
    return lambda name: built(worlds, name, None if None in names or len(names) == len(FEATURES) else names)


@pytest.fixture(scope="session")
def plain(twist: Callable[[str], Built]) -> Built:
    return twist("plain")


@pytest.fixture(scope="session")
def cut(twist: Callable[[str], Built]) -> Built:
    return twist("cut")


@pytest.fixture(scope="session")
def shuffled(twist: Callable[[str], Built]) -> Built:
    return twist("shuffled")


@pytest.fixture(scope="session")
def renamed(twist: Callable[[str], Built]) -> Built:
    return twist("renamed")


@pytest.fixture(scope="session")
def refunded(twist: Callable[[str], Built]) -> Built:
    return twist("refunded")


def evaluated(feature: Feature, county: Built) -> None:
    """Skips where the county has no table or column that the feature needs."""
    if feature.name in county.absent():
        pytest.skip(f"the test county lacks what it needs: {county.absent()[feature.name]}")


def assert_same(left: pd.DataFrame, right: pd.DataFrame, columns: list[str]) -> None:
    """The same entities with the same numbers, up to rounding of sums in another order."""
    assert left.index.equals(right.index)
    for c in columns:
        # A column one county cannot evaluate (no value of what it needs exists yet) must be without evidence in the other.
        ours, theirs = (frame[c].to_numpy() if c in frame else np.full(len(frame), np.nan) for frame in (left, right))
        if (c in left) != (c in right):
            ours, theirs = np.nan_to_num(ours), np.nan_to_num(theirs)
        wrong = np.flatnonzero(~np.isclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True))
        assert not len(wrong), [(c, left.index[k], ours[k], theirs[k]) for k in wrong[:4]]


@every_feature
def test_a_file_cut_at_t_gives_the_view_of_the_whole_file_at_t(feature: Feature, plain: Built, cut: Built) -> None:
    evaluated(feature, plain)
    assert_same(plain.values(feature.grain), cut.values(feature.grain), numbers(feature))


@every_feature
def test_row_order_and_bucket_count_change_nothing(feature: Feature, plain: Built, shuffled: Built) -> None:
    evaluated(feature, plain)
    assert_same(plain.values(feature.grain), shuffled.values(feature.grain), numbers(feature))


@every_feature
def test_renaming_ids_changes_nothing(feature: Feature, plain: Built, renamed: Built) -> None:
    evaluated(feature, plain)
    here, there = plain.values(feature.grain), renamed.values(feature.grain)
    if feature.grain == "ring":  # a ring's id is made of its members
        here, there = (f.sort_values(list(f.columns)).reset_index(drop=True) for f in (here, there))
    elif feature.grain != "doctor":
        there = there.set_axis(there.index.str.removeprefix("z"))
    assert_same(here, there, numbers(feature))


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.reversed == "net"], ids=lambda f: f.name)
def test_a_claim_and_its_full_reversal_are_no_claim_for_net(feature: Feature, plain: Built, refunded: Built) -> None:
    evaluated(feature, plain)
    assert_same(plain.values(feature.grain), refunded.values(feature.grain), numbers(feature))


Proofs = dict[tuple[str, str], tuple[float, pd.DataFrame]]


@pytest.fixture(scope="session")
def proofs(plain: Built) -> Proofs:
    """(column, entity) → (its number, its evidence rows), for two entities that each column fires on."""
    found: Proofs = {}
    for grain in sorted({REGISTRY[name].grain for name in plain.names}):
        frame = plain.values(grain)
        columns = [c for f in REGISTRY.of(grain) if f.name in plain.names for c in f.columns() if c in frame]
        wanted = [(c, str(e)) for c in columns for e in frame.index[(frame[c].fillna(0) != 0).to_numpy()][:2]]
        with only(plain.names):
            rows = gather_evidence(plain.warehouse, T, grain, wanted)
        found |= {(c, e): (float(frame.at[e, c]), rows[c, e]) for c, e in wanted}
    return found


@every_feature
def test_the_evidence_adds_up(feature: Feature, plain: Built, proofs: Proofs) -> None:
    evaluated(feature, plain)
    mine = {key: proof for key, proof in proofs.items() if key[0] in feature.columns()}
    if not mine:
        pytest.skip("it fires on nobody in the test county, so there is no evidence to add up")
    for (column, entity), (value, rows) in mine.items():
        if isinstance(feature.measure, CountyGraph):
            # The graph knows more than the rows: they are the entity's own meetings.
            assert set(rows["entity_id"]) <= {entity}
            assert len(rows) or feature.grain != "ring"
            continue
        assert np.isclose(recompute(feature, rows), value, rtol=1e-9, atol=1e-9), (column, entity)
        # A page prints only the marked rows: marks that the number does not count would hide what it is made of.
        if "hit" in rows and feature.rule is None:
            counts = f"{feature.measure} {feature.amount}"
            assert "hit" in counts or numerator(str(feature.measure)), "the marks are what the number counts"


def recompute(feature: Feature, rows: pd.DataFrame) -> float:
    """The declared measure over the evidence rows alone: no claims, no views."""
    assert not isinstance(feature.measure, CountyGraph)
    if not isinstance(feature.measure, str):
        frame = feature.measure.function(rows.sort_values(["happened_at", "row_id"], kind="stable"))
        return float(frame[feature.measure.column].iloc[0])
    with duckdb.connect() as con:
        con.execute("CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [MOMENT, MOMENT])
        con.register("evidence_rows", rows)
        return float(con.execute(f"SELECT ({feature.measure})::DOUBLE FROM evidence_rows").fetchall()[0][0])


@pytest.fixture(scope="session")
def nobody(plain: Built) -> pd.Series:
    """Every column of the features that lie in buckets, for an entity that no row speaks of."""
    warehouse = Warehouse.open(plain.warehouse)
    asked = [REGISTRY[name] for name in sorted(plain.names)]
    layouts: tuple[Layout, ...] = ("person", "institution")
    told = []
    for grain in GRAINS:
        for layout in layouts:
            features = [f for f in asked if (f.grain, f.by) == (grain, layout) and f.name not in plain.absent()]
            if features:
                with open_views(warehouse, T, layout, 0) as con:
                    con.execute("CREATE TABLE main.focus AS SELECT 'nobody' AS entity_id")
                    told.append(evaluate(con, features).iloc[0].drop("entity_id"))
    return pd.concat(told) if told else pd.Series(dtype="float64")


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.by not in ("judged", "county")], ids=lambda f: f.name)
def test_without_evidence_a_feature_is_its_declared_empty(feature: Feature, plain: Built, nobody: pd.Series) -> None:
    evaluated(feature, plain)
    for column in feature.columns():
        got = nobody[column]
        assert (np.isnan(got) and feature.empty is None) or got == feature.empty, column


@every_feature
def test_the_reason_renders(feature: Feature) -> None:
    window, side = feature.windows[0], "低于97.5%" if feature.worse == "low" else "高于97.5%"
    text = render(feature, window, Standing(3.0, 40, 1.0, below=97.5, above=97.5))
    assert "{" not in text
    assert "}" not in text
    assert any("一" <= ch <= "鿿" for ch in text)
    assert side in text or "{percentile}" not in feature.reason
    assert not re.search(r"[NT]\d\d|比特", text), "an officer reads words, not codes"
    few = render(feature, window, Standing(3.0, 9, 1.0, below=97.5, above=97.5))
    assert "97.5" not in few
    assert "同类中位" not in few, "of fewer than ten peers nothing is said but that they are too few"
    assert "同类样本不足" in few or not re.search(r"\{(peer|percentile)\}", feature.reason)


@pytest.mark.parametrize("grain", [g for g in GRAINS if g != "ring"])
def test_the_county_has_something_to_measure(grain: Grain, plain: Built, proofs: Proofs) -> None:
    frame = plain.values(grain)
    assert len(frame) > 5
    assert (frame.fillna(0) != 0).any().mean() > 0.5, f"most {grain} features never fire in the test county"
    columns = {c for f in REGISTRY.of(grain) for c in f.columns()}
    assert len({column for column, _ in proofs} & columns) > 10


@pytest.mark.parametrize("grain", GRAINS)
def test_every_number_of_a_partition_is_declared(grain: Grain, plain: Built) -> None:
    assert set(plain.values(grain).columns) == {n for f in REGISTRY.of(grain) for n in numbers(f)} - {
        n for f in REGISTRY.of(grain) if f.name in plain.absent() for n in numbers(f)
    }
