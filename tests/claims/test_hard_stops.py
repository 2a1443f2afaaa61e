"""A killed process, a full disk and files that cannot be read: the published warehouse stays what it was, and the next run ends as if nothing had been."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store import files, publish
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, write
from tests.claims.test_sources import contents
from tests.conftest import ROOT

INTAKE = """
import os, sys, time
from claims.intake.pipeline import intake
source, house, step = sys.argv[1], sys.argv[2], int(sys.argv[3])
points = []
def check(point):
    points.append(point)
    if len(points) == step:
        os.kill(os.getpid(), 9)
print("ready", flush=True)
sys.stdin.readline()
intake(source, house, check=check)
print(len(points), flush=True)
"""


def many(folder: Path, first: int, n: int) -> Path:
    visits = [VISIT | {"setl_id": f"S{i:06}", "mdtrt_id": f"M{i:06}"} for i in range(first, first + n)]
    lines = [LINE | {"mdtrt_id": f"M{i:06}", "setl_id": f"S{i:06}"} for i in range(first, first + n)]
    return write(folder, settlements=visits, fee_details=lines)


def start(source: Path, house: Path, step: int = 0) -> subprocess.Popen[str]:
    """An intake in a process of its own, all loaded and waiting for a line."""
    child = subprocess.Popen([sys.executable, "-c", INTAKE, str(source), str(house), str(step)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def let_go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def rows(house: Path) -> int:
    """What a reader that comes in now sees, every byte verified."""
    files._digest.cache_clear()
    opened = Warehouse.open(house)
    assert opened.verify_all() > 0
    return opened.rows("fee_details")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_sigkill_at_any_moment_and_the_next_run_gives_the_same(seed: int, tmp_path: Path) -> None:
    """Killed twice, at a random moment and at a random step of publishing, watched by a reader all the while."""
    first, second = many(tmp_path / "a", 0, 50), many(tmp_path / "b", 50, 400)
    intake(first, tmp_path / "whole")
    began = time.monotonic()
    intake(second, tmp_path / "whole")
    took = time.monotonic() - began
    steps: list[str] = []
    intake(first, tmp_path / "house", check=steps.append)
    rng = random.Random(seed)
    for step, patience in ((0, rng.uniform(0, took)), (rng.randint(1, len(steps)), 60.0)):
        child = start(second, tmp_path / "house", step)
        let_go(child)
        until = time.monotonic() + patience
        while child.poll() is None and time.monotonic() < until:
            assert rows(tmp_path / "house") in (50, 450)
            time.sleep(0.1)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert rows(tmp_path / "house") in (50, 450)
    intake(second, tmp_path / "house")
    assert contents(tmp_path / "house") == contents(tmp_path / "whole")
    left = set((tmp_path / "house" / "tables").rglob("*.parquet"))
    assert left == set(Warehouse.open(tmp_path / "house")._digests), "a killed run left files that nobody lists"


@pytest.mark.slow
def test_a_real_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = "size=2m"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs rights this user has not; the next test covers a limit")
    try:
        house = disk / "house"
        intake(many(tmp_path / "a", 0, 50), house)
        before = contents(house)
        with pytest.raises(UserError, match="nothing was published"):
            intake(many(tmp_path / "b", 50, 20_000), house)
        assert contents(house) == before
        assert not (house / publish.STAGING).exists()
        intake(many(tmp_path / "c", 50, 10), house)
        assert rows(house) == 60
    finally:
        subprocess.run(["umount", str(disk)], check=True)


LIMITED = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
from claims.errors import UserError
from claims.intake.pipeline import intake
try:
    intake(sys.argv[1], sys.argv[2])
except UserError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1_000, 30_000])
def test_no_file_may_grow_further(limit: int, tmp_path: Path) -> None:
    """The system refuses a write in the middle of a file: in the decoded text, or in the Parquet DuckDB writes."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    house = tmp_path / "house"
    intake(many(tmp_path / "a", 0, 5), house)
    before = contents(house)
    source = str(many(tmp_path / "b", 5, 400))
    done = subprocess.run([sys.executable, "-c", LIMITED, source, str(house), str(limit)], cwd=ROOT, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "nothing was published" in done.stdout
    assert contents(house) == before


def loop(path: Path) -> None:
    path.symlink_to(path)  # opening it fails for every user, root included


def nothing(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


@pytest.mark.parametrize(("make", "said"), [(loop, "settlements.csv"), (nothing, "settlements.csv"), (Path.mkdir, "settlements.csv is a folder")])  # fmt: skip
def test_what_cannot_be_read_is_named_and_changes_nothing(
    make: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    house = tmp_path / "house"
    intake(many(tmp_path / "a", 0, 5), house)
    before = contents(house)
    broken = many(tmp_path / "b", 5, 5)
    (broken / "settlements.csv").unlink()
    make(broken / "settlements.csv")
    with pytest.raises(UserError, match=said):
        intake(broken, house)
    assert contents(house) == before


def test_a_warehouse_that_is_a_file_or_belongs_to_another(tmp_path: Path) -> None:
    (tmp_path / "house").write_text("no folder")
    with pytest.raises(UserError, match="cannot write to the warehouse"):
        intake(many(tmp_path / "a", 0, 5), tmp_path / "house")
    assert os.listdir(tmp_path / "a")
