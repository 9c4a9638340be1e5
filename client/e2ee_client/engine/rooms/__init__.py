"""Rooms inside the engine: what sessions carry for them, and what they ask sessions to carry."""
