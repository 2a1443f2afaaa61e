"""The history of everybody for the counter: a SQLite file in which one person's rows lie together.

A bucket of Parquet must be read whole for one person; here his rows are found by his number. The file is a copy of what
one state of the warehouse holds, made by one process in the background and readable by its owner alone; that of another
state is put aside. Until it is there, checks read the warehouse itself.
"""

import fcntl
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import duckdb

from claims.errors import UserError
from claims.schema.tables import CANONICAL
from claims.store.files import put, sha256, verified
from claims.store.sql import name as identifier
from claims.store.sql import parquet, quote
from claims.store.warehouse import Warehouse
from features.checking.person_store import OWN
from features.checking.sqlite_functions import carried

FOLDER: Final = "counter"
#: Between codes of one line.
SPLIT: Final = re.compile(r"[ ,;|]+")
#: Tables and the columns by which a person's rows are found in them.
_INDEXED: Final = [*((t, "psn_no") for t in sorted(OWN)), ("persons", "certno"), ("traces", "code")]
_AT_ONCE: Final = 20_000
_NICER: Final = 15


def place_of(warehouse: Warehouse) -> Path:
    """Where the file of a state lies: named by the files it is made of and by the columns it has."""
    told = [(t, *CANONICAL[t].canonical_columns) for t in sorted(OWN)]
    made_of = [(t, e["path"], e["sha256"]) for t in sorted(OWN) for e in warehouse.entries(t, "person")]
    return warehouse.root / FOLDER / f"{hashlib.sha256(repr((told, made_of)).encode()).hexdigest()[:24]}.sqlite"


def ready(path: Path) -> bool:
    """Whether it is there and whole; one that is damaged is put aside, to be made again."""
    seal = path.with_suffix(".sha256")
    try:
        verified(path, seal.read_text("ascii").strip(), "it is made again")
    except (OSError, UserError):
        return False
    return True


def begin(root: Path) -> "subprocess.Popen[bytes]":
    """Have it made in a process of its own."""
    ways = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(
        [sys.executable, "-m", "features.checking.history_file", str(root)],
        env=os.environ | {"PYTHONPATH": ways},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def make(root: Path) -> Path:
    """Make the file of the state in force where it is not there; nothing where another process is at it."""
    warehouse = Warehouse.open(root)
    path = place_of(warehouse)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    os.chmod(path.parent, 0o700)
    with (path.parent / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return path
        if not ready(path):
            unfinished = path.with_suffix(".part")
            unfinished.unlink(missing_ok=True)
            os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                _fill(warehouse, unfinished)
                put(path.with_suffix(".sha256"), sha256(unfinished).encode(), 0o600)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        for other in path.parent.glob("*.*"):
            if other.stem != path.stem and other.name != ".lock":
                other.unlink(missing_ok=True)
    return path


def _fill(warehouse: Warehouse, path: Path) -> None:
    con = sqlite3.connect(path, isolation_level=None)
    rows = duckdb.connect()
    rows.execute("SET threads=1; SET memory_limit='1GB'; SET TimeZone='Asia/Shanghai'")
    rows.execute(f"SET temp_directory={quote(path.parent)}")
    try:
        con.execute("PRAGMA journal_mode=OFF")
        con.execute("PRAGMA synchronous=OFF")
        con.execute("CREATE TABLE traces (code, psn_no)")
        for table in sorted(OWN):
            columns = CANONICAL[table].canonical_columns
            con.execute(f"CREATE TABLE {table} ({', '.join(map(identifier, columns))})")
            files = warehouse.files(table, "person") if table in warehouse.tables() else []
            if not files:
                continue
            stored = {d[0] for d in rows.execute(f"SELECT * FROM {parquet(files)} LIMIT 0").description or []}
            cells = [carried(c, k) if c in stored else f"NULL AS {identifier(c)}" for c, k in columns.items()]
            rows.execute(f"SELECT {', '.join(cells)} FROM {parquet(files)} ORDER BY psn_no")
            holes = ", ".join("?" * len(columns))
            con.execute("BEGIN")
            while some := rows.fetchmany(_AT_ONCE):
                con.executemany(f"INSERT INTO {table} VALUES ({holes})", some)
            con.execute("COMMIT")
        con.create_function("codes", 1, _codes)
        con.execute(
            """INSERT INTO traces
            SELECT DISTINCT j.value, f.psn_no
            FROM (SELECT DISTINCT drug_trac_codg, psn_no FROM fee_details WHERE drug_trac_codg <> '') f,
                json_each(codes(f.drug_trac_codg)) j"""
        )
        for table, column in _INDEXED:
            con.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
        con.execute("ANALYZE")
    finally:
        con.close()
        rows.close()
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _codes(text: str) -> str:
    return json.dumps([c for c in SPLIT.split(text) if c])


if __name__ == "__main__":
    os.nice(_NICER)
    started = time.process_time()
    try:
        made = make(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(str(error))
    print(
        f"{made.name}: {made.stat().st_size if made.exists() else 0} bytes, {time.process_time() - started:.1f} s CPU"
    )
