"""Ranges of waybill numbers, and which were given."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "number_pools",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("branch", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=40), nullable=False),
        sa.Column("suffix", sa.String(length=40), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("alarm", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_pools")),
    )
    op.create_table(
        "given_numbers",
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("pool", sa.String(length=64), nullable=False),
        sa.Column("given_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pool"], ["number_pools.name"], name=op.f("fk_given_numbers_pool_number_pools")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_given_numbers")),
    )
    op.create_index(op.f("ix_given_numbers_carrier_number"), "given_numbers", ["carrier", "number"], unique=True)


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_table("given_numbers")
    op.drop_table("number_pools")
