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
