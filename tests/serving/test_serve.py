"""`xiezhi serve` before the server takes over: where it listens, who may sign in, what it refuses."""

import itertools
import os
import socket
import sys
from pathlib import Path

import pytest

from claims.errors import UserError
from serving import serve as module
from serving.desk import people
from serving.desk.database import open_desk
from serving.serve import link, serve


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("box", "box")],
)
def test_the_address_that_signs_in_can_be_opened(host: str, shown: str) -> None:
    assert link(host, 3000, "/sign-in") == f"http://{shown}:3000/sign-in"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Command and environment of the server that would have taken this process over."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    monkeypatch.setattr(os, "umask", lambda mask: 0)

    def taken_over(file: str, command: list[str], environment: dict[str, str]) -> None:
        at = command.index("--fd") + 1
        inherited = os.get_inheritable(int(command[at]))
        kept = os.dup(int(command[at]))  # the socket itself ends with the function that was taken over
        os.set_inheritable(kept, inherited)
        calls.append(([*command[:at], str(kept), *command[at + 1 :]], environment))

    monkeypatch.setattr(os, "execvpe", taken_over)
    return calls


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A warehouse that somebody can sign in to."""
    people.add(open_desk(tmp_path), "wang", ("officer",))
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_server_gets_the_warehouse_and_its_workers(
    house: Path, started: list[tuple[list[str], dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    serve(house, port, workers=3)
    ((command, environment),) = started
    assert command[:4] == [sys.executable, "-m", "uvicorn", "serving.service:application"]
    given = dict(itertools.pairwise(command))
    assert given["--workers"] == "3"
    with socket.socket(fileno=int(given["--fd"])) as listening:
        assert listening.getsockname() == ("127.0.0.1", port)
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "a page would wait for its headers"
        assert listening.get_inheritable()
    assert environment["XIEZHI_WAREHOUSE"] == str(house.resolve())
    assert environment.get("XIEZHI_HOSTS", "") == os.environ.get("XIEZHI_HOSTS", "")
    assert f"http://127.0.0.1:{port}/sign-in" in capsys.readouterr().out


def test_a_warehouse_that_everybody_could_read_is_closed_to_others(
    house: Path, started: list[tuple[list[str], dict[str, str]]]
) -> None:
    house.chmod(0o755)
    serve(house, free_port())
    assert (len(started), house.stat().st_mode & 0o777) == (1, 0o750)


def test_a_host_that_is_not_this_machine_may_be_named_in_requests(
    house: Path, started: list[tuple[list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "listening_on", lambda host, port: socket.socket())
    serve(house, 3000, host="box.example")
    assert "box.example" in started[0][1]["XIEZHI_HOSTS"].split(",")


def test_what_cannot_be_served_is_refused_before_anything_starts(
    tmp_path: Path, started: list[tuple[list[str], dict[str, str]]]
) -> None:
    with pytest.raises(UserError, match="xiezhi intake"):
        serve(tmp_path / "gone", free_port())
    with pytest.raises(UserError, match="xiezhi people add"):
        serve(tmp_path, free_port())
    for port in (0, 70_000):
        with pytest.raises(UserError, match=f"--port {port}"):
            serve(tmp_path, port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="choose another --port"):
            serve(tmp_path, taken.getsockname()[1])
    assert not started
