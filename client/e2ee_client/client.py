"""The client that developers embed: an account in an encrypted store, online in the background.

async with Client.create("me.db", passphrase=..., relay="wss://relay.example") as me:
    shop = await me.add_contact(card_text)
    message = await shop.send("Hello")
    async for event in me.events():
        ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Generic, Literal, NamedTuple, Self, TypeAlias, TypeVar

from e2ee import card as cards
from e2ee.card import ContactCard
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.identity import DeviceKind
from e2ee.ids import AccountId
from e2ee.ports import Rng
from e2ee.primitives import kem
from e2ee.secret import RecoveryKey
from e2ee_client.engine import Commit, Effect, Engine, Ports, Setup
from e2ee_client.errors import ConfigError, InvalidCard, UnknownContact
from e2ee_client.events import ConnectionState
from e2ee_client.rows import Continuity, Put
from e2ee_client.store import (
    MODERATE,
    GenerationAnchor,
    KdfProfile,
    Passphrase,
    RawKey,
    Store,
    StoreOptions,
    Unlock,
)

from . import account_key, restoring
from .clock import Clock, SystemClock
from .contacts import Contact, Watch, wait_until
from .event_stream import EventIterator, EventLog
from .shell import RowStore, Shell, StoreThread
from .transport import Transport, WebSocketTransport

Kind: TypeAlias = Literal["person", "agent", "bot"]
StorePath: TypeAlias = "str | os.PathLike[str] | None"
_EMPTY_ID: Final = AccountId(bytes(32))


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the surroundings supply; the defaults are right for a program of its own.

    `anchor` keeps the store's newest position outside of its file, `store_options` and `kdf_profile` are
    the store's.
    """

    transport: Transport = field(default_factory=WebSocketTransport)
    clock: Clock = field(default_factory=SystemClock)
    rng: Rng = os.urandom
    anchor: GenerationAnchor | None = None
    store_options: StoreOptions = field(default_factory=StoreOptions)
    kdf_profile: KdfProfile = MODERATE

    def ports(self) -> Ports:
        """What the engine is given."""
        return Ports(self.rng, kem.encapsulate)

    def row_store(self, store: Store) -> RowStore:
        """Return the store as the shell commits to it; a subclass may watch or refuse commits."""
        return store


C = TypeVar("C", bound="Client")


class Opening(Generic[C]):
    """A client on its way: `await` it, and close it yourself, or use it with `async with`."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, C]]) -> None:
        self._work = work
        self._client: C | None = None

    def __await__(self) -> Generator[Any, None, C]:
        return self._work().__await__()

    async def __aenter__(self) -> C:
        self._client = await self._work()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()


class _Loaded(NamedTuple):
    """A store that is open, and the engine over it."""

    store: Store
    engine: Engine
    effects: list[Effect]
    is_new: bool
    recovery_key: RecoveryKey | None = None

    def give_back(self) -> None:
        """Nobody wants it any more: a store that was made for it goes with it."""
        if self.is_new:
            self.store.destroy()
        else:
            self.store.close()


class Client:
    """One account on one device. Not for several threads: `e2ee_client.sync` is."""

    def __init__(
        self,
        shell: Shell[Engine],
        watch: Watch,
        log: EventLog,
        store: Store,
        thread: StoreThread,
        runtime: Runtime,
    ) -> None:
        """Not for callers: use `create`, `open` or `restore`."""
        self._shell = shell
        self._watch = watch
        self._log = log
        self._store = store
        self._thread = thread
        self._runtime = runtime
        self.recovery_key: RecoveryKey | None = None
        """Set by `create` only: show or print it once, it is kept nowhere. `expose()` gives its 32 bytes
        (ID-13).
        """

    # --- life ---

    @classmethod
    def create(
        cls,
        path: StorePath,
        *,
        relay: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        name: str | None = None,
        kind: Kind = "person",
        publish: bool = False,
        front_desk: bool = False,
        read_receipts: bool = False,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Make a new account in a new store, opened by a passphrase or by a raw key of 32 bytes.

        `relay` is where its mailboxes are; whether it can be reached now does not matter. With `publish`
        the account has an entry in the relay's directory, so that its card is enough to write to it;
        `front_desk` marks the device that takes first contacts. `path` None keeps the store in memory.

        Raises:
            ConfigError: an argument cannot be used.
            StoreExists, StoreLocked, StoreFull, StoreUnavailable.
        """
        runtime = runtime or Runtime()
        setup = Setup(
            relay,
            name,
            _device_kind(kind),
            publish,
            front_desk,
            read_receipts,
            _secret(registration_secret),
        )
        _check_card(relay, name)
        unlock = None if path is None else _unlock(passphrase, key)
        return Opening(lambda: cls._run(partial(_create, path, unlock, setup, runtime), runtime, online))

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        passphrase: str | None = None,
        key: bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Open the account of a store; with `online` False it stays off the network.

        Raises:
            ConfigError: not exactly one of passphrase and key.
            StoreMissing, StoreLocked, StoreWrongKey, StoreCorrupt, StoreTooNew, StoreFull, StoreUnavailable.
        """
        runtime = runtime or Runtime()
        unlock = _unlock(passphrase, key)
        return Opening(lambda: cls._run(partial(_open, path, unlock, runtime), runtime, online))

    @classmethod
    def restore(
        cls,
        path: StorePath,
        backup: bytes,
        *,
        backup_passphrase: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Make a new device for the account of a backup, in a new store; the device that made the backup
        is struck off.

        An account with a directory entry needs its relay for this. Messages that were under way are not in
        a backup.

        Raises:
            BackupWrongKey, BackupCorrupt, BackupTooNew: the backup does not open.
            RelayUnavailable: the relay does not answer.
            ConfigError, StoreExists, StoreLocked, StoreFull, StoreUnavailable: as `create`.
        """
        runtime = runtime or Runtime()
        unlock = None if path is None else _unlock(passphrase, key)
        secret = _secret(registration_secret)

        async def work() -> Self:
            thread = StoreThread()
            try:
                saved = await thread.run(lambda: restoring.open_(backup_passphrase, backup))
            finally:
                thread.shut_down()
            newer = await restoring.newer_lists(saved, runtime.transport)
            build = partial(restoring.new_rows, saved, newer, secret, runtime.rng)
            return await cls._run(partial(_restore, path, unlock, build, runtime), runtime, online)

        return Opening(work)

    @classmethod
    async def _run(cls, load: Callable[[], _Loaded], runtime: Runtime, online: bool) -> Self:
        thread, watch, log = StoreThread(), Watch(), EventLog()
        try:
            loaded = await thread.obtain(load, _Loaded.give_back)
        except BaseException:
            thread.shut_down()
            raise
        store, ports = loaded.store, runtime.ports()
        reload = partial(Engine.load, store, Continuity.CONTINUOUS, ports)
        shell: Shell[Engine] = Shell(
            runtime.row_store(store), thread, runtime.transport, runtime.clock, reload, watch, log
        )
        client = cls(shell, watch, log, store, thread, runtime)
        client.recovery_key = loaded.recovery_key
        try:
            await shell.begin(loaded.engine, loaded.effects, online=online)
        except BaseException:
            await shell.close()
            raise
        return client

    async def close(self) -> None:
        """Go offline and close the store; iterations over events end. Closing twice is allowed."""
        await self._shell.close()

    # --- ourselves ---

    @property
    def account_id(self) -> bytes:
        """Our account id, 32 bytes."""
        return self._shell.machine.account_id

    def card(self) -> ContactCard:
        """Return our contact card: `to_uri()` for links and QR codes, `to_json()` for a web page (ID-21,
        ID-22).
        """
        return self._shell.machine.card()

    @property
    def connection_state(self) -> ConnectionState:
        """Whether all our mailboxes are connected; offline also while there is none (no contact, nothing
        published).
        """
        return self._shell.machine.connection_state

    async def wait_online(self, timeout_s: float | None = None) -> None:
        """Wait until all our mailboxes are connected.

        Raises:
            WaitTimeout: not in time.
            ClientClosed: closed meanwhile.
        """
        await wait_until(
            lambda: self.connection_state is ConnectionState.ONLINE,
            self._watch.progress,
            timeout_s,
            "the connection to the relay",
        )

    async def wait_settled(self, timeout_s: float | None = None) -> None:
        """Wait until our relays know what they have to: directory entry, prekeys, who may write to us.

        Raises:
            WaitTimeout: not in time; it is caught up with as soon as the client is online again.
            ClientClosed: closed meanwhile.
        """
        await wait_until(
            lambda: self._shell.machine.is_settled, self._watch.progress, timeout_s, "telling the relay"
        )

    def events(self) -> EventIterator:
        """Iterate over what happens from now on; the first iteration begins when the client was opened.

        Any number of iterations may run. Each keeps at most 10 000 events that were not taken yet;
        `EventsMissed` tells of those that had to go, none of which is lost in the store.
        """
        return self._log.iterate()

    # --- contacts ---

    async def add_contact(self, card: ContactCard | str) -> Contact:
        """Add a contact by its card (URI, JSON or object); adding it again returns the same contact.

        Raises:
            InvalidCard: the text is no contact card.
            ConfigError: it is our own.
        """
        parsed = _parse_card(card) if isinstance(card, str) else card
        account_id = await self._shell.call(lambda engine, now_ms: engine.add_contact(parsed, now_ms))
        return Contact(self._shell, self._watch, account_id)

    def contact(self, account_id: bytes) -> Contact:
        """Return a contact by its account id, as events name it.

        Raises:
            UnknownContact: there is none.
        """
        if all(one.account_id != account_id for one in self._shell.machine.contacts()):
            raise UnknownContact("no such contact")
        return Contact(self._shell, self._watch, account_id)

    def contacts(self) -> list[Contact]:
        """Return all contacts."""
        views = self._shell.machine.contacts()
        return [Contact(self._shell, self._watch, one.account_id) for one in views]

    # --- keys ---

    async def export(self, passphrase: str) -> bytes:
        """Return a backup file: account key, contacts and history; no sessions, no prekeys (STO-26).

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere.
        """
        runtime = self._runtime
        self._shell.check_open()
        return await self._thread.run(
            lambda: restoring.seal(
                self._store, self.recovery_key, passphrase, runtime.rng, runtime.kdf_profile
            )
        )

    async def export_account_key(self, passphrase: str) -> bytes:
        """Return a file with the account key, to be kept offline; `sign_renewal` uses it (ID-12).

        Raises:
            AccountKeyAbsent: it is not on this device any more.
        """
        secret, runtime = self._shell.machine.export_account_key(), self._runtime
        return await self._thread.run(
            lambda: account_key.seal(secret, passphrase, runtime.rng, runtime.kdf_profile)
        )

    async def remove_account_key(self) -> None:
        """Forget the account key on this device; renewals are signed elsewhere from now on (ID-12)."""
        await self._shell.call(lambda engine, now_ms: (None, engine.remove_account_key(now_ms)))

    def renewal_request(self) -> bytes:
        """Return what the account key has to sign before our device list ends (ID-12)."""
        return self._shell.machine.renewal_request(self._runtime.clock.now_ms())

    async def install_list(self, signed: bytes) -> None:
        """Install the signed answer to a renewal request (ID-12).

        Raises:
            ConfigError: it does not fit.
        """
        await self._shell.call(lambda engine, now_ms: (None, engine.install_list(signed, now_ms)))

    @property
    def list_expires_ms(self) -> int:
        """When our device list ends, Unix milliseconds."""
        return self._shell.machine.list_expires_ms

    async def change_passphrase(self, old: str, new: str) -> None:
        """Change the passphrase of the store (STO-05).

        Raises:
            StoreWrongKey: `old` does not open the store.
        """
        before, after = Passphrase(old), Passphrase(new)
        self._shell.check_open()
        await self._thread.run(
            lambda: self._store.change_passphrase(before, after, kdf_profile=self._runtime.kdf_profile)
        )

    def __repr__(self) -> str:
        return "<Client>"


# --- in the store's thread ---


def _new_store(path: StorePath, unlock: Unlock | None, runtime: Runtime) -> Store:
    if path is None or unlock is None:
        return Store.in_memory(runtime.rng)
    return Store.create(
        path,
        unlock,
        rng=runtime.rng,
        kdf_profile=runtime.kdf_profile,
        anchor=runtime.anchor,
        options=runtime.store_options,
    )


def _create(path: StorePath, unlock: Unlock | None, setup: Setup, runtime: Runtime) -> _Loaded:
    store = _new_store(path, unlock, runtime)
    try:
        engine, recovery_key, effects = Engine.create(setup, runtime.ports(), store, runtime.clock.now_ms())
        return _Loaded(store, engine, _commit_first(store, effects), True, recovery_key)
    except BaseException:
        store.destroy()
        raise


def _restore(
    path: StorePath, unlock: Unlock | None, build: Callable[[int], list[Put]], runtime: Runtime
) -> _Loaded:
    store = _new_store(path, unlock, runtime)
    try:
        now_ms = runtime.clock.now_ms()
        store.commit(build(now_ms))
        engine, effects = Engine.load(store, Continuity.CONTINUOUS, runtime.ports(), now_ms)
        return _Loaded(store, engine, effects, True)
    except BaseException:
        store.destroy()
        raise


def _open(path: str | os.PathLike[str], unlock: Unlock, runtime: Runtime) -> _Loaded:
    store = Store.open(path, unlock, rng=runtime.rng, anchor=runtime.anchor, options=runtime.store_options)
    try:
        continuity = store.continuity
        engine, effects = Engine.load(store, continuity, runtime.ports(), runtime.clock.now_ms())
        settle = not continuity.keeps_sessions
        return _Loaded(store, engine, _commit_first(store, effects, settle=settle), False)
    except BaseException:
        store.close()
        raise


def _commit_first(store: Store, effects: list[Effect], *, settle: bool = False) -> list[Effect]:
    """Commit what the engine's making or loading changed, and return the other effects (STO-15)."""
    changes = [change for one in effects if isinstance(one, Commit) for change in one.changes]
    store.commit(changes, settle_continuity=settle)
    return [one for one in effects if not isinstance(one, Commit)]


# --- arguments ---


def _unlock(passphrase: str | None, key: bytes | None) -> Unlock:
    if (passphrase is None) == (key is None):
        raise ConfigError("give either a passphrase or a key")
    return Passphrase(passphrase) if passphrase is not None else RawKey(key or b"")


def _secret(secret: str | bytes | None) -> bytes | None:
    return secret.encode() if isinstance(secret, str) else secret


def _device_kind(kind: Kind) -> DeviceKind:
    try:
        return DeviceKind[kind.upper()]
    except KeyError:
        raise ConfigError("kind is person, agent or bot") from None


def _check_card(relay: str, name: str | None) -> None:
    try:
        ContactCard(_EMPTY_ID, relay, name)
    except InvalidArgument as error:
        raise ConfigError(str(error)) from None


def _parse_card(text: str) -> ContactCard:
    try:
        return cards.parse(text)
    except DecodeError as error:
        raise InvalidCard(str(error)) from None
