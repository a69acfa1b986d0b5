"""What Alembic runs: the migrations, on the connection that `migrate` hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    render_as_batch=True,  # SQLite alters tables by copying them
)
context.run_migrations()
