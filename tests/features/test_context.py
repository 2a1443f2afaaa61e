"""What kind of entity it is: context has no scheme and no direction, and is told of nobody but the entity itself."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from claims.errors import DeclarationError
from features.columns import columns_of, matrix_columns
from features.declarations import load_catalog
from features.declare import REGISTRY, declare
from features.matrix import Matrix
from features.peers import Crowd

load_catalog()
CONTEXT = [f for f in REGISTRY.values() if f.kind == "context"]


@pytest.mark.parametrize("wrong", [{"scheme": "T07"}, {"worse": "high"}, {"rule": "R07"}, {"also": ("T07",)}])
def test_context_that_accuses_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DeclarationError, match="context"):
        declare(replace(CONTEXT[0], name="year_wrong"), **wrong)


def test_a_stay_is_not_told_what_its_hospital_is_like() -> None:
    assert {c.role for c in columns_of("institution").values()} >= {"context", "value", "rule"}
    assert not [c.name for c in matrix_columns("admission").values() if c.role == "context"]


def test_a_place_does_not_grow_with_the_time_seen_and_does_not_depend_on_who_else_is_asked() -> None:
    ids = pd.Index(["a", "b", "c", "d"], name="entity_id")
    half = pd.DataFrame({"year_stays_365": [1.0, 4.0, np.nan, 2.0]}, index=ids)
    groups = pd.Series("same", index=ids)

    def places(values: pd.DataFrame, only: list[str]) -> pd.Series:
        known = columns_of("institution")
        frame = pd.DataFrame(index=ids)
        crowds = {"": Crowd(values, groups, groups)}
        made = Matrix("institution", date(2025, 1, 1), 180, frame, values, values, values, known, {}, crowds)
        return made.only(only).places(["year_stays_365"])["year_stays_365"]

    pd.testing.assert_series_equal(places(half, list("abcd")), places(2 * half, list("abcd")))
    assert places(half, ["b"]).tolist() == [2 / 3]
    assert np.isnan(places(half, ["c"])["c"])
