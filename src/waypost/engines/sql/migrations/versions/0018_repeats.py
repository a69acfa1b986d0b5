"""By what requests are known again that make something once for a key; which orders a job passed over, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MADE_ONCE = ("jobs", "manifests", "pickups", "proofs")


def upgrade() -> None:
    """Bring the tables up to this revision."""
    for table in _MADE_ONCE:
        with op.batch_alter_table(table) as made:
            made.add_column(sa.Column("asked", sa.String(length=32), nullable=True))
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("passed_over", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Lead back to the revision before."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("passed_over")
    for table in _MADE_ONCE:
        with op.batch_alter_table(table) as made:
            made.drop_column("asked")
