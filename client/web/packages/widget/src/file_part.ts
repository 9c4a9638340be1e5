/** The part of the page for files. It shares the engine with the page, and names it as `later_part.ts` does. */

export * from "@sealroom/client/files/file_service.ts";
export { realBackend } from "./real.ts";
export { startVault } from "./vault.ts";
