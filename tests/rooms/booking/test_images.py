"""Images of proofs: only what is seen is kept of them, and nothing that is none gets in."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from waypost.booking.images import MOST_BYTES, read_picture, read_signature
from waypost.model.errors import BadInput


def draw(kind: str, size: tuple[int, int] = (120, 80), **more: object) -> bytes:
    image = Image.new("RGB", size, "white")
    image.paste("navy", (0, 0, size[0] // 2, size[1] // 2))  # the upper left quarter is blue
    to = io.BytesIO()
    image.save(to, kind, **more)
    return to.getvalue()


def told() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Maria"
    exif[0x0112] = 6  # turned to the right
    exif.get_ifd(0x8825).update({1: "S", 2: (22.0, 58.0, 12.5), 3: "W", 4: (43.0, 11.0, 3.25)})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_stands_beside_a_picture_is_not_kept(kind: str) -> None:
    exif = told()
    profile = b"profile of Maria's screen" * 9
    sent = draw(kind, exif=exif.tobytes(), icc_profile=profile)
    assert b"Camera of Maria" in sent
    kept = read_picture(sent, "picture")
    assert kept.content_type == f"image/{kind.lower()}"
    image = Image.open(io.BytesIO(kept.content))
    assert (image.format, dict(image.getexif()), image.info.get("icc_profile")) == (kind, {}, None)
    assert b"Maria" not in kept.content
    assert image.size == (80, 120)  # turned as it was meant to be seen
    red, green, blue = image.convert("RGB").getpixel((70, 10))  # type: ignore[misc]
    assert blue > 90
    assert max(red, green) < 60


def test_of_what_telephones_write_the_first_picture_is_taken() -> None:
    second = Image.new("RGB", (60, 40), "red")
    sent = draw("MPO", exif=told().tobytes(), save_all=True, append_images=[second])
    assert (Image.open(io.BytesIO(sent)).format, sent.count(b"\xff\xd8\xff")) == ("MPO", 2)
    kept = read_picture(sent, "picture")
    assert kept.content_type == "image/jpeg"
    image = Image.open(io.BytesIO(kept.content))
    assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (80, 120), {})
    red, _, blue = image.convert("RGB").getpixel((70, 10))  # type: ignore[misc]
    assert blue > 90 > red
    assert kept.content.count(b"\xff\xd8\xff") == 1


def test_texts_and_previews_go_too() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "Maria's door")
    assert b"Maria" in draw("PNG", pnginfo=info)
    assert b"Maria" not in read_signature(draw("PNG", pnginfo=info), "signature").content
    behind = draw("JPEG") + b"Maria's address behind the end"
    assert b"Maria" not in read_picture(behind, "picture").content


def test_large_ones_are_made_smaller() -> None:
    image = Image.open(io.BytesIO(read_picture(draw("JPEG", (4000, 1000)), "picture").content))
    assert image.size == (1600, 400)


def _png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _odd_profile() -> bytes:
    """A text in which Pillow looks for EXIF when it turns the picture upright."""
    info, to = PngInfo(), io.BytesIO()
    info.add_text("Raw profile type exif", "\nexif\n 4\nno hex digits")
    Image.new("RGB", (9, 9)).save(to, "PNG", pnginfo=info)
    return to.getvalue()


def _moving() -> bytes:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    to = io.BytesIO()
    frames[0].save(to, "WEBP", save_all=True, append_images=frames[1:])
    return to.getvalue()


def test_half_a_picture_is_refused_whatever_others_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """As karrio does for the whole process when it is imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(BadInput, match="damaged"):
        read_picture(draw("PNG")[:60], "picture")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is no JPEG or PNG or WEBP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "is no JPEG"),
        (draw("GIF"), "is no JPEG"),
        (draw("TIFF"), "is no JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no JPEG"),
        (draw("JPEG")[:-400], "damaged"),
        (draw("PNG")[:60], "damaged"),
        (_odd_profile(), "damaged"),
        (_png(60_000, 60_000), "points"),
        (_png(9_000, 9_000), "points"),
        (_moving(), "several pictures"),
        (b"\xff" * (MOST_BYTES + 1), "bytes"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        read_picture(data, "picture")
    assert refused.value.where == "picture"


def test_a_signature_is_a_png() -> None:
    assert read_signature(draw("PNG"), "signature").content_type == "image/png"
    with pytest.raises(BadInput, match="is no PNG"):
        read_signature(draw("JPEG"), "signature")
