"""A threshold or declaration that changed after a fit: seen before anything is built, said of each list, answered by a new fit."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from claims.errors import Outdated
from commands import lists
from commands.learning import fit_is_due
from models import bundle as bundles
from models.bundle import outdated
from models.in_force import load_active
from serving.lists import publish, source
from tests.column import a_column
from tests.training.conftest import COLUMNS, County
from training.fit import fit
from xiezhi import command

CHANGED = {**COLUMNS, "swipes_90": a_column("swipes_90", "院外刷卡", "T01", "low", own="swipes", windows=(90,))}


def test_it_is_seen_before_a_pass_over_the_county(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(root, as_of, log=False)
    monkeypatch.setattr(bundles, "matrix_columns", lambda grain: COLUMNS)
    assert outdated(load_active(root)) == {}
    assert not fit_is_due(root, as_of), "just fitted"
    monkeypatch.setattr(bundles, "matrix_columns", lambda grain: CHANGED)
    assert outdated(load_active(root)) == dict.fromkeys(("admission", "person"), "列 swipes_90 的声明已改")
    assert fit_is_due(root, as_of), "`week` fits anew"

    def built(*_: object) -> None:
        raise AssertionError("a pass was begun")

    monkeypatch.setattr(source, "load_matrix", built)
    with pytest.raises(Outdated, match="列 swipes_90 的声明已改），未使用；请重新运行 xiezhi fit"):
        source.scored_matrix(root, as_of, "admission")


@pytest.mark.parametrize(("broken", "code"), [(["admission"], 1), ([], 0)])
def test_a_week_names_the_lists_it_lacks_and_fails_where_a_model_is_to_blame(
    broken: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "“admission”的模型是按另一套指标声明训练的（列 rule_r03 的声明已改），未使用；请重新运行 xiezhi fit。"
    manifest = {"absent": {"admission": why}, "broken": broken}
    run = SimpleNamespace(name="r", grains=["person"], manifest=manifest, worklist=lambda g: {"rows": [1, 2]})
    monkeypatch.setattr(publish, "publish_week", lambda *a, **k: run)
    monkeypatch.setattr(lists, "fit_is_due", lambda *a: False)
    words = ["week", "--warehouse", str(tmp_path), "--as-of", "2025-06-30"]
    done = CliRunner().invoke(command.app, words)
    assert done.exit_code == code
    assert f"no list of admission: {why}" in done.stdout
