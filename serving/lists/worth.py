"""What a visit to a unit may be worth: the chance that it confirms something, and the yuan it would confirm, for the week's plan.

Two views of the same money, of which the larger counts, never both: the unit as its own list has it (what unit-wide patterns come to), and the suspects
behind its counter, each with his own chance and amount: stays there, and persons by what part of their spending lies there. Doctors are left out: their stays and
lines are the same money again. Only fitted probabilities are added up: a sum of risk scores over thousands would tell a unit's size and not its
wrongs. Nobody is counted who has a conclusive finding, and nothing above what the unit was paid in the year. A unit with one is on no list, but what was concluded is what was seen by then: the suspects behind
its counter today are worth a visit to it too, with the chance at which units so concluded were confirmed again.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from claims.errors import Damaged, Outdated, UserError
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of, open_views
from features.matrix import Matrix
from inspection.campaigns import Campaign, must_be_answered
from inspection.plan import Expected
from models.score import Scored
from serving.lists.campaign import claimed, members
from serving.lists.source import scored_matrix

LEAST_CHANCE = 0.01
"""Of a unit, where its yuan are told from its suspects: a sum divided by less would say more than anybody knows."""
AS_OF = 4
"""Inspections that the share confirmed among first ones is worth, where few units were inspected again."""
_SPENT = """
SELECT psn_no, fixmedins_code, sum(coalesce(fund_pay_sumamt_fen, 0) + coalesce(acct_pay_fen, 0))::BIGINT AS fen, is_inpatient IS TRUE AS stay
FROM net.settlements WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY GROUP BY ALL
"""


def worth_of_units(warehouse: Path, when: date, by: str = "", campaign: Campaign | None = None) -> dict[str, Expected]:
    """Of every unit without a conclusive finding; campaign: by its suspects and its money alone. UserError where the claims lack its columns."""
    if campaign is not None:
        must_be_answered(Warehouse.open(warehouse), when, campaign)
    matrix, scored = scored_matrix(warehouse, when, "institution", by=by)
    own = of_entities(warehouse, when, matrix, scored, campaign)
    spent = _spent(warehouse, when)
    again = confirmed_again(read_findings(Warehouse.open(warehouse), moment_of(when)))
    paid = spent.groupby("fixmedins_code")["fen"].sum()
    return together(own, suspects(warehouse, when, by, campaign, spent), paid, again)


def confirmed_again(findings: pd.DataFrame) -> pd.Series:
    """By unit with a conclusion: the share of units so concluded that were confirmed when inspected next, drawn to the share confirmed at first inspections."""
    told = findings[(findings["grain"] == "institution") & findings["conclusive"].astype(bool)]
    told = told.sort_values(["entity_id", "inspected_at", "finding_id"])
    hit = told["outcome"].eq("confirmed")
    before = hit.groupby(told["entity_id"]).shift()
    first = hit[before.isna()]
    base = (float(first.sum()) + 0.5) / (len(first) + 1)
    share = {}
    for was in (True, False):
        next_time = hit[before.eq(was)]
        share[was] = (float(next_time.sum()) + AS_OF * base) / (len(next_time) + AS_OF)
    return hit.groupby(told["entity_id"]).last().map(share).astype(float)


def together(own: pd.DataFrame, behind: pd.Series, paid: pd.Series, again: pd.Series | None = None) -> dict[str, Expected]:  # fmt: skip
    """own: chance, fen by unit; behind: expected fen of each unit's suspects; paid: fen in the year; again: chance of units with a conclusion, which have no own list."""
    if again is not None:
        decided = again[again.index.isin(behind.index[behind > 0]) & ~again.index.isin(own.index)]
        own = pd.concat([own[["chance", "fen"]], pd.DataFrame({"chance": decided, "fen": 0.0})])
    found = {}
    for code, row in own.iterrows():
        most = float(paid.get(code, row["fen"]))
        chance = float(row["chance"])
        seen = float(behind.get(code, 0.0))
        if seen > 0:
            chance = max(chance, LEAST_CHANCE)
        fen = max(float(row["fen"]), seen / chance if chance > 0 else 0.0)
        found[str(code)] = Expected(chance, min(fen, max(most, 0.0)) / 100)
    return found


def suspects(warehouse: Path, when: date, by: str, campaign: Campaign | None, spent: pd.DataFrame) -> pd.Series:
    """Expected fen per unit of stays there and of persons by their share of spending there outside of stays. A grain these claims have not is none."""
    parts = []
    for grain in ("admission", "person"):
        try:
            matrix, scored = scored_matrix(warehouse, when, grain, by="" if by == "ranker" else by)
        except (Damaged, Outdated):
            raise
        except UserError:
            continue
        found = of_entities(warehouse, when, matrix, scored, campaign)
        known = scored.frame["probability"][~scored.frame.index.duplicated()].notna()
        expected = (found["chance"] * found["fen"]).where(known, 0.0)
        if grain == "admission":
            parts.append(expected.groupby(matrix.entities.loc[expected.index, "fixmedins_code"]).sum())
        else:
            parts.append(shared_out(expected, spent))
    return pd.concat(parts).groupby(level=0).sum() if parts else pd.Series(dtype=float)


def shared_out(expected: pd.Series, spent: pd.DataFrame) -> pd.Series:
    """Fen of persons given to units by what they spent there, stays apart (these are counted by themselves). spent: psn_no, fixmedins_code, fen, stay."""
    whole = spent.groupby("psn_no")["fen"].sum()
    out = spent[~spent["stay"]]
    share = out["fen"] / out["psn_no"].map(whole).replace(0, np.nan)
    fen = out["psn_no"].map(expected).fillna(0.0) * share.fillna(0.0).clip(0, 1)
    return fen.groupby(out["fixmedins_code"]).sum()


def of_entities(warehouse: Path, when: date, matrix: Matrix, scored: Scored, campaign: Campaign | None) -> pd.DataFrame:
    """chance, fen of each undecided entity; of a campaign nothing of those who are not of it, and of its suspects its own part of the money."""
    frame = scored.frame[~scored.frame.index.duplicated()]
    chance = frame["probability"].where(frame["probability"].notna(), frame["risk"]).astype(float)
    found = pd.DataFrame({"chance": chance, "fen": frame["amount_fen"].astype(float)}, index=frame.index)
    if campaign is None:
        return found
    mine = members(warehouse, when, matrix, frame, campaign)
    ruled = [
        n for n, c in matrix.columns.items() if c.role == "amount" and not c.parent and c.feature.rule in campaign.rules
    ]
    by_rule = matrix.X.loc[frame.index, ruled].fillna(0.0).clip(lower=0).sum(axis=1)
    schemes = frame["scheme"].isin(campaign.schemes)
    told = by_rule.where(by_rule > 0, found["fen"] * frame["scheme_share"].fillna(0.0).where(schemes, 0.0))
    whole = claimed(warehouse, when, matrix.entities.loc[frame.index], campaign)
    part = told.clip(upper=found["fen"]).where(~whole, found["fen"])
    return found.assign(chance=found["chance"].where(mine, 0.0), fen=part.where(mine, 0.0))


def _spent(warehouse: Path, when: date) -> pd.DataFrame:
    house, found = Warehouse.open(warehouse), []
    for bucket in range(house.buckets):
        con = open_views(house, when, "institution", bucket, lines=False)
        try:
            found.append(con.execute(_SPENT).df())
        finally:
            con.close()
    spent = pd.concat(found, ignore_index=True)
    return spent.assign(fen=spent["fen"].clip(lower=0))
