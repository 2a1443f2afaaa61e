"""The generated pages follow the declarations."""

from pathlib import Path

from features.declarations import load_catalog
from features.docs import DOCS, main, pages


def test_pages_are_fresh() -> None:
    stale = [
        name for name, text in pages().items() if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != text
    ]
    assert not stale, f"{stale} differ from the declarations; run `python -m features.docs`"


def test_every_feature_is_on_its_page() -> None:
    made = pages()
    for feature in load_catalog().values():
        assert f"`{feature.name}`" in made["rules.md" if feature.rule else "features.md"]


def test_check_notices_one_changed_word(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--check", "--out", str(tmp_path)]) == 0
    page = tmp_path / "rules.md"
    page.write_text(page.read_text("utf-8").replace("疑点金额", "骗保金额", 1), "utf-8")
    assert main(["--check", "--out", str(tmp_path)]) == 1
