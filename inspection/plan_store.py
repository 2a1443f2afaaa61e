"""The week's plan as published for the pages: written whole or not at all, read and never computed on request.

    WAREHOUSE/plans/WEEK/RUN/plan.json, plan.csv, plan.ics, plan.svg, manifest.json     WAREHOUSE/plans/CURRENT: "WEEK/RUN" and the seal of its manifest

RUN is the beginning of the hash of its files: the same plan published twice is the same run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.clock import wall_clock
from claims.errors import UserError
from claims.store.files import SEAL, stage
from claims.store.publish import Published, hashed, point, pointed, publish_folder
from inspection.plan import Plan
from inspection.plan_files import WRITERS

REMEDY = "publish the plan again with `xiezhi plan … --publish`"


@dataclass(frozen=True)
class PublishedPlan:
    """A plan as it was published; every file is checked before it is read."""

    folder: Published

    @property
    def name(self) -> str:
        return f"{self.folder.root.parent.name}/{self.folder.root.name}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """published_at, as_of, campaign, changes (of persons, as the plan kept them), drawn."""
        return self.folder.manifest

    @property
    def plan(self) -> dict[str, Any]:
        """As `Plan.to_json` says it."""
        return dict(json.loads(self.folder.file("plan.json").read_text("utf-8")))

    def file(self, ending: str) -> bytes:
        """plan.csv, plan.ics or plan.svg by its ending. Damaged where it is."""
        return self.folder.file(f"plan{ending}").read_bytes()


def publish_plan(
    warehouse: Path,
    plan: Plan,
    *,
    as_of: str,
    campaign: str = "",
    changes: Sequence[Mapping[str, Any]] = (),
    drawn: Sequence[str] = (),
) -> PublishedPlan:
    """Publish a plan as the one in force. drawn: units of the draw it was asked to visit, which `left_over` reads the week after. UserError where nothing can be written; the earlier one then stays."""
    folder = warehouse / "plans"
    staged = folder / f".staging-{os.getpid()}"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for ending, writer in WRITERS.items():
            stage(staged / f"plan{ending}", writer(plan).encode("utf-8"))
        facts = {
            "version": 1,
            "week": plan.week,
            "as_of": as_of,
            "campaign": campaign,
            "changes": [dict(c) for c in changes],
            "drawn": list(drawn),
        }
        manifest = {**facts, "files": hashed(staged)}
        run = hashlib.sha256(json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]
        manifest["published_at"] = wall_clock().isoformat(sep=" ")
        target = folder / plan.week / run
        made = _sound(target) or publish_folder(staged, target, manifest, REMEDY)
        point(folder, f"{plan.week}/{run}", made.manifest[SEAL])
        return PublishedPlan(made)
    except OSError as error:
        raise UserError(f"{folder}：计划写不进去（{error.strerror}）；原来的计划仍然有效") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _sound(target: Path) -> Published | None:
    """The very same plan, published before and sound."""
    with suppress(UserError):
        found = Published.open(target, REMEDY)
        found.verify()
        return found
    return None


def current_plan(warehouse: Path) -> PublishedPlan | None:
    """The plan in force; None where none was published. Damaged where it is."""
    found = pointed(warehouse / "plans", REMEDY)
    return None if found is None else PublishedPlan(Published.open(warehouse / "plans" / found[0], REMEDY, found[1]))


def left_over(warehouse: Path, week: str, campaign: str = "") -> list[str]:
    """Drawn units that the plan in force, of an earlier week, had no time for: they were drawn, so they are visited all the same. What a leader left out is not among them."""
    before = current_plan(warehouse)
    if before is None or before.plan["week"] >= week or before.facts["campaign"] != campaign:
        return []
    visited = {v["site"] for v in before.plan["visits"]}
    left_out = {c["site"] for c in before.facts["changes"] if c["never"]}
    return [d for d in before.facts.get("drawn", ()) if d not in visited | left_out]
