"""Services of timetables, and how long things dwell at facilities."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "services",
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("last_day", sa.String(length=10), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("carrier", "code", name=op.f("pk_services")),
    )
    op.create_index(op.f("ix_services_last_day"), "services", ["last_day"])
    op.create_table(
        "dwells",
        sa.Column("facility", sa.String(length=161), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("facility", name=op.f("pk_dwells")),
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_table("dwells")
    op.drop_table("services")
