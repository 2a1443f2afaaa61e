"""What people write and what claims name stays text: on pages, in attributes, in pictures, in workbooks; the eye is not deceived either."""

import html
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from serving.desk import people
from serving.lists import publish
from serving.web.middleware import desk_of
from tests.serving.attack.payloads import FORMULAS, ODD, XSS
from tests.serving.conftest import AS_OF, PASSWORD, made_list, signed_in

TAGS = re.compile(r"<\s*/?\s*([a-zA-Z][\w:-]*)([^>]*)>")
OURS = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "div", "img", "span", "small", "nav", "form", "input", "button", "p", "strong",
    "main", "kbd", "footer", "h1", "h2", "h3", "b", "table", "thead", "tbody", "tr", "th", "td", "ol", "ul", "li", "section", "article", "details", "summary",
    "dl", "dt", "dd", "select", "option", "label", "textarea", "fieldset", "legend", "code", "br", "figure", "figcaption", "svg", "path", "g", "rect", "line",
    "circle", "text", "polygon", "polyline", "defs", "use", "caption", "time", "mark", "abbr", "colgroup", "col", "em", "i", "pre", "dialog", "datalist", "hr", "sup", "tfoot", "optgroup", "output", "meter", "progress", "aside", "address", "template", "nobr", "wbr", "u", "s", "del", "ins", "q", "cite", "sub",
}  # fmt: skip


def foreign(page: str) -> list[str]:
    """Tags of a page that no template of ours writes, and handlers or script addresses in its attributes."""
    found = [m[0] for m in TAGS.finditer(page) if m[1].lower() not in OURS - {"template"}]
    for m in TAGS.finditer(page):
        attributes = re.sub(r"\"[^\"]*\"|'[^']*'", "", m[2])
        if re.search(r"\son\w+\s*=?", attributes) or re.search(
            r"(href|src|action)=[\"']?\s*(javascript|data):", m[2], re.I
        ):
            found.append(m[0])
    return found


def test_the_judge_can_fail() -> None:
    for text in XSS:
        if "<" in text and "&lt" not in text and "script" in text.lower() and not text.startswith("<%"):
            page = f"<p>{text}</p>"
            assert foreign(page) or "<script" in page.lower()
    assert foreign("<p title='x' onclick=y>")
    assert foreign("<a href='javascript:x'>")
    assert not foreign('<p title="on x=1">y</p>')


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week whose units, doctors and labels carry the payloads."""
    warehouse = tmp_path_factory.mktemp("named")
    worklist, dossiers, _ = made_list("institution")
    texts = [*XSS, *FORMULAS[:20], *(t for t in ODD if "\0" not in t and len(t) < 100)]
    rows = worklist.rows.copy()
    share = -(-len(texts) // len(rows))
    rows["label"] = [" ".join(texts[i * share : (i + 1) * share]) or "x" for i in range(len(rows))]
    for column in ("reason_1", "reason_2"):
        rows[column] = rows["label"]
    found = {}
    for row in rows.to_dict(orient="records"):
        body = dict(dossiers[row["entity_id"]])
        body["entity"] = {**body["entity"], "label": row["label"]}
        body["reasons"] = [{**r, "text": row["label"], "innocent": row["label"]} for r in body["reasons"]]
        found[row["entity_id"]] = body
    publish.publish(warehouse, AS_OF, {"institution": (replace(worklist, rows=rows), found)})
    return warehouse


def test_names_in_claims_stay_text_on_every_page(named: Path) -> None:
    client = signed_in(named, "officer", "leader")
    client.follow_redirects = True
    for path in (
        "/",
        "/lists/institution",
        *(f"/lists/institution/{n}" for n in range(1, 14)),
        "/cases",
        "/cases/1",
        "/cases/5",
    ):
        page = client.get(path).text
        assert foreign(page) == [], path
    assert html.escape(XSS[0]) in client.get("/lists/institution").text.replace("&#34;", "&quot;")


def test_what_people_write_stays_text(named: Path) -> None:
    """Notes, reasons, the search, the reason of a reveal."""
    client = signed_in(named, "inspector", "reviewer1")
    client.follow_redirects = True
    client.get("/lists/institution")
    for text in [*XSS, *FORMULAS[:10], *ODD]:
        assert client.post("/cases/1/note", data={"note": text}).status_code < 500
        assert foreign(client.post("/find", data={"q": text}).text) == []
    page = client.get("/cases/1").text
    assert foreign(page) == []
    assert html.escape(XSS[3]).replace("&#x27;", "&#39;") in page
    for text in XSS[:20]:
        assert foreign(client.post("/cases/1/reveal", data={"other": text}).text) == []
    assert foreign(client.get("/sign-in", params={"next": '/"><script>alert(1)</script>'}).text) == []


def test_names_of_accounts_stay_text(named: Path) -> None:
    desk = desk_of(named)
    for i, text in enumerate(XSS):
        people.accept(desk, people.add(desk, f"odd{i}", ("inspector",), shown=text[:64]), PASSWORD)
    admin = signed_in(named, "admin")
    assert foreign(admin.get("/people").text) == []
    for text in XSS[:15]:
        assert (
            foreign(admin.post("/people", data={"act": "add", "name": text, "role": "officer", "shown": text}).text)
            == []
        )
    assert foreign(signed_in(named, "leader").get("/cases/1").text) == []


def test_workbooks_hold_no_formula_and_no_link(named: Path) -> None:
    client = signed_in(named, "officer")
    answer = client.get("/lists/institution.xlsx")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        for name in book.namelist():
            text = book.read(name).decode("utf-8", "replace")
            if name.startswith("xl/worksheets/sheet"):
                assert not re.search(r"<f[ >]", text), name
            assert "evil.example" not in text or "sharedStrings" in name, name


def test_a_name_that_turns_its_letters_round_is_shown_apart_from_what_follows(named: Path) -> None:
    """D-smaller: U+202E in a name reversed the rest of its line (axls.exe)."""
    client = signed_in(named, "officer")
    page = client.get("/lists/institution").text
    assert not re.search("[\u202e\u2066]", page), "a mark stands in their place"
    for kept in ("𠮷野𡘙𪚥龘", "𰻝𰻝面"):
        assert kept in page
