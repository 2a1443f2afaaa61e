"""Facts of a hospital, a pharmacy and their peers as `inspection.brief.load_facts` gives them, made by hand."""

from datetime import date

import numpy as np
import pandas as pd

from inspection.brief import Facts, shares_by_kind
from inspection.normal import normals
from inspection.seed import random_for

AS_OF = date(2025, 9, 28)
HOSPITALS = [f"H4200000{i}" for i in range(7)]
PHARMACY = "P42000009"


def facts(stocked: bool = True) -> Facts:
    """Seven hospitals of sixty stays and one pharmacy of receipts; H42000001 sells more of item X1 than it bought, and more of X2 than its peers."""
    rng, parts = random_for("facts"), []
    for n, unit in enumerate(HOSPITALS):
        dear = 1.8 if n == 1 else 1.0
        parts.append(
            pd.DataFrame(
                {"mdtrt_id": [f"M{n}{i:03d}" for i in range(60)], "unit": unit, "level": 1, "dx": np.where(np.arange(60) % 3 == 0, "I63", "J18"), "chapter": "J", "operated": np.arange(60) % 4 == 0, "age": "65",
                 "admitted": "inpatient", "others": "", "nights": 7.0, "cost": np.exp(rng.normal(8, 0.3, 60)) * dear, "fund": 900.0, "served": 500.0}
            )
        )  # fmt: skip
    stays = pd.concat(parts, ignore_index=True)
    receipts = pd.DataFrame({"mdtrt_id": [f"S{i:03d}" for i in range(50)], "unit": PHARMACY, "cost": 20.0 + np.arange(50), "operated": np.arange(50) % 2 == 0})  # fmt: skip
    rows = [
        {"unit": u, "item": f"X{k}", "type": "09", "name": f"药品{k}", "settled": 100.0, "price": 10.0, "yuan": 1000.0 + (4000.0 if (u, k) == (HOSPITALS[1], 2) else 0.0), "lines": 50}
        for u in HOSPITALS for k in range(1, 5)
    ]  # fmt: skip
    oversold = pd.DataFrame([{"unit": HOSPITALS[1], "item": "X1", "settled": 120.0, "had": 40.0}] if stocked else [], columns=["unit", "item", "settled", "had"])  # fmt: skip
    months = pd.DataFrame([{"unit": HOSPITALS[1], "month": "2025-08", "stays": 7, "visits": 30, "persons": 33, "fee_yuan": 1234.5, "fund_yuan": 800.25, "account_yuan": 12.0}])  # fmt: skip
    fields = pd.DataFrame({"unit": HOSPITALS, "stays": 60, "diagnosis": 60, "doctor": 55, "bed": 0, "ward": 60, "lines": 59}).set_index("unit")  # fmt: skip
    kinds = pd.Series(dict.fromkeys(HOSPITALS, "卫生院") | {PHARMACY: "药店"})
    items = pd.DataFrame(rows)
    lacks = [{"reason": "缺少列 catalog.max_freq", "rules": ["R50超频次"]}]
    return Facts(AS_OF, stays, receipts, months, items, oversold, fields, kinds, shares_by_kind(items, kinds), {n.unit: n for n in normals(stays)}, stocked, lacks)  # fmt: skip
