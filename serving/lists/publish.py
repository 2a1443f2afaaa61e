"""This week's lists, published as one run: staged, fsynced, hashed, renamed, and only then pointed to.

    WAREHOUSE/lists/AS_OF/RUN/manifest.json         what is in the run, each file with its SHA-256
    WAREHOUSE/lists/AS_OF/RUN/lists/GRAIN.json      a list (serving.lists.export.as_json)
    WAREHOUSE/lists/AS_OF/RUN/leads/GRAIN/0007.json a dossier (serving.lists.dossier.dossier), by its number on the unmarked sheet
    WAREHOUSE/lists/AS_OF/RUN/pictures/GRAIN/0007.NAME.svg   its pictures
    WAREHOUSE/lists/AS_OF/RUN/standing/GRAIN.parquet         everybody, listed or not (serving/lists/standing.py)
    WAREHOUSE/lists/AS_OF/RUN/rows/GRAIN.parquet             the claim rows behind the rows of a list, all of them, as its workbook has them
    WAREHOUSE/lists/AS_OF/RUN/units.json, units/0012.json    every unit over months (serving/lists/units.py), by its place in units.json
    WAREHOUSE/lists/AS_OF/RUN/bedsheet.json                  the bed check in walking order (serving/lists/bedsheet.py)
    WAREHOUSE/lists/AS_OF/RUN/ladder.json                    the table of hospitals by month (inspection/ladder.py)
    WAREHOUSE/lists/AS_OF/RUN/briefs/0012.json               what to take along to a unit (serving/lists/briefs.py)
    WAREHOUSE/lists/AS_OF/RUN/model.json                     what the lists go by (serving/lists/model_told.py)
    WAREHOUSE/lists/AS_OF/RUN/claims/GRAIN.json     what campaigns ask about the claims of each row, by its number; no page shows it
    WAREHOUSE/lists/AS_OF/RUN/campaigns.json        campaigns as they stood, and what keeps one from being answered
    WAREHOUSE/lists/AS_OF/RUN/rules.json            every rule as it stood that week (features.checking.describe.rule_card)
    WAREHOUSE/lists/CURRENT                         "AS_OF/RUN" and the seal of its manifest

RUN is the beginning of the hash of the manifest without the time of day, and so of all lists and facts: the same lists published twice are the same
run. Readers verify what they read.
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from claims.clock import wall_clock
from claims.errors import Damaged, Outdated, UserError
from claims.store.files import SEAL, State, stage, state_of
from claims.store.publish import MANIFEST, Published, hashed, point, pointed, publish_folder
from claims.store.warehouse import Warehouse
from features.grains import GRAINS
from inspection.campaigns import Campaign
from serving.lists import scores
from serving.lists.basis import basis
from serving.lists.export import as_json
from serving.lists.plain import plain
from serving.lists.schema import BEDS, WorkList
from serving.lists.standing import look_up

Progress = Callable[[str, float], None]


REMEDY = "publish again with `xiezhi week`"
RULES, UNITS, MODEL, CAMPAIGNS, LADDER = "rules.json", "units.json", "model.json", "campaigns.json", "ladder.json"


class Unpublished(UserError):
    """Nothing was published yet, which is no damage."""


@dataclass(frozen=True)
class Run:
    """A published run; whatever it tells was checked against its sealed manifest first."""

    folder: Published

    @property
    def root(self) -> Path:
        return self.folder.root

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.folder.manifest

    @property
    def name(self) -> str:
        return f"{self.root.parent.name}/{self.root.name}"

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What a reader of its lists must know of the data, and whether batches they rest on were taken back since."""
        gone = self.taken_back
        told = {"text": f"清单依据的批次{'、'.join(gone)}已被撤回，请重新生成清单", "severity": "warning", "rows": None}
        return [*([told] if gone else []), *self.manifest["notes"]]

    @property
    def taken_back(self) -> list[str]:
        """Batches it rests on that the warehouse holds no more."""
        if not (made_from := self.manifest["batches"]):
            return []
        standing = _batches(self.root.parents[2], state_of(self.root.parents[2] / "CURRENT"))
        return [batch for batch in made_from if batch not in standing]

    @property
    def grains(self) -> list[str]:
        """Lists of this run, in the order of publication."""
        return list(self.manifest["lists"])

    def worklist(self, grain: str) -> dict[str, Any]:
        """A list as JSON. Raises UserError if it is not in this run or damaged."""
        return self._read(f"lists/{grain}.json", f"批次 {self.name} 没有这份名单")

    def lead(self, grain: str, number: int) -> dict[str, Any]:
        """A dossier by its number on the sheet. Raises UserError if there is none or it is damaged."""
        return self._read(f"leads/{grain}/{number:04d}.json", f"名单中没有第 {number} 号")

    def picture(self, grain: str, number: int, name: str) -> bytes:
        """A picture of a row as SVG. Raises UserError if there is none or it is damaged."""
        return self._file(f"pictures/{grain}/{number:04d}.{name}.svg", "这一条没有这张图").read_bytes()

    def standing(self, grain: str, entity_id: str) -> Mapping[str, Any] | None:
        """Where an id stood when the list was made, listed or not; None where it was not looked at, or the run says it of nobody."""
        name = f"standing/{grain}.parquet"
        return look_up(self._file(name, ""), entity_id) if name in self.manifest["files"] else None

    def claim_rows(self, grain: str) -> Path | None:
        """The file of all claim rows behind a list, as its workbook has them, by `lead`; None where the run holds none. Raises Damaged."""
        name = f"rows/{grain}.parquet"
        return self._file(name, "") if name in self.manifest["files"] else None

    def bedsheet(self) -> dict[str, Any]:
        """The evening's sheet in walking order (serving/lists/bedsheet.py). Raises UserError where the run has none."""
        return self._read(BEDS, f"批次 {self.name} 没有查床单；有在院登记并重新发布后可见")

    def units(self) -> dict[str, dict[str, Any]]:
        """Code → n, name, kind, level, area of every unit; empty where the run holds none."""
        return self._read(UNITS, "") if UNITS in self.manifest["files"] else {}

    def unit(self, code: str) -> dict[str, Any]:
        """A unit over months. Raises UserError where the run knows none of that code."""
        known = self.units().get(code)
        return self._read(f"units/{known['n'] if known else 0:05d}.json", f"批次 {self.name} 没有机构 {code}")

    def ladder(self) -> dict[str, list[dict[str, Any]]]:
        """YYYY-MM → hospitals with their published figures, newest month first; empty where the run holds none."""
        return self._read(LADDER, "") if LADDER in self.manifest["files"] else {}

    def brief(self, code: str) -> dict[str, Any]:
        """What to take along to a unit (serving/lists/briefs.py). Raises UserError where the run knows none of that code."""
        known = self.units().get(code)
        return self._read(f"briefs/{known['n'] if known else 0:05d}.json", f"批次 {self.name} 没有机构 {code} 的简报")

    def model(self) -> dict[str, Any]:
        """What the lists go by. Raises UserError where the run does not say."""
        return self._read(MODEL, f"批次 {self.name} 没有记下模型；重新发布后可见")

    def campaigns(self) -> dict[str, tuple[Campaign, str]]:
        """Name → campaign as it stood that week, and what the claims lack for it ('' = nothing); empty where the run holds none."""
        found = self._read(CAMPAIGNS, "")["campaigns"] if CAMPAIGNS in self.manifest["files"] else []
        return {c["campaign"]["name"]: (Campaign.from_json(c["campaign"]), c["lacks"]) for c in found}

    def claims(self, grain: str) -> dict[str, Any]:
        """What campaigns ask about the claims of each row, by its number as text; empty where the run holds none. Holds diagnoses: not to be shown."""
        name = f"claims/{grain}.json"
        return self._read(name, "") if name in self.manifest["files"] else {}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as it stood when the lists were made. Raises UserError where the run holds none or it is damaged."""
        found = self._read(RULES, f"批次 {self.name} 没有记下规则；重新发布后可见")
        return list(found["rules"])

    def _file(self, relative: str, absent: str) -> Path:
        if relative not in self.manifest["files"]:
            raise UserError(absent)
        return self.folder.file(relative)

    def _read(self, relative: str, absent: str) -> dict[str, Any]:
        return _document(self._file(relative, absent), self.manifest["files"][relative])


@functools.lru_cache(maxsize=512)
def _document(path: Path, digest: str) -> dict[str, Any]:
    """What stands in a file that was found to have this digest."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def current(warehouse: Path) -> Run:
    """The run in force. Raises Unpublished if there is none, Damaged if it is not what was published."""
    folder = warehouse / "lists"
    found = pointed(folder, REMEDY)
    if found is None:
        if any(folder.glob(f"*/*/{MANIFEST}")):
            raise Damaged(f"{folder} holds runs, and nothing says which is in force; {REMEDY}")
        raise Unpublished("nothing was published yet; run `xiezhi week --warehouse DIR --as-of DATE`")
    name, seal = found
    return open_run(folder / name, seal)


@functools.lru_cache(maxsize=4)
def _batches(warehouse: Path, state: State) -> frozenset[str]:
    return frozenset(Warehouse.open(warehouse).batches)


def open_run(root: Path, seal: str | None = None) -> Run:
    """A run by its folder, its manifest checked against its seal and its name, once per process and state of the file. Raises Damaged."""
    return _opened(root, seal, state_of(root / MANIFEST))


@functools.lru_cache(maxsize=16)
def _opened(root: Path, seal: str | None, state: State) -> Run:
    folder = Published.open(root, REMEDY, seal)
    if _run_name(folder.manifest) != root.name:
        raise Damaged(f"{root / MANIFEST} does not belong to the run {root.name}; {REMEDY}")
    return Run(folder)


def publish_week(
    warehouse: Path,
    as_of: date,
    *,
    top: int = 50,
    bedcheck_top: int = 20,
    grains: Iterable[str] = GRAINS,
    window_days: int | None = None,
    seed: int = 0,
    draw_share: float = 0.1,
    progress: Progress = lambda what, done: None,
) -> Run:
    """Make the lists of all grains, and of the stays open at the end of `as_of`, with a dossier per row; publish them as one run.

    Before that, rules whose false alarms pass their cap go back to the shadow (features/checking/review.py). A list that this warehouse cannot support (no stays,
    no rings) is left out and named, with the reason, in the manifest (`absent`); one that a model or a file in disorder keeps from being made is `broken` too.
    """
    from features.build import build
    from features.checking.describe import all_cards
    from features.checking.review import back_to_shadow
    from serving.lists.bedcheck import prepare_bedcheck
    from serving.lists.beside import beside, campaigns_told
    from serving.lists.prepare import Prepared, prepare

    def prepared(name: str) -> Prepared | UserError:
        try:
            if name == "bedcheck":
                return prepare_bedcheck(warehouse, as_of, bedcheck_top, seed=seed, draw_share=draw_share)
            return prepare(warehouse, as_of, name, top, window_days=window_days, seed=seed, draw_share=draw_share)
        except UserError as error:
            return error

    batches = Warehouse.open(warehouse).batches
    names = [*grains, "bedcheck"]
    made: dict[str, Prepared] = {}
    absent: dict[str, str] = {}
    broken: list[str] = []
    back_to_shadow(warehouse, as_of)
    resting = basis(warehouse, as_of)
    for grain in GRAINS:  # before two lists ask for the same one; what cannot be built is said of each list below
        with suppress(UserError):
            build(warehouse, as_of, grain, progress=progress, mend=True)
    # Most of a list is queries, which release the interpreter: two at a time.
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for i, (name, found) in enumerate(zip(names, pool.map(prepared, names), strict=True), start=1):
            progress(name, i / len(names))
            if isinstance(found, UserError):
                absent[name] = str(found)
                broken += [name] if isinstance(found, Damaged | Outdated) else []
            else:
                made[name] = found
    if not made:
        raise UserError(f"no list could be made for {as_of}: " + "; ".join(f"{g}: {why}" for g, why in absent.items()))
    progress("publish", 1.0)
    more = beside(warehouse, as_of, made) | campaigns_told(warehouse, as_of)
    lists = {n: (p.worklist, p.dossiers) for n, p in made.items()}
    rules = all_cards(warehouse, as_of)
    usual = seed == 0 and draw_share == 0.1 and window_days is None
    made_of = {"basis": resting, "top": top} if usual else None
    run = publish(
        warehouse, as_of, lists, absent, rules=rules, batches=batches, broken=broken, more=more, made_of=made_of
    )
    scores.keep(warehouse, run.name, {name: p.scores for name, p in made.items() if p.scores})
    return run


def publish(
    warehouse: Path,
    as_of: date,
    made: Mapping[str, tuple[WorkList, Mapping[str, dict[str, Any]]]],
    absent: Mapping[str, str] | None = None,
    check: Callable[[str], None] = lambda point: None,
    rules: list[dict[str, Any]] | None = None,
    *,
    batches: Iterable[str] = (),
    broken: Iterable[str] = (),
    more: Mapping[str, bytes] | None = None,
    made_of: Mapping[str, Any] | None = None,
) -> Run:
    """Publish finished lists (with dossiers by entity_id), made from these batches; more: other files of the run by their path in it
    (serving/lists/beside.py); made_of: what it takes to know whether they would be made the same again (serving/lists/published.py).
    `check` is called before every step: the kill tests stop there."""
    folder = warehouse / "lists"
    staged = folder / f".staging-{os.getpid()}"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for name, (worklist, dossiers) in made.items():
            _stage(staged / f"lists/{name}.json", as_json(worklist), check)
            for row in worklist.rows.to_dict(orient="records"):
                if row["entity_id"] in dossiers:
                    body = dossiers[row["entity_id"]] | {"lead": int(row["lead"])}
                    _stage(staged / f"leads/{name}/{int(row['lead']):04d}.json", body, check)
        if rules is not None:
            _stage(staged / RULES, {"rules": rules}, check)
        for name, content in (more or {}).items():
            check(f"write {name}")
            stage(staged / name, content)
        manifest = {
            "version": 2,
            "as_of": as_of.isoformat(),
            "lists": {name: plain(worklist.facts) for name, (worklist, _) in made.items()},
            "absent": dict(absent or {}),
            "broken": sorted(broken),
            "batches": list(batches),
            **(made_of or {}),
            "notes": _notes(w for w, _ in made.values()),
            "published_at": wall_clock().isoformat(sep=" "),
            "files": hashed(staged, check),
        }
        run = _placed(folder / as_of.isoformat() / _run_name(manifest), staged, manifest, check)
        check("pointer")
        point(folder, run.name, run.manifest[SEAL])
        check("done")
        return run
    except OSError as error:
        raise UserError(
            f"{folder}: the lists could not be written ({error.strerror}); the earlier ones stay in force"
        ) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _placed(target: Path, staged: Path, manifest: Mapping[str, Any], check: Callable[[str], None]) -> Run:
    """The staged run in its place: the very same, published before and sound, is left as it is."""
    with suppress(UserError):
        run = open_run(target)
        run.folder.verify()
        return run
    publish_folder(staged, target, manifest, REMEDY, check)
    return open_run(target)


def _stage(path: Path, value: Any, check: Callable[[str], None]) -> None:
    check(f"write {path.name}")
    stage(path, (json.dumps(value, ensure_ascii=False, sort_keys=False, indent=1, allow_nan=False) + "\n").encode())


def _run_name(manifest: Mapping[str, Any]) -> str:
    """A run is what it says, whenever it was published: equal lists and facts are the same run."""
    said = {k: v for k, v in manifest.items() if k not in ("published_at", SEAL)}
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def _notes(worklists: Iterable[WorkList]) -> list[dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for worklist in worklists:
        for note in worklist.notes:
            out.setdefault(note.text, {"text": note.text, "severity": note.severity, "rows": note.rows})
    return list(out.values())
