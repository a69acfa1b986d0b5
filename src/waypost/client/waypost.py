"""A Waypost somewhere else, as its merchants, carriers and operators use it."""

import datetime as dt
import os
import ssl
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from waypost.client.calling import Caller
from waypost.client.jobs import Jobs
from waypost.client.manifests import Manifests
from waypost.client.orders import Order, Orders
from waypost.client.parcels import Parcels
from waypost.client.quotes import Prefer, Quotes, ask_quotes
from waypost.client.scans import Scans
from waypost.client.webhooks import Webhooks
from waypost.model.errors import BadInput


class Waypost:
    """A server, asked by one key. It may be used from any thread; close it when done, or use it in a `with`.

    What is safe to repeat is tried again while the server cannot be reached or is too busy, with growing pauses, and
    with those that it asks for. `logging.getLogger("waypost.client")` tells of it; the key stands in nothing printed.

    Args:
        url: of the server; None for `WAYPOST_URL` of the environment.
        key: such as `wp_...`; None for `WAYPOST_KEY` of the environment, or none; "" asks as the public.
        timeout_s: for the server to say anything.
        patience_s: so long after its beginning a call is tried again; 0: never.
        allow_http: send the key without TLS to other machines too.
        tls: what TLS trusts; None for what this machine does.

    Raises:
        BadInput: there is no address, or it or the key cannot be one.
    """

    orders: Orders
    jobs: Jobs
    manifests: Manifests
    parcels: Parcels
    scans: Scans
    webhooks: Webhooks

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        patience_s: float = 60.0,
        allow_http: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        url = url or os.environ.get("WAYPOST_URL", "")
        if not url:
            raise BadInput("no server is named", mend="Name its address, or set WAYPOST_URL.")
        key = os.environ.get("WAYPOST_KEY", "") if key is None else key
        self._caller = Caller(url, key, timeout_s=timeout_s, patience_s=patience_s, allow_http=allow_http, tls=tls)
        self.orders = Orders(self._caller)
        self.jobs = Jobs(self._caller)
        self.manifests = Manifests(self._caller)
        self.parcels = Parcels(self._caller)
        self.scans = Scans(self._caller)
        self.webhooks = Webhooks(self._caller)

    def quote(
        self,
        orders: Iterable[Order | Mapping[str, Any]],
        *,
        prefer: Prefer = "best",
        insured: bool = False,
        at: dt.datetime | None = None,
    ) -> Quotes:
        """What orders would cost with each contracted service, whether they were handed in or not. Nothing is kept.

        Args:
            prefer: what comes first.
            insured: declare what the items are worth.
            at: as of then; None is now.

        Raises:
            Problem, Unreachable: see `waypost.client.problems`.
        """
        return ask_quotes(self._caller, orders, prefer=prefer, insured=insured, at=at)

    def close(self) -> None:
        """Let go of the connections."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Waypost({self._caller.url!r})"
