"""A mail server on loopback: a real one, that behaves, or not."""

import asyncio
import datetime as dt
import email
import email.policy
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "waypost", "correct horse"
OK = "250 2.0.0 taken"
#: What a server does at a step: answers, or `HANG_UP`, or waits for ever.
HANG_UP, WAIT = "hang up", "wait"


class MailServer:
    """Keeps what it takes. `at_rcpt` and `at_data` are told the address, and say what is answered."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, from_the_start: bool = False, asks_user: bool = False):
        self.at_rcpt: Callable[[str], str] = lambda to: "250 2.1.5 fine"
        self.at_data: Callable[[str], str] = lambda to: OK
        self.raw: list[bytes] = []
        self.to: list[str] = []
        self.lines = 0
        self._more = threading.Condition()
        kept = self

        class Handler:
            async def handle_EHLO(
                self, server: SMTP, session: Any, envelope: Envelope, hostname: str, responses: list[str]
            ) -> list[str]:
                kept.lines += 1
                session.host_name = hostname
                return responses

            async def handle_RCPT(
                self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
            ) -> str:
                answer = await _act(server, kept.at_rcpt(address))
                if answer.startswith("2"):
                    envelope.rcpt_tos.append(address)
                return answer

            async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
                [to] = envelope.rcpt_tos
                answer = kept.at_data(to)
                if answer in (OK, HANG_UP):
                    assert isinstance(envelope.original_content, bytes)
                    kept.keep(to, envelope.original_content)
                return await _act(server, answer)

        def check(server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
            assert isinstance(data, LoginPassword)
            return AuthResult(success=data == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)

        more: dict[str, Any] = {}
        if asks_user:
            more = {"auth_required": True, "authenticator": check, "auth_require_tls": tls is not None}
        if tls is not None and not from_the_start:
            more |= {"tls_context": tls, "require_starttls": True}
        if from_the_start:
            more |= {"ssl_context": tls}
        self._controller = Controller(Handler(), hostname="127.0.0.1", port=0, **more)
        self._controller.port = _free_port()
        self._controller.start()
        self.port: int = self._controller.port

    @property
    def mails(self) -> list[EmailMessage]:
        with self._more:
            return [email.message_from_bytes(each, policy=email.policy.default) for each in self.raw]

    def keep(self, to: str, raw: bytes) -> None:
        with self._more:
            self.to.append(to)
            self.raw.append(raw)
            self._more.notify_all()

    def wait_for(self, count: int, seconds: float = 30) -> list[EmailMessage]:
        """What it took, once that is so many."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.raw) >= count, seconds), len(self.raw)
        return self.mails

    def close(self) -> None:
        self._controller.stop()


async def _act(server: SMTP, answer: str) -> str:
    if answer == WAIT:
        await asyncio.sleep(3600)
    if answer == HANG_UP or answer.startswith("421"):
        if answer != HANG_UP:
            await server.push(answer)
        assert server.transport is not None
        server.transport.close()
        await asyncio.sleep(3600)  # nothing more is said
    return answer


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def open_mail_server(tls: ssl.SSLContext | None = None, **more: bool) -> Iterator[MailServer]:
    server = MailServer(tls, **more)
    yield server
    server.close()


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """A certificate that vouches for itself: its file, and what a server needs of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail test")])
    alternative = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "mail.pem", folder / "mail.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return file, context
