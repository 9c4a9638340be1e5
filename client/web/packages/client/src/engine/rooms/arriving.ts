/** What sessions bring goes to its room (CNS-14). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Content } from "@sealroom/core/content.ts";
import { DOSSIER, ENTRY, FORWARD, ROSTER, SIGNAL } from "@sealroom/core/content.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { decodeHeader } from "@sealroom/core/rooms/entry_reading.ts";
import { asSignal } from "@sealroom/core/rooms/signals.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../context.ts";
import { takeBack } from "../given_back.ts";
import { learnContent } from "../team_hearing.ts";
import type { Turn } from "../turn.ts";
import { answerWant, takeForward } from "./asking.ts";
import { stepIn } from "./rooms.ts";
import { fromSession } from "./taking.ts";

const FIRST_KEY = 1;

/**
 * Carry out a content of types 8 to 12; whether it is to be confirmed.
 *
 * @throws RemoteError where it is refused
 */
export function takeContent(c: Context, turn: Turn, deviceId: Bytes, content: Content): boolean {
  const value = content.payload.name === "room" ? content.payload.value : null;
  switch (content.type) {
    case ROSTER:
      learnContent(c, turn, value);
      return true;
    case ENTRY:
      if (c.kin !== null && !c.rooms.has(hex(roomOfEntry(value)))) return c.kin.opened(turn, deviceId, content);
      return stepIn(c, turn, roomOfEntry(value), (d) => fromSession(d, deviceId, content));
    case SIGNAL:
      takeSignal(c, turn, deviceId, value);
      return false;
    case FORWARD:
      stepIn(c, turn, firstOf(value), (d) => takeForward(d, deviceId, value));
      return true;
    case DOSSIER:
      // A list of ours, which may name a device beside this one (ACC-77).
      if (takeBack(c, turn, firstOf(value), true)) return true;
      break;
  }
  throw new RemoteError("room.right", "only a colleague sends this");
}

/** Where a content of a room has its id, and a dossier its list. */
function firstOf(value: Value): Bytes {
  const first = value instanceof Map ? value.get(FIRST_KEY) : null;
  if (!(first instanceof Uint8Array)) throw new RemoteError("remote.content", "a content of no room");
  return new Uint8Array(first);
}

function roomOfEntry(value: Value): Bytes {
  return decodeHeader(firstOf(value)).roomId;
}

function takeSignal(c: Context, turn: Turn, deviceId: Bytes, value: Value): void {
  const signal = asSignal(value);
  stepIn(c, turn, signal.roomId, (d) => {
    if (signal.name === "want") answerWant(d, deviceId, signal.ranges);
    else if (signal.name === "typing") {
      d.tell({ type: "typing", room: hex(d.room.id), author: hex(deviceId) });
    } else if (signal.name === "held") {
      d.tell({ type: "file-held", room: hex(d.room.id), entry: hex(signal.entryHash), device: hex(deviceId) });
    } else throw new RemoteError("room.right", "a signal between colleagues");
  });
}
