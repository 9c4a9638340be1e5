/** The part of the page for what most people never ask for. */

export * from "@sealroom/client/later.ts";
