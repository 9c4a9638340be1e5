"""The only importers of PyNaCl and cryptography. Plain bytes in, plain bytes out (chapter 03)."""
