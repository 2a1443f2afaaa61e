"""The executor that an address names: `local`, or a Spark master."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from claims.errors import UserError
from claims.store.executor import Executor, LocalExecutor
from claims.store.spark import SparkExecutor


def executor_of(address: str) -> Executor:
    """From ``local``, ``spark://HOST:PORT`` or ``spark+local://`` (a cluster inside this process);
    ``?conf.NAME=VALUE&…`` sets Spark's own settings.

    Raises UserError for anything else.
    """
    if address == "local":
        return LocalExecutor()
    parts = urlsplit(address)
    given = dict(parse_qsl(parts.query))
    strange = sorted(key for key in given if not key.startswith("conf."))
    local = parts.scheme == "spark+local"
    if parts.scheme not in ("spark", "spark+local") or parts.path.strip("/") or strange or local == bool(parts.netloc):
        raise UserError(
            f"--executor {address}: write local, spark://HOST:PORT or spark+local:// (?conf.NAME=VALUE for "
            "settings of Spark)"
        )
    config = {key.removeprefix("conf."): value for key, value in given.items()}
    return SparkExecutor("local[2]" if local else f"spark://{parts.netloc}", config)
