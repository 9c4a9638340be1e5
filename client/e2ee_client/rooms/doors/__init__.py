"""Doors: the file that a company publishes, and how a customer finds and verifies it."""

from .fetching import PATH, fetch_door
from .finding import FoundDoor, find_door, open_door
from .making import make_door

__all__ = ["PATH", "FoundDoor", "fetch_door", "find_door", "make_door", "open_door"]
