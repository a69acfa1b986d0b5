"""Sealing: what is personal lies on disk encrypted, under a key that is not beside it in the database.

AES-256-GCM with a nonce of its own for each text and, as additional data, what the text belongs to: a sealed text that
was moved to another row does not open. Keys are numbered, so that new ones can come while old texts still open.
"""

from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from waypost.model.errors import StoreDamaged

KEY_BYTES = 32
_NONCE_BYTES = 12
NUMBER_BYTES = 2


class Seal:
    """Seals under the newest key, and opens under all.

    Args:
        keys: by number, of `KEY_BYTES` each.
        token: gives some bytes that nobody can guess; this room has no randomness of its own.
        guard: called before a text is sealed; it raises where that may not be, for nobody could open it later.
    """

    def __init__(
        self, keys: Mapping[int, bytes], token: Callable[[int], bytes], guard: Callable[[], None] = lambda: None
    ) -> None:
        self._keys = {number: AESGCM(key) for number, key in keys.items()}
        self.newest = max(keys)
        self._token = token
        self._guard = guard

    @property
    def numbers(self) -> frozenset[int]:
        """Of all its keys."""
        return frozenset(self._keys)

    def seal(self, text: bytes, belongs_to: str) -> bytes:
        """The sealed text: number of the key, nonce, ciphertext."""
        self._guard()
        nonce = self._token(_NONCE_BYTES)
        sealed = self._keys[self.newest].encrypt(nonce, text, belongs_to.encode())
        return self.newest.to_bytes(NUMBER_BYTES) + nonce + sealed

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """What was sealed.

        Raises:
            StoreDamaged: it was changed, belongs to something else, or its key is gone.
        """
        number = int.from_bytes(sealed[:NUMBER_BYTES])
        nonce, rest = sealed[NUMBER_BYTES:][:_NONCE_BYTES], sealed[NUMBER_BYTES + _NONCE_BYTES :]
        if number not in self._keys:
            raise StoreDamaged(f"a text is sealed under key {number}, which is gone")
        try:
            return self._keys[number].decrypt(nonce, rest, belongs_to.encode())
        except (InvalidTag, ValueError):  # a piece of one is too short to be anything
            raise StoreDamaged("a sealed text was changed, or belongs to something else") from None
