"""Which types of files are sent, and what a file is by what it holds, never by its name (FIL-09, FIL-10)."""

from __future__ import annotations

import codecs
import re
from typing import Final

from .errors import FileTypeRefused

ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    "application/pdf": ("pdf",),
    "application/vnd.oasis.opendocument.presentation": ("odp",),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods",),
    "application/vnd.oasis.opendocument.text": ("odt",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "audio/flac": ("flac",),
    "audio/mp4": ("m4a", "mp4"),
    "audio/mpeg": ("mp3",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/wav": ("wav",),
    "image/avif": ("avif",),
    "image/gif": ("gif",),
    "image/heic": ("heic", "heif"),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/tiff": ("tif", "tiff"),
    "image/webp": ("webp",),
    "text/plain": ("txt", "csv", "md", "log"),
    "video/mp4": ("mp4", "m4v"),
    "video/quicktime": ("mov",),
    "video/webm": ("webm", "mkv"),
}
"""The types that are sent, each with the endings that names of its files have (FIL-09)."""
HEAD_B: Final = 4096

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_PARTS: Final = {
    b"word/": f"{_OFFICE}wordprocessingml.document",
    b"xl/": f"{_OFFICE}spreadsheetml.sheet",
    b"ppt/": f"{_OFFICE}presentationml.presentation",
}
_BEGINS: Final = {
    "application/pdf": (b"%PDF-",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/tiff": (b"II*\0", b"MM\0*"),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "audio/ogg": (b"OggS",),
    "audio/flac": (b"fLaC",),
    "video/webm": (b"\x1a\x45\xdf\xa3",),
}
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1"), "video/mp4"),
    **dict.fromkeys((b"M4V ", b"dash", b"3gp4", b"3gp5"), "video/mp4"),
    b"qt  ": "video/quicktime",
}
_ZIP: Final = b"PK\x03\x04"
_ZIP_NAME: Final = re.compile(rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|word/|xl/|ppt/)", re.DOTALL)
_ODF: Final = re.compile(
    rb"PK\x03\x04.{26}mimetype(application/vnd\.oasis\.opendocument\.[a-z]+)PK", re.DOTALL
)
_MACROS: Final = re.compile(rb"(?i)vbaproject|/activex|PK\x03\x04.{26}(?:basic|scripts)/", re.DOTALL)
_OVERLAP_B: Final = 64
_CONTROLS: Final = (*[octet for octet in range(0x20) if octet not in b"\t\n\f\r"], 0x7F)
"""Bytes that no text has; to look for one after the other is twice as fast as a table of them."""
_HIGH_CONTROLS: Final = re.compile("[\x80-\x9f]")
_ACTIVE: Final = re.compile(rb"<|#!|MZ|\{\\rtf|@echo", re.IGNORECASE)
"""How text begins that a program would carry out or show as a page."""
_BLANK: Final = b" \t\n\v\f\r\xef\xbb\xbf"
"""Bytes that may stand before the beginning of a text, however many: spaces, ends of lines, U+FEFF."""
_BEGIN_B: Final = 8


def check_name(name: str, media_type: str) -> None:
    """Refuse a name whose ending is not one of the type's, and a type that is not sent (FIL-09).

    Raises:
        FileTypeRefused.
    """
    ending = name.rpartition(".")[2]
    if not ending.isascii() or ending.lower() not in ENDINGS.get(media_type, ()):
        raise FileTypeRefused


class Content:
    """What a file holds, told block by block in constant memory (FIL-10)."""

    def __init__(self) -> None:
        self._head = b""
        self._begin = b""
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._is_text, self._has_begun_letter = True, False
        self._overlap = b""
        self._parts: set[bytes] = set()
        self._has_macros = False

    def take(self, block: bytes) -> None:
        """Look at the next block of the file."""
        if len(self._head) < HEAD_B:
            self._head += block[: HEAD_B - len(self._head)]
        if self._is_text:
            self._look_for_text(block)
        if self._head[: len(_ZIP)] == _ZIP[: len(self._head)]:
            self._look_into_archive(block)

    def _look_for_text(self, block: bytes) -> None:
        if len(self._begin) < _BEGIN_B:
            self._begin = (self._begin + block).lstrip(_BLANK)[:_BEGIN_B]
        try:
            if self._has_begun_letter or not block.isascii():
                self._is_text = _HIGH_CONTROLS.search(self._text.decode(block)) is None
                self._has_begun_letter = bool(self._text.getstate()[0])
        except UnicodeDecodeError:
            self._is_text = False
        else:
            self._is_text &= not any(octet in block for octet in _CONTROLS)

    def _look_into_archive(self, block: bytes) -> None:
        seen = self._overlap + block
        self._parts.update(match[1] for match in _ZIP_NAME.finditer(seen))
        self._has_macros = self._has_macros or _MACROS.search(seen) is not None
        self._overlap = seen[-_OVERLAP_B:]

    def media_type(self) -> str:
        """Return the type of the file, all of which was taken.

        Raises:
            FileTypeRefused: of no type that is sent.
        """
        if self._head.startswith(_ZIP):
            return self._of_archive()
        found = _of_head(self._head)
        if found is not None:
            return found
        try:
            self._text.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileTypeRefused from None
        if not self._is_text or _ACTIVE.match(self._begin):
            raise FileTypeRefused
        return "text/plain"

    def _of_archive(self) -> str:
        odf = _ODF.match(self._head)
        types = {_PARTS[one] for one in self._parts if one in _PARTS}
        if odf is not None:
            types = {odf[1].decode()}
        elif b"[Content_Types].xml" not in self._parts:
            raise FileTypeRefused
        if self._has_macros or len(types) != 1 or not types <= ENDINGS.keys():
            raise FileTypeRefused
        return types.pop()


def check(name: str, media_type: str, content: Content) -> None:
    """Refuse a file whose content, announced type and name do not belong together (FIL-09, FIL-10).

    Raises:
        FileTypeRefused.
    """
    check_name(name, media_type)
    if content.media_type() != media_type:
        raise FileTypeRefused


def _of_head(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    return next((media_type for media_type, begins in _BEGINS.items() if head.startswith(begins)), None)
