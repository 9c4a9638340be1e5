"""Chapter 03, PRM-14: the choice between reference and extension, and refusals that both have."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import nacl.bindings as sodium
import pytest

from e2ee import primitives
from e2ee.errors import AuthenticationError, InvalidArgument
from e2ee.primitives import _select, xaead
from e2ee.ratchet import chain, message

KEY = bytes(range(32))
NONCE = bytes(range(24))
SIZES_B = (32, 32, 8, 32, 48, 16, 2)
PLACE = "e2ee.primitives._native"
# Its parts come from a list here.
SEAL: Any = message.seal


class Extension(ModuleType):
    """What stands in for the extension."""

    LIBSODIUM = "1.0.18"

    def __init__(self, interface: int) -> None:
        super().__init__(PLACE)
        self.INTERFACE = interface

    @staticmethod
    def aead_seal() -> str:
        """The faster function."""
        return "faster"


@pytest.mark.parametrize("value", [None, "", "0"])
def test_the_extension_is_found_where_it_is_installed(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PRM-14"""
    extension = Extension(1)
    monkeypatch.setitem(sys.modules, PLACE, extension)
    assert _select.find({} if value is None else {"SEALROOM_PURE": value}) is extension
    assert _select.described(extension, "_select.py") == "native, libsodium 1.0.18"


def test_a_setting_forces_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-14"""
    monkeypatch.setitem(sys.modules, PLACE, Extension(1))
    assert _select.find({"SEALROOM_PURE": "1"}) is None
    assert _select.described(None, "_select.py") == "reference"


def test_the_reference_runs_where_there_is_no_extension_or_one_of_another_interface(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PRM-14"""
    modules: dict[str, Any] = dict(sys.modules)
    for there in (None, Extension(0), Extension(2), ModuleType(PLACE)):
        monkeypatch.setattr(sys, "modules", modules | {PLACE: there})
        assert _select.find({}) is None


def test_a_function_is_replaced_by_that_of_the_extension_or_stays_itself() -> None:
    """PRM-14: as a whole, so that one that the extension lacks is an error."""

    def reference() -> str:
        return "reference"

    assert _select.native("aead_seal", None)(reference) is reference
    assert _select.native("aead_seal", Extension(1))(reference)() == "faster"
    with pytest.raises(AttributeError):
        _select.native("aead_open", Extension(1))(reference)


def test_what_runs_is_said() -> None:
    """PRM-14: and whether it is compiled, which the setting does not change."""
    assert _select.described(_select._FOUND, _select.__file__) == primitives.IN_USE
    for file in ("_select.cpython-313-x86_64-linux-gnu.so", "_select.cp313-win_amd64.pyd"):
        assert _select.described(None, file) == "reference, compiled"
        assert _select.described(Extension(1), file) == "native, compiled, libsodium 1.0.18"


@pytest.mark.parametrize("text", [b"", b"t", b"text"])
def test_the_store_aead_agrees_with_libsodium(text: bytes) -> None:
    """STO-01"""
    sealed = xaead.seal(KEY, NONCE, text, b"place")
    assert sealed == sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(text, b"place", NONCE, KEY)
    assert xaead.open_(KEY, NONCE, sealed, b"place") == text


@pytest.mark.parametrize("size_b", [0, 15, 16, 19, 21])
def test_the_store_aead_opens_nothing_that_was_not_sealed(size_b: int) -> None:
    """STO-01"""
    sealed = xaead.seal(KEY, NONCE, b"text", b"place").ljust(size_b, b"\0")[:size_b]
    with pytest.raises(AuthenticationError):
        xaead.open_(KEY, NONCE, sealed, b"place")
    with pytest.raises(AuthenticationError):
        xaead.open_(KEY, NONCE, xaead.seal(KEY, NONCE, b"text", b"place"), b"another place")


@pytest.mark.parametrize(("key", "nonce"), [(KEY[1:], NONCE), (KEY, NONCE[1:]), (KEY + KEY, NONCE + KEY)])
def test_the_store_aead_has_a_key_of_32_and_a_nonce_of_24_bytes(key: bytes, nonce: bytes) -> None:
    """STO-01"""
    with pytest.raises(InvalidArgument):
        xaead.seal(key, nonce, b"text", b"place")
    with pytest.raises(InvalidArgument):
        xaead.open_(key, nonce, bytes(64), b"place")


@pytest.mark.parametrize("part", range(len(SIZES_B)))
@pytest.mark.parametrize("more_b", [-1, 1])
def test_a_message_is_sealed_from_parts_of_their_sizes_only(part: int, more_b: int) -> None:
    """DR-07, DR-08: chain key, header key, tag, session id, header, randomness, and what an envelope begins
    with.
    """
    parts = [bytes(size_b) for size_b in SIZES_B]
    _, envelope = SEAL(*parts, b"body")
    assert len(envelope) == 2 + 8 + 16 + 64 + 4 + 16
    parts[part] = bytes(SIZES_B[part] + more_b)
    with pytest.raises(InvalidArgument):
        SEAL(*parts, b"body")


@pytest.mark.parametrize("opening", [message.open_header, message.open_next, message.open_skipped])
@pytest.mark.parametrize(("key_b", "salt_b"), [(31, 16), (33, 16), (32, 15), (32, 17), (32, 0)])
def test_a_message_is_opened_under_a_key_and_a_salt_of_their_sizes_only(
    opening: Any, key_b: int, salt_b: int
) -> None:
    """DR-07, DR-08"""
    with pytest.raises(AuthenticationError):
        opening(bytes(32), bytes(16), bytes(64), b"")
    with pytest.raises(InvalidArgument):
        opening(bytes(key_b), bytes(salt_b), bytes(64), b"")


def test_a_sealed_message_opens_part_by_part() -> None:
    """DR-04, DR-07, DR-08: the header under the chain's header key; the body under its chain key, or the
    message key that comes of it.
    """
    parts = [bytes((at,)) * size_b for at, size_b in enumerate(SIZES_B)]
    chain_key, header_key, tag, session_id, header, _, lead = parts
    next_chain_key, envelope = SEAL(*parts, b"body")
    salt, sealed_header, sealed_body = envelope[10:26], envelope[26:90], envelope[90:]
    bound = lead + tag + salt + session_id
    assert message.open_header(header_key, salt, sealed_header, bound) == header
    ahead = envelope[:90] + session_id
    assert message.open_next(chain_key, salt, sealed_body, ahead) == (next_chain_key, b"body")
    _, message_key = chain.step(chain_key)
    assert message.open_skipped(message_key, salt, sealed_body, ahead) == b"body"
