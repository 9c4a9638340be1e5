/**
 * A person in a process of its own, for tests in Python: one command a line comes in as JSON, one answer a line goes out,
 * and one line for each event. Arguments: the file of the door.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { hex, unhex } from "@sealroom/core/bytes.ts";
import { Customer } from "../src/customer.ts";
import type { Delivery } from "../src/engine/events.ts";
import { codeOf } from "../src/errors.ts";
import { furtherOf } from "../src/kin/further.ts";
import type { Link } from "../src/kin/inviting.ts";
import type { Offer } from "../src/kin/linking.ts";
import type { Room } from "../src/room.ts";
import { eventsOf } from "./event_stream.ts";
import { dieAfter, Faults, fillFor } from "./faults.ts";
import { MemoryPlace } from "./memory_store.ts";
import { portsOf } from "./node_ports.ts";

const [door = ""] = process.argv.slice(2);
const place = new MemoryPlace();
const faults = new Faults();
const ports = faults.around(portsOf(place, door));
const company = "https://praxis.example";

interface Command {
  readonly id: number;
  readonly do: string;
  readonly text?: string;
  readonly entry?: string;
  readonly state?: Delivery;
  readonly account?: string;
  readonly kind?: string;
  readonly count?: number;
  readonly name?: string;
  readonly path?: string;
  readonly strip?: boolean;
  readonly typed?: readonly string[];
}

const kept = { linkable: process.argv.includes("linkable"), recoverable: process.argv.includes("recoverable") };
let me = await Customer.open({ company, ports, ...kept });
let link: Link | null = null;
let joining: ReturnType<Offer["join"]> | null = null;
let offer: Offer | null = null;

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function listen(): void {
  me.shell.listen((event) => say({ event }));
}

function room(): Room {
  const [first] = me.rooms();
  if (first === undefined) throw new Error("no room");
  return first;
}

const never = undefined as never;
const commands: Readonly<Record<string, (command: Command) => Promise<unknown> | unknown>> = {
  notice: async ({ account }) => {
    const known = account === undefined ? me : await Customer.open({ company, account: unhex(account), ports });
    const shown = await known.notice();
    return { text: shown.text(), controller: shown.notice.controller.name, stored: place.created };
  },
  accept: async () => {
    const opened = await me.accept(await me.notice());
    listen();
    return opened.id;
  },
  refuse: async () => (await me.notice()).channels.channels.length,
  send: async ({ text = "" }) => (await room().send(text)).id,
  edit: async ({ entry = "", text = "" }) => (await room().edit(entry, text)).id,
  erase: async ({ entry }) => (await room().erase(entry === undefined ? null : [entry])).id,
  wait: async ({ entry = "", state = "delivered" }) => {
    const events = eventsOf(me.shell, () => true);
    const reached = ["waiting", "sent", "delivered"].indexOf(state);
    const now = (): number => ["waiting", "sent", "delivered"].indexOf(room().delivery(entry));
    if (now() >= reached) return room().delivery(entry);
    for await (const _ of events) if (now() >= reached) break;
    return room().delivery(entry);
  },
  entries: () =>
    room()
      .entries()
      .map(({ id, kind, text, ours, delivery, author, isErased }) => {
        return { id, kind, text, ours, delivery, isErased, name: room().person(author).name };
      }),
  view: () => room().view(),
  delivery: ({ entry = "" }) => room().delivery(entry),
  consent: () => room().consent().name,
  close: async () => (await room().close()).id,
  reopen: async () => (await room().reopen()).id,
  challenge: () => room().loginChallenge(),
  identify: async ({ text = "" }) => (await room().identify(text)).id,
  sign_out: () => furtherOf({ customer: async () => me, notice: () => never })("sign-out", null),
  withdraw: () => room().withdraw(),
  safety: () => me.safetyNumber(),
  account: () => hex(me.shell.context.own.record.accountId),
  reopen_store: async () => {
    await me.close();
    me = await Customer.open({ company, ports, ...kept });
    listen();
    return me.hasAccepted;
  },
  // The process has died: what it had open goes with it.
  revive: async ({ kind }) => {
    place.isContinuous = kind !== "copy";
    me = await Customer.open({ company, ports, ...kept });
    listen();
    return me.hasAccepted;
  },
  send_file: async ({ name = "", path = "", strip = false }) => {
    const file = new File([await readFile(path)], name);
    return (await room().sendFile(file, { removeMetadata: strip })).id;
  },
  announced: async ({ entry = "" }) => (await room().upload(entry).announced()).id,
  cancel_file: ({ entry = "" }) => room().upload(entry).cancel(),
  retry_file: ({ entry = "" }) => room().upload(entry).retry(),
  uploads: () => room().uploads(),
  file_status: ({ entry = "" }) => room().file(entry).status(),
  fetch_file: ({ entry = "" }) => room().file(entry).fetch(),
  save_file: async ({ entry = "", path = "" }) => {
    const { name, mediaType, blob } = await room().file(entry).save();
    await writeFile(path, new Uint8Array(await blob.arrayBuffer()));
    return { name, mediaType, type: blob.type };
  },
  sealed_parts: async () => await place.kept?.parts.names(),
  damage_part: async ({ name = "" }) => {
    const [part] = (await place.kept?.parts.read(name, 0, 1)) ?? [];
    if (part !== undefined) await place.kept?.parts.write(name, 0, [part.map((byte) => byte ^ 1)]);
  },
  cut_after_parts: ({ count = 0, kind }) => {
    faults.partsToCut = count;
    faults.staysAway = kind === "away";
  },
  come_back: () => {
    faults.staysAway = false;
  },
  begin_fetch: ({ entry = "" }) => {
    room()
      .file(entry)
      .fetch()
      .catch(() => {});
  },
  parts: () => faults.parts,
  calls: () => faults.calls,
  lose: ({ count = 0 }) => {
    faults.toLose = count;
  },
  swallow: ({ count = 0 }) => {
    faults.toSwallow = count;
  },
  double: ({ count = 0 }) => {
    faults.isDoubling = count > 0;
  },
  replay: () => faults.replay(),
  garble: () => faults.garble(),
  die_after: ({ kind = "", text = "" }) => dieAfter(place, kind, text),
  fill_for: ({ text = "" }) => fillFor(place, text),
  fill: ({ count = 0 }) => {
    place.isFull = () => count > 0;
  },
  intrude: async () => {
    const store = await place.open();
    await store?.commit([], await store.version());
  },
  link: async () => {
    link = await (await me.devices()).link();
    link.digits.catch(() => {});
    return link.text;
  },
  link_digits: () => link?.digits,
  link_confirm: () => link?.confirm(),
  link_close: () => link?.close(),
  link_over: () => link?.over,
  offer: async ({ text = "" }) => {
    offer = await (await me.devices()).offer(text);
    return { company: offer.company, origin: offer.origin, stored: place.created };
  },
  join: () => {
    joining = offer?.join() ?? null;
    return joining?.digits;
  },
  joined: async () => {
    await joining?.done;
    listen();
    return hex(me.shell.context.own.record.deviceId);
  },
  recover: async ({ text = "" }) => {
    const opened = await (await me.recovery()).recover(await me.notice(), text, {});
    listen();
    return opened.id;
  },
  code: async () => (await me.recovery()).sheet(),
  code_back: async ({ typed = [] }) => (await me.recovery()).typedBack(typed),
  code_state: () => me.shell.context.code,
  recover_twice: async ({ text = "" }) => {
    const shown = await me.notice();
    const recovery = await me.recovery();
    const recover = () => recovery.recover(shown, text, {});
    const done = await Promise.allSettled([recover(), recover()]);
    listen();
    return done.map((one) => (one.status === "fulfilled" ? "done" : codeOf(one.reason)));
  },
  export: async ({ path = "", kind = "json" }) => {
    const { transcriptFile } = await ports.later();
    const { blob, name } = transcriptFile(me.shell.context, room(), kind === "html" ? "html" : "json", "de");
    await writeFile(path, new Uint8Array(await blob.arrayBuffer()));
    return name;
  },
  has_room: () => me.rooms().length > 0,
  devices: async () => (await me.devices()).all(),
  remove_device: async ({ entry = "" }) => (await me.devices()).remove(entry),
  quit: () => me.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  try {
    const result = await commands[command.do]?.(command);
    say({ id: command.id, result: result ?? null });
  } catch (error) {
    say({ id: command.id, code: codeOf(error), error: String(error instanceof Error ? error.stack : error) });
  }
  if (command.do === "quit") process.exit(0);
}
process.exit(0);
