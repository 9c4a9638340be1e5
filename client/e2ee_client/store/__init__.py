"""The client's encrypted store and its backup format (spec/12-storage.md)."""

from e2ee_client.rows import TABLES, Change, Continuity, Delete, Put

from .anchor import FileAnchor, GenerationAnchor, HostAnchor, MemoryAnchor
from .keys import INTERACTIVE, MODERATE, KdfProfile, Passphrase, RawKey, Unlock
from .opening import StoreOptions
from .store import Store

__all__ = [
    "INTERACTIVE",
    "MODERATE",
    "TABLES",
    "Change",
    "Continuity",
    "Delete",
    "FileAnchor",
    "GenerationAnchor",
    "HostAnchor",
    "KdfProfile",
    "MemoryAnchor",
    "Passphrase",
    "Put",
    "RawKey",
    "Store",
    "StoreOptions",
    "Unlock",
]
