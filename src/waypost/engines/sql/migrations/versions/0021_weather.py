"""Weather at places, measured and foretold."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_MEASURES = (
    *("temperature_c", "temperature_min_c", "temperature_max_c", "rain_mm", "snow_mm"),
    *("wind_mps", "gust_mps", "humidity_pct"),
)


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "weather",
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("is_forecast", sa.Boolean(), nullable=False),
        sa.Column("begins_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("known_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Float()) for name in _MEASURES),
        sa.PrimaryKeyConstraint("place", "is_forecast", "begins_ms", "ends_ms", "known_ms", name=op.f("pk_weather")),
    )


def downgrade() -> None:
    """Lead back to the revision before."""
    op.drop_table("weather")
