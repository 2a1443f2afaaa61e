"""Where the migrations of the desk's tables lie, and which is the last."""

from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def newest() -> str:
    """The last migration, by the numbers their files begin with."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
