"""What was handed over to carriers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "manifests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merchant"], ["parties.id"], name=op.f("fk_manifests_merchant_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifests")),
    )
    op.create_index(op.f("ix_manifests_merchant_closed_ms"), "manifests", ["merchant", "closed_ms"], unique=False)
    # Not as a batch: SQLite would copy the table, and all labels are in it.
    of_manifests = "CONSTRAINT fk_order_parcels_manifest_id_manifests REFERENCES manifests (id)"
    op.execute(f"ALTER TABLE order_parcels ADD COLUMN manifest_id VARCHAR(32) {of_manifests}")
    op.create_index(op.f("ix_order_parcels_manifest_id"), "order_parcels", ["manifest_id"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_index(op.f("ix_order_parcels_manifest_id"), table_name="order_parcels")
    with op.batch_alter_table("order_parcels") as parcels:
        parcels.drop_column("manifest_id")
    op.drop_table("manifests")
