"""Three devices, their directory and their network, and what honest owners do with them."""

from __future__ import annotations

import contextlib
import copy
import random
from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from delivery_model import DeliveryModel, Sent
from device_model import DeviceModel, StoredDevice
from hostile_network import HostileNetwork, Packet
from parties import DAY_MS, NOW_MS, ScriptedRng
from prekey_shelf import ONE_TIME_KEYS_PER_WINDOW, SHELF, Owner, window_of

from e2ee.content import Content, Text
from e2ee.errors import RemoteError
from e2ee.identity import DeviceList
from e2ee.ids import ContentId
from e2ee.pair import HOUR_MS, MINUTE_MS
from e2ee.prekeys import OneTimeState, VerifiedBundle

DEVICES: Final = 3
NO_ONE_TIME: Final = OneTimeState(x25519=False, kem=False)
_LIST_RENEWAL_MS: Final = 20 * DAY_MS
_MAX_STORED: Final = 6
_MAX_DRAINED: Final = 20_000
_PAUSES_MS: Final = (11 * MINUTE_MS,) * 14 + (6 * HOUR_MS,) * 10 + (25 * HOUR_MS,) * 24


class SessionWorld:
    """The honest side of the world; nothing here reads a clock or draws randomness of its own."""

    def __init__(self, seed: int) -> None:
        owners = [SHELF.owner(index) for index in range(DEVICES)]
        self.numbers = {owner.account_id: owner.index for owner in owners}
        self.started_ms = self.now_ms = NOW_MS
        self.lives = DEVICES
        self.model = DeliveryModel()
        self.network = HostileNetwork()
        self.outcomes: Counter[str] = Counter()
        self.one_time = NO_ONE_TIME
        self.lists = [SHELF.next_list(owner.index, None, NOW_MS) for owner in owners]
        self.devices = [
            self._device(owner, ScriptedRng(f"{seed} {owner.index}"), owner.index) for owner in owners
        ]
        self.clones: dict[int, DeviceModel] = {}
        self.suffered = False
        self.stored = [deque([device.store()], _MAX_STORED) for device in self.devices]
        self._handed_out: Counter[tuple[int, int]] = Counter()

    def _device(self, owner: Owner, rng: ScriptedRng, life: int) -> DeviceModel:
        return DeviceModel(owner, SHELF, rng, self.numbers, self, life=life)

    # --- what devices need (device_model.Directory) ---

    def bundle(self, device: DeviceModel, peer: int, *, again: bool) -> VerifiedBundle:
        """Hand out a peer's bundle of now, with the one-time keys that are wanted and left."""
        window, one_time = window_of(self.now_ms), NO_ONE_TIME if again else self.one_time
        number = self._handed_out[peer, window]
        if number >= ONE_TIME_KEYS_PER_WINDOW:
            one_time = NO_ONE_TIME
        if any(one_time):
            self._handed_out[peer, window] += 1
        return SHELF.bundle(peer, self.lists[peer], one_time, number, self.now_ms)

    def list_of(self, index: int) -> DeviceList:
        """Return an account's newest device list."""
        return self.lists[index]

    def next_id(self) -> ContentId:
        """Return a content id that nobody has used."""
        return self.model.next_id()

    # --- owners ---

    def instances(self) -> Iterator[DeviceModel]:
        """All running instances, clones included."""
        yield from self.devices
        yield from self.clones.values()

    def clone(self, index: int, *, repeat: bool) -> None:
        """Start a second machine from the store of a device; with `repeat` both draw the same randomness."""
        device, life = self.devices[index], self.next_life()
        rng = copy.copy(device.rng) if repeat else ScriptedRng(f"life {life}")
        clone = self._device(device.owner, rng, life)
        clone.load(device.store())
        self.suffered = True
        self.clones[index] = clone

    def try_receive(self, device: DeviceModel, envelope: bytes) -> None:
        """Let a device open an envelope and forget the outcome."""
        with contextlib.suppress(RemoteError):
            device.receive(envelope, self.now_ms)
        device.outgoing.clear()

    def next_life(self) -> int:
        """Return a number for a life of a device."""
        self.lives += 1
        return self.lives

    def start(self, device: DeviceModel, peer: int, one_time: OneTimeState = NO_ONE_TIME) -> None:
        """Start a session with a peer, if its budget allows that now."""
        self.one_time = one_time
        device.want(peer, self.now_ms)
        self.one_time = NO_ONE_TIME
        self._post(device)

    def say(self, device: DeviceModel, peer: int, text: str) -> Content:
        """Let a device write a text."""
        content = device.say(peer, Text(text), self.now_ms)
        self._post(device)
        return content

    def pass_over(self, device: DeviceModel, peer: int, count: int) -> None:
        """Lose many messages of a device at once."""
        device.pass_over(peer, count, self.now_ms)
        self._remember(device)

    def deliver(self, device: DeviceModel, packet: Packet, envelope: bytes | None = None) -> bool:
        """Let a device open what came into the mailbox that it made for the packet's sender; check the
        outcome against the model, or that nothing has changed but doubt (DR-18, SES-23).
        """
        envelope = packet.envelope if envelope is None else envelope
        before = device.store()
        try:
            delivery = device.receive(envelope, self.now_ms)
        except RemoteError as error:
            self.outcomes[error.code] += 1
            assert device.store() == before, "a failed message changed the stored device"
            self.check_stored(device)
            if packet.sender != device.owner.index:
                device.doubt(packet.sender, self.now_ms)
            self._post(device)
            return False
        self.outcomes["opened"] += 1
        self.model.accept(device, delivery, envelope)
        self._post(device)
        return True

    def lose_sessions(self, device: DeviceModel) -> None:
        """A device notices that its state is not the newest (SES-32)."""
        self.suffered = True
        device.lose_sessions(self.next_life(), self.now_ms)
        self._post(device)

    def pass_time(self, span_ms: int) -> None:
        """Let time pass; lists are renewed in time (ID-08), and each device looks at its clock once."""
        self.now_ms += span_ms
        for index, device_list in enumerate(self.lists):
            if self.now_ms > device_list.issued_ms + _LIST_RENEWAL_MS:
                self.renew_list(index)
        for device in list(self.instances()):
            device.tick(self.now_ms)
            self._post(device)

    def renew_list(self, index: int) -> None:
        """Publish an account's next device list."""
        self.lists[index] = SHELF.next_list(index, self.lists[index], self.now_ms)

    def check_stored(self, device: DeviceModel) -> None:
        """The sessions in memory are what the store holds, byte by byte."""
        assert device.encoded() == device.rows, "sessions in memory differ from their rows"

    # --- the end ---

    def quiesce(self, order: random.Random) -> None:
        """Deliver all honest copies, let each pair speak on, and check that all is well again: one active
        session, new texts arrive, and no text is lost without a trace.
        """
        self.clones.clear()
        self._drain(order)
        for pause_ms in _PAUSES_MS:
            well = [self._is_well(one, other, order) for one, other in self._contacts()]
            if all(well):
                break
            self.pass_time(pause_ms)
            self._drain(order)
        else:
            raise AssertionError(f"two active sessions, or texts that do not arrive: {self._tops()}")
        for one, other in self._contacts():
            self._check_texts(one, other)
            self._check_texts(other, one)

    def _is_well(self, one: DeviceModel, other: DeviceModel, order: random.Random) -> bool:
        """Whether both have one active session, new texts arrive both ways, and none is under way."""
        said = [(one, other, self._hello(one, other)), (other, one, self._hello(other, one))]
        self._drain(order)
        top = one.pair(other.owner.index).top
        is_agreed = top is not None and top == other.pair(one.owner.index).top
        arrived = all(
            self.model.was_given(sender.owner.index, recipient.owner.index, content.id)
            for sender, recipient, content in said
        )
        is_done = not any(
            row.waits or row.may_go_again(self.now_ms)
            for device, peer in ((one, other), (other, one))
            for row in device.peer(peer.owner.index).texts.values()
        )
        return is_agreed and arrived and is_done

    def _hello(self, device: DeviceModel, peer: DeviceModel) -> Content:
        return self.say(device, peer.owner.index, "still there?")

    def _check_texts(self, sender: DeviceModel, recipient: DeviceModel) -> None:
        """Each text was given, or its recipient knows that it is missing, or its sender that it is
        unconfirmed.
        """
        ours, theirs = sender.owner.index, recipient.owner.index
        received = recipient.pair(ours).received
        for (author, reader, content_id), content in self.model.texts.items():
            if (author, reader) != (ours, theirs) or self.model.was_given(ours, theirs, content_id):
                continue
            number = content.number
            assert number is not None
            row = sender.peer(theirs).texts.get(content_id)
            is_known = received.is_missing(number.n) or number.n <= received.forgotten
            is_unconfirmed = row is not None and not row.may_go_again(self.now_ms)
            is_parted = self.suffered and (ours in recipient.parted or row is None)
            assert is_known or is_unconfirmed or is_parted, "a text is lost without a trace"
        assert self.suffered or ours not in recipient.parted, "a peer is called parted without a loss"

    def _tops(self) -> list[tuple[object, object]]:
        return [
            (one.pair(other.owner.index).top, other.pair(one.owner.index).top)
            for one, other in self._contacts()
        ]

    def _drain(self, order: random.Random) -> None:
        for _ in range(_MAX_DRAINED):
            if not self.network.waiting:
                return
            packet = self.network.take(order.randrange(len(self.network.waiting)))
            self.deliver(self.devices[packet.recipient], packet)
        raise AssertionError("the devices never stop answering each other")

    def _contacts(self) -> Iterator[tuple[DeviceModel, DeviceModel]]:
        for one in self.devices:
            for other in self.devices[one.owner.index + 1 :]:
                if other.owner.index in one.peers or one.owner.index in other.peers:
                    yield one, other

    def _post(self, device: DeviceModel) -> None:
        """Hand to the network what a device has to say."""
        for out in device.outgoing:
            sent = Sent(out.content, device.owner.index, out.peer, out.session_id, out.envelope)
            self.model.record(sent, device.life, is_proven=out.is_proven, is_met=out.is_met)
            self.network.put(Packet(sent.sender, out.peer, out.envelope))
        device.outgoing.clear()
        self._remember(device)

    def _remember(self, device: DeviceModel) -> None:
        index = device.owner.index
        if device is self.devices[index]:
            self.stored[index].append(device.store())


def stored_at(stored: deque[StoredDevice], depth: int) -> StoredDevice:
    """Return what a store held some commits ago; beyond the oldest copy, the oldest."""
    return stored[max(len(stored) - 1 - depth, 0)]
