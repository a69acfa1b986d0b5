"""What every text that Waypost keeps has to hold to, wherever it comes in."""

import re

from waypost.model.errors import BadInput

#: One character that no name, code or note may have: it would break a line, or hide or turn around what stands beside
#: it. Marks that scripts need to be written (joiners, U+200E, U+200F) are none. Regular expressions of Python and of
#: Arrow (RE2) both read it: the characters past ASCII stand there themselves.
CONTROL = "[\\x00-\\x1f\\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"

_CONTROL = re.compile(CONTROL)


def has_control(text: str) -> bool:
    """Whether a control character stands in it.

    Of C0 or C1, a separator of lines or paragraphs, or one that sets the direction of the text behind it.
    """
    return _CONTROL.search(text) is not None


def refuse_control(text: str, where: str) -> None:
    """See that no control character stands in a text.

    Raises:
        BadInput: one does; says which, for nobody sees it.
    """
    if found := _CONTROL.search(text):
        named = f"U+{ord(found[0]):04X} at character {found.start() + 1}"
        mend = "Take it out: nobody sees it, and it may come along with a text that is copied."
        raise BadInput(f"has a control character ({named})", where=where, mend=mend)
