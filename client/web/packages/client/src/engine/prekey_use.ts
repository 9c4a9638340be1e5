/** The prekeys that a first flight uses (HS-07 to HS-09). */

import { hex } from "@sealroom/core/bytes.ts";
import type { UsedPrekeys } from "@sealroom/core/handshake.ts";
import type { PrekeyKind } from "@sealroom/core/identity/prekey.ts";
import type { Prefix } from "@sealroom/core/wire/envelope.ts";
import type { Context } from "./context.ts";
import type { Own, OwnPrekey } from "./records.ts";
import { prekeyKey } from "./records.ts";
import type { Turn } from "./turn.ts";
import type { OfKem, OfX25519 } from "./upkeep.ts";
import { remove } from "./upkeep.ts";

/** The keys that a prefix names, or null (HS-06). */
export function usedPrekeys(c: Context, prefix: Prefix): UsedPrekeys | null {
  const find = (kind: PrekeyKind, id: number): OwnPrekey | null => c.prekeys.get(hex(prekeyKey(kind, id))) ?? null;
  const spk = find("SPK", prefix.spkId);
  const opk = prefix.opkId === 0 ? null : find("OPK", prefix.opkId);
  const pqk = find("PQK_ONE_TIME", prefix.pqkId) ?? find("PQK_LAST_RESORT", prefix.pqkId);
  if (!isX25519(spk) || !isKem(pqk) || (prefix.opkId !== 0 && !isX25519(opk))) return null;
  return { spk, opk: isX25519(opk) ? opk : null, pqk: { seed: pqk.private, prekey: pqk.prekey } };
}

function isX25519(one: OwnPrekey | null): one is OfX25519 {
  return one !== null && (one.prekey.kind === "SPK" || one.prekey.kind === "OPK");
}

function isKem(one: OwnPrekey | null): one is OfKem {
  return one !== null && (one.prekey.kind === "PQK_ONE_TIME" || one.prekey.kind === "PQK_LAST_RESORT");
}

/** The record that a prekey in use was signed under: sessions answer under it. */
export function recordOf(c: Context, prefix: Prefix): Own["record"] {
  return c.prekeys.get(hex(prekeyKey("SPK", prefix.spkId)))?.record ?? c.own.record;
}

/** Delete the one-time keys that a flight has named (HS-08). */
export function useUp(c: Context, turn: Turn, prekeys: UsedPrekeys): void {
  if (prekeys.opk !== null) remove(c, turn, "OPK", prekeys.opk.prekey.id);
  if (prekeys.pqk.prekey.kind === "PQK_ONE_TIME") remove(c, turn, "PQK_ONE_TIME", prekeys.pqk.prekey.id);
}
