"""Where the work is done: what an address names, and for how long."""

import pytest

from claims.errors import UserError
from claims.store.executor import LocalExecutor, executor_in_use, working_on
from claims.store.executors import executor_of
from claims.store.spark import SparkExecutor


def test_an_address_names_an_executor() -> None:
    assert executor_of("local") == LocalExecutor()
    assert executor_of("spark://m1:7077?conf.spark.executor.memory=2g") == SparkExecutor(
        "spark://m1:7077", {"spark.executor.memory": "2g"}
    )
    assert executor_of("spark+local://") == SparkExecutor("local[2]")


@pytest.mark.parametrize(
    "address", ["", "cluster", "spark://", "spark://m1:7077/database", "spark://m1:7077?memory=2g", "yarn://m1"]
)
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="write local, spark://HOST:PORT"):
        executor_of(address)


def test_an_executor_is_in_use_until_the_command_ends() -> None:
    far = SparkExecutor("spark://m1:7077")
    with working_on(far):
        assert executor_in_use() is far
    assert executor_in_use() == LocalExecutor()


def test_results_come_in_the_order_of_the_buckets() -> None:
    assert list(LocalExecutor(workers=3).map(lambda n: n * n, range(7))) == [n * n for n in range(7)]
