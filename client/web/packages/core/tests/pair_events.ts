/** Events of a pair as scripts write them. */
import type { Top } from "../src/content.ts";
import type { Outcome } from "../src/pair.ts";
import * as pairs from "../src/pair.ts";
import * as hearing from "../src/pair_hearing.ts";
import type { Pair } from "../src/pair_state.ts";
import * as time from "../src/pair_time.ts";
import type { Json } from "./vectors.ts";
import { bytes, optional } from "./vectors.ts";

const LIFE_MS = 14 * 86_400_000;

function topOf(json: Json): Top | null {
  return json && { epoch: json[0], id: bytes(json[1]) };
}

export function happen(pair: Pair, step: Json): Outcome {
  const now = step.now_ms;
  const id = step.session && bytes(step.session);
  const made = { id, epoch: step.epoch, endsMs: now + LIFE_MS };
  switch (step.event) {
    case "hear":
      return hearing.hear(pair, made, now);
    case "start":
      return pairs.start(pair, made, optional(step.beside), now);
    case "answer":
      return hearing.answer(pair, id, bytes(step.key), now);
    case "message":
      return hearing.message(pair, id, now);
    case "sync":
    case "told":
      return hearing.sync(pair, id, topOf(step.top), now);
    case "tell":
      return hearing.tell(pair, id, optional(step.ask_id), topOf(step.top), now);
    case "ask":
      return pairs.asked(pair, bytes(step.ask_id), step.patience_ms, now);
    case "repeat":
      return time.repeated(pair, now);
    case "lose":
      return time.lose(pair, now);
    default:
      return time.passTime(pair, step.texts_wait, now);
  }
}
