"""Tables a cluster holds, taken in as if they were files: a folder of Parquet and a Hive database, on a Spark in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from claims.errors import UserError
from claims.intake.pipeline import Counts, intake
from claims.sources.spark import Address
from tests.claims.county import write
from tests.claims.test_sources import MONEY, TABLES, TIMES, contents
from tests.claims.test_spark import java_home

ODD = [
    "spark://127.0.0.1:7077",
    "spark://127.0.0.1/county",
    "spark+local://",
    "spark+local:///county?path=/data",
    "spark+local:///county?paht=/data",
]


@pytest.mark.parametrize("url", ODD)
def test_an_address_that_is_not_complete_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the Spark address"):
        intake(url, tmp_path / "house")
    assert not (tmp_path / "house" / "CURRENT").exists()


def test_what_an_address_says() -> None:
    said = Address.parse("spark://m1:7077/county?metastore=thrift://h1:9083&conf.spark.executor.memory=2g")
    assert (said.master, said.database, said.path) == ("spark://m1:7077", "county", "")
    assert said.config["spark.hadoop.hive.metastore.uris"] == "thrift://h1:9083"
    assert said.config["spark.executor.memory"] == "2g"
    assert said.config["spark.sql.catalogImplementation"] == "hive"
    assert Address.parse("spark+local://?path=hdfs://n1/claims").path == "hdfs://n1/claims"


def test_a_master_that_does_not_answer_is_told_without_the_secret(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no Spark master answers at 127\.0\.0\.1:1") as told:
        intake("spark://127.0.0.1:1/county?conf.spark.hadoop.fs.s3a.secret.key=verysecret", tmp_path / "house")
    assert "verysecret" not in str(told.value)


def test_without_the_extra_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(UserError, match=r"pip install 'xiezhi\[spark\]'"):
        intake("spark+local://?path=/data", tmp_path / "house")


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'xiezhi[spark]'")
    folder = tmp_path_factory.mktemp("spark")
    changed = {"JAVA_HOME": str(java_home(folder / "java")), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}  # fmt: skip
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    yield folder
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def typed(folder: Path) -> Path:
    """The tables as a bureau's cluster holds them: moments as timestamps, amounts as decimals."""
    folder.mkdir()
    source = write(folder.with_name("csv"), **TABLES)
    with duckdb.connect() as con:
        for table, rows in TABLES.items():
            kinds = [f"'{c}': '{'TIMESTAMP' if c in TIMES else 'DECIMAL(16,4)' if c in MONEY else 'VARCHAR'}'" for c in rows[0]]  # fmt: skip
            cells = f"read_csv('{source / table}.csv', header = true, columns = {{{', '.join(kinds)}}})"
            con.execute(f"COPY (FROM {cells}) TO '{folder / table}.parquet' (FORMAT parquet)")
    return folder


@pytest.mark.slow
@pytest.mark.spark
def test_a_folder_of_parquet_and_a_hive_database_give_what_the_files_give(
    java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import SparkSession

    monkeypatch.chdir(tmp_path)  # the embedded metastore logs where Java was started
    folder = typed(tmp_path / "parquet")
    intake(tmp_path / "csv", tmp_path / "expected")
    expected = contents(tmp_path / "expected")
    done = intake(f"spark+local://?path={folder.as_uri()}&conf.spark.ui.showConsoleProgress=false", tmp_path / "a")
    assert done.tables["settlements"] == Counts(3, 3, 0, 0)
    assert contents(tmp_path / "a") == expected

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.catalogImplementation", "hive")
        .config("spark.sql.warehouse.dir", (tmp_path / "hive").as_uri())
        .config(
            "spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:derby:;databaseName={tmp_path / 'meta'};create=true"
        )
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
        .getOrCreate()
    )
    try:
        session.sql("CREATE DATABASE county")
        for file in folder.glob("*.parquet"):
            session.read.parquet(file.as_uri()).write.saveAsTable(f"county.{file.stem}")
        assert intake("spark+local:///county", tmp_path / "b").tables == done.tables
        assert contents(tmp_path / "b") == expected
        again = intake("spark+local:///county", tmp_path / "b")
        assert again.tables["fee_details"] == Counts(2, 0, 0, 2)
        with pytest.raises(UserError, match="the Spark database nowhere cannot be read"):
            intake("spark+local:///nowhere", tmp_path / "b")
    finally:
        session.stop()
