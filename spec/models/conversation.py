"""Chapters 07 and 09 as Horn clauses: a session of two honest parties, leg by leg.

A leg is one sending chain: the initiator sends the odd ones, the responder the even ones. Sessions are
numbered without bound; how many legs each has is fixed. A KEM exchange takes two legs (key, ciphertext), the
third mixes: legs 1 to 3 are the first epoch, 4 to 6 the second, with the roles swapped (PQ-14).
"""

from __future__ import annotations

from typing import NamedTuple

from spec.models import attacker
from spec.models.attacker import (
    Knowledge,
    body_key,
    chain_key,
    dh,
    header,
    kem_secret,
    kem_text,
    later,
    message_key,
    next_chain,
    next_header,
    next_root,
    none,
    now,
    root_step,
    sealed,
)
from spec.models.terms import Symbol, Term, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "first_keys_known": "root key and header keys of the handshake known from the start",
    "first_keys_later": "they leak afterwards",
    "dh_broken": "X25519 broken from the start",
    "kem_broken": "ML-KEM broken from the start",
    "dh_later": "X25519 broken afterwards",
    "states_later": "the last state of both parties leaks afterwards",
    "no_dh": "root steps without a DH output",
    "no_kem": "epoch secrets are not mixed in",
    "no_chain": "one message key for a whole chain",
    "chain_kept": "a state still has the chain key that its chain began with",
    "ratchet_key_kept": "each side keeps one ratchet key for all its legs",
    **{f"theft_{leg}": f"the sender of leg {leg} has its state stolen when it has sent" for leg in (1, 2, 3)},
    **{f"calm_{leg}": f"legs 1 to {leg} arrive undisturbed" for leg in (1, 2, 3, 4, 6)},
}

root_0, header_1, header_2, spk_private = unary("rk0 hk1 hk2 spk")
salt, ratchet_key = Symbol("salt", 2), Symbol("x", 2)  # session, leg
seed, randomness = Symbol("seed", 2), Symbol("rnd", 2)  # session, leg
text = Symbol("text", 3)  # session, leg, number
body = Symbol("body", 2)  # text, fragment
key_piece, text_piece = Symbol("keypiece", 1), Symbol("textpiece", 2)
epoch_secret, confirmation = unary("epoch confirm")
mixture = Symbol("mix", 2)  # DH output and epoch secret, as one input of a root step
successor, ZERO = Symbol("suc", 1), Term("zero")
accepts = Symbol("accepts", 4)  # session, leg, number, text
mixes = Symbol("mixes", 3)  # session, leg, randomness of the ciphertext
# A party that has sent a leg: roots of the two legs before and of this one, KEM secret.
sent = Symbol("sent", 6)
# A party that has received a leg: roots of it and the one before, ratchet key, KEM secret, offered key.
got = Symbol("got", 7)

OWN = (body, epoch_secret, confirmation, mixture, text_piece)
N, LEG, OLDEST, OLD, ROOT, NEW, THEIRS, SL, M, HELD, R, OFFERED = variables("N L R0 R1 R2 R3 X SL M H R K")


class Plan(NamedTuple):
    """What kind of conversation is modelled: legs, messages in each, KEM epochs."""

    legs: int
    messages: int
    epochs: int

    def offers(self, leg: int) -> bool:
        return leg in (1, 4)[: self.epochs]

    def answers(self, leg: int) -> bool:
        return leg in (2, 5)[: self.epochs]

    def mixes(self, leg: int) -> bool:
        return leg in (3, 6)[: self.epochs]


def numeral(value: int) -> Term:
    return Term(f"n{value}")


def messages_of(legs: range) -> list[Term]:
    """All texts of some legs, in any session."""
    return [text(N, numeral(leg), Term("J")) for leg in legs]


class Conversation:
    """Builds the clauses of one plan under some settings."""

    def __init__(self, plan: Plan, settings: frozenset[str], clauses: Theory | None = None) -> None:
        if unknown := settings - SETTINGS.keys():
            raise ValueError(f"no such settings: {sorted(unknown)}")
        self.plan, self.settings, self.clauses = plan, settings, clauses or Theory()
        self.calm = max((leg for leg in range(1, plan.legs + 1) if f"calm_{leg}" in settings), default=0)

    def theory(self) -> Theory:
        """All clauses: the attacker, the legs, what is stolen or broken."""
        _deduction(self.clauses, now)
        self.legs()
        for leg in range(1, self.plan.legs + 1):
            if f"theft_{leg}" in self.settings:
                self.steal(now, leg)
        self._break()
        return self.clauses

    def legs(self) -> None:
        """What the two do, leg by leg."""
        self.clauses.facts("public", now.point(spk_private(N)), now.known(salt(N, LEG)))
        for leg in range(1, self.plan.legs + 1):
            self._send(leg)
            self._messages(leg)
            self._deliver(leg)

    def key(self, leg: int) -> Term:
        """The private ratchet key of a leg's sender; the responder's first one is its SPK (DR-01)."""
        if leg == 0:
            return spk_private(N)
        kept = "ratchet_key_kept" in self.settings
        return ratchet_key(N, numeral(2 - leg % 2 if kept else leg))

    def _root(self, leg: int, old: Term, sender: Term, receiver: Term, kem: Term) -> Term:
        """The root step of a leg (DR-06, PQ-06); in `dh` the initiator's key stands first."""
        output = dh(sender, receiver) if leg % 2 else dh(receiver, sender)
        if "no_dh" in self.settings:
            output = none
        mixed = self.plan.mixes(leg) and "no_kem" not in self.settings
        before = root_0(N) if leg == 1 else next_root(old)
        return root_step(before, mixture(output, epoch_secret(kem)) if mixed else output)

    def _send(self, leg: int) -> None:
        """A sending step (DR-06), and what the sender holds of the KEM exchange after it (PQ-04, PQ-14)."""
        old, theirs = (none, spk_private(N)) if leg == 1 else (ROOT, THEIRS)
        oldest = none if leg == 1 else OLD
        mixed = kem_secret(seed(N, numeral(leg - 2)), R) if self.plan.mixes(leg) else HELD
        premises = () if leg == 1 else (got(N, numeral(leg - 1), OLD, ROOT, THEIRS, mixed, OFFERED),)
        root = self._root(leg, old, self.key(leg), theirs, mixed)
        held = kem_secret(OFFERED, randomness(N, numeral(leg))) if self.plan.answers(leg) else none
        self.clauses.rule("send", sent(N, numeral(leg), oldest, old, root, held), *premises)
        if self.plan.mixes(leg):
            self.clauses.rule("mixes", mixes(N, numeral(leg), R), *premises)

    def _fragment(self, leg: int, offered: Term) -> Term:
        """The whole KEM key or ciphertext message, in one piece."""
        if self.plan.offers(leg):
            return key_piece(seed(N, numeral(leg)))
        if self.plan.answers(leg):
            random = randomness(N, numeral(leg))
            return text_piece(
                kem_text(offered, random), confirmation(epoch_secret(kem_secret(offered, random)))
            )
        return none

    def _header_key(self, leg: int, two_before: Term) -> Term:
        """A chain's header key comes from the root step of the same sender's chain before (DR-06)."""
        return {1: header_1(N), 2: header_2(N)}.get(leg, next_header(two_before))

    def _body_key(self, root: Term, number: int, with_salt: Term) -> Term:
        return body_key(message_key(self._chain(root, number)), with_salt)

    def _chain(self, root: Term, number: int) -> Term:
        chain = chain_key(root)
        for _ in range(0 if "no_chain" in self.settings else number):
            chain = next_chain(chain)
        return chain

    def _messages(self, leg: int) -> None:
        """Header and bodies of a leg (DR-07, DR-08); the fragment rides in the first body."""
        held = kem_secret(OFFERED, randomness(N, numeral(leg))) if self.plan.answers(leg) else HELD
        state = sent(N, numeral(leg), OLD, ROOT, NEW, held)
        head = header(self._header_key(leg, OLD), salt(N, numeral(leg)), self.key(leg))
        self.clauses.rule("header", now.known(head), state)
        for number in range(self.plan.messages):
            piece = none if number else self._fragment(leg, OFFERED)
            content = body(text(N, numeral(leg), numeral(number)), piece)
            key = self._body_key(NEW, number, salt(N, numeral(leg)))
            self.clauses.rule("message", now.known(sealed(key, head, content)), state)

    def _deliver(self, leg: int) -> None:
        """Receiving (DR-14, PQ-12) what the sender sent, if undisturbed, or else what the attacker gives."""
        calm = leg <= self.calm
        old, theirs = none if leg == 1 else ROOT, self.key(leg) if calm else THEIRS
        root = self._root(leg, old, theirs, self.key(leg - 1), HELD)
        premises = [] if leg == 1 else [sent(N, numeral(leg - 1), OLDEST, OLD, ROOT, HELD)]
        held, offered, piece = self._taken(leg, calm)
        if calm:
            premises.append(sent(N, numeral(leg), none if leg == 1 else OLD, old, root, Term("H2")))
        for number in range(self.plan.messages):
            arrival = [] if calm else self._arrival(leg, theirs, root, number, Term("P") if number else piece)
            content = text(N, numeral(leg), numeral(number)) if calm else M
            self.clauses.rule(
                "accepts", accepts(N, numeral(leg), numeral(number), content), *premises, *arrival
            )
            if number == 0:
                after = got(N, numeral(leg), old, root, theirs, held, offered)
                self.clauses.rule("got", after, *premises, *arrival)

    def _arrival(self, leg: int, theirs: Term, root: Term, number: int, piece: Term) -> list[Term]:
        head = header(self._header_key(leg, OLD), SL, theirs)
        return [now.known(head), now.known(sealed(self._body_key(root, number, SL), head, body(M, piece)))]

    def _taken(self, leg: int, calm: bool) -> tuple[Term, Term, Term]:
        """KEM secret and offered key after a leg, and the fragment that brings them (PQ-07, PQ-10)."""
        if self.plan.offers(leg):
            offered = seed(N, numeral(leg)) if calm else OFFERED
            return none, offered, key_piece(offered)
        if self.plan.answers(leg):
            key, random = seed(N, numeral(leg - 1)), randomness(N, numeral(leg)) if calm else R
            secret = kem_secret(key, random)
            return secret, none, text_piece(kem_text(key, random), confirmation(epoch_secret(secret)))
        return none, none, Term("P")

    def steal(self, phase: Knowledge, leg: int) -> None:
        """All that the sender of a leg holds when it has sent its messages (chapter 07, State)."""
        held = kem_secret(OFFERED, randomness(N, numeral(leg))) if self.plan.answers(leg) else none
        state = sent(N, numeral(leg), OLD, ROOT, NEW, held)
        their_next = header_2(N) if leg == 1 else next_header(ROOT)
        stolen = [
            next_root(NEW),
            self._kept(NEW),
            self._header_key(leg, OLD),
            next_header(NEW),
            their_next,
            held,
        ]
        stolen += [self._kept(ROOT)] if leg > 1 else []
        stolen += [seed(N, numeral(leg))] if self.plan.offers(leg) else []
        for secret in stolen:
            self.clauses.rule("theft", phase.known(secret), state)
        self.clauses.rule("theft", phase.known(self.key(leg)), state)
        self.clauses.rule("theft", phase.point(self.key(leg - 1)), state)

    def _kept(self, root: Term) -> Term:
        """The chain key of a chain when its messages are sent or read (DR-04)."""
        return self._chain(root, 0 if "chain_kept" in self.settings else self.plan.messages)

    def _break(self) -> None:
        first = root_0(N), header_1(N), header_2(N)
        if "dh_broken" in self.settings:
            attacker.break_dh(self.clauses, now)
        if "kem_broken" in self.settings:
            attacker.break_kem(self.clauses, now)
        if "first_keys_known" in self.settings:
            self.clauses.facts("first_keys", *map(now.known, first))
        if not any(setting.endswith("_later") for setting in self.settings):
            return
        attacker.afterwards(self.clauses, OWN)
        fragments(self.clauses, later)
        if "first_keys_later" in self.settings:
            self.clauses.facts("first_keys", *map(later.known, first))
        if "dh_later" in self.settings:
            self.clauses.facts("broken", later.known(ratchet_key(N, LEG)), later.known(spk_private(N)))
        if "states_later" in self.settings:
            self._last_states()

    def _last_states(self) -> None:
        self.steal(later, self.plan.legs)
        state = got(N, numeral(self.plan.legs), ROOT, NEW, THEIRS, HELD, OFFERED)
        for secret in (next_root(NEW), self._kept(NEW), next_header(ROOT), next_header(NEW), HELD):
            self.clauses.rule("theft", later.known(secret), state)


def _deduction(clauses: Theory, phase: Knowledge) -> None:
    attacker.deduction(clauses, phase, OWN)
    fragments(clauses, phase)


def fragments(clauses: Theory, phase: Knowledge) -> None:
    """What a body is made of, and what is read from one."""
    clauses.rule("make_key_piece", phase.known(key_piece(OFFERED)), phase.ekey(OFFERED))
    clauses.rule("read_key_piece", phase.ekey(OFFERED), phase.known(key_piece(OFFERED)))
    for pair in (body(M, HELD), text_piece(M, HELD)):
        for part in (M, HELD):
            clauses.rule("read", phase.known(part), phase.known(pair))
