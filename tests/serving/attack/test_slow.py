"""Clients that send a byte now and then, or never read what they asked for, cost nobody else a page."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from serving.desk import people, sessions
from serving.serve import UNSENT, listening_on
from serving.web.middleware import App, Gate, Message, Receive, Scope, Send, desk_of
from serving.web.pages import pages
from tests.serving.conftest import PASSWORD

SLOW = 60
"""More than the threads in which pages are made."""


class Counted:
    """The pages, and how many bytes of them were made."""

    def __init__(self, app: App) -> None:
        self.app, self.made = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            self.made += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counting)


@pytest.fixture
def counted(week: Path) -> Counted:
    return Counted(Gate(pages(week), week))


@pytest.fixture
def port(counted: Counted) -> Iterator[int]:
    """A real server over the week, in a thread, on a socket as the product opens it."""
    listening = listening_on("127.0.0.1", 0)
    listening.listen(256)
    server = uvicorn.Server(uvicorn.Config(counted, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield int(listening.getsockname()[1])
    server.force_exit = server.should_exit = True
    thread.join(20)
    listening.close()


def test_slow_clients_cost_no_page(week: Path, port: int) -> None:
    desk = desk_of(week)
    secret = sessions.begin(desk, people.accept(desk, people.add(desk, "patient", ("officer",)), PASSWORD))
    head = f"host: 127.0.0.1\r\ncookie: {sessions.COOKIE}={secret}\r\naccept: text/html\r\n"
    asked = (
        f"GET /lists/admission HTTP/1.1\r\n{head}",  # the end of its headers never comes
        f"POST /feedback HTTP/1.1\r\n{head}content-type: multipart/form-data; boundary=x\r\ncontent-length: 900000\r\n\r\n--x\r\n",  # nor of this its body
        f"GET /lists/all HTTP/1.1\r\n{head}\r\n" * 40,  # and this one never reads
    )
    held = []
    try:
        for i in range(SLOW * len(asked)):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            one.connect(("127.0.0.1", port))
            one.sendall(asked[i % len(asked)].encode())
            held.append(one)
        for _ in range(10):
            for i, one in enumerate(held):
                if i % len(asked) < 2:
                    one.sendall(b"x")  # a byte more, as slowly as they like
            browser = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            browser.request(
                "GET", "/lists/admission", headers={"cookie": f"{sessions.COOKIE}={secret}", "accept": "text/html"}
            )
            answer = browser.getresponse()
            assert (answer.status, b"</html>" in answer.read()) == (200, True)
            browser.close()
    finally:
        for one in held:
            one.close()


def test_who_reads_nothing_is_made_few_pages(week: Path, port: int, counted: Counted) -> None:
    desk, asked = desk_of(week), 1000
    secret = sessions.begin(desk, people.accept(desk, people.add(desk, "deaf", ("officer",)), PASSWORD))
    head = (
        f"GET /lists/all HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {sessions.COOKIE}={secret}\r\naccept: text/html\r\n\r\n"
    )
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        one.connect(("127.0.0.1", port))
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            one.send(head.encode() * asked)
        before = -1
        while before != counted.made:
            before = counted.made
            time.sleep(0.5)
    # what the system holds, what uvicorn does before it waits, and the page on which it waits
    assert 0 < counted.made < 6 * UNSENT
