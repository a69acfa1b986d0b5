"""Sends letters by SMTP: one after another over one connection, with certificates verified, each within a time.

What a server answers is told by its codes alone: what it writes besides may name the address.
"""

import contextlib
import datetime as dt
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Literal

from waypost.care.posting import Fate, Letter, Posted
from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded
from waypost.web.letters import Letterhead, parse_sender, write_mail

#: RFC 3463: what a server says in figures behind its code.
_ENHANCED = re.compile(rb"^([245]\.\d{1,3}\.\d{1,3})\b")
#: Behind these an address takes nothing, ever: there is no such mailbox, or domain, or it was moved or closed.
_NOBODY = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_NOBODY_WITHOUT = frozenset({550, 551, 553})
_CLOSES = 421
#: A connection that nothing went over for so long is not trusted any more.
_IDLE_S = 20.0

Tls = Literal["starttls", "tls", "none"]


class Relay(Guarded, frozen=True, kw_only=True):
    """The mail server that takes our mail.

    Attributes:
        ca_file: certificates to believe instead of the system's.
        user: "" where it asks for none.
        timeout_s: for one letter, with all that comes before it.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("host", "port", "tls", "timeout_s")

    host: str
    port: int
    tls: Tls
    timeout_s: float
    user: str = ""
    password: str = ""
    ca_file: Path | None = None


class SmtpPostman:
    """Answers `care.posting.Postman`; one thread.

    Args:
        clock: now, in UTC milliseconds.
    """

    def __init__(self, relay: Relay, head: Letterhead, clock: Callable[[], int]) -> None:
        self._relay = relay
        self._head = head
        self._clock = clock
        self._sender = parse_sender(head.sender)[1]
        self._context = None if relay.tls == "none" else ssl.create_default_context(cafile=relay.ca_file)
        self._line: smtplib.SMTP | None = None
        self._used_s = 0.0

    def post(self, letter: Letter) -> Posted:
        """See `care.posting.Postman`."""
        try:
            now = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC)
            data = write_mail(letter, self._head, now).as_bytes()
        except BadInput as error:
            return Posted(status=None, why=error.message, fate=Fate.NEVER)
        begun_s = time.monotonic()
        with self._in_time():
            posted = self._hand_over(letter.to, data)
        is_late = time.monotonic() - begun_s >= self._relay.timeout_s
        if posted.fate in (Fate.LATER, Fate.HELD) and posted.status is None and is_late:
            posted = Posted(status=None, why=f"no answer within {self._relay.timeout_s:g} s", fate=posted.fate)
        self._used_s = time.monotonic()
        return Posted(status=posted.status, why=posted.why, fate=posted.fate, seconds=self._used_s - begun_s)

    def rest(self) -> None:
        """See `care.posting.Postman`."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                if line.sock is not None:
                    line.sock.settimeout(1.0)
                line.quit()
            line.close()

    def _hand_over(self, to: str, data: bytes) -> Posted:
        step = "when it was called"
        try:
            line = self._connect()
            step = "when told who writes"
            code, text = line.mail(self._sender)
            if code != 250:
                return self._refused(code, text, step, Fate.HELD)
            step = "when told the address"
            code, text = line.rcpt(to)
            if code not in (250, 251):
                return self._refused(code, text, step, Fate.NOBODY if _is_nobody(code, text) else Fate.NEVER)
            step = "when given the mail"
            code, text = line.data(data)
            return Posted(status=code, fate=Fate.TAKEN) if code == 250 else self._refused(code, text, step, Fate.NEVER)
        except smtplib.SMTPDataError as error:
            text = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
            return self._refused(error.smtp_code, text, step, Fate.NEVER)
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            why = f"the mail server does not take user and password ({error.smtp_code})"
            return Posted(status=error.smtp_code, why=why, fate=Fate.HELD)
        except smtplib.SMTPNotSupportedError as error:
            self._drop()
            what = "STARTTLS" if "STARTTLS" in str(error) else "user and password"
            return Posted(status=None, why=f"the mail server knows no {what}", fate=Fate.HELD)
        except ssl.SSLCertVerificationError as error:
            self._drop()
            why = f"the mail server's certificate is not good: {error.verify_message}"
            return Posted(status=None, why=why, fate=Fate.HELD)
        except (smtplib.SMTPException, OSError, UnicodeError) as error:  # of a name that is none, too
            self._drop()
            fate = Fate.LATER if step in ("when told the address", "when given the mail") else Fate.HELD
            answered: int | None = getattr(error, "smtp_code", None)
            answer = f"answered {answered}" if answered else f"gave no answer ({type(error).__name__})"
            return Posted(status=answered, why=f"the mail server {answer} {step}", fate=fate)

    def _connect(self) -> smtplib.SMTP:
        relay = self._relay
        if self._line is not None and time.monotonic() - self._used_s < _IDLE_S:
            try:
                if self._line.rset()[0] == 250:
                    return self._line
            except (smtplib.SMTPException, OSError):
                pass
        self._drop()
        if relay.tls == "tls":
            assert self._context is not None
            line: smtplib.SMTP = smtplib.SMTP_SSL(timeout=relay.timeout_s, context=self._context)
        else:
            line = smtplib.SMTP(timeout=relay.timeout_s)
        self._line = line
        line._host = relay.host  # type: ignore[attr-defined]  # the name that the certificate has to have
        code, text = line.connect(relay.host, relay.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        line.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            code, text = line.starttls(context=self._context)
            if code != 220:
                raise smtplib.SMTPResponseException(code, text)
            line.ehlo()
        if relay.user:
            line.login(relay.user, relay.password)
        return line

    def _refused(self, code: int, text: bytes, step: str, for_good: Fate) -> Posted:
        """What came of a refusal: one that begins with 5 is for good, unless nobody's mail is taken."""
        found = _ENHANCED.match(text)
        why = f"refused with {code}{' ' + found[1].decode() if found else ''} {step}"
        if code < 0:  # the line broke off
            code, why = 0, f"the mail server hung up {step}"
        fate = for_good if for_good is Fate.HELD or 500 <= code < 600 else Fate.LATER
        if code == _CLOSES or not code:
            self._drop()
        return Posted(status=code or None, why=why, fate=fate)

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        """Break the line off when the time is over: a server that drips keeps no socket waiting for long."""

        def cut() -> None:
            sock = getattr(self._line, "sock", None)
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._relay.timeout_s, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _is_nobody(code: int, text: bytes) -> bool:
    found = _ENHANCED.match(text)
    return found[1].decode() in _NOBODY if found else code in _NOBODY_WITHOUT
