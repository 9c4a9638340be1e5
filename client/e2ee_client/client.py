"""The client that developers embed: an account in an encrypted store, online in the background.

async with Client.open_or_create("me.db", passphrase=..., relay="wss://relay.example") as me:
    shop = await me.add_contact(card_text)
    message = await shop.send("Hello")
    async for event in me.events():
        ...
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Self

from e2ee.card import ContactCard
from e2ee.identity import Successor
from e2ee.secret import RecoveryKey
from e2ee_client.engine import DeviceView, Engine, Recovery, Setup
from e2ee_client.engine.rooms.admission import GateRow
from e2ee_client.errors import StoreMissing, UnknownContact, WaitTimeout
from e2ee_client.events import ConnectionState
from e2ee_client.rows import Continuity
from e2ee_client.store import (
    Passphrase,
    Store,
)

from . import account_key, inviting, opening, restoring
from .contacts import Contact, Signal, Watch, checked_text, wait_until
from .inviting import Invitation
from .opening import Kind, Loaded, Opening, Runtime, StorePath
from .runtime.event_stream import EventIterator, EventLog
from .runtime.file_service import FileService
from .runtime.shell import Shell, ended
from .runtime.store_thread import StoreThread


class Client:
    """One device of an account. Not for several threads: `e2ee_client.sync` is."""

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
        self._closing: asyncio.Task[None] | None = None
        self._files = FileService(shell, log, runtime.transport, runtime.clock, runtime.rng, store.path)
        """Sends and fetches files: for `e2ee_client.rooms`, not for applications."""
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
        recovery: Recovery | None = None,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Make a new account in a new store, opened by a passphrase or by a raw key of 32 bytes.

        `relay` stands on its card; whether it can be reached now does not matter. A mailbox for a contact is
        made at the relay of the contact's card. With `publish`
        the account has an entry in the relay's directory, so that its card is enough to write to it;
        `front_desk` marks the device that takes first contacts. `path` None keeps the store in memory.
        `recovery` is for `e2ee_client.rooms`, not for applications: the code that the account follows from.

        Raises:
            ConfigError: an argument cannot be used.
            StoreExists, StoreLocked, StoreFull, StoreUnavailable: the store cannot be made.
        """
        runtime = runtime or Runtime()
        setup = Setup(
            relay,
            name,
            opening.device_kind(kind),
            publish,
            front_desk,
            read_receipts,
            opening.secret_bytes(registration_secret),
            recovery,
        )
        opening.check_card(relay, name)
        unlock = None if path is None else opening.unlock_by(passphrase, key)
        return Opening(
            lambda: cls._run(partial(opening.create, path, unlock, setup, runtime), runtime, online)
        )

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
            StoreMissing, StoreLocked, StoreWrongKey, StoreCorrupt, StoreTooNew, StoreTooOld,
            StoreFull, StoreUnavailable:
                the store cannot be opened.
        """
        runtime = runtime or Runtime()
        unlock = opening.unlock_by(passphrase, key)
        return Opening(lambda: cls._run(partial(opening.open_, path, unlock, runtime), runtime, online))

    @classmethod
    def open_or_create(
        cls,
        path: str | os.PathLike[str],
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
        """Open the account of a store, or make it where there is no store yet; as `open` and `create`.

        What `create` alone takes has no effect on an account that is there.
        """
        opened = cls.open(path, passphrase=passphrase, key=key, online=online, runtime=runtime)
        created = cls.create(
            path,
            relay=relay,
            passphrase=passphrase,
            key=key,
            name=name,
            kind=kind,
            publish=publish,
            front_desk=front_desk,
            read_receipts=read_receipts,
            registration_secret=registration_secret,
            online=online,
            runtime=runtime,
        )

        async def work() -> Self:
            try:
                return await opened
            except StoreMissing:
                return await created

        return Opening(work)

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
            BackupOutdated: the account was recovered after it was made.
            NoListNumber: a wrong clock, or the account has used up its numbers (ID-46, ACC-70).
            RelayUnavailable: the relay does not answer.
            ConfigError, StoreExists, StoreLocked, StoreFull, StoreUnavailable: as `create`.
        """
        runtime = runtime or Runtime()
        unlock = None if path is None else opening.unlock_by(passphrase, key)
        secret = opening.secret_bytes(registration_secret)

        async def work() -> Self:
            thread = StoreThread()
            try:
                saved = await thread.run(lambda: restoring.open_(backup_passphrase, backup))
            finally:
                thread.shut_down()
            newest = await restoring.newest(saved, runtime.transport)
            build = partial(restoring.new_rows, saved, newest, secret, runtime.rng)
            return await cls._run(partial(opening.restore, path, unlock, build, runtime), runtime, online)

        return Opening(work)

    @classmethod
    async def _run(cls, load: Callable[[], Loaded], runtime: Runtime, online: bool) -> Self:
        thread, watch, log = StoreThread(), Watch(), EventLog()
        try:
            loaded = await thread.obtain(load, Loaded.give_back)
        except BaseException:
            thread.shut_down()
            raise
        store, ports = loaded.store, runtime.ports()
        reload = partial(Engine.load, loaded.rows, Continuity.CONTINUOUS, ports)
        shell: Shell[Engine] = Shell(
            runtime.row_store(store),
            loaded.rows,
            thread,
            runtime.transport,
            runtime.clock,
            reload,
            watch,
            log,
        )
        watch.watch(shell)
        client = cls(shell, watch, log, store, thread, runtime)
        client.recovery_key = loaded.recovery_key
        watch.also = client.files.heard
        try:
            await shell.begin(loaded.engine, loaded.effects, online=online)
            if online:
                await client.files.start()
        except BaseException:
            await client.close()
            raise
        return client

    @classmethod
    def join(
        cls,
        path: StorePath,
        code: str,
        *,
        card: ContactCard | str,
        show_digits: Callable[[str], None],
        show_fingerprint: Callable[[str], None] | None = None,
        passphrase: str | None = None,
        key: bytes | None = None,
        read_receipts: bool = False,
        registration_secret: str | bytes | None = None,
        of_company: bool = False,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Make a new device for an account, in a new store: the other side of `invite` (ACC-31).

        `card` is the account's contact card, from a place that is trusted: a code of any other account is
        refused. `show_digits` is called once, with six digits that a person compares with those of the device
        that has shown the code; this returns when the person has confirmed them there. `show_fingerprint` is
        called where the account key is kept elsewhere, with 20 digits that whoever signs compares. The new
        device has neither the account key nor the history. With `of_company` it takes nothing of anybody else
        without a receipt of consent (CNS-29).

        Raises:
            InvalidCard, InviteInvalid: the card or the code is none, or the code is of another account.
            InviteExpired: nobody waits, or has confirmed within ten minutes.
            RelayUnavailable: the relay cannot be reached.
            ConfigError, StoreExists, StoreLocked, StoreFull, StoreUnavailable: as `create`.
        """
        runtime = runtime or Runtime()
        unlock = None if path is None else opening.unlock_by(passphrase, key)
        secret = opening.secret_bytes(registration_secret)

        async def work() -> Self:
            account = opening.parse_card(card)
            made = inviting.parse(account, code)
            opening.check_free(path)
            joined = await inviting.join(account, made, secret, show_digits, runtime, show_fingerprint)
            rows = inviting.new_rows(joined, secret, runtime.rng, read_receipts=read_receipts)
            if of_company:
                rows.append(GateRow(runtime.clock.now_ms()).put())
            load = partial(opening.restore, path, unlock, lambda _: rows, runtime)
            return await cls._run(load, runtime, online)

        return Opening(work)

    async def close(self) -> None:
        """Go offline and close the store; iterations over events end. Closing twice is allowed.

        Goes on in the background if the caller is cancelled, however often.

        Raises:
            ConfigError: another event loop runs here than the one that the client was opened in.
        """
        if self._shell.is_inherited:
            return
        if self._closing is None or not self._closing.done():
            self._shell.check_loop()
        if self._closing is None:
            self._closing = asyncio.create_task(self._shut_down(), name="sealroom-close")
        await ended(self._closing)
        await self._shell.close()

    async def _shut_down(self) -> None:
        try:
            await self._files.stop()
        finally:
            await self._shell.close()

    # --- for what stands on it ---

    @property
    def shell(self) -> Shell[Engine]:
        """What drives the engine: for `e2ee_client.rooms`, not for applications."""
        return self._shell

    @property
    def files(self) -> FileService:
        """What sends and fetches files: for `e2ee_client.rooms`, not for applications."""
        return self._files

    @property
    def runtime(self) -> Runtime:
        """What the surroundings supply."""
        return self._runtime

    @property
    def progress(self) -> Signal:
        """Fires after each step of the engine: for `e2ee_client.rooms`, not for applications."""
        return self._watch.progress

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

    @property
    def entry_waits(self) -> bool:
        """Whether the relay has taken nothing of our directory entry for an hour or more, as told by
        `ConnectionChanged` with `relay.rate_limited`; also after a restart (ID-59).
        """
        return self._shell.machine.entry_waits

    async def wait_online(self, timeout_s: float | None = None) -> None:
        """Wait until all our mailboxes are connected. Without a contact and without `publish` there is none,
        and the wait is in vain.

        Raises:
            WaitTimeout: not in time; its text names the relays that cannot be reached, and why.
            SecondCopyError: a second copy of this store has signed for the account (ID-48).
            ClientClosed: closed meanwhile.
        """
        await self._wait(
            lambda: self.connection_state is ConnectionState.ONLINE, timeout_s, "the connection to the relay"
        )

    async def wait_settled(self, timeout_s: float | None = None) -> None:
        """Wait until our relays know what they have to: directory entry, prekeys, who may write to us.

        Raises:
            WaitTimeout: not in time; it is caught up with as soon as the client is online again.
            SecondCopyError: a second copy of this store has signed for the account (ID-48).
            ClientClosed: closed meanwhile.
        """
        await self._wait(lambda: self._shell.machine.is_settled, timeout_s, "telling the relay")

    async def wait_compared(self, timeout_s: float | None = None) -> None:
        """Wait until the relay has shown our directory entry since this client was opened: a device list that
        another device of ours has published is known then, and one that was installed here is in use. Do so
        before `renewal_request` (ID-12), and after `install_list`.

        Raises:
            WaitTimeout: not in time.
            DeviceReplacedError: the entry names this device no more.
            SecondCopyError: a second copy of this store has signed for the account (ID-48).
            ClientClosed: closed meanwhile.
        """

        def is_compared() -> bool:
            self._shell.machine.check_goes_on()
            return self._shell.machine.is_compared(self._runtime.clock.now_ms())

        await self._wait(is_compared, timeout_s, "comparing our entry")

    async def wait_fetched(self, timeout_s: float | None = None) -> None:
        """Wait until all that waited in our mailboxes when these were connected has come.

        Raises:
            WaitTimeout: not in time.
            SecondCopyError: a second copy of this store has signed for the account (ID-48).
            ClientClosed: closed meanwhile.
        """
        await self._wait(lambda: self._shell.machine.is_fetched, timeout_s, "fetching what waits")

    async def _wait(self, reached: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        def is_reached() -> bool:
            self._shell.machine.check_copy()
            return reached()

        try:
            await wait_until(is_reached, self._watch.progress, timeout_s, what)
        except WaitTimeout as error:
            raise WaitTimeout(f"{error}{self._watch.hindrance()}") from None

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
            ConfigError: it is our own, or of another type.
        """
        parsed = opening.parse_card(card)
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

    # --- accounts that begin anew ---

    def sign_successor(self, old: ContactCard | str | bytes, recovery_key: RecoveryKey | str) -> str:
        """Return the text by which an account that is lost, or whose key was stolen, is followed by this one:
        give it out with our card. `old` is the lost account's card or id, `recovery_key` its recovery key,
        as it was shown (ID-13, ID-61).

        The key is not compared here, as a thief of the lost account may have signed a list with another one.
        Where the lost account is a contact and its list is known, `read_successor` does that: at
        `SuccessorInvalid` ask for the key once more. Otherwise those who read the statement find it out.

        Raises:
            InvalidCard: the text is no contact card.
            ConfigError: no account id or recovery key, or the lost account is this one.
            DeviceReplacedError, SecondCopyError: this device does not act for our account any more.
        """
        account_id, key = opening.account_of(old), opening.recovery_key(recovery_key)
        return self._shell.machine.sign_successor(key, account_id, self._runtime.clock.now_ms())

    def read_successor(self, text: str, card: ContactCard | str | None = None) -> Successor:
        """Return what a successor statement says: the old account, which is a contact, the new one, and when
        it was signed. It is verified by the contact's list that is known here, and changes nothing. Show
        both accounts to a person, and ask (ID-13). With the new account's `card` it is refused here already
        what `follow_successor` would refuse.

        Raises:
            SuccessorInvalid: none, damaged, or not by the recovery key of that list.
            UnknownContact: it is about no contact.
            ListUnknown: no list of the contact is known yet.
            InvalidCard, ContactSucceeded, ContactBlocked, ConfigError: with a card, as `follow_successor`.
        """
        new = None if card is None else opening.parse_card(card).account_id
        return self._shell.machine.successor(checked_text(text), new)

    async def follow_successor(self, text: str, card: ContactCard | str) -> Contact:
        """Add the new account of a statement, by its card, as a person has decided. It is not verified by
        that. Nothing is sent to the old one any more (`ContactSucceeded`) until a person verifies it
        (ID-62).

        Raises:
            InvalidCard: the text is no contact card.
            SuccessorInvalid, UnknownContact, ListUnknown: as `read_successor`; or another account's card.
            ContactSucceeded: the old account was followed by another one already.
            ContactBlocked: the new account is a contact under an alarm.
            ConfigError: the new account is ours, or rooms are with the old one.
        """
        statement, parsed = checked_text(text), opening.parse_card(card)
        account_id = await self._shell.call(
            lambda engine, now_ms: engine.follow_successor(statement, parsed, now_ms)
        )
        return Contact(self._shell, self._watch, account_id)

    # --- devices ---

    async def invite(
        self, *, kind: Kind = "agent", front_desk: bool = False, signed_elsewhere: bool = False
    ) -> Invitation:
        """Invite a further device into our account, which needs a directory entry, and the account key here
        unless the list is `signed_elsewhere`.

        Where one device is a front desk, texts of contacts go to front desks only (SES-39); otherwise to all.

        Raises:
            AccountKeyAbsent, DeviceReplacedError, ConfigError, TooManyDevices: no device can be added.
            RelayUnavailable: the relay cannot be reached.
        """
        chosen = opening.device_kind(kind)
        return await inviting.invite(
            self._shell,
            self._watch,
            self._runtime,
            chosen,
            front_desk=front_desk,
            signed_elsewhere=signed_elsewhere,
        )

    def devices(self) -> list[DeviceView]:
        """Return the devices of our account, this one first; of the others what the directory showed last."""
        return self._shell.machine.devices()

    async def remove_device(self, device_id: bytes) -> None:
        """Strike a device off our list: contacts that hear of it send it nothing more, and take nothing from
        it. `wait_settled` returns when the directory has the list; accepted contacts are sent it then.

        Raises:
            AccountKeyAbsent: the account key is not here.
            UnknownDevice: our account has no such device.
            ConfigError: it is this device.
        """
        await self._shell.do(lambda engine, now_ms: engine.remove_device(device_id, now_ms))

    # --- keys ---

    async def export(
        self, passphrase: str, *, exported_key: bytes | None = None, key_passphrase: str = ""
    ) -> bytes:
        """Return a backup file: account key, contacts and their history; no rooms, sessions or prekeys
        (STO-26). Where the account key is kept elsewhere, give the file of `export_account_key`: the backup
        holds the key.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere, and no file was given.
            BackupWrongKey, BackupCorrupt, BackupTooNew: the file does not open, or is none of an account key.
            ConfigError: it holds the key of another account.
        """
        runtime = self._runtime
        self._shell.check_open()

        def seal() -> bytes:
            given = None if exported_key is None else account_key.open_(exported_key, key_passphrase)
            parts = self._store, self.recovery_key, passphrase, runtime.rng, runtime.kdf_profile
            return restoring.seal(*parts, account_key=given)

        return await self._thread.run(seal)

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
        """Forget the account key on this device; renewals are signed elsewhere from now on (ID-12).

        Raises:
            AccountKeyAbsent: it is not here.
            SecondCopyError: this copy has stopped (ID-48); the backup that it is left for needs the key.
            ConfigError: a list that was signed here waits for the directory (ID-47): go online first.
        """
        await self._shell.do(lambda engine, now_ms: engine.remove_account_key(now_ms))

    def renewal_request(self) -> bytes:
        """Return what the account key has to sign before our device list ends (ID-12).

        Raises:
            AccountKeyHere: the account key is on this device, which signs its lists itself.
            ConfigError: not all devices are known yet, or an answer waits for the directory.
        """
        return self._shell.machine.renewal_request(self._runtime.clock.now_ms())

    async def install_list(self, signed: bytes) -> None:
        """Install the signed answer to a renewal request (ID-12). With a directory entry it is in use when
        the relay has taken it (ID-40); contacts hear of it then.

        Raises:
            ConfigError: it does not fit.
        """
        await self._shell.do(lambda engine, now_ms: engine.install_list(signed, now_ms))

    @property
    def list_expires_ms(self) -> int:
        """When our newest device list ends, Unix milliseconds; one that waits for the relay counts."""
        return self._shell.machine.list_expires_ms

    async def list_beside(self, timeout_s: float | None = None) -> bytes | None:
        """Wait until the relay has shown our directory entry, and return the signed device list that it has
        in the place of ours, for `follow_entry`; None where it has ours.

        Raises:
            WaitTimeout: not in time.
            ConfigError: the account key is here.
            DeviceReplacedError, SecondCopyError: this device has stopped.
            ClientClosed: closed meanwhile.
        """
        machine = self._shell.machine

        def is_shown() -> bool:
            machine.check_follows()
            return machine.list_beside is not None or machine.is_compared(self._runtime.clock.now_ms())

        await self._wait(is_shown, timeout_s, "comparing our entry")
        return machine.list_beside

    async def follow_entry(self, signed: bytes) -> None:
        """Take this device list, which the relay shows of our account, though it parts from ours (ID-55):
        this device is `OFFLINE` with `remote.list_fork`, no copy of its store is in use, and a person knows
        each device that it names. Call `wait_compared` then. One that names a device which our list has
        struck off is not taken. Contacts that know the other list are warned.

        Raises:
            ConfigError: the account key is here.
            RemoteError: it is no list of our account.
            DeviceReplacedError, SecondCopyError: this device has stopped.
        """
        await self._shell.do(lambda engine, now_ms: engine.follow_entry(signed, now_ms))

    async def check_passphrase(self, passphrase: str) -> None:
        """Check that a passphrase opens the store, which takes about a second and changes nothing (STO-05).

        Raises:
            StoreWrongKey: it does not.
        """
        given = Passphrase(passphrase)
        self._shell.check_open()
        await asyncio.to_thread(self._store.check_unlock, given)

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
