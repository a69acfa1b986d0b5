"""What the tests of fakes share: a clock that is set, somebody who is pushed to, and a value with one part changed."""

import copy
import datetime as dt
import http.server
import threading
from typing import Any

NOW = int(dt.datetime(2026, 11, 20, 18, 0, tzinfo=dt.UTC).timestamp() * 1000)


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW

    def __call__(self) -> int:
        return self.now_ms


class Listener:
    """Keeps what is pushed to it, and thanks for it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.thanks = b""
        heard, listener = self.heard, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", str(len(listener.thanks)))
                self.end_headers()
                self.wfile.write(listener.thanks)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/push"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def changed(value: Any, path: str, to: Any) -> Any:
    """A copy with one part of it replaced; `...` takes it out."""
    copied = copy.deepcopy(value)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = copied
    for step in steps:
        place = place[step]
    if to is ...:
        del place[last]
    else:
        place[last] = to
    return copied
