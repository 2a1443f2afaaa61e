"""What was found before at the same doctor and the same hospital.

Guilt does not pass from stay to stay, but whoever let one patient lie at home tends to have let others. The list says the number; the order does not go by it, since beside
what findings taught of the claims it added nothing on six list dates (docs/design.md §14). Only findings known at the time count, and never a stay's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

PREFIX = "found_"


@dataclass(frozen=True)
class Findings:
    """confirmed: {key column: {entity id of a confirmed case: code}} as known when the model was fitted."""

    confirmed: Mapping[str, Mapping[str, str]]

    def counts(self, entities: pd.DataFrame) -> pd.DataFrame:
        """Confirmed cases of others per entity, one column `found_KEY` each; 0 where the entity names nobody."""
        out = pd.DataFrame(index=entities.index)
        for key, cases in self.confirmed.items():
            per_code = pd.Series(dict(cases), dtype=object).value_counts()
            codes = entities[key].astype("object")
            own = pd.Series(entities.index.map(dict(cases)), index=entities.index, dtype=object)
            others = codes.map(per_code).fillna(0.0).astype("float64") - (own.notna() & (own == codes)).astype(
                "float64"
            )
            out[PREFIX + key] = others.clip(lower=0.0)
        return out

    def to_json(self) -> dict[str, Any]:
        return {key: dict(sorted(cases.items())) for key, cases in sorted(self.confirmed.items())}
