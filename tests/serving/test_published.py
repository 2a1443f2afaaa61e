"""What was published is read, not made again, for as long as making it again would give the same."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from claims.errors import UserError
from serving.lists import explained, published, scores
from serving.lists.explained import explain
from serving.lists.export import as_csv, as_json
from serving.lists.prepare import build_worklist
from serving.lists.publish import publish_week
from serving.lists.schema import COLUMNS
from serving.lists.sheets import workbook
from tests.features.county import T, built
from tests.worlds import Worlds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def week(worlds: Worlds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "warehouse"
    shutil.copytree(built(worlds, "plain").warehouse, folder)
    publish_week(folder, T, top=5, grains=("person", "institution"))
    return folder


@pytest.mark.parametrize("grain", ["person", "institution"])
def test_it_is_what_would_be_made(week: Path, grain: str) -> None:
    read, made = published.worklist(week, T, grain, 5), build_worklist(week, T, grain, 5)
    assert read is not None
    assert as_csv(read) == as_csv(made)
    assert [{c: row[c] for c in COLUMNS} for row in as_json(read)["rows"]] == [
        {c: row[c] for c in COLUMNS} for row in as_json(made)["rows"]
    ]
    assert published.worklist(week, T, grain, 6) is None, "another capacity is another list"
    assert published.worklist(week, T, "ring", 5) is None


@pytest.mark.parametrize("grain", ["person", "institution"])
def test_its_workbook_has_all_claim_rows(week: Path, grain: str) -> None:
    made = build_worklist(week, T, grain, 5)
    read = published.worklist(week, T, grain, 5)
    assert read is not None
    assert read.claim_rows is not None
    assert made.claim_rows is not None
    for entity_id in made.rows["entity_id"]:
        pd.testing.assert_frame_equal(read.claim_rows(entity_id), made.claim_rows(entity_id))
    assert workbook(read, read.claim_rows).startswith(b"PK")
    if grain == "institution":
        run = published.of_day(week, T, grain)
        assert run is not None
        counts = [r["evidence"] for row in run.worklist(grain)["rows"] for r in run.lead(grain, row["lead"])["reasons"]]
        assert any(e["total"] > len(e["rows"]) for e in counts), "some reason has more rows than a run keeps"


def test_a_suspect_is_told_as_explain_tells_him(week: Path) -> None:
    listed = published.worklist(week, T, "person", 5)
    assert listed is not None
    who = str(listed.rows["entity_id"].iloc[0])
    read, told = published.dossier(week, T, "person", who) or {}, explain(week, T, "person", who)
    assert told.pop("why_not") == ["在本期名单上。"], "a rank tells who was drawn"
    assert {k: read[k] for k in told} == told
    assert published.dossier(week, T, "person", "nobody") is None


@pytest.mark.parametrize("grain", ["person", "institution"])
def test_whoever_is_not_listed_is_told_as_he_was_scored(
    week: Path, grain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = published.of_day(week, T, grain)
    assert run is not None
    listed = {row["entity_id"] for row in run.worklist(grain)["rows"]}
    kept = pd.read_parquet(week / "scores" / f"{grain}.parquet")["entity_id"]
    others = [e for e in kept if e not in listed]
    chosen = others[:: max(1, len(others) // 4)][:4]
    assert chosen
    with monkeypatch.context() as patch:
        patch.setattr(explained, "anew", None)
        read = {e: explain(week, T, grain, e) for e in chosen}
    monkeypatch.setattr(explained, "as_scored", lambda *_: None)
    made = {e: explain(week, T, grain, e) for e in chosen}
    assert read == made
    assert all(told["why_not"][0].startswith("未列入：") for told in read.values())
    with pytest.raises(UserError, match="active in"):
        explain(week, T, grain, "nobody")


def test_scores_of_another_run_are_not_read(week: Path) -> None:
    run = published.of_day(week, T, "person")
    assert run is not None
    who = str(pd.read_parquet(week / "scores" / "person.parquet")["entity_id"].iloc[0])
    assert scores.look_up(week, run.name, "person", who) is not None
    assert scores.look_up(week, "2020-01-05/other", "person", who) is None
    assert scores.look_up(week, run.name, "ring", who) is None


def test_what_changed_since_is_made_again(week: Path) -> None:
    (week / "models").mkdir(exist_ok=True)
    active = week / "models" / "ACTIVE.json"
    before = active.read_bytes() if active.exists() else None
    active.write_bytes(b"another model")
    try:
        assert published.worklist(week, T, "person", 5) is None
    finally:
        active.unlink() if before is None else active.write_bytes(before)
    assert published.worklist(week, T, "person", 5) is not None


def test_a_later_run_without_a_list_hides_no_earlier_one(week: Path) -> None:
    publish_week(week, T, top=3, grains=("institution",))
    assert len(published.worklist(week, T, "institution", 3).rows)  # type: ignore[union-attr]
    for grain in ("person", "institution"):
        assert published.worklist(week, T, grain, 5) is not None
