/** What entries say about others: new wordings of texts, replies, answers to forms (TRN-40 to TRN-45). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { LocalError, RemoteError } from "@sealroom/core/errors.ts";
import { decodeBody } from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { asArray, asText, asUint, Fields, isInteger } from "@sealroom/core/wire/fields.ts";
import type { Draft } from "./draft.ts";
import type { Kept, Room } from "./model.ts";
import { here } from "./writing.ts";

const KIND_TEXT = 3;
const KIND_EDIT = 4;
const KIND_FORM = 18;
const KIND_ANSWER = 19;
const MAX_DAY = 3_652_059;
const CHOICE = 1;
const TEXT = 2;
const DATE = 4;

/** The text that an entry words anew; null for any other entry, one that is refused, or whose body is not here. */
export function textOf({ entry: { header, body }, stands }: Kept): Bytes | null {
  if (header.kind !== KIND_EDIT || body === null || stands === "refused") return null;
  return new Fields(decodeBody(body), 2).bytes(1, 32);
}

/** All wordings of each text, by its hash, hidden ones too and those beside another entry: of the device that wrote it. */
function wordingsOf(room: Room): ReadonlyMap<string, readonly Kept[]> {
  const found = new Map<string, Kept[]>();
  for (const kept of room.entries.values()) {
    const { entry } = kept;
    const named = textOf(kept);
    if (named === null) continue;
    const key = hex(named);
    const text = room.entries.get(key)?.entry;
    if (text?.header.kind !== KIND_TEXT || !same(text.author.deviceId, entry.author.deviceId)) continue;
    found.set(key, [...(found.get(key) ?? []), kept]);
  }
  return found;
}

/** The wording that counts of each text that has one: the highest n that is not hidden (TRN-40). */
export function countingWordings(room: Room): ReadonlyMap<string, Kept> {
  const found = new Map<string, Kept>();
  for (const [key, all] of wordingsOf(room)) {
    const shown = all.filter((one) => !one.hidden && one.stands === "taken");
    const [newest] = shown.sort((a, b) => b.entry.header.n - a.entry.header.n);
    if (newest !== undefined) found.set(key, newest);
  }
  return found;
}

/** An erasure or a mark of a text holds for its wordings, those that come later as well (TRN-41). */
export function shareFate(d: Draft): void {
  for (const [key, all] of wordingsOf(d.room)) {
    const text = d.room.entries.get(key);
    if (text !== undefined && (text.hidden || text.marked)) for (const one of all) share(d, text, one);
  }
}

function share(d: Draft, text: Kept, edit: Kept): void {
  const isGone = text.hidden && text.entry.body === null;
  const isSame = edit.hidden >= text.hidden && edit.marked >= text.marked;
  if (isSame && !isGone) return;
  const entry = isGone ? { ...edit.entry, body: null } : edit.entry;
  d.keep({ ...edit, entry, hidden: edit.hidden || text.hidden, marked: edit.marked || text.marked });
  if (text.hidden) {
    d.takeBack([edit]);
    d.tell({ type: "erased", room: hex(d.room.id), entry: hex(edit.entry.hash), destroyed: isGone });
  }
}

/**
 * Refuse to write about what is not here, or does not fit (TRN-45).
 *
 * @throws LocalError `local.argument`, RemoteError `room.right`
 */
export function checkOurs(d: Draft, kind: number, payload: Value): void {
  if (kind === KIND_EDIT) {
    const text = here(d, new Fields(payload, 2).bytes(1, 32));
    const isOurs = same(text.entry.author.deviceId, d.c.own.record.deviceId);
    if (!isOurs || text.entry.header.kind !== KIND_TEXT || text.hidden || text.entry.body === null) {
      throw new RemoteError("room.right", "no text of ours that is shown");
    }
  } else if (kind === KIND_ANSWER) {
    const fields = new Fields(payload, 2);
    const form = here(d, fields.bytes(1, 32));
    const isForm = form.entry.header.kind === KIND_FORM && !form.hidden && form.entry.body !== null;
    const isFit = isForm && fits(decodeBody(form.entry.body as Bytes), fields.get(2));
    if (!isFit) throw new LocalError("local.argument", "no answer to this form");
  }
}

/** Whether answers fit a form: ids of its questions, all that are required, each of the type asked for (TRN-43). */
export function fits(form: Value, answers: Value): boolean {
  const questions = new Map(
    new Fields(form, 2).array(2, 12, 1).map((value) => {
      const [id, type, , required, options] = asArray(value, 5, 5) as Value[];
      return [asUint(id as Value), { type, required: required === true, count: (options as Value[]).length }] as const;
    }),
  );
  const given = new Map(asArray(answers, 12, 1).map((pair) => asArray(pair, 2, 2) as [number, Value]));
  const isAnswered = [...questions].every(([id, { required }]) => !required || given.has(id));
  const isFit = ([id, answer]: readonly [number, Value]): boolean => {
    const question = questions.get(id);
    if (question === undefined) return false;
    if (question.type === TEXT) return !isInteger(answer) && asText(answer, 1_000) !== null;
    if (!isInteger(answer)) return false;
    const number = Number(answer);
    if (question.type === CHOICE) return number < question.count;
    return question.type !== DATE || (number >= 1 && number <= MAX_DAY);
  };
  return isAnswered && [...given].every(isFit);
}
