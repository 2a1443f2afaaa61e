"""Papers and photographs of a case, and their chain of custody: hash, size, who, when; every reading of one is an event too.

The bytes lie beside the database under their hash, readable by the service's account alone; what a paper is, is read off its content and never off
its name. They are written before the transaction that knows them ends: after a crash there may be bytes nobody knows, never a paper without bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import unicodedata
import zipfile
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from claims.errors import Damaged
from claims.store.files import put
from serving.desk import log
from serving.desk.cases import BLIND, Refused, Unknown, event, every, found, locked
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.roles import BUSINESS
from serving.desk.schema import FILES, PEOPLE, SENT_LISTS

SIGNATURES: Final[tuple[tuple[str, str, int, bytes], ...]] = (
    ("pdf", "PDF", 0, b"%PDF-"),
    ("png", "PNG 图片", 0, b"\x89PNG\r\n\x1a\n"),
    ("jpg", "JPEG 图片", 0, b"\xff\xd8\xff"),
    ("mp4", "录像", 4, b"ftyp"),
    ("mp3", "录音", 0, b"ID3"),
    ("wav", "录音", 8, b"WAVE"),
)
"""Kind, what it is called, and where its content says so."""
OFFICE: Final = {"word/document.xml": ("docx", "Word 文档"), "xl/workbook.xml": ("xlsx", "Excel 工作簿")}
WORDS: Final = {kind: zh for kind, zh, *_ in SIGNATURES} | dict(OFFICE.values())


def kind_of(body: bytes) -> str:
    """What a paper is by its content. Raises Refused for anything but a document, a picture or a recording, and for macros."""
    for kind, _, at, mark in SIGNATURES:
        if body[at : at + len(mark)] == mark:
            return kind
    if body[:4] == b"PK\x03\x04":
        try:
            inside = set(zipfile.ZipFile(io.BytesIO(body)).namelist())
        except (zipfile.BadZipFile, ValueError, OSError):
            inside = set()
        if any(name.endswith("vbaProject.bin") for name in inside):
            raise Refused("含有宏的文档不能上传")
        for part, (kind, _) in OFFICE.items():
            if part in inside:
                return kind
    raise Refused("只能上传 PDF、PNG、JPEG、docx、xlsx、mp4、mp3、wav；文件以内容为准，与扩展名无关")


def clean_name(name: str, kind: str) -> str:
    """A name as it may stand on a page and in a header: its last part, without control, direction and reserved characters, with the ending of what it is."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    stem = re.sub(r'[<>:"|?*;%]', "_", plain)
    stem = re.sub(r"(\.[A-Za-z0-9]{1,5})+$", "", stem).strip(" .")
    return f"{stem[:100] or '附件'}.{kind}"


def attach(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    name: str,
    body: bytes,
    once: str = "",
    original: str = "",
    naming: Callable[[Connection, int], None] | None = None,
) -> int:
    """Add a paper; returns its id. original: SHA-256 of what the sender made it smaller from, as he says; naming: writes the id where else it stands, in the same
    transaction. Raises Refused (a kind, a size, one that is there already), Unknown, Again."""
    if not rights & BUSINESS:
        raise Refused("您的岗位不办理案件")
    if not body:
        raise Refused("文件是空的")
    kind = kind_of(body)
    paper = {"sha256": hashlib.sha256(body).hexdigest(), "name": clean_name(name, kind), "kind": kind}
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        if row["state"] == "C91":
            raise Refused("已并案，请在并入的案件中上传")
        most = value(connection, "paper_mb")
        if len(body) > most * 1_000_000:
            raise Refused(f"单个附件不得超过{most}MB")
        same = FILES.c.sha256 == paper["sha256"]
        if connection.execute(select(FILES.c.file_id).where(FILES.c.case_id == case_id, same)).first():
            raise Refused("本案已有内容相同的附件")
        values = {**paper, "case_id": case_id, "size": len(body), "at": now(), "who": person.person_id}
        made = int(connection.execute(insert(FILES).values(**values).returning(FILES.c.file_id)).scalar_one())
        detail: dict[str, Any] = {"file": made, "sha256": paper["sha256"], "size": len(body), "kind": kind}
        if re.fullmatch("[0-9a-f]{64}", original) and original != paper["sha256"]:
            detail["original"] = original
        event(connection, case_id, person, "file", note=paper["name"], detail=detail, once=once)
        log.append(connection, "file.add", person.name, row["number"], detail)
        if naming is not None:
            naming(connection, made)
        keep(desk, paper["sha256"], body)
    return made


def keep(desk: Desk, sha256: str, body: bytes) -> None:
    """The bytes under their hash, where they are not there yet."""
    path = desk.file(sha256)
    if path.is_file():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(path.parent, 0o700)
    put(path, body, 0o600)


def take_out(desk: Desk, person: Person, case_id: int, file_id: int) -> tuple[str, bytes]:
    """(name, bytes) of a paper; the reading is written down first. Raises Unknown, Damaged where the bytes are no longer what was handed in."""
    with desk.write() as connection:
        row = found(connection, person, case_id)
        mine = (FILES.c.file_id == file_id) & (FILES.c.case_id == case_id)
        paper = connection.execute(select(FILES).where(mine)).mappings().first()
        if paper is None or row[BLIND] is not None:  # who reviews anew does not see what came after the first review
            raise Unknown("没有这个附件")
        event(connection, case_id, person, "file-read", note=paper["name"], detail={"file": file_id})
        log.append(connection, "file.read", person.name, row["number"], {"file": file_id})
    try:
        body = desk.file(paper["sha256"]).read_bytes()
    except OSError:
        body = b""
    if hashlib.sha256(body).hexdigest() != paper["sha256"]:
        raise Damaged(f"附件 {file_id} 的内容与上传时不符或已丢失，请从备份恢复")
    return str(paper["name"]), body


def of_case(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """The papers of a case with who handed them in."""
    chosen = select(FILES, PEOPLE.c.shown).join(PEOPLE, FILES.c.who == PEOPLE.c.person_id)
    return every(connection, chosen.where(FILES.c.case_id == case_id).order_by(FILES.c.file_id))


def kept(connection: Connection) -> dict[str, int]:
    """Hash → number of every file that lies beside the database: papers of cases, and lists sent down as they came."""
    sent = connection.execute(select(SENT_LISTS.c.sha256, SENT_LISTS.c.sent_id))
    papers = connection.execute(select(FILES.c.sha256, FILES.c.file_id))
    return {sha256: int(number) for sha256, number in (*sent.tuples(), *papers.tuples())}


def faults(desk: Desk) -> list[str]:
    """What is wrong with the papers on disk, a line each: lost, changed, or known to no case."""
    with desk.read() as connection:
        known = kept(connection)
    there = {p.name: p for p in desk.file("xx").parent.glob("*") if not p.name.startswith(".")}
    wrong = [f"paper {known[h]} is lost" for h in sorted(known.keys() - there.keys())]
    for name, path in sorted(there.items()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != name:
            wrong.append(f"{name[:12]}: its bytes were changed")
        elif name not in known:
            wrong.append(f"{name[:12]}: no case knows it")
    return wrong
