/** The part of the page that makes a conversation of entries. It shares the engine with the page, and names it as `later_part.ts` does. */

export * from "@sealroom/client/room_items.ts";
export { realBackend } from "./real.ts";
export { startVault } from "./vault.ts";
