"""At the counter as in the batch: for claims of a simulated county, every rule that is asked gives the same hits and the same amount."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from claims.errors import UserError
from claims.store.warehouse import Warehouse
from features.build import build
from features.checking.check_claim import check_claim
from features.checking.claim_file import answers_text, moment_of_claim, read_claim
from features.checking.hits import hit_rows
from features.checking.precision import decided_cases, precision_of
from tests.features import county
from tests.features.county import T
from tests.worlds import Worlds

ROOT = Path(__file__).resolve().parents[3]
CLAIMS = 30


@pytest.fixture(scope="session")
def house(worlds: Worlds) -> tuple[Path, Path]:
    return county.source(worlds), county.built(worlds, "plain").warehouse


def claims_of(source: Path) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Settled claims of the last two months before T as a till would hand them in, half of them stays."""
    con = duckdb.connect()
    settlements, lines = (f"'{source / name}.parquet'" for name in ("settlements", "fee_details"))
    found = []
    for kind in ("adm_bed IS NOT NULL", "adm_bed IS NULL"):
        rows = con.execute(
            f"SELECT * FROM {settlements} WHERE refd_setl_flag = '0' AND setl_time < '{T}' AND setl_time > DATE '{T}' - 60 AND {kind}"
            f" AND setl_id NOT IN (SELECT init_setl_id FROM {settlements} WHERE init_setl_id IS NOT NULL) ORDER BY md5(setl_id) LIMIT {CLAIMS // 2}"
        ).df()
        for row in plain(rows):
            own = con.execute(f"SELECT * FROM {lines} WHERE setl_id = ? ORDER BY feedetl_sn", [row["setl_id"]]).df()
            found.append((row, plain(own)))
    return found


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def of_claim(table: str, row: str, settlement: dict[str, Any]) -> bool:
    """Whether a record belongs to the claim: its settlement, its visit, its lines."""
    if table == "fee_details":
        return row.startswith(f"{settlement['mdtrt_id']}|")
    return row == settlement["setl_id" if table == "settlements" else "mdtrt_id"]


@pytest.mark.slow
def test_the_counter_hits_the_records_of_the_claim_that_the_batch_hits(house: tuple[Path, Path]) -> None:
    source, warehouse = house
    rows = hit_rows(warehouse, T)
    whose = dict(
        zip(
            *duckdb.sql(f"SELECT mdtrt_id, psn_no FROM '{source}/settlements.parquet'").fetchnumpy().values(),
            strict=True,
        )
    )
    compared, struck, of_stays = 0, 0, 0
    for settlement, lines in claims_of(source):
        answers = check_claim(settlement, lines, warehouse, T)
        asked = {(a.rule, a.grain) for a in answers if a.status != "not_evaluable"}
        mine = rows["entity_id"].map(lambda e: whose.get(e, e)) == settlement["psn_no"]
        own = rows[mine].reset_index(drop=True)
        records = pd.Series([of_claim(r.row_table, r.row_id, settlement) for r in own.itertuples()], dtype=bool)
        own = own[records & ((own["row_table"] != "visits") | (own["entity_id"] == settlement["mdtrt_id"]))]
        batch = {(r.rule, r.grain, r.row_id) for r in own.itertuples() if (r.rule, r.grain) in asked}
        hit = [(a, r) for a in answers if a.status == "hit" for r in a.rows]
        ours = {(a.rule, a.grain, r.row_id) for a, r in hit if of_claim(r.row_table, r.row_id, settlement)}
        assert ours == batch, settlement["setl_id"]
        others = [(a, r) for a, r in hit if not of_claim(r.row_table, r.row_id, settlement)]
        assert all(a.grain == "admission" for a, _ in others), (
            "only its own visit may rest on another record (a return)"
        )
        compared += len(asked)
        struck += len(batch)
        of_stays += sum(settlement["mdtrt_id"] != e for e in own.loc[own["grain"] == "admission", "entity_id"])
    assert compared > 40 * CLAIMS
    assert struck > CLAIMS / 3, "too few hits to mean anything"
    print(f"{struck} records hit, {of_stays} of them swipes during a stay")


@pytest.mark.slow
def test_decided_cases_are_those_known_by_the_date(house: tuple[Path, Path]) -> None:
    source, warehouse = house
    known = decided_cases(Warehouse.open(warehouse), T)
    checks = duckdb.sql(f"SELECT count(DISTINCT mdtrt_id) FROM '{source}/presence_checks.parquet' WHERE check_time <= TIMESTAMP '{T} 23:59:59' AND result_code NOT IN ('B6_DISCHARGED', 'B8_UNABLE')")  # fmt: skip
    told = known[known["grain"] == "admission"]
    assert len(told) >= checks.fetchall()[0][0] > 0
    assert known["inspected_at"].max() <= pd.Timestamp(T) + pd.Timedelta(days=1)
    assert not known.duplicated(["grain", "entity_id", "inspected_at"]).any()
    assert sum(p.decided for p in precision_of("R13", warehouse, T)) == 0, "no list precedes any inspection"


@pytest.mark.slow
def test_peer_rules_wait_for_limits_and_then_answer(house: tuple[Path, Path]) -> None:
    source, warehouse = house
    settlement, lines = claims_of(source)[0]
    early = {a.rule: a for a in check_claim(settlement, lines, warehouse, date(2026, 5, 1)) if a.grain == "admission"}
    late = {a.rule: a for a in check_claim(settlement, lines, warehouse, T) if a.grain == "admission"}
    assert early["R04"].status == "not_evaluable"
    assert "xiezhi features" in early["R04"].missing
    assert late["R04"].status in ("hit", "clear")
    assert build(warehouse, T, "admission").limits()["column"].eq("rule_r04").any()


@pytest.mark.slow
def test_the_command_takes_json_and_csv(house: tuple[Path, Path], tmp_path: Path) -> None:
    source, warehouse = house
    settlement, lines = claims_of(source)[0]
    (tmp_path / "claim.json").write_text(json.dumps({"settlement": settlement, "lines": lines}), "utf-8")
    pd.DataFrame([settlement]).to_csv(tmp_path / "claim.csv", index=False)
    pd.DataFrame(lines).to_csv(tmp_path / "lines.csv", index=False)
    said = []
    for words in (["claim.json"], ["claim.csv", "--lines", str(tmp_path / "lines.csv")]):
        command = [
            sys.executable,
            "-m",
            "xiezhi",
            "check",
            "--warehouse",
            str(warehouse),
            "--json",
            "--claim",
            str(tmp_path / words[0]),
            *words[1:],
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
    assert said[0]["answers"] == said[1]["answers"]
    assert {a["status"] for a in said[0]["answers"]} >= {"clear"}


def test_a_claim_file_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("mdtrt_id,psn_no\n1,a\n2,b\n", "utf-8")
    with pytest.raises(UserError, match="2 settlements"):
        read_claim(tmp_path / "two.csv")
    (tmp_path / "broken.json").write_text("{", "utf-8")
    with pytest.raises(UserError, match="not valid JSON"):
        read_claim(tmp_path / "broken.json")
    (tmp_path / "flat.json").write_text(
        '{"mdtrt_id": "1", "begntime": "2025-06-01 08:00:00", "fee_details": [{"cnt": 1}, {"mdtrt_id": "2"}]}', "utf-8"
    )
    settlement, lines = read_claim(tmp_path / "flat.json")
    assert lines == [{"cnt": 1}], "a line of another visit is left out"
    assert moment_of_claim(settlement).hour == 8
    with pytest.raises(UserError, match="is not a time"):
        moment_of_claim({"setl_time": "yesterday"})


def test_answers_as_text_name_rows_and_amounts() -> None:
    stay = {"setl_id": "x1", "mdtrt_id": "v1", "psn_no": "ann", "fixmedins_code": "ward", "med_type": "21", "begntime": "2025-06-01 10:00:00", "endtime": "2025-06-05 09:00:00", "medfee_sumamt": "300"}  # fmt: skip
    line = {"med_list_codg": "ct", "hilist_name": "CT平扫", "med_chrgitm_type": "03", "cnt": "1", "pric": "300", "det_item_fee_sumamt": "300", "fee_ocur_time": "2025-06-09 09:00:00"}  # fmt: skip
    text = answers_text(check_claim(stay, [line], None, date(2025, 6, 30)))
    assert "R12 计费日期与住院时间不符" in text
    assert "fee_details v1|000001  300.00 元" in text
    assert "非违规结论" in text
    with pytest.raises(UserError, match="expected"):
        check_claim(stay | {"medfee_sumamt": "many"}, [], None, date(2025, 6, 30))
    with pytest.raises(UserError, match="cannot be read"):
        check_claim(stay | {"endtime": "the fifth"}, [], None, date(2025, 6, 30))


def test_hits_of_some_are_those_of_all_about_them(house: tuple[Path, Path]) -> None:
    every = hit_rows(house[1], T)
    stays = every[every["grain"] == "admission"]
    some = set(stays["entity_id"].unique()[:3])
    found = hit_rows(house[1], T, None, {"admission": some}, records=True)
    own = stays[stays["entity_id"].isin(some)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[own.columns], own, check_dtype=False)
    mine = found[found["row_table"] == "visits"]
    assert (mine["record_visit"] == mine["row_id"]).all()
