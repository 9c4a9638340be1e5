"""Logins of chapter 18 (CNS-50 to CNS-57) as Horn clauses: for whom an account is taken by a token.

The web server of company k signs, for whoever is logged in on a page, the challenge that this page hands it.
Customer c has an account there and rooms without bound; the attacker has one too, and devices of his own, and
is the relay. A session between two devices is one key, as in the model of rooms.
"""

from __future__ import annotations

from spec.models import attacker
from spec.models.attacker import none, now, sealed, signature
from spec.models.rooms import (
    DESK,
    EVIL,
    C,
    K,
    account,
    customer_device,
    is_listed,
    our_room,
    own,
    refused_room,
    session,
)
from spec.models.terms import Symbol, Term, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "token_seen": "the attacker sees every token that c gets",
    "sessions_known": "the sessions of c with k are the attacker's: he writes as c's devices",
    "known_elsewhere": "a company of the attacker's has c as a customer of the same name",
    "no_device": "a token names neither account nor device (against CNS-51, CNS-52)",
    "no_room": "a token names no room (against CNS-51, CNS-52)",
    "no_company": "a token names no company, and any company's login key counts (against CNS-50, CNS-51)",
    "any_key": "a token by any key counts (against CNS-50)",
    "login_key": "the login key of k is the attacker's",
    "in_clear": "the token goes through the relay in clear, not inside the encryption",
    "any_challenge": "a page hands over challenges of others' devices (against CNS-53)",
}

login_key, mandate, subject = unary("loginkey loginmandate subject")
nonce = Symbol("loginnonce", 1)
challenge = Symbol("loginask", 5)  # company, customer, device, room, nonce
token = Symbol("logintoken", 2)  # challenge, subject
identify = Symbol("identify", 2)  # room, signed token
is_taken_for = Symbol("istakenfor", 4)  # account, device, room, subject

D, G, H, M, N, P, R, S, T, U, V = variables("D G H M N P R S T U V")


def theory(settings: frozenset[str]) -> Theory:
    """All clauses under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    return _Login(settings).theory()


class _Login:
    def __init__(self, settings: frozenset[str]) -> None:
        self.settings, self.clauses = settings, Theory()

    def theory(self) -> Theory:
        attacker.deduction(self.clauses, now, (identify, token))
        self._public()
        self._servers()
        self._customer()
        self._company()
        return self.clauses

    def _has(self, setting: str) -> bool:
        return setting in self.settings

    def _rule(self, name: str, conclusion: Term, *premises: Term) -> None:
        self.clauses.rule(name, conclusion, *premises)

    def _public(self) -> None:
        known, check = now.known, now.check
        device, rooms = own(customer_device(N)), (our_room(N), refused_room(N))
        self.clauses.facts("public", *map(known, (K, C, EVIL, DESK, *rooms, nonce(N), subject(EVIL))))
        self.clauses.facts("public", known(account(EVIL)), known(own(EVIL)), known(login_key(EVIL)))
        self.clauses.facts("public", check(account(P)), check(device), check(own(DESK)))
        self._rule(
            "make_ask", known(challenge(P, T, S, R, N)), check(P), check(T), check(S), known(R), known(N)
        )
        self._rule("session", known(session(S, T)), known(S))
        self._rule("session", known(session(S, T)), known(T))
        self.clauses.facts(
            "listed", is_listed(account(C), device, none), is_listed(account(EVIL), own(EVIL), none)
        )
        for company in (K, EVIL):
            self._rule("mandate", known(signature(account(company), mandate(login_key(company)))))
        if self._has("sessions_known"):
            self._rule("stolen", known(session(device, T)))
        if self._has("login_key"):
            self._rule("stolen", known(login_key(K)))
            self._rule("stolen", known(subject(C)))

    def _asked(self, company: Term, customer: Term, device: Term, where: Term, fresh: Term) -> Term:
        """A challenge as the token of these settings has it."""
        named = (none, none) if self._has("no_device") else (customer, device)
        return challenge(
            none if self._has("no_company") else company,
            *named,
            none if self._has("no_room") else where,
            fresh,
        )

    def _servers(self) -> None:
        """The attacker is logged in as himself, hands over what he likes, and runs a server of his own."""
        asked = self._asked(P, T, S, R, N)
        came = (now.check(P), now.check(T), now.check(S), now.known(R), now.known(N))
        self._rule("sign", now.known(signature(login_key(K), token(asked, subject(EVIL)))), *came)
        if self._has("any_challenge"):
            self._rule("sign", now.known(signature(login_key(K), token(asked, subject(C)))), *came)
        if not self._has("known_elsewhere"):
            return
        foreign = self._asked(account(EVIL), T, S, R, N)
        theirs = signature(login_key(EVIL), token(foreign, subject(C)))
        self._rule("sign_theirs", now.known(theirs), *came[1:])

    def _customer(self) -> None:
        """c's page has the challenge of its own device signed; the device writes the token into its room."""
        device = own(customer_device(N))
        asked = self._asked(account(K), account(C), device, our_room(N), nonce(N))
        signed = signature(login_key(K), token(asked, subject(C)))
        said = sealed(session(device, own(DESK)), none, identify(our_room(N), signed))
        self._rule("identify", now.known(said))
        if self._has("token_seen") or self._has("in_clear"):
            self._rule("seen", now.known(signed))
        self._rule("read", now.known(token(M, U)), now.known(signature(G, token(M, U))))
        self._rule("read", now.known(U), now.known(token(M, U)))
        self._rule("read", now.known(V), now.known(identify(R, V)))

    def _company(self) -> None:
        """The desk takes account P, whose device S is listed and writes in room R, for the one in a token."""
        asked = self._asked(account(K), P, S, R, N)
        signer = G if self._has("any_key") else login_key(H if self._has("no_company") else K)
        by = account(H if self._has("no_company") else K)
        signed = signature(signer, token(asked, U))
        came = now.known(sealed(session(S, own(DESK)), none, identify(R, signed)))
        named = () if self._has("any_key") else (now.known(signature(by, mandate(signer))),)
        self._rule("taken", is_taken_for(P, S, R, U), is_listed(P, S, D), came, *named)
