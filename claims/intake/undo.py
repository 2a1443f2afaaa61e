"""A batch taken back: the warehouse as if it had never come, and the history that it did.

Nothing is rewritten. A batch remembers the state it was added to, and that state is put in force again under a new
manifest: its files, its quarantine, its clocks and its facts, so that the same files can be taken in again with another
mapping. Whatever came after the batch was judged against it (duplicates, versions, refunds, the end of the extract
before), so a batch in the middle goes only together with those after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.publish import publish, writing
from claims.store.warehouse import Warehouse, empty_manifest


@dataclass(frozen=True)
class Undone:
    """What was taken back, newest first, and the state in force since."""

    batches: tuple[dict[str, Any], ...]  # entries of the manifest
    version: str


def undo(warehouse: Path | str, batch: str, with_later: bool = False) -> Undone:
    """Take a batch back, and with `with_later` all that came after it. UserError for an unknown batch, for one that
    others were judged against, and where the files of the state before are gone."""
    root = Path(warehouse)
    with writing(root) as staging:
        house = Warehouse.open(root)
        held = house.manifest["batches"]
        at = next((i for i, b in enumerate(held) if b["batch"] == batch), None)
        if at is None:
            raise UserError(
                f"no batch {batch!r} in {root}; there {'is' if len(held) == 1 else 'are'} "
                f"{', '.join(b['batch'] for b in held) or 'none'}. `xiezhi intake history` tells what came when"
            )
        gone = list(reversed(held[at:]))
        if len(gone) > 1 and not with_later:
            later = ", ".join(f"{b['batch']} ({b['source']})" for b in reversed(gone[:-1]))
            raise UserError(
                f"{batch} is not the last batch: {later} came after it and were judged against it (duplicates, "
                "versions, refunds, when rows were known). Take them back together with --with-later, then take "
                "those in again; nothing was changed"
            )
        before = _state_before(house, held[at])
        now = datetime.now().isoformat(timespec="seconds")
        manifest = before | {
            "version": int(house.manifest["version"]) + 1,
            "parent": house.version,
            "undone": [*house.manifest.get("undone", []), *({**b, "undone_at": now} for b in gone)],
        }
        return Undone(tuple(gone), publish(root, staging, [], manifest))


def _state_before(house: Warehouse, batch: dict[str, Any]) -> dict[str, Any]:
    """The manifest that was in force when the batch came. UserError where files of it are gone."""
    onto = int(batch["onto"])
    if not onto:
        return empty_manifest(house.buckets)
    before = house.at(f"{onto:08d}")
    lost = [path for path in before.paths() if not path.exists()]
    if lost:
        raise UserError(
            f"{batch['batch']} cannot be taken back: {len(lost)} files of the state before it were swept "
            f"(`xiezhi warehouse compact --sweep`), {lost[0].relative_to(house.root)} first. Take the deliveries you "
            "want into an empty folder"
        )
    before.verify_all()
    return dict(before.manifest)


def history(warehouse: Path | str) -> list[dict[str, Any]]:
    """Every batch that ever came, in the order of their coming: its name, source, mapping, counts, and when it was
    taken back (empty where it stands)."""
    manifest = Warehouse.open(warehouse).manifest
    entries = [*manifest["batches"], *manifest.get("undone", [])]
    return [
        {
            "batch": b["batch"],
            "loaded_at": b["loaded_at"],
            "source": b["source"],
            "mapping": b["mapping"],
            "accepted": sum(c["accepted"] for c in b["counts"].values()),
            "quarantined": sum(c["quarantined"] for c in b["counts"].values()),
            "duplicates": sum(c["duplicates"] for c in b["counts"].values()),
            "undone_at": b.get("undone_at", ""),
        }
        for b in sorted(entries, key=lambda b: b["batch"])
    ]
