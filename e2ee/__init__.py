"""Sealroom's protocol core, suite SR1: bytes in, bytes out, no I/O, no clock, no randomness of its own.

Start with `identity` (accounts, devices), `prekeys` (bundles), `session` (one session) and `pair` (which
session is active). The normative text is `spec/`; rule ids in docstrings point there.
"""
