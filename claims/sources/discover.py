"""Where claims come from: CSV, TSV, xlsx, Parquet, zip, a folder of these, a database or a cluster; and which table
each fills."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from claims.errors import UserError
from claims.schema.mapping import Mapping
from claims.schema.tables import SOURCE
from claims.sources.database import find_tables
from claims.sources.excel import sheets
from claims.sources.naming import table_of
from claims.sources.source import Source
from claims.sources.spark import export_tables

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".csv.gz")
MAX_UNZIPPED = 64 * 2**30
MAX_RATIO = 200


def find_sources(source: str | Path, mapping: Mapping, staging: Path) -> list[Source]:
    """Every file of `source` that fills a table, in a fixed order. UserError if there is none."""
    if str(source).partition("://")[0] in ("spark", "spark+local"):
        found = export_tables(str(source), mapping, staging)
        return sorted(found, key=lambda s: list(SOURCE).index(s.table))
    if "://" in str(source):
        return find_tables(str(source), mapping)
    root = Path(source)
    if not root.exists():
        raise UserError(f"there is no file or folder {root}")
    if (root / "claims").is_dir() and not any(
        table_of(_stem(entry), mapping) for entry in root.iterdir() if entry.suffix != ".zip"
    ):
        root = root / "claims"
    found = list(_walk(root, mapping, staging))
    if not found:
        raise UserError(
            f"no table found in {root}: expected files or folders named like {', '.join(list(SOURCE)[:5])} "
            f"({', '.join(SUFFIXES)}), or a mapping that names yours"
        )
    return sorted(found, key=lambda s: (list(SOURCE).index(s.table), s.label))


def _suffix(path: Path) -> str:
    return next(
        (s for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(s)), path.suffix.lower()
    )


def _walk(root: Path, mapping: Mapping, staging: Path) -> Iterator[Source]:
    if root.is_file():
        if root.suffix.lower() == ".zip":
            yield from _unzip(root, mapping, staging)
        elif _suffix(root) not in SUFFIXES:
            raise UserError(f"{root.name}: files of this kind are not read; give one of {', '.join(SUFFIXES)}, .zip")
        else:
            yield from _file(root, table_of(_stem(root), mapping), mapping)
        return
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise UserError(f"cannot read the folder {root}: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if (entry / "_delta_log").is_dir() or ((entry / "metadata").is_dir() and (entry / "data").is_dir()):
            raise UserError(
                f"{entry.name} is a Delta or Iceberg table: which of its files count stands in its log, so they are "
                "not read as a plain folder; export the table as Parquet first"
            )
        if entry.is_dir() and _suffix(entry) not in SUFFIXES:
            if table := table_of(entry.name, mapping):
                for part in _parts(entry):
                    yield from _file(part, table, mapping, f"{entry.name}/{part.relative_to(entry)}")
        elif entry.suffix.lower() == ".zip":
            yield from _unzip(entry, mapping, staging)
        elif entry.is_dir():
            if table := table_of(_stem(entry), mapping):
                parts = _parts(entry)
                if not parts:
                    raise UserError(f"{entry.name} is a folder without data files; expected a file")
                for part in parts:
                    yield from _file(part, table, mapping, f"{entry.name}/{part.relative_to(entry)}")
        elif _suffix(entry) in SUFFIXES:
            yield from _file(entry, table_of(_stem(entry), mapping), mapping)


def _parts(folder: Path) -> list[Path]:
    """Data files of a table's folder; what a writer left behind (`_temporary`, `.ipynb_checkpoints`) is none of it."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.is_file()
        and _suffix(p) in SUFFIXES
        and not any(part.startswith((".", "_")) for part in p.relative_to(folder).parts)
    )


def _stem(path: Path) -> str:
    return path.name[: -len(_suffix(path))] if _suffix(path) else path.name


def _file(path: Path, table: str | None, mapping: Mapping, label: str | None = None) -> Iterator[Source]:
    suffix = _suffix(path)
    if suffix == ".xlsx":
        for sheet in sheets(path):
            target = table_of(sheet, mapping) or table
            if target:
                yield Source(target, f"{label or path.name}[{sheet}]", path, "xlsx", sheet)
    elif table:
        yield Source(table, label or path.name, path, "parquet" if suffix == ".parquet" else "csv")


def _unzip(path: Path, mapping: Mapping, staging: Path) -> Iterator[Source]:
    target = staging / "unzipped" / path.stem
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            total = sum(m.file_size for m in members)
            if total > MAX_UNZIPPED or total > MAX_RATIO * max(path.stat().st_size, 2**20):
                raise UserError(
                    f"{path.name} would unpack to {total:,} bytes, more than {MAX_RATIO} times its size: refused "
                    "as a zip bomb"
                )
            for member in members:
                inner = Path(member.filename)
                if inner.suffix.lower() == ".zip":
                    raise UserError(f"{path.name} holds another zip ({inner.name}); unpack it first")
                if _suffix(inner) not in SUFFIXES or inner.name.startswith((".", "_")):
                    continue
                if inner.is_absolute() or ".." in inner.parts:
                    raise UserError(f"{path.name} holds a member outside its folder ({member.filename}); refused")
                out = target / inner.name
                out.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as src, out.open("wb") as dst:
                    written = 0
                    while chunk := src.read(1 << 20):
                        written += len(chunk)
                        if written > member.file_size:
                            raise UserError(
                                f"{path.name}: {member.filename} is larger than the archive says; refused as a zip bomb"
                            )
                        dst.write(chunk)
                yield from _file(out, table_of(_stem(out), mapping), mapping, f"{path.name}/{inner.name}")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{path.name} is not a readable zip archive ({error}); pack it again") from None
