"""A doctor's dossier proposes the band of payment points of what his rules say; nobody else's does."""

from types import SimpleNamespace

import pandas as pd

from features.columns import columns_of
from features.declarations import load_catalog
from serving.lists.dossier import points_proposed


def matrix(grain: str, **hits: float) -> SimpleNamespace:
    load_catalog()
    columns = columns_of(grain)  # type: ignore[arg-type]
    X = pd.DataFrame({n: [hits.get(n, 0.0)] for n in columns}, index=["d1"])
    return SimpleNamespace(grain=grain, columns=columns, X=X)


def test_points_follow_the_scheme_of_what_was_hit() -> None:
    told = points_proposed(matrix("doctor", rule_r43_365=3.0, rule_r47_365=1.0), "d1")
    assert len(told) == 2
    assert any("药品种类超标" in t and "1–3 分" in t for t in told)
    assert any("10–12 分" in t for t in told)
    assert points_proposed(matrix("doctor"), "d1") == []
    assert points_proposed(matrix("person", rule_r38_365=3.0), "d1") == []
