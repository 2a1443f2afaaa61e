"""What a published week holds beside its lists: pictures, where everybody stood, the evening's sheet, units over months, the model, and what ties suspects to each other and to
earlier weeks. All of it is made here, once, so that a page only reads."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from claims.errors import Damaged, Outdated, UserError
from claims.store.warehouse import Warehouse
from features.grains import GRAINS
from inspection.campaigns import campaigns, lacking
from inspection.ladder import public_tables
from serving.lists.bedsheet import published_sheet
from serving.lists.briefs import briefs_of
from serving.lists.history import Lift, told_before
from serving.lists.model_shift import promises_of, shifts_before
from serving.lists.model_told import model_told
from serving.lists.plain import plain
from serving.lists.prepare import Prepared
from serving.lists.schema import BEDS, NAMES
from serving.lists.standing import as_parquet
from serving.lists.units import units_of
from serving.lists.worklist import with_history

CLAIMED: Final = ("insutype", "psn_type", "dx", "age", "visit_class", "unit_kind", "unit_name")
"""What campaigns ask about a suspect's own claims (inspection/campaigns.py); apart from the list, because rows leave with diagnoses covered."""
LINKED: Final = 12
"""Other suspects that a page names."""


def beside(warehouse: Path, as_of: date, made: dict[str, Prepared]) -> dict[str, bytes]:
    """Files of the run by their path; `made` is brought up to date: rows and dossiers with their history and who else is on this week's lists with them."""
    lifts = {name: _with_history(warehouse, as_of, name, made) for name in list(made)}
    _with_links(made)
    files: dict[str, bytes] = {}
    for name, one in made.items():
        for row in one.worklist.rows.to_dict(orient="records"):
            for picture, svg in one.pictures.get(str(row["entity_id"]), {}).items():
                files[f"pictures/{name}/{int(row['lead']):04d}.{picture}.svg"] = svg.encode()
        told = {int(r["lead"]): one.dossiers.get(str(r["entity_id"]), {}) for r in one.worklist.rows.to_dict("records")}
        claims = {n: {k: v for k, v in d.get("who", {}).items() if k in CLAIMED} for n, d in told.items()}
        files[f"claims/{name}.json"] = _json(claims)
        files[f"rows/{name}.parquet"] = _rows(one)
        if one.standing is not None:
            files[f"standing/{name}.parquet"] = as_parquet(one.standing)
    if "bedcheck" in made:
        files[BEDS] = _json(published_sheet(warehouse, made["bedcheck"].worklist))
    try:
        units = units_of(warehouse, as_of)
    except (Damaged, Outdated):
        raise
    except UserError:  # a warehouse whose claims name no units
        units = {}
    if units:
        index = {
            c: {"n": i} | {k: u[k] for k in ("name", "kind", "level", "area")}
            for i, (c, u) in enumerate(units.items(), 1)
        }
        files["units.json"] = _json(index)
        files |= {f"units/{index[c]['n']:05d}.json": _json(u) for c, u in units.items()}
        files["ladder.json"] = _json({m: t.to_dict("records") for m, t in public_tables(warehouse, as_of).items()})
        briefs = briefs_of(warehouse, as_of, made, units)
        files |= {f"briefs/{index[c]['n']:05d}.json": _json(b) for c, b in briefs.items()}
    lists: dict[str, dict[str, Any]] = {
        n: {"lift": lifts[n].to_json(), "signals": one.signals} for n, one in made.items()
    }
    before = shifts_before(warehouse, as_of, list(made))
    for name, one in made.items():
        if name in GRAINS:
            promises = promises_of(warehouse, as_of, name)
            lists[name] |= {"shift": one.shift, "before": before[name], "promises": promises}
    files["model.json"] = _json({**model_told(warehouse), "lists": lists})
    return files


def _rows(one: Prepared) -> bytes:
    """The claim rows behind a list, told by the number of its row."""
    listed = one.worklist.rows
    told = [one.evidence(str(e)).assign(lead=int(n)) for e, n in zip(listed["entity_id"], listed["lead"], strict=True)]
    found = [rows for rows in told if len(rows)]
    sink = io.BytesIO()
    (pd.concat(found, ignore_index=True) if found else pd.DataFrame({"lead": []})).to_parquet(sink, index=False)
    return sink.getvalue()


def campaigns_told(warehouse: Path, as_of: date) -> dict[str, bytes]:
    """The file of every campaign as it stands, and what the claims lack for it."""
    known = campaigns(warehouse)
    gone = lacking(Warehouse.open(warehouse), as_of, known.values())
    told = [{"campaign": c.to_json(), "lacks": gone.get(c.name, "")} for c in known.values()]
    return {"campaigns.json": _json({"campaigns": told})}


def _with_history(warehouse: Path, as_of: date, name: str, made: dict[str, Prepared]) -> Lift:
    one = made[name]
    seen, lift = told_before(warehouse, as_of, name, "admission" if name == "bedcheck" else name)
    dossiers = {e: d | {"seen": seen.get(e, [])} for e, d in one.dossiers.items()}
    made[name] = replace(one, worklist=with_history(one.worklist, seen, lift.said()), dossiers=dossiers)
    return lift


def _with_links(made: dict[str, Prepared]) -> None:
    """Into every dossier: other rows of this week that share its person, unit or doctor, by list and number."""
    shared: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name, one in made.items():
        for row in one.worklist.rows.to_dict(orient="records"):
            told = {
                "list": name,
                "list_zh": NAMES.get(name, "今晚查床"),
                "lead": int(row["lead"]),
                "entity_id": str(row["entity_id"]),
            }
            for tie in _ties(name, row):
                shared.setdefault(tie, []).append(told)
    for name, one in made.items():
        dossiers = dict(one.dossiers)
        for row in one.worklist.rows.to_dict(orient="records"):
            if (entity := str(row["entity_id"])) in dossiers:
                dossiers[entity] = dossiers[entity] | {"linked": _linked(name, row, shared)}
        made[name] = replace(one, dossiers=dossiers)


def _ties(name: str, row: Mapping[Any, Any]) -> list[tuple[str, str]]:
    people = str(row.get("members") or "").split(";") if row.get("members") else [str(row.get("psn_no") or "")]
    ties = [("同一参保人", p) for p in people if p]
    if row.get("fixmedins_code"):
        ties.append(("同一机构", str(row["fixmedins_code"])))
    if name == "doctor":
        ties.append(("同一医师", str(row["entity_id"])))
    elif row.get("dr_codg"):
        ties.append(("同一医师", str(row["dr_codg"])))
    return ties


def _linked(
    name: str, row: Mapping[Any, Any], shared: Mapping[tuple[str, str], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Persons and doctors before units: a unit ties many."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for tie in sorted(_ties(name, row), key=lambda t: t[0] == "同一机构"):
        for other in shared.get(tie, []):
            key = (other["list"], other["lead"])
            if key != (name, int(row["lead"])):
                found.setdefault(key, {k: v for k, v in other.items() if k != "entity_id"} | {"why": tie[0]})
    return list(found.values())[:LINKED]


def _json(value: Any) -> bytes:
    return (json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
