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
        return PrekeysBundle(
            request_id,
            bundle=result.bundle,
            one_time_x25519=result.one_time_x25519,
            one_time_kem=result.one_time_kem,
        )
    return _stock(request_id, result) if isinstance(result, Stock) else Done(request_id)


def _stock(request_id: int, stock: Stock) -> PrekeysStock:
    return PrekeysStock(
        request_id,
        one_time_x25519=stock.one_time_x25519,
        one_time_kem=stock.one_time_kem,
        highest_x25519_id=stock.highest_x25519_id,
        highest_kem_id=stock.highest_kem_id,
        signed_prekey_id=stock.signed_prekey_id,
        last_resort_id=stock.last_resort_id,
    )
