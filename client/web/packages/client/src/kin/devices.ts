/** The other devices of our account: which the list names, is to name, and where they are reached (ID-28, ID-41, ACC-35). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { verifyAddress } from "@sealroom/core/identity/address.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { checkListed, names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import type { LookupResult } from "@sealroom/core/relay/answers.ts";
import { checkKeys } from "../engine/directory.ts";
import { struckOff } from "../engine/renewal.ts";
import { pump, strikeOff } from "../engine/sending.ts";
import { newPeer, peerOf, setPeer } from "../engine/state.ts";
import type { Turn } from "../engine/turn.ts";
import { ClientError } from "../errors.ts";
import { giveRooms } from "./rooms.ts";
import type { Sibling } from "./rows.ts";
import { siblingOf } from "./rows.ts";
import type { KinState } from "./state.ts";
import { presentOf, setSibling } from "./state.ts";

/** Four places of a list are left for records that are being renewed (ACC-36); of a customer four devices read (ROOM-03). */
const MAX_DEVICES = 4;

/** What a person sees of a device of its own. */
export interface DeviceView {
  readonly id: string;
  readonly createdMs: number;
  readonly isThis: boolean;
  /** The directory says where it takes messages. */
  readonly isReachable: boolean;
  readonly isLeaving: boolean;
  /** Of one that lists have named for a while, and that is not known here: when it was gone again (ACC-80). */
  readonly removedMs: number | null;
}

/** The digits by which a record is compared (ACC-44). */
function digitsOf(hash: Bytes): string {
  return (hex(hash.slice(0, 10)).match(/..../g) ?? []).join("-");
}

export function viewsOf(k: KinState): readonly DeviceView[] {
  const { record } = k.c.own;
  const own = { id: hex(record.deviceId), createdMs: record.createdMs, isThis: true };
  const newest = new Map<string, Sibling>();
  for (const one of [...presentOf(k)].sort((a, b) => a.record.createdMs - b.record.createdMs)) {
    newest.set(hex(one.record.deviceId), one);
  }
  const others = [...newest].map(([id, one]) => {
    const isReachable = one.listed && one.address !== null;
    const isLeaving = one.leaving;
    return { id, createdMs: one.record.createdMs, isThis: false, isReachable, isLeaving, removedMs: null };
  });
  const listed = [...k.listed.values()].map(({ hash, addedMs, removedMs }) => {
    const gone = { isThis: false, isReachable: false, isLeaving: false };
    return { id: digitsOf(hash), createdMs: addedMs, ...gone, removedMs };
  });
  return [{ ...own, isReachable: true, isLeaving: false, removedMs: null }, ...others, ...listed];
}

/**
 * Whether a further device may be taken in here.
 *
 * @throws ClientError `account.replaced`, `account.key_absent`, `device.too_many`
 */
export function checkMayAdd(k: KinState): void {
  if (k.c.isReplaced) throw new ClientError("account.replaced", "another device has this account now");
  if (k.c.own.accountSeed === null) throw new ClientError("account.key_absent", "another device takes devices in");
  const ids = new Set(presentOf(k).map((one) => hex(one.record.deviceId)));
  if (ids.size + 1 >= MAX_DEVICES) throw new ClientError("device.too_many", "a person has at most four devices");
}

/** Let the next list name a device, which is given our rooms when it can be reached (ACC-35, ACC-52). */
export function addDevice(k: KinState, turn: Turn, record: DeviceRecord): void {
  checkMayAdd(k);
  if ([...k.others.values()].some((one) => same(one.record.deviceId, record.deviceId)))
    throw new ClientError("link.code", "a device of this id is known");
  setSibling(k, turn, siblingOf(record, { owed: true }));
}

/** Let the next list leave a device out (ID-28). */
export function removeDevice(k: KinState, turn: Turn, id: string): void {
  const found = presentOf(k).filter((one) => hex(one.record.deviceId) === id);
  if (k.c.own.accountSeed === null) throw new ClientError("account.key_absent", "another device strikes devices off");
  if (found.length === 0) throw new ClientError("client.unknown_entry", "no such device");
  for (const one of found) setSibling(k, turn, { ...one, leaving: true });
}

/**
 * Take records and addresses of the other devices from our entry, whose list is `held`.
 *
 * @throws RemoteError where a record or an address does not hold; nothing has changed
 */
export function noteEntry(k: KinState, turn: Turn, held: DeviceList, answer: LookupResult): void {
  const own = k.c.own;
  const found = answer.records.map((bytes, i) => {
    const record = decodeRecord(bytes);
    checkListed(held, record);
    const address = answer.addresses[i] ?? null;
    if (address !== null) verifyAddress(record, address);
    return { record, address };
  });
  for (const { record, address } of found) {
    if (same(record.deviceId, own.record.deviceId)) continue;
    const known = k.others.get(hex(record.hash));
    const isCurrent = same(held.hash, own.list.hash);
    if (known === undefined || known.gone) {
      if (!isCurrent) continue;
      setSibling(k, turn, siblingOf(record, { address, listed: true, sinceSeq: held.seq }));
      turn.notify({ type: "device", what: "added", device: hex(record.deviceId) });
    } else if (isNoOlder(record, address, known.address)) {
      setSibling(k, turn, { ...known, address });
    } else if (address === null && found.some((one) => hasMoved(known, one))) {
      setSibling(k, turn, { ...known, address: null });
    }
  }
  follow(k, turn);
}

/** Whether an address was not issued earlier: an older one that the relay shows replaces none (ID-20). */
function isNoOlder(record: DeviceRecord, address: Bytes | null, known: Bytes | null): boolean {
  if (address === null || known === null) return address !== null;
  return verifyAddress(record, address).issuedMs >= verifyAddress(record, known).issuedMs;
}

/** Whether a device is reached under another record of its own since (ID-39). */
function hasMoved(known: Sibling, { record, address }: Pick<Sibling, "record" | "address">): boolean {
  if (address === null || known.address === null || !same(record.deviceId, known.record.deviceId)) return false;
  return verifyAddress(record, address).issuedMs >= verifyAddress(known.record, known.address).issuedMs;
}

/** A list has come into use: whom it does not name is gone; of one that the directory has taught us, who was to come too. */
export function settle(k: KinState, turn: Turn, list: DeviceList, isAdopted: boolean): void {
  for (const one of presentOf(k)) {
    const isNamed = names(list, one.record);
    const device = hex(one.record.deviceId);
    if (!isNamed && (one.listed || isAdopted)) {
      setSibling(k, turn, { ...one, gone: true, listed: false });
      if (one.listed) turn.notify({ type: "device", what: "removed", device });
    } else if (isNamed && !one.listed) {
      setSibling(k, turn, { ...one, listed: true, sinceSeq: list.seq });
      turn.notify({ type: "device", what: "added", device });
    }
  }
  follow(k, turn);
}

/** Our list or entry has been read: learn of devices, strike off those that are not named. */
function follow(k: KinState, turn: Turn): void {
  const { c } = k;
  strikeOff(c, turn, (peer) => struckOff(c, turn, peer));
  const listed = presentOf(k).filter((one) => one.listed);
  for (const one of listed) if (!listed.some((other) => other !== one && hasMoved(one, other))) learn(k, turn, one);
  pump(c, turn);
}

/** Keep how to reach a device; what it is owed it is given now. */
function learn(k: KinState, turn: Turn, one: Sibling): void {
  const { record, address } = one;
  if (address === null) return;
  const { c } = k;
  const read = verifyAddress(record, address);
  const known = peerOf(c, record.deviceId);
  checkKeys(known, record);
  const shown = c.directory.addresses.get(hex(record.deviceId));
  if (shown === undefined || read.issuedMs >= shown.issuedMs) c.directory.addresses.set(hex(record.deviceId), read);
  const isLater = known === null || known.wayBack === null || read.issuedMs > known.wayBackMs;
  const isOther = read.issuedMs === known?.wayBackMs && !same(read.mailbox, known.wayBack?.mailbox ?? read.mailbox);
  if (isLater || isOther || !same(known.record.hash, record.hash)) {
    const wayBack = { mailbox: read.mailbox, token: read.token, relayUrl: c.company.relayUrl };
    setPeer(c, turn, {
      ...(known ?? newPeer(record)),
      record,
      wayBack,
      wayBackMs: Math.min(read.issuedMs, turn.nowMs),
    });
    turn.notify({ type: "device", what: "reached", device: hex(record.deviceId) });
  }
  if (!one.owed || one.leaving) return;
  setSibling(k, turn, { ...one, owed: false });
  giveRooms(c, turn, record.deviceId);
}

/** The other devices that our list names, that can be reached, and that are not being struck off. */
export function idsOf(k: KinState): readonly Bytes[] {
  const found = presentOf(k).filter((one) => one.listed && !one.leaving && peerOf(k.c, one.record.deviceId) !== null);
  return [...new Map(found.map(({ record }) => [hex(record.deviceId), record.deviceId])).values()];
}
