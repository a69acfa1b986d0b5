"""The consoles of operators and merchants: a program in the browser that is built from `ui/`, and its files."""

import gzip
import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from waypost.model.errors import BadInput, WaypostError
from waypost.web.door import headers_in
from waypost.web.office import Office
from waypost.web.pages.map import read_outlines
from waypost.web.pages.session import CONSOLE, MERCHANT_HOME, get_merchant, get_operator
from waypost.web.problems import NoSuchPath, NotBuilt

_KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
#: Packed beside each file when it was built, the smaller first.
_ENCODINGS = {"br": ".br", "gzip": ".gz"}


BASEMAP = CONSOLE + "/basemap.json"


class BuiltFile(msgspec.Struct, frozen=True):
    """A file, whole and packed."""

    kind: str
    whole: bytes
    packed: dict[str, bytes]

    def answer(self, request: Request, cache: str) -> Response:
        """It, packed as the browser takes it."""
        taken = {
            each.partition(";")[0].strip() for each in headers_in(request.scope).get("accept-encoding", "").split(",")
        }
        encoding = next((each for each in self.packed if each in taken), None)
        headers = {"content-type": self.kind, "cache-control": cache, "vary": "Accept-Encoding"}
        if encoding is None:
            return Response(self.whole, headers=headers)
        return Response(self.packed[encoding], headers=headers | {"content-encoding": encoding})


def add_console(app: FastAPI, office: Office, place: Traversable | None = None) -> None:
    """The console, for operators and for merchants, and its files, which hold nothing that is not public.

    Args:
        place: where it was built to; by default where the build puts it.
    """
    own = _read_basemap(office.desk.site.basemap)
    built = read_built(place or _built_to())

    @app.get(CONSOLE + "/assets/{name}", include_in_schema=False)
    async def get_file(request: Request, name: str) -> Response:
        found = built.get(f"assets/{name}")
        if found is None:
            raise NoSuchPath("nothing answers at this path")
        return found.answer(request, "public, max-age=31536000, immutable")  # its name changes with what is in it

    @app.get(BASEMAP, include_in_schema=False)
    async def get_basemap(request: Request) -> Response:
        found = own or built.get("basemap.json")
        if found is None:
            raise NoSuchPath("nothing answers at this path")
        return found.answer(request, "public, max-age=3600")

    @app.get(CONSOLE, include_in_schema=False)
    @app.get(CONSOLE + "/{path:path}", include_in_schema=False)
    async def get_console(request: Request, path: str = "") -> Response:
        await get_operator(office, request)
        return answer(request)

    @app.get(MERCHANT_HOME, include_in_schema=False)
    @app.get(MERCHANT_HOME + "/{path:path}", include_in_schema=False)
    async def get_merchants_console(request: Request, path: str = "") -> Response:
        await get_merchant(office, request)
        return answer(request)

    def answer(request: Request) -> Response:
        index = built.get("index.html")
        if index is None:
            raise NotBuilt("the console was not built")
        return index.answer(request, "private, no-cache")


def _read_basemap(path: str) -> BuiltFile | None:
    """The map that those who run this network chose, since not every place lets any borders be shown."""
    if not path:
        return None
    whole = _read_own(path)
    return BuiltFile(_KINDS["json"], whole, {"gzip": gzip.compress(whole)})


def _read_own(path: str) -> bytes:
    try:
        whole = Path(path).read_bytes()
        read_outlines(whole)
    except (OSError, WaypostError) as error:
        mend = "site.basemap names a GeoJSON file; without it Natural Earth is shown."
        raise BadInput(f"the map in {path} cannot be read: {error}", mend=mend) from None
    return whole


def find_basemap(path: str) -> bytes | None:
    """The map of the world that the console has: that of a file, or the one that was built, None where none was."""
    if path:
        return _read_own(path)
    built = _built_to().joinpath("basemap.json")
    return built.read_bytes() if built.is_file() else None


def is_built() -> bool:
    """Whether the console is here, and not only where it is built from."""
    return _built_to().joinpath("index.html").is_file()


def _built_to() -> Traversable:
    return importlib.resources.files("waypost.web").joinpath("static", "console")


def read_built(place: Traversable) -> dict[str, BuiltFile]:
    """What was built, by its path; nothing if nothing was."""
    if not place.is_dir():
        return {}
    found = {each.name: each for each in place.iterdir() if each.is_file()}
    assets = place.joinpath("assets")
    if assets.is_dir():
        found |= {f"assets/{each.name}": each for each in assets.iterdir()}
    return {
        name: BuiltFile(kind, file.read_bytes(), _packed(name, found))
        for name, file in found.items()
        if (kind := _KINDS.get(name.rpartition(".")[2])) is not None
    }


def _packed(name: str, found: dict[str, Traversable]) -> dict[str, bytes]:
    return {
        encoding: found[name + ending].read_bytes() for encoding, ending in _ENCODINGS.items() if name + ending in found
    }
