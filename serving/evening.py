"""Between a published bed check and the desk: the sheet as the desk needs it, filled sheets read back, and the morning after."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.store.files import PRIVATE, put, read_sealed, sealed
from inspection.bedsheet import RESULTS, Bed, bed_sheet
from inspection.morning import Morning, morning
from inspection.tables import read_bytes
from serving.desk import beds
from serving.desk.beds import LIST, Given, Sheet
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk
from serving.lists.publish import Run

NEEDED = ("就诊号", "结果")
TEAMS = "bedteams.json"
"""Below the warehouse: who goes where this evening, of the run it names."""
REMEDY = "请重新运行 xiezhi bedteams"


def sheet_of(run: Run) -> Sheet:
    """The evening's sheet of a run. Raises UserError where it has none."""
    told = run.bedsheet()
    rows = {int(b["lead"]): b for b in told["beds"]}
    return Sheet(run.name, datetime.fromisoformat(told["at"]), rows, RESULTS)


def blank(
    run: Run, sees: Callable[[str], bool], teams: Sequence[Mapping[str, Any]] = (), team: str = ""
) -> pd.DataFrame:
    """The sheet to fill, of the areas somebody sees; where the evening was divided, by team and in the order of the road (team: that one's alone)."""
    stops = {s["unit"]: (i, s["order"], t["name"]) for i, t in enumerate(teams) for s in t["stops"]}
    beds = [Bed(**b) for b in run.bedsheet()["beds"] if sees(str(b["area"]))]
    last = (len(teams), 0, "")
    beds = [b for b in beds if not team or stops.get(b.unit, last)[2] == team]
    sheet = bed_sheet(sorted(beds, key=lambda b: stops.get(b.unit, last)[:2]))
    if teams:
        names = {b.stay: stops.get(b.unit, last)[2] for b in beds}
        sheet.insert(1, "检查组", sheet["就诊号"].map(names))
    return sheet


def keep_teams(warehouse: Path, run: Run, told: Mapping[str, Any]) -> None:
    """Keep a division of an evening (inspection/evening_teams.py) for the pages of its run."""
    put(warehouse / TEAMS, sealed({"run": run.name, **told}), PRIVATE)


def teams_of(warehouse: Path, run: Run, sees: Callable[[str], bool]) -> list[dict[str, Any]]:
    """The teams of a run's evening with the stops somebody sees; none where it was not divided. Raises Damaged."""
    path = warehouse / TEAMS
    told = read_sealed(path, REMEDY) if path.is_file() else {}
    if told.get("run") != run.name:
        return []
    return [t | {"stops": [s for s in t["stops"] if sees(str(s["area"]))]} for t in told["teams"]]


def unserved(warehouse: Path, run: Run) -> list[str]:
    """Hospitals that no team reaches this evening, and what else is to be known of its division; for who sees all areas."""
    path = warehouse / TEAMS
    told = read_sealed(path, REMEDY) if path.is_file() else {}
    return [*told["unmet"], *told["notes"]] if told.get("run") == run.name else []


def given_of(sheet: Sheet, body: bytes, by: str) -> Iterator[tuple[str, Given]]:
    """(stay as written, result) of each filled row of a sheet that comes back (CSV or Excel). The id is made of what the row says: the same file again stores nothing
    twice. Raises UserError for what is no such sheet."""
    table = read_bytes(body, NEEDED)
    leads = {str(b["stay"]): lead for lead, b in sheet.beds.items()}
    for row in table.fillna("").astype(str).to_dict("records"):
        stay, result = row["就诊号"].strip(), row["结果"].strip()
        if not result:
            continue
        at, note = row.get("核查时间", "").strip(), row.get("备注", "").strip()
        said = "\n".join((sheet.run, stay, result, at, note, by))
        client = hashlib.sha256(said.encode()).hexdigest()[:32]
        yield stay, Given(leads.get(stay), result, at, note, client=client)


def take_sheet(desk: Desk, person: Any, rights: frozenset[str], sheet: Sheet, body: bytes) -> dict[str, Any]:
    """A filled sheet, row by row: what was taken (stored, confirmed …, by stay) and what was not, a sentence each; one bad row keeps no other from being taken."""
    taken: dict[str, str] = {}
    refused: list[str] = []
    for stay, given in given_of(sheet, body, person.name):
        try:
            taken[stay] = beds.take(desk, person, rights, sheet, given)
        except (Refused, Unknown) as error:
            refused.append(f"就诊号 {stay[:40]}：{error}")
    return {"taken": taken, "refused": refused}


def morning_of(desk: Desk, run: Run, sees: Callable[[str], bool] = lambda area: True) -> Morning:
    """The morning after, from what two officers have confirmed; what one has said and nobody confirmed counts as missing."""
    told = run.worklist(LIST) if LIST in run.grains else None
    if told is None:
        raise UserError(f"批次 {run.name} 没有查床单")
    listed = pd.DataFrame([_row(r) for r in told["rows"] if sees(str(r["area"] or ""))])
    if listed.empty:
        raise UserError("您的片区当晚没有要查的床")
    confirmed = [r for r in beds.of_run(desk, run.name).values() if r["second_by"] is not None]
    results = pd.DataFrame(
        {"就诊号": [r["stay"] for r in confirmed], "结果": [r["code"] for r in confirmed]}, dtype=str
    )
    mine = results[results["就诊号"].isin(listed["entity_id"])]
    return morning(listed, mine)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    unit = str(row.get("unit_name") or row["fixmedins_code"] or "")
    return {"entity_id": str(row["entity_id"]), "slot": row["slot"], "risk": row["risk"], "unit": unit}
