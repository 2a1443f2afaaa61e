"""Tonight's bed check: stays open at a moment, by the chance that nobody lies in the bed.

Only what was known at that moment counts. The scorer is that of models/beds.py.
Home beds (N34) are never on the list: their patient is at home by right. Tonight is newer than any finding about the stay, so whoever was found out
or cleared on an earlier evening is on it as everybody, and the row says so. One look says half: a stay found in its bed in the last days has half the chance it had, one
found empty half of the way to certainty more (`after_looks`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from claims.errors import UserError
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse, bucket_of
from features.asof import open_views
from features.matrix import Matrix
from models.beds import WAYS, bed_columns, bed_evidence
from models.ensemble import GrainModel
from models.in_force import load_active
from models.scheme import attribute, named
from models.score import Scored
from models.scorer import BASE
from serving.lists.prepare import Prepared, finish
from serving.lists.quality_notes import quality_notes
from serving.lists.schema import WorkList
from serving.lists.source import scored_whole
from serving.lists.worklist import assemble

LOOKED = timedelta(days=7)
"""A look at a bed says something of so many days."""
HALF = 0.5
_HOME = """
SELECT mdtrt_id FROM net.stays s WHERE EXISTS (
    SELECT 1 FROM main.filings f WHERE f.psn_no = s.psn_no AND regexp_matches(f.kind, '家庭病床|居家') AND f.begndate <= (SELECT d FROM main.asof)
      AND coalesce(f.enddate, DATE '9999-12-31') >= s.adm_date)
UNION SELECT DISTINCT l.mdtrt_id FROM net.lines l JOIN main.catalog c USING (med_list_codg) WHERE c.name LIKE '%家庭病床%' OR c.name LIKE '%建床费%'
"""
_WORDS = frozenset(re.findall(r"\w+", _HOME))


def build_bedcheck(
    warehouse: Path, at: date | datetime, top: int, *, seed: int = 0, draw_share: float = 0.1
) -> WorkList:
    """Stays open at `at` (a date means its end), ranked by the chance of an empty bed; entity_id = mdtrt_id.

    Raises UserError where the warehouse has no stays that could be open, or none is.
    """
    return prepare_bedcheck(warehouse, at, top, seed=seed, draw_share=draw_share, dossiers=False).worklist


def prepare_bedcheck(
    warehouse: Path,
    at: date | datetime,
    top: int,
    *,
    seed: int = 0,
    draw_share: float = 0.1,
    dossiers: bool = True,
) -> Prepared:
    """The list of `build_bedcheck` with its claim rows and, if wanted, a dossier for each stay."""
    if top < 1:
        raise UserError(f"--top {top}: a list needs at least one row")
    check_stays(Warehouse.open(warehouse))
    night = rank_beds(warehouse, at)
    day = at.date() if isinstance(at, datetime) else at
    notes = quality_notes(warehouse, at)

    def list_of(matrix: Matrix, scored: Scored) -> WorkList:
        made = assemble(
            matrix,
            scored,
            top,
            as_of=day,
            grain="admission",
            notes=notes,
            seed=seed,
            draw_share=draw_share,
            at=night.moment,
        )
        told = {"home_beds_left_out": night.home, "looked_at_before": night.looked}
        return replace(made, facts={**made.facts, **told})

    return finish(warehouse, at, "admission", night.matrix, night.beds, list_of, dossiers)


@dataclass(frozen=True)
class Night:
    """The open stays of a moment with their bed scores (`beds`; `unseen`: before what officers saw at these beds); home: open stays in home beds, left out; looked: stays
    whose bed was looked at in the last days."""

    moment: datetime
    matrix: Matrix
    beds: Scored
    unseen: Scored
    home: int
    looked: int


def rank_beds(warehouse: Path, at: date | datetime) -> Night:
    """All stays open at `at` and not in a home bed, scored: what the list of the moment is made of, before reasons and claim rows. Raises UserError where none is."""
    matrix, scored = scored_whole(warehouse, at, "admission")
    moment = at if isinstance(at, datetime) else datetime.combine(at, time(23, 59))
    lying = matrix.entities[matrix.entities["open"].fillna(False).astype(bool)]
    home = home_beds(warehouse, at, lying["psn_no"].astype(str)) & set(lying.index.astype(str))
    listed = [str(i) for i in lying.index if str(i) not in home]
    if not listed:
        raise UserError(f"no stay was open on {moment:%Y-%m-%d %H:%M}; choose a moment within the data")
    inside = matrix.only(listed)
    bundle = load_active(warehouse)
    model = bundle.grains.get("admission") if bundle is not None else None
    unseen = bed_scores(inside, matrix, scored, model)
    beds, looked = after_looks(unseen, read_findings(Warehouse.open(warehouse), moment), moment)
    return Night(moment, inside, beds, unseen, len(home), looked)


def after_looks(beds: Scored, found: pd.DataFrame, moment: datetime) -> tuple[Scored, int]:
    """The bed scores after what officers saw at these beds in the last LOOKED days (the last look of each; `found`: claims/store/findings.py), and how many were seen.

    With chance p and a look of weight w (as a label, at most HALF: who lies in bed tonight may be gone tomorrow): in bed p·(1−w), empty 1−(1−p)·(1−w). The difference stands in
    the base, so that a row still adds up.
    """
    looks = found[(found["source_table"] == "presence_checks") & found["entity_id"].isin(beds.frame.index)]
    looks = looks[looks["outcome"].isin(["confirmed", "refuted"]) & (looks["inspected_at"] > moment - LOOKED)]
    last = looks.sort_values("inspected_at", kind="stable").drop_duplicates("entity_id", keep="last")
    last = last.set_index("entity_id")
    if last.empty:
        return beds, 0
    frame, contributions = beds.frame.copy(), beds.contributions.copy()
    weight = last["weight"].clip(upper=HALF).astype(float)
    p = frame.loc[last.index, "risk"].astype(float).clip(1e-6, 1 - 1e-6)
    chance = (p * (1 - weight)).where(last["outcome"] == "refuted", 1 - (1 - p) * (1 - weight))
    odds = chance / (1 - chance)
    composed = frame.loc[last.index, "model"] == WAYS["composed"]
    raw = odds.where(composed, np.log(odds))
    contributions.loc[last.index, BASE] += raw - frame.loc[last.index, "raw"].astype(float)
    for column, value in (("raw", raw), ("placed", raw), ("risk", chance), ("suspicion", chance)):
        frame.loc[last.index, column] = value
    return Scored(frame, contributions, beds.scorers), len(last)


def check_stays(house: Warehouse) -> None:
    """Raises UserError unless the warehouse holds registrations, so that a stay can be seen while it is open."""
    if "visits" not in house.tables():
        raise UserError(
            "this warehouse holds no stays, so no bed can be checked; take in settlements or visits of in-patients"
        )
    if "discharges" not in house.tables() or "fee_details" not in house.tables():
        missing = ", ".join(t for t in ("discharges", "fee_details") if t not in house.tables())
        raise UserError(
            f"this warehouse holds no {missing}: claims without lines or discharge times cannot say who lies in a bed tonight"
        )


def home_beds(warehouse: Path, at: date | datetime, persons: Iterable[str]) -> set[str]:
    """mdtrt_id of these persons' stays in a home bed (N34): filed as such, or billed as such."""
    house = Warehouse.open(warehouse)
    found: set[str] = set()
    asked: dict[int, list[str]] = {}
    for person in persons:
        asked.setdefault(bucket_of(person, house.buckets), []).append(person)
    for bucket, keys in asked.items():
        con = open_views(house, at, "person", bucket, words=_WORDS, keys=keys)
        try:
            found |= {str(row[0]) for row in con.execute(_HOME).fetchall()}
        finally:
            con.close()
    return found


def bed_scores(matrix: Matrix, whole: Matrix, scored: Scored, model: GrainModel | None) -> Scored:
    """Scores of the open stays among all by models/beds.py: `raw` is the bed score, `risk` = raw squashed to [0, 1); money as the admission model has it."""
    contributions, way = bed_evidence(model, matrix, whole)
    raw = contributions.sum(axis=1)
    frame = scored.frame.loc[matrix.X.index].drop(columns=["scheme", "scheme_share", "scheme_2"])
    frame["raw"] = frame["placed"] = raw
    # the bed check's score is no probability of the admission model, and log odds only where a ranker made it
    frame["risk"] = frame["suspicion"] = raw / (1.0 + raw) if way == "composed" else 1.0 / (1.0 + np.exp(-raw))
    frame["probability"] = frame["probability_low"] = frame["probability_high"] = np.nan
    frame["stratum"] = ""
    frame["model"] = WAYS[way]
    own = [c for c in bed_columns(matrix) if c in matrix.percentile.columns]
    shares = attribute(contributions[[*own, BASE]], matrix.X[own], matrix.percentile[own], matrix.columns)
    frame = frame.join(named(shares))
    return Scored(frame, contributions, scored.scorers.loc[matrix.X.index])
