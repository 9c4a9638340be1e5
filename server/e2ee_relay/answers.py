"""The answers to requests, from what the rules have decided."""

from __future__ import annotations

from .protocol import BlobData, BlobState, Done, KnownFrame, LookupResult, PrekeysBundle, PrekeysStock
from .store.api import HandedOut, Listed, Parts, Progress, Result, Stock


def answer_of(request_id: int, result: Result) -> KnownFrame:
    """Return the frame that tells a result; what has nothing to tell is DONE."""
    if isinstance(result, Listed):
        return LookupResult(request_id, *result)
    if isinstance(result, Progress):
        return BlobState(request_id, *result)
    if isinstance(result, Parts):
        return BlobData(request_id, result.parts)
    if isinstance(result, HandedOut):
        return PrekeysBundle(request_id, result.bundle, result.one_time_x25519, result.one_time_kem)
    return PrekeysStock(request_id, *result) if isinstance(result, Stock) else Done(request_id)
