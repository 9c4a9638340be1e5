"""How an account is made or opened: what the surroundings supply, the work in the store's thread."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from e2ee import card as cards
from e2ee import successor
from e2ee.card import ContactCard
from e2ee.constants import ACCOUNT_ID_B
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.grammar import is_name
from e2ee.identity import DeviceKind
from e2ee.ids import AccountId
from e2ee.ports import Rng
from e2ee.primitives import kem
from e2ee.secret import RecoveryKey
from e2ee_client.engine import Commit, Effect, Engine, Ports, Setup
from e2ee_client.errors import ConfigError, InvalidCard, StoreExists, StoreMissing
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

from .runtime.clock import Clock, SystemClock
from .runtime.group import Uncommitted
from .runtime.machine import RowStore
from .runtime.transport import Transport, WebSocketTransport

Kind: TypeAlias = Literal["person", "agent", "bot"]
StorePath: TypeAlias = "str | os.PathLike[str] | None"
_EMPTY_ID: Final = AccountId(bytes(32))


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the surroundings supply; the defaults are right for a program of its own.

    `anchor` keeps the store's newest position outside of its file, `store_options` and `kdf_profile` are
    the store's. `keep_alive_ms` heals conversations that have fallen silent for that time (PQ-17): off by
    default, because the relay sees the messages; it takes both sides.
    """

    transport: Transport = field(default_factory=WebSocketTransport)
    clock: Clock = field(default_factory=SystemClock)
    rng: Rng = os.urandom
    anchor: GenerationAnchor | None = None
    store_options: StoreOptions = field(default_factory=StoreOptions)
    kdf_profile: KdfProfile = MODERATE
    keep_alive_ms: int | None = None

    def ports(self) -> Ports:
        """What the engine is given."""
        return Ports(self.rng, kem.encapsulate, self.keep_alive_ms)

    def row_store(self, store: Store) -> RowStore:
        """Return the store as the shell commits to it; a subclass may watch or refuse commits."""
        return store


class Closable(Protocol):
    """What an `Opening` closes."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Closing(ABC):
    """What `async with` closes at its end."""

    @abstractmethod
    async def close(self) -> None:
        """End it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


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

    async def __aexit__(self, *_error: object) -> None:
        if self._client is not None:
            await self._client.close()


class Loaded(NamedTuple):
    """A store that is open, and the engine over it."""

    store: Store
    rows: Uncommitted
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


def create(path: StorePath, unlock: Unlock | None, setup: Setup, runtime: Runtime) -> Loaded:
    """Make account, store and engine.

    Raises:
        StoreExists, StoreLocked, StoreFull, StoreUnavailable: nothing is left.
    """
    store = _new_store(path, unlock, runtime)
    try:
        rows = Uncommitted(store)
        engine, recovery_key, effects = Engine.create(setup, runtime.ports(), rows, runtime.clock.now_ms())
        return Loaded(store, rows, engine, _commit_first(store, effects), True, recovery_key)
    except BaseException:
        store.destroy()
        raise


def restore(
    path: StorePath, unlock: Unlock | None, build: Callable[[int], list[Put]], runtime: Runtime
) -> Loaded:
    """Make a store with these rows, and the engine over it.

    Raises:
        StoreExists, StoreLocked, StoreFull, StoreUnavailable: nothing is left.
    """
    store = _new_store(path, unlock, runtime)
    try:
        now_ms = runtime.clock.now_ms()
        store.commit(build(now_ms))
        rows = Uncommitted(store)
        engine, effects = Engine.load(rows, Continuity.CONTINUOUS, runtime.ports(), now_ms)
        return Loaded(store, rows, engine, effects, True)
    except BaseException:
        store.destroy()
        raise


def open_(path: str | os.PathLike[str], unlock: Unlock, runtime: Runtime) -> Loaded:
    """Open the store and load the engine (STO-15).

    Raises:
        StoreMissing, StoreLocked, StoreWrongKey, StoreCorrupt, StoreTooNew, StoreTooOld,
        StoreFull, StoreUnavailable.
    """
    store = Store.open(path, unlock, rng=runtime.rng, anchor=runtime.anchor, options=runtime.store_options)
    continuity = store.continuity
    if continuity is Continuity.FRESH:
        # A crash came between the making of the store and its first rows: no account was ever in it (STO-16).
        store.destroy()
        raise StoreMissing("the creation of this account was interrupted; nothing of it is left")
    try:
        rows = Uncommitted(store)
        engine, effects = Engine.load(rows, continuity, runtime.ports(), runtime.clock.now_ms())
        settle = not continuity.keeps_sessions
        return Loaded(store, rows, engine, _commit_first(store, effects, settle=settle), False)
    except BaseException:
        store.close()
        raise


def _commit_first(store: Store, effects: list[Effect], *, settle: bool = False) -> list[Effect]:
    """Commit what the engine's making or loading changed, and return the other effects (STO-15)."""
    changes = [change for one in effects if isinstance(one, Commit) for change in one.changes]
    store.commit(changes, settle_continuity=settle)
    return [one for one in effects if not isinstance(one, Commit)]


# --- arguments ---


def unlock_by(passphrase: str | None, key: bytes | None) -> Unlock:
    """Return what opens the store.

    Raises:
        ConfigError: not exactly one of the two.
        StoreMisuse: it is not a passphrase or key.
    """
    if (passphrase is None) == (key is None):
        raise ConfigError("give either a passphrase or a key")
    return Passphrase(passphrase) if passphrase is not None else RawKey(key or b"")


def secret_bytes(secret: str | bytes | None) -> bytes | None:
    """Return a registration secret as the relay takes it."""
    return secret.encode() if isinstance(secret, str) else secret


def device_kind(kind: Kind) -> DeviceKind:
    """Return the kind of a device by its name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return DeviceKind[kind.upper()]
    except KeyError:
        raise ConfigError("kind is person, agent or bot") from None


def check_free(path: StorePath) -> None:
    """Refuse a place that is taken, before something is done that cannot be undone.

    Raises:
        StoreExists: a file stands there.
    """
    if path is not None and os.path.lexists(path):
        raise StoreExists("a file stands at the path of the new store")


def check_card(relay: str, name: str | None) -> None:
    """Check what will stand on our card, before anything is made.

    Raises:
        ConfigError: it cannot stand there.
    """
    try:
        ContactCard(_EMPTY_ID, relay, name)
    except InvalidArgument as error:
        raise ConfigError(str(error)) from None


def check_name(name: str | None) -> None:
    """Check a name that stays on this device, by the grammar of names on cards (ID-33).

    Raises:
        ConfigError: not a name.
    """
    if name is not None and not is_name(name):
        raise ConfigError("a name has 1 to 64 printable characters")


def parse_card(card: object) -> ContactCard:
    """Read a contact card, from a text or as the object that it is.

    Raises:
        InvalidCard: the text is none.
        ConfigError: neither a text nor a card.
    """
    if isinstance(card, ContactCard):
        return card
    if not isinstance(card, str):
        raise ConfigError("a contact card is a str or a ContactCard")
    try:
        return cards.parse(card)
    except DecodeError as error:
        raise InvalidCard(str(error)) from None


def account_of(given: object) -> AccountId:
    """Return the account of a contact card, or the account id that is given.

    Raises:
        InvalidCard: the text is none.
        ConfigError: neither a text, a card nor 32 bytes.
    """
    if not isinstance(given, bytes):
        return parse_card(given).account_id
    if len(given) != ACCOUNT_ID_B:
        raise ConfigError("an account id has 32 bytes")
    return AccountId(given)


def recovery_key(given: object) -> RecoveryKey:
    """Read a recovery key, from what a person has typed or as the object that it is (ID-63).

    Raises:
        ConfigError: it is none.
    """
    if isinstance(given, RecoveryKey):
        return given
    if not isinstance(given, str):
        raise ConfigError("a recovery key is a str or a RecoveryKey")
    try:
        return successor.parse_recovery_key(given)
    except InvalidArgument as error:
        raise ConfigError(str(error)) from None
