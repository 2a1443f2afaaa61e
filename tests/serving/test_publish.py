"""A run is published whole or not at all, and damage is noticed before anybody reads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.undo import undo
from claims.store.files import sealed
from serving.lists import publish
from tests.claims.county import VISIT, write

from .conftest import AS_OF, made_list


def made(grain: str = "doctor") -> dict[str, Any]:
    return {grain: made_list(grain)[:2]}


def test_published_twice_is_one_run(tmp_path: Path) -> None:
    first = publish.publish(tmp_path, AS_OF, made())
    second = publish.publish(tmp_path, AS_OF, made())
    assert first.name == second.name == (tmp_path / "lists" / "CURRENT").read_text().split()[0]
    assert second.folder.verify() == 1 + 13


class Killed(Exception):
    pass


def test_killed_at_any_point_the_earlier_run_stays_in_force(tmp_path: Path) -> None:
    """The method of SQLite's tests: stop at the N-th step until a publication runs through."""
    before = publish.publish(tmp_path, AS_OF, made("doctor"))
    for stop in range(100):
        steps = 0

        def check(point: str, stop: int = stop) -> None:
            nonlocal steps
            if steps == stop:
                raise Killed(point)
            steps += 1

        after, killed_at = None, ""
        try:
            after = publish.publish(tmp_path, AS_OF, made("institution"), check=check)
        except Killed as point:
            killed_at = str(point)
        if after is None:
            found = publish.current(tmp_path)
            found.folder.verify()
            assert found.name == before.name or killed_at == "done"
            continue
        assert publish.current(tmp_path).name == after.name != before.name
        assert stop > 14
        return
    pytest.fail("the publication never ran through")


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    run = publish.publish(tmp_path, AS_OF, made())
    for path in sorted(run.root.rglob("*.json")):
        body = path.read_bytes()
        changed = bytearray(body)
        changed[len(body) // 2] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(UserError):
            publish.current(tmp_path).folder.verify()
        path.write_bytes(body)
    publish.current(tmp_path).folder.verify()


def test_the_manifests_own_facts_are_hashed(tmp_path: Path) -> None:
    """A date, a population or an amount changed in the manifest must not be shown."""
    run = publish.publish(tmp_path, AS_OF, made())
    path = run.root / "manifest.json"
    told = path.read_text("utf-8")
    path.write_text(told.replace(AS_OF.isoformat(), "2030-01-01"), "utf-8")
    with pytest.raises(UserError, match=r"manifest.json is missing or damaged; publish again with `xiezhi week`"):
        publish.current(tmp_path)
    # sealed anew, but not what the pointer and the folder's name say
    path.write_bytes(sealed(json.loads(path.read_text("utf-8"))))
    for read in (lambda: publish.current(tmp_path), lambda: publish.open_run(run.root)):
        with pytest.raises(UserError, match="publish again"):
            read()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"2025-01-01/abc", b"a b c"])
def test_a_garbled_pointer_is_damage_and_not_nothing(tmp_path: Path, body: bytes) -> None:
    publish.publish(tmp_path, AS_OF, made())
    (tmp_path / "lists" / "CURRENT").write_bytes(body)
    with pytest.raises(UserError, match="CURRENT is missing or damaged") as told:
        publish.current(tmp_path)
    assert not isinstance(told.value, publish.Unpublished)


def test_a_damaged_run_is_replaced_by_publishing_again(tmp_path: Path) -> None:
    run = publish.publish(tmp_path, AS_OF, made())
    (run.root / "lists" / "doctor.json").write_text("{}")
    assert publish.publish(tmp_path, AS_OF, made()).folder.verify() == 14


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xiezhi week"):
        publish.current(tmp_path)


def test_what_a_run_lacks(tmp_path: Path) -> None:
    run = publish.publish(tmp_path, AS_OF, made())
    for ask in (lambda: run.worklist("ring"), lambda: run.lead("doctor", 99), lambda: run.lead("../../x", 1)):
        with pytest.raises(UserError):
            ask()
    shutil.rmtree(run.root)
    with pytest.raises(UserError, match="damaged"):
        publish.current(tmp_path)


def test_a_run_says_which_of_its_batches_were_taken_back(tmp_path: Path) -> None:
    intake(write(tmp_path / "a", settlements=[VISIT]), tmp_path / "house")
    intake(write(tmp_path / "b", settlements=[VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}]), tmp_path / "house")
    run = publish.publish(tmp_path / "house", AS_OF, made(), batches=["b0001", "b0002"])
    assert publish.current(tmp_path / "house").notes == run.manifest["notes"]
    undo(tmp_path / "house", "b0002")
    said = publish.current(tmp_path / "house")
    assert said.taken_back == ["b0002"]
    assert said.notes[0] == {"text": "清单依据的批次b0002已被撤回，请重新生成清单", "severity": "warning", "rows": None}


def test_what_was_published_is_read_without_the_models_libraries() -> None:
    heavy = ["sklearn", "scipy", "numba", "mlflow", "altair"]
    asked = f"import sys, serving.lists.published; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_runs_without_what_points_to_one_are_damage_and_not_a_beginning(tmp_path: Path) -> None:
    publish.publish(tmp_path, AS_OF, {"doctor": made_list("doctor")[:2]})
    (tmp_path / "lists" / "CURRENT").unlink()
    with pytest.raises(UserError, match="nothing says which is in force") as told:
        publish.current(tmp_path)
    assert not isinstance(told.value, publish.Unpublished)
