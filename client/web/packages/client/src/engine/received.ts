/**
 * What takes in what comes from others, and follows what it brings: a part of the page of its own, since one can write
 * before it is here (STO-43).
 */

export { headOf, verdicts } from "@sealroom/core/rooms/head.ts";
export { release } from "./contents.ts";
export { maintain } from "./hourly.ts";
export { take } from "./incoming.ts";
export { wait as waitReceipts } from "./receipts.ts";
export { lookAt, loseAll } from "./renewal_time.ts";
export { askAgain, plan, tickAsking } from "./rooms/asking.ts";
export { checkErasing, doesEarlier, doesErase, erasingDueMs, tickErasing } from "./rooms/erasing.ts";
export { does, takeState } from "./rooms/following.ts";
export { openAnew, postToNewcomers } from "./rooms/newcomers.ts";
export { retryEarly } from "./rooms/taking.ts";
export { checkOurs, countingWordings, shareFate } from "./rooms/wordings.ts";
export { prune } from "./team_pruning.ts";
