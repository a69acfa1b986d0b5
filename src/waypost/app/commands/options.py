"""What many commands take."""

from pathlib import Path
from typing import Annotated

import typer


def parse_folder(text: str) -> Path:
    """A folder as it is named in a call."""
    if not text:  # Path("") would be the folder that one stands in
        raise typer.BadParameter("the name of the folder is empty")
    return Path(text)


Home = Annotated[
    Path | None,
    typer.Option(
        "--home", parser=parse_folder, metavar="PATH", help="The folder that holds all state (default: $WAYPOST_HOME)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on; 0 takes a free one.")]
