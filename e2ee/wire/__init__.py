"""How bytes are laid out (chapter 04)."""
