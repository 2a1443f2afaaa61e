"""What the server writes down names nobody: not a number, not a name, not what somebody typed."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from serving.desk import log
from serving.web.middleware import Gate, desk_of
from serving.web.pages import pages
from tests.serving.attack.fuzz import FULL, Signed, attack
from tests.serving.attack.openapi import described
from tests.serving.conftest import signed_in


@pytest.mark.slow
def test_an_error_of_the_server_keeps_its_kind_and_not_its_words(week: Path, caplog: pytest.LogCaptureFixture) -> None:
    import serving.service

    assert serving.service.NoInput
    for name in ("uvicorn.error", "bentoml", "bentoml.serve"):
        try:
            raise ValueError("429001198000001 王某")
        except ValueError:
            logging.getLogger(name).error("Exception in ASGI application", exc_info=sys.exc_info())
    assert "ValueError" in caplog.text
    assert not FULL.search(caplog.text)
    assert "王某" not in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_neither_the_servers_log_nor_the_desks_names_anybody(
    week: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client = signed_in(week, "inspector", "reviewer1")
    client.get("/lists/person")
    client.post("/find", data={"q": "429001198000003"})
    client.post("/cases/1/note", data={"note": "429001198000003 王某"})
    client.get("/nowhere/429001198000003")
    loop = asyncio.new_event_loop()
    try:
        attack(Gate(pages(week), week), loop, [described()], [Signed(week, "officer")], 40, ["2025-09-28/ab"])
    finally:
        loop.close()
    told = capfd.readouterr()
    kept = [r for r in caplog.records if not r.name.startswith(("httpx", "hypothesis"))]
    written = told.out + told.err + "\n".join(r.getMessage() for r in kept)
    assert not FULL.search(written)
    assert "王某" not in written
    rows = str(log.rows(desk_of(week), 0, 100_000))
    assert not FULL.search(rows)
    assert "王某" not in rows
