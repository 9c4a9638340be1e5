"""Chapter 08 as Horn clauses: a session is replaced by a new one, and the whole state of one side is stolen.

Conversation n of two devices that have met has an old session (`conversation`), begun by the victim and
stolen after its first leg, and new sessions that A starts with B: ask, answer, third leg, fourth. The thief
reads with what it stole and takes no part (`later`); the relay takes part with all that was sent (`now`).
"""

from __future__ import annotations

from typing import NamedTuple

from spec.models import attacker, handshake
from spec.models.attacker import (
    Knowledge,
    body_key,
    chain_key,
    dh,
    header,
    later,
    message_key,
    next_chain,
    next_header,
    next_root,
    now,
    root_step,
    said,
    sealed,
)
from spec.models.conversation import OWN, Conversation, Plan, fragments, numeral, text
from spec.models.handshake_terms import (
    DEVICE_A,
    DEVICE_B,
    EVIL,
    FUNCTIONS,
    KS,
    PA,
    SPK_ID,
    A,
    B,
    Device,
    E,
    J,
    L,
    M,
    N,
    S,
    X,
    Y,
    account,
    ephemeral,
    header_i,
    header_r,
    identity,
    opened,
    opk,
    pqk,
    records,
    root_key,
    signing,
    spk,
    started,
)
from spec.models.terms import Symbol, Term, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "theft_of_starter": "the whole state of the device that starts the new session was stolen before",
    "theft_of_answerer": "the whole state of the device that answers it was stolen before",
    "active_thief": "the thief takes part with the keys that it stole",
    "session_stolen": "the stolen state has a session that was started and not yet answered, or just heard",
    "last_states": "the last state of both devices is stolen, when everything was said",
    "not_met": "the pair has not met: texts go on the unproven session of the newcomer",
    "early_texts": "texts go on a session that nobody has answered (against SES-22, SES-37)",
    "heard_texts": "texts go on a session that was only heard (against SES-22, SES-36)",
    "any_answer": "any ratchet key is taken for an answer (against SES-23, SES-36)",
    "not_dropped": "life on the active session drops no session that was started before (against SES-27)",
    "loss_noticed": "the answering device has noticed a loss since then, and made its prekeys anew",
    "prekeys_kept": "it did so without new prekeys (against SES-32)",
    "chain_kept": "a state still has the chain key that its chain began with",
    "dh_later": "X25519 and Ed25519 are broken afterwards",
    "no_kem": "no ML-KEM secret in the key schedule",
}

OLD_PLAN = Plan(legs=4, messages=1, epochs=0)
# Sessions of A that the stolen state has, and prekeys of B that were made after a loss.
EARLIER = Device(A, Symbol("earliera", 1))
ANEW = Device(B, Symbol("anewb", 1))
ratchet_1, ratchet_3, ratchet_2, ratchet_4 = unary(
    "rx rx3 ry2 ry4"
)  # of A by its session, of B by its ephemeral key
salt_1, salt_3, salt_2, salt_4 = unary("salt1 salt3 salt2 salt4")
ask, tell = unary("ask tell")
fresh = Symbol("fresh", 2)  # a text of a session, and of its leg
accepts = Symbol("sessionaccepts", 3)  # session, leg, text
# What A knows when it has sent leg 1, opened leg 2 and sent leg 3; B when it has opened legs 1 and 3.
asked, proven_1 = Symbol("asked", 4), Symbol("provena", 5)
heard, proven_2 = Symbol("heard", 5), Symbol("provenb", 6)
R1, R2, X3 = variables("R1 R2 X3")
NAMES = (*FUNCTIONS, *OWN)


def theory(settings: frozenset[str]) -> Theory:
    """All clauses of a conversation under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    return _Sessions(settings).theory()


def again(of_starter: bool, settings: frozenset[str]) -> Term:
    """A text that is said on the old session when the theft has healed, and again on the new one (SES-37)."""
    by_victim = of_starter == ("theft_of_starter" in settings)
    return text(N, numeral(3 if by_victim else 4), numeral(0))


class Leg(NamedTuple):
    """What seals one leg: header key, root key, salt and ratchet key of the sender."""

    header_key: Term
    root: Term
    salt: Term
    key: Term

    def head(self) -> Term:
        return header(self.header_key, self.salt, self.key)

    def body(self, number: int, content: Term) -> Term:
        chain = chain_key(self.root)
        for _ in range(number):
            chain = next_chain(chain)
        return sealed(body_key(message_key(chain), self.salt), self.head(), content)


class _Sessions:
    def __init__(self, settings: frozenset[str]) -> None:
        self.settings, self.clauses = settings, Theory()
        is_renewed = "loss_noticed" in settings and "prekeys_kept" not in settings
        self.answerer = ANEW if is_renewed else DEVICE_B

    def theory(self) -> Theory:
        _deduction(self.clauses, now)
        self.old = Conversation(OLD_PLAN, frozenset(), self.clauses)
        self.old.legs()
        self._directory()
        for device in (DEVICE_A, EARLIER) if "session_stolen" in self.settings else (DEVICE_A,):
            self._starter(device)
        handshake.open_flights(self.clauses, self.settings, self.answerer)
        self._answerer()
        self._thefts()
        return self.clauses

    def _directory(self) -> None:
        handshake.publish_record(self.clauses, DEVICE_A)
        handshake.publish_record(self.clauses, DEVICE_B)
        handshake.publish_prekeys(self.clauses, self.answerer)
        self.clauses.facts("account_of_attacker", now.known(EVIL))
        handshake.bundle(self.clauses, self.settings)

    def _post(self, name: str, leg: Leg, contents: tuple[Term, ...], state: Term) -> None:
        """What a party in a state sends in a leg."""
        self.clauses.rule(name, now.known(leg.head()), state)
        for number, content in enumerate(contents):
            self.clauses.rule(name, now.known(leg.body(number, content)), state)

    # --- the device that starts ---

    def _starter(self, device: Device) -> None:
        """Sessions with B, and with anybody else."""
        run, friend = device.of(N), account(B)
        for target in (friend, PA):
            handshake.start(self.clauses, self.settings, device, target, target)
        fresh_keys = ephemeral(run), ratchet_1(run), ratchet_3(run)
        self.clauses.facts(
            "flight", *map(now.point, fresh_keys), now.known(salt_1(run)), now.known(salt_3(run))
        )
        for meant in (friend, PA):
            self._asks(device, meant)
            self._third_leg(device, meant)
        self._answer_arrives(device)

    def _asks(self, device: Device, meant: Term) -> None:
        """The first content is an ask; texts follow in a pair that has not met (SES-22, SES-24)."""
        run = device.of(N)
        root = root_step(root_key(KS), dh(ratchet_1(run), S))
        session = started(run, meant, S, M, KS)
        contents = [said(run)] if meant == PA else [ask(run)]
        if meant != PA and "not_met" in self.settings:
            contents += [fresh(run, numeral(1))]
        if meant != PA and "early_texts" in self.settings:
            contents += [again(True, self.settings), fresh(run, numeral(3))]
        self._post("ask", Leg(header_i(KS), root, salt_1(run), ratchet_1(run)), tuple(contents), session)
        self.clauses.rule("asked", asked(run, meant, KS, root), session)

    def _answer_arrives(self, device: Device) -> None:
        """A chain that answers the key of leg 1 proves the session to A (SES-36)."""
        run = device.of(N)
        root = root_step(next_root(R1), dh(ratchet_1(run), Y))
        leg = Leg(header_r(KS), root, Term("SL"), Y)
        state = asked(run, PA, KS, R1)
        arrival = [now.known(leg.head()), now.known(leg.body(0, M))]
        taken = [now.point(Y)] if "any_answer" in self.settings else arrival
        self.clauses.rule("proven", proven_1(run, PA, R1, root, Y), state, *taken)
        self.clauses.rule("answer", accepts(run, numeral(2), M), asked(run, account(B), KS, R1), *arrival)
        last = Leg(
            next_header(R2), root_step(next_root(_third_root(run)), dh(ratchet_3(run), X3)), Term("SL"), X3
        )
        arrival = [now.known(last.head()), now.known(last.body(0, M))]
        state = proven_1(run, account(B), R1, R2, Y)
        self.clauses.rule("fourth", accepts(run, numeral(4), M), state, *arrival)

    def _third_leg(self, device: Device, meant: Term) -> None:
        """Texts go on a proven session (SES-22, SES-37)."""
        run = device.of(N)
        contents = (said(run),) if meant == PA else (self._again_of(device), fresh(run, numeral(3)))
        leg = Leg(next_header(R1), _third_root(run), salt_3(run), ratchet_3(run))
        self._post("third", leg, contents, proven_1(run, meant, R1, R2, Y))

    def _again_of(self, device: Device) -> Term:
        """A session that was started before the healing has no text of after it: it was dropped (SES-27)."""
        kept = device is DEVICE_A or "not_dropped" in self.settings or "theft_of_starter" in self.settings
        return again(True, self.settings) if kept else said(device.of(N))

    # --- the device that answers ---

    def _answerer(self) -> None:
        """B answers whoever shows a record that its account signed; for A's account it has texts."""
        numbers = [self.answerer.of(one) for one in (SPK_ID, J, L)]
        first = Leg(header_i(KS), root_step(root_key(KS), dh(X, spk(numbers[0]))), Term("SL"), X)
        self.clauses.rule(
            "heard",
            heard(PA, E, KS, first.root, X),
            opened(PA, *numbers, E, M, KS),
            now.known(first.head()),
            now.known(first.body(0, Term("M2"))),
        )
        self.clauses.facts("answer", *(now.point(key(E)) for key in (ratchet_2, ratchet_4)))
        self.clauses.facts("answer", *(now.known(salt(E)) for salt in (salt_2, salt_4)))
        self._tells()
        self._third_arrives()
        self._texts()

    def _tells(self) -> None:
        root = root_step(next_root(R1), dh(X, ratchet_2(E)))
        leg = Leg(header_r(KS), root, salt_2(E), ratchet_2(E))
        self._post("tell", leg, (tell(E),), heard(account(A), E, KS, R1, X))
        self._post("tell", leg, (said(E),), heard(PA, E, KS, R1, X))
        if "heard_texts" in self.settings:
            self._post("tell", leg, (fresh(E, numeral(4)),), heard(account(A), E, KS, R1, X))

    def _third_arrives(self) -> None:
        """A chain that answers the key of leg 2 proves the session to B (SES-36)."""
        second = root_step(next_root(R1), dh(X, ratchet_2(E)))
        third = root_step(next_root(second), dh(X3, ratchet_2(E)))
        leg = Leg(next_header(R1), third, Term("SL"), X3)
        arrival = [now.known(leg.head()), now.known(leg.body(0, M))]
        state = heard(PA, E, KS, R1, X)
        self.clauses.rule("proven", proven_2(PA, E, second, third, X3, M), state, *arrival)

    def _texts(self) -> None:
        root = root_step(next_root(R2), dh(X3, ratchet_4(E)))
        leg = Leg(next_header(R1), root, salt_4(E), ratchet_4(E))
        friend = account(A)
        self._post("fourth", leg, (fresh(E, numeral(4)),), proven_2(friend, E, R1, R2, X3, M))
        run = ephemeral(DEVICE_A.of(N))
        mine = Leg(
            next_header(R1), root_step(next_root(R2), dh(X3, ratchet_4(run))), salt_4(run), ratchet_4(run)
        )
        self._post("fourth", mine, (again(False, self.settings),), proven_2(friend, run, R1, R2, X3, M))
        self._post("fourth", leg, (said(E),), proven_2(PA, E, R1, R2, X3, M))
        self.clauses.rule("third", accepts(E, numeral(3), M), proven_2(friend, E, R1, R2, X3, M))

    # --- what is stolen ---

    def _thefts(self) -> None:
        if "active_thief" in self.settings:
            self._steal(now)
        attacker.afterwards(self.clauses, NAMES)
        records(self.clauses, later)
        fragments(self.clauses, later)
        self._steal(later)
        if "session_stolen" in self.settings:
            self._steal_session()
        if "last_states" in self.settings:
            self._steal_last()
        if "dh_later" in self.settings:
            keys = (spk, opk, ephemeral, ratchet_1, ratchet_2, ratchet_3, ratchet_4)
            longterm = [key(name) for key in (account, signing, identity) for name in (A, B)]
            old = [self.old.key(leg) for leg in range(1, OLD_PLAN.legs + 1)]
            self.clauses.facts("broken", *map(later.known, (*longterm, *old, *(key(X) for key in keys))))

    def _steal(self, phase: Knowledge) -> None:
        """Long-term keys, all prekeys, used ones too, and the old session after its first leg."""
        victims = [
            name for name, what in ((A, "starter"), (B, "answerer")) if f"theft_of_{what}" in self.settings
        ]
        for name in victims:
            self.clauses.facts("theft", *(phase.known(key(name)) for key in (account, signing, identity)))
        if B in victims:
            self.clauses.facts("theft", *(phase.known(key(DEVICE_B.of(X))) for key in (spk, opk, pqk)))
        if victims:
            self.old.steal(phase, 1)

    def _steal_session(self) -> None:
        """A session that A has started and B has heard before the theft."""
        run = EARLIER.of(N)
        if "theft_of_starter" in self.settings:
            stolen = [ratchet_1(run), next_root(R1), header_r(KS), next_header(R1)]
            self._take(stolen, asked(run, account(B), KS, R1))
        if "theft_of_answerer" in self.settings:
            second = root_step(next_root(R1), dh(X, ratchet_2(ephemeral(run))))
            stolen = [ratchet_2(ephemeral(run)), next_root(second), next_header(R1), next_header(second)]
            self._take(stolen, heard(account(A), ephemeral(run), KS, R1, X))

    def _steal_last(self) -> None:
        """What both devices hold of a new session when B has sent leg 4 and A has opened it."""
        run = ephemeral(DEVICE_A.of(N))
        fourth = root_step(next_root(R2), dh(X3, ratchet_4(run)))
        chains = [chain_key(root) for root in (R2, fourth)]
        kept = (
            chains if "chain_kept" in self.settings else [next_chain(next_chain(chain)) for chain in chains]
        )
        stolen = [
            ratchet_4(run),
            next_root(fourth),
            *kept,
            next_header(R2),
            next_header(fourth),
            ratchet_3(DEVICE_A.of(N)),
        ]
        self._take(stolen, proven_2(account(A), run, R1, R2, X3, M))

    def _take(self, stolen: list[Term], state: Term) -> None:
        for secret in stolen:
            self.clauses.rule("theft", later.known(secret), state)


def _third_root(run: Term) -> Term:
    return root_step(next_root(R2), dh(ratchet_3(run), Y))


def _deduction(clauses: Theory, phase: Knowledge) -> None:
    attacker.deduction(clauses, phase, NAMES)
    records(clauses, phase)
    fragments(clauses, phase)
