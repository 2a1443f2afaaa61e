"""A check in DuckDB, by the very statements of the batch over one person's rows: the way of a single check on the
command line, and of whatever the quick way (quick_way.py) leaves."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import duckdb
import pandas as pd

from claims.store.claim_store import ClaimStore
from claims.store.warehouse import Warehouse
from features.asof import read_as
from features.bucket import evaluate, evidence_sql
from features.checking.claim_rows import Row
from features.checking.person_store import person_store
from features.checking.quick_program import AROUND, INCOMING, PEERS
from features.checking.quick_way import Values
from features.declare import Feature
from features.grains import GRAINS, Grain


class FullWay:
    """Answers what the rules say of one person's rows on the connection a store keeps, between `begin` and `end`."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        stored: Warehouse | None,
        make_views: Callable[[ClaimStore, datetime], None],
        might_hit: Callable[[Sequence[Feature], Mapping[Grain, Sequence[str]], str, str], set[str]],
    ) -> None:
        self.con, self._stored, self._make_views, self._might_hit = con, stored, make_views, might_hit

    def begin(self, settlement: Row, lines: Sequence[Row], unit_type: str | None, at: datetime) -> frozenset[str]:
        """Lay out the person's rows, the claim among them, and the views over them as of `at`; returns `table.column`
        of the values the claim brings. Raises UserError for one that cannot be read."""
        self.con.execute("BEGIN TRANSACTION")
        claims = person_store(self.con, self._stored, settlement, lines, unit_type, at)
        self.con.execute(
            f"CREATE TABLE {INCOMING} AS SELECT ?::VARCHAR AS psn_no, ?::VARCHAR AS mdtrt_id, ?::TIMESTAMP AS begntime",
            [str(settlement["psn_no"]), str(settlement["mdtrt_id"]), str(settlement["begntime"])],
        )
        self._make_views(claims, at)
        self._visit, self._bill = str(settlement["mdtrt_id"]), str(settlement.get("setl_id"))
        return claims.claimed

    def end(self) -> None:
        """Leave nothing of it."""
        self.con.execute("ROLLBACK; SET search_path='main'")

    def around(self) -> list[str]:
        """The person's other stays on whose days the claim falls."""
        return [str(stay) for (stay,) in self.con.execute(AROUND).fetchall()]

    def might_hit(self, rules: Sequence[Feature], entities: Mapping[Grain, Sequence[str]]) -> set[str]:
        """Names of the rules worth asking."""
        return self._might_hit(rules, entities, self._visit, self._bill)

    def values(self, features: Sequence[Feature], entities: Sequence[str]) -> Values:
        """(entity, column) → number of the features of one grain."""
        self.con.execute("CREATE OR REPLACE TABLE main.focus AS SELECT unnest(?::VARCHAR[]) AS entity_id", [entities])
        told = evaluate(self.con, features).set_index("entity_id").astype("float64")
        table = zip(told.index, told.to_numpy(), strict=True)
        return {
            (str(e), str(c)): float(x)
            for e, numbers in table
            for c, x in zip(told.columns, numbers, strict=True)
            if not math.isnan(x)
        }

    def peer_groups(self, grain: Grain) -> pd.DataFrame:
        """`entity_id, peer_group, peer_group_coarse` of those `values` was asked of."""
        entities = GRAINS[grain].entities_sql(GRAINS[grain].window_days)
        return self.con.execute(f"SELECT {', '.join(PEERS)} FROM ({entities})").df()

    def evidence(self, f: Feature, entity: str) -> pd.DataFrame:
        """The rows of one of them that a feature rests on."""
        read_as(self.con, f.reversed)
        rows = self.con.execute(f"SELECT * FROM ({evidence_sql(f)}) WHERE entity_id = ?", [entity]).df()
        read_as(self.con, "net")
        return rows
