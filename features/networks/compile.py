"""Compile every kernel once, into numba's cache beside the sources: `make install` does, so that nobody waits for it
at work.

The inputs are tiny and only have the types that the real ones have.
"""

import numpy as np
import pandas as pd

from features.networks.rings.rings import search_rings
from features.networks.scores.card_visits import visit_measures
from features.networks.scores.network_scores import bond_tables, person_bonds


def compile_kernels() -> None:
    """Run visit measures, a ring search and what it says of others on a toy: six cards that meet on four days."""
    day = np.repeat(np.arange(4), 6)
    card = np.tile(np.arange(6), 4)
    happened = pd.Timestamp("2025-01-06 09:00") + pd.to_timedelta(day, unit="D") + pd.to_timedelta(card, unit="min")
    events = pd.DataFrame(
        {
            "setl_id": [f"s{i}" for i in range(len(card))],
            "psn_no": [f"p{c}" for c in card],
            "fixmedins_code": [f"h{d % 2}" for d in day],
            "happened_at": happened,
            "fen": 100,
            "dr_codg": "d0",
        }
    )
    order = np.lexsort((day, card))
    minute = happened.to_numpy().astype("datetime64[m]").astype("int64")[order]
    where = np.zeros(len(card))
    visit_measures(card[order], (day % 2)[order], minute, where, where, now=int(minute.max()))
    persons = pd.DataFrame({"psn_no": [f"p{c}" for c in range(6)], "curr_addr_code": [f"a{c}" for c in range(6)]})
    institutions = pd.DataFrame({"fixmedins_code": ["h0", "h1"], "fixmedins_type": "2"})
    rings, pairs = search_rings(events, persons, institutions, as_of=pd.Timestamp("2025-02-01"))
    cases = pd.DataFrame({"psn_no": ["p0"], "fixmedins_code": ["h0"]})
    bond_tables(events, institutions, pairs, rings, cases)
    chain = pd.DataFrame({"a": [f"p{c}" for c in range(5)], "b": [f"p{c}" for c in range(1, 6)], "z": 5.0})
    person_bonds(chain, [], {"p0"})


if __name__ == "__main__":
    compile_kernels()
