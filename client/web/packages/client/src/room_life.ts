/** How a customer's room begins, goes on and ends for its screen: store, door, consent, alarm; conversation elsewhere. */

import type {
  Alarm,
  Finding,
  Keeping,
  Link,
  Notice,
  Obstacle,
  Phase,
  RoomState,
  Unsubscribe,
} from "@sealroom/ui/backend.ts";
import type { CustomerOptions, ShownNotice } from "./customer.ts";
import { Customer } from "./customer.ts";
import type { Context } from "./engine/context.ts";
import type { CustomerEvent } from "./engine/events.ts";
import { StoreError } from "./engine/ports.ts";
import type { ClientCode } from "./errors.ts";
import { ClientError, codeOf, DoorError } from "./errors.ts";
import type { CarryOut } from "./kin/further.ts";
import type { Room } from "./room.ts";
import { obstacleOf } from "./room_state.ts";
import { NOTHING_YET, RoomWatch } from "./room_watch.ts";

const FORGET_WAIT_MS = 10_000;
export const PAGE = 200;

export interface RoomOptions extends CustomerOptions {
  /** BCP 47; null for that of the notice. */
  readonly lang: string | null;
  readonly keeping: Keeping;
  /** Fetch the code that makes a conversation of entries. */
  readonly items: () => Promise<typeof import("./room_items.ts")>;
  /** Have it called when network or page have come back; what it gives ends that. */
  readonly watch?: (cameBack: () => void) => Unsubscribe;
  /** What a guard on this device finds in a text. */
  readonly inspect?: (text: string) => Promise<readonly Finding[]>;
}

function missing(code: ClientCode): never {
  throw new ClientError(code, "there is no such room or entry");
}

export class RoomLife {
  protected readonly options: RoomOptions;
  readonly #listeners = new Set<() => void>();
  readonly #watch: RoomWatch;
  protected customer: Customer | null = null;
  #opening: Promise<Customer> | null = null;
  #isLeft = false;
  #shown: ShownNotice | null = null;
  #locale: string | null;
  #obstacle: Obstacle | null = null;
  #isRefused = false;
  /** Null until all was erased here; then what the company knows of it. */
  #forgotten: RoomState["erasure"] | null = null;
  #isAnew = false;
  #isReopened = false;
  #doorAlarm: Alarm | null = null;
  protected limit = PAGE;
  #unlisten: Unsubscribe = () => {};
  readonly #unwatch: Unsubscribe | undefined;
  #unwake: Unsubscribe = () => {};
  #state: RoomState | null = null;
  /** The code of why what others write is not read; what comes ends it. */
  #fault: string | null = null;
  #isTelling = false;
  #isFetching = false;
  #further: CarryOut | null = null;

  constructor(options: RoomOptions) {
    this.options = options;
    this.#locale = options.lang;
    this.#watch = new RoomWatch(options.company, (options.account ?? null) !== null);
    this.#unwatch = options.watch?.(() => this.wake());
  }

  // --- state ---

  state(): RoomState {
    this.#state ??= Object.freeze(this.#read());
    return this.#state;
  }

  subscribe(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected changed(): void {
    this.#state = null;
    if (this.#isTelling) return;
    this.#isTelling = true;
    setTimeout(() => {
      this.#isTelling = false;
      for (const listener of [...this.#listeners]) listener();
    }, 0);
  }

  #read(): RoomState {
    const { keeping, ports } = this.options;
    const code = this.#context()?.code ?? "none";
    const start = {
      ...NOTHING_YET,
      link: this.#link(),
      fault: this.#context()?.received === null ? this.#fault : null,
      account: this.#account(),
      code,
      keeping,
      alarm: this.#doorAlarm,
      erasure: this.#forgotten ?? "none",
    };
    const seen = { ...start, ...this.#watch.door(this.#shown, this.#locale), obstacle: this.#obstacle };
    const room = this.newest();
    const early = this.#phaseBefore();
    if (early !== null || room === null) return { ...seen, phase: early ?? "loading" };
    const found = this.#watch.room(room, this.#shown, this.#locale, { limit: this.limit, nowMs: ports.clock.nowMs() });
    const alarm = this.#doorAlarm ?? found.alarm ?? null;
    this.#wakeAfter(found.staleUntilMs ?? found.listUntilMs ?? 0);
    return { ...seen, ...found, alarm, canWrite: found.canWrite === true && alarm === null };
  }

  /** That the time of what was accepted, or of our list, is over is shown then, and not at the next event (CNS-83). */
  #wakeAfter(untilMs: number): void {
    this.#unwake();
    if (untilMs >= this.#nowMs()) this.#unwake = this.options.ports.clock.wake(untilMs + 1, () => this.changed());
  }

  #link(): Link {
    if (!this.customer?.hasAccepted || this.customer.shell.isOver) return "connecting";
    if (this.customer.shell.isFull) return "full";
    const mailbox = this.customer.shell.context.links.all.get("mailbox");
    if (mailbox === undefined || mailbox.state === "closed") return "offline";
    return mailbox.state === "ready" ? "online" : "connecting";
  }

  #account(): RoomState["account"] {
    const c = this.#context();
    if (c?.isReplaced) return "replaced";
    if (c === null || c.kin === null) return "none";
    return c.own.accountSeed === null ? "other" : "key";
  }

  #context(): Context | null {
    return this.customer?.hasAccepted ? this.customer.shell.context : null;
  }

  #phaseBefore(): Phase | null {
    if (this.#forgotten !== null) return "erased";
    if (this.#obstacle !== null) return "blocked";
    if (this.customer?.hasAccepted && (!this.#isAnew || this.customer.shell.context.isReplaced)) return null;
    if (this.#shown === null) return "loading";
    return this.#isRefused ? "refused" : "notice";
  }

  /** The rooms that are not erased, closed ones after the others; the newest where all are erased. */
  #rooms(): readonly Room[] {
    const customer = this.customer;
    const rooms = customer?.hasAccepted ? customer.rooms() : [];
    const isClosed = (one: Room) => Number(one.view().phase === "closed");
    const left = rooms.filter((one) => one.view().phase !== "erased").sort((a, b) => isClosed(a) - isClosed(b));
    return left.length > 0 ? left : rooms.slice(0, 1);
  }

  protected newest(): Room | null {
    return this.#rooms()[0] ?? null;
  }

  protected get room(): Room {
    return this.roomOf(null);
  }

  /** The room of this id, or that has this entry, whichever is shown by now (STO-55); without one that which is shown. */
  protected roomOf(id?: string | null): Room {
    if (id == null) return this.newest() ?? missing("client.not_accepted");
    const rooms = this.customer?.hasAccepted ? this.customer.rooms() : [];
    return rooms.find((one) => one.id === id || one.kept.entries.has(id)) ?? missing("client.unknown_entry");
  }

  // --- life ---

  /** Open the store and fetch the door; what is in the way is in the state. */
  async tryAgain(): Promise<void> {
    this.#obstacle = null;
    if (this.customer === null) this.changed();
    try {
      const customer = await this.#open();
      this.#listen();
      await this.#fetchDoor(customer);
    } catch (error) {
      this.#ended(codeOf(error));
    }
    this.changed();
  }

  /** One opening at a time, and none once the room was left (STO-38). */
  async #open(): Promise<Customer> {
    if (this.#isLeft) throw new ClientError("client.closed", "the client was closed");
    this.#opening ??= this.#opened().finally(() => {
      this.#opening = null;
    });
    return await this.#opening;
  }

  /** A store that has ended by itself is opened again (STO-33); what it held is shown until then. */
  async #opened(): Promise<Customer> {
    const before = this.customer;
    if (before !== null && !(before.hasAccepted && before.shell.isOver)) return before;
    await before?.close();
    this.customer = await Customer.open(this.options);
    if (before !== null && !this.customer.hasAccepted)
      throw new StoreError("store.missing", "what was stored here is gone");
    return this.customer;
  }

  /** Where another has written to the store, or the browser closed it, it is opened again by itself once (STO-33). */
  #ended(code: string | null, wasOpen = false): void {
    const isOnce = code === "store.conflict" || (wasOpen && code === "store.unavailable");
    if (!isOnce || this.#isReopened) this.#obstacle = obstacleOf(code, wasOpen);
    else {
      this.#isReopened = true;
      void this.tryAgain();
    }
  }

  /** Where a room is shown, a door that does not come stops nothing; one of another account is an alarm. */
  async #fetchDoor(customer: Customer): Promise<void> {
    try {
      this.#shown = await customer.notice();
    } catch (error) {
      if (this.#phaseBefore() !== null || !(error instanceof DoorError)) throw error;
      if (error.code === "door.identity") this.#doorAlarm = this.#watch.identityAlarm(customer, this.#nowMs());
    }
  }

  #nowMs(): number {
    return this.options.ports.clock.nowMs();
  }

  #listen(): void {
    if (!this.customer?.hasAccepted) return;
    this.#unlisten();
    this.#unlisten = this.customer.shell.listen((event) => this.#heard(event));
    void this.#fetchItems();
  }

  /** What does not come is asked for again with the next event. */
  async #fetchItems(): Promise<void> {
    if (this.#watch.hasItems || this.#isFetching) return;
    this.#isFetching = true;
    try {
      const { Items } = await this.options.items();
      this.#watch.show(new Items());
      this.changed();
    } catch (error) {
      if (codeOf(error) === null) throw error;
    } finally {
      this.#isFetching = false;
    }
  }

  #heard(event: CustomerEvent): void {
    if (event.type === "connection" && event.code === "local.part") this.#fault = event.code;
    if (event.type === "connection" && /^store\.(?!full)/.test(event.code)) this.#ended(event.code, true);
    if (event.type === "notice") void this.#refresh();
    this.#watch.heard(event, this.#nowMs());
    void this.#fetchItems();
    this.changed();
  }

  /** A newer notice is to be shown as the door has it. */
  async #refresh(): Promise<void> {
    await this.#fetchDoor(this.customer as Customer).catch(() => {});
    this.changed();
  }

  /** Network or page have come back: try again at once. That a store is gone is said until a person goes on (STO-35). */
  wake(): void {
    if (this.#obstacle === null) this.customer?.wake();
    else if (this.#obstacle !== "storage-lost") void this.tryAgain();
  }

  /** Leave: what is stored stays, and what is being opened is closed as well (STO-38). */
  async end(): Promise<void> {
    this.#isLeft = true;
    this.#unwatch?.();
    this.#unwake();
    this.#unlisten();
    await this.#opening?.catch(() => {});
    await this.customer?.close();
  }

  // --- further devices, recovery ---

  /** What is under way stays here, whichever window has begun it. */
  protected async carryOut(act: string, given: unknown): Promise<unknown> {
    const { furtherOf } = await this.options.ports.later();
    this.#further ??= furtherOf({
      customer: () => this.#open(),
      notice: (shown) => this.#asShown(shown),
    });
    const result = await this.#further(act, given);
    if (act === "join-done" || act === "recover") {
      this.#isAnew = false;
      this.#listen();
    }
    this.changed();
    return result;
  }

  // --- consent ---

  async showNotice(locale: string): Promise<void> {
    this.#locale = locale;
    this.changed();
  }

  /** The notice that a person was shown, and not another that the door has had since (CNS-18, ACC-65). */
  #asShown(shown: Notice): ShownNotice {
    const { notice } = this.#watch.door(this.#shown, this.#locale);
    if (this.#shown === null || JSON.stringify(shown) !== JSON.stringify(notice))
      throw new ClientError("client.notice_changed", "another notice");
    return this.#shown;
  }

  async accept(purposes: readonly number[], shown: Notice): Promise<void> {
    const notice = this.#asShown(shown);
    await (await this.#open()).accept(notice, { lang: shown.locale, purposes });
    this.#isAnew = false;
    this.#listen();
    this.changed();
  }

  /** Where there is a room, it is gone back to: it is stored, the company has it, and its consent stays (CNS-83). */
  async refuse(): Promise<void> {
    this.#isRefused = this.newest() === null;
    this.#isAnew = false;
    this.changed();
  }

  async reconsider(): Promise<void> {
    this.#isRefused = false;
    this.changed();
  }

  /** Withdraw, and order the erasure of all, of earlier rooms too (ROOM-18): it is confirmed here. */
  async withdraw(): Promise<void> {
    for (const room of this.#rooms()) await this.#order(room);
    this.changed();
  }

  /** Nothing keeps a person from erasing what is here for longer than the wait for the company (STO-37). */
  async forget(): Promise<void> {
    const isLate = new Promise<"alone">((done) => {
      AbortSignal.timeout(FORGET_WAIT_MS).addEventListener("abort", () => done("alone"));
    });
    const told = await Promise.race([this.#toldAll(), isLate]);
    // What is opened only after it was erased is not left open.
    void this.#opening?.then((late) => late.forget()).catch(() => {});
    await this.#drop(told);
  }

  /** What is in a store that is just being opened is ordered to be erased as well (STO-37). */
  async #toldAll(): Promise<RoomState["erasure"]> {
    await this.#opening?.catch(() => {});
    // What keeps an order from being written, as that another device has the account, keeps nothing here (ACC-67, STO-37).
    const told = await Promise.all(this.#rooms().map((one) => this.#told(one).catch(() => "alone" as const)));
    if (told.length === 0) return this.customer?.hasAccepted === false ? "none" : "alone";
    return told.every((one) => one === "told") ? "told" : "alone";
  }

  /** What the relay has not taken in time is lost with the keys; the company keeps to its own times. */
  async #told(room: Room): Promise<RoomState["erasure"]> {
    await (await this.#order(room)).waitFor("sent");
    await room.ordersLeft();
    return "told";
  }

  async #order(room: Room): ReturnType<Room["erase"]> {
    if (room.consent().name !== "Ended") await room.withdraw();
    return await room.erase(null);
  }

  /** Without a store that could be opened, what is at its place goes (STO-37). */
  async #drop(forgotten: RoomState["erasure"] = "alone"): Promise<void> {
    this.#unlisten();
    await (this.customer ?? this.options.ports.place).forget();
    [this.customer, this.#obstacle] = [null, null];
    this.#forgotten = forgotten;
    this.#doorAlarm = null;
    this.changed();
  }

  /** The notice again: of a room that is over; where a store cannot be opened, or its device is out, that goes first. */
  async startAnew(): Promise<void> {
    const c = this.#context();
    const isOver = c?.kin?.ending(this.options.ports.clock.nowMs())?.canWrite === false;
    if (this.#obstacle === "storage-lost" || c?.isReplaced || isOver) await this.#drop();
    [this.#forgotten, this.#isRefused, this.#shown] = [null, false, null];
    this.#isAnew = true;
    await this.tryAgain();
  }

  /** What the door says of another account is settled for this page only: keys that are known stay those. */
  async settleAlarm(choice: "trust" | "end", kind: Alarm["kind"]): Promise<void> {
    if (choice === "end") return await this.#drop();
    if (kind === "identity") this.#doorAlarm = null;
    else if (this.newest() !== null) await this.customer?.settleAlarm();
    this.changed();
  }
}
