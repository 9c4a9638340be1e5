/** How far a store had come, kept beside its database: an older copy of the database is noticed by it (STO-34). */

import { fromBase64url, toBase64url } from "@sealroom/core/base64url.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, cut, readU64, same, sameSecret, u64 } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { StoreKeys } from "./boxes.ts";
import { mac, STORE_ID_B } from "./boxes.ts";
import { ANCHOR } from "./labels.ts";

const FORMAT = 2;
const MAC_B = 32;
const COMMITS_AT = 1 + STORE_ID_B;
const MAC_AT = COMMITS_AT + 8;

/** One short text that outlives the page: `localStorage` by default. Each call may fail. */
export interface AnchorPlace {
  read(): string | null;
  write(text: string): void;
  remove(): void;
}

export function localAnchor(name: string): AnchorPlace {
  const key = `${name}.anchor`;
  return {
    read: () => attempt(() => localStorage.getItem(key), null),
    write: (text) => attempt(() => localStorage.setItem(key, text), undefined),
    remove: () => attempt(() => localStorage.removeItem(key), undefined),
  };
}

/** Do a step that a browser may refuse; an anchor that is not there is told by the verdict. */
function attempt<T>(step: () => T, otherwise: T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof DOMException) return otherwise;
    throw error;
  }
}

export async function anchorText(keys: StoreKeys, commits: number): Promise<string> {
  const said = concat(keys.storeId, u64(commits));
  return toBase64url(concat(Uint8Array.of(FORMAT), said, await mac(keys, ANCHOR, said)));
}

/** Whether a store with so many commits goes on from where its anchor stands. */
export async function isContinuous(keys: StoreKeys, commits: number, text: string | null): Promise<boolean> {
  const anchor = decoded(text);
  if (anchor === null || !same(cut(anchor, 1, STORE_ID_B), keys.storeId)) return false;
  const wanted = await mac(keys, ANCHOR, cut(anchor, 1, MAC_AT - 1));
  return sameSecret(cut(anchor, MAC_AT, MAC_B), wanted) && readU64(anchor, COMMITS_AT) <= commits;
}

function decoded(text: string | null): Bytes | null {
  if (text === null || text.length !== ((MAC_AT + MAC_B) / 3) * 4) return null;
  try {
    const anchor = fromBase64url(text);
    return anchor[0] === FORMAT ? anchor : null;
  } catch (error) {
    if (error instanceof CoreError) return null;
    throw error;
  }
}
