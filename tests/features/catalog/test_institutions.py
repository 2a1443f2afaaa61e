"""Indicators of institutions: shares add up and jumps are seen."""

import pytest

from tests.features.catalog.drawn import draw, measure_of


def test_the_structure_of_fees_and_its_jump() -> None:
    rows = ["feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_chrgitm_type fen"]
    for i in range(30):
        rows += [
            f"o{i} o{i} p{i} clinic 04-{i % 28 + 3:02d}T10:00 09 1000",
            f"n{i} n{i} p{i} clinic 06-{i % 28 + 2:02d}T10:00 04 1000",
        ]
        rows += [
            f"s{i} s{i} p{i} steady 04-{i % 28 + 3:02d}T10:00 09 1000",
            f"t{i} t{i} p{i} steady 06-{i % 28 + 2:02d}T10:00 09 1000",
        ]
    found = measure_of(
        draw(lines="\n".join(rows)),
        "unit_drug_share",
        "unit_test_share",
        "unit_test_jump",
        "rule_r59",
        of="clinic steady",
    )
    assert found["unit_drug_share_90"].to_dict() == {"clinic": 0.5, "steady": 1}
    assert found["unit_test_jump_180"].to_dict() == {"clinic": 1, "steady": 0}
    assert found["rule_r59_180"].to_dict() == {"clinic": 2, "steady": 0}, "drugs fell and tests rose"


def test_growth_transfers_and_cost_per_visit() -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at fund_pay_sumamt_fen"]
    rows += [f"a{i} p{i} clinic 02-{i % 27 + 1:02d}T10:00 50000" for i in range(30)] + [
        f"b{i} q{i} clinic 06-{i % 27 + 1:02d}T10:00 50000" for i in range(60)
    ]
    stays = ["mdtrt_id psn_no fixmedins_code adm_date end_at dscg_way"] + [
        f"v{i} p{i} clinic 06-01 06-10T10:00 {2 if i < 3 else 1}" for i in range(12)
    ]
    found = measure_of(
        draw(settlements="\n".join(rows), stays="\n".join(stays)),
        "unit_fund_growth",
        "unit_visit_yuan",
        "unit_transfer_share",
        of="clinic",
    ).loc["clinic"]
    assert found["unit_fund_growth_180"] == pytest.approx(2)
    assert found["unit_visit_yuan_90"] == 500
    assert found["unit_transfer_share_180"] == 0.25


def test_settlements_during_a_suspension() -> None:
    con = draw(
        agreement_periods="fixmedins_code begndate stas enddate\nshop 05-01 suspended 05-31\n",
        settlements="setl_id psn_no fixmedins_code happened_at acct_pay_fen\n1 ann shop 05-10T10:00 700\n2 ann shop 06-01T10:00 800\n",
    )
    found = measure_of(con, "rule_r33", of="shop").loc["shop"]
    assert found.tolist() == [1, 700]


def test_settled_more_than_ever_bought() -> None:
    con = draw(
        stock_moves="move_id fixmedins_code med_list_codg move_type cnt_e4 move_time\n1 shop pill open 100000 01-01T08:00\n2 shop pill buy 400000 02-01T08:00\n3 shop tea buy 500000 02-01T08:00\n",
        lines="feedetl_sn psn_no fixmedins_code happened_at med_list_codg cnt fen\n1 ann shop 06-01T10:00 pill 60 60000\n2 ann shop 06-01T10:00 tea 51 51000\n",
    )
    found = measure_of(con, "rule_r48", of="shop").loc["shop"]
    assert found["rule_r48_365"] == 1, "two per cent more is a matter of counting"
    assert found["rule_r48_365_fen"] == 10000
