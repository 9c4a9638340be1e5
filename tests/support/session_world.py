"""Three devices, their directory and their network, and what honest owners do with them.

The engine of chapter 08 is as small as it can be here: it initiates when it has to, and starts anew where
SES-07, SES-16 and SES-17 say so, without their limit in time.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import replace

from delivery_model import DeliveryModel, Sent
from device_model import DeviceModel, StoredDevice
from hostile_network import HostileNetwork, Packet
from parties import DAY_MS, NOW_MS, ScriptedRng
from prekey_shelf import ONE_TIME_KEYS_PER_WINDOW, SHELF, Owner, window_of

from e2ee.content import Content, Payload, Reset, ResetReason, Text
from e2ee.errors import ContentTooLarge, RemoteError
from e2ee.ids import AccountId
from e2ee.prekeys import OneTimeState

DEVICES = 3
NO_ONE_TIME = OneTimeState(x25519=False, kem=False)
_LIST_RENEWAL_MS = 20 * DAY_MS
_MAX_STORED = 6
_MAX_DRAINED = 10_000


class SessionWorld:
    """The honest side of the world; nothing here reads a clock or draws randomness of its own."""

    def __init__(self, seed: int) -> None:
        owners = [SHELF.owner(index) for index in range(DEVICES)]
        peers = {owner.account_id: owner.index for owner in owners}
        self.started_ms = self.now_ms = NOW_MS
        self.lives = DEVICES
        self.model = DeliveryModel()
        self.network = HostileNetwork()
        self.outcomes: Counter[str] = Counter()
        self.lists = [SHELF.next_list(owner.index, None, NOW_MS) for owner in owners]
        self.devices = [
            _device(owner, peers, ScriptedRng(f"{seed} {owner.index}"), owner.index) for owner in owners
        ]
        self.clones: dict[int, DeviceModel] = {}
        self.suffered = False
        self._unread: set[tuple[int, int]] = set()
        self.stored = [deque([device.store()], _MAX_STORED) for device in self.devices]
        self._handed_out: Counter[tuple[int, int]] = Counter()

    def instances(self) -> Iterator[DeviceModel]:
        """All running instances, clones included."""
        yield from self.devices
        yield from self.clones.values()

    def clone(self, index: int, *, repeat: bool) -> None:
        """Start a second machine from the store of a device; with `repeat` both draw the same randomness."""
        device, life = self.devices[index], self.next_life()
        rng = copy.copy(device.rng) if repeat else ScriptedRng(f"life {life}")
        clone = _device(device.owner, device.peers, rng, life)
        clone.load(device.store())
        clone.start_life(life)
        device.disturbed = self.suffered = True
        self.clones[index] = clone

    def try_receive(self, device: DeviceModel, envelope: bytes) -> None:
        """Let a device open an envelope and forget the outcome."""
        with contextlib.suppress(RemoteError):
            device.receive(envelope, self.now_ms)

    def next_life(self) -> int:
        """Return a number for a life of a device."""
        self.lives += 1
        return self.lives

    def initiate(self, device: DeviceModel, peer: int, one_time: OneTimeState = NO_ONE_TIME) -> None:
        """Fetch the peer's bundle from an honest directory and start a session; nothing leaves yet."""
        window = window_of(self.now_ms)
        number = self._handed_out[peer, window]
        if number >= ONE_TIME_KEYS_PER_WINDOW:
            one_time = NO_ONE_TIME
        if any(one_time):
            self._handed_out[peer, window] += 1
        bundle = SHELF.bundle(peer, self.lists[peer], one_time, number, self.now_ms)
        device.initiate(peer, self.lists[device.owner.index], bundle, self.now_ms)
        self._remember(device)

    def send(self, device: DeviceModel, peer: int, payload: Payload, *, keep: bool = True) -> Sent | None:
        """Send a content, or nothing if it does not fit into a first flight (WIRE-12)."""
        if device.needs_session(peer, self.now_ms):
            self.initiate(device, peer)
        content = Content(self.model.next_id(), self.now_ms, payload, way_back=device.owner.way_back)
        try:
            session_id, envelope = device.seal(peer, content, self.now_ms)
        except ContentTooLarge:
            self.check_stored(device)
            return None
        self._remember(device)
        sent = Sent(content, device.owner.index, peer, session_id, envelope)
        self.model.record(sent)
        self.network.put(Packet(sent.sender, peer, envelope), keep=keep)
        return sent

    def deliver(self, device: DeviceModel, envelope: bytes) -> bool:
        """Let a device open an envelope; check the outcome against the model, or that nothing changed
        (DR-18).
        """
        before = device.store()
        try:
            delivery = device.receive(envelope, self.now_ms)
        except RemoteError as error:
            self.outcomes[error.code] += 1
            after = replace(device.store(), restart=before.restart)
            assert after == before, "a failed message changed the stored device"
            self.check_stored(device)
            return False
        self.outcomes["opened"] += 1
        self.model.accept(device, delivery, envelope)
        self._remember(device)
        if delivery.start_anew is not None:
            self.start_anew(device, delivery.peer, delivery.start_anew)
        return True

    def start_anew(self, device: DeviceModel, peer: int, reason: ResetReason) -> None:
        """Start a session whose first content is a reset (SES-07)."""
        self.initiate(device, peer)
        self.send(device, peer, Reset(reason))

    def lose_sessions(self, device: DeviceModel) -> None:
        """A device notices that its sessions are gone, and starts anew with everyone it knows (SES-07)."""
        for peer in device.lose_sessions(self.next_life()):
            self.start_anew(device, peer, ResetReason.STATE_LOST)

    def pass_time(self, span_ms: int) -> None:
        """Let time pass; lists are renewed in time (ID-08)."""
        self.now_ms += span_ms
        for index, device_list in enumerate(self.lists):
            if self.now_ms > device_list.issued_ms + _LIST_RENEWAL_MS:
                self.renew_list(index)

    def renew_list(self, index: int) -> None:
        """Publish an account's next device list.

        Sessions that nobody has answered start anew with the next send: their prefix has the old list
        (SES-17).
        """
        self.lists[index] = SHELF.next_list(index, self.lists[index], self.now_ms)
        for device in self.instances():
            if device.owner.index == index:
                device.restart_unanswered()

    def check_stored(self, device: DeviceModel) -> None:
        """The sessions in memory are what the store holds, byte by byte."""
        assert device.encoded() == device.rows, "sessions in memory differ from their rows"

    def quiesce(self, order: random.Random) -> None:
        """Deliver all honest copies, let each pair speak once more, and check that all is well again.

        Whoever was rolled back or cloned has noticed by then: a machine that goes on in an old state never
        heals.
        """
        self.clones.clear()
        for device in self.devices:
            if device.disturbed:
                self.lose_sessions(device)
        self._drain(order)
        for one, other in self._contacts():
            self._converge(one, other, order)

    def _converge(self, one: DeviceModel, other: DeviceModel, order: random.Random) -> None:
        self._unread.clear()
        self._both_speak(one, other, order)
        if one.restart or other.restart:
            self._both_speak(one, other, order)
        if self.suffered and (self._unread or not _agree(one, other)):
            self._heal(one, other, order)
        ours, theirs = one.pair(other.owner.index).active, other.pair(one.owner.index).active
        assert ours is not None, "no active session"
        assert theirs is not None, "no active session"
        assert ours.id == theirs.id, f"two active sessions, gen {ours.gen} and {theirs.gen}"
        for sender, recipient in ((one, other), (other, one)):
            sent = self._say(sender, recipient)
            self._drain(order)
            assert self.model.was_given(sent), "a new message does not arrive"

    def _heal(self, one: DeviceModel, other: DeviceModel, order: random.Random) -> None:
        """What opens in no session came through the peer's own mailbox: who got it takes its sessions for
        lost.

        Only after a rollback or a clone, since replays then reach a machine that has forgotten them.
        """
        self.outcomes["healed"] += 1
        for device, peer in ((one, other.owner.index), (other, one.owner.index)):
            if (device.owner.index, peer) in self._unread:
                device.lose_pair(peer)
                self.start_anew(device, peer, ResetReason.STATE_LOST)
                self._drain(order)
                break
        self._both_speak(one, other, order)

    def _both_speak(self, one: DeviceModel, other: DeviceModel, order: random.Random) -> None:
        self._say(one, other)
        self._say(other, one)
        self._drain(order)

    def _say(self, device: DeviceModel, peer: DeviceModel) -> Sent:
        sent = self.send(device, peer.owner.index, Text("still there?"))
        assert sent is not None, "a short text does not fit"
        return sent

    def _drain(self, order: random.Random) -> None:
        for _ in range(_MAX_DRAINED):
            if not self.network.waiting:
                return
            packet = self.network.take(order.randrange(len(self.network.waiting)))
            if not self.deliver(self.devices[packet.recipient], packet.envelope):
                self._unread.add((packet.recipient, packet.sender))
        raise AssertionError("the devices never stop answering each other")

    def _contacts(self) -> Iterator[tuple[DeviceModel, DeviceModel]]:
        for one in self.devices:
            for other in self.devices[one.owner.index + 1 :]:
                if one.pair(other.owner.index).sessions() or other.pair(one.owner.index).sessions():
                    yield one, other

    def _remember(self, device: DeviceModel) -> None:
        index = device.owner.index
        if device is self.devices[index]:
            self.stored[index].append(device.store())


def _device(owner: Owner, peers: Mapping[AccountId, int], rng: ScriptedRng, life: int) -> DeviceModel:
    return DeviceModel(owner, SHELF, rng, peers, life=life)


def _agree(one: DeviceModel, other: DeviceModel) -> bool:
    ours, theirs = one.pair(other.owner.index).active, other.pair(one.owner.index).active
    return ours is not None and theirs is not None and ours.id == theirs.id


def stored_at(stored: deque[StoredDevice], depth: int) -> StoredDevice:
    """Return what a store held some commits ago; beyond the oldest copy, the oldest."""
    return stored[max(len(stored) - 1 - depth, 0)]
