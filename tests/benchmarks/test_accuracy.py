"""The table of worlds: what counts as a hit, when one list is below another, and what the page says of it. All lists are made up."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.accuracy import records
from benchmarks.accuracy_county import Referee
from benchmarks.accuracy_judge import PRODUCT, Record, compare, first_hits, judged, paired, worst
from benchmarks.accuracy_medicare import score, whole_list
from benchmarks.accuracy_page import page
from benchmarks.accuracy_product import Product, ranked

GUILTY = pd.Series([1.0, 0.0, 1.0, 0.0, 0.0, 0.0], index=list("abcdef"))


def record(world: str, ours: list[float], theirs: list[float], date: str = "2025-07-01", **more: Any) -> Record:
    grains = {
        "institution": {"open": 40, "guilty": 4, "hits": {PRODUCT: ours, "largest": theirs, "random": [0.1] * 10}}
    }
    return {
        "world": world,
        "date": date,
        "commit": "abc1234",
        "drift": False,
        "grains": grains,
        "cpu": {"fit": 3.0},
    } | more


def test_only_those_who_stand_open_are_places_of_a_list() -> None:
    assert first_hits(GUILTY, ["decided", "a", "b", "a", "c"], 3) == [1.0, 0.0, 1.0]


def test_places_that_a_list_leaves_empty_are_drawn_by_chance() -> None:
    assert first_hits(GUILTY, ["a"], 3) == [1.0, 0.2, 0.2]
    assert judged(GUILTY, {}, 4)["hits"]["random"] == [0.3333] * 4


def test_a_list_never_has_more_places_than_there_are_open() -> None:
    assert len(first_hits(GUILTY, list("fedcba"), 100)) == 6


def test_equal_lists_differ_by_nothing_and_pairing_sees_it() -> None:
    assert paired([1, 0, 1, 0], [1, 0, 1, 0]) == (0.0, 0.0)
    low, high = paired([1] * 10, [0] * 10)
    assert (low, high) == (1.0, 1.0)


def test_dates_of_a_world_are_pooled_and_losses_stand_first() -> None:
    found = compare(
        [
            record("won", [1.0] * 10, [0.0] * 10),
            record("lost", [0.0] * 10, [1.0] * 10),
            record("lost", [1.0] * 10, [1.0] * 10, "2025-10-01"),
        ]
    )
    assert [(c.world, c.dates, c.product, c.theirs, c.lost, c.holds) for c in found] == [
        ("lost", 2, 0.5, 1.0, True, False),
        ("won", 1, 1.0, 0.1, False, True),
    ]
    assert worst(found) == {("lost", "institution", 10)}


def test_an_evening_without_an_empty_bed_says_nothing() -> None:
    told = record("one", [0.0] * 10, [0.0] * 10)
    told["grains"]["institution"]["guilty"] = 0
    assert compare([told]) == []


def test_the_ceiling_is_no_opponent() -> None:
    told = record("one", [1.0] + [0.0] * 9, [0.0] * 10)
    told["grains"]["institution"]["hits"]["truth-trained"] = [1.0] * 10
    (found,) = compare([told])
    assert (found.opponent, found.theirs, found.taught) == ("random", pytest.approx(0.1), 1.0)


def test_the_page_names_losses_the_worst_world_and_no_machine(tmp_path: Path) -> None:
    each = [{"ring": f"R{i}", "scheme": "empty_swipe", "cards": 7, "found": i > 0} for i in range(3)]
    rings = {"rings": 3, "found": 2, "listed": 9, "members": 0.5, "unexplained": 4, "each": each}
    made = page(
        [
            record("won", [1.0] * 10, [0.0] * 10, rings=rings),
            record("lost", [0.0] * 10, [1.0] * 10, refused={"rank ring": "no rings"}),
        ]
    )
    assert "1 of 2 lists find less" in made
    assert "| **lost** | institutions | first 10 | largest |" in made
    assert made.index("**lost**") < made.index("| won |")
    assert "make accuracy" in made
    assert "abc1234" in made
    assert "6 CPU seconds" in made
    assert "2 of 3" in made
    assert made.index("| won | empty_swipe | 7 | 0 of 1 |") < made.index("| won | empty_swipe | 7 | 1 of 1 |")
    assert "R0" not in made
    assert "- lost, 2025-07-01, rank ring: no rings" in made
    assert not re.search(r"(?<![\w.])/(\w+/)+\w+", made)


def test_medicare_ranks_whoever_is_listed_before_whoever_is_not() -> None:
    assert list(score(["b", "a"], pd.Index(["a", "b", "c"]))) == [0.5, 1.0, 0.0]
    told = {
        "guilty": {"a": 1.0, "b": 0.0},
        "size": {"a": 2.0, "b": 1.0},
        "lists": {PRODUCT: ["a", "b"], "largest": ["b", "a"]},
    }
    ours, theirs = whole_list([record("medicare", [1.0], [0.0], providers=told)] * 3, draws=5)
    assert (ours["auprc"], theirs["auprc"], ours["auc"]) == (1.0, 0.5, 1.0)
    assert ours["gain_auprc_low"] == ours["gain_auprc_high"] == 0.0
    assert theirs["gain_auprc_high"] > 0.0
    assert ours["auprc_low"] <= ours["auprc"]


def test_size_held_fixed_gives_size_nothing() -> None:
    ids = [f"p{i:02d}" for i in range(40)]
    guilty = {p: float(i % 10 == 5) for i, p in enumerate(ids)}
    told = {
        "guilty": guilty,
        "size": {p: float(i) for i, p in enumerate(ids)},
        "lists": {PRODUCT: sorted(ids, key=lambda p: -guilty[p]), "largest": ids[::-1]},
    }
    ours, largest = whole_list([record("medicare", [1.0], [0.0], providers=told)], draws=20)
    assert ours["same_size"] == 1.0
    assert largest["same_size"] < 0.3
    assert largest["gain_same_size_low"] > 0.0


def test_the_draw_beside_a_list_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "person.csv"
    file.write_text("\ufefflead,entity_id,rank,slot\n1,x,2,ranked\n2,y,,random\n3,z,1,ranked\n", "utf-8")
    assert [r["entity_id"] for r in ranked(file)] == ["z", "x"]


def test_a_done_step_is_not_done_again_and_a_refusal_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def refusing(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 2, "", f"xiezhi: no rings in {tmp_path.resolve() / 'warehouse'}\n")

    monkeypatch.setattr(subprocess, "run", refusing)
    for _ in range(2):
        product = Product(tmp_path, "tiny")
        assert product.rank("2025-07-01", "ring") == []
        assert product.done["rank ring"]["refused"] == "xiezhi: no rings in the warehouse"
    assert len(calls) == 1
    with pytest.raises(SystemExit, match="xiezhi fit failed: xiezhi: no rings"):
        product.fit("2025-07-01")


def test_the_page_takes_the_run_asked_for_before_a_newer_one(tmp_path: Path) -> None:
    for run in ("asked", "newer"):
        folder = tmp_path / "pilot" / "2025-04-01" / run
        folder.mkdir(parents=True)
        (folder / "judged.json").write_text(
            json.dumps({"world": "pilot", "date": "2025-04-01", "commit": run}), "utf-8"
        )
    assert [r["commit"] for r in records(tmp_path, "asked")] == ["asked"]
    assert [r["commit"] for r in records(tmp_path, "gone")] == ["newer"]


def test_without_the_referee_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="give --shared FOLDER"):
        Referee.of(tmp_path)


def test_the_page_shows_what_each_part_would_list(tmp_path: Path) -> None:
    """Beside the product's list, and never as an opponent."""
    parts = {"institution": {"rules": [0.0, 1.0] * 5, "ranker": [1.0] * 10}}
    one = record("second", [1.0] * 5 + [0.0] * 5, [0.0] * 10, parts=parts)
    told = page([one]).partition("## The list and its parts")[2]
    assert (
        next(line for line in told.splitlines() if line.startswith("| second"))
        == "| second, 2025-07-01 | .50 | .50 | 1.00 |"
    )
    assert {c.opponent for c in compare([one])} <= {"largest", "random"}
