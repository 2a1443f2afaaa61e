"""What was found before at the same doctor and the same hospital.

Guilt does not pass from stay to stay, but whoever let one patient lie at home tends to have let others: on a development county the number of stays
confirmed earlier at a stay's doctor ranks as well alone as all claims together. Only findings known at the time count, and never a stay's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
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

    def tails(self, entities: pd.DataFrame) -> pd.DataFrame:
        """ln(1 + count): the tenth finding says less than the first."""
        return pd.DataFrame(np.log1p(self.counts(entities)))

    def to_json(self) -> dict[str, Any]:
        return {key: dict(sorted(cases.items())) for key, cases in sorted(self.confirmed.items())}


def known_before(
    cases: pd.DataFrame, entities: pd.DataFrame, moments: pd.Series, keys: tuple[str, ...]
) -> pd.DataFrame:
    """The tails a model would have had at each entity's own moment: others' confirmed cases known before it.

    cases: index entity_id, columns known_at and the keys. entities: the keys; moments: timestamps; both share one index (entity ids).
    """
    out = pd.DataFrame(index=entities.index)
    ids = entities.index.to_numpy()
    when = moments.to_numpy(dtype="datetime64[us]")
    for key in keys:
        count = np.zeros(len(entities))
        groups = dict(list(cases.dropna(subset=[key]).groupby(key)))
        for i, code in enumerate(entities[key].astype("object")):
            if code in groups:
                part = groups[code]
                known = part["known_at"].to_numpy(dtype="datetime64[us]") < when[i]
                count[i] = (known & (part.index.to_numpy() != ids[i])).sum()
        out[PREFIX + key] = np.log1p(count)
    return out
