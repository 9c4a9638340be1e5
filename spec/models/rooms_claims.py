"""What the model of rooms (chapters 15 to 18) must show."""

from __future__ import annotations

from spec.models import rooms
from spec.models.attacker import forged, none, now
from spec.models.claims import Claim, Control
from spec.models.rooms import (
    AGENT,
    DESK,
    C,
    K,
    N,
    P,
    Q,
    R,
    account,
    answer,
    blind,
    confirmed,
    consents,
    customer_device,
    our_room,
    own,
    place,
    reads,
    refused_room,
    room,
    roster_private,
    said_by_customer,
    said_first,
    said_later,
    session,
    successor,
    takes,
    takes_entry,
    text,
    unwanted,
)
from spec.models.terms import Term

_ALL_OTHERS = "colleague roster_key"


def claims() -> tuple[Claim, ...]:
    return (_gate(), _content(), _entry(), _in_place(), _redacted(), _readers(), _leaver())


def _claim(
    name: str,
    says: str,
    rules: str,
    goals: tuple[Term, ...],
    twin: tuple[str, Term],
    controls: tuple[Control, ...],
    settings: str = _ALL_OTHERS,
) -> Claim:
    twin_text, twin_goal = twin
    return Claim(
        f"rooms.{name}",
        says,
        rules,
        rooms.theory,
        goals,
        twin_text,
        (twin_goal,),
        controls,
        settings,
        underivable,
    )


def _gate() -> Claim:
    """Under the receipt no session is needed: those of the customer are the attacker's too."""
    foreign = consents(account(C), room(none, none, unwanted(N)))
    return _claim(
        "gate",
        "consent is there only by a receipt of the customer's device for that room, whoever else helps",
        "ROOM-01 CNS-06 CNS-07 CNS-13 CNS-15",
        (consents(account(C), refused_room(N)),),
        ("a room to which the customer agreed has consent", consents(account(C), our_room(N))),
        (
            Control("no-receipt", "without a receipt anything opens a room", "no_receipt"),
            Control("unsigned", "a receipt that is not verified is made up by a desk", "unsigned_receipt"),
            Control("unlisted", "a receipt of any key opens a room of anybody", "unlisted_receipt"),
            Control("other-room", "a receipt without its room opens another one", "other_room"),
            Control(
                "other-company",
                "bound to neither company nor notice, a receipt for another company counts",
                "nonce_room other_notice",
                goals=(foreign,),
            ),
        ),
        f"{_ALL_OTHERS} sessions_known",
    )


def _content() -> Claim:
    said = takes(account(C), our_room(N), said_by_customer(N))
    return _claim(
        "content",
        "what is taken as said by a customer, the customer has said",
        "CNS-13 TRN-08 TRN-17",
        (takes(account(C), R, forged), takes(account(C), our_room(successor(N)), said_by_customer(N))),
        ("what the customer says is taken", said),
        (
            Control(
                "hearsay", "taken for the customer's, a colleague's word makes up its entries", "hearsay"
            ),
            Control("sessions", "declared: only the session says who it was, no signature", "sessions_known"),
        ),
    )


_WRITTEN = text(AGENT, N, P)
_TAKEN = takes_entry(own(AGENT), our_room(N), place(N, P), _WRITTEN)


def _entry() -> Claim:
    return _claim(
        "entry",
        "what is taken as a colleague's entry, that device has signed, though another device is stolen",
        "TRN-04 TRN-08 TRN-17",
        (takes_entry(own(AGENT), R, Q, forged), takes_entry(own(DESK), R, Q, _WRITTEN)),
        ("an entry is taken", _TAKEN),
        (
            Control("unsigned", "without signatures anybody writes entries", "unsigned_entry"),
            Control(
                "any-signer",
                "signed by any listed device, a colleague writes in another's name",
                "any_signer",
            ),
            Control(
                "no-commitment", "a signature over the header alone lets bodies be exchanged", "no_commitment"
            ),
        ),
        f"{_ALL_OTHERS} sessions_known",
    )


def _in_place() -> Claim:
    moved = (
        takes_entry(own(AGENT), our_room(successor(N)), Q, _WRITTEN),
        takes_entry(own(AGENT), R, place(N, successor(P)), text(AGENT, N, P)),
    )
    return _claim(
        "in-place",
        "and in this room and place",
        "TRN-04 TRN-05 TRN-08",
        moved,
        ("an entry is taken", _TAKEN),
        (Control("no-header", "a signature over the body alone moves", "no_header"),),
        f"{_ALL_OTHERS} sessions_known",
    )


def _redacted() -> Claim:
    return _claim(
        "redacted",
        "whoever has header and commitment of an entry cannot check a guess of what stands in it",
        "TRN-04",
        (confirmed(answer(N)),),
        ("who has the body checks it", confirmed(_WRITTEN)),
        (Control("no-blind", "without a blind a guess is checked", "no_blind"),),
    )


def _readers() -> Claim:
    return _claim(
        "readers",
        "with the roster key and an agent's device nobody reads what goes to the desks",
        "ACC-09 ACC-10 ROOM-15",
        (now.known(said_first(N)),),
        ("a desk reads it", reads(DESK, said_first(N))),
        (
            Control("unlisted", "named by a roster alone, a device of the thief's reads", "unlisted_reader"),
            Control("roster-rank", "ranked by a roster, an agent's device reads", "roster_rank"),
            Control("desk", "declared: a stolen desk reads", "desk_stolen"),
        ),
    )


def _leaver() -> Claim:
    return _claim(
        "leaver",
        "who was removed reads nothing that is said later, with the roster key too",
        "ROOM-05 ROOM-10 ROOM-15",
        (now.known(said_later(N)),),
        ("a member reads it", reads(AGENT, said_later(N))),
        (
            Control("any-author", "an agent that writes states adds itself again", "any_author"),
            Control("no-parent", "an older state, followed again, brings it back", "no_parent"),
            Control("room-key", "one key for the whole room still opens", "room_key"),
            Control("desk", "declared: a stolen desk adds whom it likes, visibly", "desk_stolen"),
        ),
    )


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Keys of honest parties that the settings do not give away."""
    device = own(customer_device(N))
    found = [account(K), account(C), device, own(AGENT), own(DESK)]
    if "roster_key" not in settings:
        found.append(roster_private(K))
    if "sessions_known" not in settings:
        found += [session(device, own(AGENT)), session(device, own(DESK))]
    return tuple(map(now.known, [*found, blind(N, successor(P))]))
