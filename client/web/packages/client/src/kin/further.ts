/** What most people never ask a room for, by the names of its acts: what is under way is kept here (`ui/further.ts`). */

import type { Notice } from "@sealroom/ui/backend.ts";
import type { Further, FurtherAct } from "@sealroom/ui/further.ts";
import type { Customer, ShownNotice } from "../customer.ts";
import { ClientError } from "../errors.ts";
import type { Link } from "./inviting.ts";
import type { Devices, Offer } from "./linking.ts";
import type { Recovery } from "./recovering.ts";

type Acts = { readonly [A in FurtherAct]: (given: Further[A][0]) => Promise<Further[A][1]> };

/** Carries out an act of this name. */
export type CarryOut = (act: string, given: unknown) => Promise<unknown>;

function missing(): ClientError {
  return new ClientError("link.expired", "nothing is under way");
}

export interface FurtherHost {
  customer(): Promise<Customer>;
  /** The notice that a person was shown. @throws ClientError `client.notice_changed` */
  notice(shown: Notice): ShownNotice;
}

export function furtherOf(host: FurtherHost): CarryOut {
  const devicesNow = async (): Promise<Devices> => (await host.customer()).devices();
  const recoveryNow = async (): Promise<Recovery> => (await host.customer()).recovery();
  let link: Link | null = null;
  let offer: Offer | null = null;
  let recovering: AbortController | null = null;
  let joining: ReturnType<Offer["join"]> | null = null;

  const acts: Acts = {
    devices: async () => (await devicesNow()).all(),
    remove: async (id) => {
      await (await devicesNow()).remove(id);
      return null;
    },
    link: async () => {
      link?.close();
      link = await (await devicesNow()).link();
      return link.text;
    },
    "link-digits": async () => {
      if (link === null) throw missing();
      return await link.digits;
    },
    "link-over": async () => {
      if (link === null) throw missing();
      await link.over;
      return null;
    },
    "link-confirm": async () => {
      if (link === null) throw missing();
      await link.confirm();
      return null;
    },
    "link-end": async () => {
      link?.close();
      link = null;
      return null;
    },
    offer: async (text) => {
      offer = await (await devicesNow()).offer(text);
      return { company: offer.company, origin: offer.origin };
    },
    join: async () => {
      if (offer === null) throw missing();
      joining = offer.join();
      return await joining.digits;
    },
    "join-done": async () => {
      if (joining === null) throw missing();
      await joining.done;
      return null;
    },
    "join-end": async () => {
      joining?.close();
      [joining, offer] = [null, null];
      return null;
    },
    code: async () => (await recoveryNow()).sheet(),
    "code-back": async (typed) => (await recoveryNow()).typedBack(typed),
    "code-read": async (typed) => (await recoveryNow()).read(typed),
    recover: async ({ code, purposes, shown }) => {
      const recovery = await recoveryNow();
      recovering = new AbortController();
      const { signal } = recovering;
      await recovery.recover(host.notice(shown), code, { lang: shown.locale, purposes, signal });
      return null;
    },
    "recover-end": async () => {
      recovering?.abort();
      return null;
    },
  };
  return async (act, given) => {
    if (!Object.hasOwn(acts, act)) throw new ClientError("client.unsupported", "no such act");
    return await (acts[act as FurtherAct] as (value: unknown) => Promise<unknown>)(given);
  };
}
