"""The header-encrypted Double Ratchet (chapter 07)."""
