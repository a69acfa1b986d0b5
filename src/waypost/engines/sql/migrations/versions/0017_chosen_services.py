"""Services that are chosen for orders, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("service", sa.String(length=64), nullable=True))
    op.create_table(
        "order_quotes",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_quotes_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_quotes")),
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_table("order_quotes")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("service")
