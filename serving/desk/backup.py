"""The desk in one file, and back: every table and every paper of a case, whichever engine holds or shall hold them.

    manifest.json        sealed: revision of the schema, head of the log, each member with its SHA-256
    tables/NAME.jsonl    the rows, one JSON object a line
    files/SHA256         papers and photographs

A backup is read in one snapshot while people work. A restore goes into an empty desk and is one transaction: it is there whole or not at all. Sessions and
API tokens stay out: after a restore everybody signs in again, so that nobody comes back who was shut out since. The key of second factors stays out too, so that
a backup alone makes no codes: it is kept apart (`key_note` says which).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, DateTime, MetaData, Table, func, insert, inspect, select, text, update

from claims.errors import Damaged, UserError
from claims.store.files import SEAL, fsync, put, read_sealed, sealed
from serving.desk import log, papers, vault
from serving.desk.database import Desk, now
from serving.desk.migrating import alembic_config, revision_of
from serving.desk.schema import LOG, METADATA, PEOPLE
from serving.desk.verify import FIRST, fault

VERSION: Final = 1
LEFT_OUT: Final = frozenset({"sessions", "sign_ins", "alembic_version"})
REMEDY: Final = "this backup cannot be restored; take another"
BLOCK: Final = 1 << 20
Check = Callable[[str], None]


def backup(desk: Desk, out: Path, by: str = "", check: Check = lambda point: None) -> dict[str, Any]:
    """Write the backup; returns its manifest. check: called before every step, for tests that stop there.

    Raises UserError where the file is there already or cannot be written, or the log's chain does not hold, or a paper is damaged.
    """
    if out.exists():
        raise UserError(f"{out} is there already; name a new file")
    log.note(desk, "desk.backup", by)
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp")
    except OSError as error:
        raise UserError(f"{out}: cannot write there ({error.strerror})") from None
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                manifest = _fill(desk, archive, check)
            file.flush()
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        check("rename")
        os.replace(name, out)
        fsync(out.parent)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UserError(f"{out}: writing failed ({error.strerror}); nothing was left behind") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return manifest


def _fill(desk: Desk, archive: zipfile.ZipFile, check: Check) -> dict[str, Any]:
    members: dict[str, str] = {}
    rows: dict[str, int] = {}
    with _snapshot(desk) as connection:
        revision = revision_of(connection)
        if wrong := fault(dict(r) for r in connection.execute(select(LOG).order_by(LOG.c.seq)).mappings()):
            raise Damaged(f"the log of this desk does not hold: {wrong}; nothing was written")
        last = connection.execute(select(LOG.c.seq, LOG.c.hash).order_by(LOG.c.seq.desc()).limit(1)).one()
        for table in METADATA.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            check(f"table {table.name}")
            member = f"tables/{table.name}.jsonl"
            with archive.open(member, "w") as out:
                digest, count = hashlib.sha256(), 0
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings():
                    line = (json.dumps(dict(row), ensure_ascii=False, default=_told) + "\n").encode()
                    digest.update(line)
                    out.write(line)
                    count += 1
            members[member], rows[table.name] = digest.hexdigest(), count
        kept = papers.kept(connection)
    for paper in sorted(kept):
        check(f"file {paper}")
        members[f"files/{paper}"] = paper
        if _copied(desk.file(paper), archive, f"files/{paper}") != paper:
            raise Damaged(f"{desk.file(paper)} is not what was attached; restore it from an earlier backup")
    manifest = {
        "version": VERSION,
        "revision": revision,
        "taken_at": now().isoformat(timespec="seconds") + "Z",
        "head": f"{last.seq}:{last.hash}",
        "rows": rows,
        "members": members,
        "key": vault.mark(desk.folder),
    }
    body = sealed(manifest)
    archive.writestr("manifest.json", body)
    return dict(json.loads(body))


def key_note(desk: Desk, manifest: Mapping[str, Any]) -> str:
    """What the second factors of a restored desk need; '' where nobody has one, or the key is there."""
    with desk.read() as connection:
        sealed_ones = select(func.count()).where(PEOPLE.c.sealed_factor.is_not(None))
        count = int(connection.execute(sealed_ones).scalar_one())
    if not count or vault.mark(desk.folder) == manifest.get("key", ""):
        return ""
    return (
        f"{count} accounts have a second factor under another key: put the key file of the old desk at {vault.key_file(desk.folder)}"
        " (mode 600), or invite these accounts again"
    )


@contextmanager
def _snapshot(desk: Desk) -> Iterator[Connection]:
    """One state of all tables, whoever writes meanwhile."""
    with desk.engine.connect() as connection:
        if not desk.is_sqlite:  # SQLite's reader sees one state anyway
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _copied(path: Path, archive: zipfile.ZipFile, member: str) -> str:
    """Copy a file into the archive; returns the SHA-256 of what was copied, '' where it is missing."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, archive.open(member, "w") as out:
            while block := source.read(BLOCK):
                digest.update(block)
                out.write(block)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def restore(desk: Desk, file: Path, by: str = "", check: Check = lambda point: None) -> dict[str, Any]:
    """Bring a backup into an empty desk (of either engine, opened without migrating it); returns the manifest.

    Raises UserError: the file is damaged, of a newer xiezhi, or the desk is not empty.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = verified(archive)
            _fits(manifest, file)
            for member in manifest["members"]:
                if member.startswith("files/"):
                    check(member)
                    target = desk.file(member.removeprefix("files/"))
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    put(target, archive.read(member), 0o600)
            with desk.write() as connection:
                _into(connection, desk.folder, archive, manifest, check)
                log.append(connection, "desk.restore", by, manifest[SEAL], {"head": manifest["head"]})
                check("commit")
    except (zipfile.BadZipFile, OSError, KeyError, ValueError) as error:
        raise Damaged(f"{file} is no backup of a desk, or damaged ({type(error).__name__}); {REMEDY}") from None
    return manifest


def verified(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest of a backup, once every member is what it says and the log's chain holds to its head. Raises Damaged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_bytes(archive.read("manifest.json"))
        manifest = read_sealed(path, REMEDY)
    for member, digest in manifest["members"].items():
        with archive.open(member) as file:
            found = hashlib.sha256()
            while block := file.read(BLOCK):
                found.update(block)
        if found.hexdigest() != digest:
            raise Damaged(f"{member} in the backup is not what was written; {REMEDY}")
    seq, _, kept = manifest["head"].partition(":")
    if wrong := fault(_lines(archive, "log"), (int(seq), kept)) or (kept == FIRST and "the log is empty"):
        raise Damaged(f"the log in the backup does not hold: {wrong}; {REMEDY}")
    return manifest


def _fits(manifest: Mapping[str, Any], file: Path) -> None:
    known = ScriptDirectory.from_config(alembic_config())
    try:
        known.get_revision(manifest["revision"])
        newer = manifest["version"] > VERSION
    except CommandError:
        newer = True
    if newer:
        raise UserError(f"{file} was made by a newer xiezhi (schema {manifest['revision']}); restore it with that one")


def _into(
    connection: Connection, folder: Path, archive: zipfile.ZipFile, manifest: Mapping[str, Any], check: Check
) -> None:
    """All tables at the revision of the backup, filled, then brought up to date."""
    there = set(inspect(connection).get_table_names()) - {"alembic_version"}
    for name in sorted(there & set(METADATA.tables)):
        if connection.execute(select(func.count()).select_from(METADATA.tables[name])).scalar_one():
            raise UserError(
                "this desk is not empty; restore into a new one: another warehouse folder, or XIEZHI_DESK naming an empty database"
            )
    if there and revision_of(connection) != manifest["revision"]:
        raise UserError("this desk was begun by another version of xiezhi; restore into a new, untouched one")
    config = alembic_config(connection, folder)
    command.upgrade(config, manifest["revision"])
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name in LEFT_OUT:
            continue
        check(f"table {table.name}")
        _insert(connection, table, _lines(archive, table.name))
    command.upgrade(config, "head")


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    """Rows as they were, numbers included; what points into the same table is set once all are there."""
    (key, *more) = table.primary_key.columns
    own = {c.name for c in table.columns for f in c.foreign_keys if f.column.table is table}
    moments = {c.name for c in table.columns if isinstance(c.type, DateTime)}
    later: list[dict[str, Any]] = []
    batch: list[dict[str, Any]] = []
    for row in rows:
        values = {k: datetime.fromisoformat(v) if k in moments and v else v for k, v in row.items()}
        later += [{"k": values[key.name], "c": c, "v": values[c]} for c in own if values[c] is not None]
        batch.append(values | dict.fromkeys(own))
        if len(batch) == 500:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    for link in later:
        connection.execute(update(table).where(key == link["k"]).values({link["c"]: link["v"]}))
    if connection.dialect.name == "postgresql" and not more:
        _count_on(connection, table.name, key.name)


def _count_on(connection: Connection, table: str, key: str) -> None:
    """PostgreSQL's next number follows the last one restored."""
    sequence = connection.execute(select(func.pg_get_serial_sequence(table, key))).scalar()
    if sequence is not None:
        said = f'SELECT setval(CAST(:sequence AS regclass), max("{key}")) FROM "{table}" HAVING count(*) > 0'
        connection.execute(text(said), {"sequence": sequence})


def _lines(archive: zipfile.ZipFile, table: str) -> Iterator[dict[str, Any]]:
    with archive.open(f"tables/{table}.jsonl") as file:
        for line in file:
            yield json.loads(line)
