"""XML of one level, as older interfaces of carriers write it: a root, and elements that hold text."""

from xml.parsers import expat

from waypost.model.errors import BadInput

_MOST_ELEMENTS = 1_000


def read_flat(text: str, root: str) -> dict[str, str]:
    """The texts of the elements of the root, by name. What stands deeper is left out.

    A document type is refused, and with it entities of its own, by which a small text becomes a giant one.

    Raises:
        BadInput: it is no XML, has another root, a document type, or an element twice.
    """
    texts: dict[str, list[str]] = {}
    path: list[str] = []
    elements = 0

    def begin(name: str, _: object) -> None:
        nonlocal elements
        elements += 1
        if elements > _MOST_ELEMENTS:
            raise BadInput(f"has more than {_MOST_ELEMENTS} elements", where="XML")
        if not path and name != root:
            raise BadInput(f"the root is {name[:40]!r}, not {root!r}", where="XML")
        path.append(name)
        if len(path) == 2:
            if name in texts:
                raise BadInput(f"{name[:40]!r} stands in it twice", where="XML")
            texts[name] = []

    def take(piece: str) -> None:
        if len(path) == 2:
            texts[path[1]].append(piece)

    def refuse(*_: object) -> None:
        raise BadInput("has a document type", where="XML")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.CharacterDataHandler = begin, take
    parser.EndElementHandler = lambda _: path.pop()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise BadInput(f"is no XML: {error}", where="XML") from None
    return {name: "".join(pieces).strip() for name, pieces in texts.items()}
