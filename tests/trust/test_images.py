"""Image files that are damaged, hostile or of another size than the index says."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cm3d.errors import InputError
from cm3d.sensors.images import UnreadableImageError, image_size_px, read_image
from cm3d.shelf.images import Batch, ImageFile, Unreadable, read_batches
from cm3d.shelf.prepared import as_is
from tests.trust.refusal import NO_FILES, Make, content_of, refuses

SIZE_PX = (160, 96)


def picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Noise in front of a gradient, so that no part of the file is like another."""
    rng = np.random.default_rng(0)
    steps = np.add.outer(np.arange(SIZE_PX[1]), np.arange(SIZE_PX[0]))[..., None]
    return np.asarray((steps + rng.integers(0, 40, (*SIZE_PX[::-1], 3))) % 256, dtype=np.uint8)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    stream = BytesIO()
    (image or Image.fromarray(picture())).save(stream, kind, **options)
    return stream.getvalue()


JPEG = encoded("JPEG", quality=95)
PROGRESSIVE = encoded("JPEG", quality=95, progressive=True)
PNG = encoded("PNG")
NO_IMAGE, DAMAGED = "not a readable image; fetch", "the image is damaged; fetch"


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def zeroed(content: bytes, start: float, count: int) -> bytes:
    first = int(len(content) * start)
    return content[:first] + bytes(count) + content[first + count :]


def png_claiming(width_px: int, height_px: int) -> bytes:
    """A PNG that says how large it is, and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"")
    parts = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (header, pixels, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@dataclass(frozen=True)
class Row:
    """A file that counts as unreadable.

    Args:
        name: What is broken.
        content: Of the file.
        words: In the message.
    """

    name: str
    content: bytes
    words: tuple[str, ...]


UNREADABLE = [
    Row("no byte", b"", (NO_IMAGE,)),
    Row("text", b"no image at all\n", (NO_IMAGE,)),
    Row("zeros alone", bytes(4096), (NO_IMAGE,)),
    Row("page of an error", b"<!DOCTYPE html><html>404</html>", (NO_IMAGE,)),
    Row("first two bytes of a JPEG", JPEG[:2], (NO_IMAGE,)),
    Row("JPEG cut to a quarter", cut(JPEG, 0.25), (DAMAGED,)),
    Row("JPEG cut to a half", cut(JPEG, 0.5), (DAMAGED,)),
    Row("JPEG cut to 99 of 100", cut(JPEG, 0.99), (DAMAGED,)),
    Row("JPEG without its last byte", JPEG[:-1], (DAMAGED,)),
    Row("progressive JPEG cut to a quarter", cut(PROGRESSIVE, 0.25), (DAMAGED,)),
    Row("progressive JPEG without its end", PROGRESSIVE[:-2], (DAMAGED,)),
    Row("grey JPEG cut", cut(encoded("JPEG", Image.new("L", SIZE_PX)), 0.9), (DAMAGED,)),
    Row("JPEG with a sector of zeros", zeroed(JPEG, 0.5, 1024), (DAMAGED,)),
    Row("JPEG whose last half is zeros", zeroed(JPEG, 0.5, len(JPEG) // 2), (DAMAGED,)),
    Row("PNG cut to a quarter", cut(PNG, 0.25), (DAMAGED,)),
    Row("PNG without its end", PNG[:-4], (DAMAGED,)),
    Row("PNG with a sector of zeros", zeroed(PNG, 0.5, 512), (DAMAGED,)),
    Row("PNG with one other byte", zeroed(PNG, 0.5, 1), (DAMAGED,)),
    Row("PNG of no pixels", png_claiming(*SIZE_PX), (DAMAGED,)),
    Row("WebP cut to a half", cut(encoded("WEBP"), 0.5), (NO_IMAGE,)),
    Row("BMP cut to a half", cut(encoded("BMP"), 0.5), (DAMAGED,)),
    Row("PNG header of 60000 x 60000", png_claiming(60_000, 60_000), ("fetch the file",)),
    Row("PNG header of 2^31 x 2^31", png_claiming(2**31 - 1, 2**31 - 1), ("fetch the file",)),
    Row("PNG header of one line of 4,000,000", png_claiming(4_000_000, 1), (DAMAGED,)),
    Row("PNG header without a pixel", png_claiming(0, 0), (NO_IMAGE,)),
]


@pytest.mark.parametrize("limit_px", [Image.MAX_IMAGE_PIXELS, None])
def test_a_header_of_billions_of_pixels_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_px: int | None
) -> None:
    """Whether or not another library has switched Pillow's own limit off."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit_px)
    path = tmp_path / "image.png"
    path.write_bytes(png_claiming(60_000, 60_000))
    for read in (read_image, image_size_px):
        refuses(lambda read=read: read(path), "image.png: ", "fetch the file again")


@pytest.mark.parametrize("row", UNREADABLE, ids=lambda row: row.name)
def test_unreadable_files_are_named(tmp_path: Path, row: Row) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(row.content)
    before = content_of(tmp_path)
    message = refuses(lambda: read_image(path), "image.jpg: ", *row.words)
    with pytest.raises(UnreadableImageError):  # of many images a few may be
        read_image(path)
    assert str(path) in message
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES.keys())
@pytest.mark.parametrize("read", [read_image, image_size_px])
def test_what_is_no_file_is_missing(tmp_path: Path, make: Make, read: Make) -> None:
    path = tmp_path / "image.jpg"
    make(path)
    refuses(lambda: read(path), "image.jpg: image is missing; restore it")


SIZES = {
    "a single pixel": encoded("PNG", Image.new("RGB", (1, 1))),
    "of twice the size": encoded("JPEG", Image.new("RGB", (320, 192))),
    "another camera's": encoded("JPEG", Image.new("RGB", (96, 96))),
    "turned for good": encoded("JPEG", Image.new("RGB", SIZE_PX[::-1])),
    "header of 8000 x 8000": png_claiming(8_000, 8_000),
}


@pytest.mark.parametrize("content", SIZES.values(), ids=SIZES.keys())
def test_another_size_is_bad_input_and_no_unreadable_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    width_px, height_px = image_size_px(path)
    refuses(
        lambda: read_image(path, SIZE_PX),
        f"image.png: the image is stored as {width_px}x{height_px}",
        "the data set says 160x96",
        "store it at that size",
    )
    with pytest.raises(InputError) as caught:
        read_image(path, SIZE_PX)
    assert not isinstance(caught.value, UnreadableImageError)


def test_damaged_images_are_counted_and_the_others_used(tmp_path: Path) -> None:
    contents = [JPEG, cut(JPEG, 0.25), PNG, zeroed(JPEG, 0.5, 1024), JPEG]
    files = [ImageFile(tmp_path / f"{row}.jpg", SIZE_PX) for row in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.path.write_bytes(content)
    found = list(read_batches(files, as_is, batch_size=1, readers=0))
    rows = [row for batch in found if isinstance(batch, Batch) for row in batch.rows]
    lost = [image.path.name for image in found if isinstance(image, Unreadable)]
    assert (rows, lost) == ([0, 2, 4], ["1.jpg", "3.jpg"])


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("JPEG", exif=exif)


GREY_16 = Image.fromarray(picture()[..., 0].astype(np.uint16) << 8)
GOOD = {
    "JPEG": JPEG,
    "progressive JPEG": PROGRESSIVE,
    "JPEG of codes of its own": encoded("JPEG", optimize=True),
    "JPEG with restart markers": encoded("JPEG", restart_marker_rows=1),
    "JPEG with bytes after its end": JPEG + b"trailer of a phone",
    "JPEG with zeros after its end": JPEG + bytes(4096),
    "JPEG with zeros in its comment": encoded("JPEG", comment=bytes(2048)),
    "black JPEG of codes of its own": encoded(
        "JPEG", Image.new("RGB", SIZE_PX), optimize=True, quality=10
    ),
    "black JPEG": encoded("JPEG", Image.new("RGB", SIZE_PX)),
    "PNG": PNG,
    "grey": encoded("PNG", Image.fromarray(picture()[..., 0])),
    "16 bits": encoded("PNG", GREY_16),
    "transparent": encoded("PNG", Image.fromarray(picture()).convert("RGBA")),
    "palette": encoded("PNG", Image.fromarray(picture()).convert("P")),
    "WebP": encoded("WEBP"),
    "turned by EXIF": turned(6),
    "upside down by EXIF": turned(3),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_images_of_other_tools_are_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    image = read_image(path, SIZE_PX)
    assert image.shape == (*SIZE_PX[::-1], 3)
    assert image.dtype == np.uint8


def test_a_large_flat_image_may_hold_a_sector_of_zeros(tmp_path: Path) -> None:
    content = encoded("JPEG", Image.new("L", (1600, 1200)), optimize=True)
    assert bytes(512) in content
    (tmp_path / "black.jpg").write_bytes(content)
    assert read_image(tmp_path / "black.jpg").max() == 0
