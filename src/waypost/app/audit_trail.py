"""`waypost admin audit`: who did what to what. It works beside a running server too."""

from pathlib import Path

from waypost.access.trail import Deed, Trail, Wanted
from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc, parse_instant

_PAGE = 1000


def show(
    who: str | None,
    what: str | None,
    of: str | None,
    since: str | None,
    until: str | None,
    most: int,
    *,
    home: Path | None,
    as_json: bool,
) -> None:
    """Print deeds, the newest first."""
    wanted = Wanted(who=who, what=what, of=of, since_ms=_instant("--since", since), until_ms=_instant("--until", until))
    found: list[Deed] = []
    with records_of(home) as (_, records):
        trail, after = Trail(records), None
        while len(found) < most:
            page, after = trail.list_page(wanted, after, min(_PAGE, most - len(found)))
            found += page
            if after is None:
                break
    if as_json:
        out([{"id": each.id, "at": format_utc(each.at_ms), **_told(each)} for each in found])
        return
    for each in found:
        more = "".join(f"  {name}={text}" for name, text in each.details.items())
        print(legible(f"{format_utc(each.at_ms)}  {each.who:24} {each.what:24} {each.of}{more}"))


def _told(deed: Deed) -> dict[str, object]:
    return {"who": deed.who, "what": deed.what, "of": deed.of, "details": deed.details}


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text).at_ms
    except BadInput as error:
        raise BadInput(f"{option}: {error.message}", mend="Write it as 2026-11-22T15:00:00Z.") from None
