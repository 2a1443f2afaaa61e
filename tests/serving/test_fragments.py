"""Parts of a page written once: by their keys, escaped, and never one reader's for another."""

from pathlib import Path

import jinja2
import pytest

from serving.web.fragments import MOST, Once
from serving.web.masking import masked_once

from .conftest import TestClient, signed_in


def template(text: str) -> jinja2.Template:
    return jinja2.Environment(autoescape=True, extensions=[Once]).from_string(text)


def test_a_part_is_written_once_for_its_keys() -> None:
    page = template("{% once k, 'a' %}{{ x }}{% endonce %}{% once k, 'a' %}{{ x }}!{% endonce %}")
    assert page.render(k=1, x="<b>") == "&lt;b&gt;&lt;b&gt;!", "two places are two parts"
    assert page.render(k=1, x="y") == "&lt;b&gt;&lt;b&gt;!"
    assert page.render(k=2, x="y") == "yy!"


def test_parts_kept_are_bounded() -> None:
    page = template("{% once k, 0 %}{{ k }}{{ x }}{% endonce %}")
    for k in range(15):
        page.render(k=k, x="x" * (MOST // 10))
    [once] = [e for e in page.environment.extensions.values() if isinstance(e, Once)]
    assert once.size == sum(map(len, once.kept.values())) <= MOST
    assert [k for _, k, _ in once.kept] == list(range(6, 15)), "those used longest ago went"


def test_a_published_document_is_masked_once_and_is_itself_alone() -> None:
    one, other = ({"entity_id": f"42900119800000{n}"} for n in (1, 2))
    assert masked_once(one, "person") is masked_once(one, "person")
    assert masked_once(one, "person") is not masked_once(dict(one), "person")
    assert masked_once(other, "person")["entity_id"].endswith("2")


@pytest.mark.parametrize("path", ["/lists/admission/1", "/lists/person/2"])
def test_who_may_see_the_score_leaves_none_of_it_to_the_next(week: Path, path: str) -> None:
    def text(client: TestClient) -> str:
        client.follow_redirects = True
        return str(client.get(path).text)

    assert "原始分" in text(signed_in(week, "leader"))
    assert "原始分" not in text(signed_in(week, "officer"))
