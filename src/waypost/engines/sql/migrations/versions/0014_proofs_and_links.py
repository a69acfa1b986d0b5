"""What is kept of people: when it was erased from orders, links for consignees, proofs of delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("erased_ms", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_orders_erased_ms_changed_ms_id"), "orders", ["erased_ms", "changed_ms", "id"], unique=False
    )
    op.create_table(
        "consignee_links",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["order_parcels.id"], name=op.f("fk_consignee_links_id_order_parcels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consignee_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_consignee_links_digest")),
    )
    op.create_table(
        "proofs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("parcel_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("picture_type", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["parcel_id"], ["order_parcels.id"], name=op.f("fk_proofs_parcel_id_order_parcels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proofs")),
    )
    op.create_index(op.f("ix_proofs_parcel_id"), "proofs", ["parcel_id"], unique=False)
    op.create_index(op.f("ix_proofs_received_ms"), "proofs", ["received_ms"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index(op.f("ix_proofs_received_ms"), table_name="proofs")
    op.drop_index(op.f("ix_proofs_parcel_id"), table_name="proofs")
    op.drop_table("proofs")
    op.drop_table("consignee_links")
    op.drop_index(op.f("ix_orders_erased_ms_changed_ms_id"), table_name="orders")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("erased_ms")
