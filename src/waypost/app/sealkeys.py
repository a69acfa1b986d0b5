"""`waypost admin seal list | rotate | drop`: look after the keys under which what is personal is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waypost.access.sealed import drop_sealed, reseal
from waypost.app.console import out
from waypost.app.records import records_of
from waypost.app.seals import SEALED, Seals, fingerprint, read_keys, write_keys
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.engines.local.formats import read_formats
from waypost.model.errors import Conflict, NotFound

_KEEP = "Keep a copy of {file} apart from the backups: without it what is sealed in them cannot be read."


def list_seals(*, home: Path | None, as_json: bool) -> None:
    """Print the keys by number and fingerprint, and how much lies under each."""
    with _beside(home) as seals:
        keys, counts, gone = seals.read(), seals.count(), seals.list_gone()
    told = [
        {
            "key": number,
            "fingerprint": fingerprint(keys[number]) if number in keys else None,
            "sealed": counts.get(number, 0),
            "newest": number == max(keys, default=None),
            "gone": number in gone,
        }
        for number in sorted(keys.keys() | counts.keys())
    ]
    if as_json:
        out(told)
        return
    for each in told:
        word = ", gone" if each["gone"] else ", the newest" if each["newest"] else ""
        print(f"key {each['key']} ({each['fingerprint'] or 'not there'}): {each['sealed']:,} sealed{word}")
    if not told:
        print("Nothing was sealed yet.")


def rotate_seal(*, home: Path | None, reseals: bool, as_json: bool) -> None:
    """Make a new key; and bring what lies under older ones under it, if asked."""
    done = 0
    if reseals:  # nobody else may seal under an older one meanwhile
        with open_house(read_settings(home=_existing(home))) as house:
            house.seals.check()
            number, file = house.seals.add(), house.seals.file
            done = reseal(house.memory.records, SEALED, house.seals())
    else:
        with _beside(home) as seals:
            seals.check()
            number, file = seals.add(), seals.file
    told = {"key": number, "fingerprint": fingerprint(read_keys(file)[number]), "resealed": done}
    if as_json:
        out(told)
        return
    print(f"Key {number} ({told['fingerprint']}) is the newest; a server seals under it from its next start on.")
    if reseals:
        print(f"{done:,} texts were brought under it. Older keys are needed for older backups only: `seal drop`.")
    print(_KEEP.format(file=file))


def drop_seal(number: int, *, home: Path | None, with_rows: bool, as_json: bool) -> None:
    """Let go of a key, and of what lies under it if asked: nobody can read that any more."""
    with open_house(read_settings(home=_existing(home))) as house:
        seals = house.seals
        keys, sealed = seals.read(), seals.count().get(number, 0)
        if number not in keys and not sealed:
            raise NotFound(f"there is no key {number}, and nothing lies under one", mend="`waypost admin seal list`.")
        if sealed and not with_rows:
            mend = "`waypost admin seal rotate --reseal` brings it under a new key; --with-rows removes it."
            raise Conflict(f"{sealed} texts lie under key {number}", mend=mend)
        if number in keys and number == max(keys) and not with_rows:
            raise Conflict(f"key {number} is the one to seal under", mend="`waypost admin seal rotate` makes another.")
        # the next one first: its number shall be none that this one, or one that is lost, ever had
        newest = seals.add() if keys and number >= max(keys) else None
        house.sorters.forget_under(number, now_ms())  # or the versions of what is learnt anew would begin again at 1
        drop_sealed(house.memory.records, SEALED, number)
        if keys:
            write_keys(seals.file, {each: key for each, key in seals.read().items() if each != number})
    told = {"key": number, "rows_removed": sealed} | ({} if newest is None else {"newest": newest})
    if as_json:
        out(told)
        return
    print(f"Key {number} is let go of, and {sealed:,} texts that lay under it.")
    if newest is not None:
        print(f"Key {newest} is made in its place. {_KEEP.format(file=seals.file)}")


@contextmanager
def _beside(home: Path | None) -> Iterator[Seals]:
    """The keys of a home, whether a server runs over it or not."""
    with records_of(home) as (settings, records):
        yield Seals(settings.home, records)


def _existing(home: Path | None) -> Path:
    path = read_settings(home=home).home
    if not read_formats(path):
        raise NotFound(f"nothing is kept in {path}", mend="Name the folder by --home.")
    return path
