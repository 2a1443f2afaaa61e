# %% [markdown]
# # The road, once
# Claims in, features, risk, a list with reasons, one suspect down to claim rows. A percent script: open it as a notebook in any editor that reads
# `# %%` cells, or run it as it stands. It imports; it defines nothing.

# %%
import os
from datetime import date
from pathlib import Path

import duckdb
import networkx as nx
import pandas as pd

from claims.intake.pipeline import intake
from simulator import simulate
from claims.store.warehouse import Warehouse
from features.build import build
from features.declarations import load_catalog
from features.declare import REGISTRY
from features.evidence import evidence
from features.ring_graph import ring_graph
from features.matrix import load_matrix
from models.score import score
from serving.lists.dossier import explain
from serving.lists.prepare import build_worklist

pd.set_option("display.max_colwidth", 80)
folder = Path(os.environ.get("XIEZHI_NOTEBOOK_DIR", "build/notebook"))
persons = int(os.environ.get("XIEZHI_NOTEBOOK_PERSONS", "3000"))

# %% [markdown]
# ## A county
# Planted schemes, and many honest cases that look like them. The truth lies beside the tables, never in them.

# %%
county, house = folder / "county", folder / "warehouse"
simulate(county, persons, 9, 11)
if not (house / "CURRENT").exists():
    taken = intake(county, house)
    print({name: vars(c) if hasattr(c, "__dict__") else c for name, c in taken.tables.items()})
warehouse = Warehouse.open(house)
as_of: date = warehouse.span()[2].date()

# %% [markdown]
# ## A feature is an aggregate over evidence rows
# One declaration gives the value, the rows, the sentence, the docs and the tests.

# %%
load_catalog()
print(len(REGISTRY), "declarations")
partition = build(house, as_of, "admission")
values = partition.values()
print(values.describe().T.head(12))

# %% The evidence adds up to the number
column = next(c for c in values.columns if (values[c].fillna(0) > 0).any())
entity = str(values.index[(values[column].fillna(0) > 0).to_numpy()][0])
print(column, "=", values.at[entity, column])
print(evidence(house, as_of, "admission", column, entity).head())

# %% [markdown]
# ## Risk: rules, outliers, graph, and LightGBM where labels suffice

# %%
matrix = load_matrix(house, as_of, "admission")
scored = score(matrix, None)
print(scored.frame.sort_values("risk", ascending=False).head(10))

# %% [markdown]
# ## The list, and one suspect
# Leads, never verdicts: each comes with what could clear it.

# %%
worklist = build_worklist(house, as_of, "admission", 20)
print(worklist.rows[["rank", "entity_id", "scheme", "slot", "amount_at_risk_yuan", "reason_1"]].head(10))
first = str(worklist.rows.loc[worklist.rows["slot"] == "ranked", "entity_id"].iloc[0])
dossier = explain(house, as_of, "admission", first)
for reason in dossier["reasons"]:
    print("·", reason["text"], "｜可能的正常情形：", reason["innocent"])
print(
    "contributions + base − raw =",
    sum(c["contribution"] for c in dossier["contributions"]) + dossier["base"] - dossier["raw"],
)

# %% [markdown]
# ## A ring is a networkx graph
# Members are nodes, surprising pairs are edges, both with attributes; a small county may have none this half-year.

# %%
for ring_id in build(house, as_of, "ring").values().index[:1]:
    graph = ring_graph(house, as_of, ring_id)
    nx.draw_networkx(graph, with_labels=False, width=[d["days"] / 4 for _, _, d in graph.edges(data=True)])

# %% [markdown]
# ## How good was that? Ask the truth, which the list never saw.

# %%
truth = duckdb.sql(f"SELECT mdtrt_id FROM '{county}/truth/admissions.parquet' WHERE scheme IS NOT NULL").df()[
    "mdtrt_id"
]
ranked = worklist.rows[worklist.rows["slot"] == "ranked"]
print(
    "planted among the ranked:",
    ranked["entity_id"].isin(set(truth)).mean(),
    "· among all:",
    matrix.X.index.isin(set(truth)).mean(),
)
