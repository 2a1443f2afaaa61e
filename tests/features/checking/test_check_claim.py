"""A claim at the counter, judged alone: the settlement and its lines, no warehouse."""

from datetime import date

import pytest

from claims.errors import UserError
from features.checking.check_claim import check_claim
from features.checking.describe import show_rule
from features.checking.hits import rules_of
from features.office import Office
from features.thresholds import settings

STAY = {
    "setl_id": "x1", "mdtrt_id": "v1", "psn_no": "ann", "fixmedins_code": "ward", "insutype": "310", "psn_type": "1101", "med_type": "21",
    "begntime": "2025-06-01 10:00:00", "endtime": "2025-06-05 09:00:00", "setl_time": "2025-06-05 10:00:00", "dscg_maindiag_code": "S82.800",
    "medfee_sumamt": 1000.5, "fund_pay_sumamt": 700.25, "refd_setl_flag": "0",
}  # fmt: skip
LINE = {
    "med_list_codg": "ct",
    "hilist_name": "CT平扫",
    "med_chrgitm_type": "03",
    "cnt": 1,
    "pric": 300,
    "det_item_fee_sumamt": 300,
    "inscp_scp_amt": 270,
}


def test_an_injury_and_a_line_after_discharge_are_hits_with_their_amounts() -> None:
    inside, late = LINE | {"fee_ocur_time": "2025-06-02 09:00:00"}, LINE | {"fee_ocur_time": "2025-06-09 09:00:00"}
    answers = check_claim(STAY, [inside, late], None, date(2025, 6, 30))
    found = {(a.rule, a.grain): a for a in answers}
    assert found["R12", "admission"].hits == 1, "the line within the stay is no hit"
    assert found["R12", "admission"].amount_fen == 27000
    assert found["R62", "admission"].amount_fen == 70025
    assert (answers[0].status, answers[0].kind) == ("hit", "hard"), "hard hits come first"
    assert found["R13", "admission"].status == "clear"
    assert found["R20", "admission"].status == "not_evaluable"
    assert "filings" in found["R20", "admission"].missing
    assert "{" not in "".join(a.reason for a in answers)


def test_a_visit_not_yet_billed_is_judged_too() -> None:
    unsettled = {k: v for k, v in STAY.items() if k not in ("setl_id", "setl_time", "fund_pay_sumamt")}
    found = {(a.rule, a.grain): a for a in check_claim(unsettled, [], None, date(2025, 6, 30))}
    assert found["R62", "admission"].hits == 1
    assert found["R12", "admission"].status == "clear"
    late = LINE | {"fee_ocur_time": "2025-06-09 09:00:00"}
    found = {(a.rule, a.grain): a for a in check_claim(unsettled, [late], None, date(2025, 6, 30))}
    assert found["R12", "admission"].hits == 1


def test_what_a_claim_leaves_empty_makes_a_rule_not_evaluable() -> None:
    bought = STAY | {"med_type": "41", "endtime": STAY["begntime"], "acct_pay": 100}
    found = {(a.rule, a.grain): a for a in check_claim(bought, [], None, date(2025, 6, 30))}
    assert "balc" in found["R28", "person"].missing
    found = {(a.rule, a.grain): a for a in check_claim(bought | {"balc": 0}, [], None, date(2025, 6, 30))}
    assert not found["R28", "person"].missing


def test_a_claim_without_its_key_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match="psn_no"):
        check_claim({k: v for k, v in STAY.items() if k != "psn_no"}, [], None, date(2025, 6, 30))


def test_every_rule_declared_has_its_entry_and_its_text() -> None:
    for feature in rules_of():
        assert settings()[str(feature.rule)]["amount"].startswith("M-")
    text = show_rule("r13", Office(), date(2025, 6, 30))
    assert "49 分解住院" in text
    assert "max_gap_days = 15" in text
    assert "SELECT" in text
    with pytest.raises(UserError, match="R99"):
        show_rule("R99", Office(), date(2025, 6, 30))
