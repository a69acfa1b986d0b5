"""OpenID Connect: another provider says who somebody is (OpenID Connect Core 1.0, the code flow with PKCE, RFC 7636).

The provider is a company's own. What it says is believed only if it is signed by a key that it publishes, for us, now,
and in answer to what this very browser began.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import jwt
import msgspec

from waypost.access.keys import Role
from waypost.model.errors import SettingsError, WaypostError

#: Keys of the provider's own, each of one kind: no shared secrets, and never none.
ALGORITHMS = ("RS256", "ES256")
_MOST_BYTES = 1 << 20
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
#: What the provider says of itself is asked for again after so long; its keys, if one is unknown, no sooner than this.
_LASTS_S, _KEYS_LAST_S = 3600.0, 10.0


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask, as whom, and what to make of the answer.

    Attributes:
        issuer: where it is, as `https://id.example.org`.
        client_id: what it calls us. `client_secret`, or a file that holds it, what it knows us by.
        name: of the button.
        scopes: what is asked for beside `openid`.
        roles: for words that stand in `role_claim`, our roles; empty: people keep those that they have here.
        carriers_claim: lists the codes of those whom somebody with the role carrier speaks for.
        party_claim: the id of a merchant's party.
        makes_people: somebody who is not known yet is added; otherwise they are refused.
        allow_http: a provider without TLS too: for tests.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    client_secret_file: Path | None = None
    name: str = "OpenID"
    scopes: tuple[str, ...] = ("email", "profile")
    role_claim: str = "roles"
    roles: dict[str, str] = {}
    carriers_claim: str = "carriers"
    party_claim: str = "party"
    makes_people: bool = False
    allow_http: bool = False


class NotBelieved(WaypostError):
    """What a provider says is not believed, or it cannot be asked; `reason` is one word of ours."""

    code = "not_believed"
    status = 401

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of somebody. `subject` names them for ever, among all providers."""

    subject: str
    login: str
    name: str
    roles: tuple[Role, ...] | None
    carriers: tuple[str, ...]
    party: str | None


class OpenId:
    """One provider, asked over HTTP. It may be used by many threads.

    Args:
        address: where people find us; the provider sends them back there.
        ticks: seconds of a clock that nobody sets.

    Raises:
        SettingsError: a setting cannot be used.
    """

    def __init__(self, provider: Provider, address: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self.provider = provider
        self._secret = _read_secret(provider)
        self._roles = _read_roles(provider.roles)
        self._ticks = ticks
        self._check_url(provider.issuer, "issuer")
        if provider.makes_people and not self._roles:
            raise SettingsError("[login.openid] makes_people needs roles", mend="Say which words give which role.")
        if not address:
            raise SettingsError("[login.openid] needs [site] url, to which the provider sends people back")
        self.redirect_uri = f"{address.rstrip('/')}/login/openid/callback"
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False, headers={"accept": "application/json"})
        self._lock = threading.Lock()
        self._about: tuple[dict[str, Any], float] | None = None
        self._keys: tuple[dict[str, jwt.PyJWK], float] | None = None

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def begin(self, token: str) -> str:
        """Where to send a browser that keeps a token which nobody can guess.

        Raises:
            NotBelieved: the provider cannot be asked what it is.
        """
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.provider.scopes))),
            "state": _derive(token, "state"),
            "nonce": _derive(token, "nonce"),
            "code_challenge": _challenge(_derive(token, "verifier")),
            "code_challenge_method": "S256",
        }
        there = self._endpoint("authorization_endpoint")
        return f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}"

    def finish(self, token: str, answer: Mapping[str, str]) -> Claims:
        """Who somebody is with whom a browser came back.

        Args:
            token: what the browser kept.
            answer: the parameters with which it came.

        Raises:
            NotBelieved: it did not begin here, the provider said no, or what it says is not to be believed.
        """
        if not token or not hmac.compare_digest(answer.get("state", "").encode(), _derive(token, "state").encode()):
            raise NotBelieved("state", "this browser did not begin to sign in here, or long ago")
        if answer.get("iss", self.provider.issuer) != self.provider.issuer:  # RFC 9207
            raise NotBelieved("issuer", "the answer is of another provider")
        if "error" in answer or "code" not in answer:
            raise NotBelieved("refused", "the provider signed nobody in")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self.redirect_uri,
            "code_verifier": _derive(token, "verifier"),
        }
        headers = {}
        if self._secret:
            pair = f"{quote(self.provider.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.provider.client_id
        told = self._ask("POST", self._endpoint("token_endpoint"), data=form, headers=headers)
        id_token = told.get("id_token")
        if not isinstance(id_token, str):
            raise NotBelieved("answer", "the provider gave no ID token")
        return self._read(self._verify(id_token, _derive(token, "nonce")))

    def _verify(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 1.0, 3.1.3.7)."""
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in ALGORITHMS:
                raise NotBelieved("algorithm", f"the ID token is signed by {str(header.get('alg'))[:20]!r}")
            key = self._find_key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self.provider.client_id,
                issuer=self.provider.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise NotBelieved("token", f"the ID token is not to be believed: {error}") from None
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", self.provider.client_id) != self.provider.client_id:
            raise NotBelieved("audience", "the ID token was made for another")
        if len(audiences) > 1 and "azp" not in claims:
            raise NotBelieved("audience", "the ID token was made for several, and does not say for which")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotBelieved("nonce", "the ID token answers another question")
        return claims

    def _read(self, claims: Mapping[str, Any]) -> Claims:
        """What we make of claims."""
        subject = claims["sub"]
        email = claims.get("email") if claims.get("email_verified", True) is True else None
        login = next(filter(None, (email, claims.get("preferred_username"), subject)))
        given = _words(claims.get(self.provider.role_claim))
        roles = tuple(dict.fromkeys(role for word, role in self._roles.items() if word in given))
        party = claims.get(self.provider.party_claim)
        return Claims(
            subject=subject_of(self.provider.issuer, subject),
            login=str(login),
            name=str(claims.get("name") or login),
            roles=roles if self._roles else None,
            carriers=tuple(_words(claims.get(self.provider.carriers_claim))),
            party=party if isinstance(party, str) else None,
        )

    def _find_key(self, kid: str) -> jwt.PyJWK:
        """A key of the provider's; one that is not known yet may have come since they were asked for."""
        with self._lock:
            found, asked_s = self._keys or ({}, 0.0)
            aged = self._keys is None or self._ticks() - asked_s > _LASTS_S
            if aged or (kid not in found and self._ticks() - asked_s > _KEYS_LAST_S):
                told = self._ask("GET", self._endpoint("jwks_uri"))
                found = _read_keys(told)
                self._keys = found, self._ticks()
        if kid in found:
            return found[kid]
        if not kid and len(found) == 1:  # one key needs no name
            return next(iter(found.values()))
        raise NotBelieved("key", "the ID token is signed by a key that the provider does not publish")

    def _endpoint(self, name: str) -> str:
        about = self._about
        if about is None or self._ticks() - about[1] > _LASTS_S:
            told = self._ask("GET", f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
            if told.get("issuer") != self.provider.issuer:
                raise NotBelieved("issuer", "the provider calls itself otherwise")
            about = self._about = told, self._ticks()
        there = about[0].get(name)
        if not isinstance(there, str):
            raise NotBelieved("answer", f"the provider has no {name}")
        self._check_url(there, name)
        return there

    def _check_url(self, url: str, what: str) -> None:
        parts = urlsplit(url)
        schemes = ("https", "http") if self.provider.allow_http else ("https",)
        if parts.scheme not in schemes or not parts.netloc or parts.fragment:
            raise SettingsError(f"[login.openid] {what}: {url[:100]!r} is no https address")

    def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            with self._client.stream(method, url, **more) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise NotBelieved("answer", "the provider answers too much")
                told = json.loads(body) if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError) as error:
            raise NotBelieved("unreachable", f"the provider cannot be asked: {type(error).__name__}") from None
        if not isinstance(told, dict):
            raise NotBelieved("answer", f"the provider answers {answer.status_code}")
        return told


def subject_of(issuer: str, subject: str) -> str:
    """Somebody's name among all providers: an issuer gives each of its own but once."""
    return f"{issuer}\n{subject}"


def _read_secret(provider: Provider) -> str:
    if provider.client_secret_file is None:
        return provider.client_secret
    where = "[login.openid] client_secret_file"
    if provider.client_secret:
        raise SettingsError(f"{where}: client_secret stands there too", mend="One of them is enough.")
    try:
        secret = provider.client_secret_file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{where}: {provider.client_secret_file} cannot be read: {error}") from None
    if not secret:
        raise SettingsError(f"{where}: {provider.client_secret_file} is empty")
    return secret


def _read_roles(told: Mapping[str, str]) -> dict[str, Role]:
    try:
        return {word: Role(role) for word, role in told.items()}
    except ValueError as error:
        raise SettingsError(f"[login.openid] roles: {error}", mend=f"Roles: {', '.join(Role)}.") from None


def _read_keys(told: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """The keys of a set by their names; those of kinds that we do not take are left out (RFC 7517, 5)."""
    found = {}
    for each in told.get("keys") or []:
        try:
            if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC"):
                key = jwt.PyJWK(each)
                if key.algorithm_name in ALGORITHMS:
                    found[str(each.get("kid", ""))] = key
        except jwt.PyJWTError:
            continue
    return found


def _words(value: object) -> Sequence[str]:
    """A claim that is a list of words, or one."""
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _derive(token: str, purpose: str) -> str:
    """From one token that the browser keeps, all that has to be unguessable: none of them tells another."""
    return hmac.new(token.encode(), f"waypost openid {purpose}".encode(), hashlib.sha256).hexdigest()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
