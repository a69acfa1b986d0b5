"""Mail to consignees: who has it sent, who wants none, and what is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "mail_switches",
        sa.Column("party", sa.String(length=32), nullable=False),
        sa.Column("milestones", sa.String(length=400), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("missed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party"], ["parties.id"], name=op.f("fk_mail_switches_party_parties")),
        sa.PrimaryKeyConstraint("party", name=op.f("pk_mail_switches")),
    )
    op.create_table(
        "mail_refusals",
        sa.Column("party", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("party", "digest", name=op.f("pk_mail_refusals")),
    )
    op.create_table(
        "mail_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_keys")),
    )
    op.create_table(
        "mail_notices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("party", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("milestone", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("offset_min", sa.Integer(), nullable=False),
        sa.Column("facility", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("begun_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["party"], ["parties.id"], name=op.f("fk_mail_notices_party_parties")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_mail_notices_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_notices")),
    )
    for columns in (["made_ms"], ["state", "next_ms"], ["order_id", "piece", "state"], ["party", "made_ms"]):
        op.create_index(op.f(f"ix_mail_notices_{'_'.join(columns)}"), "mail_notices", columns, unique=False)


def downgrade() -> None:
    """Lead back to the revision before."""
    for table in ("mail_notices", "mail_keys", "mail_refusals", "mail_switches"):
        op.drop_table(table)
