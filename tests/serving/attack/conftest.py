"""A real PostgreSQL for attacks too."""

from tests.serving.desk.conftest import new_database, server

__all__ = ["new_database", "server"]
