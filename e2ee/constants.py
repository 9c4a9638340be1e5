"""Sizes fixed by the specification, and limits that are our own (spec/registries.md)."""

from __future__ import annotations

from typing import Final

# Specification constants (chapters 03 and 04).
SUITE: Final = 1
VERSION: Final = 1
KIND_MESSAGE: Final = 1
KIND_FIRST_FLIGHT: Final = 2

HASH_B: Final = 32
KEY_B: Final = 32
SIGNATURE_B: Final = 64
AEAD_TAG_B: Final = 16
KEM_SEED_B: Final = 64
KEM_KEY_B: Final = 1184
KEM_CIPHERTEXT_B: Final = 1088

ACCOUNT_ID_B: Final = 32
DEVICE_ID_B: Final = 16
CONTENT_ID_B: Final = 16
SESSION_ID_B: Final = 32
MAILBOX_B: Final = 16
TOKEN_B: Final = 32
ASK_ID_B: Final = 8
SHORT_ID_B: Final = 8
LINE_B: Final = 4
NUMBER_B: Final = 20

TAG_B: Final = 8
SALT_B: Final = 16
HEADER_B: Final = 48
SEALED_HEADER_B: Final = HEADER_B + AEAD_TAG_B
FRAGMENT_B: Final = 272
IDENTITY_B: Final = 960
SEALED_IDENTITY_B: Final = IDENTITY_B + AEAD_TAG_B
PREFIX_B: Final = KEY_B + 3 * 4 + KEM_CIPHERTEXT_B + SEALED_IDENTITY_B
FIRST_FLIGHT_B: Final = 4096
FIRST_BODY_B: Final = FIRST_FLIGHT_B - 2 - PREFIX_B - TAG_B - SALT_B - SEALED_HEADER_B - AEAD_TAG_B
BODY_CLASSES_B: Final = (512, 1024, 2048, 4096)

# Own limits.
MAX_CONTENT_B: Final = 65_536
MAX_ENVELOPE_B: Final = 98_304
MAX_SKIPPED_KEYS: Final = 1_000
SKIPPED_KEY_TTL_MS: Final = 2_592_000_000
MAX_JUMP: Final = 1_000
MAX_COUNTER: Final = 2_147_483_648
MAX_OTHER_SESSIONS: Final = 4
MAX_NUMBER_JUMP: Final = 10_000
MAX_MISSING_RANGES: Final = 64
OTHER_TTL_MS: Final = 604_800_000
MAX_LIST_RECORDS: Final = 16
LIST_TTL_MS: Final = 2_592_000_000
RELAY_RETENTION_MS: Final = 2_592_000_000
CLOCK_TOLERANCE_MS: Final = 86_400_000
PREKEY_ROTATION_MS: Final = 604_800_000
PREKEY_LIFE_MS: Final = 1_209_600_000
PREKEY_GRACE_MS: Final = 1_209_600_000
MAX_CBOR_DEPTH: Final = 8
