/** A person who talks to a company: nothing is made, drawn, connected or stored before it accepts (CNS-18). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Channels } from "@sealroom/core/company/card.ts";
import type { Notice } from "@sealroom/core/consent/notice.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import { fingerprint, safetyNumber } from "@sealroom/core/identity/safety.ts";
import type { FoundDoor, KnownCompany } from "./door.ts";
import { cardOf, findDoor } from "./door.ts";
import type { Context } from "./engine/context.ts";
import type { Engine } from "./engine/engine.ts";
import { newEngine, putNew } from "./engine/new_engine.ts";
import type { Ports, Store } from "./engine/ports.ts";
import type { Acceptance } from "./engine/rooms/consenting.ts";
import { accept } from "./engine/rooms/consenting.ts";
import { pump } from "./engine/sending.ts";
import { setCompany } from "./engine/state.ts";
import { learn, learnNotice } from "./engine/team_learning.ts";
import type { Turn } from "./engine/turn.ts";
import { ClientError } from "./errors.ts";
import { FileLoader } from "./file_loader.ts";
import type { Devices } from "./kin/linking.ts";
import type { Begun, Recovery } from "./kin/recovering.ts";
import { Room } from "./room.ts";
import { opening, Shell } from "./shell.ts";

export interface CustomerOptions {
  /** The origin that serves the door, such as https://chat.praxis.example. */
  readonly company: string;
  /** The account that the page has named (`<seal-room account>`); null where TLS of the origin is the root. */
  readonly account?: Bytes | null;
  readonly ports: Ports;
  /** Make the account with a directory entry, so that further devices can be linked (ACC-50). */
  readonly linkable?: boolean;
  /** Make it with a recovery code (ACC-60). */
  readonly recoverable?: boolean;
}

/** What a company says before anybody writes, verified. */
export class ShownNotice {
  readonly found: FoundDoor;

  constructor(found: FoundDoor) {
    this.found = found;
  }

  get notice(): Notice {
    return this.found.door.notice;
  }

  get channels(): Channels {
    return this.found.door.channels;
  }

  get locales(): readonly string[] {
    return this.found.door.texts.map((one) => one.locale);
  }

  /** The language in which it is shown to who wishes one. */
  locale(wished: string | null = null): string {
    return wished !== null && this.locales.includes(wished) ? wished : this.notice.defaultLocale;
  }

  /** The text that is shown is that which is accepted. */
  text(locale: string | null = null): string {
    const shown = this.locale(locale);
    return this.found.door.texts.find((one) => one.locale === shown)?.text ?? "";
  }
}

export interface AcceptOptions {
  readonly lang?: string | null;
  /** Numbers of purposes; all required ones where there are none. */
  readonly purposes?: readonly number[] | null;
}

/** What runs once there is a store. */
interface Running {
  readonly shell: Shell;
  readonly files: FileLoader;
}

async function running(ports: Ports, store: Store, engine: Engine): Promise<Running> {
  const shell = new Shell(ports, store, engine, await store.version());
  return { shell, files: new FileLoader(shell, ports, store) };
}

/** The engine of a store; where its code does not come, the store is left as it is. */
async function engineOf(store: Store, ports: Ports): Promise<Engine | null> {
  try {
    return await (await opening(ports))(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

export class Customer {
  readonly #options: CustomerOptions;
  #running: Running | null;
  /** One account is made at a time. */
  #making: Promise<unknown> = Promise.resolve();
  /** The store that is made now: it is not left behind open. */
  #opening: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(options: CustomerOptions, running: Running | null) {
    this.#options = options;
    this.#running = running;
  }

  /** Open the store of a person, or say where there will be one; where there is none nothing is made. */
  static async open(options: CustomerOptions): Promise<Customer> {
    const store = await options.ports.place.open();
    if (store === null) return new Customer(options, null);
    const engine = await engineOf(store, options.ports);
    if (engine === null) {
      // What a crash left of an account's creation (STO-16).
      await store.destroy();
      return new Customer(options, null);
    }
    const begun = await running(options.ports, store, engine);
    const me = new Customer(options, begun);
    try {
      await begun.shell.start(store.isContinuous);
      await begun.files.start();
    } catch (error) {
      await me.close();
      throw error;
    }
    return me;
  }

  get hasAccepted(): boolean {
    return this.#running !== null;
  }

  get shell(): Shell {
    return this.#begun.shell;
  }

  get #begun(): Running {
    if (this.#running === null) throw new ClientError("client.not_accepted", "nothing was accepted yet");
    return this.#running;
  }

  /** Network or page have come back: wait no longer for the next attempt. */
  wake(): void {
    this.#running?.shell.retry();
    this.#running?.files.wake();
  }

  /**
   * Fetch the company's notice from its origin, and verify it. Nothing is stored.
   *
   * @throws DoorError
   */
  async notice(): Promise<ShownNotice> {
    const { company, ports } = this.#options;
    return new ShownNotice(await findDoor(company, () => ports.clock.nowMs(), this.#known(), ports.fetchDoor));
  }

  #known(): KnownCompany | null {
    const { account = null } = this.#options;
    const c = this.#running?.shell.context;
    if (c !== undefined) {
      const { accountId, relayUrl } = c.company;
      return { accountId, relayUrl, origins: c.team.mandate?.origins ?? [] };
    }
    return account === null ? null : { accountId: account, relayUrl: null, origins: [] };
  }

  /** The person accepts what it was shown: from here on there are keys, a store, and a room. */
  async accept(shown: ShownNotice, options: AcceptOptions = {}): Promise<Room> {
    const acceptance = acceptanceOf(shown, options);
    return await this.#alone(async () => {
      if (this.#running === null) return await this.#create(shown, acceptance);
      return this.#room(hex(await this.shell.do(this.#accepted(shown, acceptance))));
    });
  }

  #alone<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#making.then(step);
    this.#making = done.catch(() => {});
    return done;
  }

  #accepted(shown: ShownNotice, acceptance: Acceptance): (c: Context, turn: Turn) => Bytes {
    return (c, turn) => {
      this.#learn(c, turn, shown, acceptance.locale);
      return accept(c, turn, acceptance);
    };
  }

  #learn(c: Context, turn: Turn, shown: ShownNotice, locale: string): void {
    const { mandate, notice } = shown.found.door;
    learn(c, turn, mandate, null);
    learnNotice(c, turn, notice, [{ locale, text: shown.text(locale) }]);
  }

  /** Further devices of this person: the part of the page for them is fetched now. */
  async devices(): Promise<Devices> {
    const later = await this.#options.ports.later();
    return later.devicesOf({
      ports: this.#options.ports,
      shell: () => this.#running?.shell ?? null,
      door: (known) =>
        findDoor(this.#options.company, () => this.#options.ports.clock.nowMs(), known, this.#options.ports.fetchDoor),
      begin: async (engine, found) => {
        const shown = new ShownNotice(found);
        await this.#alone(() => this.#run(engine, (c, turn) => this.#learn(c, turn, shown, shown.locale())));
      },
    });
  }

  /** The recovery code of this person: the part of the page for it is fetched now. */
  async recovery(): Promise<Recovery> {
    const { ports, company } = this.#options;
    return (await ports.later()).recoveryOf({
      ports,
      company,
      shell: () => this.#running?.shell ?? null,
      open: (shown, options, make) => {
        const acceptance = acceptanceOf(shown, options);
        return this.#alone(async () => this.#open(await make(cardOf(shown.found), acceptance), shown, acceptance));
      },
    });
  }

  async #create(shown: ShownNotice, acceptance: Acceptance): Promise<Room> {
    const { ports, linkable = false, recoverable = false } = this.#options;
    const card = cardOf(shown.found);
    const begun =
      linkable || recoverable
        ? (await ports.later()).begin(ports, card, linkable, recoverable)
        : { engine: newEngine(ports.random, card, ports.clock.nowMs()), putCode: () => {} };
    return await this.#open(begun, shown, acceptance);
  }

  async #open({ engine, putCode }: Begun, shown: ShownNotice, acceptance: Acceptance): Promise<Room> {
    const work = this.#accepted(shown, acceptance);
    const id = await this.#run(engine, (c, turn) => {
      putCode(turn);
      return work(c, turn);
    });
    return this.#room(hex(id));
  }

  /** Make the store of an engine, and go online; a client that was closed meanwhile makes none (STO-38). */
  async #run<T>(engine: Engine, work: (c: Context, turn: Turn) => T): Promise<T> {
    if (this.#isClosed) throw new ClientError("client.closed", "the client was closed");
    const run = this.#make(engine, work);
    this.#opening = run;
    return await run;
  }

  async #make<T>(engine: Engine, work: (c: Context, turn: Turn) => T): Promise<T> {
    const { ports } = this.#options;
    const store = await ports.place.create();
    const begun = await running(ports, store, engine);
    const result = await this.#begin(begun.shell, work);
    this.#running = begun;
    await begun.shell.goOnline();
    return result;
  }

  /** Of an acceptance that is refused nothing stays. */
  async #begin<T>(shell: Shell, work: (c: Context, turn: Turn) => T): Promise<T> {
    try {
      return await shell.do((c, turn) => {
        putNew(c, turn);
        return work(c, turn);
      });
    } catch (error) {
      await shell.destroy();
      throw error;
    }
  }

  /** All rooms, that with the newest entry first; none before the first accept. */
  rooms(): readonly Room[] {
    const rooms = [...(this.#running?.shell.context.rooms.values() ?? [])];
    return rooms.sort((a, b) => b.lastMs - a.lastMs).map(({ id }) => this.#room(hex(id)));
  }

  #room(id: string): Room {
    const { shell, files } = this.#begun;
    return new Room(shell, files, id);
  }

  /** The sixty digits to compare with the company (ID-25). */
  safetyNumber(): string {
    const { own, company } = this.shell.context;
    return safetyNumber(fingerprint(own.record.accountId), fingerprint(company.accountId));
  }

  /** A person has compared the company's keys over another way: an alarm ends (ID-07). */
  settleAlarm(): Promise<void> {
    return this.shell.do((c, turn) => {
      setCompany(c, turn, { ...c.company, alarm: "" });
      pump(c, turn);
    });
  }

  /** Erase all that is here: keys, rooms, texts. The company is not told; `withdraw` and `erase` do that. */
  async forget(): Promise<void> {
    const begun = this.#running;
    this.#running = null;
    await begun?.files.end();
    await begun?.shell.destroy();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening.catch(() => {});
    await this.#running?.files.end();
    await this.#running?.shell.close();
  }
}

function acceptanceOf(shown: ShownNotice, { lang = null, purposes = null }: AcceptOptions): Acceptance {
  return { notice: shown.notice, locale: shown.locale(lang), purposes: bitsOf(shown.notice, purposes) };
}

/** Purposes as bits; all required ones where none are given. */
function bitsOf(notice: Notice, purposes: readonly number[] | null): number {
  const required = notice.purposes.filter((one) => one.required).map((one) => one.number);
  const chosen = [...new Set(purposes ?? required)];
  if (chosen.some((one) => !Number.isInteger(one) || one < 1 || one > 32)) {
    throw new LocalError("local.argument", "purposes are numbers of the notice");
  }
  return chosen.reduce((bits, number) => bits + 2 ** (number - 1), 0);
}
