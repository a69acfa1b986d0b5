"""Addresses of e-mail: those that a mail can go to anywhere, and how they are shown to who need not know them.

RFC 5321 and 5322 without what few servers take: no quoted local part, no comment, no address literal, and before the
`@` ASCII alone, for the rest needs SMTPUTF8 all the way. A domain may be written in any script; it goes out by IDNA.
"""

import re

from waypost.model.errors import BadInput

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MOST_LOCAL, _MOST = 64, 254


def parse_mailbox(text: str) -> str:
    """An address as it goes over the wire.

    Raises:
        BadInput: nothing can be sent there; never says what was written.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        raise BadInput("is no e-mail address: there is no @ in it")
    if not _LOCAL.fullmatch(local) or len(local) > _MOST_LOCAL:
        raise BadInput("is no e-mail address that mail is sent to: before the @ stand letters, digits or . _ + - alone")
    try:
        plain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadInput("is no e-mail address: what stands behind the @ is no name of a domain") from None
    labels = plain.split(".")
    if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise BadInput("is no e-mail address: what stands behind the @ is no name of a domain")
    found = f"{local}@{plain.lower()}"
    if len(found) > _MOST:
        raise BadInput("is no e-mail address: it is too long")
    return found


def mask_mailbox(text: str) -> str:
    """What is shown of an address: the first character, and the end of the domain."""
    local, _, domain = text.rpartition("@")
    return f"{local[:1]}***@***.{domain.rpartition('.')[2]}" if local and "." in domain else "***"
