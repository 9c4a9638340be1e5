"""The reader that was written from the chapters alone, over the vectors: what it opens and refuses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import independent_reader as reader
import independent_rooms as rooms
import independent_sender as sender
import independent_stored as stored
import pytest
from independent_refusal import Refused

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"


@cache
def load(name: str) -> dict[str, Any]:
    """One file of vectors."""
    data: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return data


def unhex(text: str) -> bytes:
    """Bytes out of hexadecimal."""
    return bytes.fromhex(text)


def responder(side: dict[str, Any], case: dict[str, Any]) -> reader.Responder:
    """The responder with the private keys of a case."""
    record = reader.Record.parse(unhex(side["record"]))
    shelf: dict[tuple[str, int], reader.OwnPrekey] = {}
    for name, own in own_prekeys(record, case).items():
        shelf[name, own.prekey.id] = own
    return reader.Responder(unhex(side["dh_private"]), record, shelf)


def own_prekeys(record: reader.Record, case: dict[str, Any]) -> dict[str, reader.OwnPrekey]:
    """The prekeys of a case by SPK, OPK and PQK, each verified under the record."""
    kinds = {"SPK": ["SPK"], "OPK": ["OPK"], "PQK": ["PQK_ONE_TIME", "PQK_LAST_RESORT"]}
    result: dict[str, reader.OwnPrekey] = {}
    for name, accepted in kinds.items():
        if (given := case[name.lower()]) is not None:
            prekey = reader.verify_prekey(unhex(given["signed"]), record, accepted)
            result[name] = reader.OwnPrekey(unhex(given["private"]), prekey)
    return result


def head_of(pinned: dict[str, Any] | None) -> tuple[int, bytes] | None:
    """A pinned head as the reader takes it."""
    return None if pinned is None else (pinned["seq"], unhex(pinned["hash"]))


def pins_of(pinned: dict[str, Any] | None) -> dict[bytes, reader.DeviceList]:
    """Pinned lists by account, as a flight's vector gives one."""
    if pinned is None:
        return {}
    account = unhex(pinned["account_id"])
    return {account: reader.DeviceList.verified(unhex(pinned["signed_list"]), account)}


def sending_of(side: dict[str, Any]) -> reader.Sending:
    """The sending half of a state in the transcript; what becomes the previous length is the number used."""
    if side["state"] == "StepDue":
        used, private, their_key = side["previous_length"], None, unhex(side["their_key"])
    else:
        used, private, their_key = side.get("number", 0), unhex(side["private_key"]), None
    return reader.Sending(private, their_key, unhex(side["next_header_key"]), used)


Wholes = dict[str, bytes]


def wholes_of(data: dict[str, Any]) -> Wholes:
    """The keys and ciphertext messages of a transcript, by id."""
    keys = {row["key_id"]: unhex(row["key"]) for row in data["epochs"]}
    answered = [row for row in data["epochs"] if "ciphertext_id" in row]
    return keys | {row["ciphertext_id"]: unhex(row["ciphertext_message"]) for row in answered}


def pieces_of(whole: bytes, there: list[int]) -> tuple[bytes, ...]:
    """Pieces of a whole, those that are there."""
    pieces = (whole[256 * at : 256 * (at + 1)].ljust(256, b"\0") for at in range(5))
    return tuple(piece if at in there else b"" for at, piece in enumerate(pieces))


def kem_of(row: dict[str, Any], wholes: Wholes) -> reader.Kem:
    """A state of the KEM ratchet in the transcript."""
    seed, key_id, pieces = unhex(row.get("seed", "")), unhex(row.get("key_id", "")), row.get("pieces")
    message = wholes[row["key_id"]] if row["state"] == "CiphertextDue" else b""
    if row["state"] == "Answering":
        message = wholes[row["ciphertext_id"]]
    made = row.get("made", {"ms": 0, "at": 0})
    mark = pieces["hash"] if pieces else ""
    if row["state"] == "SecretHeld":
        mark = row["ciphertext_id"]
    return reader.Kem(
        row["state"],
        seed,
        reader.key_id_of(reader.kem_public(seed)) if seed else key_id,
        message,
        unhex(row.get("epoch_secret", "")),
        (made["ms"], made["at"]),
        row.get("sent", 0),
        unhex(mark),
        pieces_of(wholes[pieces["hash"]], pieces["there"]) if pieces else (),
    )


def state_of(row: dict[str, Any], wholes: Wholes) -> reader.State:
    """A state of the transcript."""
    chain = row["receiving"]
    receiving = None
    if chain["state"] == "Receiving":
        key, header_key, chain_key = (unhex(chain[name]) for name in ("their_key", "header_key", "chain_key"))
        receiving = reader.Receiving(key, header_key, chain_key, chain["number"], chain["pq_epoch"])
    skipped = tuple(
        reader.Skipped(
            unhex(item["header_key"]), item["number"], unhex(item["message_key"]), item["stored_ms"]
        )
        for item in row["skipped"]
    )
    return reader.State(
        unhex(row["session_id"]),
        unhex(row["root_key"]),
        sending_of(row["sending"]),
        receiving,
        unhex(row["next_receive"]["header_key"]),
        row["pq_epoch"],
        skipped,
        row["healed_ms"],
        kem_of(row["kem"], wholes),
        row["finished"],
        (row["pq_healing"]["healed_ms"], row["pq_healing"]["at"]),
    )


def stored_state(data: dict[str, Any]) -> tuple[reader.State, int]:
    """State and epoch of a stored session with its skipped keys (SES-14)."""
    rows = [(unhex(row["place"]), unhex(row["value"])) for row in data["skipped"]]
    return stored.session(unhex(data["session"]), rows)


# --- what the reader computes ---


def test_primitives_give_the_values_of_the_vectors() -> None:
    """PRM-01, PRM-03 to PRM-07, PRM-11 to PRM-13."""
    data = load("primitives.json")
    for name, label in data["labels"].items():
        assert reader.padded(name).hex() == label
    for row in data["hash"]:
        assert reader.digest(row["label"], unhex(row["data"])).hex() == row["hash"]
    for row in data["prf"]:
        key, more, salt = (unhex(row[name]) for name in ("key", "data", "salt"))
        assert reader.prf(key, row["label"], row["size_b"], more, salt).hex() == row["output"]
    for row in data["hkdf"]:
        salt, ikm, info = (unhex(row[name]) for name in ("salt", "ikm", "info"))
        label = info[:16].rstrip(b"\0").decode()
        assert reader.hkdf(salt, ikm, label, row["size_b"], info[16:]).hex() == row["output"]
    for row in data["dh"]:
        private, public = unhex(row["private"]), unhex(row["public"])
        assert sender.public_of(private).hex() == row["public_of_private"]
        assert reader.exchange(private, public).hex() == row["shared"]
    for row in data["sign"]:
        public, message, signature = (unhex(row[name]) for name in ("public", "data", "signature"))
        reader.verify(public, row["label"], message, signature)
    for row in data["aead"]:
        key, plain, associated = (unhex(row[name]) for name in ("key", "plaintext", "associated"))
        assert sender.seal_with(key, plain, associated).hex() == row["ciphertext"]
        assert reader.unseal(key, unhex(row["ciphertext"]), associated) == plain


@pytest.mark.parametrize("row", load("cbor.json")["cases"], ids=lambda row: row["diagnostic"][:40])
def test_a_value_is_read(row: dict[str, str]) -> None:
    """WIRE-01, WIRE-02"""
    assert shown(reader.decode(unhex(row["encoded"]))) == row["diagnostic"]


def shown(value: reader.Value) -> str:
    """A value in the diagnostic notation of RFC 8949, section 8."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def test_sizes_and_padding() -> None:
    """WIRE-07, WIRE-10 to WIRE-13."""
    data = load("padding.json")
    for name, under_prefix, before in (("kind_1", False, 272), ("kind_2", True, 0)):
        for row in data[name]:
            body_b = reader.padded_size(before + row["content_b"] + 1, under_prefix=under_prefix)
            assert body_b == row["body_b"], row
            lead = b"\1\2" + bytes(2108) if under_prefix else b"\1\1"
            raw = lead + bytes(row["envelope_b"] - len(lead))
            assert len(reader.Envelope.parse(raw).body) == body_b + 16
    for row in data["padme"]:
        assert reader.padded_size(row["length_b"], under_prefix=False) == row["size_b"], row
    for row in data["padded"]:
        assert reader.unpad(unhex(row["padded"])).hex() == row["plain"]
        assert sender.padded_to(unhex(row["plain"]), 512).hex() == row["padded"]


@pytest.mark.parametrize("case", load("handshake.json")["cases"], ids=lambda case: case["name"])
def test_a_handshake_gives_the_values_of_the_vectors(case: dict[str, Any]) -> None:
    """HS-02, HS-07, WIRE-15: the responder's transcript, keys and record, from private keys and prefix."""
    data = load("handshake.json")
    me = responder(data["responder"], case)
    prefix = reader.Prefix.parse(unhex(case["prefix"]))
    accepted = reader.respond(me, me.find(prefix), prefix, {}, data["now_ms"])
    values = (accepted.t0, accepted.k0, accepted.t1, accepted.start.root_key, accepted.start.session_id)
    names = ("t0", "k0", "t1", "root_key", "session_id")
    assert [value.hex() for value in values] == [case[name] for name in names]
    header_keys = [case["initiator_header_key"], case["responder_header_key"]]
    assert [key.hex() for key in accepted.header_keys] == header_keys
    assert accepted.record.raw.hex() == data["initiator"]["record"]


LISTS = load("flight_lists.json")


@pytest.mark.parametrize("case", LISTS["cases"], ids=lambda case: case["name"])
def test_the_newer_list_of_a_flight_and_a_pin_is_in_force(case: dict[str, Any]) -> None:
    """ID-10, ID-11."""
    me = responder(LISTS["responder"], LISTS)
    prefix = reader.Prefix.parse(reader.Envelope.parse(unhex(case["envelope"])).prefix)
    accepted = reader.respond(me, me.find(prefix), prefix, pins_of(case["pinned"]), case["now_ms"])
    assert accepted.device_list.hash.hex() == case["in_force"]


def test_bundles_are_verified_up_to_the_account() -> None:
    """ID-16, ID-31: each bundle, and the last moments of one."""
    data = load("identity.json")
    account = unhex(data["account"]["account_id"])
    for row in data["bundles"]:
        found = reader.verify_bundle(unhex(row["bundle"]), account, None, [], data["now_ms"])
        assert found.record.raw.hex() == data["records"][0]["record"]
        one_time = [prekey.one_time for prekey in found.prekeys[1:]]
        assert (len(found.prekeys) == 3, one_time[-1]) == (row["one_time_x25519"], row["one_time_kem"])
    for row in data["times"]:
        raw, now_ms, grace_ms = unhex(row["bundle"]), row["now_ms"], row["grace_ms"]
        if row["accepted"]:
            assert len(reader.verify_bundle(raw, account, None, [], now_ms, grace_ms).prekeys) == 2
        else:
            with pytest.raises(Refused, match=r"remote\.expired"):
                reader.verify_bundle(raw, account, None, [], now_ms, grace_ms)


def test_a_compact_bundle_gives_the_prekeys_that_were_signed() -> None:
    """ID-19."""
    data = load("identity.json")
    record = reader.Record.parse(unhex(data["records"][0]["record"]))
    found = reader.verify_compact(unhex(data["compact_bundle"]), record)
    signed = {row["kind"]: row["signed"] for row in data["prekeys"]}
    kinds = ("SPK", "PQK_LAST_RESORT", "OPK", "PQK_ONE_TIME")
    assert [prekey.signed.hex() for prekey in found] == [signed[kind] for kind in kinds]


def test_an_address_and_a_successor_are_accepted() -> None:
    """ID-13, ID-20."""
    data = load("identity.json")
    address, successor = data["address"], data["successor"]
    record = reader.Record.parse(unhex(data["records"][0]["record"]))
    mailbox, token, issued_ms = reader.verify_address(unhex(address["signed"]), record)
    assert (mailbox.hex(), token.hex(), issued_ms) == tuple(
        address[name] for name in ("mailbox", "token", "issued_ms")
    )
    account, pinned = unhex(data["account"]["account_id"]), unhex(data["lists"][-1]["signed"])
    new = reader.verify_successor(unhex(successor["signed"]), account, pinned)
    assert new.hex() == successor["new_account_id"]


@pytest.mark.parametrize("name", ["ratchet.json", "pq.json"])
def test_the_first_flight_of_the_transcript_opens_from_private_keys(name: str) -> None:
    """HS-07, DR-01, DR-02: from the prefix of the message that arrives first to the state after it."""
    data = load(name)
    steps, wholes = data["steps"], wholes_of(data)
    first = next(step for step in steps if step["action"] == "receive")
    sent = {step["message"]: step for step in steps if step["action"] == "send"}
    raw = unhex(sent[first["message"]]["envelope"])
    me = responder(data["responder"], data)
    prefix = reader.Prefix.parse(reader.Envelope.parse(raw).prefix)
    start = reader.respond(me, me.find(prefix), prefix, {}, first["now_ms"]).start
    assert start == state_of(data["start"]["B"], wholes)
    state, content = reader.open_flight(me, me.find(prefix), raw, {}, first["now_ms"])
    assert state == state_of(first["after"], wholes)
    assert content.epoch == data["epoch"]


@pytest.mark.parametrize("name", ["ratchet.json", "pq.json"])
@pytest.mark.parametrize("side", ["A", "B"])
def test_every_message_of_the_transcript_opens(side: str, name: str) -> None:
    """DR-10 to DR-19, PQ-07 to PQ-14: contents and states of one side, with its sending steps as recorded."""
    data = load(name)
    wholes = wholes_of(data)
    sent = {step["message"]: step for step in data["steps"] if step["action"] == "send"}
    state, opened = state_of(data["start"][side], wholes), 0
    for step in (step for step in data["steps"] if step["side"] == side):
        assert state == state_of(step["before"], wholes)
        if step["action"] == "send":
            state = state_of(step["after"], wholes)
            continue
        message = sent[step["message"]]
        state, content = reader.open_message(state, data["epoch"], unhex(message["envelope"]), step["now_ms"])
        assert content.hex() == message["content"]
        assert state == state_of(step["after"], wholes)
        opened += 1
    assert opened >= 9


CASES = load("pq_cases.json")


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_a_single_step_of_the_kem_ratchet(case: dict[str, Any]) -> None:
    """PQ-08 to PQ-11, SES-14: from one stored session to the other."""
    state, epoch = stored_state(case)
    if case["arrives"] is not None:
        after, content = reader.open_message(
            state, epoch, unhex(case["arrives"]["envelope"]), CASES["now_ms"]
        )
        assert (after.kem == state.kem) == case["arrives"]["ignored"]
        assert content.hex() == CASES["content"]
        state = after
    assert state == stored_state(case["after"])[0]


LIMITS = load("ratchet_cases.json")


@pytest.mark.parametrize("case", LIMITS["cases"], ids=lambda case: case["name"])
def test_an_arrival_at_a_limit(case: dict[str, Any]) -> None:
    """DR-12, DR-13, DR-14, DR-16: the state after it, and which of the skipped keys are left."""
    state, gen = stored_state(case)
    after, _ = reader.open_message(state, gen, unhex(case["envelope"]), LIMITS["now_ms"])
    rows = sorted(
        reader.tag_of(item.header_key)
        + item.number.to_bytes(4, "big")
        + item.header_key
        + item.message_key
        + item.stored_ms.to_bytes(8, "big")
        for item in after.skipped
    )
    left = {"count": len(rows), "sha256": hashlib.sha256(b"".join(rows)).hexdigest()}
    assert left == case["after"]["skipped"]
    expected, _ = stored_state({"session": case["after"]["session"], "skipped": []})
    assert dataclasses.replace(after, skipped=()) == expected


@pytest.mark.parametrize("epoch", load("pq.json")["epochs"][:2], ids=lambda epoch: epoch["epoch"])
def test_an_epoch_gives_the_values_of_the_vectors(epoch: dict[str, Any]) -> None:
    """PQ-03: secret and confirmation of the encapsulator's side."""
    session_id = unhex(load("pq.json")["start"]["A"]["session_id"])
    secret, key, text = (unhex(epoch[name]) for name in ("kem_secret", "key", "ciphertext"))
    assert reader.key_id_of(key).hex() == epoch["key_id"]
    keys = reader.epoch_keys(session_id, epoch["epoch"], secret, key, text)
    assert [key.hex() for key in keys] == [epoch["epoch_secret"], epoch["confirmation"]]


def test_records_and_lists_of_an_account_are_accepted() -> None:
    """ID-02, ID-05 to ID-09: hashes, signatures, links and membership."""
    data = load("identity.json")
    account = unhex(data["account"]["account_id"])
    records = [reader.Record.parse(unhex(row["record"])) for row in data["records"]]
    assert [record.hash.hex() for record in records] == [row["record_hash"] for row in data["records"]]
    links = [unhex(row["signed"]) for row in data["lists"]]
    lists = [reader.DeviceList.verified(link, account) for link in links]
    assert [item.hash.hex() for item in lists] == [row["list_hash"] for row in data["lists"]]
    newest = reader.verify_chain(account, (1, lists[0].hash), links[1:], data["now_ms"])
    assert newest == reader.verify_chain(account, None, links, data["now_ms"]) == lists[-1]
    assert {record.hash for record in records} >= set(newest.hashes)
    assert records[0].hash in newest.hashes


def test_prekeys_of_a_device_are_accepted() -> None:
    """ID-14, ID-15: each kind, by signature, and for no other place."""
    data = load("identity.json")
    record = reader.Record.parse(unhex(data["records"][0]["record"]))
    assert len(data["prekeys"]) == 4
    for row in data["prekeys"]:
        kinds = [name for name, pair in reader.KINDS.items() if pair == (row["type"], row["usage"])]
        prekey = reader.verify_prekey(unhex(row["signed"]), record, kinds)
        assert (prekey.id, prekey.not_after_ms) == (row["id"], row["not_after_ms"])
        assert prekey.key.hex() == row["key"]


SESSIONS = load("sessions.json")


@pytest.mark.parametrize("case", SESSIONS["sets"], ids=range(len(SESSIONS["sets"])))
def test_the_active_session_of_a_set(case: dict[str, Any]) -> None:
    """SES-22"""
    found = [(unhex(one["id"]), one["epoch"], one["proven"]) for one in case["sessions"]]
    active = reader.active_session(found)
    assert (None if active is None else active.hex()) == case["active"]


@pytest.mark.parametrize("script", SESSIONS["scripts"], ids=lambda script: script["name"])
def test_the_active_session_after_each_step_of_a_script(script: dict[str, Any]) -> None:
    """SES-22: from what the other steps left, whatever has happened."""
    for step in script["steps"]:
        after = step["after"]
        found = [(unhex(one), epoch, what in ("active", "other")) for one, epoch, what in after["sessions"]]
        active = reader.active_session(found)
        assert (None if active is None else active.hex()) == after["active"]


@pytest.mark.parametrize("case", SESSIONS["numbers"], ids=lambda case: case["name"])
def test_numbers_show_what_the_vectors_say(case: dict[str, Any]) -> None:
    """SES-30, SES-31"""
    known = reader.Numbers()
    for step in case["steps"]:
        n, line, first = step["number"]
        take = reader.take_number if step["event"] == "take" else reader.told_number
        known, found = take(known, n, unhex(line), first)
        assert found == step["findings"]
    assert (known.highest, known.forgotten) == (case["after"]["highest"], case["after"]["forgotten"])
    assert known.missing == {n for low, high in case["after"]["missing"] for n in range(low, high + 1)}


def _outer_keys(diagnostic: str) -> set[int]:
    """The keys of the outermost map of a value in diagnostic notation, without what stands inside of it."""
    depth, outer = 0, ""
    for char in diagnostic:
        depth += (char in "{[") - (char in "}]")
        outer += char if depth == 1 else ""
    return {int(one) for one in re.findall(r"(?:^\{|, )(\d+): ", outer)}


@pytest.mark.parametrize("case", load("content.json")["cases"], ids=lambda case: case["name"])
def test_contents_are_read(case: dict[str, Any]) -> None:
    """CON-01 to CON-03, CON-12, SES-24"""
    content = reader.parse_content(unhex(case["encoded"]))
    assert f"1: {content.type}, " in case["diagnostic"]
    assert (content.epoch is not None) == (6 in _outer_keys(case["diagnostic"]))


TRANSCRIPT, ROOMS = load("transcript.json"), load("rooms.json")


@pytest.mark.parametrize("case", TRANSCRIPT["entries"], ids=lambda case: case["name"])
def test_entries_are_read(case: dict[str, Any]) -> None:
    """TRN-02, TRN-04, TRN-05, TRN-08, TRN-17, TRN-21: in a content and as lines, with one hash."""
    signed = case["sign_public"] is not None
    account = TRANSCRIPT["company"] if signed else TRANSCRIPT["customer"]
    assert rooms.entry({**case, "account_id": account}).hex() == case["entry_hash"]
    for name in ("line", "redacted"):
        given = {
            **case,
            "line": case[name],
            "company": TRANSCRIPT["company"],
            "customer": TRANSCRIPT["customer"],
            "room_id": TRANSCRIPT["room_id"],
        }
        assert rooms.line(given).hex() == case["entry_hash"]
    body = reader.items(reader.decode(unhex(case["body"])), 2, 2)
    assert len(reader.octets(body[0])) == 16


def test_payloads_signals_and_dossiers_are_read() -> None:
    """TRN-14, TRN-20 to TRN-22, TRN-25, ROOM-04, ROOM-25"""
    for case in ROOMS["payloads"]:
        rooms.payload(case["kind"], unhex(case["payload"]))
    for case in ROOMS["signals"]:
        rooms.signal(unhex(case["signal"]))
    rooms.dossier(unhex(ROOMS["dossier"]))


@pytest.mark.parametrize("case", load("card.json")["cases"], ids=lambda case: case["relay_url"])
def test_a_card_is_read_from_each_of_its_forms(case: dict[str, Any]) -> None:
    """ID-21 to ID-23, ID-34, ID-35."""
    card = (unhex(case["account_id"]), case["relay_url"], case["name"])
    for text in (case["uri"], case["json"], *case["also"]):
        assert reader.parse_card(text) == card


def test_relay_urls_and_names_are_told_from_others() -> None:
    """ID-23, ID-33."""
    data = load("grammar.json")
    for row in data["relay_urls"]:
        assert reader.is_relay(row["url"]) is row["accepted"], row
    for row in data["names"]:
        assert reader.is_name(row["code_points"]) is row["accepted"], row


@pytest.mark.parametrize("case", load("safety.json")["cases"], ids=lambda case: case["qr"][11:19])
def test_a_safety_number_is_the_same_on_both_sides(case: dict[str, Any]) -> None:
    """ID-24 to ID-26."""
    first, second = (unhex(account) for account in case["accounts"])
    assert [reader.fingerprint(account).hex() for account in (first, second)] == case["fingerprints"]
    assert reader.safety_number(first, second) == case["safety_number"]
    assert reader.safety_number(second, first) == case["safety_number"]
    assert reader.safety_qr(second, first) == case["qr"]
    assert reader.compare_safety(first, second, case["qr"])
    assert not reader.compare_safety(first, first, case["qr"])


# --- what the reader refuses ---


def session_respond(data: dict[str, Any]) -> None:
    """Take a first flight with the given prekeys, whatever ids it names, after the honest one was taken."""
    opens(lambda: flight_opens(data["responder"], data["honest"]))
    flight_opens(data["responder"], data)


def flight_opens(side: dict[str, Any], case: dict[str, Any]) -> None:
    """Take one first flight."""
    me = responder(side, case)
    own = own_prekeys(me.record, case)
    found = reader.Found(own["SPK"], own.get("OPK"), own["PQK"])
    reader.open_flight(me, found, unhex(case["envelope"]), pins_of(case.get("pinned")), case["now_ms"])


def opens(honest: Callable[[], object]) -> None:
    """Run what must not be refused, so that its refusal is not taken for the one that is looked for."""
    try:
        honest()
    except Refused as refused:
        raise AssertionError(f"the honest one is refused with {refused.code}") from refused


def session_open(data: dict[str, Any]) -> None:
    """Open a message, after the honest one opened on the same state."""
    state, epoch = stored_state(data)
    opens(lambda: reader.open_message(state, epoch, unhex(data["honest"]), data["now_ms"]))
    reader.open_message(state, epoch, unhex(data["envelope"]), data["now_ms"])


def session_seal(data: dict[str, Any]) -> None:
    """Seal a text of so many letters on a stored session, under a prefix with an address."""
    raw, letters, now_ms = unhex(data["session"]), b"x" * data["text_b"], data["now_ms"]
    state, epoch = stored.session(raw, [])
    back = b"\7\xa3\1\x50" + bytes(16) + b"\2\x58\x20" + bytes(32) + b"\3\x74wss://relay.example/"
    back = back if sender.to_send(raw)[1] else b""
    head = bytes((0xA6 if back else 0xA5,)) + b"\1\1\2\x50" + unhex(data["content_id"])
    sent = b"\3" + reader.head_bytes(0, now_ms)
    text = b"\4\xa1\1" + reader.head_bytes(3, len(letters)) + letters
    number = b"\x09\x54" + (1).to_bytes(8, "big") + b"line" + (1).to_bytes(8, "big")
    content = head + sent + text + back + number
    sender.seal_stored(
        state, epoch, raw, content, sender.Draws(bytes(32), bytes(64), fresh=bytes(16)), now_ms
    )


def pair_check_sending(data: dict[str, Any]) -> None:
    """Ask whether something may be sealed on a session of a stored pair."""
    session_id = unhex(data["session_id"])
    stored.check_sending(stored.pair(unhex(data["pair"])), session_id, data["sync"], data["now_ms"])


def session_restore(data: dict[str, Any]) -> None:
    """Restore a session and its skipped keys."""
    stored_state(data)


def list_verify(data: dict[str, Any]) -> None:
    """Verify a list."""
    reader.DeviceList.verified(unhex(data["signed"]), unhex(data["account_id"]))


def chain_verify(data: dict[str, Any]) -> None:
    """Verify links from a pinned head."""
    links = [unhex(link) for link in data["links"]]
    reader.verify_chain(unhex(data["account_id"]), head_of(data["pinned"]), links, data["now_ms"])


def bundle_verify(data: dict[str, Any]) -> None:
    """Verify a bundle up to the account."""
    links = [unhex(link) for link in data["links"]]
    account, bundle = unhex(data["account_id"]), unhex(data["bundle"])
    reader.verify_bundle(bundle, account, head_of(data["pinned"]), links, data["now_ms"], data["grace_ms"])


def address_verify(data: dict[str, Any]) -> None:
    """Verify an address under the record of its device."""
    reader.verify_address(unhex(data["signed"]), reader.Record.parse(unhex(data["record"])))


def compact_verify(data: dict[str, Any]) -> None:
    """Verify a compact bundle under the record of its device."""
    reader.verify_compact(unhex(data["compact_bundle"]), reader.Record.parse(unhex(data["record"])))


def successor_verify(data: dict[str, Any]) -> None:
    """Verify a successor statement against the pinned list."""
    reader.verify_successor(unhex(data["signed"]), unhex(data["account_id"]), unhex(data["list"]))


def prekey_verify(data: dict[str, Any]) -> None:
    """Verify a prekey under its record."""
    record = reader.Record.parse(unhex(data["record"]))
    reader.verify_prekey(unhex(data["signed"]), record, data["kinds"])


def signature_verify(data: dict[str, Any]) -> None:
    """Verify a signature."""
    key, message, signature = (unhex(data[name]) for name in ("public", "data", "signature"))
    reader.verify(key, data["label"], message, signature)


def record_check_time(data: dict[str, Any]) -> None:
    """Look at the times of a record."""
    reader.Record.parse(unhex(data["record"])).check_time(data["now_ms"])


def entry_decode(data: dict[str, Any]) -> None:
    """Read an entry in a content."""
    rooms.entry(data)


def line_decode(data: dict[str, Any]) -> None:
    """Read a line of a forward."""
    rooms.line(data)


def safety_compare(data: dict[str, Any]) -> None:
    """Compare a scanned text."""
    reader.compare_safety(unhex(data["ours"]), unhex(data["theirs"]), data["scanned"])


OPERATIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "address.verify": address_verify,
    "bundle.verify": bundle_verify,
    "dossier.decode": lambda data: rooms.dossier(unhex(data["dossier"])),
    "entry.decode": entry_decode,
    "forward.decode": lambda data: rooms.forward(unhex(data["forward"])),
    "line.decode": line_decode,
    "payload.decode": lambda data: rooms.payload(data["kind"], unhex(data["payload"])),
    "signal.decode": lambda data: rooms.signal(unhex(data["signal"])),
    "card.parse": lambda data: reader.parse_card(data["text"]),
    "cbor.decode": lambda data: reader.decode(unhex(data["encoded"])),
    "chain.verify": chain_verify,
    "compact.verify": compact_verify,
    "content.decode": lambda data: reader.parse_content(unhex(data["content"])),
    "dh.exchange": lambda data: reader.exchange(unhex(data["private"]), unhex(data["public"])),
    "dh.public": lambda data: reader.canonical_key(unhex(data["public"])),
    "envelope.decode": lambda data: reader.Envelope.parse(unhex(data["head"]) + bytes(data["zeros"])),
    "kem.key": lambda data: reader.kem_key(unhex(data["key"])),
    "list.verify": list_verify,
    "prefix.decode": lambda data: reader.Prefix.parse(unhex(data["prefix"])),
    "prekey.verify": prekey_verify,
    "record.check_time": record_check_time,
    "record.decode": lambda data: reader.Record.parse(unhex(data["record"])),
    "safety.compare": safety_compare,
    "pair.check_sending": pair_check_sending,
    "pair.restore": lambda data: stored.pair(unhex(data["pair"])),
    "session.open": session_open,
    "session.respond": session_respond,
    "session.restore": session_restore,
    "session.seal": session_seal,
    "signature.verify": signature_verify,
    "successor.verify": successor_verify,
}


def negatives() -> list[str]:
    """The negative vectors whose operation the reader has."""
    files = sorted((VECTORS / "negative").glob("*.json"))
    return [file.stem for file in files if load(f"negative/{file.name}")["operation"] in OPERATIONS]


def limits() -> list[dict[str, Any]]:
    """The cases of limits.json whose operation the reader has."""
    return [case for case in load("limits.json")["cases"] if case["operation"] in OPERATIONS]


@pytest.mark.parametrize("case", limits(), ids=lambda case: case["name"])
def test_the_last_value_is_accepted(case: dict[str, Any]) -> None:
    """WIRE-07, WIRE-13, WIRE-14, ID-04, ID-06, ID-08, ID-10, HS-04, HS-06, DR-09, SES-14, SES-21."""
    OPERATIONS[case["operation"]](case["input"])


@pytest.mark.parametrize("case", load("snapshot.json")["pairs"], ids=range(3))
def test_a_stored_pair_is_restored(case: dict[str, Any]) -> None:
    """SES-14: every field under its name."""
    found = stored.pair(unhex(case["pair"]))
    assert hexed(found) == {name: value for name, value in case.items() if name != "pair"}


def hexed(value: Any) -> Any:
    """A value with its byte strings in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, list) else value


def test_a_prefix_that_names_a_prekey_that_is_gone_is_refused() -> None:
    """HS-06: whichever of the three is missing."""
    data = load("ratchet.json")
    raw = unhex(next(step["envelope"] for step in data["steps"] if step["action"] == "send"))
    prefix = reader.Prefix.parse(reader.Envelope.parse(raw).prefix)
    whole = responder(data["responder"], data)
    assert len(whole.prekeys) == 3
    for place in whole.prekeys:
        rest = {name: own for name, own in whole.prekeys.items() if name != place}
        with pytest.raises(Refused) as caught:
            reader.Responder(whole.dh_private, whole.record, rest).find(prefix)
        assert caught.value.code == "remote.unknown_prekey"


@pytest.mark.parametrize("name", negatives())
def test_a_negative_vector_is_refused_with_its_code(name: str) -> None:
    """Every defect ends with the code of its file (HS-10, DR-11, WIRE-03, ID-07, CON-01)."""
    vector = load(f"negative/{name}.json")
    with pytest.raises(Refused) as caught:
        OPERATIONS[vector["operation"]](vector["input"])
    assert caught.value.code == vector["error"]
