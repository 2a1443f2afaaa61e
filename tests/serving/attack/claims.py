"""Nearly right claims for POST /api/check: real ones with one to three fields broken, so that they get past the first look and deep into the rules.

`python -m tests.serving.attack.claims [--cases 10000]` writes "nearly right claims" into docs/figures/desk_fuzz.json; test_claims.py keeps a fast part of it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import NonInteractiveExampleWarning

from claims.schema.tables import SOURCE
from serving.desk import people, sessions
from serving.web.english import HAN
from serving.web.middleware import desk_of

Claim = tuple[dict[str, Any], list[dict[str, Any]]]
MARK = "\u5f20\u67d0\u67d0429001198012345678"
"""Stands in every broken text: nowhere in an error or a log may it be found."""
NUMBERS: tuple[Any, ...] = (
    float("nan"), float("inf"), -float("inf"), "1e400", -1.0, -1e8, 1e9, 1e9 + 1, 1e300, 5e-324, 0, -0.0, 0.005, 12.345, 2**63, -(2**63) - 1, 10**40, "12.50",
    "１２", "4.29E+17", "1,234.50", "¥5", True, None, "", [], {}, [1.0], MARK,
)  # fmt: skip
MOMENTS: tuple[Any, ...] = (
    "3025-06-01 10:00:00", "2200-12-31 23:59:59", "1990-01-01", "0001-01-01 00:00:00", "9999-12-31", "2025-02-30", "2025-06-01T10:00:00Z", "2025-06-01 24:00:00",
    "20250601", "2025-W23-1", "2025-06-01 10:00:00.999999999", "25/06/01", "45000.5", 1748743200, 1e18, None, "", " ", [], {"x": 1}, "2025-06-01\u202e10:00", MARK,
)  # fmt: skip
TEXTS: tuple[Any, ...] = (
    "", " ", "0", "00042", "4.29E+17", "4.29012E+17", "\ud800", "x\udfff", "\u202eexe.9", "\u2066x\u2069", "\u200b", "𠮷野𡘙𪚥龘", "𰻝", "\ufeff", "\x00", "a\x00b", "\x1b[31m",
    "'; DROP TABLE settlements; --", "\" OR 1=1", "%s %d {} {0}", "../../etc/passwd", "=1+1", "<script>alert(1)</script>", "x" * 4_000, "x" * 4_001, "|", "a|b", "\u2028", "🧑‍⚕️",
    "9" * 400, "NaN", "null", 0, 42, -1, 4.29e17, 429001198012345678, True, None, [], {}, ["x"], MARK, MARK + "\n", "\t" + MARK,
)  # fmt: skip
SHAPES = (
    "no settlement",
    "empty settlement",
    "settlement a list",
    "lines null",
    "lines empty",
    "lines a mapping",
    "a line a number",
    "ten thousand lines",
    "the same line twice",
    "another visit's line",
    "at",
    "more",
)
KINDS: dict[str, tuple[Any, ...]] = {"code": TEXTS, "text": TEXTS, "date": MOMENTS, "datetime": MOMENTS}


@dataclass(frozen=True)
class Broken:
    """A claim as it is sent, and the fields that were changed ("settlement.psn_no", "lines.3.cnt")."""

    body: bytes
    changed: tuple[str, ...]


@st.composite
def broken(draw: st.DrawFn, claims: list[Claim]) -> Broken:
    """A claim with one to three fields broken, or one part of its structure."""
    settlement, lines = draw(st.sampled_from(claims))
    body: dict[str, Any] = {"settlement": dict(settlement), "lines": [dict(r) for r in lines]}
    changed = []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 9)) == 0:
            changed.append(_shape(body, draw(st.sampled_from(SHAPES)), draw))
            continue
        if body["lines"] and isinstance(body["lines"], list) and draw(st.booleans()):
            n = draw(st.integers(0, min(len(body["lines"]), 40) - 1))
            row, table, place = body["lines"][n], "fee_details", f"lines.{n}"
        else:
            row, table, place = body.get("settlement"), "settlements", "settlement"
        if not isinstance(row, dict):
            continue
        column = draw(st.sampled_from(SOURCE[table].columns))
        row[column.name] = draw(st.sampled_from(KINDS.get(column.kind, NUMBERS)))
        changed.append(f"{place}.{column.name}")
    return Broken(_json(body), tuple(changed))


def _shape(body: dict[str, Any], how: str, draw: st.DrawFn) -> str:
    """Break the structure; returns which field."""
    lines = body["lines"] if isinstance(body["lines"], list) else []
    match how:
        case "no settlement":
            body.pop("settlement", None)
        case "empty settlement":
            body["settlement"] = {}
        case "settlement a list":
            body["settlement"] = [body.get("settlement")]
        case "lines null":
            body["lines"] = None
        case "lines empty":
            body["lines"] = []
        case "lines a mapping":
            body["lines"] = {"0": lines[:1]}
        case "a line a number":
            body["lines"] = [*lines, 5]
        case "ten thousand lines":
            body["lines"] = [{"feedetl_sn": str(n)} for n in range(10_000)]
        case "the same line twice":
            body["lines"] = lines * 2
        case "another visit's line":
            body["lines"] = [*lines, {"mdtrt_id": "another", "det_item_fee_sumamt": 1.0}]
        case "at":
            body["at"] = draw(st.sampled_from(MOMENTS))
            return "at"
        case _:
            body[MARK] = {MARK: [MARK] * 3}
            return "more"
    return "settlement" if "settlement" in how else "lines"


def _json(body: Any) -> bytes:
    text = json.dumps(body, ensure_ascii=True)  # a lone surrogate stays the six letters that a careless program sends
    return text.replace('"1e400"', "1e400").encode()


def wrong(sent: Broken, status: int, text: str, logged: str) -> str:
    """What is wrong with an answer; '' for nothing. A refusal is in Chinese, names the field and nothing that was typed; no log tells it either."""
    if status >= 500:
        return f"{status} {text[:300]}"
    if "Traceback" in text:
        return "a traceback"
    said = text if status >= 400 else ""
    if "12345678" in said + logged or "\u5f20\u67d0" in said + logged or "\\u5f20\\u67d0" in said:
        return "what was typed is told again"
    if status == 200:
        return ""
    if status not in (400, 413, 422):
        return f"{status} is no answer to a wrong claim: {text[:200]}"
    told = json.loads(text)
    fields = told.get("fields", {})
    sentences = [told["error"], *fields.values()]
    if not all(HAN.search(s) for s in sentences):
        return f"no Chinese sentence: {text[:300]}"
    if any(re.search("[a-z]{4,} [a-z]{2,} [a-z]{2,}", s) for s in sentences):
        return f"English in a Chinese sentence: {text[:300]}"
    if status == 413:
        return ""
    whole = " ".join((told["error"], *fields))
    named = any(c.split(".")[-1] in whole or c in whole for c in sent.changed) or (
        "lines" in sent.changed and "明细" in whole
    )
    if not named and not re.search("第[0-9]+行第[0-9]+个字符", fields.get("body", "")):
        return f"names none of the fields that were broken {sent.changed}: {text[:300]}"
    return ""


def attack(
    post: Callable[[bytes], tuple[int, str]], claims: list[Claim], cases: int, start: int = 0
) -> tuple[Counter[str], dict[str, str], float]:
    """(statuses, faults with the claim that made them, slowest seconds). post: sends a body, returns status and text."""
    statuses, faults, slowest = Counter[str](), dict[str, str](), 0.0
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    ear = Ear()

    @seed(start)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(sent=broken(claims))
    def one(sent: Broken) -> None:
        nonlocal slowest
        heard.clear()
        began = time.perf_counter()
        status, text = post(sent.body)
        slowest = max(slowest, time.perf_counter() - began)
        statuses[str(status)] += 1
        if said := wrong(sent, status, text, "\n".join(heard)):
            faults.setdefault(said[:120], f"{sent.changed} {said}")

    logging.getLogger().addHandler(ear)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NonInteractiveExampleWarning)
            one()
    finally:
        logging.getLogger().removeHandler(ear)
    return statuses, faults, slowest


def till(house: Path) -> tuple[Callable[[bytes], tuple[int, str]], Callable[[], None]]:
    """(send a body, end) of the whole service over a warehouse, as a process of `xiezhi serve` runs it, with a counter's token."""
    from tests.serving.conftest import TestClient

    os.environ["XIEZHI_WAREHOUSE"] = str(house)
    desk = desk_of(house)
    who = people.accept(desk, people.add(desk, "till", ("counter",)), "a long word for nobody")
    head = {
        "authorization": f"Bearer {sessions.new_token(desk, who, ('check',), 7)}",
        "content-type": "application/json",
    }
    from serving.service import application

    client = TestClient(application(), base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.__enter__()

    def post(body: bytes) -> tuple[int, str]:
        answer = client.post("/api/check", content=body, headers=head)
        return answer.status_code, answer.text

    return post, lambda: client.__exit__(None, None, None)


def main() -> None:
    from tests.features import county
    from tests.features.checking.test_hits import claims_of
    from tests.serving.attack.fuzz import OUT
    from tests.worlds import ROOT, Worlds

    parser = argparse.ArgumentParser(prog="python -m tests.serving.attack.claims", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    shelf = ROOT / ".pytest_cache/d/worlds"
    shelf.mkdir(parents=True, exist_ok=True)
    worlds = Worlds(shelf)
    with tempfile.TemporaryDirectory(prefix="xiezhi-claims-") as folder:
        house = Path(shutil.copytree(county.built(worlds, "plain").warehouse, Path(folder) / "house"))
        post, end = till(house)
        began, whole, faults, slowest, start = time.time(), Counter[str](), dict[str, str](), 0.0, 0
        while sum(whole.values()) < args.cases and start < 40:
            found = attack(post, claims_of(county.source(worlds)), min(2_000, args.cases - sum(whole.values())), start)
            whole.update(found[0])
            faults |= found[1]
            slowest, start = max(slowest, found[2]), start + 1
        end()
    result = json.loads(args.out.read_text()) if args.out.exists() else {}
    result["nearly right claims"] = {
        "cases": sum(whole.values()), "operations": 1, "statuses": dict(sorted(whole.items())), "faults": faults,
        "slowest": [round(slowest, 3), "POST /api/check"], "seconds": round(time.time() - began),
    }  # fmt: skip
    print(json.dumps(result["nearly right claims"], ensure_ascii=False))
    args.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
