"""A warehouse as a data scientist walks it: tables known at a date, numbers, lists, one suspect, claim rows, rings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import UserError

if TYPE_CHECKING:  # the command imports this module, and answers before pandas could be loaded
    import networkx as nx
    import pandas as pd

    from features.grains import Grain
    from features.matrix import Matrix
    from models.bundle import Bundle
    from models.score import Order
    from serving.lists.schema import WorkList
    from training.fit import FitSummary

AsOf = str | date | datetime
"""A day (all that was known by its end) or a moment; as text YYYY-MM-DD or YYYY-MM-DD HH:MM."""


def open(warehouse: Path | str) -> County:
    """The county whose claims `xiezhi intake` took into this folder. UserError where there is none or it is damaged."""
    from claims.store.warehouse import Warehouse

    Warehouse.open(warehouse)
    return County(Path(warehouse))


def moment(as_of: AsOf) -> date | datetime:
    """A day or a moment from text or as it is. UserError for any other text."""
    if not isinstance(as_of, str):
        return as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(as_of)
    except ValueError:
        raise UserError(f"{as_of!r} is no date; write YYYY-MM-DD, or YYYY-MM-DD HH:MM for a moment") from None


def day(as_of: AsOf) -> date:
    """The day of an as-of; a list, a fit and its labels go by days. UserError for a moment."""
    when = moment(as_of)
    if isinstance(when, datetime):
        raise UserError(f"{as_of} is a moment; give a day, YYYY-MM-DD")
    return when


@dataclass(frozen=True)
class County:
    """One warehouse. Nothing is kept in memory: each call reads what is published then, and partitions that are missing or stale are built first. Where an office
    changed thresholds between two days, only one of the days can be worked on in one process (UserError)."""

    root: Path

    @property
    def span(self) -> tuple[datetime, datetime, datetime]:
        """First and last moment anything happened, and the last at which anything became known."""
        from claims.store.warehouse import Warehouse

        return Warehouse.open(self.root).span()

    @property
    def tables(self) -> list[str]:
        """Names of the tables that hold rows (docs/tables.md)."""
        from claims.store.warehouse import Warehouse

        return Warehouse.open(self.root).tables()

    def _on(self, as_of: AsOf) -> date | datetime:
        """The as-of, once the thresholds that the office set for its day hold in this process (features/thresholds.py)."""
        from features.thresholds import tune

        when = moment(as_of)
        tune(self.root, when.date() if isinstance(when, datetime) else when)
        return when

    def _day(self, as_of: AsOf) -> date:
        return day(self._on(as_of))

    def table(self, name: str, as_of: AsOf) -> pd.DataFrame:
        """The rows of a table known at `as_of`, of each key its last word then, columns as in docs/tables.md (money as they came, in fen where the name ends in _fen).
        UserError for a table the warehouse has not."""
        from claims.store.tables import known_rows

        return known_rows(self.root, name, moment(as_of))

    def features(self, grain: Grain, as_of: AsOf, window_days: int | None = None) -> Matrix:
        """Numbers of every entity active in the window: X [entities × columns], z and percentile among peers, entities, columns (what each is). NaN = not evaluable."""
        from features.matrix import load_matrix

        return load_matrix(self.root, self._on(as_of), grain, window_days)

    def evidence(self, grain: Grain, as_of: AsOf, column: str, entity_id: str) -> pd.DataFrame:
        """The claim rows behind one number, in time order; the declared measure over them is the number."""
        from features.evidence import evidence

        return evidence(self.root, self._on(as_of), grain, column, entity_id)

    def model(self) -> Bundle | None:
        """The model in force, grain by grain; None where none is. UserError for a damaged one."""
        from models.in_force import load_active

        return load_active(self.root)

    def fit(self, as_of: AsOf, *, seed: int = 0, settings: Path | str | None = None, log: bool = True) -> FitSummary:
        """What findings known by `as_of` teach, with held-out figures beside the list without them; first models are put in force (training/fit.py). settings: a TOML
        file (training/settings.py). log: to MLflow."""
        from training.fit import AS_CHOSEN, fit
        from training.settings import read_learning

        learning = read_learning(settings) if settings is not None else AS_CHOSEN
        return fit(self.root, self._day(as_of), seed=seed, log=log, learning=learning)

    def order(self, grain: Grain, as_of: AsOf, *, by: str = "") -> pd.DataFrame:
        """Everybody who has no conclusive finding, worst first, unexplained: risk, raw, probability, amount_fen and the rest of models.score.Scored.frame but schemes.
        by: one part of the model alone (`rank --by`)."""
        from serving.lists.source import standing_order

        return standing_order(self.root, self._on(as_of), grain, by)

    def rank(self, grain: Grain, as_of: AsOf, top: int = 50, *, order: Order = "probability", by: str = "") -> WorkList:
        """The list as `xiezhi rank` makes it; its `rows` have the columns of docs/design.md §7, and `facts` say what it goes by."""
        from serving.lists.prepare import build_worklist

        return build_worklist(self.root, self._day(as_of), grain, top, order=order, by=by)

    def bedcheck(self, at: AsOf, top: int = 20) -> WorkList:
        """Stays open at a moment, by the chance that the bed is empty."""
        from serving.lists.bedcheck import build_bedcheck

        return build_bedcheck(self.root, self._on(at), top)

    def explain(self, grain: Grain, as_of: AsOf, entity_id: str, *, by: str = "") -> dict[str, Any]:
        """Everything behind one suspect: reasons with figures and claim rows, what could clear it, contributions that add up to the raw risk. Diagnoses that the office
        covers, and what tells them (department, ward, drugs, kind of visit), stand under their cover, as on a page."""
        from serving.desk.diagnoses import groups_of
        from serving.lists.explained import explain
        from serving.web.masking import without_diagnoses

        return without_diagnoses(explain(self.root, self._on(as_of), grain, entity_id, by), grain, groups_of(self.root))

    def ring(self, as_of: AsOf, ring_id: str) -> nx.Graph:
        """A ring of the ring list: members as nodes, surprising pairs as edges, both with attributes."""
        from features.ring_graph import ring_graph

        return ring_graph(self.root, self._on(as_of), ring_id)
