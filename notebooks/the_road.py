# %% [markdown]
# # The road, once
# Claims in, features, risk, a list with reasons, one suspect down to claim rows. A percent script: open it as a notebook in any editor that reads
# `# %%` cells, or run it as it stands. It imports; it defines nothing.

# %%
import os
from pathlib import Path

import duckdb
import networkx as nx
import pandas as pd

import xiezhi
from claims.intake.pipeline import intake
from simulator import simulate

pd.set_option("display.max_colwidth", 80)
folder = Path(os.environ.get("XIEZHI_NOTEBOOK_DIR", "build/notebook"))
persons = int(os.environ.get("XIEZHI_NOTEBOOK_PERSONS", "3000"))

# %% [markdown]
# ## A county
# Planted schemes, and many honest cases that look like them. The truth lies beside the tables, never in them.

# %%
export, house = folder / "county", folder / "warehouse"
simulate(export, persons, 9, 11)
if not (house / "CURRENT").exists():
    taken = intake(export, house)
    print({name: vars(c) if hasattr(c, "__dict__") else c for name, c in taken.tables.items()})
county = xiezhi.open(house)
as_of = county.span[2].date()
print(county.tables, len(county.table("settlements", as_of)), "settlements known on", as_of)

# %% [markdown]
# ## A feature is an aggregate over evidence rows
# One declaration gives the value, the rows, the sentence, the docs and the tests.

# %%
matrix = county.features("admission", as_of)
print(len({column.feature.name for column in matrix.columns.values()}), "declarations")
print(matrix.X.describe().T.head(12))

# %% The evidence adds up to the number
own = [c for c in matrix.X if not matrix.columns[c].parent and matrix.columns[c].role == "value"]
column = next(c for c in own if (matrix.X[c].fillna(0) > 0).any())
entity = str(matrix.X.index[(matrix.X[column].fillna(0) > 0).to_numpy()][0])
print(matrix.columns[column].label, "=", matrix.X.at[entity, column])
print(county.evidence("admission", as_of, column, entity).head())

# %% [markdown]
# ## Risk: rules, outliers, graph, and what findings taught
# A fit says its figures beside the list without findings; each part makes a list of its own.

# %%
fitted = county.fit(as_of, log=False)
for grain, said in fitted.grains.items():
    print(grain, said.reason)
print(county.order("admission", as_of).head(10))
print(county.order("admission", as_of, by="rules").head(3))

# %% [markdown]
# ## The list, and one suspect
# Leads, never verdicts: each comes with what could clear it.

# %%
worklist = county.rank("admission", as_of, 20)
print(worklist.facts["model"])
print(worklist.rows[["rank", "entity_id", "scheme", "slot", "amount_at_risk_yuan", "reason_1"]].head(10))
first = str(worklist.rows.loc[worklist.rows["slot"] == "ranked", "entity_id"].iloc[0])
dossier = county.explain("admission", as_of, first)
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
for ring_id in county.features("ring", as_of).entities.index[:1]:
    graph = county.ring(as_of, str(ring_id))
    nx.draw_networkx(graph, with_labels=False, width=[d["days"] / 4 for _, _, d in graph.edges(data=True)])

# %% [markdown]
# ## How good was that? Ask the truth, which the list never saw.

# %%
truth = duckdb.sql(f"SELECT mdtrt_id FROM '{export}/truth/admissions.parquet' WHERE scheme IS NOT NULL").df()[
    "mdtrt_id"
]
ranked = worklist.rows[worklist.rows["slot"] == "ranked"]
print(
    "planted among the ranked:",
    ranked["entity_id"].isin(set(truth)).mean(),
    "· among all:",
    matrix.X.index.isin(set(truth)).mean(),
)
