"""Evidence rows as JSON: a sum of money that is not known stays unknown."""

import pandas as pd

from serving.lists.dossier import records_of
from serving.web.evidence_rows import counted, view


def test_money_that_is_not_known_is_none() -> None:
    frame = pd.DataFrame({"row_id": ["a", "b"], "fen": pd.array([1234, None], "object"), "fund_fen": [pd.NA, 500]})
    assert [(r["yuan"], r["fund_yuan"]) for r in records_of(frame)] == [(12.34, None), (None, 5.0)]


def test_money_told_twice_and_the_day_of_a_time_are_one_column() -> None:
    rows = [
        {"happened_at": "2025-05-01 11:16", "begntime": f"2025-04-1{i} 10:03", "adm_date": f"2025-04-1{i}", "fund_yuan": 9.0 + i, "fee_yuan": 1.0,
         "yuan": 9.0 + i, "record_fee_yuan": 20.0, "record_fund_yuan": 9.0 + i, "row_table": "visits", "row_id": str(i)}
        for i in (1, 2)
    ]  # fmt: skip
    assert view(rows)["columns"] == ["happened_at", "yuan", "begntime", "record_fund_yuan", "row_table", "row_id"]
    apart = [rows[0], {**rows[1], "fund_yuan": 3.0, "adm_date": "2025-04-01"}]
    assert {"fund_yuan", "adm_date"} <= set(view(apart)["columns"]), "once they differ both are shown"


def test_a_stay_not_settled_counts_no_nought() -> None:
    assert counted({"yuan": 0.0, "record_fund_yuan": None, "record_acct_yuan": None}) is None
    assert counted({"yuan": 0.0, "record_fund_yuan": 0.0, "record_acct_yuan": None}) == 0.0
    assert counted({"yuan": 5.0, "record_fund_yuan": None}) == 5.0
