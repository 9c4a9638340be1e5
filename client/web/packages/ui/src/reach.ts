import type { RoomState } from "./backend.ts";

/** Whether what is written here reaches nobody: another device has the account, or our list is over (ACC-67, ID-65). */
export function reachesNobody({ account, listUntilMs }: RoomState, nowMs: number): boolean {
  return account === "replaced" || nowMs > (listUntilMs ?? nowMs);
}
