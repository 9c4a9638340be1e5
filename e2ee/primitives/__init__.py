"""The only importers of PyNaCl and cryptography. Plain bytes in, plain bytes out (chapter 03)."""

from ._select import IN_USE, native

__all__ = ["IN_USE", "native"]
