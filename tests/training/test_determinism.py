"""Same claims, same seed: the same bundle name and the same list bytes, whatever the buckets, the threads or the locale."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ROAD = """
import hashlib, locale, sys
from pathlib import Path
locale.setlocale(locale.LC_ALL, "")
from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from serving.lists.prepare import build_worklist
from serving.lists.export import write
from training.fit import fit
county, house, buckets, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
intake(str(county), house, buckets=buckets)
day = Warehouse.open(house).span()[2].date()
print(fit(house, day, seed=5, threads=threads, log=False).bundle)
for grain in ("admission", "institution"):
    out = house / f"{grain}.csv"
    write(build_worklist(house, day, grain, 20), out)
    print(hashlib.sha256(out.read_bytes()).hexdigest())
"""


def road(county: Path, house: Path, buckets: int, threads: int, locale: str, zone: str, hash_seed: str) -> list[str]:
    env = {**os.environ, "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", ROAD, str(county), str(house), str(buckets), str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.slow
def test_buckets_threads_and_locale_change_nothing(tmp_path: Path) -> None:
    from simulator import simulate

    simulate(tmp_path / "county", 1000, 6, 3)
    one = road(tmp_path / "county", tmp_path / "a", 1, 1, "C.UTF-8", "UTC", "1")
    other = road(tmp_path / "county", tmp_path / "b", 3, 2, "POSIX", "Asia/Shanghai", "2")
    assert len(one) == 3
    assert one == other
