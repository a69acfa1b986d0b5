"""Of a push also how many of its scans were kept and refused, and why it was not taken whole."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    with op.batch_alter_table("pushes") as table:
        table.add_column(sa.Column("scans", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("refused", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("why", sa.String(length=400), nullable=True))
    op.drop_index(op.f("ix_pushes_received_ms"), table_name="pushes")
    op.create_index(op.f("ix_pushes_account_received_ms"), "pushes", ["account", "received_ms"], unique=False)
    op.create_index(
        op.f("ix_pushes_received_ms_account_outcome"), "pushes", ["received_ms", "account", "outcome"], unique=False
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index(op.f("ix_pushes_received_ms_account_outcome"), table_name="pushes")
    op.drop_index(op.f("ix_pushes_account_received_ms"), table_name="pushes")
    op.create_index(op.f("ix_pushes_received_ms"), "pushes", ["received_ms"], unique=False)
    with op.batch_alter_table("pushes") as table:
        for name in ("why", "refused", "scans"):
            table.drop_column(name)
