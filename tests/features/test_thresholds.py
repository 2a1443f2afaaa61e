"""The file of thresholds that a bureau edits: what is wrong in it is said in one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from claims.errors import UserError
from features import thresholds


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another file in the place of thresholds.toml."""
    monkeypatch.setattr(thresholds, "FILE", tmp_path / "thresholds.toml")
    thresholds.settings.cache_clear()
    yield tmp_path / "thresholds.toml"
    thresholds.settings.cache_clear()


def test_a_threshold_is_found_by_rule_and_key(edited: Path) -> None:
    edited.write_text('[R02]\nname = "空窗"\namount = "M-STAY"\ngap_hours = 72\n', "utf-8")
    assert thresholds.setting("R02", "gap_hours") == 72
    assert thresholds.thresholds("R02") == {"gap_hours": 72}


def test_what_is_missing_is_named(edited: Path) -> None:
    edited.write_text("[R02]\ngap_hours = 72\n", "utf-8")
    with pytest.raises(UserError, match=r"has no max_gap under \[R02\]"):
        thresholds.setting("R02", "max_gap")
    with pytest.raises(UserError, match=r"under \[R99\]"):
        thresholds.setting("R99", "name")


@pytest.mark.parametrize("text", ["[R02\n", "[R02]\ngap_hours = 72 hours\n"])
def test_a_slip_of_the_pen_is_told_with_its_line(edited: Path, text: str) -> None:
    edited.write_text(text, "utf-8")
    with pytest.raises(UserError, match=r"cannot be read: .*line"):
        thresholds.setting("R02", "gap_hours")


def test_a_file_that_is_gone_is_told(edited: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        thresholds.settings()
