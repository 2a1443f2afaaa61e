"""Evidence rows as JSON: a sum of money that is not known stays unknown."""

import pandas as pd

from serving.lists.dossier import records_of


def test_money_that_is_not_known_is_none() -> None:
    frame = pd.DataFrame({"row_id": ["a", "b"], "fen": pd.array([1234, None], "object"), "fund_fen": [pd.NA, 500]})
    assert [(r["yuan"], r["fund_yuan"]) for r in records_of(frame)] == [(12.34, None), (None, 5.0)]
