/**
 * The part of the page for what most people never ask for. It shares the engine with the page: named here too, all of that
 * stands in one file, and what the page gets first grows by no second list of names.
 */

export * from "@sealroom/client/later.ts";
export { realBackend } from "./real.ts";
export { startVault } from "./vault.ts";
