"""What the command line says, in English. Each key is a place; `{name}` is filled in."""

from __future__ import annotations

from typing import Final

from .english_causes import ENGLISH_CAUSES
from .english_desk import ENGLISH_DESK
from .english_erasing import ENGLISH_ERASING
from .english_files import ENGLISH_FILES
from .english_logins import ENGLISH_LOGINS
from .english_recovery import ENGLISH_RECOVERY
from .english_rooms import ENGLISH_ROOMS
from .english_signing import ENGLISH_SIGNING
from .english_web import ENGLISH_WEB
from .english_words import ENGLISH_WORDS
from .guard import ENGLISH_GUARD
from .successors import ENGLISH_SUCCESSORS
from .transcripts import ENGLISH_TRANSCRIPTS

ENGLISH: Final[dict[str, str]] = {
    # --- help ---
    "help.program": "End-to-end encrypted conversations over a transport service (relay) that cannot read "
    "them.",
    "help.usage": "usage: ",
    "help.commands": "commands",
    "help.arguments": "arguments",
    "help.options": "options",
    "help.common": "options of every command",
    "help.help": "show this help and end",
    "help.version": "show the version and end",
    "help.exit": """exit status:
  0    done
  1    failed for another reason; the error line says which
  2    the command line, a card, a text or a file cannot be used
  3    the store or a backup cannot be used: absent, open elsewhere, damaged, full
  4    the passphrase is wrong or missing
  5    no such contact, room or colleague, or more than one
  6    the relay did not answer, or not in time; what was to be sent is kept
  7    the contact's identity has to be checked, a safety number differs, a transcript does not hold, or a
       web site is not as it has to be
  8    a message will not be delivered, or the room does not let it be done
  9    a transcript holds, but not everything in it could be judged
  130  ended by Ctrl-C        143  ended by a signal

environment:
  SEALROOM_STORE              path of the store
  SEALROOM_PASSPHRASE         passphrase of the store
  SEALROOM_BACKUP_PASSPHRASE  passphrase of a backup or an exported account key
  SEALROOM_CA_FILE            authorities to trust for wss://, as --ca-file
  SEALROOM_REGISTRATION       what a relay with closed registration asks for
  LC_ALL, LC_MESSAGES, LANG   language (de, otherwise English)""",
    "help.init": "make a new account in a new store, and show its recovery key once",
    "help.card": "show your contact card as a URI and, on a terminal, as a QR code",
    "help.add": "add a contact by its card; with --name, also name a contact anew",
    "help.contacts": "list your contacts, and how many texts of each are unread",
    "help.accept": "accept somebody who wrote to you first",
    "help.verify": "show the safety number to compare with a contact",
    "help.send": "send a text and wait until the relay has it",
    "help.listen": "stay connected and print what happens, one line for each event, until Ctrl-C",
    "help.history": "print the texts exchanged with a contact",
    "help.chat": "talk with a contact in the terminal",
    "help.export_key": "the exported account key, where it is kept elsewhere; its passphrase is the "
    "backup's, too",
    "help.export": "write an encrypted backup: account key, contacts and history",
    "help.restore": "make this machine the new device of a backup's account",
    "help.forget": "delete a contact with its texts and keys, here and at the relay",
    "help.account_key": "keep the account key away from this machine",
    "help.account_key.export": "write the account key into an encrypted file",
    "help.account_key.remove": "remove the account key from this store; export it first",
    "help.renewal": "renew the device list of an account whose key is kept elsewhere",
    "help.renewal.request": "write what the account key has to sign",
    "help.renewal.sign": "sign a request with an exported account key; needs no store and no network",
    "help.renewal.install": "install the signed answer",
    "help.store": "path of the store (SEALROOM_STORE, otherwise in your data folder)",
    "help.lang": "language: en or de",
    "help.passphrase_fd": "read the passphrase from this file descriptor, up to the end of its first line",
    "help.ca_file": "trust the authorities of this PEM file, in place of the system's, for wss:// "
    "(SEALROOM_CA_FILE)",
    "help.backup_passphrase_fd": "read the passphrase of the backup from this file descriptor",
    "help.relay": "where your messages wait for you: wss://host, or ws:// on this machine",
    "help.name": "your name as it stands on your card; it goes to nobody but who gets the card",
    "help.contact_name": "the contact's name on this machine",
    "help.kind": "who answers here (person)",
    "help.publish": "have an entry in the relay's directory, so that your card is enough to write to you",
    "help.read_receipts": "tell contacts when their texts were read",
    "help.json": "print JSON",
    "help.offline": "show what is on this machine, without asking the relay first",
    "help.qr": "print the QR code also if the output is no terminal",
    "help.card_text": "contact card: its URI or JSON, or - to read it from the input; with --name also a "
    "contact",
    "help.contact": "a contact's name or the beginning of it, the beginning of its id, or its card",
    "help.mark": "note that you have compared the number, and it is the same",
    "help.unmark": "take that note back",
    "help.compare": "compare with the digits or the QR code's text of the other side",
    "help.text": "the text, or - to read it from the input",
    "help.wait": "how far the text has to come: queued, sent or delivered (sent)",
    "help.timeout": "how many seconds to wait at most ({default})",
    "help.count": "end after so many texts",
    "help.texts_only": "print texts only",
    "help.last": "only so many of the newest texts",
    "help.plain": "lines instead of a full screen; so it is also without a terminal",
    "help.file": "the file to write",
    "help.backup_file": "the backup to read",
    "help.request_file": "the request",
    "help.answer_file": "the signed answer",
    "help.key_file": "the exported account key",
    "help.recovered": "the account was recovered by its code: sign a number above 2^30, too",
    "help.force": "replace the file if it exists",
    "help.all": "every contact",
    "help.yes": "do not ask",
    # --- prompts ---
    "ask.passphrase": "Passphrase: ",
    "ask.new_passphrase": "New passphrase (at least {least} characters): ",
    "ask.again": "The same again: ",
    "ask.backup_passphrase": "Passphrase of the file: ",
    "ask.new_backup_passphrase": "New passphrase for the file (at least {least} characters): ",
    "ask.forget": "Forget {name} ({short}) with all texts? They cannot be brought back. [y/N] ",
    "ask.forget_all": "Forget all contacts with all texts? They cannot be brought back. [y/N] ",
    "ask.remove_key": "Remove the account key from this store? Without an exported copy the account "
    "ends with its device list. [y/N] ",
    "ask.yes": "y yes",
    # --- results ---
    "init.made": "Account {id} in {path}",
    "init.recovery": "Recovery key, shown only now. Write it down and keep it away from this machine:",
    "init.published": "Published at {relay}.",
    "init.next": "Your contact card (also: sealroom card):",
    "add.added": "Added {name} ({id}).",
    "add.known": "{name} ({id}) is a contact already.",
    "add.compare": "Compare the safety number before you trust: sealroom verify {short}",
    "contacts.none": "No contacts yet. Add one: sealroom add CARD",
    "contacts.accepted": "accepted",
    "contacts.waiting": "not accepted",
    "contacts.verified": "verified",
    "contacts.alarm": "ALARM {code}",
    "contacts.unread": "{count} unread",
    "fetch.slow": "The relay has not answered in time; this is what was known before.",
    "fetch.failed": "This is what was known before: {reason}",
    "passphrase.weak": "warning: {reason}; anybody who gets the file may find it by trying",
    "accept.done": "Accepted {name}.",
    "verify.number": "Safety number with {name}. It has to be the same on both sides:",
    "verify.health": "Keys last renewed: {classical}; against quantum computers: {quantum}.",
    "age.days": "{count} days ago",
    "age.days.one": "{count} day ago",
    "age.hours": "{count} hours ago",
    "age.hours.one": "{count} hour ago",
    "age.minutes": "{count} minutes ago",
    "age.minutes.one": "{count} minute ago",
    "age.now": "just now",
    "verify.is_verified": "Marked as compared.",
    "verify.not_verified": "Not compared yet. If it is the same: sealroom verify {short} --mark",
    "verify.marked": "{name} is marked as compared.",
    "verify.unmarked": "{name} is not marked as compared any more.",
    "verify.equal": "The safety numbers are the same.",
    "send.meanwhile": "{count} new texts from {name} came in meanwhile: sealroom history {short}",
    "send.meanwhile.one": "{count} new text from {name} came in meanwhile: sealroom history {short}",
    "export.done": "Backup written to {path}. It opens with its passphrase alone.",
    "restore.done": "Account {id} restored in {path}. The device that made the backup is struck off.",
    "forget.done": "Forgot {name}.",
    "forget.later": "The relay could not be told; what waits there ends by itself.",
    "key.exported": "Account key written to {path}. Keep it offline.",
    "key.removed": "The account key is removed. The device list has to be renewed before {date}.",
    "renewal.requested": "Request written to {path}. Sign it where the account key is kept.",
    "renewal.signed": "Signed for account {id}: {count} devices, list {seq}, until {date}.",
    "renewal.signed.one": "Signed for account {id}: {count} device, list {seq}, until {date}.",
    "renewal.installed": "Installed. The device list now holds until {date}.",
    # --- message states ---
    "state.queued": "waiting",
    "state.sent": "at the relay",
    "state.delivered": "delivered",
    "state.read": "read",
    "state.failed": "failed",
    # --- events ---
    "event.contact_added": "{name} writes for the first time. To accept: sealroom accept {short}",
    "event.session_started": "session with {name} started",
    "event.session_started_without": "session with {name} started, without one-time keys: its first texts "
    "depend on keys that are kept for weeks",
    "event.message_rejected": "something was refused and dropped: {why}",
    "event.message_rejected_list_gap": "the relay does not show how the device list of {name} goes on from "
    "the one that is known here; what {name} writes next may settle it. If it stays so for days: sealroom "
    "forget {short}, then add and verify the contact anew",
    "event.unsupported_content": "{name} sent something that this version does not know; update it",
    "event.identity_alarm": "ALARM: the identity of {name} does not hold: {why} ({code}). "
    "Compare the safety number: sealroom verify {short}",
    "event.new_device": "{name} has a new device",
    "event.device_removed": "{name} has removed a device",
    "event.own_device_added": "your account has another device; if nobody invited it, somebody "
    "else has the account key",
    "event.own_device_added_here": "the device that was taken in here belongs to your account now",
    "event.own_device_removed": "a device of your account was removed",
    "event.team_unknown": "it is not known who of {name} may answer at present: messages wait",
    "event.company_fork": "{name} has signed two documents under one number ({kind}); one of them counts",
    "event.own_condition_active": "this device is not suspended by its company any more",
    "event.own_condition_locked": "this device was suspended by its company: its rooms are closed",
    "event.own_condition_dropped": "this device is not one of its company any more: its rooms are erased",
    "event.mandate_signed": "your company has a new mandate: put the new door file on your web server",
    "event.signing_stopped": "nothing is signed for your company at present",
    "event.company_keys_expiring": "have your company's device list and mandate signed within {days} "
    "days: sealroom renewal request FILE, sealroom company mandate request FILE",
    "event.company_keys_expiring.one": "have your company's device list and mandate signed within {days} "
    "day: sealroom renewal request FILE, sealroom company mandate request FILE",
    "event.roster_expiring": "your company's list of who answers ends on {date}, unless the company's "
    "first desk is online by then: after that nothing that is written arrives, on either side, until it is",
    "event.device_list_expiring": "open the device that you have set up first by {date}: it renews the "
    "list of your devices, without which this one sends nothing after that. Account key kept elsewhere: "
    "sealroom renewal request FILE",
    "event.prekeys_low": "keys for new contacts run low ({one_time_x25519}, {one_time_kem} left); new ones "
    "follow",
    "event.prekeys_gone": "keys for new contacts have run out: first texts are less protected until new ones "
    "follow, within minutes. If this comes often, somebody may be using them up",
    "event.connection_online": "connected to {relay}",
    "event.connection_connecting": "connecting to {relay}",
    "event.connection_offline": "not connected to {relay}",
    "event.connection_offline_because": "not connected to {relay}: {reason}",
    "event.connection_entry_waits": "{relay} takes nothing of what this account publishes at the moment; "
    "it is tried again by itself, and conversations go on. Until then new contacts may not find you, and "
    "others do not know of removed devices and changes to the team",
    "event.connection_forked": "not connected to {relay}: it has another device list of your account under "
    "the same number. To see of which devices it is, and take it if they are yours: sealroom renewal follow",
    "event.events_missed": "{count} events were too many; see the history",
    "event.events_missed.one": "{count} event was too many; see the history",
    "event.store_trouble": "the store refuses changes: {why} ({code})",
    "event.message_state": "text {number} to {name}: {state}",
    "event.second_copy": "A SECOND COPY OF THIS STORE IS RUNNING: close one of the two, or texts go astray",
    "event.copy_stopped": "THIS ACCOUNT IS IN USE BY A SECOND COPY OF THIS STORE: this copy has stopped and "
    "sends nothing more. Go on with the other copy and erase this one. If there is no other, somebody has a "
    "copy of your store: make a backup here and restore it, which shuts out both copies. If your account has "
    "a recovery code, it may be that code: then tell the company by telephone or in person, and begin anew",
    "event.device_replaced": "THIS DEVICE IS NO LONGER PART OF YOUR ACCOUNT: it was replaced by a restored "
    "backup, or "
    "struck off. What you write here reaches nobody. Go on at the new device; if you know of "
    "none, somebody has your recovery key or a backup",
    "event.gap": "texts of {name} are missing; they are asked for again",
    "event.gap_filled": "texts of {name} that were missing have come",
    "event.parted": "{name} goes on from an older state, or from a copy of it: texts may be missing on both "
    "sides",
    "event.rolled_back": "this store is older than what {name} has seen of it: it was restored, or a copy "
    "of it "
    "is in use",
    "event.unconfirmed": "{name} has not confirmed some of your texts; send what matters once more",
    "event.unreachable": "{name} cannot be reached: ask for a new contact card over another channel",
    "event.churn": "sessions with {name} are renewed unusually often; the same account may be in use in two "
    "places",
    "event.list_stale": "the device list of {name} has expired: nothing is sent until a new one is there",
    # --- chat ---
    "chat.you": "You",
    "chat.verified": "verified",
    "chat.not_verified": "not verified",
    "chat.not_accepted": "not accepted: your answer accepts",
    "chat.online": "connected",
    "chat.connecting": "connecting",
    "chat.offline": "not connected",
    "chat.legend": "{queued} waiting  {sent} at the relay  {delivered} delivered  {read} read  {failed} "
    "failed",
    "chat.keys": "Enter sends · Alt+Enter new line · PageUp/PageDown · /help · Ctrl-C leaves",
    "chat.begin": "Chat with {name}. Each line is sent; end with Ctrl-D.",
    "chat.other": "{name} has written: /chat {short}",
    "chat.sent": "sent {time}",
    "chat.forgotten": "forgotten",
    "chat.not_compared": "Not compared yet. If it is the same: /mark",
    "chat.no_command": "there is no /{word}; see /help (a text that begins with / is written with //)",
    "chat.help": "/contacts  your contacts, and who has written\n"
    "/chat NAME  go over to another contact\n"
    "/verify  show the safety number, to compare it by phone or in person\n"
    "/mark  note that it is the same   /unmark  take that back\n"
    "/accept  accept somebody who wrote first   /name NAME  name the contact\n"
    "/card  show your own card   /quit  leave (also Ctrl-C)\n"
    "Enter sends, Alt+Enter begins a new line, PageUp and PageDown leaf.\n"
    "A text that begins with / is written with //.",
    "chat.line_state": "[{number}] {state}",
    # --- errors: one line each, and what to do ---
    "error.word": "error",
    "hint.word": "hint",
    "error.unknown": "it failed",
    "error.usage.invalid": "{detail}",
    "hint.usage.invalid": "see: {program} --help",
    "error.passphrase.missing": "a passphrase is needed, and there is no terminal to ask on",
    "hint.passphrase.missing": "set {variable} or give {option} N",
    "error.passphrase.unreadable": "the passphrase cannot be read from file descriptor {fd}",
    "hint.passphrase.unreadable": "open it for reading, and write one line of UTF-8 to it",
    "error.passphrase.empty": "the passphrase is empty",
    "hint.passphrase.empty": "choose one of several words",
    "error.passphrase.short": "a passphrase has at least {least} characters",
    "hint.passphrase.short": "take four or five words that do not belong together, with spaces between them",
    "error.passphrase.common": "this passphrase is one of the first that are tried",
    "hint.passphrase.common": "take four or five words that do not belong together, with spaces between them",
    "error.passphrase.mismatch": "the two passphrases differ",
    "hint.passphrase.mismatch": "nothing was changed; try again",
    "error.contact.ambiguous": "several contacts fit: {names}",
    "hint.contact.ambiguous": "give more of the id",
    "error.contact.name": "a name has 1 to 64 printable characters",
    "error.file.exists": "the file {path} exists",
    "hint.file.exists": "choose another name, or replace it with --force",
    "error.file.failed": "{path}: {reason}",
    "error.file.large": "{path} is too large to be this kind of file",
    "error.file.certificates": "{path} has no certificates that can be used",
    "hint.file.certificates": "give the PEM file with the certificate of the relay's authority",
    "error.file.relay": "the relay does not take the file, or no longer has it",
    "hint.file.relay": "it may be too large, or past its end there; ask for it again",
    "error.input.encoding": "the input is not UTF-8",
    "error.input.missing": "the text is missing, and there is no terminal to ask on",
    "hint.input.missing": "give it as an argument, or - for the input",
    "error.confirm.missing": "this cannot be brought back, and there is no terminal to ask on",
    "hint.confirm.missing": "give --yes",
    "error.confirm.declined": "nothing was changed",
    "error.verify.different": "the safety numbers DIFFER: somebody may stand between you",
    "hint.verify.different": "trust nothing from this contact until you know why",
    "error.publish.pending": "the account is made, but the relay does not know it yet",
    "hint.publish.pending": "check the relay; `sealroom listen` publishes as soon as it answers",
    "error.send.kept": "the relay has not taken the text in time; it is kept and goes out later",
    "hint.send.kept": "it goes out with the next send, listen or chat",
    "error.send.undelivered": "the relay has the text, but no word from the other side came in time",
    "hint.send.undelivered": "it is delivered when the other side is online",
    "error.store.locked": "the store is open in another program",
    "hint.store.locked": "close the other program that uses it, then try again",
    "error.store.busy": "the account is open in another terminal, in a chat or in listen; {command} needs "
    "it for "
    "itself",
    "hint.store.busy": "leave it there (Ctrl-C) and try again; in a chat, /chat NAME goes over to another "
    "contact",
    "error.store.wrong_key": "the passphrase does not open the store",
    "hint.store.wrong_key": "check the passphrase; if it is right, the header is damaged: use a backup",
    "error.store.corrupt": "the store is damaged, or was changed while it was closed",
    "hint.store.corrupt": "keep the file for analysis; a backup brings contacts and texts into a new store, "
    "no rooms",
    "error.store.full": "no room for the store; nothing was changed",
    "hint.store.full": "free some disk space, then try again",
    "error.store.too_new": "the store has a newer format than this program knows",
    "hint.store.too_new": "update this program",
    "error.store.too_old": "an earlier program wrote the store, in a format that this one no longer reads",
    "hint.store.too_old": "nothing was changed: open it with the program that wrote it; a backup brings "
    "contacts and texts into a new store, no rooms",
    "error.store.exists": "a file stands already at {store}",
    "hint.store.exists": "use it without init, or choose another path with --store",
    "error.store.missing": "there is no store at {store}",
    "hint.store.missing": "make one with sealroom init, or give its path with --store",
    "error.store.unavailable": "the system refuses access to the store at {store}",
    "hint.store.unavailable": "check the disk and the permissions of file and folder",
    "error.store.closed": "the store is closed",
    "error.store.misuse": "a value is out of range: {detail}",
    "error.store": "the store cannot do that",
    "error.backup": "the backup cannot be used",
    "error.backup.wrong_key": "the passphrase does not open the file",
    "hint.backup.wrong_key": "check the passphrase; if it is right, the file is damaged",
    "error.backup.corrupt": "the file is no such backup, or it is damaged",
    "hint.backup.corrupt": "use another copy",
    "error.backup.too_new": "the file has a newer format than this program knows",
    "hint.backup.too_new": "update this program",
    "error.message.unknown": "there is no such message",
    "hint.message.unknown": "see sealroom history CONTACT",
    "error.contact.unknown": "there is no such contact",
    "hint.contact.unknown": "see sealroom contacts, or add it: sealroom add CARD",
    "error.contact.blocked": "the contact's identity raised an alarm; nothing is sent",
    "hint.contact.blocked": "compare the safety number over another channel, then: sealroom verify CONTACT "
    "--mark",
    "error.message.empty": "the text is empty",
    "error.message.too_large": "the text is too long for one message",
    "hint.message.too_large": "split it",
    "error.message.failed": "the text will not be delivered: {detail}",
    "hint.message.failed": "ask the contact for its card again, then send the text once more",
    "error.config.invalid": "a value cannot be used: {detail}",
    "error.account.key_here": "the account key is on this machine: it renews the list by itself",
    "hint.account.key_here": "nothing is to be done; to have it signed elsewhere, take the key away first: "
    "sealroom account-key export FILE, then sealroom account-key remove",
    "error.account.key_absent": "the account key is not on this machine",
    "hint.account.key_absent": "use it where it is kept: sealroom renewal, "
    "sealroom company mandate, sealroom company notice, sealroom company device; or bring it here for a "
    "backup: sealroom export --account-key KEY FILE",
    "error.account.replaced": "this device is no longer part of the account: another one took its place",
    "hint.account.replaced": "go on at the new device, or restore a backup here",
    "error.account.list_over": "the list of your devices has ended: what this one writes would not be "
    "delivered; nothing was sent",
    "hint.account.list_over": "is the date of this device right? Then open the device that you have set up "
    "first, and leave both online for a minute; if it is lost, begin anew: sealroom room recover with your "
    "recovery code, or another --store; an account key kept elsewhere: sealroom renewal request FILE",
    "error.account.second_copy": "a second copy of this store is using the account; this copy has stopped",
    "hint.account.second_copy": "go on with the other copy and erase this one; if there is no other: "
    "sealroom export FILE, then sealroom restore FILE with another --store",
    "error.card.invalid": "this is no contact card, or it has a typing error",
    "hint.card.invalid": "copy the whole card again, and put it in quotes",
    "error.device.unknown": "the account has no such device",
    "error.device.too_many": "the account has as many devices as it may",
    "error.link.code": "this invite does not hold: a code of another account, or a second device",
    "hint.link.code": "compare the company's card, then make a new code",
    "error.link.second": "a second device has come by this code: none was taken in",
    "hint.link.second": "somebody may have seen the code: make a new one, and show it to nobody else",
    "error.link.clock": "the clocks of both devices are more than a day apart: none was taken in",
    "hint.link.clock": "set date and clock of both devices, then make a new code",
    "error.link.left": "the new device had gone, and was not taken in",
    "hint.link.left": "make a new code, and leave the new device open until it says that it is done",
    "error.link.expired": "nobody waits for this invite any more",
    "hint.link.expired": "make a new code, and keep both devices online",
    "error.client.closed": "the store was closed meanwhile",
    "error.relay.certificate": "the relay's certificate does not hold",
    "hint.relay.certificate": "tell the operator of the relay; nothing was sent",
    "error.relay.certificate_authority": "no known authority has signed the relay's certificate",
    "hint.relay.certificate_authority": "nothing was sent; if the operator has an authority of its own, name "
    "the file of its certificate with --ca-file",
    "error.relay.certificate_expired": "the relay's certificate has expired, or is not valid yet",
    "hint.relay.certificate_expired": "check the clock of this device, then ask the operator",
    "error.relay.certificate_name": "the relay's certificate is for another name",
    "hint.relay.certificate_name": "check the spelling of the address",
    "error.relay.dns": "the relay's name has no address",
    "hint.relay.dns": "check the spelling of the address, and the network",
    "error.relay.not_a_relay": "what answers at this address is no relay",
    "hint.relay.not_a_relay": "check address and port, and whether it is ws:// or wss://",
    "error.relay.not_followed": "a contact named a relay that is not public; it is not followed",
    "hint.relay.not_followed": "ask the contact for an address at a public relay",
    "error.relay.refused": "nothing listens at the relay's address",
    "hint.relay.refused": "check the port; the relay may be stopped",
    "error.relay.timeout": "the relay does not answer in time",
    "hint.relay.timeout": "check the network and the firewall",
    "error.relay.unavailable": "the relay does not answer",
    "hint.relay.unavailable": "check its address and the network",
    "error.wait.timeout": "it has not happened in time",
    "error.wait.refused": "nobody reaches this device yet, since the relay has not taken its keys: {reason}",
    "hint.wait.refused": "wait on, it is tried again by itself: sealroom agent run; if it lasts, tell the "
    "relay's operator",
    "hint.wait.timeout": "it may still happen; wait longer with --timeout",
    "error.sealroom": "it failed: {detail}",
    **ENGLISH_CAUSES,
    **ENGLISH_DESK,
    **ENGLISH_ROOMS,
    **ENGLISH_GUARD,
    **ENGLISH_TRANSCRIPTS,
    **ENGLISH_SUCCESSORS,
    **ENGLISH_FILES,
    **ENGLISH_LOGINS,
    **ENGLISH_RECOVERY,
    **ENGLISH_SIGNING,
    **ENGLISH_WEB,
    **ENGLISH_WORDS,
    **ENGLISH_ERASING,
}
