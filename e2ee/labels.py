"""Every label of suite SR1, zero-padded to 16 bytes (PRM-06, spec/registries.md)."""

from __future__ import annotations

from typing import Final

LABEL_B: Final = 16


def _padded(name: str) -> bytes:
    return name.encode("ascii").ljust(LABEL_B, b"\0")


RECORD: Final = _padded("SR1-record")
LIST: Final = _padded("SR1-list")
SIG_LIST: Final = _padded("SR1-sig-list")
SIG_PREKEY: Final = _padded("SR1-sig-prekey")
SIG_ADDRESS: Final = _padded("SR1-sig-address")
SIG_SUCCESSOR: Final = _padded("SR1-sig-succ")
CARD: Final = _padded("SR1-card")
SAFETY: Final = _padded("SR1-safety")
EPHEMERAL: Final = _padded("SR1-ephemeral")
HANDSHAKE_T0: Final = _padded("SR1-hs-t0")
HANDSHAKE_T1: Final = _padded("SR1-hs-t1")
HANDSHAKE_IDENTITY: Final = _padded("SR1-hs-id")
HANDSHAKE_KEYS: Final = _padded("SR1-hs-keys")
ROOT: Final = _padded("SR1-root")
CHAIN: Final = _padded("SR1-chain")
TAG: Final = _padded("SR1-tag")
HEADER_KEY: Final = _padded("SR1-header-key")
BODY_KEY: Final = _padded("SR1-body-key")
SALT: Final = _padded("SR1-salt")
KEM_KEY: Final = _padded("SR1-kem-key")
KEM_TEXT: Final = _padded("SR1-kem-text")
KEM_EPOCH: Final = _padded("SR1-kem-epoch")
RELAY_AUTH: Final = _padded("SR1-relay-auth")
MANDATE: Final = _padded("SR1-mandate")
SIG_MANDATE: Final = _padded("SR1-sig-mandate")
ROSTER: Final = _padded("SR1-roster")
SIG_ROSTER: Final = _padded("SR1-sig-roster")
AGENT_CARD: Final = _padded("SR1-agent-card")
SIG_CHANNELS: Final = _padded("SR1-sig-channels")
ROOM_ID: Final = _padded("SR1-room-id")
ROOM_NOTES: Final = _padded("SR1-room-notes")
COMMIT: Final = _padded("SR1-commit")
DEVICE_TAG: Final = _padded("SR1-device-tag")
ENTRY: Final = _padded("SR1-entry")
SIG_ENTRY: Final = _padded("SR1-sig-entry")
NOTICE: Final = _padded("SR1-notice")
SIG_NOTICE: Final = _padded("SR1-sig-notice")
CONSENT: Final = _padded("SR1-consent")
SIG_CONSENT: Final = _padded("SR1-sig-consent")
SIG_WITHDRAWAL: Final = _padded("SR1-sig-withdraw")
SIG_ASSETS: Final = _padded("SR1-sig-assets")
SIG_LOGIN: Final = _padded("SR1-sig-login")
LOGIN_ASK: Final = _padded("SR1-login-ask")
LOGIN_KEY: Final = _padded("SR1-login-key")
FILE_CHUNK: Final = _padded("SR1-file-chunk")
FILE_HASH: Final = _padded("SR1-file-hash")
INVITE_CODE: Final = _padded("SR1-link-code")
INVITE_PLACE: Final = _padded("SR1-link-place")
INVITE_KEYS: Final = _padded("SR1-link-keys")
INVITE_COMMIT: Final = _padded("SR1-link-commit")
INVITE_SAS: Final = _padded("SR1-link-sas")
