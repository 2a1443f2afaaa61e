"""`xiezhi serve`: print the address, then become the server of the BentoML service."""

import json
import os
import resource
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from claims.errors import UserError
from claims.settings import settings
from serving.desk import people
from serving.desk.database import open_desk


def _warehouse(path: Path) -> None:
    if not path.is_dir():
        raise UserError(f"there is no warehouse at {path}; run `xiezhi intake SOURCE --warehouse {path}` first")
    mode = path.stat().st_mode
    if (
        mode & 0o007
    ):  # copied or unpacked by hand: claims are for the service's account and its group, not for every account of the machine
        try:
            path.chmod(mode & 0o7770)
        except PermissionError:
            raise UserError(f"{path}: every account of this machine may read it; let its owner run chmod o= {path}") from None  # fmt: skip


def link(host: str, port: int, path: str) -> str:
    """An address of the service as a browser on this machine opens it."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{path}"


def serve(
    warehouse: Path, port: int = 3000, host: str = "127.0.0.1", workers: int | None = None, *, as_json: bool = False
) -> int:
    """Serve the pages and APIs of a warehouse; returns only on error. Binds loopback unless told otherwise.

    workers: processes, by default as many as the settings say. Raises UserError for a missing warehouse, one nobody can sign in to, a port out of range or
    in use.
    """
    given = settings()
    if not 1 <= port <= 65_535:
        raise UserError(f"--port {port}: choose one between 1 and 65535")
    _warehouse(warehouse)
    listening = listening_on(host, port)
    if not people.anybody(open_desk(warehouse)):
        raise UserError(
            f"nobody can sign in yet; run `xiezhi people add NAME --role officer --warehouse {warehouse}` first"
        )
    root = Path(__file__).resolve().parents[1]
    hosts = given.hosts | ({host} - {"127.0.0.1", "localhost", "::1"})
    environment = {
        **os.environ,
        **replace(given, warehouse=warehouse.resolve(), hosts=hosts, workers=workers or given.workers).environment(),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")])),
    }
    address = link(host, port, "/sign-in")
    if as_json:
        print(json.dumps({"warehouse": str(warehouse), "sign_in": address}), flush=True)
    else:
        print(
            f"獬豸 serves {warehouse} on http://{host}:{port} (ready in about ten seconds, Ctrl-C ends it)", flush=True
        )
        print(f"Sign in at: {address}", flush=True)
    # not `bentoml serve`: its process manager opens a control port without a password, which any local account may command
    command = [sys.executable, "-m", "uvicorn", "serving.service:application", "--factory"]
    command += ["--fd", str(listening.fileno()), "--workers", environment["XIEZHI_WORKERS"]]
    command += ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    # longer than an officer reads: a form sent on a connection that is just being closed would be lost
    command += ["--timeout-keep-alive", "120"]
    # a worker that starts on a busy machine is not a hung one
    command += ["--timeout-worker-healthcheck", "30"]
    os.chdir(root)
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, most)
    )  # a thousand idle connections, which is the usual limit, would shut everybody out
    os.execvpe(sys.executable, command, environment)


UNSENT: Final = 128 * 1024
"""Bytes that the system holds for a browser which reads slowly (Linux doubles it for its own needs). By itself it holds four million, and for a client that asks
for page after page and reads none, pages are made until these are full, while everybody else waits."""


def listening_on(host: str, port: int) -> socket.socket:
    """The socket that the workers share, for them to inherit. Without delay: uvicorn's own, shared by workers, lets each page wait 40 ms for the browser to
    acknowledge its headers. Raises UserError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise UserError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None
    found.set_inheritable(True)
    return found
