"""Parties, people, keys and sessions, and the audit trail, in `Records`.

Of secrets only digests are kept: who reads the database cannot use them.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from waypost.access.sealed import SealedColumn
from waypost.store.tables import METADATA

#: Who takes part: see `access/parties.py`. Nobody is removed, for what they did names them.
parties = Table(
    "parties",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(120), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Index(None, "kind", "name", unique=True),
)

keys = Table(
    "access_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("carriers", String(400)),  # with commas between them; null: all
    Column("party_id", String(32), ForeignKey("parties.id")),
    Column("ends_ms", BigInteger),
    Column("scope", String(16), nullable=False, server_default="full"),
    Column("old_digest", String(64)),  # of the secret before, which works until `old_ends_ms`
    Column("old_ends_ms", BigInteger),
    Column("used_day", String(10)),  # as 2026-11-23, in UTC
    Index(None, "old_digest", unique=True),
)

sessions = Table(
    "access_sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
)

#: Who logs in: see `people.py`. `words` are login and name, sealed; a login is found by its digest, which who has ended
#: has no more, nor a password. `subject_digest` is of whom another provider (OpenID Connect) says that it is; who has
#: ended keeps it, and is kept out by it.
people = Table(
    "people",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("login_digest", String(64), unique=True),
    Column("subject_digest", String(64), unique=True),
    Column("words", LargeBinary),
    Column("roles", String(64), nullable=False),  # with commas between them
    Column("carriers", String(400)),  # as of keys
    Column("party_id", String(32), ForeignKey("parties.id")),
    Column("password", String(200)),
    Column("made_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
)

#: Links by which somebody gives a password without knowing an old one: one at a time for each, good for once.
invitations = Table(
    "invitations",
    METADATA,
    Column("person_id", String(32), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("ends_ms", BigInteger, nullable=False),
)

#: Of people, one for each browser; `id` is for lists. The browser's token is known by its digest alone.
person_sessions = Table(
    "person_sessions",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("person_id", String(32), ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("browser", String(80), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
)

#: How far guesses at a login, or from an address, have used up what they may: see `guesses.py`.
guesses = Table(
    "guesses",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("full_ms", BigInteger, nullable=False, index=True),
)

#: Who did what to what, and when: see `trail.py`. Rows are only added; the database refuses the rest.
audit_trail = Table(
    "audit_trail",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("who", String(48), nullable=False),
    Column("what", String(48), nullable=False),
    Column("of", String(128), nullable=False),
    Column("details", String(2000), nullable=False),  # a JSON object of texts
    Index(None, "who", "id"),
    Index(None, "what", "id"),
    Index(None, "of", "id"),
)

#: Without its words a person still logs in.
SEALED = (SealedColumn(people, "words", is_all=False),)
