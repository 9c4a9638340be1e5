/**
 * The part of the page for who comes back: it opens the store that is there. It shares the engine with the page, and names it
 * as `later_part.ts` does.
 */

export * from "@sealroom/client/engine/loading.ts";
export { realBackend } from "./real.ts";
export { startVault } from "./vault.ts";
