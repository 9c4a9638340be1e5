"""A relay node over a shared database: the same frames as RelayCore, and no state that matters.

What is kept here concerns this node's own connections: who has proved which key, what has been delivered and
not acknowledged, buckets. All else is asked of the database, in a transaction that judges and writes at once;
so any node answers any client, and a node that dies takes nothing with it.
"""
