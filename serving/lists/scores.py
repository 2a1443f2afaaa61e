"""How everybody was scored when the lists in force were made, listed or not: so that `explain` of somebody unlisted reads a row instead of scoring the county again.

    WAREHOUSE/scores/GRAIN.parquet   one row an entity, sorted by id: the score's figures, each scorer's, what every column added
    WAREHOUSE/scores/manifest.json   sealed; which run it belongs to

Only of the newest run: a kilobyte and a half an entity is as much as the features themselves. Who came back after a finding is scored on part of his numbers only
(models/decided.py) and left out; of him, and of other days, `explain` scores the county.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.errors import UserError
from claims.store.files import stage
from claims.store.publish import Published, hashed, publish_folder

FOLDER: Final = "scores"
REMEDY: Final = "publish again with `xiezhi week`"
_FRAME, _SCORER, _PART, _WHO = "frame ", "scorer ", "part ", "who "
_JSON: Final = "json "
_ROWS: Final = 5_000
"""Of a row group: one is read to answer."""


@dataclass(frozen=True)
class Scores:
    """What `models.score.Scored` holds, of one entity; who: what the list's matrix says of it beyond the partition (of a person, its worst stay)."""

    frame: pd.DataFrame
    contributions: pd.DataFrame
    scorers: pd.DataFrame
    who: Mapping[str, Any]


def as_parquet(parts: list[tuple[Any, Any]], beyond: Mapping[str, bool]) -> bytes:
    """The file of a grain, from (entities, scored) of those ranked and of those left out; beyond: columns of the entities to keep → whether as JSON."""
    frames = []
    for entities, scored in parts:
        keep = scored.frame.index[~scored.frame["returning"].astype(bool)]
        told = [
            scored.frame.loc[keep].add_prefix(_FRAME),
            scored.scorers.loc[keep].add_prefix(_SCORER),
            scored.contributions.loc[keep].add_prefix(_PART),
        ]
        for column, nested in beyond.items():
            if column not in entities:
                continue
            one = entities.loc[keep, column]
            told.append(one.map(_as_json).rename(f"{_JSON}{column}") if nested else one.rename(f"{_WHO}{column}"))
        frames.append(pd.concat(told, axis=1))
    table = pd.concat(frames).rename_axis("entity_id").reset_index()
    table["entity_id"] = table["entity_id"].astype(str)
    table = table.sort_values("entity_id", kind="stable")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink, row_group_size=_ROWS, compression="zstd")
    return bytes(sink.getvalue())


def _as_json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else None


def keep(warehouse: Path, run: str, made: Mapping[str, bytes]) -> None:
    """Publish the scores of a run's lists in place of those of the run before."""
    folder, staged = warehouse / FOLDER, warehouse / f".{FOLDER}-staging"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for grain, content in made.items():
            stage(staged / f"{grain}.parquet", content)
        publish_folder(staged, folder, {"run": run, "files": hashed(staged)}, REMEDY)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _file(warehouse: Path, run: str, grain: str) -> Path | None:
    """The file of a grain; None where the scores kept are of another run, absent or damaged: then the county is scored."""
    try:
        found = Published.open(warehouse / FOLDER, REMEDY)
        name = f"{grain}.parquet"
        mine = found.manifest["run"] == run and name in found.manifest["files"]
        return found.file(name) if mine else None
    except UserError:
        return None


def look_up(warehouse: Path, run: str, grain: str, entity_id: str) -> Scores | None:
    """How an entity was scored for the lists of a run; None where that was not kept."""
    path = _file(warehouse, run, grain)
    if path is None:
        return None
    found = pq.read_table(path, filters=pc.field("entity_id") == entity_id).to_pandas().set_index("entity_id")
    if not len(found):
        return None

    def those(prefix: str) -> pd.DataFrame:
        chosen = [str(c) for c in found.columns if str(c).startswith(prefix)]
        return pd.DataFrame({c.removeprefix(prefix): found[c] for c in chosen}, index=found.index)

    who: dict[str, Any] = {str(c): v for c, v in those(_WHO).iloc[0].items()}
    nested = {str(c): json.loads(v) if isinstance(v, str) else None for c, v in those(_JSON).iloc[0].items()}
    return Scores(those(_FRAME), those(_PART), those(_SCORER), who | nested)
