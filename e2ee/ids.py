"""Names of public values: plain bytes at run time, distinct types to the checkers."""

from typing import NewType

AccountId = NewType("AccountId", bytes)
"""32 bytes, the account's Ed25519 public key (ID-01)."""
DeviceId = NewType("DeviceId", bytes)
"""16 random bytes."""
RecordHash = NewType("RecordHash", bytes)
"""32 bytes (ID-02)."""
ListHash = NewType("ListHash", bytes)
"""32 bytes (ID-05)."""
SessionId = NewType("SessionId", bytes)
"""32 bytes from the handshake."""
ContentId = NewType("ContentId", bytes)
"""16 random bytes, chosen by the sender."""
Tag = NewType("Tag", bytes)
"""8 bytes that name a chain to its receiver (DR-10)."""

DhPublic = NewType("DhPublic", bytes)
"""32 bytes, canonical X25519 u-coordinate (PRM-01)."""
SignPublic = NewType("SignPublic", bytes)
"""32 bytes, Ed25519."""
KemPublic = NewType("KemPublic", bytes)
"""1184 bytes, ML-KEM-768 encapsulation key (PRM-04)."""
