"""Sorters, and the sort codes that were given or wait for a person."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "sorters",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sorters")),
    )
    op.create_index(op.f("ix_sorters_carrier_version"), "sorters", ["carrier", "version"], unique=True)
    op.create_table(
        "sort_codes",
        sa.Column("parcel", sa.String(length=32), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("guess", sa.String(length=64), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["parcel"], ["order_parcels.id"], name=op.f("fk_sort_codes_parcel_order_parcels")),
        sa.PrimaryKeyConstraint("parcel", name=op.f("pk_sort_codes")),
    )
    op.create_index(op.f("ix_sort_codes_state_made_ms"), "sort_codes", ["state", "made_ms"], unique=False)
    op.create_index(op.f("ix_sort_codes_made_ms"), "sort_codes", ["made_ms"], unique=False)
    op.create_table(
        "sort_lessons",
        sa.Column("parcel", sa.String(length=32), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("learnt_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["parcel"], ["order_parcels.id"], name=op.f("fk_sort_lessons_parcel_order_parcels")),
        sa.PrimaryKeyConstraint("parcel", name=op.f("pk_sort_lessons")),
    )
    op.create_index(op.f("ix_sort_lessons_carrier"), "sort_lessons", ["carrier"], unique=False)
    op.create_table(
        "sort_files",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("learnt_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sort_files")),
    )
    op.create_index(op.f("ix_sort_files_carrier"), "sort_files", ["carrier"], unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    for table in ("sort_files", "sort_lessons", "sort_codes", "sorters"):
        op.drop_table(table)
