"""A page kept is the page that would be written: none crosses a person, a role, an area or a language, and a case that moved on, or a damaged file, is seen at once."""

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from serving.desk.schema import CASES
from serving.lists import publish
from serving.web.kept import ACCOUNT, KEPT, NAME, WHEN, Kept
from serving.web.middleware import desk_of

from .conftest import signed_in

MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?=</span>\s*</footer>)")
ADDRESSES = ("/lists/{run}/admission", "/lists/{run}/all", "/lists/{run}/person", "/lists/{run}/person?sort=amount&q=1", "/lists/{run}/admission/{lead}")  # fmt: skip


@pytest.fixture(scope="module")
def house(week: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(week, tmp_path_factory.mktemp("kept") / "house"))


def test_no_page_crosses_a_person_a_role_an_area_or_a_language(house: Path) -> None:
    run = publish.current(house)
    areas = {str(r["area"]): int(r["lead"]) for r in run.worklist("admission")["rows"]}
    assert len(areas) > 1
    here = sorted(areas)[0]
    clients = []
    for roles in (("reviewer1",), ("reviewer2",), ("leader",), ("finance",)):
        for area in ("", here):
            for spoken in ("zh", "en"):
                client = signed_in(house, *roles, area=area, name=f"<b>&'{roles[0]}-{area}-{spoken}")
                client.cookies.set("xiezhi_language", spoken)
                clients.append(client)
    clients.append(signed_in(house, "reviewer1", name="second"))
    asked = [a.format(run=run.name, lead=areas[here]) for a in ADDRESSES]
    KEPT.pages.clear()
    KEPT.size = 0
    kept = [[MINUTE.sub("", c.get(a).text) for a in asked] for c in clients for _ in range(2)][1::2]
    assert len(KEPT.pages) > len(clients), "nothing is kept, nothing is tested"
    for client, pages in zip(clients, kept, strict=True):
        for address, page in zip(asked, pages, strict=True):
            KEPT.pages.clear()
            assert MINUTE.sub("", client.get(address).text) == page, address
            assert [s for s in (NAME, WHEN, str(ACCOUNT)) if s in page] == []
    assert "second" in kept[-1][0]
    assert "reviewer1-" not in kept[-1][0]
    assert '<html lang="zh-CN">' in kept[0][0]
    assert '<html lang="en">' in kept[1][0]


def test_a_row_of_another_area_is_not_there_however_often_others_saw_it(house: Path) -> None:
    run = publish.current(house)
    row = run.worklist("admission")["rows"][0]
    mine, other = signed_in(house, "reviewer1"), signed_in(house, "reviewer1", area="110000")
    address = f"/lists/{run.name}/admission/{row['lead']}"
    for _ in range(2):
        assert mine.get(address).status_code == 200
        assert other.get(address).status_code == 404


def test_a_case_that_moved_on_is_another_page(house: Path) -> None:
    run, client = publish.current(house), signed_in(house, "leader")
    address = f"/lists/{run.name}/doctor"
    assert "暂缓</span>" not in client.get(address).text
    with desk_of(house).write() as connection:
        connection.execute(
            update(CASES).where(CASES.c.grain == "doctor").values(state="C92", version=CASES.c.version + 1)
        )
    assert "暂缓</span>" in client.get(address).text


def test_a_damaged_list_is_not_shown_from_memory(house: Path) -> None:
    run, client = publish.current(house), signed_in(house, "reviewer1")
    address = f"/lists/{run.name}/institution"
    assert client.get(address).status_code == 200
    file = run.root / "lists" / "institution.json"
    file.write_bytes(file.read_bytes().replace("卫生院".encode(), "卫生所".encode(), 1))
    assert client.get(address).status_code == 503


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = Kept(most=10)
    made: list[str] = []

    def page(key: str) -> bytes:
        return b"".join(kept.page(key, lambda: made.append(key) or key.encode() * 4))

    for key in ("a", "b", "a", "c", "a", "b"):
        assert page(key) == key.encode() * 4
    assert made == ["a", "b", "c", "b"]
    assert kept.size <= 10
