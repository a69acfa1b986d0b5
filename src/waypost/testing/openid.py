"""A strict fake of an OpenID Connect provider, over HTTP on loopback. Nothing in it is real.

It holds those who ask to the standard: what is wrong is refused, and noted in `wrongs`. With a `trap` it does one thing
that nobody may believe.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Trap(StrEnum):
    """What it does wrong."""

    NONCE = "nonce"  #: the ID token answers another question
    NO_NONCE = "no nonce"
    AUDIENCE = "audience"  #: it was made for another client
    AUDIENCES = "audiences"  #: for several, without saying for which
    PARTY = "authorized party"  #: for several, and for another of them
    EXPIRED = "expired"
    EARLY = "early"  #: it begins to hold tomorrow
    NO_END = "no end"
    ISSUER = "issuer"  #: it is signed in another's name
    NONE = "none"  #: it is not signed
    SHARED = "shared"  #: it is signed by HS256, with the public key as the secret
    STRANGER = "stranger"  #: it is signed by a key that is not published, under the name of one that is
    UNKNOWN_KEY = "unknown key"
    CHANGED = "changed"  #: it was changed after it was signed
    OTHER_NAME = "other name"  #: the provider calls itself otherwise
    MIX_UP = "mix-up"  #: the browser comes back in another provider's name
    TOO_MUCH = "too much"
    NO_JSON = "no json"
    NO_TOKEN = "no token"
    NO_SUBJECT = "no subject"


class _Code(msgspec.Struct, frozen=True):
    redirect_uri: str
    nonce: str
    challenge: str


class FakeOpenId:
    """A provider with one client. `claims` are of the one who signs in, at once and without being asked."""

    client_id, client_secret = "way post", "s3cret:+%"

    def __init__(self, redirect_uri: str, *, algorithm: str = "RS256") -> None:
        self.redirect_uri = redirect_uri
        self.algorithm = algorithm
        self.claims: dict[str, Any] = {"sub": "42", "email": "ann@example.org", "name": "Ann Li"}
        self.trap: Trap | None = None
        self.wrongs: list[str] = []
        self.asked: list[str] = []
        self._codes: dict[str, _Code] = {}
        self.rotate()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def rotate(self) -> None:
        """Sign by another key from now on, and publish that alone."""
        self._kid, self._key = secrets.token_hex(4), self._new_key()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> "FakeOpenId":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_key(self) -> Any:
        if self.algorithm == "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                fake.asked.append(parts.path)
                if parts.path == "/.well-known/openid-configuration":
                    self._say(fake._describe())
                elif parts.path == "/keys":
                    self._say(fake._publish())
                elif parts.path == "/authorize":
                    self.send_response(302)
                    self.send_header("location", fake._authorize(query))
                    self.send_header("content-length", "0")
                    self.end_headers()
                else:
                    self._say({"error": "not_found"}, 404)

            def do_POST(self) -> None:
                fake.asked.append(self.path)
                body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                status, told = fake._exchange(form, self.headers.get("authorization", ""))
                self._say(told, status)

            def _say(self, told: dict[str, Any], status: int = 200) -> None:
                body = json.dumps(told).encode()
                if fake.trap is Trap.NO_JSON:
                    body = b"<html>"
                elif fake.trap is Trap.TOO_MUCH:
                    body = json.dumps(told | {"x": "x" * (2 << 20)}).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _describe(self) -> dict[str, Any]:
        name = "https://id.example" if self.trap is Trap.OTHER_NAME else self.issuer
        ends = {"authorization": "authorize", "token": "token"}
        return {
            "issuer": name,
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": [self.algorithm],
            "code_challenge_methods_supported": ["S256"],
            **{f"{end}_endpoint": f"{self.issuer}/{path}" for end, path in ends.items()},
        }

    def _publish(self) -> dict[str, Any]:
        kind: Any = jwt.algorithms.ECAlgorithm if self.algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
        public = kind.to_jwk(self._key.public_key(), as_dict=True)
        strange = {"kty": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "kid": "shared"}
        return {"keys": [strange, public | {"kid": self._kid, "use": "sig", "alg": self.algorithm}]}

    def _authorize(self, query: dict[str, str]) -> str:
        """Where it sends the browser; only ever to where the client said beforehand."""
        needed = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge_method": "S256",
        }
        wrong = [name for name, value in needed.items() if query.get(name) != value]
        wrong += [name for name in ("state", "nonce", "code_challenge") if len(query.get(name, "")) < 32]
        wrong += [] if "openid" in query.get("scope", "").split() else ["scope"]
        if wrong:
            self.wrongs += wrong
            return f"{self.redirect_uri}?{urlencode({'error': 'invalid_request', 'state': query.get('state', '')})}"
        code = secrets.token_urlsafe(16)
        self._codes[code] = _Code(query["redirect_uri"], query["nonce"], query["code_challenge"])
        name = "https://id.example" if self.trap is Trap.MIX_UP else self.issuer
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': query['state'], 'iss': name})}"

    def _exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code for an ID token; each code once."""
        code = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not self._is_client(authorization):
            self.wrongs.append("client")
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "authorization_code" or code is None or not 43 <= len(verifier) <= 128:
            self.wrongs.append("grant")
            return 400, {"error": "invalid_grant"}
        if code.redirect_uri != form.get("redirect_uri") or code.challenge != challenge:
            self.wrongs.append("verifier")
            return 400, {"error": "invalid_grant"}
        if self.trap is Trap.NO_TOKEN:
            return 200, {"access_token": "x", "token_type": "Bearer"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self._sign(code.nonce)}

    def _is_client(self, authorization: str) -> bool:
        """RFC 6749, 2.3.1: both are encoded as in a form before they are joined."""
        scheme, _, told = authorization.partition(" ")
        name, _, secret = base64.b64decode(told).decode().partition(":")
        return scheme == "Basic" and (unquote(name), unquote(secret)) == (self.client_id, self.client_secret)

    def _sign(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": nonce} | self.claims
        day, other = 86_400, "another"
        changed: dict[Trap, dict[str, Any]] = {
            Trap.NONCE: {"nonce": "0" * 64},
            Trap.AUDIENCE: {"aud": other},
            Trap.AUDIENCES: {"aud": [self.client_id, other]},
            Trap.PARTY: {"aud": [self.client_id, other], "azp": other},
            Trap.EXPIRED: {"iat": now - day, "exp": now - 3600},
            Trap.EARLY: {"nbf": now + day, "exp": now + 2 * day},
            Trap.ISSUER: {"iss": "https://id.example"},
        }
        claims |= changed.get(self.trap or Trap.NO_JSON, {})
        left_out = {Trap.NO_NONCE: "nonce", Trap.NO_END: "exp", Trap.NO_SUBJECT: "sub"}.get(self.trap or Trap.NO_JSON)
        claims.pop(left_out or "", None)
        headers = {"kid": secrets.token_hex(4) if self.trap is Trap.UNKNOWN_KEY else self._kid}
        if self.trap is Trap.NONE:
            return jwt.encode(claims, None, algorithm="none", headers=headers)  # type: ignore[arg-type]
        if self.trap is Trap.SHARED:
            return _sign_shared(claims, headers, self._key.public_key())
        key = self._new_key() if self.trap is Trap.STRANGER else self._key
        signed = jwt.encode(claims, key, algorithm=self.algorithm, headers=headers)
        if self.trap is Trap.CHANGED:
            head, _, signature = signed.split(".")
            return f"{head}.{_packed(claims | {'sub': 'another'})}.{signature}"
        return signed


def _sign_shared(claims: dict[str, Any], headers: dict[str, str], public: Any) -> str:
    """As a library signs that takes any key for a shared secret; ours refuses to, so it is done by hand."""
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{_packed({'alg': 'HS256', 'typ': 'JWT'} | headers)}.{_packed(claims)}"
    told = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(told).rstrip(b'=').decode()}"


def _packed(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
