/** The part of the page for what comes from others. It shares the engine with the page, and names it as `later_part.ts` does. */

export * from "@sealroom/client/engine/received.ts";
export { realBackend } from "./real.ts";
export { startVault } from "./vault.ts";
