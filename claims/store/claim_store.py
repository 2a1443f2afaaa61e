"""What the as-of views ask of stored claims, be it a whole warehouse or one person's part of it."""

from typing import Protocol


class ClaimStore(Protocol):
    """Canonical tables. `Warehouse` is one; so is a person's history with a claim at the counter."""

    def tables(self) -> list[str]:
        """Canonical tables that hold rows."""
        ...

    def columns(self, table: str) -> list[str]:
        """Canonical columns of a table that hold at least one value."""
        ...

    def relation(self, table: str, layout: str | None = None, bucket: int | None = None) -> str | None:
        """SQL of the rows of a table, to stand in FROM; `layout` defaults to the table's first, `bucket` to all of
        them. None where it holds no row."""
        ...
