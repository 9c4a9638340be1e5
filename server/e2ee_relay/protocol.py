"""All of the relay that a client may import: frames, their codec, and what both sides compute."""

# ruff: noqa: I001, RUF022  # a hundred names are read in lines, not in a column of their own

from __future__ import annotations

from .cbor import MAX_DEPTH, MAX_FRAME_ITEMS, MAX_ITEMS, MAX_MESSAGE_B, FrameError, Reader, decode_item
from .frames import (
    MAX_ACK_SEQS, MAX_BLOB_B, MAX_BODY_B, MAX_BUNDLE_B, MAX_FRAMES, MAX_LISTS, MAX_MAILBOXES,
    MAX_NAME_B, MAX_ONE_TIME_KEYS, MAX_PARTS_GOT, MAX_PART_B, MAX_POW_B, MAX_POW_BITS, MAX_RECORDS,
    MAX_RECORD_B, MAX_SECRET_B, MAX_SEND_ITEMS, MAX_SIGNED_ADDRESS_B, MAX_SIGNED_LIST_B,
    MAX_SIGNED_PREKEY_B, MAX_SLOT_B, MAX_TOKEN_HASHES, OPERATIONS, PROTOCOL_VERSION, Ack, Auth,
    AuthResult, BlobData, BlobDrop, BlobGet, BlobOpen, BlobPut, BlobState, CreateMailbox, DeleteMailbox,
    Displaced, Done, ErrorCode, ErrorReply, Frame, GoAway, Hello, InvalidRequest, KnownFrame, Limits,
    Lookup, LookupResult, LowPrekeys, Message, Ping, PrekeysBundle, PrekeysCount, PrekeysFetch,
    PrekeysStock, PrekeysUpload, Publish, Push, QueueEmpty, Request, Response, Role, Send, SendItem,
    SendResult, SendResults, Subscribe, TokenAdd, TokenClass, TokenRevoke, TtlClass, UnknownFrame,
    UnknownRequest, array_head, decode_frames, encode_frame, encode_frames, iterate_frames, join_frames,
)  # fmt: skip
from .proofs import (
    LABEL_AUTH, LABEL_BLOB, LABEL_POW, LABEL_TOKEN, auth_payload, blob_hash, find_pow, hour_of,
    pow_context_create, pow_context_fetch, pow_context_send, pow_is_enough, token_hash, try_pow,
)  # fmt: skip

__all__ = [
    "MAX_DEPTH", "MAX_FRAME_ITEMS", "MAX_ITEMS", "MAX_MESSAGE_B", "FrameError", "Reader", "decode_item",
    "MAX_ACK_SEQS", "MAX_BLOB_B", "MAX_BODY_B", "MAX_BUNDLE_B", "MAX_FRAMES", "MAX_LISTS",
    "MAX_MAILBOXES", "MAX_NAME_B", "MAX_ONE_TIME_KEYS", "MAX_PARTS_GOT", "MAX_PART_B", "MAX_POW_B",
    "MAX_POW_BITS", "MAX_RECORDS", "MAX_RECORD_B", "MAX_SECRET_B", "MAX_SEND_ITEMS",
    "MAX_SIGNED_ADDRESS_B", "MAX_SIGNED_LIST_B", "MAX_SIGNED_PREKEY_B", "MAX_SLOT_B",
    "MAX_TOKEN_HASHES", "OPERATIONS", "PROTOCOL_VERSION", "Ack", "Auth", "AuthResult", "BlobData",
    "BlobDrop", "BlobGet", "BlobOpen", "BlobPut", "BlobState", "CreateMailbox", "DeleteMailbox",
    "Displaced", "Done", "ErrorCode", "ErrorReply", "Frame", "GoAway", "Hello", "InvalidRequest",
    "KnownFrame", "Limits", "Lookup", "LookupResult", "LowPrekeys", "Message", "Ping", "PrekeysBundle",
    "PrekeysCount", "PrekeysFetch", "PrekeysStock", "PrekeysUpload", "Publish", "Push", "QueueEmpty",
    "Request", "Response", "Role", "Send", "SendItem", "SendResult", "SendResults", "Subscribe",
    "TokenAdd", "TokenClass", "TokenRevoke", "TtlClass", "UnknownFrame", "UnknownRequest", "array_head",
    "decode_frames", "encode_frame", "encode_frames", "iterate_frames", "join_frames",
    "LABEL_AUTH", "LABEL_BLOB", "LABEL_POW", "LABEL_TOKEN", "auth_payload", "blob_hash", "find_pow",
    "hour_of", "pow_context_create", "pow_context_fetch", "pow_context_send", "pow_is_enough",
    "token_hash", "try_pow",
]  # fmt: skip
