"""A clock that stands still until a test moves it."""

from waypost.model.instants import DAY_MS, MINUTE_MS, parse_instant


class Clock:
    """A clock for a test; `text` is RFC 3339 with an offset.

    Raises:
        BadInput: the text is no such instant.
    """

    def __init__(self, text: str = "2026-11-22T12:00:00Z") -> None:
        self.now_ms = parse_instant(text).at_ms

    def __call__(self) -> int:
        """The present in UTC milliseconds."""
        return self.now_ms

    def set(self, text: str) -> None:
        """Go to an instant, forward or back."""
        self.now_ms = parse_instant(text).at_ms

    def move(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Go on by so much, or back by a negative amount."""
        self.now_ms += round(days * DAY_MS + (hours * 60 + minutes) * MINUTE_MS)
