/** Boxes of a store in a browser: each row sealed at its place, by keys that no script can read (STO-32). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { ascii, concat, cut, readU32, u32, u64 } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import { StoreError } from "../engine/ports.ts";
import { BLIND, ROW, STATE } from "./labels.ts";

export const STORE_ID_B = 16;
export const ID_B = 32;
export const TAG_B = 8;
export const MAX_KEY_B = 255;
/** 4 MiB - 1 KiB (STO-08). */
export const MAX_VALUE_B = 4_193_280;

const FORMAT = Uint8Array.of(0, 2);
const NONCE_B = 12;
const AEAD_TAG_B = 16;
const HEAD_B = 5;
const STATE_BOX_B = 256;
const LEAST_CLASS_B = 128;
const FINE_FROM_B = 1_024;
/** What a box differs by from every other: its nonce and the tag of its seal. */
export const MARK_B: number = NONCE_B + AEAD_TAG_B;

/** The keys of one store. Both are made by the browser and cannot be exported. */
export interface StoreKeys {
  readonly storeId: Bytes;
  /** AES-256-GCM. */
  readonly seal: CryptoKey;
  /** HMAC-SHA-256. */
  readonly mac: CryptoKey;
}

/** Where a box belongs; a box is refused at every other place (STO-02). */
export interface RowPlace {
  readonly id: Bytes;
  readonly tag: Bytes;
  readonly seq: number;
}

export interface Plain {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** New keys and a new store id. */
export async function newKeys(rng: Rng): Promise<StoreKeys> {
  const storeId = draw(rng, STORE_ID_B);
  const seal = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const mac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);
  return { storeId, seal, mac };
}

/** HMAC-SHA-256 over label and data; 32 bytes. */
export async function mac(keys: StoreKeys, label: Bytes, data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", keys.mac, concat(label, data)));
}

/** The 32 bytes that stand for a table and a key (STO-06). */
export async function rowId(keys: StoreKeys, table: string, key: Uint8Array): Promise<Bytes> {
  return await mac(keys, BLIND, concat(Uint8Array.of(table.length), ascii(table), key));
}

/** The 8 bytes that stand for a table (STO-06). */
export async function tableTag(keys: StoreKeys, table: string): Promise<Bytes> {
  return cut(await mac(keys, BLIND, concat(Uint8Array.of(0), ascii(table))), 0, TAG_B);
}

/** Seal a row at its place, under a fresh nonce (STO-01). */
export async function sealRow(keys: StoreKeys, rng: Rng, place: RowPlace, row: Plain): Promise<Bytes> {
  const used = HEAD_B + row.key.length + row.value.length;
  const head = concat(Uint8Array.of(row.key.length), u32(row.value.length));
  const zeros = new Uint8Array(classOf(used + MARK_B) - MARK_B - used);
  return await seal(keys, rng, atRow(keys, place), concat(head, row.key, row.value, zeros));
}

/**
 * Open the box that stands at a place (STO-02).
 *
 * @throws StoreError `store.corrupt`
 */
export async function openRow(keys: StoreKeys, place: RowPlace, box: Bytes): Promise<Plain> {
  const plain = await open(keys, atRow(keys, place), box);
  const keyB = plain[0] ?? 0;
  const valueB = plain.length < HEAD_B ? 0 : readU32(plain, 1);
  if (HEAD_B + keyB + valueB > plain.length) throw corrupt();
  return { key: cut(plain, HEAD_B, keyB), value: cut(plain, HEAD_B + keyB, valueB) };
}

/** Seal the state of the store, always in 256 bytes (STO-20). */
export async function sealState(keys: StoreKeys, rng: Rng, state: Uint8Array): Promise<Bytes> {
  const zeros = new Uint8Array(STATE_BOX_B - MARK_B - state.length);
  return await seal(keys, rng, concat(STATE, FORMAT, keys.storeId), concat(state, zeros));
}

/** @throws StoreError `store.corrupt` */
export async function openState(keys: StoreKeys, box: Bytes): Promise<Bytes> {
  if (box.length !== STATE_BOX_B) throw corrupt();
  return await open(keys, concat(STATE, FORMAT, keys.storeId), box);
}

/** Nonce and tag of a box, 28 bytes. */
export function markOf(box: Bytes): Bytes {
  return concat(box.subarray(0, NONCE_B), box.subarray(box.length - AEAD_TAG_B));
}

export function corrupt(): StoreError {
  return new StoreError("store.corrupt", "the store is damaged, or was changed while it was closed");
}

/** The smallest class that holds so many bytes (STO-07). */
export function classOf(sizeB: number): number {
  let classB = LEAST_CLASS_B;
  while (classB < sizeB) classB += classB < FINE_FROM_B ? classB : 2 ** Math.floor(Math.log2(classB)) / 4;
  return classB;
}

function atRow(keys: StoreKeys, place: RowPlace): Bytes {
  return concat(ROW, FORMAT, keys.storeId, place.tag, place.id, u64(place.seq));
}

async function seal(keys: StoreKeys, rng: Rng, associated: Bytes, plain: Bytes): Promise<Bytes> {
  const nonce = draw(rng, NONCE_B);
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: associated, tagLength: AEAD_TAG_B * 8 };
  return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(algorithm, keys.seal, plain)));
}

async function open(keys: StoreKeys, associated: Bytes, box: Bytes): Promise<Bytes> {
  const iv = box.subarray(0, NONCE_B);
  const algorithm = { name: "AES-GCM", iv, additionalData: associated, tagLength: AEAD_TAG_B * 8 };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, keys.seal, box.subarray(NONCE_B)));
  } catch (error) {
    if (error instanceof DOMException && error.name !== "NotSupportedError") throw corrupt();
    throw error;
  }
}
