/**
 * Replays events of pairs that another implementation has gone through, from standard input: a list of scripts, each a
 * list of steps with what followed. Writes the list of what came out otherwise.
 */
import { readFileSync } from "node:fs";
import { hex } from "../src/bytes.ts";
import type { Judged } from "../src/numbers_judging.ts";
import { take, told } from "../src/numbers_judging.ts";
import type { Pair } from "../src/pair_state.ts";
import { NEW_PAIR } from "../src/pair_state.ts";
import { storePair } from "../src/snapshot_pair.ts";
import { happen } from "./pair_events.ts";
import type { Json } from "./vectors.ts";
import { bytes } from "./vectors.ts";

function judged(pair: Pair, step: Json, before: Pair): Judged {
  const none = { received: pair.received, findings: [] };
  const isHere = step.event === "take" || before.sessions.some((one) => hex(one.id) === step.session);
  if (step.number === undefined || !isHere) return none;
  const [n, line, first] = step.number;
  return (step.event === "take" ? take : told)(pair.received, { n, line: bytes(line), first });
}

function stepped(before: Pair, step: Json): { pair: Pair; shown: string } {
  const none = { pair: before, gone: [], proven: false, activated: false, doubted: false };
  const { pair, gone, proven, activated, doubted } = step.event === "take" ? none : happen(before, step);
  const { received, findings } = judged(pair, step, before);
  const after = { ...pair, received };
  const flags = [proven, activated, doubted].map(Number).join("");
  // Without what is counted beside the events: budgets, asks for a gap, our own numbers.
  const { askedMs, gapAsks, rolledBackMs, budget, given } = NEW_PAIR;
  const stored = hex(storePair({ ...after, askedMs, gapAsks, rolledBackMs, budget, given }));
  return { pair: after, shown: [stored, gone.map((one) => hex(one.id)), flags, findings].join(" ") };
}

const faults: string[] = [];
const scripts: Json[] = JSON.parse(readFileSync(0, "utf-8"));
scripts.forEach((steps, script) => {
  let pair: Pair = NEW_PAIR;
  steps.some((step: Json, index: number) => {
    const result = stepped(pair, step);
    pair = result.pair;
    if (result.shown === step.expect) return false;
    faults.push(
      `script ${script}, step ${index} ${JSON.stringify({ ...step, expect: 0 })}: ${result.shown}, not ${step.expect}`,
    );
    return true;
  });
});
console.log(JSON.stringify(faults));
