"""What every text that Waypost keeps has to hold to, wherever it comes in."""

import re

#: One character that no name, code or note may have: it would break a line, or hide what stands beside it. Regular
#: expressions of Python and of Arrow (RE2) both read it: the characters past ASCII stand there themselves.
CONTROL = "[\\x00-\\x1f\\x7f-\x9f\u2028\u2029]"

_CONTROL = re.compile(CONTROL)


def has_control(text: str) -> bool:
    """Whether a control character stands in it: of C0 or C1, or a separator of lines or paragraphs."""
    return _CONTROL.search(text) is not None
