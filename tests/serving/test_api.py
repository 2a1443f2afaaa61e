"""What the APIs answer: the lists in force, dossiers as published, and one sentence for what is not there."""

from pathlib import Path

import pytest

from claims.errors import UserError
from serving import api
from serving.lists import publish
from serving.web import sessions

from .conftest import AS_OF, GRAINS


def test_lists_tell_the_run_in_force(week: Path) -> None:
    told = api.lists(week)
    assert told["run"] == publish.current(week).name
    assert (told["as_of"], set(told["lists"])) == (AS_OF.isoformat(), set(GRAINS))
    assert set(told["absent"]) == {"bedcheck"}


def test_rank_cuts_the_ranked_rows_and_keeps_the_drawn_ones(week: Path) -> None:
    whole, cut = (api.rank(week, "person", top)["rows"] for top in (10, 3))
    assert [r["rank"] for r in cut if r["slot"] == "ranked"] == [1, 2, 3]
    assert [r for r in cut if r["slot"] != "ranked"] == [r for r in whole if r["slot"] != "ranked"]
    assert [r["rank"] for r in cut] == sorted(r["rank"] for r in cut)
    with pytest.raises(UserError, match="at least 1"):
        api.rank(week, "person", 0)


def test_an_entity_on_the_list_is_explained_as_published(week: Path) -> None:
    row = api.rank(week, "doctor", 1)["rows"][0]
    told = api.explain(week, "doctor", row["entity_id"])
    assert told == publish.current(week).lead("doctor", row["lead"])
    assert told["entity_id"] == row["entity_id"]


def test_what_is_not_there_is_absent(week: Path) -> None:
    with pytest.raises(api.Absent, match="no list 'bedcheck'"):
        api.rank(week, "bedcheck", 5)
    with pytest.raises(api.Absent):
        api.explain(week, "doctor", "nobody")
    with pytest.raises(UserError, match="XIEZHI_WAREHOUSE"):
        api.lists(None)


def test_a_server_nobody_could_sign_in_to_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for warehouse, said in (
        (None, "XIEZHI_WAREHOUSE is not set"),
        (tmp_path / "gone", "there is no warehouse"),
        (tmp_path, "nobody can sign in"),
    ):
        with pytest.raises(SystemExit) as ended:
            api.check_start(warehouse)
        assert ended.value.code == 2
        assert said in capsys.readouterr().out
    sessions.new_token(tmp_path)
    api.check_start(tmp_path)
