"""The queue against a model, in any order of sends, commits, failures, crashes and acknowledgements."""

from __future__ import annotations

from core_bench import PlayedStore
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    Done,
    ErrorCode,
    KnownFrame,
    Message,
    Send,
    SendItem,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.session import Session
from e2ee_relay.store.sqlite_file import DatabaseFile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from nacl.signing import SigningKey
from relay_actors import START_MS

KEY = SigningKey(b"k" * 32)
MAILBOX, TOKEN = b"m" * 16, b"t" * 32
UNBOUNDED = Rate(1e9, 1e9)
POLICY = Policy(
    window_messages=3,
    quota_messages=12,
    contact_messages=UNBOUNDED,
    contact_b=UNBOUNDED,
    mailbox_messages=UNBOUNDED,
    subscriptions=UNBOUNDED,
    auths=UNBOUNDED,
)


class QueueModel(RuleBasedStateMachine):
    """RLY-30, RLY-32, RLY-35, RLY-37, RLY-39, RLY-90: what was confirmed arrives in order, until
    acknowledged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = START_MS
        self.file = DatabaseFile(None, bytes(16))
        self.confirmed: set[int] = set()  # sent numbers that were answered OK
        self.acknowledged: set[int] = set()  # numbers whose Ack was answered
        self.sent_acks: set[int] = set()
        self.last_sent = 0
        self.last_id = 0
        self.asked: dict[int, list[int]] = {}  # request id to numbers
        self.begin()
        for frame in (
            CreateMailbox(self.next_id(), MAILBOX, bytes(KEY.verify_key)),
            TokenAdd(self.next_id(), MAILBOX, (token_hash(TOKEN),), TokenClass.CONTACT),
        ):
            self.authenticate(self.owner)
            self.node.receive(self.owner, frame)
            self.settle()
        self.authenticate(self.owner)
        self.settle()

    def settle(self) -> None:
        """Commit all that waits."""
        while self.store._waiting:
            self.store.commit(10)

    def begin(self) -> None:
        """Start the relay from its store; what was not committed is lost."""
        self.store = PlayedStore(self.file)
        self.node = Node(POLICY, self.store, lambda: self.now_ms)
        self.store.load(self.node)
        self.sender = self.node.connect(Client(self), b"s" * 32)
        self.open_owner()

    def open_owner(self) -> None:
        self.client = Client(self)
        self.owner = self.node.connect(self.client, b"o" * 32)
        self.arrived: list[tuple[int, int]] = []  # (seq, number) on the owner's present connection
        self.authenticate(self.owner)
        while not self.owner.owned and self.store.view.boxes:
            self.commit(1)

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def authenticate(self, session: Session) -> None:
        signature = KEY.sign(auth_payload("localhost", b"o" * 32, (MAILBOX,))).signature
        self.node.receive(session, Auth(self.next_id(), (MAILBOX,), bytes(KEY.verify_key), signature))

    def heard(self, client: Client, frame: KnownFrame) -> None:
        """Take a frame of the relay."""
        if isinstance(frame, Message):
            if client is self.client:
                self.arrived.append((frame.seq, int.from_bytes(frame.msg_id, "big")))
        elif isinstance(frame, SendResults):
            numbers = self.asked.pop(frame.request_id)
            results = zip(numbers, frame.results, strict=True)
            self.confirmed |= {number for number, result in results if result.code is ErrorCode.OK}
        elif frame.request_id in self.asked:
            numbers = self.asked.pop(frame.request_id)
            self.acknowledged |= set(numbers) if isinstance(frame, Done) else set()

    def send_numbers(self, numbers: list[int]) -> None:
        request = self.next_id()
        self.asked[request] = numbers
        items = [
            SendItem(MAILBOX, TOKEN, n.to_bytes(16, "big"), TtlClass.RETENTION, b"", b"%d" % n)
            for n in numbers
        ]
        self.node.receive(self.sender, Send(request, tuple(items)))

    @rule(count=st.integers(1, 4))
    def send(self, count: int) -> None:
        self.last_sent += count
        self.send_numbers(list(range(self.last_sent - count + 1, self.last_sent + 1)))

    @precondition(lambda self: self.last_sent > 0)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        self.send_numbers([data.draw(st.integers(1, self.last_sent))])

    @rule(count=st.integers(1, 5))
    def commit(self, count: int) -> None:
        """One transaction; what its answers ask for waits for the next."""
        if self.store._waiting:
            self.store.commit(count)

    @rule(count=st.integers(1, 5))
    def commit_and_crash(self, count: int) -> None:
        """The process ends after the transaction and before anybody hears of it."""
        self.store.commit_silently(count)
        self.crash()

    @precondition(lambda self: self.store._waiting)
    @rule()
    def fail_to_commit(self) -> None:
        """All that was decided on top of it fails too."""
        self.store.commit(fails=True)

    @rule()
    def subscribe(self) -> None:
        self.node.receive(self.owner, Subscribe(self.next_id(), (MAILBOX,)))

    @rule()
    def tick(self) -> None:
        self.node.tick(self.now_ms)

    @rule()
    def minutes_pass(self) -> None:
        """Sweeps and other upkeep come between."""
        for _ in range(7):
            self.now_ms += 60_000
            self.node.tick(self.now_ms)

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.arrived), min_size=1, max_size=3, unique=True))
        request = self.next_id()
        self.asked[request] = [number for _, number in chosen]
        self.sent_acks |= {number for _, number in chosen}
        self.node.receive(self.owner, Ack(request, MAILBOX, tuple(seq for seq, _ in chosen)))

    @rule()
    def reconnect(self) -> None:
        self.node.disconnect(self.owner)
        self.open_owner()

    @rule()
    def take_over(self) -> None:
        self.open_owner()
        self.subscribe()

    @rule()
    def crash(self) -> None:
        self.asked.clear()
        self.begin()

    @invariant()
    def deliveries_are_in_order_and_once_a_connection(self) -> None:
        seqs = [seq for seq, _ in self.arrived]
        assert seqs == sorted(set(seqs))

    @invariant()
    def the_window_holds(self) -> None:
        subscription = self.node.delivery.subscriptions.get(MAILBOX)
        if subscription is not None:
            assert len(subscription.unacked) <= POLICY.window_messages
            assert subscription.unacked_b == sum(one.size_b for one in subscription.unacked.values())

    @invariant()
    def the_quota_is_counted_right(self) -> None:
        for box in self.store.view.boxes.values():
            assert box.held_b == sum(row.size_b for row in box.mine.rows.values())
            assert box.held == len(box.mine.rows) <= POLICY.quota_messages

    def teardown(self) -> None:
        """Crash, then drain: every confirmed message that nobody acknowledged arrives, each stored once."""
        self.crash()
        self.node.receive(self.owner, Subscribe(self.next_id(), (MAILBOX,)))
        drained: list[int] = []
        while True:
            self.settle()
            fresh, self.arrived = self.arrived, []
            if not fresh:
                break
            drained += [number for _, number in fresh]
            assert len(drained) == len(set(drained))
            self.node.receive(self.owner, Ack(self.next_id(), MAILBOX, tuple(seq for seq, _ in fresh)))
        assert self.confirmed - self.sent_acks <= set(drained)
        assert not self.acknowledged & set(drained)
        assert set(drained) <= set(range(1, self.last_sent + 1))
        self.file.close()


class Client:
    """One end of a connection."""

    def __init__(self, model: QueueModel) -> None:
        self._model = model

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        self._model.heard(self, frame)


TestQueueModel = QueueModel.TestCase
