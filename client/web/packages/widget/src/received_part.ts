/** The part of the page for what comes from others. */

export * from "@sealroom/client/engine/received.ts";
