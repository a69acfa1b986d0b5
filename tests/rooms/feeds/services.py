"""A service on this machine that answers over HTTP whatever a test says, and keeps what it was asked."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

#: A question (method, path, query, body) to status and body.
Answers = Callable[[str, str, dict[str, str], bytes], tuple[int, bytes]]


class Service:
    def __init__(self, answers: Answers) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                question = (self.command, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), body)
                service.asked.append(question)
                status, told = answers(*question)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = _answer

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def serve(answers: Answers) -> Iterator[Service]:
    service = Service(answers)
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()
