"""Linking of chapter 15 (ACC-31 to ACC-35, ACC-50 to ACC-52) in Horn clauses: whose device a code lets in.

Account c shows codes, numbered without bound; for each its person has one new device beside it and compares
digits. The attacker is the relay, has an account of his own, and knows the codes that were seen
(`code_seen`): with the secret of a code he writes and reads its messages. The random bytes of each message
lie open, and whoever writes one chooses them.

r of an invite depends on the `in` that the holder has fixed, which stands for the order in time: who knows r
has chosen that `in` before. Digits are the same for the same `in` and r; other ones are *made* the same by
whoever may still choose one of them when he knows the rest (a million tries).
"""

from __future__ import annotations

from spec.models import attacker
from spec.models.attacker import none, now, sealed, signature
from spec.models.rooms import EVIL, PLAIN, C, account, listed, own, record
from spec.models.terms import Symbol, Term, constants, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "code_seen": "somebody has photographed every code of c, while it was good",
    "r_early": "r is known before an in is fixed (against ACC-34)",
    "any_r": "the new device takes any r (against ACC-34)",
    "not_compared": "the person does not compare the digits",
    "any_list": "the new device takes a list of any account (against ACC-35)",
    "stranger_told": "the person says that a stranger's device is its own (against ACC-51)",
    "not_asked": "the new device asks nobody whose the other device is (against ACC-51)",
}

secret, opening, new_device, history = (
    Symbol("linksecret", 1),
    Symbol("linkr", 2),
    *unary("newdev linkhistory"),
)
key_of = Symbol("linkkey", 3)  # of the secret and a step, for the message with these random bytes
drawn = Symbol("linkdrawn", 1)  # the random bytes of a message
message_in, message_out = Symbol("linkin", 2), Symbol("linkout", 1)
reply = Symbol("linkreply", 1)  # the token with which the new device is answered
session_with = Symbol("linksession", 1)
FIRST, SECOND, THIRD = constants("linkone linktwo linkthree")

fixes, answered = Symbol("fixes", 2), Symbol("answered", 2)  # invite and in; invite and r at the new device
same = Symbol("samedigits", 3)  # invite, the in that the holder fixed, the r that the new device has
lists, joins = Symbol("lists", 2), Symbol("joins", 2)  # invite and device; device and account

F, J, N, P, R, S, T = variables("F J N P R S T")


def theory(settings: frozenset[str]) -> Theory:
    """All clauses under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    return _Link(settings).theory()


class _Link:
    def __init__(self, settings: frozenset[str]) -> None:
        self.settings, self.clauses = settings, Theory()

    def theory(self) -> Theory:
        attacker.deduction(self.clauses, now, (key_of, listed))
        self._public()
        self._new_device()
        self._holder()
        self._digits()
        self._history()
        return self.clauses

    def _has(self, setting: str) -> bool:
        return setting in self.settings

    def _rule(self, name: str, conclusion: Term, *premises: Term) -> None:
        self.clauses.rule(name, conclusion, *premises)

    def _public(self) -> None:
        known, check = now.known, now.check
        steps = (FIRST, SECOND, THIRD, PLAIN, EVIL, C)
        self.clauses.facts("public", *map(known, steps), known(account(EVIL)), known(own(EVIL)))
        self.clauses.facts("public", check(account(P)), check(own(new_device(N))))
        self._rule("make_record", known(record(P, S, R)), check(P), check(S), known(R))
        for part in (check(P), check(S), known(R)):
            self._rule("read_record", part, known(record(P, S, R)))
        self._rule("make_message", known(message_out(R)), known(R))
        self._rule("read_message", known(R), known(message_out(R)))
        self._rule("make_message", known(message_in(R, T)), known(R), known(T))
        for part in (known(R), known(T)):
            self._rule("read_message", part, known(message_in(R, T)))
        if self._has("code_seen"):
            self._rule("seen", known(secret(N)))
        if self._has("r_early"):
            self._rule("early", known(opening(N, J)))

    def _send(self, name: str, step: Term, message: Term, *premises: Term) -> None:
        sent = sealed(key_of(secret(N), step, drawn(message)), none, message)
        self._rule(name, now.known(sent), *premises)
        self._rule(name, now.known(drawn(message)), *premises)

    def _came(self, step: Term, message: Term) -> Term:
        return now.known(sealed(key_of(secret(N), step, F), none, message))

    def _record(self, device: Term) -> Term:
        return record(account(C), device, PLAIN)

    def _new_device(self) -> None:
        """It sends `in`, takes an r, and goes on with a list that names it, if its person was asked."""
        mine = message_in(self._record(own(new_device(N))), reply(N))
        self._send("in", FIRST, mine)
        taken = R if self._has("any_r") else opening(N, J)
        self._rule("answer", answered(N, taken), self._came(SECOND, taken))
        account_of_list = P if self._has("any_list") else account(C)
        body = self._record(own(new_device(N)))
        if self._has("any_list"):
            body = record(P, own(new_device(N)), PLAIN)
        signed = signature(account_of_list, listed(body))
        out = self._came(THIRD, message_out(signed))
        self._rule("join", joins(own(new_device(N)), account_of_list), answered(N, R), out)
        self._stranger()

    def _stranger(self) -> None:
        """A stranger shows a code of his own account to a person who has a new device (ACC-51)."""
        if self._has("stranger_told") or self._has("not_asked"):
            body = record(account(EVIL), own(new_device(N)), PLAIN)
            theirs = now.known(signature(account(EVIL), listed(body)))
            self._rule("stranger", joins(own(new_device(N)), account(EVIL)), theirs)

    def _holder(self) -> None:
        """It fixes an `in` of its invite, opens r, and lists the device once the digits are compared."""
        came = self._came(FIRST, message_in(self._record(S), T))
        self._rule("fix", fixes(N, S), came, now.check(S))
        self._send("open", SECOND, opening(N, S), fixes(N, S))
        compared = () if self._has("not_compared") else (answered(N, R), same(N, S, R))
        self._rule("lists", lists(N, S), fixes(N, S), *compared)
        made = signature(account(C), listed(self._record(S)))
        self._rule("list", now.known(made), lists(N, S))
        self._send("out", THIRD, message_out(made), lists(N, S))

    def _digits(self) -> None:
        """The new device shows digits of its own `in` and its r, the holder of what it fixed and its r."""
        mine = own(new_device(N))
        self._rule("same", same(N, mine, opening(N, mine)))
        known = now.known
        if self._has("r_early"):
            self._rule(
                "grind_in", same(N, S, opening(N, J)), known(secret(N)), known(opening(N, J)), known(S)
            )
        if self._has("any_r"):
            self._rule("grind_r", same(N, S, R), known(secret(N)), known(opening(N, S)), known(R))

    def _history(self) -> None:
        """What the holder has of its rooms goes to the device that it has listed (ACC-52)."""
        self._rule("give", now.known(sealed(session_with(S), none, history(N))), lists(N, S))
        self._rule("session", now.known(session_with(S)), now.known(S))
