"""Sub-queries that many declarations contain word for word: a bucket computes each once per reading, and hands out the
table.

A declaration's SQL stays whole, so its evidence, its documentation and its fingerprint need nothing of this; only a
pass over a bucket (features/bucket.py) exchanges the text for the table. Numbers cannot differ: the same text is
computed either way.
"""

import duckdb

_FRAGMENTS: dict[str, str] = {}


def once(name: str, sql: str) -> str:
    """`sql` in brackets, to stand where a table may; whoever writes the same fragment gets the same table. Columns
    never depend on who asks."""
    if "$entity" in sql:
        raise ValueError(
            f"{name!r} is the same for everybody and cannot name $entity; name it where the fragment is used"
        )
    known = _FRAGMENTS.setdefault(name, f"({sql})")
    if known != f"({sql})":
        raise ValueError(f"two different fragments are called {name!r}")
    return known


class Shared:
    """The fragments of one connection; a table `shared_NAME` is made in the schema of the current reading when first
    named."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._made: set[tuple[str, str]] = set()

    def tables(self, sql: str, reading: str) -> str:
        """`sql` with every fragment replaced by its table. The connection must be set to `reading`
        (features.asof.read_as)."""
        # Longest first: a fragment may contain another, which its own table then reads.
        for name, text in sorted(_FRAGMENTS.items(), key=lambda item: -len(item[1])):
            if text not in sql:
                continue
            if (reading, name) not in self._made:
                body = self.tables(text[1:-1], reading)
                self._con.execute(f"CREATE TABLE {reading}.shared_{name} AS {body}")
                self._made.add((reading, name))
            sql = sql.replace(text, f"{reading}.shared_{name}")
        return sql
