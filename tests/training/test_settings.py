"""How findings are learnt from, by a file of one's own: what it may hold, what is tried, what is refused."""

from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from claims.errors import DeclarationError, UserError
from models import scorers
from models.in_force import load_active
from models.outliers import Isolation
from tests.training.conftest import County
from training.fit import fit, summary_lines
from training.settings import Learning, read_learning


def file(folder: Path, text: str) -> Path:
    path = folder / "learn.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_small_grid_is_judged_by_later_cases_and_the_best_is_used(
    county: County, root: Path, as_of: date, tmp_path: Path
) -> None:
    learning = read_learning(file(tmp_path, 'without = ["isolation"]\n[taught]\nridge = [1e8, 30.0]\nworth = 1e9\n'))
    said = fit(root, as_of, log=False, learning=learning).grains["admission"]
    assert [r["ridge"] for r in said.tried] == [30.0, 1e8], "a line pressed flat foretells nothing"
    assert said.tried[0]["gain"] > said.tried[1]["gain"]
    bundle = load_active(root)
    assert bundle is not None
    model = bundle.grains["admission"]
    assert (model.facts["settings"]["ridge"], model.facts["settings"]["worth"]) == (30.0, 1e9)
    assert "isolation" not in model.scorers
    assert model.ranker is not None
    matrix = county.matrix(root, as_of, "admission")
    from models.score import score

    scored = score(matrix, bundle)  # restored from disk
    assert county.bad[scored.frame["suspicion"].nlargest(40).index].mean() > 0.5
    assert (scored.contributions.sum(axis=1) - scored.frame["raw"]).abs().max() <= 1e-9
    table = summary_lines({"grains": {"admission": {"reason": "", "tried": said.tried}}})
    assert len(table) == 4
    assert "ridge" in table[1]


def test_a_grain_has_its_own_values_over_the_common_ones(tmp_path: Path) -> None:
    made = read_learning(file(tmp_path, "[taught]\nridge = 10\nleaves = [7, 15]\n[taught.person]\nleaves = 3\n"))
    assert made.tried("admission") == [{"ridge": 10.0, "leaves": 7}, {"ridge": 10.0, "leaves": 15}]
    assert made.tried("person") == [{"ridge": 10.0, "leaves": 3}]
    assert Learning().tried("person") == [{}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[taught", "cannot be read as TOML"),
        ("[grid]\nridge = 1", "there is no 'grid'"),
        ("[taught]\ndepth = 3", "has no 'depth'; it may hold ridge, trees"),
        ("[taught]\ntrees = 2.5", "trees = 2.5; it is a whole number from 1 to 300"),
        ("[taught]\nridge = [true]", "ridge = True; it is a number"),
        ("[taught]\nridge = []", "an empty list"),
        ("[taught.person]\nrate = 7", "rate = 7; it is a number from 0.0001 to 1"),
        ("[taught]\nridge = [1,2,3,4]\nleaves = [3,5,7,9]", "16 combinations for admission; at most 12"),
        ('without = ["forest"]', "without names 'forest'; scorers are "),
        ('without = ["rules", "isolation", "deviations", "schemes"]', "without leaves admission no scorer"),
    ],
)
def test_what_it_may_not_hold_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        read_learning(file(tmp_path, text))


def test_a_scorer_of_an_installed_package_joins_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name of what is installed, never by a path in a file or a bundle."""
    points = [EntryPoint("own", "models.outliers:Isolation", scorers.ENTRY_POINT)]
    monkeypatch.setattr(scorers, "entry_points", lambda group: points)
    assert scorers.installed() == [Isolation]
    points[0] = EntryPoint("own", "pathlib:Path", scorers.ENTRY_POINT)
    with pytest.raises(DeclarationError, match=r"own = pathlib:Path: it is no models\.scorer\.Scorer"):
        scorers.installed()
