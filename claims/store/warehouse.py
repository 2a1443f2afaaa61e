"""The warehouse on disk (docs/design.md §3): Parquet in hash buckets, listed by a manifest, verified before anyone
reads."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError
from claims.schema.tables import CANONICAL, FACTS
from claims.store.files import SEAL, read_sealed, verified
from claims.store.publish import pointed
from claims.store.sql import parquet

REMEDY = "restore it from a backup, or run `xiezhi intake` again into an empty folder"


def bucket_of(key: str, buckets: int) -> int:
    """The bucket of a key (in SQL: sql.bucket_sql)."""
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets


@dataclass(frozen=True)
class Warehouse:
    """One published state of a warehouse. Open it with `Warehouse.open`; it never changes under a reader."""

    root: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> Warehouse:
        """The state `CURRENT` points to. UserError if there is none or its manifest is damaged."""
        root = Path(path)
        found = pointed(root, REMEDY)
        if found is None:
            raise UserError(f"there is no warehouse at {root}; run `xiezhi intake SOURCE --warehouse {root}` first")
        name, seal = found
        manifest = read_sealed(_manifest(root, name), REMEDY)
        if manifest[SEAL] != seal:
            raise Damaged(f"{_manifest(root, name)} is not the manifest that {root / 'CURRENT'} points to; {REMEDY}")
        return cls(root, manifest)

    def at(self, version: str) -> Warehouse:
        """An earlier state by the name of its manifest. Damaged if the manifest is."""
        return Warehouse(self.root, read_sealed(_manifest(self.root, version), REMEDY))

    @property
    def buckets(self) -> int:
        """Number of hash buckets of both layouts."""
        return int(self.manifest["buckets"])

    @property
    def version(self) -> str:
        """Name of the manifest in force."""
        return f"{int(self.manifest['version']):08d}"

    @property
    def content(self) -> str:
        """Name of the state that first held these very rows: the same before and after they are laid out anew, and
        again once a batch is taken back."""
        found = self.manifest.get("content")
        if found is None:
            raise Damaged(
                f"{self.root}: this warehouse was made by an earlier version of xiezhi, which kept less; take the "
                "claims in again into an empty folder (`xiezhi intake SOURCE --warehouse NEW`)"
            )
        return f"{int(found):08d}"

    @property
    def batches(self) -> list[str]:
        """Names of the batches it is made of, in the order of their coming."""
        return [str(batch["batch"]) for batch in self.manifest["batches"]]

    @property
    def next_batch(self) -> str:
        """A name that no batch ever had, one taken back included: its files may still be read."""
        return f"b{len(self.manifest['batches']) + len(self.manifest.get('undone', [])) + 1:04d}"

    @property
    def facts(self) -> dict[str, Any]:
        """Quality facts gathered at intake."""
        return dict(self.manifest.get("facts", {}))

    def tables(self) -> list[str]:
        """Canonical tables that hold rows."""
        return [name for name in CANONICAL if self.manifest["tables"].get(name)]

    def columns(self, table: str) -> list[str]:
        """Canonical columns of a table that hold at least one value."""
        return list(self.manifest.get("columns", {}).get(table, []))

    def entries(self, table: str, layout: str | None = None, bucket: int | None = None) -> list[dict[str, Any]]:
        """Manifest entries of a table's files."""
        by_layout = self.manifest["tables"].get(table, {})
        chosen = layout or next(iter(by_layout), "all")
        by_bucket = by_layout.get(chosen, {})
        keys = sorted(by_bucket, key=int) if bucket is None else [str(bucket)]
        return [entry for key in keys for entry in by_bucket.get(key, [])]

    def files(
        self, table: str, layout: str | None = None, bucket: int | None = None, verify: bool = True
    ) -> list[Path]:
        """Parquet files of a table, verified. `layout` defaults to the table's first, `bucket` to all of them."""
        paths = [self.root / entry["path"] for entry in self.entries(table, layout, bucket)]
        if verify:
            self.verify(paths)
        return paths

    def relation(self, table: str, layout: str | None = None, bucket: int | None = None) -> str | None:
        """A `read_parquet(…)` over the verified files of a table; None where it holds no row."""
        paths = self.files(table, layout, bucket) if table in self.tables() else []
        return parquet(paths) if paths else None

    def rows(self, table: str) -> int:
        """Row versions stored of a table."""
        return sum(int(entry["rows"]) for entry in self.entries(table))

    def paths(self) -> list[Path]:
        """Every file of this state."""
        return list(self._digests)

    @functools.cached_property
    def _digests(self) -> dict[Path, str]:
        found: dict[Path, str] = {}
        for layouts in self.manifest["tables"].values():
            for buckets in layouts.values():
                for entries in buckets.values():
                    found |= {self.root / entry["path"]: entry["sha256"] for entry in entries}
        for entry in self.manifest.get("quarantine", []):
            found[self.root / entry["path"]] = entry["sha256"]
        return found

    def verify(self, paths: Iterable[Path]) -> None:
        """Check SHA-256 once per process and state of the file. UserError naming the first damaged one (DuckDB does not
        notice bit rot)."""
        for path in paths:
            if path not in self._digests:
                raise UserError(f"{path} does not belong to the published warehouse")
            verified(path, self._digests[path], "restore this file from a backup")

    def verify_all(self) -> int:
        """Verify every file of the warehouse; returns how many."""
        self.verify(self._digests)
        return len(self._digests)

    def span(self) -> tuple[datetime, datetime, datetime]:
        """First and last `happened_at` of the facts and the last `known_at`. UserError if there are no facts."""
        spans = [s for table in FACTS if (s := self.manifest.get("spans", {}).get(table))]
        if not spans:
            raise UserError(f"the warehouse {self.root} holds no claims; take in settlements first")
        times = [tuple(map(datetime.fromisoformat, span)) for span in spans]
        return min(t[0] for t in times), max(t[1] for t in times), max(t[2] for t in times)


def _manifest(root: Path, version: str) -> Path:
    return root / "manifests" / f"{version}.json"


def empty_manifest(buckets: int) -> dict[str, Any]:
    """The state before the first intake."""
    return {
        "version": 0,
        "content": 0,
        "buckets": buckets,
        "parent": None,
        "tables": {},
        "columns": {},
        "spans": {},
        "batches": [],
        "quarantine": [],
        "facts": {},
    }
