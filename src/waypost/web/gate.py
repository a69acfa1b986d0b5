"""Who may come in: keys in the `Authorization` header for programs, sessions in a cookie for people."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie

from waypost.access.keys import SESSION_MS, Key, Keys, Role
from waypost.model.errors import NotAllowed
from waypost.web.door import Visit
from waypost.web.pools import Pool
from waypost.web.problems import Forbidden
from waypost.web.rates import Rates

COOKIE = "waypost_session"

#: For so long a key is believed without asking the records again; a key that was withdrawn works no longer than that.
_BELIEVED_MS = 10_000
_MOST_BELIEVED = 10_000


class Gate:
    """Finds the key behind a request. Wrong keys cost tokens of the client's address, right ones do not."""

    def __init__(self, keys: Keys, pool: Pool, guesses: Rates, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._pool = pool
        self._guesses = guesses
        self._clock = clock
        self._believed: OrderedDict[bytes, tuple[Key, int]] = OrderedDict()

    async def find_key(self, visit: Visit, headers: Mapping[str, str]) -> Key | None:
        """The key in the `Authorization` header, None if there is no such header.

        Raises:
            NotAllowed: the header has no key, or one that nobody knows.
            TooMany: too many wrong keys came from this address.
        """
        header = headers.get("authorization")
        if header is None:
            return None
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAllowed("the Authorization header is not `Bearer` and a key")
        key = await self._find(visit, "key", secret.strip(), self._keys.find)
        if key is None:
            raise NotAllowed("this key is not known here")
        visit.key = key
        return key

    async def get_key(self, visit: Visit, headers: Mapping[str, str], *roles: Role) -> Key:
        """The key of a request that needs one of some roles.

        Raises:
            NotAllowed: there is no key, or one that nobody knows.
            Forbidden: the key has none of the roles.
            TooMany: too many wrong keys came from this address.
        """
        key = await self.find_key(visit, headers)
        if key is None:
            raise NotAllowed("this needs a key")
        if key.role not in roles:
            raise Forbidden(f"a key with the role {key.role.value} may not do this")
        return key

    async def find_session(self, visit: Visit, headers: Mapping[str, str]) -> Key | None:
        """The operator's key behind the cookie of a browser, None without a session that lasts."""
        token = _cookie(headers)
        if token is None:
            return None

        def find(secret: str) -> Key | None:
            return self._keys.find_session(secret, self._clock())

        key = await self._find(visit, "session", token, find)
        if key is None or key.role is not Role.OPERATOR:
            return None
        visit.key = key
        return key

    async def open_session(self, visit: Visit, secret: str) -> str | None:
        """The token of a new session for a browser whose user knows an operator's key; None if the key is no good.

        Raises:
            TooMany: too many wrong keys came from this address.
        """
        now_ms = self._clock()
        self._guesses.take(visit.address, 1, now_ms)
        key = await self._pool.run(self._keys.find, secret)
        if key is None or key.role is not Role.OPERATOR:
            return None
        visit.key = key
        return await self._pool.run(self._keys.open_session, secret, now_ms)

    async def close_session(self, headers: Mapping[str, str]) -> None:
        """Forget the session behind a cookie."""
        token = _cookie(headers)
        if token is not None:
            self._believed.pop(_digest("session", token), None)
            await self._pool.run(self._keys.close_session, token)

    async def _find(self, visit: Visit, kind: str, secret: str, find: Callable[[str], Key | None]) -> Key | None:
        digest, now_ms = _digest(kind, secret), self._clock()
        believed = self._believed.get(digest)
        if believed is not None and 0 <= now_ms - believed[1] < _BELIEVED_MS:
            return believed[0]
        self._guesses.take(visit.address, 1, now_ms)
        key = await self._pool.run(find, secret)
        if key is None:
            self._believed.pop(digest, None)
            return None
        self._guesses.give_back(visit.address, 1)
        self._believed[digest] = (key, now_ms)
        self._believed.move_to_end(digest)
        if len(self._believed) > _MOST_BELIEVED:
            self._believed.popitem(last=False)
        return key


def session_cookie(token: str, *, secure: bool) -> str:
    """The `Set-Cookie` header for a token; an empty one takes the cookie away."""
    lasts_s = SESSION_MS // 1000 if token else 0
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={token}; Path=/operator; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{flags}"


def _cookie(headers: Mapping[str, str]) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value or None if COOKIE in cookies else None


def _digest(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind}:{secret}".encode("utf-8", "surrogatepass")).digest()
