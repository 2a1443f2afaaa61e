"""A warehouse in a folder named as people name folders, from claims to an explained lead; and every published file of it damaged by one bit."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from claims.errors import UserError
from claims.store.publish import Published
from claims.store.warehouse import Warehouse
from features.build import build, published
from features.checking.check_claim import check_claim
from features.evidence import evidence
from features.grains import GRAINS
from features.matrix import load_matrix
from serving.lists import publish
from simulator import simulate
from xiezhi import command


def run(*words: object) -> str:
    """The command's stdout; a refusal is raised as UserError."""
    told = [str(w) for w in words]
    return CliRunner().invoke(command.app, told, catch_exceptions=False, standalone_mode=False).stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd") / "O'Brien 县 [a-z]*"
    simulate(folder / "county", 500, 3, 5)
    run("intake", folder / "county" / "claims", "--warehouse", folder / "house")
    return folder / "house"


@pytest.fixture(scope="module")
def as_of(house: Path) -> date:
    day = Warehouse.open(house).span()[2].date()
    run("features", "--warehouse", house, "--as-of", day)
    return day


def test_from_claims_to_an_explained_lead(house: Path, as_of: date) -> None:
    out = house.parent / "list's.json"
    place = ("--warehouse", house, "--as-of", as_of, "--grain", "person")
    run("rank", *place, "--top", "5", "--out", out)
    rows = json.loads(out.read_text("utf-8"))["rows"]
    assert len(rows) >= 5
    told = json.loads(run("explain", *place, "--id", rows[0]["entity_id"], "--json"))
    assert told["entity_id"] == rows[0]["entity_id"]
    run("rules", "run", "--warehouse", house, "--as-of", as_of, "--out", house.parent / "hits's.csv")
    run("rules", "show", "R01", "--warehouse", house)


FILES = [f"{grain}/{name}.parquet" for grain in GRAINS for name in ("values", "entities", "limits")][:-1]
FILES += [
    "admission/judged.parquet",
    "ring/rows.parquet",
    "ring/members.parquet",
    "ring/pairs.parquet",
    "ring/bonds_meetings.parquet",
    "ring/customers.parquet",
]


def flip(path: Path, seed: int) -> bytes:
    """Turn one bit of a file over; returns what it was."""
    sound = path.read_bytes()
    at = int(np.random.default_rng(seed).integers(0, 8 * len(sound)))
    body = bytearray(sound)
    body[at // 8] ^= 1 << at % 8
    path.write_bytes(bytes(body))
    return sound


def test_every_file_of_a_partition_is_covered(house: Path, as_of: date) -> None:
    folder = house / "features" / f"{as_of}"
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*.parquet")}
    assert there - set(FILES) <= {f"ring/bonds_{g}.parquet" for g in ("person", "institution", "doctor")}
    for grain in GRAINS:
        assert build(house, as_of, grain).published.verify() == len(list((folder / grain).glob("*.parquet")))


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_a_partition_is_refused(house: Path, as_of: date, name: str) -> None:
    path = house / "features" / f"{as_of}" / name
    if not path.exists():
        pytest.skip("this grain writes no such file")
    partition = build(house, as_of, path.parent.name)
    sound = flip(path, 7)
    try:
        with pytest.raises(UserError, match=rf"{path.name} is missing or damaged .*; build it again: xiezhi features"):
            partition.read(path.stem)
        with pytest.raises(UserError, match="damaged"):
            build(house, as_of, path.parent.name).published.verify()
    finally:
        path.write_bytes(sound)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("person/values", lambda root, day: load_matrix(root, day, "person")),
        ("institution/values", lambda root, day: load_matrix(root, day, "admission")),
        ("ring/bonds_person", lambda root, day: load_matrix(root, day, "person")),
        ("ring/bonds_meetings", lambda root, day: evidence(root, day, "person", "bond_cases", _first(root, day))),
        ("person/limits", lambda root, day: check_claim(CLAIM, [], root, day)),
        ("person/manifest", lambda root, day: published(root, "person")),
    ],
)
def test_whoever_reads_damage_is_told(
    house: Path, as_of: date, name: str, read: Callable[[Path, date], object]
) -> None:
    path = next((house / "features" / f"{as_of}").glob(f"{name}.*"))
    sound = flip(path, 11)
    try:
        with pytest.raises(UserError, match=r"damaged.*build it again"):
            read(house, as_of)
    finally:
        path.write_bytes(sound)


def _first(root: Path, day: date) -> str:
    return str(build(root, day, "person").entities().index[0])


CLAIM = {
    "mdtrt_id": "M",
    "psn_no": "P",
    "fixmedins_code": "H",
    "med_type": "11",
    "begntime": "2025-03-01 09:00:00",
    "medfee_sumamt": "1",
}


def test_a_damaged_partition_is_built_again_on_demand(house: Path, as_of: date) -> None:
    """By `xiezhi features`, and by whoever asks where the manifest itself is damaged; never read as it is."""
    folder = house / "features" / f"{as_of}" / "doctor"
    before = build(house, as_of, "doctor").values()
    for name in ("values.parquet", "manifest.json"):
        flip(folder / name, 3)
        run("features", "--warehouse", house, "--as-of", as_of, "--grain", "doctor")
        pd.testing.assert_frame_equal(build(house, as_of, "doctor").values(), before, check_exact=True)
    assert not list(folder.parent.glob(".*")), "nothing lies about"


def test_a_week_published_from_it_is_verified_as_a_whole(house: Path, as_of: date) -> None:
    week = publish.publish_week(house, as_of, top=5, bedcheck_top=3)
    assert week.folder.verify() > 1
    for path in [
        *sorted(week.root.rglob("*.json"))[:: max(1, week.folder.verify() // 8)],
        week.root.parent.parent / "CURRENT",
    ]:
        sound = flip(path, 5)
        with pytest.raises(UserError, match="publish again with `xiezhi week`"):
            publish.current(house).folder.verify()
        path.write_bytes(sound)
    assert isinstance(publish.current(house).folder, Published)
