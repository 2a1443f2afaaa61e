"""What every declaration gets for free. A new declaration needs no new test file.

One small county, taken in as it is, cut at T, shuffled, renamed, with reversed claims added, and in another number of buckets; the partitions of
all grains are compared column by column.
"""

from datetime import date, datetime, time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.bucket import evaluate
from features.build import build
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature
from features.evidence import gather_evidence
from features.grains import GRAINS, Grain
from features.reasons import render
from tests.features import county

load_catalog()
FEATURES = list(REGISTRY.values())
T = date(2026, 8, 15)
MOMENT = datetime.combine(T, time(23, 59, 59, 999999))
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.make_county(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="session")
def plain(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.build_twist(source, tmp_path_factory.mktemp("plain"), None, T, MOMENT, buckets=2)


def values(house: Path, grain: Grain) -> pd.DataFrame:
    return build(house, T, grain).values()


def assert_same(left: pd.DataFrame, right: pd.DataFrame, columns: list[str] | None = None) -> None:
    """Equal to rounding of sums in another order; names the columns that differ."""
    columns = columns if columns is not None else sorted({*left.columns, *right.columns})
    assert list(left.index) == list(right.index)
    # A column one county cannot evaluate (no value of what it needs exists yet) must be without evidence in the other.
    one_sided = [c for c in columns if (c in left) != (c in right)]
    for c in one_sided:
        assert ((left if c in left else right)[c].fillna(0) == 0).all(), (
            f"{c} is absent on one side and not empty on the other"
        )
    columns = [c for c in columns if c not in one_sided]
    wrong = [c for c in columns if not np.allclose(left[c], right[c], rtol=1e-9, atol=1e-9, equal_nan=True)]
    assert not wrong, f"{len(wrong)} columns differ: {wrong[:12]}"


def test_the_county_has_something_to_measure(plain: Path) -> None:
    for grain in GRAINS:
        if grain != "ring":
            frame = values(plain, grain)
            assert len(frame) > 5
            assert (frame.fillna(0) != 0).any().mean() > 0.5, f"most {grain} features never fire in the test county"


@pytest.mark.parametrize("grain", GRAINS)
def test_a_file_cut_at_t_gives_the_view_of_the_whole_file_at_t(
    grain: Grain, source: Path, plain: Path, cut_house: Path
) -> None:
    assert_same(values(plain, grain), values(cut_house, grain))


@pytest.fixture(scope="session")
def cut_house(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.build_twist(source, tmp_path_factory.mktemp("cut"), county.cut, T, MOMENT, buckets=2)


@pytest.fixture(scope="session")
def shuffled(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.build_twist(source, tmp_path_factory.mktemp("shuffled"), county.shuffle, T, MOMENT, buckets=1)


@pytest.mark.parametrize("grain", GRAINS)
def test_row_order_and_bucket_count_change_nothing(grain: Grain, plain: Path, shuffled: Path) -> None:
    assert_same(values(plain, grain), values(shuffled, grain))


@pytest.fixture(scope="session")
def renamed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.build_twist(source, tmp_path_factory.mktemp("renamed"), county.rename, T, MOMENT, buckets=2)


@pytest.mark.parametrize("grain", [g for g in GRAINS if g != "ring"])
def test_renaming_ids_changes_nothing(grain: Grain, plain: Path, renamed: Path) -> None:
    left, right = values(plain, grain), values(renamed, grain)
    if grain != "doctor":
        right.index = right.index.str.removeprefix("z")
    assert_same(left, right)


@pytest.fixture(scope="session")
def refunded(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county.build_twist(source, tmp_path_factory.mktemp("refunded"), county.refund, T, MOMENT, buckets=2)


@pytest.mark.parametrize("grain", [g for g in GRAINS if g != "ring"])
def test_a_claim_and_its_full_reversal_are_no_claim_for_net(grain: Grain, plain: Path, refunded: Path) -> None:
    net = [c for f in FEATURES if f.grain == grain and f.reversed == "net" for c in f.columns()]
    left, right = values(plain, grain), values(refunded, grain)
    assert_same(left, right, [c for c in net if c in left])


@pytest.mark.parametrize("grain", [g for g in GRAINS if g != "ring"])
def test_the_evidence_adds_up(grain: Grain, plain: Path) -> None:
    frame = values(plain, grain)
    partition = build(plain, T, grain)
    wanted, expected = [], []
    for feature in (f for f in FEATURES if f.grain == grain and f.name not in partition.absent):
        for column in feature.columns():
            firing = frame.index[(frame[column].fillna(0) != 0).to_numpy()]
            for entity in firing[:2]:
                wanted.append((column, str(entity)))
                expected.append((feature, column, str(entity), float(frame.at[entity, column])))
    rows = gather_evidence(plain, T, grain, wanted)
    wrong = []
    for feature, column, entity, value in expected:
        again = recompute(feature, rows[column, entity])
        if not np.isclose(again, value, rtol=1e-9, atol=1e-9):
            wrong.append((column, entity, value, again))
        # A page prints only the marked rows: marks that the number does not count would hide what it is made of.
        if (
            "hit" in rows[column, entity]
            and feature.rule is None
            and "hit" not in f"{feature.measure} {feature.amount}"
        ):
            wrong.append((column, entity, "marked rows alone do not give", value))
    assert not wrong, wrong[:8]
    assert len({w[0] for w in wanted}) > 10


def recompute(feature: Feature, rows: pd.DataFrame) -> float:
    """The declared measure over the evidence rows alone: no claims, no views."""
    if not isinstance(feature.measure, str):
        frame = feature.measure.function(rows.sort_values(["happened_at", "row_id"], kind="stable"))
        return float(frame[feature.measure.column].iloc[0])
    con = duckdb.connect()
    con.execute("CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [MOMENT, MOMENT])
    con.register("evidence_rows", rows)
    return float(con.execute(f"SELECT ({feature.measure})::DOUBLE FROM evidence_rows").fetchall()[0][0])


@pytest.mark.parametrize("grain", ["admission", "person", "institution"])
def test_without_evidence_a_feature_is_its_declared_empty(grain: Grain, plain: Path) -> None:
    warehouse = Warehouse.open(plain)
    for layout in ("person", "institution"):
        features = [f for f in FEATURES if f.grain == grain and f.by == layout]
        if not features:
            continue
        con = open_views(warehouse, T, layout, 0)  # type: ignore[arg-type]
        con.execute("CREATE TABLE main.focus AS SELECT 'nobody' AS entity_id")
        frame = evaluate(con, features)
        con.close()
        for feature in features:
            for column in feature.columns():
                got = frame[column].iloc[0]
                assert (np.isnan(got) and feature.empty is None) or got == feature.empty, column


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
def test_the_reason_renders(feature: Feature) -> None:
    window = feature.windows[0]
    text = render(feature, window, 3.0, 1.0, 97.5, 40)
    assert "{" not in text
    assert "}" not in text
    assert any("一" <= ch <= "鿿" for ch in text)
    assert "97.5%" in text or "{percentile}" not in feature.reason or feature.worse == "low"
    assert "同类样本不足" in render(feature, window, 3.0, 1.0, 97.5, 4) or "{percentile}" not in feature.reason
