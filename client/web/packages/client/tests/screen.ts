/**
 * A screen of a room in a process of node: each line of input calls a method of `RoomBackend`, each answer has the state
 * as it is then, and each change of it is told. Arguments: the file of the door, the account that the page names or "".
 */
import { createInterface } from "node:readline";
import { unhex } from "@sealroom/core/bytes.ts";
import { codeOf } from "../src/errors.ts";
import { openRoom } from "../src/room_backend.ts";
import { MemoryPlace } from "./memory_store.ts";
import { portsOf } from "./node_ports.ts";

const [door = "", account = ""] = process.argv.slice(2);
const place = new MemoryPlace();
const ports = portsOf(place, door);
const keeping = { mode: "session", untilMs: null } as const;
const page = account === "" ? null : unhex(account);
const items = () => import("../src/room_items.ts");
const screen = openRoom({ company: "https://praxis.example", account: page, ports, lang: null, keeping, items });

interface Command {
  readonly id: number;
  readonly do: string;
  readonly args?: readonly unknown[];
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let before = screen.state();
screen.subscribe(() => {
  const state = screen.state();
  const old = new Map(before.items.map((item) => [item.id, JSON.stringify(item)]));
  const objects = new Set(before.items);
  const anew = state.items.filter((item) => old.get(item.id) === JSON.stringify(item) && !objects.has(item));
  before = state;
  say({ event: { type: "state", renewed: anew.length } });
});

async function call({ do: method, args = [] }: Command): Promise<unknown> {
  if (method === "state") return { ...screen.state(), stored: place.kept !== null };
  if (method === "exportTranscript") return (await screen.exportTranscript()).blob.text();
  const found = screen[method as keyof typeof screen] as (...args: readonly unknown[]) => unknown;
  return await found.apply(screen, [...args]);
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  try {
    say({ id: command.id, result: (await call(command)) ?? null });
  } catch (error) {
    say({ id: command.id, code: codeOf(error), error: String(error instanceof Error ? error.stack : error) });
  }
}
process.exit(0);
