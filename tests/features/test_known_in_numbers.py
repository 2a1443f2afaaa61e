"""What the bureau did not know yet is in no number: from the deliveries to the feature columns."""

from datetime import date
from pathlib import Path

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.bucket import evaluate, focus
from features.build import build
from features.checking.check_claim import check_claim
from features.declarations import load_catalog
from tests.claims.county import LINE, UNIT, VISIT, write

load_catalog()
T, AFTER = date(2025, 4, 5), date(2025, 6, 30)
STAY = VISIT | {
    "med_type": "21",
    "begntime": "2025-04-01 09:00:00",
    "endtime": "2025-06-01 09:00:00",
    "setl_time": "2025-06-01 10:00:00",
    "dscg_maindiag_code": "S82.800",
    "trum_flag": "1",
}
SURGERY = LINE | {"fee_ocur_time": "2025-04-02 09:00:00", "med_chrgitm_type": "06", "hilist_name": "骨折切开复位"}


def number(house: Path, at: date, name: str) -> float:
    """One column of the only stay of the house."""
    with open_views(Warehouse.open(house), at, "institution", 0) as con:
        focus(con, "admission", 400)
        return float(evaluate(con, [load_catalog()[name]])[name].iloc[0])


def test_an_operation_of_may_clears_no_stay_in_april(tmp_path: Path) -> None:
    operation = {"mdtrt_id": "M1", "seq": "1", "oprn_oprt_code": "79.36", "oprn_oprt_date": "2025-05-20 08:00:00"}
    claims = write(tmp_path / "claims", settlements=[STAY], fee_details=[SURGERY], operations=[operation])
    intake(claims, tmp_path / "house", known_at=AFTER)
    assert [number(tmp_path / "house", at, "rule_r55") for at in (T, date(2025, 5, 20))] == [1, 0]


def test_a_verdict_of_june_closes_no_injury_in_april(tmp_path: Path) -> None:
    case = {"case_no": "1", "psn_no": "P1", "mdtrt_id": "M1", "verdict": "无第三方责任", "verdict_date": "2025-06-20"}
    claims = write(tmp_path / "claims", settlements=[STAY], injury_cases=[case])
    intake(claims, tmp_path / "house", known_at=AFTER)
    assert [number(tmp_path / "house", at, "injury_stay") for at in (T, AFTER)] == [1, 0]


def test_features_are_built_over_a_hospital_delivered_again(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "one", settlements=[STAY], fee_details=[SURGERY]), house, known_at=date(2025, 6, 2))
    unit = UNIT | {"aprv_bed_cnt": "35", "hosp_lv": "01"}
    intake(write(tmp_path / "two", persons=[], institutions=[unit]), house, known_at=date(2025, 6, 20))
    before, after = (build(house, at, "institution").entities() for at in (date(2025, 6, 19), AFTER))
    assert list(before["total_fen"]) == list(after["total_fen"]) == [10010]
    assert [group.rpartition("|")[2] for group in (*before["peer_group"], *after["peer_group"])] == ["2", "3"]
    answers = check_claim(STAY | {"setl_id": "S2", "mdtrt_id": "M2"}, [], house, AFTER)
    injury = next(a for a in answers if (a.rule, a.grain) == ("R62", "admission"))
    assert (injury.hits, injury.amount_fen) == (1, 6000)


def test_at_the_counter_a_swipe_raises_the_stay_it_falls_into(tmp_path: Path) -> None:
    house = tmp_path / "house"
    shop = UNIT | {"fixmedins_code": "S1", "fixmedins_type": "2", "hosp_lv": "11", "aprv_bed_cnt": ""}
    old = VISIT | {"setl_id": "S0", "mdtrt_id": "M0", "fixmedins_code": "S1", "med_type": "41"}
    intake(
        write(tmp_path / "one", institutions=[UNIT, shop], settlements=[STAY, old]), house, known_at=date(2025, 6, 2)
    )
    swipe = VISIT | {"setl_id": "S9", "mdtrt_id": "M9", "fixmedins_code": "H2", "med_type": "11", "begntime": "2025-04-20 09:00:00", "endtime": "2025-04-20 09:00:00", "setl_time": "2025-04-20 09:05:00"}  # fmt: skip
    found = {(a.rule, a.grain): a for a in check_claim(swipe, [], house, AFTER)}
    away = found["R01", "admission"]
    assert (away.status, [r.row_id for r in away.rows]) == ("hit", ["S9"])
    later = swipe | {
        "begntime": "2025-06-10 09:00:00",
        "endtime": "2025-06-10 09:00:00",
        "setl_time": "2025-06-10 09:05:00",
    }
    assert {(a.rule, a.grain): a for a in check_claim(later, [], house, AFTER)}["R01", "admission"].status == "clear"


def test_at_the_counter_a_pack_settled_for_another_is_seen(tmp_path: Path) -> None:
    house, code = tmp_path / "house", "81234567890123456789"
    sold = LINE | {
        "setl_id": "S2",
        "mdtrt_id": "M2",
        "psn_no": "P2",
        "med_chrgitm_type": "09",
        "cnt": "1",
        "drug_trac_codg": code,
    }
    intake(write(tmp_path / "one", settlements=[VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "psn_no": "P2"}], fee_details=[sold]), house, known_at=date(2025, 6, 2))  # fmt: skip
    claim = VISIT | {
        "setl_id": "S9",
        "mdtrt_id": "M9",
        "begntime": "2025-06-20 09:00:00",
        "setl_time": "2025-06-20 09:05:00",
    }
    line = {"med_list_codg": "X001", "hilist_name": "药", "med_chrgitm_type": "09", "cnt": 1, "pric": 50, "det_item_fee_sumamt": 50, "fee_ocur_time": "2025-06-20 09:00:00"}  # fmt: skip
    again = {
        (a.rule, a.grain): a
        for a in check_claim(claim, [line | {"drug_trac_codg": code}], house, AFTER)
        if a.kind == "hard"
    }
    assert (again["R40", "person"].status, again["R40", "person"].amount_fen) == ("hit", 5000)
    assert [r.row_id for r in again["R40", "person"].rows] == ["M9|000001"], "the other's row is not the claim's"
    fresh = {
        (a.rule, a.grain): a
        for a in check_claim(claim, [line | {"drug_trac_codg": code[:-1] + "0"}], house, AFTER)
        if a.kind == "hard"
    }
    assert fresh["R40", "person"].status == "clear"
