/** A customer's room as its screen drives it: `RoomBackend` of the interface package over `Customer` and `Room`. */

import { hex } from "@sealroom/core/bytes.ts";
import type { FileChoice, Finding, IdentityChallenge, RoomBackend, SavedFile } from "@sealroom/ui/backend.ts";
import type { Further, FurtherAct } from "@sealroom/ui/further.ts";
import { ClientError, codeOf } from "./errors.ts";
import { isUpload } from "./file_loader.ts";
import type { RoomOptions } from "./room_life.ts";
import { PAGE, RoomLife } from "./room_life.ts";

/** Open what is stored, or fetch the door: the state says how far that is. */
export function openRoom(options: RoomOptions): OpenedRoom {
  const backend = new OpenedRoom(options);
  void backend.tryAgain();
  return backend;
}

export class OpenedRoom extends RoomLife implements RoomBackend {
  // --- acts ---

  async freeze(room?: string | null): Promise<void> {
    await this.roomOf(room).freeze();
  }

  async unfreeze(room?: string | null): Promise<void> {
    await this.roomOf(room).unfreeze();
  }

  async close(room?: string | null): Promise<void> {
    await this.roomOf(room).close();
  }

  async reopen(room?: string | null): Promise<void> {
    await this.roomOf(room).reopen();
  }

  async rate(stars: number, text: string | null, room?: string | null): Promise<void> {
    await this.roomOf(room).rate(stars, text);
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

  async inspect(text: string): Promise<readonly Finding[]> {
    return (await this.options.inspect?.(text)) ?? [];
  }

  async send(text: string, replyTo: string | null, room?: string | null): Promise<void> {
    // What was accepted may have ended meanwhile: that is shown, too.
    await this.roomOf(room)
      .send(text, { replyTo })
      .finally(() => this.changed());
  }

  /** A text, or a file that has failed on its way out or in. */
  async retry(id: string): Promise<void> {
    if (isUpload(id)) await this.room.upload(id).retry();
    else if (this.roomOf(id).file(id).status().code !== null) await this.fetchFile(id);
    else await this.roomOf(id).retry(id);
    this.changed();
  }

  async edit(id: string, text: string): Promise<void> {
    await this.roomOf(id).edit(id, text);
    this.changed();
  }

  async erase(id: string): Promise<void> {
    await this.roomOf(id).erase([id]);
    this.changed();
  }

  async answer(id: string, choice: string): Promise<void> {
    const { askedBy } = await this.options.items();
    const room = this.roomOf(id);
    const form = room.entries().find((one) => one.id === id);
    const asked = form === undefined ? null : askedBy(form);
    const number = asked?.choices.indexOf(choice) ?? -1;
    if (asked === null || number < 0) throw new ClientError("client.unknown_entry", "no such choice");
    await room.answer(id, [[asked.question, number]]);
    this.changed();
  }

  async markSensitive(id: string): Promise<void> {
    await this.roomOf(id).markSensitive([id]);
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

  async exportTranscript(form: "json" | "html" = "json"): Promise<SavedFile> {
    const { transcriptFile } = await this.options.ports.later();
    return transcriptFile(this.room.context, this.room, form, this.options.lang);
  }

  // --- files ---

  async sendFile(file: File, { removeMetadata }: FileChoice, room?: string | null): Promise<void> {
    await this.roomOf(room).sendFile(file, { removeMetadata });
    this.changed();
  }

  async cancelFile(id: string): Promise<void> {
    if (isUpload(id)) await this.room.upload(id).cancel();
    else await this.roomOf(id).file(id).cancel();
    this.changed();
  }

  async fetchFile(id: string): Promise<void> {
    await quietly(this.roomOf(id).file(id).fetch());
    this.changed();
  }

  async saveFile(id: string): Promise<SavedFile> {
    const { name, blob } = await this.roomOf(id).file(id).save();
    this.changed();
    return { name, blob };
  }

  async preview(id: string): Promise<Blob> {
    return (await this.roomOf(id).file(id).save()).blob;
  }

  // --- what most people never ask for ---

  async further<A extends FurtherAct>(act: A, given: Further[A][0]): Promise<Further[A][1]> {
    const result = await this.carryOut(act, given);
    return result as Further[A][1];
  }
}

/** What fails of a fetch stands at the file, and what a person has ended itself is no fault. */
async function quietly(fetching: Promise<void>): Promise<void> {
  await fetching.catch((error: unknown) => {
    if (codeOf(error) === null) throw error;
  });
}
