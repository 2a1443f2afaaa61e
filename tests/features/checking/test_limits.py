"""Rules held against peers: the limit of the finest group that has enough members, and whoever has none is not judged."""

import numpy as np
import pandas as pd

from features.bucket import STAT
from features.declarations import load_catalog
from features.declare import REGISTRY
from features.limits import hold_against

load_catalog()
R19 = REGISTRY["rule_r19"]
R04 = REGISTRY["rule_r04"]


def ward(nights: list[float], group: str, coarse: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    ids = pd.Index([f"{group}{i}" for i in range(len(nights))], name="entity_id")
    values = pd.DataFrame({"rule_r19": 1.0, "rule_r19_fen": 1000.0, "rule_r19" + STAT: nights}, index=ids)
    return values, pd.DataFrame({"peer_group": group, "peer_group_coarse": coarse}, index=ids)


def test_only_the_longest_of_its_kind_hits_and_only_its_excess_counts() -> None:
    values, groups = ward([5.0] * 110 + [10.0] * 90 + [40.0], "J18|2", "2")
    held, limits = hold_against(values, groups, [R19])
    assert held["rule_r19"].sum() == 1
    assert held["rule_r19"].iloc[-1] == 1
    assert held["rule_r19_fen"].iloc[-1] == 750, "ten of forty nights are within the ninth decile"
    assert set(limits["peer_group"]) == {"a:J18|2", "b:2", "c:全部"}
    assert STAT not in "".join(held.columns)


def test_a_small_group_is_held_against_the_coarser_one() -> None:
    many, of_many = ward([5.0] * 150, "J18|2", "2")
    few, of_few = ward([6.0, 60.0], "A41|2", "2")
    held, limits = hold_against(pd.concat([many, few]), pd.concat([of_many, of_few]), [R19])
    assert "a:A41|2" not in set(limits["peer_group"])
    assert held.loc["A41|21", "rule_r19"] == 1
    assert held.loc["J18|20", "rule_r19"] == 0


def test_too_few_peers_is_missing_and_not_zero() -> None:
    held, limits = hold_against(*ward([5.0, 60.0], "J18|2", "2"), [R19])
    assert limits.empty
    assert held["rule_r19"].isna().all()


def test_nobody_without_a_statistic_is_judged_or_counted() -> None:
    values, groups = ward([np.nan] * 20 + [5.0] * 12, "F20|2", "2")
    values.columns = pd.Index([c.replace("rule_r19", "rule_r04") for c in values])
    held, limits = hold_against(values, groups, [R04])
    assert (held["rule_r04"] == 0).all()
    assert set(limits["n"]) == {12}
