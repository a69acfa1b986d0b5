"""Services that are chosen for orders, and why; cash on delivery, due and paid; pick-ups."""

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
    op.create_table(
        "cod_dues",
        sa.Column("parcel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["parcel"], ["order_parcels.id"], name=op.f("fk_cod_dues_parcel_order_parcels")),
        sa.PrimaryKeyConstraint("parcel", name=op.f("pk_cod_dues")),
    )
    op.create_index(op.f("ix_cod_dues_account_booked_ms"), "cod_dues", ["account", "booked_ms"], unique=False)
    op.create_index(op.f("ix_cod_dues_account_number"), "cod_dues", ["account", "number"], unique=False)
    op.create_table(
        "remittances",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("kept_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittances")),
    )
    op.create_table(
        "cod_payments",
        sa.Column("remittance_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=op.f("fk_cod_payments_remittance_id_remittances")
        ),
        sa.PrimaryKeyConstraint("remittance_id", "line", name=op.f("pk_cod_payments")),
    )
    op.create_index(op.f("ix_cod_payments_account_number"), "cod_payments", ["account", "number"], unique=False)
    op.create_table(
        "pickups",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["merchant"], ["parties.id"], name=op.f("fk_pickups_merchant_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickups")),
    )
    op.create_index(op.f("ix_pickups_merchant_made_ms"), "pickups", ["merchant", "made_ms"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    for table in ("pickups", "cod_payments", "remittances", "cod_dues"):
        op.drop_table(table)
    op.drop_table("order_quotes")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("service")
