"""How alembic reaches the desk: by the connection serving/desk/database.py hands it."""

from alembic import context

from serving.desk.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
