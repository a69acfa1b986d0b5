"""The first tables: facilities, parcels and their links, keys and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_keys_digest")),
    )
    op.create_table(
        "facilities",
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=True),
        sa.Column("region", sa.String(length=120), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("carrier", "code", name=op.f("pk_facilities")),
    )
    op.create_table(
        "parcels",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=True),
        sa.Column("origin_city", sa.String(length=120), nullable=True),
        sa.Column("origin_region", sa.String(length=120), nullable=True),
        sa.Column("origin_country", sa.String(length=120), nullable=True),
        sa.Column("destination_city", sa.String(length=120), nullable=True),
        sa.Column("destination_region", sa.String(length=120), nullable=True),
        sa.Column("destination_country", sa.String(length=120), nullable=True),
        sa.Column("promised_ms", sa.BigInteger(), nullable=True),
        sa.Column("weight_g", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcels")),
    )
    op.create_index(op.f("ix_parcels_number_carrier"), "parcels", ["number", "carrier"], unique=True)
    op.create_index(op.f("ix_parcels_order_number"), "parcels", ["order_number"], unique=False)
    op.create_table(
        "access_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_keys.id"], name=op.f("fk_access_sessions_key_id_access_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_sessions")),
    )
    op.create_index(op.f("ix_access_sessions_ends_ms"), "access_sessions", ["ends_ms"], unique=False)
    op.create_table(
        "links",
        sa.Column("parcel_id", sa.String(length=32), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name=op.f("fk_links_parcel_id_parcels")),
        sa.PrimaryKeyConstraint("parcel_id", "carrier", "number", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_number"), "links", ["number"], unique=False)


def downgrade() -> None:
    """Take them back to the one before."""
    op.drop_index(op.f("ix_links_number"), table_name="links")
    op.drop_table("links")
    op.drop_index(op.f("ix_access_sessions_ends_ms"), table_name="access_sessions")
    op.drop_table("access_sessions")
    op.drop_index(op.f("ix_parcels_order_number"), table_name="parcels")
    op.drop_index(op.f("ix_parcels_number_carrier"), table_name="parcels")
    op.drop_table("parcels")
    op.drop_table("facilities")
    op.drop_table("access_keys")
