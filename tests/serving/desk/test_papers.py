"""Papers of a case: known by their content, kept by their hash, every reading written down."""

import io
import stat
import zipfile

import pytest
from sqlalchemy import Connection

from claims.errors import Damaged
from serving.desk import log, papers
from serving.desk.casefile import case_file
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk
from serving.desk.people import Person

PDF = b"%PDF-1.7 record of the visit"


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name in names:
            book.writestr(name, "x")
    return out.getvalue()


KINDS = {
    "pdf": PDF,
    "png": b"\x89PNG\r\n\x1a\n" + b"0" * 9,
    "jpg": b"\xff\xd8\xff\xe0",
    "mp4": b"\0\0\0\x18ftypmp42",
    "docx": zipped("[Content_Types].xml", "word/document.xml"),
    "xlsx": zipped("xl/workbook.xml"),
}
REFUSED = {
    "html": b"<html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "program": b"MZ\x90\0",
    "zip": zipped("a.txt"),
    "broken zip": b"PK\x03\x04 broken",
    "macro": zipped("word/document.xml", "word/vbaProject.bin"),
    "text": "笔录".encode(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_is_what_its_content_says(kind: str) -> None:
    assert papers.kind_of(KINDS[kind]) == kind


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_paper_is_refused(kind: str) -> None:
    with pytest.raises(Refused):
        papers.kind_of(REFUSED[kind])


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("笔录.pdf", "笔录.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\x\\a.exe.html", "a.pdf"),
        ("a\r\nX: y\u202efdp.exe", "aX_ yfdp.pdf"),
        ('"><img>', "___img_.pdf"),
        ("", "附件.pdf"),
        ("㐀" * 300, "㐀" * 100 + ".pdf"),
    ],
)
def test_a_name_is_cleaned_and_ends_as_what_it_is(name: str, clean: str) -> None:
    assert papers.clean_name(name, "pdf") == clean


def test_the_chain_of_custody(opened: Desk, staff: dict[str, Person]) -> None:
    made = papers.attach(opened, staff["ann"], staff["ann"].rights, 1, "笔录.pdf", PDF)
    assert papers.take_out(opened, staff["leader"], 1, made) == ("笔录.pdf", PDF)
    kept = case_file(opened, staff["leader"], 1)
    assert [(e["kind"], e["shown"]) for e in kept["events"]][1:] == [("file", "ann"), ("file-read", "leader")]
    assert kept["papers"][0]["sha256"] == kept["events"][1]["detail"]["sha256"]
    assert [r["act"] for r in log.rows(opened)][-2:] == ["file.add", "file.read"]
    [path] = [p for p in opened.folder.rglob("*") if p.name == kept["papers"][0]["sha256"]]
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == (kept["papers"][0]["sha256"], 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert papers.faults(opened) == []
    path.write_bytes(b"other")
    with pytest.raises(Damaged, match="与上传时不符"):
        papers.take_out(opened, staff["leader"], 1, made)
    assert "bytes were changed" in papers.faults(opened)[0]


def test_who_may_not_and_what_may_not(opened: Desk, staff: dict[str, Person]) -> None:
    ann = staff["ann"]
    papers.attach(opened, ann, ann.rights, 1, "a.pdf", PDF)
    elsewhere = Person(ann.person_id, "ann", "ann", "110000", ann.roles)
    with pytest.raises(Unknown):
        papers.take_out(opened, elsewhere, 1, 1)
    with pytest.raises(Unknown):
        papers.take_out(opened, ann, 2, 1)
    for rights, body in (
        (frozenset({"lists"}), PDF + b"2"),
        (ann.rights, PDF),
        (ann.rights, b""),
        (ann.rights, b"%PDF-" * 4_000_000),
    ):
        with pytest.raises(Refused):
            papers.attach(opened, ann, rights, 1, "b.pdf", body)
    assert len(case_file(opened, ann, 1)["papers"]) == 1


def test_a_paper_whose_bytes_cannot_be_kept_is_not_known(
    opened: Desk, staff: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    before = log.head(opened)
    monkeypatch.setattr(papers, "put", full)
    with pytest.raises(OSError, match="no space"):
        papers.attach(opened, staff["ann"], staff["ann"].rights, 1, "a.pdf", PDF)
    assert case_file(opened, staff["ann"], 1)["papers"] == []
    assert log.head(opened) == before


def test_a_paper_that_cannot_be_named_where_it_belongs_is_not_kept_and_may_come_again(
    opened: Desk, staff: dict[str, Person]
) -> None:
    who, named = staff["ann"], list[int]()

    def killed(connection: Connection, made: int) -> None:
        raise OSError("the service was killed here")

    with pytest.raises(OSError, match="killed"):
        papers.attach(opened, who, who.rights, 1, "照片.jpg", KINDS["jpg"], "a" * 32, naming=killed)
    assert case_file(opened, who, 1)["papers"] == []
    made = papers.attach(
        opened, who, who.rights, 1, "照片.jpg", KINDS["jpg"], "a" * 32, naming=lambda _, made: named.append(made)
    )
    assert named == [made]
