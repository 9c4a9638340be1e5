"""The TLS certificate that is served: its end, and its exchange while the relay runs (RLY-81)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
# RFC 5280 has these two forms only, in seconds and in UTC.
_FORMATS: Final = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


class CertificateUnreadable(ValueError):
    """The bytes are not an X.509 certificate."""


class ServedCertificate:
    """Certificate and key as new connections get them."""

    def __init__(self, make_context: Callable[[], ssl.SSLContext], chain: Path) -> None:
        """Load them.

        Raises:
            ConfigError: `make_context` could not use certificate or key.
            CertificateUnreadable: the chain has no readable certificate.
            OSError: the chain cannot be read.
        """
        self._make_context = make_context
        self._chain = chain
        self._current = self.listening = make_context()
        self.ends_s = earliest_end_s(chain.read_text("ascii", "replace"))
        # Called in each handshake, with a server name and without: this is where a new certificate comes in.
        self.listening.sni_callback = self._choose

    def reload(self) -> None:
        """Take certificate and key from the files again; connections that are open keep the old one.

        Raises:
            ConfigError, CertificateUnreadable, OSError: as at first; the old one stays in use.
        """
        fresh = self._make_context()
        self.ends_s = earliest_end_s(self._chain.read_text("ascii", "replace"))
        self._current = fresh

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = self._current


def earliest_end_s(chain: str) -> int:
    """Return when the first certificate of a PEM chain ends, in seconds since 1970.

    Raises:
        CertificateUnreadable: there is none, or one cannot be read.
    """
    ends = [_end_s(ssl.PEM_cert_to_DER_cert(pem)) for pem in _PEM.findall(chain)]
    if not ends:
        raise CertificateUnreadable("no certificate in the file")
    return min(ends)


def _end_s(der: bytes) -> int:
    # Certificate, and in it the part that is signed, are sequences; the fifth field of that is the validity,
    # counted without the version, which may be absent.
    signed = _elements(_elements(_elements(der)[0][1])[0][1])
    fields = [element for element in signed if element[0] != _VERSION]
    if len(fields) < 4 or fields[3][0] != _SEQUENCE:
        raise CertificateUnreadable("no validity")
    times = _elements(fields[3][1])
    if len(times) != 2 or times[1][0] not in _FORMATS:
        raise CertificateUnreadable("no end of validity")
    kind, text = times[1]
    try:
        end = datetime.strptime(text.decode("ascii"), _FORMATS[kind]).replace(tzinfo=UTC)
    except ValueError:
        raise CertificateUnreadable("no date at the end of validity") from None
    return int(end.timestamp())


def _elements(content: bytes) -> list[tuple[int, bytes]]:
    """Split DER content into its elements: tag and content of each."""
    found: list[tuple[int, bytes]] = []
    place = 0
    while place < len(content):
        begin, size_b = _length(content, place + 1)
        if begin + size_b > len(content):
            raise CertificateUnreadable("cut off")
        found.append((content[place], content[begin : begin + size_b]))
        place = begin + size_b
    if not found:
        raise CertificateUnreadable("empty")
    return found


def _length(content: bytes, place: int) -> tuple[int, int]:
    """Read a DER length; return where the content begins, and its size."""
    first = content[place] if place < len(content) else 0xFF
    if first < 0x80:
        return place + 1, first
    begin = place + 1 + (first & 0x7F)
    if first == 0xFF or begin > len(content):
        raise CertificateUnreadable("cut off")
    return begin, int.from_bytes(content[place + 1 : begin], "big")
