"""Be told what becomes of parcels, on this machine, until Ctrl-C: with nothing but the standard library and the client.

WAYPOST_URL=http://127.0.0.1:8400 WAYPOST_KEY=wp_... python examples/take_webhooks.py 8500

The operator has to allow addresses of this machine (`[webhooks] allow_http, allow_private`); else it is https only.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from waypost.client import Untrue, Waypost, verify


class Taking(BaseHTTPRequestHandler):
    """Believes what is signed, once for each `webhook-id`."""

    secret = ""
    taken: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        """Take one message; any answer but 2xx has it sent again."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            news = verify(body, dict(self.headers), self.secret)
        except Untrue as error:
            self.send_error(401, str(error))
            return
        if news.data is not None and news.id not in self.taken:  # after a time-out the same comes again
            print(news.data.order.reference, news.data.waybill.number, news.data.status, flush=True)
        self.taken.add(news.id)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not here."""


def main() -> None:
    """Subscribe, take, and go."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Taking)
    with Waypost() as waypost:
        made = waypost.webhooks.add(f"http://127.0.0.1:{server.server_address[1]}/waypost")
        Taking.secret = made.secret
        print(f"told at {made.webhook.url}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            waypost.webhooks.remove(made.webhook.id)


if __name__ == "__main__":
    main()
