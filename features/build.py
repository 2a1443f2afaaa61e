"""(grain, as_of) → a feature partition: values, entities, limits, manifest; published whole or not at all.

All grains of an as-of are built in one pass over the buckets (features/bucket.py) and put together once
(features/assemble.py). A partition that declarations, warehouse and window still fit is found, not built.
"""

import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from claims.errors import UserError
from claims.store.content import known_content
from claims.store.executor import Executor, executor_in_use
from claims.store.publish import MANIFEST, Published, hashed, publish_folder
from claims.store.warehouse import Warehouse
from features.asof import moment_of, tag_of
from features.assemble import assemble, wide_features
from features.bucket import BucketTask, Job
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature, fingerprint
from features.evaluable import absent_features, unread_words
from features.grains import GRAINS, Grain, Layout
from features.partition import Partition
from features.thresholds import day_in_use

Progress = Callable[[str, float], None]


def build(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    window_days: int | None = None,
    *,
    progress: Progress | None = None,
    executor: Executor | None = None,
    mend: bool = False,
) -> Partition:
    """Build (or find, when nothing changed) the partition of one grain at one as-of.

    Opening the views is most of the work, so the other grains that lie in the same buckets are built in the same pass.
    A partition whose manifest is damaged is built again; of one that is found, each file is verified when it is read,
    or all of them now and built again if need be (`mend`).
    Raises UserError when the date lies outside the data.
    """
    load_catalog()
    warehouse = Warehouse.open(Path(root))
    check_date(warehouse, as_of)
    wanted = _plan(warehouse, as_of, grain, window_days)
    found = _found(wanted, mend)
    if found is None:
        plans = [wanted]
        if GRAINS[grain].layouts:
            others = [_plan(warehouse, as_of, g, None) for g, spec in GRAINS.items() if spec.layouts and g != grain]
            plans += [p for p in others if _found(p, mend) is None]
        _build(warehouse, as_of, plans, progress, executor or executor_in_use())
        found = Published.open(wanted.path, wanted.remedy)
    return Partition.of(found, grain, as_of)


@dataclass(frozen=True)
class _Plan:
    grain: Grain
    window_days: int
    features: list[Feature]
    absent: dict[str, str]
    path: Path
    identity: dict[str, Any]
    warehouse: Warehouse
    as_of: date | datetime

    @property
    def known(self) -> str:
        """Hash of what was known at the as-of."""
        return known_content(self.warehouse, moment_of(self.as_of))

    def fits(self, told: Mapping[str, Any]) -> bool:
        """Whether a manifest is of a partition built alike, from this content of the warehouse or from another in which
        the same was known at the as-of: a past view does not change, so a weekly fit finds its snapshots built."""
        if {k: told.get(k) for k in self.identity} != self.identity:
            return False
        return told.get("warehouse") == self.warehouse.content or told.get("known") == self.known

    @property
    def remedy(self) -> str:
        """What to do when a file of it is damaged."""
        root, tag = self.path.parents[2], self.path.parent.name
        if self.path.name != self.grain or "T" in tag:
            return f"delete the folder {self.path}; it is built again when it is needed"
        return (
            f"build it again: xiezhi features --warehouse {shlex.quote(str(root))} --as-of {tag} --grain {self.grain}"
        )


def _plan(warehouse: Warehouse, as_of: date | datetime, grain: Grain, window_days: int | None) -> _Plan:
    spec = GRAINS[grain]
    window = window_days or spec.window_days
    features = REGISTRY.by_claims(grain)
    absent = absent_features(warehouse, features, unread_words(warehouse, as_of))
    features = [f for f in features if f.name not in absent]
    suffix = "" if window == spec.window_days else f".w{window}"
    path = warehouse.root / "features" / tag_of(as_of) / f"{grain}{suffix}"
    told = list(features)
    if any(f.by == "judged" for f in features):
        told += [f for g in GRAINS for f in wide_features(REGISTRY.by_claims(g))]
    if not spec.layouts:  # what the county's graph says of others lies beside the rings
        told = [f for g in GRAINS for f in REGISTRY.by_graph(g)]
    identity = {
        "fingerprint": fingerprint(told),
        "entities": hashlib.sha256(spec.entities_sql(window).encode()).hexdigest(),
        "window_days": window,
    }
    return _Plan(grain, window, features, absent, path, identity, warehouse, as_of)


def _found(plan: _Plan, verify: bool) -> Published | None:
    """The published folder of a plan; None where there is none, it was built otherwise or is damaged (its files too,
    where they are to be verified)."""
    try:
        found = Published.open(plan.path, plan.remedy)
        if not plan.fits(found.manifest):
            return None
        if verify:
            found.verify()
    except UserError:
        return None
    return found


def check_date(warehouse: Warehouse, as_of: date | datetime) -> None:
    """Refuse an as-of outside the data: nothing known yet, or long past the last row."""
    first, last, _ = warehouse.span()
    day = as_of.date() if isinstance(as_of, datetime) else as_of
    if day < first.date():
        raise UserError(
            f"as-of {day} lies before the first row of this warehouse ({first.date()}); choose a later date"
        )
    if (day - last.date()).days > 31:
        raise UserError(
            f"as-of {day} lies more than a month after the last row of this warehouse ({last.date()}); "
            "take newer claims in, or choose an earlier date"
        )


def _build(
    warehouse: Warehouse, as_of: date | datetime, plans: Sequence[_Plan], progress: Progress | None, executor: Executor
) -> None:
    folder = plans[0].path.parent
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".stage-", dir=folder))
    try:
        if not GRAINS[plans[0].grain].layouts:
            if progress:
                progress(f"团伙 {tag_of(as_of)}", 0.0)
            (stage / plans[0].grain).mkdir()
            from features.networks.search import (
                build_rings,  # a second of start-up that a partition found does not need
            )

            build_rings(
                warehouse, as_of, plans[0].window_days, stage / plans[0].grain, executor if executor.remote else None
            )
        else:
            _pass(warehouse, as_of, plans, stage, progress, executor)
        for plan in plans:
            _publish(plan, stage / plan.grain, as_of)
    finally:
        shutil.rmtree(stage)


def _pass(
    warehouse: Warehouse,
    as_of: date | datetime,
    plans: Sequence[_Plan],
    stage: Path,
    progress: Progress | None,
    executor: Executor,
) -> None:
    jobs: dict[Layout, tuple[Job, ...]] = {}
    for plan in plans:
        (stage / plan.grain).mkdir()
        for layout in ("institution", "person"):
            job = _job(plan, layout, stage / plan.grain)
            if layout in GRAINS[plan.grain].layouts or job.gathered:
                jobs[layout] = (*jobs.get(layout, ()), job)
    task = BucketTask(str(warehouse.root), as_of, jobs, str(stage), day_in_use())
    total = 2 * warehouse.buckets
    for done, _ in enumerate(executor.map(task, range(total)), start=1):
        if progress:
            progress(f"特征 {tag_of(as_of)}", done / total)
    for plan in sorted(plans, key=lambda p: list(GRAINS).index(p.grain)):  # stays first: the others are told of them
        told = _judged(warehouse, as_of, stage)
        assemble(stage / plan.grain, plan.grain, plan.features, as_of, told)


def _judged(warehouse: Warehouse, as_of: date | datetime, stage: Path) -> Path | None:
    """The judged stays of this pass, else those published; None where none was judged. UserError for damaged ones."""
    yearly = next(g for g, spec in GRAINS.items() if spec.yearly)
    made = stage / yearly / "judged.parquet"
    if made.exists():
        return made
    found = _found(_plan(warehouse, as_of, yearly, None), False)
    return found.file(made.name) if found is not None and made.name in found.manifest["files"] else None


def _job(plan: _Plan, layout: Layout, out: Path) -> Job:
    here = [f for f in plan.features if f.by == layout]
    wide = [f.name for f in wide_features(here)]
    local = [f.name for f in here if not f.spans and f.name not in wide]
    gathered = [f.name for f in here if f.spans]
    return Job(plan.grain, plan.window_days, tuple(local), tuple(wide), tuple(gathered), str(out))


def _publish(plan: _Plan, stage: Path, as_of: date | datetime) -> None:
    values = pq.ParquetFile(stage / "values.parquet")
    columns = [c for c in values.schema_arrow.names if c != "entity_id"]
    for part in stage.glob("part-*"):
        part.unlink()
    manifest = plan.identity | {
        "warehouse": plan.warehouse.content,
        "known": plan.known,
        "grain": plan.grain,
        "as_of": tag_of(as_of),
        "columns": columns,
        "absent": plan.absent,
        "rows": values.metadata.num_rows,
        "files": hashed(stage),
    }
    publish_folder(stage, plan.path, manifest, plan.remedy)


def published(root: Path | str, grain: Grain) -> list[Partition]:
    """Every partition of a grain (default window) that fits today's declarations, whatever was taken in since.
    UserError for a damaged one."""
    load_catalog()
    warehouse = Warehouse.open(Path(root))
    found: list[Partition] = []
    for folder in sorted((warehouse.root / "features").glob("*-*-*")):
        try:
            when: date | datetime = datetime.strptime(folder.name, "%Y-%m-%dT%H%M")
        except ValueError:
            try:
                when = date.fromisoformat(folder.name)
            except ValueError:
                continue
        plan = _plan(warehouse, when, grain, None)
        if plan.path.exists() and _fingerprint(plan.path) in (plan.identity["fingerprint"], None):
            found.append(Partition.of(Published.open(plan.path, plan.remedy), grain, when))
    return found


def _fingerprint(path: Path) -> str | None:
    """What a manifest, sound or not, says of its declarations (None: nothing): one of others is not asked, nor told to
    be damaged."""
    try:
        return str(json.loads((path / MANIFEST).read_bytes())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
