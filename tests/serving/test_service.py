"""The service as its processes run it: pages before BentoML, BentoML's own addresses behind the same gate."""

from pathlib import Path

import pytest

from serving.desk import people, sessions
from serving.web.middleware import desk_of

from .conftest import PASSWORD, TestClient


def cookie(served: Path, name: str, *roles: str) -> dict[str, str]:
    desk = desk_of(served)
    who = people.accept(desk, people.add(desk, name, roles), PASSWORD)
    return {"cookie": f"{sessions.COOKIE}={sessions.begin(desk, who)}"}


@pytest.mark.slow
def test_pages_and_apis_stand_behind_one_gate(service: TestClient, served: Path) -> None:
    mine = cookie(served, "service-officer", "officer")
    for path in ("/", "/lists/admission", "/api/lists", "/docs.json", "/metrics", "/api/none", "/nothing"):
        assert service.get(path).status_code == 401, path
    assert service.get("/lists/admission", headers=mine).status_code == 200
    asked = service.post("/api/rank", headers=mine, json={"grain": "admission", "top": 3})
    assert len(asked.json()["rows"]) == 3
    assert service.get("/metrics", headers=mine).status_code == 403
    assert service.get("/livez").status_code == 200


@pytest.mark.slow
def test_what_anybody_asks_for_leaves_no_trace_in_the_measurements(service: TestClient, served: Path) -> None:
    """D19: /metrics grew by a row for every path, of strangers too."""
    admin = cookie(served, "service-admin", "admin")
    service.get("/metrics", headers=admin)
    before = service.get("/metrics", headers=admin).text
    for i in range(50):
        service.get(f"/static/N-{i}")
        service.get(f"/no/such/{i}")
        service.get(f"/api/none{i}")
    after = service.get("/metrics", headers=admin).text
    assert "N-1" not in after
    assert "/api/none1" not in after
    assert len(after) < len(before) + 2_000
