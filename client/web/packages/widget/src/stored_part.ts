/** The part of the page for who comes back: it opens the store that is there. */

export * from "@sealroom/client/engine/loading.ts";
