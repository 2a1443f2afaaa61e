"""Draws kept beside a warehouse: promised, taken once, repeated; one that was tampered with is found out. And a plan that puts them first."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from claims.errors import UserError
from claims.store.files import SEAL, put, sealed
from inspection.campaigns import campaigns, claims_of
from inspection.ledger import draw_name, draw_units, drawn_of, estimates, estimates_text, promise, read_draw, repeats
from inspection.plan import DRAWN, make_plan
from inspection.settings import Settings, with_teams
from inspection.sites import load_sites
from tests.features.county import T, house
from tests.worlds import Worlds

SALTS = ["alpha-salt", "beta-salt-2"]


@pytest.fixture
def warehouse(worlds: Worlds, tmp_path: Path) -> Path:
    """A copy that may be written to."""
    return Path(shutil.copytree(house(worlds, "plain"), tmp_path / "w"))


def taken(warehouse: Path, name: str = "2026-W34") -> dict:
    for by, salt in zip("甲乙", SALTS, strict=True):
        promise(warehouse, name, by, salt)
    return draw_units(warehouse, T, name, SALTS, "0817253306", 0.1, 0.3)


def test_a_draw_is_promised_taken_once_and_repeats(warehouse: Path) -> None:
    promise(warehouse, "2026-W34", "甲", SALTS[0])
    with pytest.raises(UserError, match="已为抽查"):
        promise(warehouse, "2026-W34", "甲", "another-salt")
    with pytest.raises(UserError, match="需两人"):
        draw_units(warehouse, T, "2026-W34", SALTS, "1", 0.1, 0.3)
    promise(warehouse, "2026-W34", "乙", SALTS[1])
    with pytest.raises(UserError, match="事后公开值"):
        draw_units(warehouse, T, "2026-W34", SALTS, "", 0.1, 0.3)
    kept = draw_units(warehouse, T, "2026-W34", SALTS, "0817253306", 0.1, 0.3)
    assert kept["size"] == -(-kept["population"] // 10)
    assert repeats(warehouse, "2026-W34") == []
    with pytest.raises(UserError, match="不能重抽"):
        draw_units(warehouse, T, "2026-W34", SALTS, "0817253307", 0.1, 0.3)
    with pytest.raises(UserError, match="没有名为"):
        repeats(warehouse, "nothing")


def test_a_changed_draw_is_found_out(warehouse: Path) -> None:
    kept = taken(warehouse)
    kept["drawn"] = kept["drawn"][1:]
    file = warehouse / "draws" / "2026-W34.json"
    put(file, sealed({k: v for k, v in kept.items() if k != SEAL}))
    assert any(line.startswith("drawn") for line in repeats(warehouse, "2026-W34"))
    file.write_text(file.read_text("utf-8").replace('"population"', '"populatiom"'), "utf-8")
    with pytest.raises(UserError):
        read_draw(warehouse, "2026-W34")


def test_the_plan_visits_what_was_drawn(warehouse: Path) -> None:
    drawn = [d["entity_id"] for d in taken(warehouse)["drawn"]]
    assert drawn_of(warehouse, "2026-W34") == drawn
    assert drawn_of(warehouse, "2026-W35", asked=False) == []
    plan = make_plan(load_sites(warehouse, T), {}, with_teams(Settings(), 3), week="2026-W34", drawn=drawn)
    assert {v.site for v in plan.visits if v.why == DRAWN} == set(drawn)


def test_estimates_say_where_draws_confirm_more_than_lists_promised(warehouse: Path) -> None:
    rows = [{"entity_id": f"p{i}", "probability": 0.05, "confirmed": i % 2 == 0, "inspected_at": f"{T:%Y}-02-01", "lead_source": "random", "by_chance": True} for i in range(30)]  # fmt: skip
    found = estimates(warehouse, T, {"person": pd.DataFrame(rows)})
    assert found["person"]["drift"]["alarm"] == "more"
    assert (
        "名单是否失准 名单给过概率的抽查 30 个，名单预计查实 1.5 个，实际 15 个；按名单查的 0 个，预计 0.0 个，实际 0 个；抽查明显偏多"
        in estimates_text(found)
    )
    assert found["institution"]["drift"]["alarm"] is None
    others = [r | {"lead_source": "model"} for r in rows] + [r | {"inspected_at": f"{T.year - 1}-12-31"} for r in rows]
    assert estimates(warehouse, T, {"person": pd.DataFrame(others)})["person"]["drift"]["n"] == 0


def test_estimates_say_where_a_list_confirms_less_than_it_promised(warehouse: Path) -> None:
    rows = [{"entity_id": f"p{i}", "probability": 0.6, "confirmed": i % 10 == 0, "inspected_at": f"{T:%Y}-02-01", "lead_source": "model", "by_chance": False} for i in range(30)]  # fmt: skip
    drift = estimates(warehouse, T, {"person": pd.DataFrame(rows)})["person"]["drift"]
    assert (drift["alarm"], drift["listed"], drift["n"]) == ("listed", 30, 0)
    tips = pd.DataFrame([r | {"lead_source": "tipoff"} for r in rows])
    assert estimates(warehouse, T, {"person": tips})["person"]["drift"]["listed"] == 0


def test_estimates_say_what_chance_found_or_that_it_is_too_little(warehouse: Path) -> None:
    found = estimates(warehouse, T)
    for grain in ("institution", "person", "admission"):
        said = found[grain]["rate"]
        assert (said["value"] is None) == (found[grain]["drawn"] < 10)
        assert said["value"] is None or said["low"] <= said["value"] <= said["high"]
    assert "查实率" in estimates_text(found)


def test_a_campaign_draws_among_units_that_have_its_claims(warehouse: Path) -> None:
    one = campaigns()["超量开药"]
    name = draw_name("2026-W34", one.name)
    for by, salt in zip("甲乙", SALTS, strict=True):
        promise(warehouse, name, by, salt)
    kept = draw_units(warehouse, T, name, SALTS, "0817253306", 0.3, 0.3, campaign=one)
    have = set(claims_of(warehouse, T, one)["fixmedins_code"])
    assert {d["entity_id"] for d in kept["drawn"]} <= have
    assert kept["population"] == len(have)
    assert kept["seed"] != taken(warehouse)["seed"]
    (warehouse / "campaigns.toml").write_text('["超量开药"]\ncharges = ["01"]\n', "utf-8")
    assert repeats(warehouse, name) == [], "as the campaign stood when it was drawn"
