/** What most people never ask a room for, by the names of its acts: what is under way is kept here (`ui/further.ts`). */

import { unhex } from "@sealroom/core/bytes.ts";
import type { Notice } from "@sealroom/ui/backend.ts";
import type { Further, FurtherAct, Handle } from "@sealroom/ui/further.ts";
import type { Customer, ShownNotice } from "../customer.ts";
import { eraseLogins, signOut } from "../engine/rooms/logging_in.ts";
import { stepIn } from "../engine/rooms/rooms.ts";
import { ClientError } from "../errors.ts";
import type { Room } from "../room.ts";
import type { Link } from "./inviting.ts";
import type { Devices, Offer } from "./linking.ts";
import type { Recovery } from "./recovering.ts";

type Acts = { readonly [A in FurtherAct]: (given: Further[A][0]) => Promise<Further[A][1]> };

/** Carries out an act of this name. */
export type CarryOut = (act: string, given: unknown) => Promise<unknown>;

function missing(): ClientError {
  return new ClientError("link.expired", "nothing is under way");
}

/** What one dialog has under way; dialogs of several tabs have theirs beside each other (STO-45). */
interface UnderWay {
  readonly end: AbortController;
  link: Link | null;
  offer: Offer | null;
  joining: ReturnType<Offer["join"]> | null;
}

/** What comes only after its dialog was closed is closed at once. */
function closeAtEnd({ end: { signal } }: UnderWay, made: { close(): void }): void {
  signal.addEventListener("abort", () => made.close());
  if (!signal.aborted) return;
  made.close();
  throw missing();
}

export interface FurtherHost {
  customer(): Promise<Customer>;
  /** The notice that a person was shown. @throws ClientError `client.notice_changed` */
  notice(shown: Notice): ShownNotice;
}

export function furtherOf(host: FurtherHost): CarryOut {
  const devicesNow = async (): Promise<Devices> => (await host.customer()).devices();
  const recoveryNow = async (): Promise<Recovery> => (await host.customer()).recovery();
  const all = new Map<Handle, UnderWay>();
  const end = (handle: Handle): void => {
    all.get(handle)?.end.abort();
    all.delete(handle);
  };
  /** What the same dialog had before is over. */
  const begin = (handle: Handle): UnderWay => {
    end(handle);
    const one: UnderWay = { end: new AbortController(), link: null, offer: null, joining: null };
    all.set(handle, one);
    return one;
  };
  const found = <W extends keyof UnderWay>(handle: Handle, what: W): NonNullable<UnderWay[W]> => {
    const one = all.get(handle)?.[what];
    if (one === undefined || one === null) throw missing();
    return one;
  };

  const acts: Acts = {
    "sign-out": async () => {
      const me = await host.customer();
      const refusals: unknown[] = [];
      const leave = async (room: Room): Promise<void> => {
        const step = (work: typeof signOut) => me.shell.do((c, turn) => stepIn(c, turn, unhex(room.id), work));
        // To erase needs code that may not come: what needs none is said before (CNS-75, STO-43).
        await step(signOut);
        await me.shell.received();
        await step(eraseLogins);
      };
      // With a consent that was withdrawn nobody is known in a room.
      for (const room of me.rooms().filter((one) => one.view().phase !== "withdrawn")) {
        await leave(room).catch((error: unknown) => refusals.push(error));
      }
      if (refusals.length > 0) throw refusals[0];
      return null;
    },
    devices: async () => (await devicesNow()).all(),
    remove: async (id) => {
      await (await devicesNow()).remove(id);
      return null;
    },
    link: async (handle) => {
      const one = begin(handle);
      const link = await (await devicesNow()).link();
      closeAtEnd(one, link);
      one.link = link;
      return link.text;
    },
    "link-digits": async (handle) => await found(handle, "link").digits,
    "link-over": async (handle) => {
      await found(handle, "link").over;
      return null;
    },
    "link-confirm": async (handle) => {
      await found(handle, "link").confirm();
      return null;
    },
    offer: async ({ handle, text }) => {
      const one = begin(handle);
      const offer = await (await devicesNow()).offer(text);
      one.offer = offer;
      return { company: offer.company, origin: offer.origin };
    },
    join: async (handle) => {
      const joining = found(handle, "offer").join();
      const one = all.get(handle) as UnderWay;
      closeAtEnd(one, joining);
      one.joining = joining;
      return await joining.digits;
    },
    "join-done": async (handle) => {
      await found(handle, "joining").done;
      return null;
    },
    code: async () => (await recoveryNow()).sheet(),
    "code-back": async (typed) => (await recoveryNow()).typedBack(typed),
    "code-read": async (typed) => (await recoveryNow()).read(typed),
    recover: async ({ handle, code, purposes, shown }) => {
      const { signal } = begin(handle).end;
      const recovery = await recoveryNow();
      await recovery.recover(host.notice(shown), code, { lang: shown.locale, purposes, signal });
      return null;
    },
    end: async (handle) => {
      end(handle);
      return null;
    },
  };
  return async (act, given) => {
    if (!Object.hasOwn(acts, act)) throw new ClientError("client.unsupported", "no such act");
    return await (acts[act as FurtherAct] as (value: unknown) => Promise<unknown>)(given);
  };
}
