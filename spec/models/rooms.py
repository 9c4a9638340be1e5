"""Chapters 15 to 18 as Horn clauses: who reads a room, whose entries are taken, when a customer's content is.

Company k and customer c are honest; the attacker is the network, the relay, other customers and companies,
and one device of k. A session between two devices is one key here (`session`): that it is as good as one is
what the models of chapters 06 to 08 show. Rooms are numbered without bound, so are entries in them.
"""

from __future__ import annotations

from spec.models import attacker
from spec.models.attacker import none, now, sealed, signature
from spec.models.terms import Symbol, Term, constants, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "colleague": "a device of k that is listed and in force is the attacker's, with its keys and rooms",
    "roster_key": "the roster key of k is the attacker's",
    "sessions_known": "the sessions of c with k are the attacker's",
    "no_receipt": "content is taken without a receipt (against CNS-13)",
    "unsigned_receipt": "a receipt is not verified (against CNS-06)",
    "unlisted_receipt": "a receipt may be signed by anybody (against CNS-06, CNS-07)",
    "other_room": "a receipt counts for all rooms (against CNS-07)",
    "nonce_room": "the id of a room is its nonce alone (against ROOM-01)",
    "other_notice": "a receipt for anybody's notice counts (against CNS-07)",
    "hearsay": "what a colleague hands on as said by c is taken for c's (against TRN-17)",
    "unsigned_entry": "entries of k are not signed (against TRN-08)",
    "any_signer": "an entry may be signed by any listed device (against TRN-08)",
    "no_header": "the signature covers the body alone (against TRN-04)",
    "no_commitment": "the signature covers the header alone (against TRN-04)",
    "no_blind": "a body has no blind (against TRN-04)",
    "unlisted_reader": "who is named by a roster need not be listed (against ACC-09)",
    "roster_rank": "a roster says who is a front desk (against ACC-10)",
    "any_author": "whoever is in force writes states (against ROOM-05)",
    "no_parent": "a state is followed wherever it comes from (against ROOM-10)",
    "desk_stolen": "the front desk is the attacker's",
    "room_key": "one key seals for a room, whoever is in it (not in this design)",
}

K, C, EVIL, DESK, AGENT, LEAVER = constants("k c evil desk agent leaver")
STEWARD, PLAIN = constants("steward plain")
(ZERO,) = constants("zero")
account, roster_private, own = unary("acc roskey devkey")  # of an account; of a company; of a device
customer_device = Symbol("custdev", 1)
listed, record = Symbol("list", 1), Symbol("devrec", 3)  # a record: account, signing key, role
mandate, roster = Symbol("mandate", 1), Symbol("roster", 1)
room, nonce, unwanted = Symbol("room", 3), Symbol("nonce", 1), Symbol("unwanted", 1)
notice, receipt = Symbol("notice", 1), Symbol("receipt", 2)
session = Symbol("session", 2)  # of the device that sends and the one that receives
said_by_customer, said_first, said_later, answer = unary("custtext firsttext latertext answer")
blind, place, body, commitment = (
    Symbol("blind", 2),
    Symbol("place", 2),
    Symbol("body", 2),
    Symbol("commit", 1),
)
header, entry, text = Symbol("entryheader", 2), Symbol("entry", 3), Symbol("roomtext", 3)
state, state_entry, members = Symbol("state", 2), Symbol("stateentry", 3), Symbol("members", 1)
common_key = Symbol("roomkey", 1)
content = Symbol("content", 2)  # room and text
successor = Symbol("next", 1)

# What an honest device of k knows: who is listed or in force, that a receipt is valid, what was taken.
is_listed, in_force, consents = Symbol("islisted", 3), Symbol("inforce", 2), Symbol("consents", 2)
takes, takes_entry = Symbol("takes", 3), Symbol("takesentry", 4)
follows, reads = Symbol("follows", 2), Symbol("reads", 2)
shown, confirmed = Symbol("shown", 1), Symbol("confirmed", 1)  # a commitment; a text that was guessed

D, G, M, N, P, Q, R, S, T, B, H = variables("D G M N P Q R S T B H")
FUNCTIONS = (receipt, content, place, body, commitment, header, state, state_entry, listed)
HONEST = (DESK, AGENT)


def theory(settings: frozenset[str]) -> Theory:
    """All clauses under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    return _Rooms(settings).theory()


def our_room(number: Term) -> Term:
    """A room that c opened with k and agreed to."""
    return room(account(K), account(C), nonce(number))


def refused_room(number: Term) -> Term:
    """A room of both for which no device of c has signed a receipt."""
    return room(account(K), account(C), unwanted(number))


class _Rooms:
    def __init__(self, settings: frozenset[str]) -> None:
        self.settings, self.clauses = settings, Theory()

    def theory(self) -> Theory:
        attacker.deduction(self.clauses, now, FUNCTIONS)
        self._names()
        self._accounts()
        self._customer()
        self._gate()
        self._entries()
        self._readers()
        self._states()
        return self.clauses

    def _has(self, setting: str) -> bool:
        return setting in self.settings

    def _rule(self, name: str, conclusion: Term, *premises: Term) -> None:
        self.clauses.rule(name, conclusion, *premises)

    def _sends(self, name: str, *terms: Term, after: tuple[Term, ...] = ()) -> None:
        for term in terms:
            self._rule(name, now.known(term), *after)

    def _names(self) -> None:
        """Accounts and devices are named by their public keys."""
        known, check = now.known, now.check
        self._rule("name", known(room(P, Q, N)), check(P), check(Q), known(N))
        self._rule("name", known(entry(P, Q, M)), check(P), known(Q), known(M))
        for symbol in (notice, members, mandate, roster):
            self._rule("name", known(symbol(P)), check(P))
        if self._has("nonce_room"):
            self._rule("name", known(room(none, none, N)), known(N))

    # --- accounts, lists, mandates, rosters (chapters 05 and 15) ---

    def _accounts(self) -> None:
        known, check = now.known, now.check
        self._sends("public", nonce(N), unwanted(N), K, C, EVIL, DESK, AGENT, LEAVER, STEWARD, PLAIN, ZERO)
        self._sends("public", account(EVIL), own(EVIL), roster_private(EVIL))
        self.clauses.facts("public", check(account(P)), check(own(P)), check(own(customer_device(N))))
        self.clauses.facts("public", check(roster_private(P)))
        self._rule("make_record", known(record(P, S, R)), check(P), check(S), known(R))
        for part in (check(P), check(S), known(R)):
            self._rule("read_record", part, known(record(P, S, R)))
        roles = [(DESK, STEWARD), (AGENT, PLAIN), (LEAVER, PLAIN)]
        records = [record(account(K), own(name), role) for name, role in roles]
        records.append(record(account(C), own(customer_device(N)), PLAIN))
        for one, of in zip(records, (K, K, K, C), strict=True):
            self._sends("list", one, signature(account(of), listed(one)))
        self._sends("mandate", signature(account(K), mandate(roster_private(K))))
        for name, _ in roles:
            self._sends("roster", signature(roster_private(K), roster(own(name))))
        if self._has("roster_key"):
            self._sends("stolen", roster_private(K))
        if self._has("colleague"):
            self._sends("stolen", own(LEAVER))
        if self._has("desk_stolen"):
            self._sends("stolen", own(DESK))
        listed_by = known(signature(P, listed(record(P, S, R))))
        self._rule("listed", is_listed(P, S, R), listed_by, known(record(P, S, R)), check(P))
        named = known(signature(G, roster(S))), known(signature(account(K), mandate(G)))
        if self._has("unlisted_reader"):
            self._rule("in_force", in_force(S, STEWARD), *named, check(S))
        role = Q if self._has("roster_rank") else R
        self._rule("in_force", in_force(S, role), is_listed(account(K), S, R), *named)
        self._sessions()

    def _sessions(self) -> None:
        """Who has the private key of one end knows the session."""
        self._rule("session", now.known(session(S, T)), now.known(S))
        self._rule("session", now.known(session(S, T)), now.known(T))
        if self._has("sessions_known"):
            self._sends("stolen", session(own(customer_device(N)), T))

    # --- consent (chapter 18) ---

    def _room(self, company: Term, customer: Term, number: Term) -> Term:
        return room(none, none, number) if self._has("nonce_room") else room(company, customer, number)

    def _receipt(self, company: Term, where: Term) -> Term:
        terms = none if self._has("other_notice") else notice(company)
        return receipt(terms, none if self._has("other_room") else where)

    def _customer(self) -> None:
        """c agrees in one room with k and in one with a company of the attacker's, and talks in the first."""
        device, theirs = own(customer_device(N)), own(EVIL)
        ours = self._room(account(K), account(C), nonce(N))
        foreign = self._room(account(EVIL), account(C), unwanted(N))
        agreed = signature(device, self._receipt(account(K), ours))
        elsewhere = signature(device, self._receipt(account(EVIL), foreign))
        for name in HONEST:
            opened = content(ours, agreed)
            said = content(ours, said_by_customer(N))
            self._sends("open", sealed(session(device, own(name)), none, opened))
            self._sends("say", sealed(session(device, own(name)), none, said))
        self._sends("open_elsewhere", sealed(session(device, theirs), none, content(foreign, elsewhere)))
        # Whoever hands a room on shows the receipt: it is no secret.
        self._sends("receipt", agreed)
        self._rule("read", now.known(M), now.known(content(R, M)))

    def _gate(self) -> None:
        """What an honest device of k takes of customer P, whose device S is listed, in their room."""
        where = self._room(account(K), P, N)
        signed = now.known(signature(S, self._receipt(account(K), where)))
        if self._has("unsigned_receipt"):
            signed = now.known(self._receipt(account(K), where))
        of_account = (signed,) if self._has("unlisted_receipt") else (is_listed(P, S, R), signed)
        premises = () if self._has("no_receipt") else of_account
        self._rule("consents", consents(P, where), now.check(P), now.known(N), *premises)
        for name in HONEST:
            came = now.known(sealed(session(T, own(name)), none, content(where, M)))
            self._rule("takes", takes(P, where, M), consents(P, where), is_listed(P, T, D), came)
        if self._has("hearsay"):
            handed = now.known(sealed(session(own(LEAVER), own(AGENT)), none, content(where, M)))
            self._rule("takes", takes(P, where, M), consents(P, where), handed)

    # --- entries (chapter 17) ---

    def _body(self, secret: Term, said: Term) -> Term:
        return body(none if self._has("no_blind") else secret, said)

    def _hash(self, author: Term, inside: Term, head: Term) -> Term:
        shown_head = none if self._has("no_header") else head
        return entry(author, none if self._has("no_commitment") else commitment(inside), shown_head)

    def _entries(self) -> None:
        """The agent writes entry P of room N to all, and one more of which only the commitment is shown."""
        head = header(our_room(N), place(N, P))
        inside = self._body(blind(N, P), text(AGENT, N, P))
        self._sends("write", head, inside, signature(own(AGENT), self._hash(own(AGENT), inside, head)))
        hidden = self._body(blind(N, successor(P)), answer(N))
        self._sends("redacted", commitment(hidden), answer(N))
        self.clauses.facts("shown", shown(commitment(inside)), shown(commitment(hidden)))
        self._rule("confirmed", confirmed(M), shown(commitment(body(B, M))), now.known(body(B, M)))
        came_head, came_body = header(R, Q), self._body(B, M)
        hashed = self._hash(S, came_body, came_head)
        signer = T if self._has("any_signer") else S
        signed = hashed if self._has("unsigned_entry") else signature(signer, hashed)
        also = (is_listed(account(K), T, G),) if self._has("any_signer") else ()
        premises = (now.known(came_head), now.known(came_body), now.known(signed), *also)
        self._rule("takes_entry", takes_entry(S, R, Q, M), is_listed(account(K), S, D), *premises)

    # --- readers (chapters 15 and 16) ---

    def _readers(self) -> None:
        """c seals its first words for each desk in force, and what it says then for each member in force; a
        session is with the keys of a record.
        """
        first = sealed(session(own(customer_device(N)), S), none, content(our_room(N), said_first(N)))
        self._rule("say_to_desks", now.known(first), in_force(S, STEWARD))
        here = sealed(session(own(customer_device(N)), S), none, content(our_room(N), said_later(N)))
        self._rule("say_to_members", now.known(here), in_force(S, R), follows(our_room(N), members(S)))
        for name in HONEST:
            mine = sealed(session(own(customer_device(N)), own(name)), none, content(our_room(N), M))
            self._rule("reads", reads(name, M), now.known(mine))
        if self._has("room_key"):
            whole = sealed(common_key(our_room(N)), none, content(our_room(N), said_later(N)))
            self._sends("say_to_all", whole)
            self._sends("key_of_member", common_key(our_room(N)), after=(now.known(own(LEAVER)),))

    def _states(self) -> None:
        """The leaver was a member by an old state; the newest names the agent; what comes after follows."""
        old, new = (state(our_room(N), which) for which in (ZERO, successor(ZERO)))
        first = state_entry(old, members(own(LEAVER)), none)
        second = state_entry(new, members(own(AGENT)), old)
        self._sends("state", old, new)
        for one in (first, second):
            self._sends("state", one, signature(own(DESK), one))
        self._rule("newest", follows(our_room(N), members(own(AGENT))))
        parent = H if self._has("no_parent") else new
        later = state_entry(state(our_room(N), M), members(T), parent)
        role = Q if self._has("any_author") else STEWARD
        premises = now.known(later), now.known(signature(S, later)), in_force(S, role)
        self._rule("follows", follows(our_room(N), members(T)), *premises)
