"""A simulated county's truth, kept beside its claims: who is guilty of what, who only looks it, when a bed was empty."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claims.errors import UserError
from features.grains import GRAINS


@dataclass(frozen=True)
class Truth:
    """guilty: grain, entity_id, scheme, amount_fen. innocents: grain, entity_id, innocent. absences: mdtrt_id, begin, end. rings: ring_id, psn_no, scheme."""

    guilty: pd.DataFrame
    innocents: pd.DataFrame
    absences: pd.DataFrame
    rings: pd.DataFrame

    def schemes(self, grain: str) -> pd.Series:
        """Scheme per guilty entity of a grain (first when several), index entity_id."""
        part = self.guilty[self.guilty["grain"] == grain].drop_duplicates("entity_id")
        return part.set_index("entity_id")["scheme"]

    def amounts(self, grain: str) -> pd.Series:
        """Fen at stake per guilty entity, index entity_id; 0 where the truth names none."""
        part = self.guilty[self.guilty["grain"] == grain]
        return part.groupby("entity_id")["amount_fen"].sum()


def load_truth(folder: Path | str) -> Truth:
    """Read a truth folder, or the folder that holds `truth/`. Absent files count as empty; UserError when none is there."""
    root = Path(folder)
    if (root / "truth").is_dir():
        root = root / "truth"
    if not root.is_dir() or not list(root.glob("*.parquet")):
        raise UserError(f"真值文件夹 {folder} 不存在或没有 parquet 文件；请给出 xiezhi simulate 写出的 truth 文件夹。")
    parts = []
    for grain, spec in GRAINS.items():
        frame = _read(root, f"{grain}s") if spec.layouts else pd.DataFrame()
        if frame.empty:
            continue
        frame = frame.assign(
            grain=grain,
            entity_id=frame[spec.key].astype(str),
            amount_fen=frame.get("amount_fen", pd.Series(0, index=frame.index)),
        )
        parts.append(frame[["grain", "entity_id", "scheme", "amount_fen"]])
    guilty = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["grain", "entity_id", "scheme", "amount_fen"])
    )
    return Truth(guilty, _read(root, "innocents"), _read(root, "absences"), _read(root, "rings"))


def _read(root: Path, name: str) -> pd.DataFrame:
    path = root / f"{name}.parquet"
    return pd.read_parquet(path) if path.exists() else pd.DataFrame()
