/**
 * What takes in what comes from others, and follows what it brings: a part of the page of its own, since one can write
 * before it is here (STO-43).
 */

export { take } from "./incoming.ts";
export { takeContent } from "./rooms/arriving.ts";
export { askAgain, plan, tickAsking } from "./rooms/asking.ts";
export { checkErasing, doesEarlier, doesErase, erasingDueMs, tickErasing } from "./rooms/erasing.ts";
export { does, takeState } from "./rooms/following.ts";
export { retryEarly } from "./rooms/taking.ts";
