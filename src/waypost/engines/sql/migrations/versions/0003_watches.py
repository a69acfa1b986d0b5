"""Waybills to ask carriers after."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "watches",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("phone_tail", sa.LargeBinary(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("next_ms", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.String(length=16), nullable=False),
        sa.Column("chance", sa.Integer(), nullable=True),
        sa.Column("pushing", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watches")),
    )
    op.create_index(op.f("ix_watches_account_number"), "watches", ["account", "number"], unique=True)
    op.create_index(op.f("ix_watches_account_next_ms"), "watches", ["account", "next_ms"], unique=False)
    where = sa.text("pushing = 'unasked' AND next_ms IS NOT NULL")
    op.create_index(
        "ix_watches_unasked", "watches", ["account", "since_ms"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index("ix_watches_unasked", table_name="watches")
    op.drop_index(op.f("ix_watches_account_number"), table_name="watches")
    op.drop_index(op.f("ix_watches_account_next_ms"), table_name="watches")
    op.drop_table("watches")
