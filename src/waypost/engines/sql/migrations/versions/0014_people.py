"""What is kept of people: when it was erased from orders, links for consignees, proofs of delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("erased_ms", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_orders_erased_ms_changed_ms"), "orders", ["erased_ms", "changed_ms"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index(op.f("ix_orders_erased_ms_changed_ms"), table_name="orders")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("erased_ms")
