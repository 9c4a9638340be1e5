/** The part of a page for what most people never ask for; what uses it imports types alone. */

export type LaterModule = typeof import("../later.ts");
