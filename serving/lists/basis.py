"""What the lists of a day rest on, as one hash: as long as it is the same, making them again would make the same lists."""

import hashlib
import json
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

from claims.settings import settings
from claims.store.warehouse import Warehouse
from features.declarations import load_catalog
from features.declare import REGISTRY, fingerprint

FILES = ("models/ACTIVE.json", "rules/OFFICE.json")
"""Below the warehouse: the model in force, and what the office decided about rules."""


def basis(warehouse: Path, as_of: date) -> str:
    """SHA-256 over the batches taken in, the model in force, the office's decisions, all declarations, the limits of deliveries, this version, and the earlier runs whose hits a list counts."""
    load_catalog()
    earlier = (p for p in (warehouse / "lists").glob("????-??-??/*") if p.is_dir() and p.parent.name < f"{as_of}")
    said = [
        as_of.isoformat(),
        list(Warehouse.open(warehouse).batches),
        [_digest(warehouse / name) for name in FILES],
        fingerprint(REGISTRY.values()),
        asdict(settings().limits),
        version("xiezhi"),
        sorted(f"{p.parent.name}/{p.name}" for p in earlier),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
