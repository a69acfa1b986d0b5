"""Dates and times as GS1 writes them: digits without separators, years of two digits."""

import calendar

LEAP_YEAR = 2000


def find_date_fault(digits: str, *, day_may_be_missing: bool = False) -> str | None:
    """Why six digits are no YYMMDD, or None when they are.

    A year of two digits lies within 49 years before and 50 years after now (GS1 General Specifications, 7.12), so until
    2050 it is a leap year when it divides by four.

    Args:
        digits: six ASCII digits.
        day_may_be_missing: whether the day may be 00, which stands for the whole month.
    """
    return find_day_fault(
        LEAP_YEAR + int(digits[:2]), digits[2:4], digits[4:], day_may_be_missing=day_may_be_missing, written=digits
    )


def find_full_date_fault(digits: str) -> str | None:
    """Why eight digits are no YYYYMMDD, or None when they are."""
    return find_day_fault(int(digits[:4]), digits[4:6], digits[6:], day_may_be_missing=False, written=digits)


def find_day_fault(year: int, month: str, day: str, *, day_may_be_missing: bool, written: str) -> str | None:
    """Why the day does not exist."""
    if not 1 <= int(month) <= 12:
        return f"there is no month {month} in {written}"
    if day == "00" and day_may_be_missing:
        return None
    if not 1 <= int(day) <= calendar.monthrange(year, int(month))[1]:
        return f"there is no day {day} in month {month} of {written}"
    return None


def find_time_fault(digits: str) -> str | None:
    """Why digits are no hour, hour and minute, or hour, minute and second; None when they are."""
    for part, limit, name in zip(
        (digits[0:2], digits[2:4], digits[4:6]), (24, 60, 60), ("hour", "minute", "second"), strict=True
    ):
        if part and int(part) >= limit:
            return f"there is no {name} {part}"
    return None
