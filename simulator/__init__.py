"""A small county with planted schemes and guilty-looking innocents, for the demo, the tests and the notebooks.

`simulate` writes input tables in official columns and the truth beside them. Each file of this package tells one family's story:
`population` (who lives here), `stays` and `visits` (honest life), `lookalikes`, `schemes_beds`, `schemes_cards`, `schemes_drugs`, `schemes_fees`, `inspections`.
"""

from simulator.county import SimulateSummary, simulate

__all__ = ["SimulateSummary", "simulate"]
