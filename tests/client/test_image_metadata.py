"""Images without what says where, when and by what they were taken (FIL-17)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest
from e2ee_client.errors import MetadataKept
from e2ee_client.runtime.image_metadata import stripped

SECRET = b"52.5200 N 13.4050 E"


def segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def exif(order: str, orientation: int) -> bytes:
    """Two entries, of which the second is the orientation, and a place behind them."""
    maker = struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"Cam\0")
    turned = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return b"Exif\0\0" + head + struct.pack(f"{order}H", 2) + maker + turned + bytes(4) + SECRET


PIXELS = (
    segment(0xDB, bytes(65)) + segment(0xC0, b"\x08\0\x01\0\x01\x01\x01\x11\0") + segment(0xC4, bytes(20))
)
SCAN = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
JFIF = segment(0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01" + SECRET)
BARE = segment(0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0")
PROFILE = segment(0xE2, b"ICC_PROFILE\0\x01\x01profile")
ADOBE = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01")


def jpeg(*segments: bytes, behind: bytes = b"") -> bytes:
    return b"\xff\xd8" + b"".join(segments) + PIXELS + SCAN + SCAN + b"\xff\xd9" + behind


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", b"pixels") + chunk(b"IEND", b"")


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def result(content: bytes, media_type: str, step: int) -> bytes:
    def read() -> Iterator[bytes]:
        return (content[at : at + step] for at in range(0, len(content), step))

    return b"".join(stripped(read, media_type))


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_jpeg_keeps_its_pixels_and_colours_alone(step: int) -> None:
    marks = [segment(code, SECRET) for code in (*range(0xE3, 0xF0), 0xFE, 0xE2, 0xE0)]
    whole = jpeg(JFIF, PROFILE, ADOBE, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET), *marks)
    found = result(whole + SECRET, "image/jpeg", step)
    assert SECRET not in found
    assert found == jpeg(BARE, PROFILE, ADOBE)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_stays_the_right_way_up(order: str) -> None:
    """Without its orientation a photograph of a telephone lies on its side."""
    found = result(jpeg(segment(0xE1, exif(order, 6))), "image/jpeg", 1 << 20)
    assert found == jpeg(
        segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    )
    for nothing in (1, 0, 9):
        assert result(jpeg(segment(0xE1, exif(order, nothing))), "image/jpeg", 1 << 20) == jpeg()
    for cut in range(40):
        body = exif(order, 6)[:cut]
        assert result(jpeg(segment(0xE1, body)), "image/jpeg", 1 << 20)[:4] in (
            jpeg()[:4],
            b"\xff\xd8\xff\xe1",
        )


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_png_keeps_its_pixels_and_colours_alone(step: int) -> None:
    marks = [chunk(kind, SECRET) for kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"prVt")]
    kept = (chunk(b"gAMA", bytes(4)), chunk(b"iCCP", b"profile"), chunk(b"PLTE", bytes(3)))
    found = result(png(*kept, *marks) + SECRET, "image/png", step)
    assert found == png(*kept)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_webp_keeps_its_pixels_and_colours_alone(step: int) -> None:
    head, bare = (riff(b"VP8X", bytes((flags, 0, 0, 0)) + bytes(6)) for flags in (0x3C, 0x30))
    pixels, profile = riff(b"VP8 ", b"pixel"), riff(b"ICCP", b"profile")
    whole = webp(head, profile, pixels, riff(b"EXIF", SECRET), riff(b"XMP ", SECRET), riff(b"mine", SECRET))
    assert result(whole + SECRET, "image/webp", step) == webp(bare, profile, pixels)


def test_what_is_not_built_like_its_container_is_refused() -> None:
    for bad in (
        *(jpeg()[:cut] for cut in range(len(jpeg()) - 1)),
        b"\xff\xd8\xff\xe0\0\x01",
        b"\xff\xd8\xff\xd0\0\x02",
        b"\xff\xd8x",
        b"\xff\xd9",
    ):
        with pytest.raises(MetadataKept):
            result(bad, "image/jpeg", 1 << 20)
    for bad in (png()[:-1], png(chunk(b"QQQQ", b"x")), png()[:20]):
        with pytest.raises(MetadataKept):
            result(bad, "image/png", 1 << 20)
    long = b"RIFF" + struct.pack("<I", 100) + b"WEBP" + b"VP8 " + struct.pack("<I", 4000) + bytes(80)
    for bad in (long, webp(riff(b"VP8 ", b"")), webp(riff(b"VP8 ", b"pixels"))[:-3]):
        with pytest.raises(MetadataKept):
            result(bad, "image/webp", 1 << 20)
    for media_type in ("image/heic", "application/pdf", "video/mp4"):
        with pytest.raises(MetadataKept):
            result(b"x", media_type, 1)


def test_what_is_not_known_to_make_the_image_does_not_stay() -> None:
    """FIL-17: neither in a segment of no use, nor in the end of a PNG, nor behind the head of a WebP."""
    for code in (*range(0x02, 0xC0), 0xC8, *range(0xF0, 0xFE)):
        with pytest.raises(MetadataKept):
            result(jpeg(segment(code, SECRET)), "image/jpeg", 1 << 20)
    whole = png().removesuffix(chunk(b"IEND", b"")) + chunk(b"IEND", SECRET)
    with pytest.raises(MetadataKept):
        result(whole, "image/png", 1 << 20)
    with pytest.raises(MetadataKept):
        result(webp(riff(b"VP8X", bytes(10) + SECRET), riff(b"VP8 ", b"pixels")), "image/webp", 1 << 20)


def test_a_text_has_none() -> None:
    assert result(b"a text", "text/plain", 2) == b"a text"


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_frame_of_a_webp_holds_pixels_alone(step: int) -> None:
    """FIL-17"""
    head, place = riff(b"VP8X", b"\x02" + bytes(9)) + riff(b"ANIM", bytes(6)), bytes(16)
    pixels = riff(b"ALPH", b"abc") + riff(b"VP8 ", b"pixel")
    whole = webp(head, riff(b"ANMF", place + pixels), riff(b"ANMF", place + riff(b"VP8L", b"x")))
    assert result(whole, "image/webp", step) == whole
    for bad in (
        riff(b"EXIF", SECRET),
        riff(b"XMP ", SECRET),
        riff(b"mine", SECRET),
        b"5",
        SECRET,
        pixels[:-1],
    ):
        with pytest.raises(MetadataKept):
            result(webp(head, riff(b"ANMF", place + pixels + bad)), "image/webp", step)
    with pytest.raises(MetadataKept):
        result(webp(head, riff(b"ANMF", place[1:])), "image/webp", step)
