/** The part of the page that makes a conversation of entries. */

export * from "@sealroom/client/room_items.ts";
