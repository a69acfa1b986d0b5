"""`import waypost`, for a notebook: the few names of the package. Nothing heavy is imported before it is used."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.app.wiring import House


def open_house(path: Path | str | None = None, *, read_only: bool = True) -> "House":
    """Open a home with the settings in force; close it when done, or use it in a `with`.

    Args:
        path: the home folder; None for the one that `WAYPOST_HOME` names, or the default.
        read_only: look on, as things stand now; another process may write meanwhile. Without it this process writes.

    Raises:
        SettingsError: a setting is wrong.
        NotFound: reading only, and there is no home.
        StoreError: it cannot be opened; says why.
    """
    from waypost.app.settings import read_settings
    from waypost.app.wiring import open_house as open_with

    return open_with(read_settings(home=None if path is None else Path(path)), read_only=read_only)


def find_name(name: str) -> str:
    """`waypost.__version__`, looked up when somebody asks: reading the metadata takes longer than a short command."""
    if name == "__version__":
        from importlib.metadata import version

        return version("waypost")
    raise AttributeError(f"module 'waypost' has no attribute {name!r}")
