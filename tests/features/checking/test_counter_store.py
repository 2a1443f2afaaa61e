"""What the counter keeps between checks changes no answer: not after other persons' claims, a new batch or a decision of
the office; and no rule is passed over that would have hit."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.checking.check_claim import RuleAnswer, check_claim
from features.checking.counter_store import CounterStore
from features.office import Entry, add
from tests.claims.county import LINE, UNIT, VISIT, write

AFTER = date(2025, 6, 30)
STAY = VISIT | {
    "med_type": "21", "begntime": "2025-04-01 09:00:00", "endtime": "2025-06-01 09:00:00", "setl_time": "2025-06-01 10:00:00",
    "dscg_maindiag_code": "S82.800", "trum_flag": "1",
}  # fmt: skip
SHOP = UNIT | {"fixmedins_code": "S1", "fixmedins_type": "2", "hosp_lv": "11", "aprv_bed_cnt": ""}
ITEM: dict[str, object] = {
    "med_list_codg": "X001",
    "lmt_gend": "1",
    "resale_risk_flag": "1",
    "max_freq": "1",
    "freq_window_days": "1",
}
SWIPE = VISIT | {
    "setl_id": "S9", "mdtrt_id": "M9", "fixmedins_code": "H2", "med_type": "11", "begntime": "2025-04-20 09:00:00", "endtime": "2025-04-20 09:00:00",
    "setl_time": "2025-04-20 09:05:00",
}  # fmt: skip
SOLD = {
    "med_list_codg": "X001", "hilist_name": "药", "med_chrgitm_type": "09", "cnt": 3, "pric": 50, "det_item_fee_sumamt": 150,
    "fee_ocur_time": "2025-04-20 09:00:00", "prd_days": 300,
}  # fmt: skip
LATE = {k: v for k, v in SOLD.items() if k != "prd_days"} | {
    "fee_ocur_time": "2025-06-09 09:00:00",
    "med_chrgitm_type": "03",
}
CLAIMS: list[tuple[dict[str, Any], list[dict[str, Any]], date]] = [
    (SWIPE, [SOLD], AFTER),
    (STAY, [LATE], AFTER),
    (SWIPE | {"psn_no": "P2"}, [], date(2025, 4, 20)),
    (SWIPE, [SOLD, SOLD], date(2025, 4, 20)),
    (STAY | {"setl_id": "S2", "mdtrt_id": "M2"}, [LATE], AFTER),
    (SWIPE, [], AFTER),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kept")
    old = VISIT | {"setl_id": "S0", "mdtrt_id": "M0", "fixmedins_code": "S1", "med_type": "41"}
    claims = write(root / "one", institutions=[UNIT, SHOP], settlements=[STAY, old], fee_details=[LINE], catalog=[ITEM])
    intake(claims, root / "house", known_at=date(2025, 6, 2))
    return root / "house"


def every(store: CounterStore | Path) -> list[list[RuleAnswer]]:
    return [check_claim(settlement, lines, store, at) for settlement, lines, at in CLAIMS]


def hits(answers: Iterable[list[RuleAnswer]]) -> set[tuple[str, str]]:
    return {(a.rule, a.grain) for told in answers for a in told if a.status == "hit"}


def test_what_is_kept_changes_no_answer(house: Path) -> None:
    kept, fresh = CounterStore(house), every(house)
    assert every(kept) == fresh
    assert every(kept) == fresh, "a second round, all claims having been there"
    assert {("R01", "admission"), ("R12", "admission"), ("R62", "admission")} <= hits(fresh)
    batches = Warehouse.open(house).batches
    filing: dict[str, object] = {"psn_no": "P1", "kind": "家庭病床", "begndate": "2025-04-01", "enddate": "2025-05-30"}
    intake(write(house.parent / "two", settlements=[], filings=[filing]), house, known_at=date(2025, 6, 20))
    assert len(Warehouse.open(house).batches) == len(batches) + 1
    assert every(kept) == every(house) != fresh
    add(house, [Entry("state", "R01", "shadow", "2025-01-01", ("甲",), "误报多")])
    assert every(kept) == every(house)
    assert ("R01", "admission") not in hits(every(kept))


def test_no_rule_is_passed_over_that_would_have_hit(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = CounterStore(house)
    every(kept)
    passed_over = every(kept)
    monkeypatch.setattr(CounterStore, "might_hit", lambda store, rules, *_: {f.name for f in rules})
    assert every(kept) == passed_over


def test_a_claim_that_cannot_be_read_leaves_nothing_behind(house: Path) -> None:
    kept, (settlement, lines, at) = CounterStore(house), CLAIMS[0]
    before = check_claim(settlement, lines, kept, at)
    with pytest.raises(UserError, match="cannot be read"):
        check_claim(settlement | {"endtime": "the fifth"}, lines, kept, at)
    assert kept.con.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name <> 'main'").fetchall() == [(0,)]
    assert check_claim(settlement, lines, kept, at) == before
