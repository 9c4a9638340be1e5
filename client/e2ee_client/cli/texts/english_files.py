"""What the command line says of files in rooms, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_FILES: Final[dict[str, str]] = {
    "help.room.send-file": "send a file of at most 64 MiB",
    "help.room.save": "save the file of an entry to a folder",
    "help.sent_file": "the file to send",
    "help.file_name": "its name in the room, in place of that on the disk",
    "help.strip": "remove what an image says of place, time and camera",
    "help.file_entry": "the beginning of the file's id, as the history shows it, or - for the newest one",
    "help.save_folder": "the folder to save to (this one)",
    "file.sent": "Sent: {file} ({entry}).",
    "file.saved": "Saved to {path}",
    "entry.file": "{name} sent the file {file} ({size}, {entry})",
    "event.file_failed": "[{room}] a file did not come or go: {why}",
    "event.file_expiring": "[{room}] the file {entry} was not saved yet; the relay loses it on {when}",
    "event.file_expired": "[{room}] the file {entry} was never saved, and the relay has it no longer",
    "error.send.file_kept": "not all of the file was moved in time; what was is kept, and it goes on",
    "hint.send.file_kept": "it goes on with the next command that is online, or with sealroom room listen",
    "error.file.quota": "no mailbox of the room has room for the file; nothing was sent",
    "hint.file.quota": "send a smaller file, or wait until those before it were fetched",
    "error.file.expired": "the relay does not have the file any more",
    "hint.file.expired": "ask for it to be sent again",
    "error.file.cancelled": "the file was given up",
    "error.file.metadata": "the metadata of this file cannot be removed",
    "hint.file.metadata": "make a JPEG or PNG of it, or send it without --strip-metadata",
    "error.file.type": "the file is of no type that is sent, or not of the type that its name says",
    "hint.file.type": "images, sound, film, PDF, text and office documents without macros are sent",
    "error.file.corrupt": "the file is not what was announced; nothing of it was saved",
    "hint.file.corrupt": "ask for it to be sent again",
    "error.local.file": "there is no such file in the room",
    "error.local.file_unusable": "a file or folder of this device cannot be used: {detail}",
    "error.local.file_stalled": "the disk or network drive of this file or folder does not answer",
    "hint.local.file_stalled": "look whether it is connected, or take a copy from elsewhere",
    "error.local.file_name": "a file of a room cannot have this name",
    "hint.local.file_name": "give it another one with --name",
    "error.local.file_too_large": "a file has at most 64 MiB",
}
