"""What the APIs answer: the lists in force, dossiers as published, and one sentence for what is not there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from claims.errors import UserError
from serving import api
from serving.desk import people
from serving.desk.database import open_desk
from serving.desk.people import Person
from serving.lists import publish
from serving.web.list_pages import HIDDEN, SCORE
from serving.web.masking import masked

from .conftest import AS_OF, GRAINS

OFFICER = Person(1, "wang", "wang", "", frozenset({"reviewer1"}))
SCIENTIST = Person(2, "li", "li", "", frozenset({"scientist"}))


def test_lists_tell_the_run_in_force(week: Path) -> None:
    told = api.lists(week)
    assert told["run"] == publish.current(week).name
    assert (told["as_of"], set(told["lists"])) == (AS_OF.isoformat(), set(GRAINS))
    assert set(told["absent"]) == {"bedcheck"}


def test_rank_shows_the_unmarked_sheet_and_to_who_trains_models_the_whole(week: Path) -> None:
    rows = api.rank(week, "person", 5, OFFICER, OFFICER.rights)["rows"]
    assert [r["lead"] for r in rows] == [1, 2, 3, 4, 5]
    assert not HIDDEN & set(rows[0])
    whole, cut = (api.rank(week, "person", top, SCIENTIST, SCIENTIST.rights)["rows"] for top in (10, 3))
    assert [r["rank"] for r in cut if r["slot"] == "ranked"] == [1, 2, 3]
    assert [r for r in cut if r["slot"] != "ranked"] == [r for r in whole if r["slot"] != "ranked"]
    with pytest.raises(UserError, match="不小于 1"):
        api.rank(week, "person", 0, OFFICER, OFFICER.rights)


def test_a_row_is_told_as_published_and_its_score_to_few(week: Path) -> None:
    published = publish.current(week).lead("doctor", 1)
    whole = api.explain(week, "doctor", 1, SCIENTIST, SCIENTIST.rights)
    assert whole == masked(published, "doctor")
    told = api.explain(week, "doctor", 1, OFFICER, OFFICER.rights)
    assert told == {k: v for k, v in whole.items() if k not in SCORE}


def test_no_full_number_leaves_and_no_row_of_another_area(week: Path) -> None:
    for grain in GRAINS:
        said = json.dumps(
            [
                api.rank(week, grain, 99, SCIENTIST, SCIENTIST.rights),
                api.explain(week, grain, 1, SCIENTIST, SCIENTIST.rights),
            ]
        )
        assert "42900119" not in said
    elsewhere = replace(OFFICER, area="990000")
    assert api.rank(week, "person", 99, elsewhere, elsewhere.rights)["rows"] == []
    with pytest.raises(api.Absent):
        api.explain(week, "person", 1, elsewhere, elsewhere.rights)


def test_what_is_not_there_is_absent(week: Path) -> None:
    with pytest.raises(api.Absent, match="没有这份清单"):
        api.rank(week, "bedcheck", 5, OFFICER, OFFICER.rights)
    with pytest.raises(api.Absent):
        api.explain(week, "doctor", 99, OFFICER, OFFICER.rights)
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
    people.add(open_desk(tmp_path), "wang", ("officer",))
    api.check_start(tmp_path)
