"""Images that come with proofs of delivery: looked at, made anew without anything beside the picture, and bounded."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from waypost.model.errors import BadInput

#: As it is sent, and how many points a picture has at most before it is made smaller.
MOST_BYTES = 4 << 20
_MOST_POINTS = 30_000_000
#: Of a PNG or WebP, which is unpacked whole, at four bytes a point: 48 MB, some three times over while it is made anew.
_MOST_UNPACKED = 12_000_000
#: The longer side of a picture that is kept; more shows no more of a doorstep. The same of a signature.
_PICTURE_SIDE, _SIGNATURE_SIDE = 1600, 1200
_QUALITY = 82

#: So many are unpacked at one time, for each may take a hundred megabytes meanwhile.
_AT_ONCE = threading.BoundedSemaphore(2)

Kind = Literal["JPEG", "PNG", "WEBP"]
_KINDS: tuple[Kind, ...] = ("JPEG", "PNG", "WEBP")


#: As Pillow calls a JPEG with others behind it: what many telephones write, with a smaller or deeper one of the same.
_SEVERAL = "MPO"


class Picture(msgspec.Struct, frozen=True):
    """An image as it is kept. What it shows is personal: it is no part of `repr`."""

    content: bytes
    content_type: str

    def __repr__(self) -> str:
        return f"Picture({len(self.content)} bytes of {self.content_type})"


def read_picture(data: bytes, where: str) -> Picture:
    """A picture that shows nothing but what is in it: no place, no camera, no preview; upright, and not too large.

    Raises:
        BadInput: it is no JPEG, PNG or WebP, is damaged, too large, or moves.
    """
    with _AT_ONCE, _refusing(_KINDS, where):
        image = _open(data, _KINDS, _PICTURE_SIDE, where)
        kind = _kind_of(image)
        upright = ImageOps.exif_transpose(image).convert("RGB" if kind == "JPEG" else "RGBA")
        return _write(upright, kind, _PICTURE_SIDE)


def read_signature(data: bytes, where: str) -> Picture:
    """A signature, drawn on a screen: a PNG.

    Raises:
        BadInput: it is no PNG, is damaged or too large.
    """
    with _AT_ONCE, _refusing(("PNG",), where):
        image = _open(data, ("PNG",), _SIGNATURE_SIDE, where)
        return _write(image.convert("RGBA"), "PNG", _SIGNATURE_SIDE)


@contextmanager
def _refusing(kinds: tuple[Kind, ...], where: str) -> Iterator[None]:
    """Pillow's ways to say that it cannot read something, be it when it is opened, unpacked or turned, as ours."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadInput("has too many points", where=where, mend="Send it smaller.") from None
    except UnidentifiedImageError:
        raise BadInput(f"is no {' or '.join(kinds)}", where=where) from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise BadInput(f"is a damaged image ({str(error)[:80]})", where=where) from None


def _open(data: bytes, kinds: tuple[Kind, ...], side: int, where: str) -> Image.Image:
    if len(data) > MOST_BYTES:
        raise BadInput(f"has {len(data)} bytes, and {MOST_BYTES} are taken", where=where, mend="Send it smaller.")
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # some libraries turn it on for all when they are imported
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=kinds)
        if image.width * image.height > (_MOST_POINTS if _kind_of(image) == "JPEG" else _MOST_UNPACKED):
            raise BadInput(f"has {image.width} x {image.height} points", where=where, mend="Send it smaller.")
        if image.format != _SEVERAL and getattr(image, "n_frames", 1) > 1:
            raise BadInput("has several pictures in it", where=where, mend="Send one that stands still.")
        image.draft("RGB", (side, side))  # a JPEG need not be unpacked larger than it is kept
        image.load()
        return image


def _kind_of(image: Image.Image) -> str:
    """Which of the kinds it is; of several JPEGs in one file the first is the picture, and it is opened alone."""
    return "JPEG" if image.format == _SEVERAL else image.format or "JPEG"


def _write(image: Image.Image, kind: str, side: int) -> Picture:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.new(image.mode, image.size)  # takes over the points, and nothing that the file said beside them
    bare.paste(image)
    to = io.BytesIO()
    more = {"quality": _QUALITY} if kind in ("JPEG", "WEBP") else {"optimize": True}
    bare.save(to, kind, **more)
    return Picture(to.getvalue(), f"image/{kind.lower()}")
