"""Officers at the desk: `make trust-load`, or `python -m benchmarks.desk_load WAREHOUSE [--minutes 10] [--only officers,…]`.

On a copy of a warehouse with published lists, as many accounts as officers, each signed in by the sign-in page; a server started by the product's own command.
Clients run in a process of their own, on loopback only. Parts, each a section of docs/figures/desk.md:

    alone       one browser: suspects with their pictures, so that the service's own time is seen
    officers    200 of them, 5 s think time: first page, lists, suspects, cases, steps of cases that write; an export of many suspects meanwhile
    saturation  as many requests as go through, beside a bare uvicorn + Starlette page (benchmarks/desk_bare.py)
    kill        each worker killed in turn while pages are asked for
    counter     settlements of the warehouse checked 20 times a second (/api/check), a browser reading a list beside
    slow        clients that send a byte a second, or never read, a browser reading a list beside
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from benchmarks import desk_bare

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs/figures/desk_load.json"
PASSWORD = "a long word for nobody"
MIX = {"reviewer1": 0.5, "reviewer2": 0.2, "inspector": 0.2, "leader": 0.1}
PARTS = ("alone", "officers", "saturation", "kill", "counter", "slow")
LISTS = re.compile(r'href="(/lists/[^"]+/(?!all")[a-z]+)"')
PICTURES = re.compile(r'src="(/lists/[^"]+\.svg)"')
Times = dict[str, list[float]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    command: list[str],
    port: int,
    path: str,
    environment: dict[str, str],
    log: Path,
    listening: socket.socket | None = None,
) -> Iterator[int]:
    """A server in a group of processes of its own, which ends with it; yields its process id once `path` is answered."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
            pass_fds=[listening.fileno()] if listening else [],
        )
    try:
        until = time.monotonic() + 120
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.3)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as probe:
            probe.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
            return probe.recv(12).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def accounts(warehouse: Path, officers: int) -> list[tuple[str, str]]:
    """(name, role) of new accounts, each with the one password."""
    from serving.desk import people
    from serving.desk.database import open_desk

    desk, made = open_desk(warehouse), []
    roles = [role for role, share in MIX.items() for _ in range(max(1, round(share * officers)))]
    for i in range(officers):
        name, role = f"load{i:03d}", roles[i % len(roles)]
        people.accept(desk, people.add(desk, name, (role,)), PASSWORD)
        made.append((name, role))
    desk.engine.dispose()
    return made


class Client:
    """A signed-in browser that keeps its times by kind of page."""

    def __init__(self, base: str, name: str, role: str, times: Times, errors: list[str]) -> None:
        self.base, self.name, self.role, self.times, self.errors = base, name, role, times, errors
        jar = aiohttp.CookieJar(unsafe=True)
        self.http = aiohttp.ClientSession(
            cookie_jar=jar,
            timeout=aiohttp.ClientTimeout(total=60),
            headers={"accept": "text/html", "accept-encoding": "identity"},
        )

    async def ask(self, kind: str, path: str, form: dict[str, str] | None = None) -> str:
        """The page; its time from asking to the last byte, redirects included. An answer of 500 and more, or none, is an error; so is 4xx, but 409: another
        officer was quicker."""
        started = time.perf_counter()
        try:
            method = "POST" if form is not None else "GET"
            async with self.http.request(method, self.base + path, data=form) as answer:
                text = (await answer.read()).decode("utf-8", "replace")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            self.errors.append(f"{kind}: {type(error).__name__}")
            return ""
        self.times[kind].append(time.perf_counter() - started)
        if status >= 400 and status != 409:
            self.errors.append(f"{kind}: {status}")
        return text

    async def sign_in(self) -> None:
        text = await self.ask("sign in", "/sign-in", {"name": self.name, "password": PASSWORD, "code": "", "next": "/"})
        if "/sign-out" not in text:
            raise SystemExit(f"{self.name} could not sign in")


async def officer(client: Client, until: float, think: float, rng: np.random.Generator) -> None:
    """One officer's Monday: home, a list, suspects of it, and cases with their steps."""
    await asyncio.sleep(rng.uniform(0, think))
    home = await client.ask("home", "/")
    lists = sorted(set(LISTS.findall(home))) or ["/lists/person"]
    listed = ""
    while time.monotonic() < until:
        await asyncio.sleep(rng.uniform(0.5 * think, 1.5 * think))
        draw = rng.random()
        if draw < 0.12:
            await client.ask("home", "/")
        elif draw < 0.37 or not listed:
            listed = await client.ask("list", str(rng.choice(lists)))
        elif draw < 0.75:
            found = sorted(set(re.findall(r'href="(/lists/[^"]+/\d+)"', listed)))
            if found:
                page = await client.ask("suspect", str(rng.choice(found)))
                await asyncio.gather(*(client.ask("picture", path) for path in PICTURES.findall(page)))
        elif draw < 0.83:
            await client.ask("inbox", "/cases")
        else:
            await case(client, rng)


async def case(client: Client, rng: np.random.Generator) -> None:
    """Take the next case and do something with it: a step where one is open to this role, else a note."""
    page = await client.ask("next case", "/cases/next", {})
    number = re.search(r'action="/cases/(\d+)/', page)
    if number is None:
        return
    steps = dict(re.findall(r'name="version" value="(\d+)"><input type="hidden" name="step" value="(\w+)"', page))
    plain = [(v, s) for v, s in steps.items() if s in ("report", "agree", "propose_exclude", "again")]
    if plain and rng.random() < 0.6:
        version, step = plain[int(rng.integers(len(plain)))]
        await client.ask(
            "step", f"/cases/{number[1]}/step", {"version": version, "step": step, "note": "见证据明细，逐行核对。"}
        )
    else:
        await client.ask("note", f"/cases/{number[1]}/note", {"note": "电话核实，见说明。"})
        await client.ask("release", f"/cases/{number[1]}/release", {})


def widest(warehouse: Path) -> tuple[str, int]:
    """Address and number of rows of the longest list of any run of a warehouse."""
    found: list[tuple[int, str]] = []
    for path in (warehouse / "lists").glob("*/*/manifest.json"):
        run = f"{path.parent.parent.name}/{path.parent.name}"
        told_ = json.loads(path.read_text("utf-8"))["lists"]
        found += [(f["ranked"] + f["draw"] + f["control"], f"/lists/{run}/{name}") for name, f in told_.items()]
    rows, address = max(found)
    return address, rows


def lengthen(warehouse: Path, rows: int) -> None:
    """A run beside the one in force with a list of as many persons, to be exported; nothing where there is one as long."""
    from serving.lists.publish import current, publish_week

    if widest(warehouse)[1] >= rows:
        return
    pointer, day = warehouse / "lists/CURRENT", current(warehouse).manifest["as_of"]
    before = pointer.read_bytes()
    publish_week(warehouse, date.fromisoformat(day), top=rows, grains=("person",))
    pointer.write_bytes(before)


async def export(client: Client, address: str, until: float, done: list[float]) -> None:
    """The same workbook one after the other."""
    while time.monotonic() < until:
        started = time.monotonic()
        await client.ask("export", address + ".xlsx")
        done.append(time.monotonic() - started)


def settlements_of(warehouse: Path, most: int = 100) -> list[dict[str, Any]]:
    """The newest settlements of a warehouse with their lines, as a till hands them over."""
    import duckdb

    from claims.schema.tables import CANONICAL, SOURCE
    from claims.store.sql import paths_sql
    from claims.store.warehouse import Warehouse

    house, con = Warehouse.open(warehouse), duckdb.connect()
    scale = {"money": 100, "price": 1_000_000, "qty": 10_000}

    def rows(tables: tuple[str, ...], official: str, where: str) -> list[dict[str, Any]]:
        kinds = {c.canonical: c for c in SOURCE[official].columns}
        stored = {n for t in tables for n in house.columns(t) if n in CANONICAL[t].canonical_columns and n in kinds}
        chosen = ", ".join(
            f"{n} / {scale[kinds[n].kind]} AS {kinds[n].name}" if kinds[n].kind in scale else f"{n}::VARCHAR AS {n}"
            for n in sorted(stored)
        )
        joined = " JOIN ".join(
            f"read_parquet({paths_sql(house.files(t, 'person'))}) {t}" + (" USING (mdtrt_id)" if i else "")
            for i, t in enumerate(tables)
        )
        if len(tables) > 1:
            joined = f"(SELECT v.*, s.* EXCLUDE (mdtrt_id, {', '.join(sorted(set(house.columns(tables[0])) & set(house.columns(tables[1])) - {'mdtrt_id'}))}) FROM read_parquet({paths_sql(house.files(tables[0], 'person'))}) v JOIN read_parquet({paths_sql(house.files(tables[1], 'person'))}) s USING (mdtrt_id))"
        found: list[dict[str, Any]] = json.loads(
            con.execute(f"SELECT {chosen} FROM {joined} WHERE {where}").df().to_json(orient="records")
        )
        return [{k: v for k, v in row.items() if v is not None} for row in found]

    newest = rows(
        ("visits", "settlements"), "settlements", f"setl_time IS NOT NULL ORDER BY setl_time DESC, setl_id LIMIT {most}"
    )
    return [
        {"settlement": row, "lines": rows(("fee_details",), "fee_details", f"mdtrt_id = '{row['mdtrt_id']}'")}
        for row in newest
    ]


def list_times(base: str, person: tuple[str, str], beside: Callable[[Client], Awaitable[None]]) -> Times:
    """A browser that reads a list every tenth of a second while something goes on beside it; its times."""
    times: Times = defaultdict(list)
    errors: list[str] = []

    async def both() -> None:
        client = Client(base, *person, times, errors)
        await client.sign_in()
        lists = sorted(set(LISTS.findall(await client.ask("home", "/"))))
        going: asyncio.Task[None] = asyncio.create_task(beside(client))  # type: ignore[arg-type]
        while not going.done():
            await client.ask("list", lists[0])
            await asyncio.sleep(0.1)
        await going
        await client.http.close()

    asyncio.run(both())
    if errors:
        times["errors"] = [float(len(errors))]
    return times


def counter(warehouse: Path, base: str, person: tuple[str, str], seconds: float) -> dict[str, Any]:
    """Checks at the counter, 20 a second, whatever the answers take; the workers are past their first minute: the history by person is made, and 20 s of checks went before."""
    from features.checking import history_file
    from serving.desk import log, people, sessions
    from serving.desk.database import open_desk

    desk, bodies = open_desk(warehouse), settlements_of(warehouse)
    till = people.accept(desk, people.add(desk, "load-till", ("counter",)), PASSWORD)
    head = {"authorization": f"Bearer {sessions.new_token(desk, till, ('check',), 1)}"}
    history_file.make(warehouse)
    took: Times = defaultdict(list)
    answers: dict[str, int] = defaultdict(int)

    async def one(http: aiohttp.ClientSession, body: dict[str, Any]) -> None:
        started = time.perf_counter()
        try:
            async with http.post(base + "/api/check", json=body, headers=head) as answer:
                await answer.read()
                answers[str(answer.status)] += 1
                if answer.status == 200:
                    took["check"].append(time.perf_counter() - started)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            answers[type(error).__name__] += 1

    async def till_of(http: aiohttp.ClientSession, every: float, until: float) -> None:
        waiting: list[asyncio.Task[None]] = []
        while time.monotonic() < until:
            waiting.append(asyncio.create_task(one(http, bodies[len(waiting) % len(bodies)])))
            await (asyncio.sleep(every) if every else waiting[-1])
        await asyncio.gather(*waiting)

    async def beside(every: float, so_long: float = seconds) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as http:
            await till_of(http, every, time.monotonic() + so_long)

    asyncio.run(beside(0.5, 20))
    begun = log.head(desk)[0]
    out: dict[str, Any] = {}
    for name, every in (("one_after_the_other", 0.0), ("at_20_a_second", 0.05)):
        took.clear()
        answers.clear()
        listed = list_times(base, person, lambda _, every=every: beside(every))  # type: ignore[misc]
        out[name] = {"answers": dict(answers), **told(took), "beside": told({"list": listed["list"]})}
    ways = (json.loads(r["detail"])["way"] for r in log.walk(desk) if r["act"] == "check" and r["seq"] > begun)
    out["ways"] = dict(Counter(ways))
    desk.engine.dispose()
    return out


def slow(base: str, person: tuple[str, str], cookie: str, seconds: float, clients: int = 200) -> dict[str, Any]:
    """Clients that never end their headers or body, and clients that ask for much and read nothing, beside a browser."""
    port = int(base.rsplit(":", 1)[1])
    head = f"host: 127.0.0.1\r\ncookie: xiezhi_session={cookie}\r\naccept: text/html\r\n"
    texts = (
        f"GET / HTTP/1.1\r\n{head}x: ",
        f"POST /find HTTP/1.1\r\n{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: 9000\r\n\r\nq=",
        f"GET /lists/all HTTP/1.1\r\n{head}\r\n" * 100,
    )

    async def beside(n: int) -> None:
        held = []
        for i in range(n):
            held.append(socket.create_connection(("127.0.0.1", port)))
            held[-1].sendall(texts[i % 3].encode())
            await asyncio.sleep(0.005)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for i, one in enumerate(held):
                if i % 3 < 2:
                    one.sendall(b"x")
            await asyncio.sleep(1)
        for one in held:
            one.close()

    return {
        "clients": clients,
        "without": told({"list": list_times(base, person, lambda _: beside(0))["list"]}),
        "with": told({"list": list_times(base, person, lambda _: beside(clients))["list"]}),
    }


def told(times: Times) -> dict[str, dict[str, float]]:
    """Number, p50, p95, p99, largest in milliseconds, by kind."""
    out = {}
    for kind, found in sorted(times.items()):
        p50, p95, p99 = (1000 * float(np.percentile(found, p)) for p in (50, 95, 99))
        out[kind] = {
            "n": len(found), "p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "p99_ms": round(p99, 1), "max_ms": round(1000 * max(found), 1),
        }  # fmt: skip
    return out


async def signed(base: str, staff: list[tuple[str, str]], times: Times, errors: list[str]) -> list[Client]:
    clients = [Client(base, name, role, times, errors) for name, role in staff]
    for i in range(0, len(clients), 10):
        await asyncio.gather(*(c.sign_in() for c in clients[i : i + 10]))
    return clients


async def officers(
    base: str, staff: list[tuple[str, str]], minutes: float, think: float, exported: tuple[str, int]
) -> dict[str, Any]:
    """All of them at once; in the second half with an export running beside."""
    entering: Times = defaultdict(list)
    times: Times = defaultdict(list)
    beside: Times = defaultdict(list)
    errors: list[str] = []
    clients = await signed(base, staff, entering, errors)
    for c in clients:
        c.times = times
    half = minutes * 30
    rngs = [np.random.default_rng([17, i]) for i in range(len(clients))]
    started = time.monotonic()
    await asyncio.gather(*(officer(c, started + half, think, r) for c, r in zip(clients, rngs, strict=True)))
    first = time.monotonic() - started
    for c in clients:
        c.times = beside
    started, exports = time.monotonic(), list[float]()
    exporter = next(c for c in clients if c.role == "leader")
    extra: list[Awaitable[None]] = [export(exporter, exported[0], started + half, exports)]
    others = [c for c in clients if c is not exporter][: len(rngs)]
    await asyncio.gather(*(officer(c, started + half, think, r) for c, r in zip(others, rngs, strict=False)), *extra)
    second = time.monotonic() - started
    for c in clients:
        await c.http.close()
    pages = [t for kind, found in times.items() for t in found]
    return {
        "officers": len(staff), "think_s": think, "seconds": round(first + second, 1),
        "requests_per_s": round(len(pages) / first, 1),
        "errors": len(errors), "kinds_of_error": sorted(set(errors))[:20],
        "all": told({"all": pages})["all"], "pages": told(times), "sign_in": told(entering),
        "beside_an_export": {"exports": len(exports), "rows": exported[1], "all": told({"all": [t for k, f in beside.items() if k != "export" for t in f]})["all"], "pages": told(beside)},
    }  # fmt: skip


async def alone(base: str, staff: list[tuple[str, str]], most: int = 60) -> dict[str, Any]:
    """Every suspect in turn by one browser: the page, and the page with all its pictures."""
    times: Times = defaultdict(list)
    errors: list[str] = []
    client = Client(base, *staff[0], times, errors)
    await client.sign_in()
    paths: list[str] = []
    for path in sorted(set(LISTS.findall(await client.ask("home", "/")))):
        paths += sorted(set(re.findall(r'href="(/lists/[^"]+/\d+)"', await client.ask("list", path))))
    for path in paths[:: max(1, len(paths) // most)]:
        started = time.perf_counter()
        pictures = PICTURES.findall(await client.ask("suspect", path))
        for picture in pictures:
            await client.ask("picture", picture)
        times["suspect with pictures"].append(time.perf_counter() - started)
    await client.http.close()
    return {"errors": sorted(set(errors)), "pages": told(times)}


def processor(group: int) -> float:
    """Seconds that a server and its workers have had of a processor."""
    ticks = 0
    for process in (group, *_children(group)):
        with suppress(OSError):
            said = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(said[11]) + int(said[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def saturate(base: str, path: str, cookies: list[str], seconds: float, group: int) -> dict[str, float]:
    """As many pages as go through with a connection a cookie; cpu_ms: of the server (process id `group`) for each."""
    times: list[float] = []
    bad, before = 0, processor(group)
    until = time.monotonic() + seconds

    async def one(cookie: str) -> None:
        nonlocal bad
        async with aiohttp.ClientSession(
            headers={"cookie": f"xiezhi_session={cookie}", "accept": "text/html", "accept-encoding": "identity"}
        ) as http:
            while time.monotonic() < until:
                started = time.perf_counter()
                async with http.get(base + path) as answer:
                    await answer.read()
                    bad += answer.status != 200
                times.append(time.perf_counter() - started)

    await asyncio.gather(*(one(c) for c in cookies))
    spent = 1000 * (processor(group) - before) / max(1, len(times))
    found = told({"all": times})["all"]
    return {"req_per_s": round(len(times) / seconds, 1), "not_200": bad, "cpu_ms": round(spent, 2), **found}


def saturation(
    warehouse: Path, base: str, staff: list[tuple[str, str]], seconds: float, workers: int, folder: Path, group: int
) -> dict[str, Any]:
    """Ours and the bare page in turn, three rounds each, so that what else the machine does falls on both."""
    from serving.desk import people, sessions
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    clients = 16
    cookies = [sessions.begin(desk, people.sign_in(desk, name, PASSWORD)) for name, _ in staff[:clients]]
    desk.engine.dispose()
    paths = asyncio.run(_paths(base, cookies[0]))
    sizes = {name: size for name, (_, size) in paths.items()}
    database, port = folder / "bare.sqlite", free_port()
    desk_bare.prepare(database, cookies)
    environment = {**os.environ, "BARE_DATABASE": str(database), "BARE_SIZES": json.dumps(sizes), "BARE_WAREHOUSE": str(warehouse), "PYTHONPATH": str(ROOT)}  # fmt: skip
    listening = socket.create_server(("127.0.0.1", port))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as ours has it
    command = [sys.executable, "-m", "uvicorn", "benchmarks.desk_bare:application", "--fd", str(listening.fileno())]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    out: dict[str, Any] = {
        "clients": clients,
        "seconds": seconds,
        "sizes": sizes,
        "ours": {},
        "bare": {},
        "own": {},
        "ratio": {},
        "ratio_own": {},
    }
    with server(command, port, "/list", environment, folder / "bare.log", listening) as bare:
        rounds: dict[str, dict[str, list[dict[str, float]]]] = {
            "ours": defaultdict(list),
            "bare": defaultdict(list),
            "own": defaultdict(list),
        }
        for _ in range(3):
            for name, (path, _) in paths.items():
                rounds["ours"][name].append(asyncio.run(saturate(base, path, cookies, seconds, group)))
                for side, at in (("bare", f"/{name}"), ("own", f"/own_{name}")):
                    there = saturate(f"http://127.0.0.1:{port}", at, cookies, seconds, bare)
                    rounds[side][name].append(asyncio.run(there))
    for name in paths:
        for side in ("ours", "bare", "own"):
            out[side][name] = sorted(rounds[side][name], key=lambda r: r["req_per_s"])[1]
        for key, side in (("ratio", "bare"), ("ratio_own", "own")):
            pairs = zip(rounds["ours"][name], rounds[side][name], strict=True)
            out[key][name] = sorted(round(a["req_per_s"] / b["req_per_s"], 2) for a, b in pairs)
    return out


async def _paths(base: str, cookie: str) -> dict[str, tuple[str, int]]:
    """A list and a suspect by the addresses that mean them for ever, with their sizes."""
    async with aiohttp.ClientSession(headers={"cookie": f"xiezhi_session={cookie}", "accept": "text/html"}) as http:

        async def body(path: str) -> str:
            async with http.get(base + path) as answer:
                return await answer.text()

        home = await body("/")
        listed = sorted(set(LISTS.findall(home)), key=lambda p: "person" not in p)[0]
        page = await body(listed)
        suspect = re.findall(r'href="(/lists/[^"]+/\d+)"', page)[0]
        whole = suspect.rsplit("/", 1)[0]
        return {
            "list": (whole, len((await body(whole)).encode())),
            "suspect": (suspect, len((await body(suspect)).encode())),
        }


async def killing(base: str, cookie: str, group: int, rounds: int) -> dict[str, Any]:
    """Each worker killed in turn while eight browsers ask for pages, each twenty times a second: what they were told."""
    times: list[float] = []
    told_: dict[str, int] = defaultdict(int)
    stop = asyncio.Event()

    async def browser() -> None:
        async with aiohttp.ClientSession(headers={"cookie": f"xiezhi_session={cookie}", "accept": "text/html"}) as http:
            while not stop.is_set():
                started = time.perf_counter()
                try:
                    async with http.get(base + "/cases") as answer:
                        await answer.read()
                        told_[str(answer.status)] += 1
                except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                    told_[type(error).__name__] += 1
                times.append(time.perf_counter() - started)
                await asyncio.sleep(0.05)

    browsers = [asyncio.create_task(browser()) for _ in range(8)]
    killed = 0
    for i in range(rounds):
        await asyncio.sleep(4)
        alive = workers_of(group)
        if len(alive) > 1:
            os.kill(alive[i % len(alive)], signal.SIGKILL)
            killed += 1
        until = time.monotonic() + 40
        while len(workers_of(group)) < len(alive) and time.monotonic() < until:
            await asyncio.sleep(0.5)
        await asyncio.sleep(8)
    stop.set()
    await asyncio.gather(*browsers)
    return {"killed": killed, "answers": dict(told_), "longest_s": round(max(times), 2), "asked": len(times)}


def workers_of(group: int) -> list[int]:
    """Child processes of a server that serve: those uvicorn spawned, by their command."""
    found = []
    for child in _children(group):
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in line:
            found.append(child)
    return found


def _children(group: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{group}/task/{group}/children").read_text().split()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.desk_load", description=__doc__.splitlines()[0])
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--officers", type=int, default=200)
    parser.add_argument("--think", type=float, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of each round at saturation")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--exported", type=int, default=500, help="suspects of the list that is exported meanwhile")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    only = set(args.only.split(","))
    folder = Path(tempfile.mkdtemp(prefix="xiezhi-load-"))
    os.environ.pop("XIEZHI_DESK", None)
    try:
        warehouse = folder / args.warehouse.name
        shutil.copytree(args.warehouse, warehouse, ignore=shutil.ignore_patterns("desk", "mlflow"))
        if "officers" in only:
            lengthen(warehouse, args.exported)
        staff = accounts(warehouse, args.officers)
        port = free_port()
        command = [sys.executable, "-m", "xiezhi", "serve", "--warehouse", str(warehouse), "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "XIEZHI_WORKERS": str(args.workers)}
        result = json.loads(args.out.read_text()) if args.out.exists() else {}
        with server(command, port, "/readyz", environment, folder / "server.log") as process:
            base = f"http://127.0.0.1:{port}"
            result |= {"workers": args.workers, "warehouse": args.warehouse.name, "cores": os.cpu_count()}
            parts: dict[str, Callable[[], Any]] = {
                "alone": lambda: asyncio.run(alone(base, staff)),
                "officers": lambda: asyncio.run(officers(base, staff, args.minutes, args.think, widest(warehouse))),
                "saturation": lambda: saturation(warehouse, base, staff, args.seconds, args.workers, folder, process),
                "kill": lambda: asyncio.run(_kill(warehouse, base, staff, process)),
                "counter": lambda: counter(warehouse, base, staff[0], 6 * args.seconds),
                "slow": lambda: slow(base, staff[0], cookie_of(warehouse, staff[0][0]), args.seconds),
            }
            for name in PARTS:
                if name not in only:
                    continue
                load, began = os.getloadavg()[0], time.monotonic()
                found = parts[name]()
                result[name] = found | {"took_s": round(time.monotonic() - began), "load_before": round(load, 1)}
                result["server_log_bytes"] = (folder / "server.log").stat().st_size
                args.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
                print(name, json.dumps(result[name], ensure_ascii=False), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _kill(warehouse: Path, base: str, staff: list[tuple[str, str]], process: int) -> dict[str, Any]:
    return await killing(base, cookie_of(warehouse, staff[0][0]), process, rounds=4)


def cookie_of(warehouse: Path, name: str) -> str:
    """A new session of an account."""
    from serving.desk import people, sessions
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    cookie = sessions.begin(desk, people.sign_in(desk, name, PASSWORD))
    desk.engine.dispose()
    return cookie


if __name__ == "__main__":
    main()
