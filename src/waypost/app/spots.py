"""Places as they are named in calls."""

from waypost.model.errors import BadInput
from waypost.model.places import Place, check_place


def parse_spot(text: str) -> tuple[str, Place]:
    """A name and a position, written `sao-paulo=-23.55,-46.63`.

    Raises:
        BadInput: it is not.
    """
    name, _, position = text.partition("=")
    try:
        latitude, longitude = map(float, position.split(","))
    except ValueError:
        raise BadInput(f"{text[:80]!r} is no place: write it as sao-paulo=-23.55,-46.63") from None
    return name.strip(), check_place(Place(latitude=latitude, longitude=longitude), text[:80])
