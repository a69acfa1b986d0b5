"""Labels that carriers pushed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "labels",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
    )
    op.create_index(op.f("ix_labels_number_carrier"), "labels", ["number", "carrier"], unique=False)
    op.create_index(op.f("ix_labels_received_ms"), "labels", ["received_ms"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index(op.f("ix_labels_received_ms"), table_name="labels")
    op.drop_index(op.f("ix_labels_number_carrier"), table_name="labels")
    op.drop_table("labels")
