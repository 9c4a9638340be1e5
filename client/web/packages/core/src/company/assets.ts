/** The files that a company serves for browsers, as its account lists them (CNS-60 to CNS-63). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS, MANDATE_TTL_MS, MAX_COUNTER } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { isOrigin, isPlainText } from "../grammar.ts";
import { ACCOUNT_ID_B } from "../identity/record.ts";
import { checkIdentity, checkVersion, openSigned } from "../identity/signed.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asText, asUint, Fields } from "../wire/fields.ts";
import { inOrder, lifetime } from "./mandate.ts";

const MAX_ASSETS_B = 16_384;
const MAX_ASSET_B = 4_194_304;
const MAX_RELEASE = 64;
const MAX_RELEASE_B = 256;
const MAX_ORIGIN_B = 200;
const MAX_PATH_B = 120;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const VALUE = /^[!-~](?:[ -~]{0,1022}[!-~])?$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** One file: `headers` is the number of its set, `age` that of its release. */
export interface Asset {
  readonly place: "room" | "page";
  readonly path: string;
  readonly sizeB: number;
  readonly sha256: Bytes;
  readonly headers: number;
  readonly age: number;
}

export type HeaderSet = readonly (readonly [name: string, value: string])[];

export interface Assets {
  readonly signed: Bytes;
  readonly seq: number;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly release: string;
  readonly origin: string;
  readonly pages: readonly string[];
  readonly headerSets: readonly HeaderSet[];
  readonly files: readonly Asset[];
}

/**
 * The assets that this account signed (CNS-60, CNS-61).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifyAssets(accountId: Uint8Array, data: Uint8Array): Assets {
  const { value } = openSigned(data, MAX_ASSETS_B, accountId, "SR1-sig-assets");
  const fields = new Fields(value, 10);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), accountId), "assets of another account");
  const seq = fields.uint(3, MAX_COUNTER - 1, 1);
  const times = lifetime(fields, 4, MANDATE_TTL_MS);
  const release = fields.text(6, MAX_RELEASE_B);
  if (!isPlainText(release, MAX_RELEASE)) throw notAccepted("no name of a release");
  const origin = asOrigin(fields.get(7));
  const pages = ascending(fields.array(8, 4, 1).map(asOrigin), inOrder);
  const headerSets = fields.array(9, 4, 1).map(asHeaderSet);
  const files = fields.array(10, 128, 1).map((row) => asAsset(row, headerSets.length));
  ascending(files, (a, b) => rank(a) - rank(b) || inOrder(a.path, b.path));
  return { signed: new Uint8Array(data), seq, ...times, release, origin, pages, headerSets, files };
}

function rank({ place }: Asset): number {
  return place === "room" ? 0 : 1;
}

function asOrigin(value: Value): string {
  const origin = asText(value, MAX_ORIGIN_B);
  if (!isOrigin(origin)) throw notAccepted("no origin");
  return origin;
}

function asHeaderSet(value: Value): HeaderSet {
  const rows = asArray(value, 16, 1).map((row) => {
    const [name, said] = asArray(row, 2, 2) as [Value, Value];
    return [matching(name, NAME), matching(said, VALUE)] as const;
  });
  return ascending(rows, ([a], [b]) => inOrder(a, b));
}

function matching(value: Value, form: RegExp): string {
  if (typeof value !== "string" || !form.test(value)) throw notAccepted("no name or value of a header");
  return value;
}

function asAsset(value: Value, sets: number): Asset {
  const [place, path, sizeB, sha256, headers, age] = asArray(value, 6, 6) as [Value, Value, Value, Value, Value, Value];
  return {
    place: asUint(place, 1) === 0 ? "room" : "page",
    path: asPath(path),
    sizeB: asUint(sizeB, MAX_ASSET_B),
    sha256: asBytes(sha256, 32, 32),
    headers: asUint(headers, sets - 1),
    age: asUint(age, 2),
  };
}

function asPath(value: Value): string {
  const path = asText(value, MAX_PATH_B);
  const [before, ...segments] = path.split("/");
  const areSegments = segments.every((one) => SEGMENT.test(one) && one !== "." && one !== "..");
  if (before !== "" || segments.length === 0 || !areSegments) throw notAccepted("no path of a file");
  return path;
}

/**
 * Refuse assets outside their time, or of another origin where one is given (CNS-62).
 *
 * @throws RemoteError `remote.expired`, `remote.identity`
 */
export function checkAssets(assets: Assets, nowMs: number, origin: string | null): void {
  const { issuedMs, expiresMs } = assets;
  if (nowMs < issuedMs - CLOCK_TOLERANCE_MS || nowMs > expiresMs + CLOCK_TOLERANCE_MS) {
    throw new RemoteError("remote.expired", "assets outside their time");
  }
  checkIdentity(origin === null || origin === assets.origin, "assets of another origin");
}

/**
 * Refuse assets that are older than known ones, or others with the same number (CNS-63).
 *
 * @throws RemoteError `remote.list_rollback`, `remote.list_fork`
 */
export function checkFollows(assets: Assets, known: Assets): void {
  if (assets.seq < known.seq) throw new RemoteError("remote.list_rollback", "assets of a lower number");
  if (assets.seq === known.seq && !same(assets.signed, known.signed)) {
    throw new RemoteError("remote.list_fork", "other assets of one number");
  }
}
