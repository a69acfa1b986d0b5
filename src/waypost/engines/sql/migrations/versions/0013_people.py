"""People who log in, their sessions, keys that are rotated and bounded, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_REFUSAL = "the audit trail is only added to"


def upgrade() -> None:
    """Bring the tables up to this revision."""
    # Not as a batch: SQLite would copy the table and drop the first, and with it go the sessions of its keys.
    for added in (
        sa.Column("scope", sa.String(length=16), nullable=False, server_default="full"),
        sa.Column("old_digest", sa.String(length=64), nullable=True),
        sa.Column("old_ends_ms", sa.BigInteger(), nullable=True),
        sa.Column("used_day", sa.String(length=10), nullable=True),
    ):
        op.add_column("access_keys", added)
    op.create_index(op.f("ix_access_keys_old_digest"), "access_keys", ["old_digest"], unique=True)
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("login_digest", sa.String(length=64), nullable=True),
        sa.Column("subject_digest", sa.String(length=64), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("roles", sa.String(length=64), nullable=False),
        sa.Column("carriers", sa.String(length=400), nullable=True),
        sa.Column("party_id", sa.String(length=32), nullable=True),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_people_party_id_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("login_digest", name=op.f("uq_people_login_digest")),
        sa.UniqueConstraint("subject_digest", name=op.f("uq_people_subject_digest")),
    )
    op.create_table(
        "invitations",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_invitations_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    )
    op.create_table(
        "person_sessions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("browser", sa.String(length=80), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_person_sessions_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_person_sessions_digest")),
    )
    for column in ("person_id", "ends_ms"):
        op.create_index(op.f(f"ix_person_sessions_{column}"), "person_sessions", [column], unique=False)
    op.create_table(
        "guesses",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("full_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_guesses")),
    )
    op.create_index(op.f("ix_guesses_full_ms"), "guesses", ["full_ms"], unique=False)
    _make_trail()


def _make_trail() -> None:
    op.create_table(
        "audit_trail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=48), nullable=False),
        sa.Column("what", sa.String(length=48), nullable=False),
        sa.Column("of", sa.String(length=128), nullable=False),
        sa.Column("details", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_trail")),
    )
    op.create_index(op.f("ix_audit_trail_at_ms"), "audit_trail", ["at_ms"], unique=False)
    for column in ("who", "what", "of"):
        op.create_index(op.f(f"ix_audit_trail_{column}_id"), "audit_trail", [column, "id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_trail_no_{deed.lower()} BEFORE {deed} ON audit_trail "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION refuse_audit_trail() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{_REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_trail_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_trail()"
        )


def downgrade() -> None:
    """Take that back."""
    op.drop_table("audit_trail")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_trail()")
    for table in ("guesses", "person_sessions", "invitations", "people"):
        op.drop_table(table)
    op.drop_index(op.f("ix_access_keys_old_digest"), "access_keys")
    with op.batch_alter_table("access_keys") as keys:
        for column in ("scope", "old_digest", "old_ends_ms", "used_day"):
            keys.drop_column(column)
