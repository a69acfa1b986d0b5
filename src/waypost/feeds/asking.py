"""Services of the world, asked over HTTP: with an end to time and answer, and words for whatever is wrong."""

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msgspec

from waypost.model.errors import BadInput, Unreachable

_MOST_BYTES = 64 << 20
_SECONDS = 20.0


class Reply(msgspec.Struct, frozen=True):
    """What was answered."""

    status: int
    body: bytes


class Asker:
    """Asks one service. Redirects are not followed, and proxies of the environment not used.

    Args:
        name: of the service, for people.
        url: where it is; what is asked for is put behind it.
        timeout_s: for one question, all of it.

    Raises:
        BadInput: that is no address.
    """

    def __init__(self, name: str, url: str, timeout_s: float = _SECONDS) -> None:
        self.name, self._url, self._timeout_s = name, check_address(url, name).rstrip("/"), timeout_s

    def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """Ask for something; the answer, whatever its status but one that says that it cannot now.

        Raises:
            Unreachable: there was no answer in time, or none with an end.
        """
        return self._ask("GET", path, query, None)

    def post(self, path: str, body: bytes) -> Reply:
        """As `get`, with a question in JSON."""
        return self._ask("POST", path, {}, body)

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Reply:
        ends_s = time.monotonic() + self._timeout_s
        headers = {"user-agent": "waypost", "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            with (
                httpx.Client(timeout=self._timeout_s, trust_env=False) as client,
                client.stream(
                    method, self._url + path, params=dict(query) or None, headers=headers, content=body
                ) as answer,
            ):
                found = bytearray()
                for piece in answer.iter_bytes():
                    found += piece
                    if len(found) > _MOST_BYTES:
                        raise self._fail(f"its answer has more than {_MOST_BYTES >> 20} MiB")
                    if time.monotonic() > ends_s:
                        raise self._fail(f"its answer took more than {self._timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._fail(f"no answer ({type(error).__name__})") from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise self._fail(f"it answers {answer.status_code}")
        return Reply(answer.status_code, bytes(found))

    def _fail(self, why: str) -> Unreachable:
        return Unreachable(f"{self.name}: {why}.", mend="See that its address is right and that it runs, or try later.")


def check_address(url: str, name: str) -> str:
    """The same address, if it is one of a service.

    Raises:
        BadInput: it is not.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        good = good and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise BadInput(f"{url[:80]!r} is no address of a service.", where=name, mend="Write it as https://host/path.")
    return url
