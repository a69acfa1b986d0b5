"""The journal: one JSON line for each request and each failure. No secrets, no query strings, no whole addresses."""

from typing import TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger


def open_journal(stream: TextIO, least: str = "info") -> FilteringBoundLogger:
    """A journal that writes to a stream.

    Args:
        least: the lowest level that is written: debug, info, warning or error.
    """
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    ).bind()
    return logger


def _to_json(event: dict[str, object], **_: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
