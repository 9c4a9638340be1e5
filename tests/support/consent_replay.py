"""Consent of one room under a trace of the model Consent: e2ee.rooms.customer on two devices of the customer,
e2ee.rooms.consent and e2ee.rooms.gate at a desk (CNS-09, CNS-10, CNS-13 to CNS-15, CNS-17, CNS-19, CNS-20).

Ids and signatures are left out: receipts are made as `Receipt.verify` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from company import Company
from model_traces import Step, as_set
from parties import NOW_MS

from e2ee.errors import RemoteError
from e2ee.rooms import consent, customer, gate
from e2ee.rooms.consent import Receipt, RoomConsent, Terms, Withdrawal
from e2ee.rooms.customer import Accept, Accepted, Elsewhere, Ended, Given, Leave, Shown, Stale, Withdraw
from e2ee.rooms.gate import Row

_ROOM: Final = b"room" * 4
_FIRST_MS: Final = 1_577_836_800_000  # 2020: minutes are counted from here
_AHEAD: Final = 2
Order: TypeAlias = Receipt | Withdrawal


class ConsentReplay:
    """Devices P and Q of the customer, and the desk K."""

    def __init__(self) -> None:
        firm = Company.make()
        self._notice = firm.notice()
        firm.new_roster(NOW_MS, notice_hash=self._notice.hash)
        self._team = firm.view()
        self._states: dict[str, customer.State] = {name: Shown(self._notice) for name in "PQ"}
        self._orders: dict[tuple[str, int, str], Order] = {}
        self._known = RoomConsent()
        self._taken: set[int] = set()
        self._model: Mapping[str, Any] = {}

    def close(self) -> None:
        """Nothing is held."""

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        self._model = step.after
        device, message = step.step["d"], step.step["m"]
        match step.step["op"]:
            case "accept":
                self._accept(device, _now_ms(device, step.before["minute"]))
            case "leave":
                self._leave(device, _now_ms(device, step.before["minute"]))
            case "say":
                customer.check_sending(self._states[device], 0)
            case "tell":
                self._tell(device, message)
            case "deliver":
                self._deliver(message)
            case other:
                raise ValueError(f"no such step: {other}")

    def _accept(self, name: str, now_ms: int) -> None:
        """Accept the notice; where there is a consent already, a newer notice has made it stale."""
        state, kind = self._states[name], "consent"
        if isinstance(state, Accepted):
            state = Stale(state.notice, state.given, now_ms)
        if isinstance(state, Shown):
            kind = "open"
        after, _ = customer.step(state, Accept(self._notice.hash, "de", 3), now_ms)
        self._states[name] = after
        seq = _last(after)
        terms = Terms(self._notice.hash, "de", self._notice.mode, 3)
        hash_ = f"{seq} {name}".encode().ljust(32)
        self._orders[kind, seq, name] = Receipt(b"", terms, now_ms, _ROOM, seq, hash_)

    def _leave(self, name: str, now_ms: int) -> None:
        self._states[name], effects = customer.step(self._states[name], Leave(), now_ms)
        (seq,) = [one.seq for one in effects if isinstance(one, Withdraw)]
        self._orders["withdraw", seq, name] = Withdrawal(name.encode(), bytes(32), _ROOM, now_ms, seq)

    def _tell(self, name: str, message: Mapping[str, Any]) -> None:
        order = self._order(message)
        given = Given(order.terms, 0, order.seq) if isinstance(order, Receipt) else None
        self._states[name], _ = customer.step(self._states[name], Elsewhere(given, order.seq), 0)

    def _order(self, message: Mapping[str, Any]) -> Order:
        return self._orders[message["kind"], message["seq"], message["by"]]

    def _deliver(self, message: Mapping[str, Any]) -> None:
        row = {"open": Row.OPEN, "consent": Row.ACT, "withdraw": Row.WITHDRAWAL, "text": Row.CONTENT}
        try:
            gate.check(row[message["kind"]], gate.column(self._known, 1, self._team, NOW_MS))
        except RemoteError:
            return
        if message["kind"] == "text":
            self._taken.add(message["seq"])
            return
        order = self._order(message)
        if isinstance(order, Withdrawal):
            self._known = self._known.with_withdrawal(order)
        elif message["kind"] == "open":
            self._known = consent.opened(self._known, order, _ROOM, self._notice, is_desk=True)
        else:
            order.check(_ROOM, self._notice)
            self._known = self._known.with_receipt(order)

    def state(self) -> Mapping[str, Any]:
        """What the devices know; what has come to whom is the model's."""
        if not self._model:
            return {}
        orders = [
            {"kind": kind, "seq": seq, "by": by}
            for kind, seq, by in (*self._orders, *(_place(one) for one in self._texts()))
        ]
        return {
            "cust": {name: self._device(name) for name in self._states},
            "log": as_set(orders),
            "desk": {"K": self._desk()},
        }

    def _texts(self) -> list[Mapping[str, Any]]:
        return [one for one in self._model["log"] if one["kind"] == "text"]

    def _device(self, name: str) -> Mapping[str, Any]:
        state, model = self._states[name], self._model["cust"][name]
        return {"last": _last(state), "yes": isinstance(state, Accepted | Stale), "told": model["told"]}

    def _desk(self) -> Mapping[str, Any]:
        model, known = self._model["desk"]["K"], self._known
        rows = {row["seq"]: row for row in model["rows"]}
        return {
            "receipt": 0 if known.receipt is None else known.receipt.seq,
            "withdrawal": 0 if known.withdrawal is None else known.withdrawal.seq,
            "newest": "none",
            "came": model["came"],
            "rows": as_set(rows.get(seq, seq) for seq in self._taken),
        }


def _place(message: Mapping[str, Any]) -> tuple[str, int, str]:
    return message["kind"], message["seq"], message["by"]


def _now_ms(name: str, minute: int) -> int:
    return _FIRST_MS + (minute + (_AHEAD if name == "Q" else 0)) * 60_000


def _last(state: customer.State) -> int:
    match state:
        case Accepted(given=given) | Stale(given=given):
            return given.seq
        case Ended(seq=seq):
            return seq
        case _:
            return 0
