"""Recovery of chapter 15 (ACC-60 to ACC-67) in Horn clauses: who goes on with an account, who is told.

A person has an account whose key follows from a code, an old device, and lists that name it and an earlier
record of it. Persons of one kind lose the device and recover, those of the other do not. Company k has a
session with each of their devices, which is one key here, as in the model of rooms. The attacker is the
relay, shows what was signed in any order, and has an account and a device of his own.

Numbers of lists are two: up to 2^30, and above it, which a recovery alone signs.
"""

from __future__ import annotations

from spec.models import attacker
from spec.models.attacker import none, now, sealed, signature
from spec.models.rooms import EVIL, K, account, own
from spec.models.terms import Symbol, Term, constants, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "old_stolen": "the old devices are the attacker's, with their keys and sessions, but no code",
    "code_seen": "somebody has seen the codes",
    "record_kept": "the relay keeps the code, sealed under what a person remembers (not in this design)",
    "from_code": "keys of a device follow from the code as well (against ID-02)",
    "unsigned": "a list counts without a signature (against ID-05)",
    "any_account": "a list by any account counts (against ID-05)",
    "any_number": "a device takes any list that does not name it for a recovery (against ACC-67)",
    "not_struck": "an older list is followed beside a recovery (against ACC-63, ID-28)",
}

loses, keeps = unary("loses keeps")  # a person by number: who loses its device, who does not
code, key_of_code, remembered = unary("reccode reckey recremembered")
old, earlier, new = unary("recold recearlier recnew")  # devices of a person
before, after = unary("recbefore recafter")  # what k says to a person, before the recovery and after it
device_list, session = Symbol("reclist", 2), Symbol("recsession", 1)  # number and device; of a device with k
LOW, HIGH = constants("reclow rechigh")

pins, replaced = Symbol("recpins", 3), Symbol("recreplaced", 1)  # person, number, device; person
reads = Symbol("recreads", 2)  # person and text, on its new device

D, L, N, P, Q = variables("D L N P Q")
PERSONS = (loses(N), keeps(N))


def theory(settings: frozenset[str]) -> Theory:
    """All clauses under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    return _Recovery(settings).theory()


def key(person: Term) -> Term:
    """The account key of a person (ACC-60)."""
    return key_of_code(code(person))


class _Recovery:
    def __init__(self, settings: frozenset[str]) -> None:
        self.settings, self.clauses = settings, Theory()

    def theory(self) -> Theory:
        attacker.deduction(self.clauses, now, (key_of_code, device_list))
        self._public()
        for person in PERSONS:
            self._person(person)
            self._given(person)
            self._contact(person)
            self._old_device(person)
        self._recovers()
        return self.clauses

    def _has(self, setting: str) -> bool:
        return setting in self.settings

    def _rule(self, name: str, conclusion: Term, *premises: Term) -> None:
        self.clauses.rule(name, conclusion, *premises)

    def _public(self) -> None:
        known = now.known
        self.clauses.facts("public", *map(known, (K, EVIL, LOW, HIGH, account(EVIL), own(EVIL))))
        self._rule("session", known(session(D)), known(D))
        self._rule("make_list", known(device_list(L, D)), known(L), now.check(D))

    def _person(self, person: Term) -> None:
        """Its lists are seen by everybody; k has said something on the session with its old device."""
        for device in (earlier(person), old(person)):
            self._rule("check", now.check(own(device)))
            self._rule("list", now.known(signature(key(person), device_list(LOW, own(device)))))
        self._rule("check", now.check(key(person)))
        self._rule("says", now.known(sealed(session(own(old(person))), none, before(person))))

    def _given(self, person: Term) -> None:
        """What settings give away."""
        if self._has("old_stolen"):
            self._rule("stolen", now.known(own(old(person))))
        if self._has("code_seen"):
            self._rule("seen", now.known(code(person)))
        if self._has("record_kept"):
            self._rule("record", now.known(sealed(remembered(person), none, code(person))))
            self._rule("guess", now.known(remembered(person)))
        if self._has("from_code"):
            self._rule("derived", now.known(own(old(person))), now.known(code(person)))

    def _shown(self, person: Term, number: Term) -> Term:
        """A list as whoever looks at one for an account wants it."""
        if self._has("unsigned"):
            return now.known(device_list(number, D))
        signer = Q if self._has("any_account") else key(person)
        return now.known(signature(signer, device_list(number, D)))

    def _contact(self, person: Term) -> None:
        """It pins what the account has signed, and writes to the devices that a recovery has left (ID-28)."""
        self._rule("pin", pins(person, L, D), self._shown(person, L), now.check(D))
        spoken = now.known(sealed(session(D), none, after(person)))
        self._rule("writes", spoken, pins(person, HIGH, D))
        if self._has("not_struck"):
            self._rule("writes", spoken, pins(person, LOW, D))

    def _old_device(self, person: Term) -> None:
        """It stops where it is shown a recovery of its account (ACC-67)."""
        numbers = (HIGH, LOW) if self._has("any_number") else (HIGH,)
        for number in numbers:
            self._rule("told", replaced(person), self._shown(person, number), now.check(D))

    def _recovers(self) -> None:
        """Who has lost the device types the code: the new device's first list names it alone (ACC-63)."""
        person = loses(N)
        device = own(new(person))
        self._rule("check", now.check(device))
        self._rule("recovers", now.known(signature(key(person), device_list(HIGH, device))))
        came = now.known(sealed(session(device), none, after(person)))
        self._rule("reads", reads(person, after(person)), came)
