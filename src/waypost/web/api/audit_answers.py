"""What the API answers about the audit trail."""

from typing import Any

import msgspec


class DeedRecord(msgspec.Struct, frozen=True):
    """Who did what to what, and when."""

    id: int
    at: str
    who: str
    what: str
    of: str
    details: dict[str, str]


class AuditPage(msgspec.Struct, frozen=True):
    """Some deeds, the newest first; `next` is the cursor for more, None at the end."""

    deeds: list[DeedRecord]
    next: str | None


_DEED = DeedRecord(
    id=4711,
    at="2026-11-22T15:00:00Z",
    who="person:per_5f0c6b1a2e7d4c3a",
    what="push.opened",
    of="8a1c",
    details={"account": "yto"},
)
AUDIT_EXAMPLES: dict[type, Any] = {AuditPage: AuditPage([_DEED], None)}
