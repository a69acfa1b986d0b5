"""Passwords: which are taken, and how they are kept: by Argon2id, in the PHC format, each with a salt of its own.

Argon2id (RFC 9106) rather than scrypt, for its format tells the cost that each was made with, so that the cost can be
raised later; and from `cryptography`, which Waypost has for its seal anyway, rather than one more library.
"""

import unicodedata
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SHORTEST, LONGEST = 12, 200
#: So many characters a keyboard may send for those, decomposed.
_MOST_SENT = 4 * LONGEST
_FEWEST_CHARACTERS = 5
_SALT_BYTES, _HASH_BYTES = 16, 32


class Cost(msgspec.Struct, frozen=True):
    """What a guess costs; as OWASP's Password Storage Cheat Sheet has it: 46 MiB and some 0.1 s."""

    memory_kib: int = 47_104
    rounds: int = 1
    lanes: int = 1


class Passwords:
    """Keeps and knows passwords. `token` gives some bytes that nobody can guess."""

    def __init__(self, token: Callable[[int], bytes], cost: Cost = Cost()) -> None:  # noqa: B008
        self._token = token
        self._cost = cost
        self._nobodys = self.keep(token(16).hex())

    def keep(self, password: str) -> str:
        """What is kept of a password."""
        cost = self._cost
        made = Argon2id(
            salt=self._token(_SALT_BYTES),
            length=_HASH_BYTES,
            iterations=cost.rounds,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        )
        return made.derive_phc_encoded(_normal(password))

    def knows(self, password: str, kept: str | None) -> bool:
        """Whether it is the one that was kept, compared in constant time.

        It takes as long where nothing was kept, so that nobody learns by the clock who is there.
        """
        if len(password) > _MOST_SENT or len(unicodedata.normalize("NFKC", password)) > LONGEST:
            return False
        try:
            Argon2id.verify_phc_encoded(_normal(password), self._nobodys if kept is None else kept)
        except InvalidKey:
            return False
        return kept is not None

    def is_dated(self, kept: str) -> bool:
        """Whether it was kept at another cost than today's."""
        cost = self._cost
        return f"$m={cost.memory_kib},t={cost.rounds},p={cost.lanes}$" not in kept


def find_weakness(password: str, login: str) -> str | None:
    """Why a password is not taken: `short`, `long`, `plain` or `login`; None if it is."""
    if len(password) > _MOST_SENT:
        return "long"
    text, name = unicodedata.normalize("NFKC", password), login.partition("@")[0]
    if len(text) < SHORTEST:
        return "short"
    if len(text) > LONGEST:
        return "long"
    if len(set(text)) < _FEWEST_CHARACTERS:
        return "plain"
    for part in (login, name):
        if len(part) > 2 and part.casefold() in text.casefold() and len(text) - len(part) < SHORTEST // 2:
            return "login"
    return None


def _normal(password: str) -> bytes:
    """The same bytes however a keyboard composes the characters (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
