/** The part of a page for an account's further devices. */

import type { FoundDoor, KnownCompany } from "../door.ts";
import type { Engine } from "../engine/engine.ts";
import { ClientError, DoorError } from "../errors.ts";
import type { Shell } from "../shell.ts";
import type { BoxPorts } from "./box.ts";
import type { DeviceView } from "./devices.ts";
import { removeDevice, viewsOf } from "./devices.ts";
import { refill } from "./entry.ts";
import type { Link } from "./inviting.ts";
import { link, stateIn } from "./inviting.ts";
import type { Joining } from "./joining.ts";
import { join, parseLink } from "./joining.ts";

export type { DeviceView } from "./devices.ts";
export { kinOf } from "./kin.ts";

export interface DevicesHost {
  readonly ports: BoxPorts;
  /** Null before anything was accepted. */
  shell(): Shell | null;
  door(known: KnownCompany): Promise<FoundDoor>;
  /** Make the store of a new device, and go online. */
  begin(engine: Engine, found: FoundDoor): Promise<void>;
}

/** A text that was read, before anything has left this device: is the other one the person's own, and before it? */
export interface Offer {
  readonly company: string;
  readonly origin: string;
  /** The person says yes: come as the new device. `done` resolves when the account has this device. */
  join(): { readonly digits: Promise<string>; readonly done: Promise<void>; close(): void };
}

export interface Devices {
  /** The devices of this person, this one first. */
  all(): readonly DeviceView[];
  /** Let a further device in. */
  link(): Promise<Link>;
  /** Strike another device off: nobody sends it anything more. */
  remove(id: string): Promise<void>;
  /** Read what another device shows. @throws ClientError `link.code`, DoorError */
  offer(text: string): Promise<Offer>;
}

export function devicesOf(host: DevicesHost): Devices {
  const running = (): Shell => {
    const shell = host.shell();
    if (shell === null) throw new ClientError("client.not_accepted", "nothing was accepted yet");
    return shell;
  };
  return {
    all: () => viewsOf(stateIn(running().context)),
    link: () => link(running(), host.ports),
    remove: (id) =>
      running().do((c, turn) => {
        removeDevice(stateIn(c), turn, id);
        refill(stateIn(c), turn);
      }),
    offer: async (text) => {
      if (host.shell() !== null) throw new ClientError("client.unsupported", "this device has an account already");
      const given = parseLink(text);
      const found = await doorOf(host, given.company);
      const { controller } = found.door.notice;
      return {
        company: controller.name,
        origin: found.origin,
        join: () => joinedBy(host, found, join(host.ports, given, found)),
      };
    },
  };
}

async function doorOf(host: DevicesHost, known: KnownCompany): Promise<FoundDoor> {
  try {
    return await host.door(known);
  } catch (error) {
    const isOther = error instanceof DoorError && ["door.identity", "door.second"].includes(error.code);
    if (isOther) throw new ClientError("link.code", "a code about another company than that of this page");
    throw error;
  }
}

function joinedBy(host: DevicesHost, found: FoundDoor, { digits, engine, close }: Joining) {
  const done = engine.then((made) => host.begin(made, found));
  done.catch(() => {});
  return { digits, done, close };
}
