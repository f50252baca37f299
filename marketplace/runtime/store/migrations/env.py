"""Runs Alembic on the connection that `marketplace.runtime.store.migrate` hands over."""

from alembic import context

from marketplace.runtime.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
