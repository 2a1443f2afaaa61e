"""The claim rows behind the numbers of suspects."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from features.evidence import gather
from features.grains import Grain

Key = tuple[str, str, str]


def claim_rows(
    warehouse: Path, as_of: date | datetime, wanted: Iterable[Key], windows: Mapping[str, int | None] | None = None
) -> dict[Key, pd.DataFrame]:
    """Evidence of many (grain, column, entity id), in time order.

    windows: {grain: days} where the list ranks those active in another window than the grain's usual one.
    """
    by_grain: dict[Grain, list[tuple[str, str]]] = {}
    for grain, column, entity_id in dict.fromkeys(wanted):
        if entity_id:
            by_grain.setdefault(grain, []).append((column, entity_id))  # type: ignore[arg-type]
    return gather(warehouse, as_of, by_grain, windows, records=True)  # type: ignore[arg-type,return-value]
