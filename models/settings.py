"""What was chosen for each grain, by measurement on development counties or as a guess that says so: one record a grain, for models and training.

Facts about a grain stand in features/grains.py; here is only what another measurement could change. A grain without a record is refused at import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from claims.errors import DeclarationError
from features.grains import GRAINS

WORST: Final = 0.9
"""Of those without a finding, the share that whoever comes back after one must be riskier than: some number of anybody's is a little worse than the peers'."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """prior_share: share of the fund's payment that a confirmed case gives back before any outcome is known: our guess, marked 推算.

    guilty_share: share of the grain presumed guilty at most (models/rules.py); over half a year of claims nearly every large unit has some
    hit: on two development counties 97 % had one of R53, a hard rule. by_usual: whether evidence for a scheme is held against the usual
    (models/scheme.py): for stays and units the plain sums name more of the guilty rightly (docs/design.md §8). by_confirmed: the power to which
    the schemes of confirmed cases count when one is named. findings_of: columns of the
    entity table that name whom entities share, whose earlier findings the list says (models/findings.py).

    fitted: whether it is trained at all. soft: weight
    with which a confirmed stay marks its hospital, doctor or patient; soft labels neither train nor are evaluated on. fold_by: the
    column of the entity table whose entities never stand on both sides of a split, "ring" for the group a person goes with.

    apart: whether each scorer that knows no findings counts by its whole weight beside what findings taught, instead of all of them as one: four to eleven confirmed
    units teach less than these scorers know, on all three worlds that have units (docs/design.md §14).

    sizes: how many of a list an office checks, where evaluations count: 30 chart reviews, 25 person reviews and 16 site visits a month (pilot README),
    and the round figures lists are compared at. simple: declared features that are no more than a count, a sum, a mean or a
    share, all their windows: what a plain yardstick reads (training/evaluation/baselines.py).
    """

    prior_share: float
    guilty_share: float | None = None
    by_usual: bool = False
    by_confirmed: float = 0.0
    findings_of: tuple[str, ...] = ()
    fitted: bool = True
    soft: float = 0.0
    fold_by: str = ""
    apart: bool = False
    sizes: tuple[int, ...] = ()
    simple: tuple[str, ...] = ()


SETTINGS: Final[dict[str, Settings]] = {
    "admission": Settings(
        prior_share=0.5,
        by_confirmed=0.5,
        findings_of=("dr_codg", "fixmedins_code"),
        fold_by="fixmedins_code",
        sizes=(30, 50, 100),
        simple=("stays_in_year", "nights_in_year", "test_fee_share"),
    ),
    "person": Settings(
        prior_share=0.2,
        by_usual=True,
        soft=0.2,
        fold_by="ring",
        sizes=(25, 50, 100),
        simple=("visits_outpatient", "visits_pharmacy", "visits_days", "visits_units", "visits_yuan", "drug_yuan"),
    ),
    "institution": Settings(
        prior_share=0.03,
        guilty_share=0.2,
        soft=0.2,
        apart=True,
        sizes=(8, 17, 50),
        simple=("inst_stays", "inst_fee_per_stay", "inst_mean_nights", "unit_visit_yuan", "unit_drug_share"),
    ),
    "doctor": Settings(
        prior_share=0.05,
        by_usual=True,
        soft=0.2,
        fold_by="fixmedins_code",
        sizes=(10, 50, 100),
        simple=("dr_stays", "dr_mean_nights", "doctor_visit_yuan", "doctor_drug_share"),
    ),
    "ring": Settings(prior_share=0.3, fitted=False),
}

if set(SETTINGS) != set(GRAINS):
    odd = ", ".join(sorted(set(SETTINGS) ^ set(GRAINS)))
    raise DeclarationError(f"models/settings.py: settings and features/grains.py do not name the same grains: {odd}")
