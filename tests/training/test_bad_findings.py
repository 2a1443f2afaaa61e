"""Findings as they come: none, of one kind, of one source, a grain without anybody. The list is made of what there is and says what it goes by."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from models.ensemble import FALLBACK
from models.in_force import load_active
from models.score import score
from tests.training.conftest import County
from training import fit as fitting
from training.fit import fit

TAUGHT = "学习模型（规则+离群+图+查处结果）"
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.mark.parametrize(
    ("change", "goes_by", "says"),
    [
        (lambda f: f.iloc[:0], FALLBACK, "已查实0例、排除0例"),
        (lambda f: f[f["outcome"] == "refuted"], FALLBACK, "已查实0例"),
        (lambda f: f[f["outcome"] == "confirmed"], TAUGHT, "排除0例：已从查处结果学习"),
        (lambda f: f.assign(lead_source="rule"), TAUGHT, "已从查处结果学习"),
        (lambda f: f.assign(lead_source="random"), TAUGHT, "已从查处结果学习"),
        (lambda f: f.assign(period_end=pd.Timestamp("2030-01-01")), FALLBACK, "无从学习"),
    ],
    ids=["none", "refuted alone", "confirmed alone", "one source", "random alone", "about a time still to come"],
)
def test_a_list_is_made_and_says_what_it_goes_by(
    county: County, root: Path, as_of: date, change: Change, goes_by: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "FITTED", ("admission",))
    county.labels = change(county.labels)
    said = fit(root, as_of, log=False, promote=True)
    assert says in said.grains["admission"].reason
    scored = score(county.matrix(root, as_of, "admission"), load_active(root))
    assert set(scored.frame["model"]) == {goes_by}
    assert scored.frame["risk"].between(0, 1).all()
    assert scored.frame["risk"].nunique() > 100, "an order, not a heap"


def test_a_grain_without_anybody_is_left_out_and_the_others_are_fitted(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a county without stays: nothing is said of them, nothing fails."""
    real = county.matrix
    monkeypatch.setattr(
        fitting,
        "load_matrix",
        lambda r, d, grain, *a, **k: real(r, d, grain).only([]) if grain == "admission" else real(r, d, grain),
    )
    said = fit(root, as_of, log=False)
    assert said.in_force == ["person"]
    bundle = load_active(root)
    assert bundle is not None
    assert set(bundle.grains) == {"person"}
