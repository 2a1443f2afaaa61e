"""The command as scripts use it: exit codes, one sentence on stderr, JSON on stdout, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def xiezhi(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xiezhi", *words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def refused(*words: str) -> str:
    """Runs it and expects one clear sentence, a non-zero exit, nothing on stdout, no traceback."""
    done = xiezhi(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("[")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("xiezhi: ")
    return lines[0]


def test_an_unknown_subcommand_is_one_sentence() -> None:
    assert "frobnicate" in refused("frobnicate")


def test_a_missing_option_is_named() -> None:
    assert "--warehouse" in refused("rank", "--as-of", "2025-01-01", "--grain", "person", "--out", "x.csv")


def test_a_missing_warehouse_says_what_to_do(tmp_path: Path) -> None:
    assert "xiezhi intake" in refused("features", "--warehouse", str(tmp_path / "nowhere"), "--as-of", "2025-01-01")


def test_an_empty_folder_is_no_export(tmp_path: Path) -> None:
    refused("intake", str(tmp_path), "--warehouse", str(tmp_path / "w"))
    assert not (tmp_path / "w" / "CURRENT").exists()


def test_a_corrupt_file_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "settlements.parquet").write_bytes(b"PAR1 this is no parquet file")
    assert "settlements.parquet" in refused("intake", str(tmp_path / "in"), "--warehouse", str(tmp_path / "w"))
    assert not (tmp_path / "w" / "CURRENT").exists()


@pytest.mark.parametrize("text", ["2025-13-01", "yesterday", "20250101x"])
def test_a_date_that_is_none(tmp_path: Path, text: str) -> None:
    assert text in refused("features", "--warehouse", str(tmp_path), "--as-of", text)


def test_an_unknown_grain_lists_the_five(tmp_path: Path) -> None:
    said = refused(
        "rank",
        "--warehouse",
        str(tmp_path),
        "--as-of",
        "2025-01-01",
        "--grain",
        "bed",
        "--out",
        str(tmp_path / "x.csv"),
    )
    assert "institution" in said


def test_an_output_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    common = ("rank", "--warehouse", str(tmp_path), "--as-of", "2025-01-01", "--grain", "person", "--out")
    assert ".xlsx" in refused(*common, str(tmp_path / "x.pdf"))
    assert "folder" in refused(*common, str(tmp_path / "no" / "x.csv"))


def test_the_county_needs_people(tmp_path: Path) -> None:
    refused("simulate", "--out", str(tmp_path / "c"), "--persons", "3", "--months", "6", "--seed", "1")
    assert not (tmp_path / "c").exists()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("road")
    done = xiezhi(
        "simulate", "--out", str(folder / "county"), "--persons", "1200", "--months", "8", "--seed", "3", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tables"]["persons"] >= 1200
    done = xiezhi("intake", str(folder / "county"), "--warehouse", str(folder / "w"), "--json")
    assert done.returncode == 0, done.stderr
    for counts in json.loads(done.stdout)["tables"].values():
        assert counts["rows_in"] == counts["accepted"] + counts["quarantined"] + counts["duplicates"]
    return folder / "w"


def last_day(house: Path) -> str:
    from claims.store.warehouse import Warehouse

    return Warehouse.open(house).span()[2].date().isoformat()


@pytest.mark.slow
def test_rank_right_after_intake_runs_what_is_missing(house: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    done = xiezhi(
        "rank",
        "--warehouse",
        str(house),
        "--as-of",
        last_day(house),
        "--grain",
        "admission",
        "--top",
        "10",
        "--out",
        str(out),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    header = out.read_text("utf-8-sig").splitlines()[0]
    assert header.startswith(
        "rank,grain,as_of,entity_id,risk,amount_at_risk_yuan,scheme,slot,reason_1,reason_2,reason_3"
    )
    import csv

    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    ranked = [r for r in rows if r["slot"] == "ranked"]
    assert len(ranked) == 10
    assert {r["slot"] for r in rows} <= {"ranked", "draw", "control"}
    assert all(r["reason_1"] for r in ranked)
    done = xiezhi(
        "explain",
        "--warehouse",
        str(house),
        "--as-of",
        last_day(house),
        "--grain",
        "admission",
        "--id",
        ranked[0]["entity_id"],
        "--json",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert abs(sum(c["contribution"] for c in told["contributions"]) + told["base"] - told["raw"]) < 1e-6
    assert told["reasons"]
    assert told["reasons"][0]["evidence"]["total"] > 0


@pytest.mark.slow
def test_unknown_ids_and_dates_outside_the_data(house: Path, tmp_path: Path) -> None:
    assert "nobody" in refused(
        "explain", "--warehouse", str(house), "--as-of", last_day(house), "--grain", "admission", "--id", "nobody"
    )
    for day in ("1999-01-01", "2031-01-01"):
        assert day in refused(
            "rank", "--warehouse", str(house), "--as-of", day, "--grain", "person", "--out", str(tmp_path / "x.csv")
        )
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.slow
def test_another_window_ranks_others_and_finds_their_claims(house: Path, tmp_path: Path) -> None:
    """A stay discharged half a year ago is in a window of 400 days only; its reasons have claim rows all the same."""
    out = tmp_path / "year.json"
    common = ("rank", "--warehouse", str(house), "--as-of", last_day(house), "--grain", "admission", "--top", "10")
    done = xiezhi(*common, "--window-days", "400", "--out", str(out))
    assert done.returncode == 0, done.stderr
    made = json.loads(out.read_text("utf-8"))
    assert "400天" in made["facts"]["described"]["排序总体"]
    assert any(r["evidence_rows"] for r in made["rows"])
    assert "at least one day" in refused(*common, "--window-days", "0", "--out", str(tmp_path / "none.json"))
