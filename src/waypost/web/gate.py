"""Who may come in: keys in the `Authorization` header for programs, sessions in a cookie for people."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

from waypost.access.keys import SESSION_MS, Key, Keys, Role, Scope
from waypost.access.sessions import Session, Sessions
from waypost.model.errors import NotAllowed
from waypost.web.door import Call
from waypost.web.pools import Pool
from waypost.web.problems import Forbidden, ForeignForm
from waypost.web.rates import Rates

#: Of a browser that was opened with a key, and of one that a person opened with a password.
COOKIE, PERSON_COOKIE = "waypost_session", "waypost_person"
#: What scripts of our pages send with each question. Another site's cannot: browsers ask first, and are told no.
PAGE_HEADER = "x-waypost-page"
#: What it says on pages for merchants: whoever has other roles too is asked there as a merchant.
_MERCHANTS_PAGE = "merchant"
#: What keys of the scope `orders` are good for, beside what is public; and what asks without changing anything.
_ORDERS = (
    *("/v1/orders", "/v1/jobs", "/v1/manifests", "/v1/quotes", "/v1/promises", "/v1/pickups", "/v1/proofs"),
    *("/v1/parcels", "/v1/statuses"),
)
_WHOSE = {Role.OPERATOR: "an operator's", Role.CARRIER: "a carrier's", Role.MERCHANT: "a merchant's"}
_QUESTIONS = frozenset({("POST", "/v1/quotes"), ("POST", "/v1/promises"), ("POST", "/v1/paths")})

#: For so long a key is believed without asking the records again; a key that was withdrawn works no longer than that.
_BELIEVED_MS = 10_000
_MOST_BELIEVED = 10_000


class NarrowKey(Exception):
    """A key that opens no page, since pages do all that its role may and it reaches only so far (`scope`)."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope.value)
        self.scope = scope


class Gate:
    """Finds the key behind a request.

    Every key is looked up, and a right one works whatever wrong ones came from its address before. A wrong one costs a
    token of the address, and without tokens it is `TooMany`. A guesser may see the difference: secrets are random and
    far too long to be found by trying, so tokens are there to slow down programs that go on with a wrong key. How many
    keys are looked up at one time is for the pool to bound.

    Args:
        guesses: the tokens of addresses.
        clock: now, in UTC milliseconds.
        ticks: milliseconds of a clock that nobody sets.
    """

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions,
        pool: Pool,
        guesses: Rates,
        clock: Callable[[], int],
        ticks: Callable[[], int],
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._pool = pool
        self._guesses = guesses
        self._clock = clock
        self._ticks = ticks
        self._believed: OrderedDict[bytes, tuple[Key, int]] = OrderedDict()

    async def find_key(self, call: Call, headers: Mapping[str, str]) -> Key | None:
        """The key in the `Authorization` header; without one what an operator's session may, if a page of ours asks.

        Raises:
            NotAllowed: the header has no key, or one that nobody knows.
            Forbidden: what is asked lies beyond the scope of the key.
            TooMany: too many wrong keys came from this address.
        """
        header = headers.get("authorization")
        if header is None:
            return await self._find_asking(call, headers, Role.OPERATOR)
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAllowed("the Authorization header is not `Bearer` and a key")
        key = await self._find("key", secret.strip(), lambda given: self._keys.find(given, self._clock()))
        if key is None:
            self._guesses.take(call.address)
            raise NotAllowed("this key is not known here")
        call.key = key
        if not _reaches(key.scope, call.method, call.path):
            mend = f"Use one with the scope {Scope.FULL.value}."
            raise Forbidden(f"a key with the scope {key.scope.value} may not do this", mend=mend)
        return key

    async def get_key(self, call: Call, headers: Mapping[str, str], *roles: Role) -> Key:
        """The key of a request that needs one of some roles, or what a session may do in one of them.

        Raises:
            NotAllowed: there is no key, or one that nobody knows.
            Forbidden: the key has none of the roles, or not the scope.
            TooMany: too many wrong keys came from this address.
        """
        if "authorization" in headers:
            key = await self.find_key(call, headers)
        else:
            others = [role for role in Role if role not in roles]
            key = await self._find_asking(call, headers, *roles, *others)
        if key is None:
            raise NotAllowed("this needs a key")
        if key.role not in roles:
            mend = f"Use {' or '.join(_WHOSE[role] for role in roles)} key."
            raise Forbidden(f"a key with the role {key.role.value} may not do this", mend=mend)
        return key

    async def _find_asking(self, call: Call, headers: Mapping[str, str], *roles: Role) -> Key | None:
        """What the session of a browser may do in the first of some roles that it has, if a page of ours asks.

        A page for merchants asks as one, and as nobody else. Whatever another site makes a browser ask is answered as
        if nobody had signed in.
        """
        if not is_from_our_page(headers):
            return None
        for role in [Role.MERCHANT] if headers.get(PAGE_HEADER) == _MERCHANTS_PAGE else roles:
            key = await self.find_session(call, headers, role)
            if key is not None:
                return key
        return None

    async def find_session(self, call: Call, headers: Mapping[str, str], role: Role = Role.OPERATOR) -> Key | None:
        """What the person or the key behind a browser may do in a role, None without a session that lasts.

        Raises:
            ForeignForm: the browser sends a form that stands on another site.
        """
        person = await self.find_person(call, headers)
        if person is not None and (key := person.person.in_role(role)) is not None:
            call.key = key
            return key
        token = cookie_in(headers, COOKIE)
        if token is None:
            return None

        def find(secret: str) -> Key | None:
            return self._keys.find_session(secret, self._clock())

        key = await self._find("session", token, find)
        if key is None or key.role is not role:
            return None
        if call.method != "GET":
            check_origin(headers)
        call.key = key
        return key

    async def find_person(self, call: Call, headers: Mapping[str, str]) -> Session | None:
        """The session of the person behind a browser, None without one that lasts.

        It is asked for each time, so that one that was ended opens nothing from that moment on.

        Raises:
            ForeignForm: the browser sends a form that stands on another site.
        """
        token = cookie_in(headers, PERSON_COOKIE)
        session = None if token is None else await self._pool.run(self._sessions.find, token, self._clock())
        if session is not None and call.method != "GET":
            check_origin(headers)
        return session

    async def open_session(self, call: Call, secret: str, role: Role = Role.OPERATOR) -> str | None:
        """The token of a new session for a browser whose user knows a key with that role; None if it is no good.

        Raises:
            NarrowKey: it has that role, and is good for programs alone.
            TooMany: too many wrong keys came from this address.
        """
        opened = await self._pool.run(self._keys.open_session, secret, self._clock(), role)
        if opened is None:
            self._guesses.take(call.address)
            return None
        key, token = opened
        if token is not None:
            call.key = key
        elif key.role is role:
            raise NarrowKey(key.scope)
        return token

    def count_wrong(self, call: Call) -> None:
        """Count something that only a guesser or a broken program sends, as a wrong key is.

        Raises:
            TooMany: too many came from this address.
        """
        self._guesses.take(call.address)

    async def close_session(self, headers: Mapping[str, str]) -> None:
        """Forget the sessions behind cookies."""
        token = cookie_in(headers, COOKIE)
        if token is not None:
            self._believed.pop(_digest("session", token), None)
            await self._pool.run(self._keys.close_session, token)
        token = cookie_in(headers, PERSON_COOKIE)
        if token is not None:
            await self._pool.run(self._sessions.close, token, self._clock())

    async def _find(self, kind: str, secret: str, find: Callable[[str], Key | None]) -> Key | None:
        digest, now_ms = _digest(kind, secret), self._ticks()
        believed = self._believed.get(digest)
        if believed is not None and now_ms - believed[1] < _BELIEVED_MS:
            return believed[0]
        key = await self._pool.run(find, secret)
        if key is None:
            self._believed.pop(digest, None)
            return None
        self._believed[digest] = (key, now_ms)
        self._believed.move_to_end(digest)
        if len(self._believed) > _MOST_BELIEVED:
            self._believed.popitem(last=False)
        return key


def session_cookie(token: str, *, secure: bool, path: str) -> str:
    """The `Set-Cookie` header for a token, sent to the pages below `path`; an empty one takes the cookie away."""
    lasts_s = SESSION_MS // 1000 if token else 0
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={token}; Path={path}; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{flags}"


def person_cookie(token: str, lasts_ms: int, *, secure: bool) -> str:
    """The same for a person. It is sent to all pages, and with links from elsewhere, such as one in a mail."""
    flags = "; Secure" if secure else ""
    lasts_s = lasts_ms // 1000 if token else 0
    return f"{PERSON_COOKIE}={token}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{flags}"


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse forms that another site sends; SameSite keeps the cookie from them as well.

    Raises:
        ForeignForm: the form stands on another site.
    """
    if _has_strange_origin(headers) or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForeignForm("this form was sent from another site")


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether a page of this host asks, as far as browsers tell.

    They say so themselves where the address is safe; elsewhere our scripts do, by a header of their own.
    """
    if _has_strange_origin(headers):
        return False
    site = headers.get("sec-fetch-site")
    return PAGE_HEADER in headers if site is None else site == "same-origin"


def _has_strange_origin(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _reaches(scope: Scope, method: str, path: str) -> bool:
    if scope is Scope.READ:
        return method == "GET" or (method, path) in _QUESTIONS
    return scope is Scope.FULL or any(path == each or path.startswith(f"{each}/") for each in _ORDERS)


def cookie_in(headers: Mapping[str, str], ours: str) -> str | None:
    """The value of a cookie of ours. Others on the same host may look like anything, so none of them is read."""
    for cookie in headers.get("cookie", "").split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == ours:
            return value.strip() or None
    return None


def _digest(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind}:{secret}".encode("utf-8", "surrogatepass")).digest()
