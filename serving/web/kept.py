"""Pages that were written before: where all that a page says is the same, so is the page, and it is written once a process.

A key names everything the page depends on but the person's own name and number and the minute it is printed at, which are put in afterwards: what was published (a run never changes),
the address and its filters, area, rights, language, and what the desk says of the cases on it, as it was just read. So a page never crosses a role, an area or a language,
and a case that moved on is another page.
"""

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Final

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serving.desk.database import now
from serving.desk.people import Person
from serving.web import render

MOST: Final = 64_000_000
"""Bytes of pages kept in a process; those asked for longest ago go first."""
NAME: Final = f"name-{secrets.token_hex(16)}"
ACCOUNT: Final = secrets.randbelow(9 * 10**30) + 10**30
"""Stand-ins that nobody can guess, for what is put in afterwards."""
WHEN: Final = f"when-{secrets.token_hex(16)}"


Parts = tuple[bytes, ...]
"""A page cut at its stand-ins, which are the odd ones of its parts."""
_CUT: Final = re.compile(f"({NAME}|{ACCOUNT}|{WHEN})".encode())


class Kept:
    """Pages by key, at most `most` bytes of them."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.size = most, 0
        self.pages: OrderedDict[Hashable, Parts] = OrderedDict()
        self.lock = threading.Lock()

    def page(self, key: Hashable, made: Callable[[], bytes]) -> Parts:
        """The page of a key, written now if it is not there."""
        with self.lock:
            if key in self.pages:
                self.pages.move_to_end(key)
                return self.pages[key]
        parts = tuple(_CUT.split(made()))
        with self.lock:
            self.size += _size(parts) - _size(self.pages.pop(key, ()))
            self.pages[key] = parts
            while self.size > self.most and self.pages:
                self.size -= _size(self.pages.popitem(last=False)[1])
        return parts


def _size(parts: Parts) -> int:
    return sum(map(len, parts))


KEPT: Final = Kept()


def respond(request: Request, template: str, key: Hashable, data: Callable[[], Mapping[str, Any]]) -> Response:
    """The page that `render.respond` makes of `data()`, which may depend on nothing but the key and what the whole key below names."""
    if render.wants_json(request):
        return render.respond(request, template, data())
    who, spoken, may = render.person(request), render.language(request), render.rights(request)
    whole = (template, spoken, request.url.path, who.area, may, key)
    stand_in = replace(who, person_id=ACCOUNT, name=NAME, shown=NAME)
    parts = KEPT.page(
        whole, lambda: render.written(template, data(), spoken, request.url.path, stand_in, may, WHEN).encode()
    )
    return HTMLResponse(filled(parts, who, render.moment(now())))


def frozen(cases: Mapping[int, Mapping[str, Any]]) -> tuple[tuple[int, tuple[Any, ...]], ...]:
    """What is shown of cases, as part of a key."""
    return tuple((lead, tuple(case.values())) for lead, case in sorted(cases.items()))


def filled(parts: Parts, who: Person, when: str) -> bytes:
    """A kept page with whose it is and when it was asked for."""
    shown = render.upright(str(escape(who.shown)))
    own = {
        NAME.encode(): shown.encode(),
        str(ACCOUNT).encode(): str(who.person_id).encode(),
        WHEN.encode(): when.encode(),
    }
    return b"".join(own[p] if i % 2 else p for i, p in enumerate(parts))
