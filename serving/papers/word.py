"""What the office's documents share: small runs, fields, a table's head on each page."""

from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt

from claims.shown_text import visible


def small(paragraph: Any, text: str, size: float = 9) -> Any:
    """A run of that size; characters that turn or hide others are made visible."""
    run = paragraph.add_run(visible(text))
    run.font.size = Pt(size)
    return run


def field(paragraph: Any, code: str, size: float = 9) -> None:
    """A field that Word fills in, such as PAGE."""
    run = small(paragraph, "", size)
    for kind in ("begin", code, "end"):
        if kind == code:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = code
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        run._r.append(element)


def repeat(row: Any) -> None:
    """The head of a table on each page."""
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
