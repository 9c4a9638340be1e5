"""The demonstration: a conversation through a real relay, and a search of that relay for all of it."""
