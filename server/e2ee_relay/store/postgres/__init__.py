"""The store of several relay nodes in one PostgreSQL database; needs the extra `relay-postgres`."""
