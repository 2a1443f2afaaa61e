"""A built feature partition on disk, read: every file is checked against the sealed manifest before it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from claims.store.publish import Published
from features.grains import Grain


@dataclass(frozen=True)
class Partition:
    """`values` and `entities` share `entity_id`, sorted by it. Reading a damaged file raises UserError, which says how
    to build it again."""

    published: Published
    grain: Grain
    as_of: date | datetime
    window_days: int
    columns: tuple[str, ...]
    absent: dict[str, str]
    rows: int

    @classmethod
    def of(cls, published: Published, grain: Grain, as_of: date | datetime) -> Partition:
        """The partition in a published folder."""
        told = published.manifest
        return cls(
            published, grain, as_of, told["window_days"], tuple(told["columns"]), dict(told["absent"]), told["rows"]
        )

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.published.root

    def file(self, name: str) -> Path:
        """One of its Parquet files, verified: `values`, `entities`, `limits`, of stays `judged`, of rings what
        features/networks writes."""
        return self.published.file(f"{name}.parquet")

    def read(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A file as a frame; of `columns`, those that it has."""
        path = self.file(name)
        if columns is None:
            return pd.read_parquet(path)
        present = set(pq.read_schema(path).names)
        return pd.read_parquet(path, columns=[c for c in columns if c in present])

    def values(self) -> pd.DataFrame:
        return self.read("values").set_index("entity_id")

    def entities(self) -> pd.DataFrame:
        return self.read("entities").set_index("entity_id")

    def limits(self) -> pd.DataFrame:
        """What peers set for its rules: the columns of features/limits.py."""
        return self.read("limits")
