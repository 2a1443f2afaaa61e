"""Where claims come from: CSV, TSV, xlsx, Parquet, zip, a folder of these, a database or a cluster; and which table
each fills."""

from __future__ import annotations

import fnmatch
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from claims.errors import UserError
from claims.schema.mapping import Mapping
from claims.schema.tables import SOURCE
from claims.sources.database import find_tables
from claims.sources.excel import WORKBOOKS, hidden_sheets, holds_rows, sheets
from claims.sources.naming import table_of
from claims.sources.source import Ignored, Source
from claims.sources.spark import export_tables

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", *WORKBOOKS, ".csv.gz")
#: No data unless named like a table; listed among what was not read, no more.
DOCUMENTATION = (
    *(".md", ".json", ".sql", ".pdf", ".doc", ".docx", ".ppt", ".pptx", ".html", ".toml", ".yaml", ".yml", ".log"),
    *(".png", ".jpg", ".jpeg", ".sha256", ".md5", ".crc", ".ini", ".lnk"),
)
LEFT_BEHIND = ("thumbs.db", "desktop.ini")
#: What a sheet is called that explains the others.
COVER = ("readme", "说明", "填报说明", "填表说明", "目录", "封面", "数据字典", "字典")
#: What to do about data of a kind that is not read.
UNREAD = {
    **dict.fromkeys((".zip", ".rar", ".7z", ".tar", ".tgz", ".bz2", ".xz", ".zst"), "unpack it first"),
    **dict.fromkeys((".gz",), "only .csv.gz is read; unpack it first"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "give its address instead: sqlite:///PATH"),
    **dict.fromkeys((".mdb", ".accdb", ".dbf", ".dmp", ".orc", ".avro"), "export it as CSV or Parquet"),
    **dict.fromkeys((".json", ".sql"), "export it as CSV or Parquet"),
    # its reader gives the errors of formulas as empty cells
    **dict.fromkeys((".xlsb",), "save it again as .xlsx"),
    **dict.fromkeys((".dat", ".prn", ""), "give the name an ending: .csv"),
}
MAX_UNZIPPED = 64 * 2**30
MAX_RATIO = 200


def find_sources(
    source: str | Path, mapping: Mapping, staging: Path, ignored: list[Ignored] | None = None
) -> list[Source]:
    """Every file of `source` that fills a table, in a fixed order; what fills none is added to `ignored`. UserError
    if none fills one."""
    unread: list[Ignored] = [] if ignored is None else ignored
    if str(source).partition("://")[0] in ("spark", "spark+local"):
        exported = export_tables(str(source), mapping, staging, unread)
        return sorted(exported, key=lambda s: list(SOURCE).index(s.table))
    if "://" in str(source):
        return find_tables(str(source), mapping, unread)
    root = Path(source)
    if not root.exists():
        raise UserError(f"there is no file or folder {root}")
    if (root / "claims").is_dir() and not any(
        table_of(_stem(entry), mapping) for entry in root.iterdir() if entry.suffix != ".zip"
    ):
        root = root / "claims"
    found = list(_Search(mapping, staging, unread).walk(root))
    if not found:
        raise UserError(
            f"no table found in {root}: expected files or folders named like {', '.join(list(SOURCE)[:5])} "
            f"({', '.join(SUFFIXES)}), or a mapping that names yours{_listed(unread)}"
        )
    return sorted(found, key=lambda s: (list(SOURCE).index(s.table), s.label))


def _listed(unread: list[Ignored]) -> str:
    names = ", ".join(i.name for i in unread[:5])
    return f"; it holds {names}{' and more' if len(unread) > 5 else ''}" if names else ""


def refuse_unread(unread: list[Ignored], allowed: tuple[str, ...]) -> None:
    """UserError naming the data of a delivery that fill no table, unless `allowed` (names or patterns) names them."""
    meant = [
        f"{i.name} ({i.reason})"
        for i in unread
        if i.refuses and not any(fnmatch.fnmatchcase(n, a) for a in allowed for n in _names(i.name))
    ]
    if meant:
        raise UserError(
            f"{', '.join(meant[:10])}{f' and {len(meant) - 10} more' if len(meant) > 10 else ''} would not be read: "
            "name the table in a mapping (files = [...]), or leave it out with --allow-ignored NAME; nothing was "
            "published"
        )


def _names(label: str) -> tuple[str, ...]:
    """What may name something unread: its path, its name, the workbook of a sheet."""
    return (label, Path(label).name, Path(label.partition("[")[0]).name)


def _with_a_log(folder: Path) -> str:
    """What a folder is of whose files a log says which count; empty for a plain one."""
    if (folder / "_delta_log").is_dir():
        return "a Delta"
    if (folder / ".hoodie").is_dir():
        return "a Hudi"
    return "an Iceberg" if (folder / "metadata").is_dir() and (folder / "data").is_dir() else ""


def _suffix(path: Path) -> str:
    return next(
        (s for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(s)), path.suffix.lower()
    )


def _stem(path: Path) -> str:
    return path.name[: -len(_suffix(path))] if _suffix(path) else path.name


@dataclass
class _Search:
    """One walk through files, folders and zips."""

    mapping: Mapping
    staging: Path
    unread: list[Ignored]
    zips: list[str] = field(default_factory=list)

    def walk(self, root: Path) -> Iterator[Source]:
        """The sources of a file, a zip or a folder."""
        if root.is_dir():
            yield from self._folder(root, "", None)
        elif root.suffix.lower() == ".zip":
            yield from self._unzip(root, root.name)
        elif _suffix(root) not in SUFFIXES:
            raise UserError(f"{root.name}: files of this kind are not read; give one of {', '.join(SUFFIXES)}, .zip")
        else:
            yield from self._file(root, root.name, None)

    def _folder(self, folder: Path, label: str, table: str | None) -> Iterator[Source]:
        """Everything in a folder, at any depth. A file that names no table belongs to the folder that does."""
        if kind := _with_a_log(folder):
            raise UserError(
                f"{label.rstrip('/') or folder.name} is {kind} table: which of its files still count stands in its "
                "log, so it is not read as a plain folder. Write what is in force as plain Parquet first (in Spark: "
                "spark.table('NAME').write.parquet('FOLDER')), or give the cluster's address (spark://HOST:PORT/DATABASE)"
            )
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None
        read = 0
        for entry in entries:
            shown = label + entry.name
            if entry.name.startswith((".", "_", "~$")):
                self.unread.append(Ignored(shown, "names that begin with . or _ are what a program left behind"))
                continue
            if entry.is_dir():
                if (entry / "CURRENT").is_file():
                    self.unread.append(Ignored(shown, "a folder published by xiezhi is no delivery"))
                    continue
                found = self._folder(entry, f"{shown}/", table_of(_stem(entry), self.mapping) or table)
            elif entry.suffix.lower() == ".zip" and not self.zips:
                found = self._unzip(entry, shown)
            else:
                found = self._file(entry, shown, table)
            for source in found:
                read += 1
                yield source
        if table and not read and table_of(_stem(folder), self.mapping):
            raise UserError(f"{folder.name} is a folder without data files; expected a file")

    def _file(self, path: Path, label: str, table: str | None) -> Iterator[Source]:
        suffix = _suffix(path)
        named = table_of(_stem(path), self.mapping)
        table = named or table
        if path.name.lower().startswith(("readme", "license", "说明", *LEFT_BEHIND)) or (
            suffix in DOCUMENTATION and not named and not (table and suffix == ".json")
        ):
            self.unread.append(Ignored(label, "documentation"))
        elif suffix not in SUFFIXES:
            remedy = UNREAD.get(suffix, "")
            self.unread.append(Ignored(label, f"files of this kind are not read{'; ' if remedy else ''}{remedy}", True))
        elif suffix in WORKBOOKS:
            yield from self._workbook(path, label, table)
        elif table:
            yield Source(table, label, path, "parquet" if suffix == ".parquet" else "csv")
        else:
            self.unread.append(Ignored(label, "its name is no table's", True))

    def _workbook(self, path: Path, label: str, table: str | None) -> Iterator[Source]:
        """The sheets of a workbook by their names. A hidden one is asked about: an old state is often hidden so."""
        try:
            titles, hidden = sheets(path), hidden_sheets(path)
        except UserError as error:
            self.unread.append(Ignored(label, str(error).removeprefix(f"{path.name} is "), True))
            return
        targets = {sheet: table_of(sheet, self.mapping) or table for sheet in titles}
        for sheet, target in targets.items():
            if sheet.lower().startswith(COVER) or not (target or holds_rows(path, sheet)):
                self.unread.append(Ignored(f"{label}[{sheet}]", "a cover, or empty"))
            elif sheet in hidden and holds_rows(path, sheet):
                self.unread.append(Ignored(f"{label}[{sheet}]", "the sheet is hidden; show it if it counts", True))
            elif target:
                yield Source(target, f"{label}[{sheet}]", path, "xlsx", sheet)
            else:
                self.unread.append(Ignored(f"{label}[{sheet}]", "the sheet's name is no table's", True))
        if not any(targets.values()):
            self.unread.append(Ignored(label, "neither its name nor a sheet's is a table's", True))

    def _unzip(self, path: Path, label: str) -> Iterator[Source]:
        target = self.staging / "unzipped" / path.stem
        while target.exists():
            target = target.with_name(target.name + "_")
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
                    self._extract(archive, member, target, path.name)
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
        ) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UserError(f"{path.name} is not a readable zip archive ({error}); pack it again") from None
        if target.exists():
            self.zips.append(label)
            yield from self._folder(target, f"{label}/", None)
            self.zips.pop()

    def _extract(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, label: str) -> None:
        """Unpack a member whose content is read; of the others only the name."""
        inner = PurePosixPath(_member_name(member))
        if inner.is_absolute() or ".." in inner.parts:
            raise UserError(f"{label} holds a member outside its folder ({inner}); refused")
        out = target.joinpath(*inner.parts)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.touch(exist_ok=False)
        except OSError as error:
            raise UserError(f"{label}: {inner} cannot be unpacked ({error.strerror}); pack it again") from None
        if _suffix(out) not in SUFFIXES:
            return
        with archive.open(member) as src, out.open("wb") as dst:
            written = 0
            while chunk := src.read(1 << 20):
                written += len(chunk)
                if written > member.file_size:
                    raise UserError(f"{label}: {inner} is larger than the archive says; refused as a zip bomb")
                dst.write(chunk)


def _member_name(member: zipfile.ZipInfo) -> str:
    """A member's name as it was packed: without the mark for UTF-8 (bit 11) Python reads CP437, where Chinese systems
    write GB18030."""
    name = member.filename
    if not member.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")
