"""Is this log what it was? One file, nothing but the standard library, so that an auditor can run it on a copy.

    python verify.py LOG.jsonl [--head SEQ:HASH]     (`xiezhi log export` writes LOG.jsonl)

Finds an edited, inserted, deleted or moved row by the chain; a cut tail, an older copy and a chain made anew only beside a head
that was kept elsewhere: every list and export prints one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

FIRST = "0" * 64
FIELDS = ("seq", "at", "who", "act", "about", "detail", "prev")


def digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over the fields of a row but its own hash."""
    said = json.dumps([row[f] for f in FIELDS], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def fault(rows: Iterable[Mapping[str, Any]], head: tuple[int, str] | None = None) -> str:
    """What is wrong, in one sentence; '' where the chain holds and the kept head (seq, hash) stands in it."""
    last, seen = FIRST, 0
    kept = head is None or head[0] == 0
    for row in rows:
        seen += 1
        if row["seq"] != seen:
            return f"row {seen} is missing or out of order (found {row['seq']})"
        if row["prev"] != last:
            return f"row {seen} does not follow row {seen - 1}"
        if digest(row) != row["hash"]:
            return f"row {seen} was changed"
        last = str(row["hash"])
        if head is not None and head[0] == seen:
            if head[1] != last:
                return f"row {seen} is not the one whose hash was kept"
            kept = True
    return "" if kept or head is None else f"the log ends at row {seen}, but a head of row {head[0]} was kept"


def checked(path: str, head: str = "") -> str:
    """What is wrong with an exported log; '' where nothing is. head: "SEQ:HASH" that was kept elsewhere."""
    number, _, kept = head.partition(":")
    if head and not (number.isdigit() and len(kept) == 64):
        return f"a head is written SEQ:HASH with the whole hash, not {head[:80]!r}"
    try:
        with open(path, encoding="utf-8") as file:
            return fault((json.loads(line) for line in file), (int(number), kept) if head else None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path} cannot be read as a log: {type(error).__name__}"


def main(arguments: list[str]) -> int:
    """0 = it holds, 1 = it does not, 2 = no file was named."""
    head = ""
    if "--head" in arguments[:-1]:
        at = arguments.index("--head")
        head, arguments = arguments[at + 1], arguments[:at] + arguments[at + 2 :]
    if len(arguments) != 1:
        print(__doc__)
        return 2
    wrong = checked(arguments[0], head)
    print(wrong or "the chain holds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
