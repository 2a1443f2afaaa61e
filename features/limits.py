"""The limits that peers set, and rules held against them: the same table for the batch and for a claim at the counter.

One row a rule column and peer group. Groups are named as in features/peers.py: `a:` the finest, `b:` the coarser, `c:`
all; groups with too few members have no row, so whoever looks falls through to the next. A rule for whom nobody sets a
limit is not judged: missing, never zero.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.bucket import STAT
from features.declare import Feature, PeerTest, amount_name

LIMITS = ["column", "peer_group", "n", "median", "limit", "reference"]


def hold_against(
    values: pd.DataFrame, entities: pd.DataFrame, features: Sequence[Feature]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`values` without its `…__stat` columns, rules with a peer test kept where they stand apart; and the limits
    (columns `LIMITS`).

    Both frames are indexed by entity_id; `entities` has `peer_group` and `peer_group_coarse`.
    """
    tables = []
    held = values[[c for c in values.columns if not str(c).endswith(STAT)]].copy()
    groups = entities[["peer_group", "peer_group_coarse"]].reindex(values.index).fillna("?").astype(str)
    for f in features:
        if f.peers is None:
            continue
        table = limits_of(f, values[f.columns()[0] + STAT], groups)
        held = apply_limits(f, held, values[f.columns()[0] + STAT], groups, table)
        tables.append(table)
    return held, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=LIMITS)


def limits_of(f: Feature, statistic: pd.Series, groups: pd.DataFrame) -> pd.DataFrame:
    """The limit of every group with enough members (columns `LIMITS`)."""
    assert f.peers is not None
    known = statistic.dropna()
    rows = []
    kinds = ("a:" + groups["peer_group"], "b:" + groups["peer_group_coarse"], pd.Series("c:全部", index=groups.index))
    for names in kinds:
        for name, members in known.groupby(names.reindex(known.index), sort=True):
            if len(members) >= f.peers.least:
                rows.append((f.columns()[0], str(name), len(members), *_limit(f.peers, members.to_numpy("float64"))))
    return pd.DataFrame(rows, columns=LIMITS)


def _limit(test: PeerTest, x: np.ndarray) -> tuple[float, float, float]:
    median = float(np.median(x))
    if test.quantile is not None:
        limit = float(np.quantile(x, test.quantile))
    elif test.times is not None:
        limit = test.times * median
    else:
        mad = 1.4826 * float(np.median(np.abs(x - median)))
        step = (test.z or 0.0) * (mad if mad > 1e-12 else float(x.std()))
        limit = median + step if test.side == "high" else median - step
    return median, limit, float(np.quantile(x, test.excess)) if test.excess is not None else float("nan")


def apply_limits(
    f: Feature, values: pd.DataFrame, statistic: pd.Series, groups: pd.DataFrame, limits: pd.DataFrame
) -> pd.DataFrame:
    """The rule's column and amount of `values` (shape n × m) after its test against `limits`."""
    assert f.peers is not None
    column = f.columns()[0]
    own = limits[limits["column"] == column].set_index("peer_group")
    limit, reference = (_look_up(own[c], groups) for c in ("limit", "reference"))
    beyond = statistic > limit if f.peers.side == "high" else statistic < limit
    unknown = statistic.notna() & limit.isna() & (values[column] > 0)
    out = values.assign(**{column: values[column].where(beyond, 0.0).mask(unknown)})
    if f.amount is not None:
        share = (1 - reference / statistic).clip(0, 1) if f.peers.excess is not None else 1.0
        fen = amount_name(column)
        out[fen] = (values[fen] * share).where(beyond, 0.0).round()
    return out


def _look_up(of_group: pd.Series, groups: pd.DataFrame) -> pd.Series:
    """For each entity the figure of its finest group that has one; NaN where none has."""
    fine = ("a:" + groups["peer_group"]).map(of_group)
    coarse = ("b:" + groups["peer_group_coarse"]).map(of_group)
    every = of_group.get("c:全部", float("nan"))
    # A group with a row but without a reference (no excess declared) must not fall through to another group.
    has_fine, has_coarse = (
        ("a:" + groups["peer_group"]).isin(of_group.index),
        ("b:" + groups["peer_group_coarse"]).isin(of_group.index),
    )
    return fine.where(has_fine, coarse.where(has_coarse, every)).astype("float64")
