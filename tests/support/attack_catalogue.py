"""Every attack that is tried, with what it is meant to reach and the rules that stand against it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Attack(NamedTuple):
    """An entry: its short name, and the rules of the specification that answer it."""

    title: str
    rules: tuple[str, ...]


CATALOGUE: Final[dict[str, Attack]] = {
    "A1": Attack("prekeys exchanged for the relay's own", ("ID-05", "ID-14", "ID-16")),
    "A2": Attack("a signed prekey in the place of another kind", ("ID-15",)),
    "A3": Attack("a KEM secret encapsulated again to another prekey", ("HS-02", "DR-08")),
    "A4": Attack("public keys of low order", ("PRM-01", "PRM-02")),
    "A5": Attack("one-time prekeys withheld or drained", ("ID-17", "RLY-63")),
    "A6": Attack("a first flight delivered again", ("HS-09",)),
    "A7": Attack("messages of a chain deleted and reordered", ("DR-13", "SES-29", "SES-30")),
    "A8": Attack("a message reflected to its sender", ("HS-11", "SES-23")),
    "A9": Attack("unknown key share", ("HS-02",)),
    "A10": Attack("a client rolled back or cloned", ("DR-05", "SES-30", "SES-31", "STO-15")),
    "A11": Attack("skipped keys without end", ("DR-13", "WIRE-09")),
    "A12": Attack("downgrade", ("ID-16", "WIRE-06")),
    "A13": Attack("an older or another device list", ("ID-07", "ID-08")),
    "A14": Attack("a forged new beginning of the company's keys", ("ID-05", "ID-07")),
    "A15": Attack("probing by receipts", ("CON-04",)),
    "A16": Attack("lengths of compressed or oversized payloads", ("WIRE-07", "WIRE-11")),
    "A17": Attack("what the company publishes is exchanged", ("ID-21", "ID-25")),
    "B1": Attack("prefix kept, body corrupted", ("HS-07",)),
    "B2": Attack("crossing handshakes in every order", ("SES-22",)),
    "B3": Attack("a forged loss of state to harvest what is sent again", ("SES-23", "SES-37")),
    "B4": Attack("fragments of two KEM ciphertexts spliced", ("PQ-09", "PQ-10")),
    "B5": Attack("a device list rolled back at first contact", ("CON-05", "ID-08")),
    "B6": Attack("one one-time prekey for two customers", ("HS-06", "HS-08")),
    "B7": Attack("the relay and a customer work together", ("SES-23", "SES-35")),
    "B8": Attack("whatever comes to its mind", ("DR-12", "DR-18", "SES-11")),
    "C1": Attack(
        "a renewal of the session forced by bytes that anybody can make", ("SES-23", "SES-25", "SES-37")
    ),
    "C2": Attack("prekey ids wound up to their end", ("ID-38", "SES-35")),
    "C3": Attack("a struck-off device that the relay, or nobody, tells of", ("ID-28", "ID-36", "ID-37")),
    "C4": Attack("a restored device that its contacts do not know", ("SES-39", "SES-40")),
    "C5": Attack("a first flight kept back for weeks", ("SES-22", "SES-23", "SES-34")),
    "C6": Attack("prekeys that have ended", ("SES-34",)),
    "C7": Attack("a genuine list shown twice", ("ID-07",)),
    "C8": Attack("texts withheld, and the evidence with them", ("SES-29", "SES-30", "SES-37")),
    "C9": Attack("one content id again and again", ("SES-11", "SES-42")),
    "C10": Attack("work and memory without end", ("DR-13", "CON-05", "SES-35")),
    "C11": Attack("a person's mailboxes joined by prekeys and by time", ("ID-38", "LKG-07")),
    "C12": Attack(
        "what a foreign relay, or a stranger, may make a client do", ("CON-05", "CON-06", "RLY-170", "SES-35")
    ),
}
"""A1 to A17 are the catalogue of the threat analysis, B1 and following come beside it; C1 and following are
attacks on the layer above handshake and ratchet: renewal of sessions, prekeys, revocation, restore, budgets.
"""
