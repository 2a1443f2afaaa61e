"""Workbooks sent down that were uploaded and are not taken in yet: each in a folder of its own beside the papers, by the hash of its bytes, until it is.

A request keeps what came and starts a process (serving/web/sent_job.py); pages read what that process has written. Whether it lives is a lock on the folder, which the
system takes back however the process ends, so an interrupted one is known as such. A folder is erased when its list is taken in, when it is dropped, and after seven days.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from claims.store.files import put
from inspection.workbooks import MAX_BYTES
from serving.desk import log
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk, now
from serving.desk.papers import clean_name
from serving.desk.people import Person
from serving.desk.schema import SENT_LISTS

FOLDER: Final = "received"
KEEP: Final = timedelta(days=7)
READING, READ, TAKING, REFUSED, STOPPED = "reading", "read", "taking", "refused", "stopped"
KEY: Final = re.compile("[0-9a-f]{32}")
PRIVATE: Final = 0o600


@dataclass(frozen=True)
class Received:
    """One upload. told: what was written of it: state, step, share done, message, and once it was read its sheets."""

    key: str
    folder: Path
    about: Mapping[str, Any]
    told: Mapping[str, Any]

    @property
    def running(self) -> bool:
        return self.told["state"] in (READING, TAKING)

    def body(self) -> bytes:
        return (self.folder / "body.xlsx").read_bytes()

    def tell(self, **told: Any) -> None:
        """Write down how it stands. share: 0 to 1."""
        put(self.folder / "told.json", json.dumps(told, ensure_ascii=False).encode(), PRIVATE)


def may(person: Person, rights: frozenset[str]) -> None:
    """Raise Refused for whoever may not take a list in."""
    if "assign" not in rights:
        raise Refused("接收下发清单需要“派查、并案、暂缓”的权限")
    if person.area:
        raise Refused("下发清单含各片区的疑点，须由全市权限的人员接收")


def put_down(desk: Desk, person: Person, rights: frozenset[str], name: str, body: bytes) -> tuple[Received, bool]:
    """(upload, whether it is new) of a workbook that came. Raises Refused for one that is none, too large, or taken in already."""
    may(person, rights)
    if not body:
        raise Refused("请选择下发的 .xlsx 文件")
    if len(body) > MAX_BYTES:
        raise Refused(f"文件有 {len(body) / 1e6:.0f} MB，最多 {MAX_BYTES // 1_000_000} MB；请分成几份")
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused("这是旧格式（.xls）或加了密码的文件；请另存为 .xlsx、去掉密码")
    if not body.startswith(b"PK\x03\x04"):
        raise Refused("这不是 .xlsx 工作簿；请用表格软件另存为 .xlsx")
    sha256 = hashlib.sha256(body).hexdigest()
    if there := taken_as(desk, sha256):
        raise Refused(f"同一份文件已接收为下发清单“{there[1]}”，没有重复接收")
    _sweep(desk)
    folder = desk.folder / FOLDER / sha256[:32]
    if folder.is_dir():
        return of(desk, person, rights, folder.name), False
    made = folder.with_name(f".{sha256[:32]}.{os.urandom(4).hex()}")
    made.mkdir(mode=0o700, parents=True)
    about = {"name": clean_name(name, "xlsx"), "sha256": sha256, "size": len(body), "by": person.name, "shown": person.shown, "at": now().isoformat()}  # fmt: skip
    put(made / "body.xlsx", body, PRIVATE)
    put(made / "about.json", json.dumps(about, ensure_ascii=False).encode(), PRIVATE)
    put(made / "told.json", json.dumps({"state": READING, "step": "排队", "share": 0.0}).encode(), PRIVATE)
    try:
        made.rename(folder)
    except OSError:  # the same file came twice at the same moment
        shutil.rmtree(made, ignore_errors=True)
        return of(desk, person, rights, folder.name), False
    try:
        log.note(desk, "sent.upload", person.name, sha256[:12], {"size": len(body)})
    except BaseException:  # what cannot be logged does not happen
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return of(desk, person, rights, folder.name), True


def taken_as(desk: Desk, sha256: str) -> tuple[int, str] | None:
    """(number, name) of the list that was taken in from bytes of this hash, or whose hash begins so."""
    with desk.read() as connection:
        found = connection.execute(
            select(SENT_LISTS.c.sent_id, SENT_LISTS.c.number).where(SENT_LISTS.c.sha256.startswith(sha256))
        ).first()
    return (int(found[0]), str(found[1])) if found else None


def of(desk: Desk, person: Person, rights: frozenset[str], key: str) -> Received:
    """An upload as it stands: running only while its process lives. Raises Refused, Unknown."""
    may(person, rights)
    found = opened(desk, key)
    if found.running and not _held(found.folder):
        again = _read(found.folder)  # it may have ended between
        told = again if again["state"] not in (READING, TAKING) else {**again, "state": STOPPED, "was": again["state"]}
        return Received(key, found.folder, found.about, told)
    return found


def opened(desk: Desk, key: str) -> Received:
    """The same without a look at who asks and at its process: for the process itself. Raises Unknown."""
    folder = desk.folder / FOLDER / key
    try:
        if not KEY.fullmatch(key):
            raise FileNotFoundError
        about = json.loads((folder / "about.json").read_bytes())
        return Received(key, folder, about, _read(folder))
    except (OSError, ValueError):
        raise Unknown("没有这份上传的清单；可能已接收、已丢弃，或已超过七天") from None


def _read(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "told.json").read_bytes())
    return told


def waiting(desk: Desk, person: Person, rights: frozenset[str]) -> list[Received]:
    """All uploads not taken in yet, newest first; none for whoever may not take one in."""
    try:
        may(person, rights)
    except Refused:
        return []
    keys = [p.name for p in (desk.folder / FOLDER).glob("*") if KEY.fullmatch(p.name)]
    found = []
    for key in keys:
        try:
            found.append(of(desk, person, rights, key))
        except Unknown:
            continue
    return sorted(found, key=lambda r: str(r.about["at"]), reverse=True)


def lock(found: Received) -> int | None:
    """A file descriptor that holds the upload for a process to inherit; None where one has it already."""
    handle = os.open(found.folder / "lock", os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _held(folder: Path) -> bool:
    try:
        handle = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def drop(desk: Desk, person: Person, rights: frozenset[str], key: str) -> None:
    """Erase an upload. Raises Refused while its process lives."""
    found = of(desk, person, rights, key)
    if found.running:
        raise Refused("正在处理，完成后再丢弃")
    erase(found)
    log.note(desk, "sent.drop", person.name, str(found.about["sha256"])[:12])


def erase(found: Received) -> None:
    """Its bytes and all that was written of it."""
    shutil.rmtree(found.folder, ignore_errors=True)


def _sweep(desk: Desk) -> None:
    """What nobody has taken in for a week, and what a crash left half written."""
    for folder in (desk.folder / FOLDER).glob("*"):
        age = now() - datetime.fromtimestamp(folder.stat().st_mtime, UTC).replace(tzinfo=None)
        if age > KEEP and not _held(folder):
            shutil.rmtree(folder, ignore_errors=True)
