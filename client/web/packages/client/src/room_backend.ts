/** A customer's room as its screen drives it: `RoomBackend` of the interface package over `Customer` and `Room`. */

import { hex, unhex } from "@sealroom/core/bytes.ts";
import type { Finding, IdentityChallenge, RoomBackend, SavedFile } from "@sealroom/ui/backend.ts";
import { ClientError } from "./errors.ts";
import { askedBy } from "./room_items.ts";
import type { RoomOptions } from "./room_life.ts";
import { PAGE, RoomLife } from "./room_life.ts";
import { plainText } from "./room_text.ts";

/** Open what is stored, or fetch the door: the state says how far that is. */
export function openRoom(options: RoomOptions): OpenedRoom {
  const backend = new OpenedRoom(options);
  void backend.tryAgain();
  return backend;
}

export class OpenedRoom extends RoomLife implements RoomBackend {
  // --- acts ---

  async freeze(): Promise<void> {
    await this.room.freeze();
  }

  async unfreeze(): Promise<void> {
    await this.room.unfreeze();
  }

  async close(): Promise<void> {
    await this.room.close();
  }

  async reopen(): Promise<void> {
    await this.room.reopen();
  }

  async rate(stars: number, text: string | null): Promise<void> {
    await this.room.rate(stars, text);
  }

  // --- conversation ---

  async loadEarlier(): Promise<void> {
    this.limit += PAGE;
    this.changed();
  }

  seen(id: string): void {
    const room = this.newest();
    if (room === null) return;
    const entries = room.entries();
    // A line that a state gives has its id and a number after it.
    const last = entries.findLastIndex((one) => id.startsWith(one.id));
    const unread = entries.slice(0, last + 1).filter((one) => one.unread);
    if (unread.length === 0) return;
    const done = room.markRead(unread.map((one) => one.id));
    done.then(
      () => this.changed(),
      () => {}, // It stays unread.
    );
  }

  inspect(text: string): readonly Finding[] {
    return this.options.inspect?.(text) ?? [];
  }

  async send(text: string, replyTo: string | null): Promise<void> {
    await this.room.send(text, { replyTo });
    this.changed();
  }

  async retry(id: string): Promise<void> {
    await this.room.retry(id);
    this.changed();
  }

  async edit(id: string, text: string): Promise<void> {
    await this.room.edit(id, text);
    this.changed();
  }

  async erase(id: string): Promise<void> {
    await this.room.erase([id]);
    this.changed();
  }

  async answer(id: string, choice: string): Promise<void> {
    const form = this.room.entries().find((one) => one.id === id);
    const asked = form === undefined ? null : askedBy(form);
    const number = asked?.choices.indexOf(choice) ?? -1;
    if (asked === null || number < 0) throw new ClientError("client.unknown_entry", "no such choice");
    await this.room.answer(id, [[asked.question, number]]);
    this.changed();
  }

  async markSensitive(id: string): Promise<void> {
    await this.room.markSensitive([id]);
    this.changed();
  }

  async identify(sign: (challenge: IdentityChallenge) => Promise<string>): Promise<void> {
    const room = this.room;
    const { accountId: company } = room.context.company;
    const { accountId: customer } = room.context.own.record;
    const text = await room.loginChallenge();
    await room.identify(await sign({ company: hex(company), customer: hex(customer), room: room.id, text }));
    this.changed();
  }

  async exportTranscript(): Promise<SavedFile> {
    const room = this.room;
    const text = plainText(room, this.customer?.shell.context.company.name ?? "");
    return { name: `${hex(unhex(room.id).subarray(0, 4))}.txt`, blob: new Blob([text], { type: "text/plain" }) };
  }

  // --- what this client does not do yet ---

  sendFile(): Promise<void> {
    return unsupported("files");
  }

  cancelFile(): Promise<void> {
    return unsupported("files");
  }

  saveFile(): Promise<SavedFile> {
    return unsupported("files");
  }

  preview(): Promise<Blob> {
    return unsupported("files");
  }

  recover(): Promise<void> {
    return unsupported("recovery");
  }

  recoveryCode(): Promise<string> {
    return unsupported("recovery");
  }
}

function unsupported(what: string): Promise<never> {
  return Promise.reject(new ClientError("client.unsupported", `${what} are not in this client yet`));
}
