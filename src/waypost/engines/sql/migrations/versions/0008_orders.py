"""Parties with keys of their own, and merchants' orders."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "parties",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
    )
    op.create_index(op.f("ix_parties_kind_name"), "parties", ["kind", "name"], unique=True)
    # Not as a batch: SQLite would copy the table and drop the first, and with it go the sessions of its keys.
    of_parties = "CONSTRAINT fk_access_keys_party_id_parties REFERENCES parties (id)"
    op.execute(f"ALTER TABLE access_keys ADD COLUMN party_id VARCHAR(32) {of_parties}")
    op.add_column("access_keys", sa.Column("ends_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["merchant"], ["parties.id"], name=op.f("fk_jobs_merchant_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_merchant_made_ms"), "jobs", ["merchant", "made_ms"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_orders_job_id_jobs")),
        sa.ForeignKeyConstraint(["merchant"], ["parties.id"], name=op.f("fk_orders_merchant_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_job_id_state"), "orders", ["job_id", "state"], unique=False)
    op.create_index(op.f("ix_orders_merchant_made_ms"), "orders", ["merchant", "made_ms"], unique=False)
    op.create_index(op.f("ix_orders_merchant_reference"), "orders", ["merchant", "reference"], unique=True)
    op.create_index(op.f("ix_orders_merchant_state_made_ms"), "orders", ["merchant", "state", "made_ms"], unique=False)
    op.create_index(op.f("ix_orders_next_ms"), "orders", ["next_ms"], unique=False)
    op.create_table(
        "order_parcels",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("carrier_reference", sa.String(length=64), nullable=False),
        sa.Column("sort_code", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("booked_ms", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("label_type", sa.String(length=64), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_parcels_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_parcels")),
    )
    op.create_index(op.f("ix_order_parcels_number_carrier"), "order_parcels", ["number", "carrier"], unique=False)
    op.create_index(op.f("ix_order_parcels_order_id_piece"), "order_parcels", ["order_id", "piece"], unique=True)


def downgrade() -> None:
    """Lead back to the revision before."""
    for table in ("order_parcels", "orders", "jobs"):
        op.drop_table(table)
    with op.batch_alter_table("access_keys") as keys:
        keys.drop_column("ends_ms")
        keys.drop_column("party_id")
    op.drop_table("parties")
