"""Alerts, the parcels that they hit, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("live", sa.String(length=32), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("facility", sa.String(length=170), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=False),
        sa.Column("snoozed_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("borne", sa.Integer(), nullable=False),
        sa.Column("borne_severity", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("parcels", sa.Integer(), nullable=False),
        sa.Column("most_parcels", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("live", name=op.f("uq_alerts_live")),
    )
    op.create_index(op.f("ix_alerts_ended_ms_first_ms"), "alerts", ["ended_ms", "first_ms"])
    op.create_table(
        "alert_parcels",
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert"], ["alerts.id"], name=op.f("fk_alert_parcels_alert_alerts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("alert", name=op.f("pk_alert_parcels")),
    )
    op.create_table(
        "alert_acts",
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=48), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_alert_acts_alert_alerts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alert", "version", name=op.f("pk_alert_acts")),
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_table("alert_acts")
    op.drop_table("alert_parcels")
    op.drop_table("alerts")
