"""Rooms for companies and their customers, above the client of single contacts (chapters 15 to 18)."""
