/**
 * Replays conversations that another implementation has held, from standard input: one JSON document, a list of
 * conversations with the draws and the outcome of each step. Writes the list of what came out otherwise.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hex } from "../src/bytes.ts";
import { encodeContent } from "../src/content.ts";
import { decodeContent } from "../src/content_reading.ts";
import { verifyBundle } from "../src/identity/bundle.ts";
import type { Session } from "../src/session.ts";
import { sealContent, startSession } from "../src/session.ts";
import { openContent, takeFlight } from "../src/session_opening.ts";
import { storeSession, storeSkipped } from "../src/snapshot.ts";
import { device, encapsulated, noEncapsulation, prekeys, script } from "./parties.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf } from "./vectors.ts";

function digest(...parts: (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** SHA-256 of the stored session and of the rows of its skipped keys, by place. */
function stateOf(session: Session | null): string {
  if (session === null) return "";
  const rows = storeSkipped(session.ratchet.skipped).map(({ place, value }) => hex(place) + hex(value));
  return digest(hex(storeSession(session)), ...rows.sort());
}

function encapsulationOf(step: Json) {
  return step.encapsulated ? encapsulated(step.encapsulated[0], step.encapsulated[1]) : noEncapsulation;
}

class Replay {
  readonly #given: Json;
  readonly #sides: { A: Session | null; B: Session | null } = { A: null, B: null };
  readonly #messages: Uint8Array[] = [];

  constructor(given: Json) {
    this.#given = given;
  }

  run(): string[] {
    const faults: string[] = [];
    this.#given.steps.forEach((step: Json, index: number) => {
      const got = this.#step(step);
      for (const [key, expected] of Object.entries(step.expect)) {
        if (got[key] !== expected)
          faults.push(`${this.#given.seed}, step ${index} ${step.action}: ${key} ${got[key]}, not ${expected}`);
      }
    });
    return faults;
  }

  #step(step: Json): Json {
    const before = this.#sides[step.side as "A" | "B"];
    let made: Json = {};
    const code = codeOf(() => {
      made = this.#do(step, before);
      this.#sides[step.side as "A" | "B"] = made.session;
    });
    return { code, made: made.made ?? null, state: stateOf(this.#sides[step.side as "A" | "B"]) };
  }

  #do(step: Json, before: Session | null): Json {
    const { now_ms: nowMs } = step;
    const draws = script(...step.draws);
    const ports = { nowMs, rng: draws.rng, encapsulate: encapsulationOf(step) };
    if (step.action === "start") {
      const context = { accountId: this.#own("B").record.accountId, pinned: null, links: [], nowMs, graceMs: 0 };
      const session = startSession(
        this.#own("A"),
        verifyBundle(bytes(this.#given.bundle), context),
        step.epoch,
        0,
        ports,
      );
      return { session };
    }
    if (step.action === "seal") {
      const sealed = sealContent(before as Session, decodeContent(bytes(step.content)), ports);
      draws.finished();
      this.#messages.push(sealed.envelope);
      return { session: sealed.session, made: digest(sealed.envelope) };
    }
    const envelope = (this.#messages[step.message] as Uint8Array).slice();
    if (step.flip !== null) envelope[step.flip] = (envelope[step.flip] as number) ^ step.bits;
    const own = this.#own("B");
    const opened =
      before === null
        ? takeFlight(own, prekeys(own, this.#given), null, envelope, nowMs, step.max_jump)
        : openContent(before, envelope, nowMs, step.max_jump);
    return { session: opened.session, made: digest(encodeContent(opened.content)) };
  }

  #own(side: "A" | "B") {
    return device(this.#given[side]);
  }
}

const conversations: Json[] = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(conversations.flatMap((given) => new Replay(given).run())));
