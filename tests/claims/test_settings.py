"""What the environment sets: read in one place, refused in a sentence."""

import re
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.settings import NAMES, Settings, settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_nothing_set_is_the_default() -> None:
    assert settings() == Settings()


def test_what_is_passed_on_is_read_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Settings(Path("/w"), frozenset({"box", "b.example"}), 3, "4GB", True)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    assert settings() == made


def test_hosts_are_names_in_any_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIEZHI_HOSTS", " Box.Example ,, b ")
    assert settings().hosts == {"box.example", "b"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("XIEZHI_WORKERS", "0"), ("XIEZHI_WORKERS", "two"), ("XIEZHI_WORKERS", "-1"), ("XIEZHI_MEMORY", "lots"), ("XIEZHI_MEMORY", "1GB'; --")],
)  # fmt: skip
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=name):
        settings()


def test_nobody_else_reads_them_and_all_are_documented() -> None:
    rooms = ("claims", "simulator", "features", "models", "training", "serving", "commands", "xiezhi")
    code = [p for room in rooms for p in (ROOT / room).rglob("*.py")]
    reading = re.compile(r"environ(\.get\(|\[)\s*\"XIEZHI")
    assert [p.name for p in code if reading.search(p.read_text("utf-8"))] == []
    design = (ROOT / "docs" / "design.md").read_text("utf-8")
    assert [name for name in NAMES if f"`{name}`" not in design] == []
