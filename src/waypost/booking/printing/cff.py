"""As much of a CFF font (Adobe technical note 5176) as it takes to know by which numbers PDF calls its glyphs."""

_CHARSET = (15,)
_CHARSTRINGS = (17,)
_ROS = (12, 30)  # a font keyed by CID begins with it
_REAL = 30


def has_identity_charset(cff: bytes) -> bool:
    """Whether it is keyed by CID, and the CID of every glyph is its number."""
    _, after_names = _first_of_index(cff, cff[2])
    operators = _read_dict(_first_of_index(cff, after_names)[0])
    if _ROS not in operators or _CHARSET not in operators:
        return False
    glyphs = operators[_CHARSTRINGS]
    count = int.from_bytes(cff[glyphs : glyphs + 2])
    at = operators[_CHARSET]
    kind, at, glyph = cff[at], at + 1, 1
    while glyph < count:
        if int.from_bytes(cff[at : at + 2]) != glyph:
            return False
        # Formats 1 and 2 have ranges: how many follow the first, in one byte or two.
        glyph += 1 + (int.from_bytes(cff[at + 2 : at + 2 + kind]) if kind else 0)
        at += 2 + kind
    return True


def _first_of_index(cff: bytes, at: int) -> tuple[bytes, int]:
    """The first object of an INDEX, and where the INDEX ends."""
    count, size = int.from_bytes(cff[at : at + 2]), cff[at + 2]
    offsets = at + 3
    objects = offsets + (count + 1) * size - 1
    places = [offsets + number * size for number in (0, 1, count)]
    ends = [int.from_bytes(cff[place : place + size]) for place in places]
    return cff[objects + ends[0] : objects + ends[1]], objects + ends[2]


def _read_dict(data: bytes) -> dict[tuple[int, ...], int]:
    """The last operand of each operator, for those that are offsets."""
    found: dict[tuple[int, ...], int] = {}
    operand, at = 0, 0
    while at < len(data):
        first = data[at]
        if first <= 21:
            operator = (first, data[at + 1]) if first == 12 else (first,)
            found[operator] = operand
            at += len(operator)
        elif first == _REAL:
            at += 1
            while data[at] & 0x0F != 0x0F:
                at += 1
            at += 1
        elif first in (28, 29):
            size = 2 if first == 28 else 4
            operand = int.from_bytes(data[at + 1 : at + 1 + size], signed=True)
            at += 1 + size
        elif first <= 246:
            operand, at = first - 139, at + 1
        else:
            high = (first - 247) * 256 + 108 if first <= 250 else -(first - 251) * 256 - 108
            operand = high + data[at + 1] if first <= 250 else high - data[at + 1]
            at += 2
    return found
